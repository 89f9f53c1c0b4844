-- Answers of a carrier's REST interface, read the same way for every carrier: 2xx is done, 4xx was refused, 5xx and no answer
-- leave it open. What a carrier's bodies and errors look like is its adapter's.

local carrier = require "callisto.provider.carrier"
local json = require "callisto.json"

local rest = {}

---The JSON of an answer.
---@param message {body: string|nil}
---@return table|nil  nil when it is neither an object nor an array
function rest.body_of(message)
  local body = json.decode(message.body or "")
  return type(body) == "table" and body or nil
end

---The error that an answer reports. It may be tried again when the status says so.
---@param message {status: integer}
---@param code string|nil  the carrier's own ["HTTP 4xx"]
---@param text string|nil
---@param is_passing boolean|nil  the code says "later", whatever the status
---@return callisto.CarrierError
function rest.error(message, code, text, is_passing)
  local status = message.status
  return carrier.error(code or "HTTP " .. status, text or "the carrier answered with status " .. status,
    status == 429 or status >= 500 or is_passing)
end

-- For a request without any answer.
local function failure(text, code) return carrier.error(code or "EIO", text or "the request failed", true) end

---What a call was placed as, when the answer has to name it.
---@param id any  the field that holds it
---@param field string  what people call the field
---@return callisto.Placed, string? id, callisto.CarrierError?
function rest.named(id, field)
  if type(id) == "string" and id ~= "" then return "placed", id end
  return "unknown", nil, carrier.error("EBADMSG", "the carrier accepted the call but named no " .. field, false)
end

local function is_done(message) return message.status >= 200 and message.status < 300 end

---@alias providers.Done fun(message: table|nil, text: string?, code: string?): true|nil, callisto.CarrierError?
---@alias providers.Fetched fun(message: table|nil, text: string?, code: string?): callisto.CarrierStatus|nil, table?
---@alias providers.Placed fun(message: table|nil, text: string?, code: string?, sent: boolean?): callisto.Placed, string?, table?

---@class providers.RestReader  second functions of requests (callisto.provider)
---@field done providers.Done
---@field hung_up fun(over: table<string, true>|nil): providers.Done  `over`: error codes that say the call is over already
---@field placed fun(read: fun(body: table|nil): callisto.Placed, string?, table?): providers.Placed
---@field fetched fun(read: fun(body: table): callisto.CarrierStatus|nil): providers.Fetched  `read`: nil when there is no status
---@field found fun(read: fun(body: table, order: table): string|nil): fun(message: table|nil, ...): string|nil

---What reads a carrier's answers.
---@param error_of fun(message: table): callisto.CarrierError  how the carrier words an error
---@return providers.RestReader
function rest.reader(error_of)
  local reader = {}

  function reader.done(message, text, code)
    if not message then return nil, failure(text, code) end
    if is_done(message) then return true end
    return nil, error_of(message)
  end

  -- A call that is over already is as good as one that was hung up.
  function reader.hung_up(over)
    return function(message, text, code)
      local ok, why = reader.done(message, text, code)
      if ok or message and (message.status == 404 or over and over[why.code]) then return true end
      return nil, why
    end
  end

  function reader.placed(read)
    return function(message, text, code, sent)
      if not message then return sent == false and "not_placed" or "unknown", nil, failure(text, code) end
      if is_done(message) then return read(rest.body_of(message)) end
      local is_refused = message.status >= 400 and message.status < 500
      return is_refused and "not_placed" or "unknown", nil, error_of(message)
    end
  end

  function reader.fetched(read)
    return function(message, text, code)
      if not message then return nil, failure(text, code) end
      if message.status == 404 then
        return { word = "not found", status = "UNKNOWN", is_terminal = true, is_answered = false }
      end
      local body = message.status < 300 and rest.body_of(message)
      local status = body and read(body)
      if not status then return nil, error_of(message) end
      return status
    end
  end

  function reader.found(read)
    return function(message, _, _, _, order)
      local body = message and message.status == 200 and rest.body_of(message)
      return body and read(body, order) or nil
    end
  end

  return reader
end

return rest
