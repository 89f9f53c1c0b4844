-- What an error of a language model's vendor means for the one who asked.

local json = require "callisto.json"
local provider = require "callisto.provider"

local llm_errors = {}

-- These come again with the same request.
local LASTING = { insufficient_quota = true, billing_error = true }

---The JSON of an answer.
---@param body string
---@return table
function llm_errors.body(body)
  local value = json.decode(body)
  return type(value) == "table" and value or {}
end

---Seconds to wait, as the header fields say.
---@param headers table<string, string>
---@return number|nil
function llm_errors.wait_of(headers)
  local ms = tonumber(headers["retry-after-ms"])
  return ms and ms / 1000 or tonumber(headers["retry-after"])
end

---@param message {status: integer, headers: table<string, string>}
---@param code any  the vendor's own
---@param text any
---@return callisto.ProviderError  with `status`, and `retry_after`, in seconds, when that was said
function llm_errors.of(message, code, text)
  local status, should = message.status, message.headers["x-should-retry"]
  local may = status == 408 or status == 409 or status == 429 or status >= 500
  if should then may = should == "true" end
  if LASTING[code] then may = false end
  local failure = provider.error(code and code ~= "" and code or "HTTP " .. status,
    type(text) == "string" and text or "the vendor answered with status " .. status, may)
  failure.status = status
  failure.retry_after = llm_errors.wait_of(message.headers)
  return failure
end

return llm_errors
