-- Speech as OpenAI's interface has it: POST <base>/audio/speech, shared by the voices that speak it.

local vendor = require "callisto.provider.vendor"

local speech_requests = {}

---What says a text.
---@param options {model: string, speed: number|nil}
---@param more table  fields of this vendor
---@return string
function speech_requests.body(options, more)
  local body = { model = options.model, input = "$text", voice = "$voice", speed = options.speed }
  for name, value in pairs(more) do body[name] = value end
  return vendor.message(body)
end

---Where it is asked.
---@param account {key: string|nil, base: string|nil}
---@param base string  the vendor's own
---@return callisto.VendorSocket
function speech_requests.request(account, base)
  return {
    url = (account.base or base) .. "/audio/speech",
    headers = { Authorization = account.key and "Bearer " .. account.key or nil, ["Content-Type"] = "application/json" },
  }
end

return speech_requests
