-- Plivo's REST interface and its signatures: what Plivo invented and Vobiz took over.
--
-- Bodies are JSON. A signature is base64 of HMAC-SHA256 over a text that ends with a nonce of the carrier's; it does not age,
-- so each nonce is good for one request (`plivo_api.is_new`).

local carrier = require "callisto.provider.carrier"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local rest = require "providers.shared.rest"
local shared = require "callisto.shared"

local plivo_api = {}

local RECORD_S = 14400 -- the carriers stop a recording after 60 s unless told otherwise
local NONCE_S = 600

-- Signatures -------------------------------------------------------------------------------------------------------

---@param secret string
---@param text string
---@return string
function plivo_api.signature(secret, text) return crypto.base64(crypto.hmac("sha256", secret, text)) end

-- Name and values of every parameter, by name, the values of one name in order; each pair written by `write`.
local function sorted(list, write)
  local copy = {}
  for i, pair in ipairs(list) do copy[i] = pair end
  table.sort(copy, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  local parts = {}
  for i, pair in ipairs(copy) do parts[i] = write(pair[1], pair[2]) end
  return parts
end

local function as_query(list)
  return table.concat(sorted(list, function(name, value) return name .. "=" .. value end), "&")
end

local function as_form(list)
  return table.concat(sorted(list, function(name, value) return name .. value end))
end

---What Plivo's third scheme signs: https://www.plivo.com/docs/voice/concepts/signature-validation
---@param method string
---@param base string  the URL without query
---@param query {[1]: string, [2]: string}[]
---@param form {[1]: string, [2]: string}[]  of a POST
---@param nonce string
---@return string
function plivo_api.text_v3(method, base, query, form, nonce)
  local q = as_query(query)
  local text = base
  if method == "GET" then
    if q ~= "" then text = base .. "?" .. q end
  elseif #form > 0 then
    text = base .. "?" .. q .. (q ~= "" and "." or "") .. as_form(form)
  elseif q ~= "" then
    text = base .. "?" .. q
  end
  return text .. "." .. nonce
end

---Whether one of the signatures of a header is right. They are separated by commas.
---@param given string
---@param right string
---@return boolean
function plivo_api.is_among(given, right)
  local is_right = false
  for each in given:gmatch "[^,%s]+" do
    if crypto.equal(each, right) then is_right = true end
  end
  return is_right
end

---Whether a nonce has not been seen with another request. The same request again is a carrier's second attempt.
---@param name string  of the carrier
---@param nonce string
---@param message table
---@return boolean
function plivo_api.is_new(name, nonce, message)
  local key = name .. " nonce " .. nonce
  local what = crypto.base64(crypto.digest("sha256",
    table.concat({ message.method, message.path, message.query or "", message.body or "" }, "\n")))
  return shared.add(key, what, NONCE_S) or shared.get(key) == what
end

---The schemes of a carrier, the best first.
---@class callisto.PlivoScheme
---@field headers string[]  those a signature may be in, lower case
---@field nonce string  the header with the nonce
---@field texts fun(about: {method: string, base: string, query: table, form: table, nonce: string}): string[]  what may be signed

local function read_parts(message, public_url)
  local _, query = http.query_of(message)
  local form = {}
  if message.method ~= "GET" and http.type_of(message) == "application/x-www-form-urlencoded" then
    _, form = http.form_of(message)
  end
  if type(query) ~= "table" or type(form) ~= "table" then return nil, "the request has too many parameters" end
  return { method = message.method, base = public_url .. message.path, query = query, form = form }
end

local function holds(scheme, message, about, secret)
  local nonce, is_right = message.headers[scheme.nonce], false
  if not nonce or nonce == "" then return false end
  about.nonce = nonce
  for _, text in ipairs(scheme.texts(about)) do
    local right = plivo_api.signature(secret, text)
    for _, header in ipairs(scheme.headers) do
      if plivo_api.is_among(message.headers[header] or "", right) then is_right = true end
    end
  end
  return is_right
end

local function has_signature(scheme, message)
  for _, header in ipairs(scheme.headers) do
    if (message.headers[header] or "") ~= "" then return true end
  end
  return false
end

---Verifies a webhook with the first scheme it carries a signature of.
---@param name string  of the carrier
---@param schemes callisto.PlivoScheme[]
---@param message table
---@param public_url string
---@param secret string
---@return true|nil, string? why, integer? status
function plivo_api.verify(name, schemes, message, public_url, secret)
  local about, why = read_parts(message, public_url)
  if not about then return nil, why, 403 end
  for _, scheme in ipairs(schemes) do
    if has_signature(scheme, message) then
      if not holds(scheme, message, about, secret) then
        return nil, "the signature is wrong: check the auth token and PUBLIC_BASE_URL", 403
      end
      if not plivo_api.is_new(name, message.headers[scheme.nonce], message) then
        return nil, "the nonce of the signature was used for another request", 403
      end
      return true
    end
  end
  return nil, ("the request has no %s header"):format(schemes[1].headers[1]), 401
end

-- REST -------------------------------------------------------------------------------------------------------------

---@class callisto.PlivoApi
---@field base fun(account: table): string  the URL of the account
---@field authorise fun(request: table, account: table)  adds what says who asks
---@field call_url fun(id: string): string  of a call, below the account
local Api = {}
Api.__index = Api

---@param given callisto.PlivoApi
---@return callisto.PlivoApi
function plivo_api.new(given) return setmetatable(given, Api) end

---A request.
---@param account table
---@param method string
---@param path string  below the account
---@param body table|nil
---@return table
function Api:request(account, method, path, body)
  local request = {
    method = method,
    url = self.base(account) .. path,
    headers = body and { ["content-type"] = "application/json" } or {},
    body = body and json.encode(body),
    timeout = 30,
    connect_timeout = 5,
    answer_ceiling = 256 * 1024,
  }
  self.authorise(request, account)
  return request
end

---What the order of a call becomes.
---@param order callisto.CarrierOrder
---@param number fun(number: string): string
---@return table body
function plivo_api.order(order, number)
  return {
    from = number(order.from),
    to = number(order.to),
    answer_url = order.url,
    answer_method = "POST",
    fallback_url = order.fallback_url,
    fallback_method = order.fallback_url and "POST",
    ring_url = order.status_url,
    ring_method = order.status_url and "POST",
    hangup_url = order.status_url,
    hangup_method = order.status_url and "POST",
    machine_detection = order.detects_machine and "true" or nil,
    machine_detection_url = order.detects_machine and order.status_url or nil,
    machine_detection_method = order.detects_machine and "POST" or nil,
    ring_timeout = order.ring,
    time_limit = order.longest,
  }
end

-- Answers ----------------------------------------------------------------------------------------------------------

local function text_of(value) return type(value) == "string" and value ~= "" and value or nil end

local function is_about_number(message, text)
  if message.status ~= 400 and message.status ~= 422 then return false end
  local lower = (text or ""):lower()
  return (lower:find "%f[%a]to%f[^%a].*valid" or lower:find "valid.*%f[%a]to%f[^%a]" or lower:find "valid.*destination"
    or lower:find "destination.*valid") ~= nil
end

-- {"error": "text"} or {"error": {"code": …, "message": …}}
local function error_of(message)
  local given = (rest.body_of(message) or {}).error
  local code, text = nil, text_of(given)
  if type(given) == "table" then code, text = text_of(given.code), text_of(given.message) end
  local why = rest.error(message, code, text)
  why.is_about_number = is_about_number(message, text)
  return why
end

local reader = rest.reader(error_of)
plivo_api.reader = reader

---What came of placing a call. `names`: the fields that may hold its id, the first that is there counts.
---@param names string[]
---@return providers.Placed
function plivo_api.placed(names)
  return reader.placed(function(body)
    for _, name in ipairs(names) do
      local id = body and body[name]
      if type(id) == "table" then id = id[1] end
      if type(id) == "string" and id:match "^[%w_%-]+$" then return "placed", id end
    end
    return "unknown", nil, carrier.error("EBADMSG", "the answer does not say which call was placed")
  end)
end

-- A record of a call says how it ended by the number of the cause, if at all.
local words = {
  [1000] = "cancel", [3000] = "no-answer", [6010] = "timeout", [3010] = "busy", [3100] = "busy",
}

local function word_of(record)
  local is_answered = type(record.answer_time) == "string" and record.answer_time ~= ""
  if is_answered or (tonumber(record.bill_duration) or 0) > 0 then return "completed" end
  return words[tonumber(record.hangup_cause_code)] or "failed"
end

local function read_record(record, status)
  if type(record.call_uuid) ~= "string" then return nil end
  if text_of(record.call_status) then return status(record.call_status, { carrier_call = record.call_uuid }) end
  if not text_of(record.end_time) then return { word = "no end", is_terminal = false, is_answered = false } end
  local cause = tonumber(record.hangup_cause_code)
  return status(word_of(record), {
    carrier_call = record.call_uuid,
    seconds = tonumber(record.call_duration),
    cause = cause and ("%s %d"):format(text_of(record.hangup_cause_name) or "cause", cause) or nil,
  })
end

---What the record of a call says. There is one when the call is over; until then the carrier knows nothing, which is no news.
---@param status fun(word: string, more: table): callisto.CarrierStatus
---@return providers.Fetched
function plivo_api.fetched(status)
  local read = reader.fetched(function(record) return read_record(record, status) end)
  return function(message, text, code)
    if message and message.status == 404 then return { word = "no record", is_terminal = false, is_answered = false } end
    return read(message, text, code)
  end
end

-- "2026-03-03 15:45:00+05:30" → seconds since 1970.
local function seconds_of(date)
  local year, month, day, hour, minute, second, zone =
    tostring(date):match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[ T](%d%d):(%d%d):(%d%d)%.?%d*(.*)$"
  if not year then return nil end
  year, month = tonumber(year), tonumber(month)
  local y = month <= 2 and year - 1 or year
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) + of_year - 719468
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)$"
  local east = sign and (hours * 3600 + minutes * 60) * (sign == "-" and -1 or 1) or 0
  return days * 86400 + hour * 3600 + minute * 60 + second - east
end

-- The oldest call between these numbers that began after we asked, give or take the difference of our clocks.
local function oldest(list, call, number)
  local best, best_at
  for _, each in ipairs(type(list) == "table" and list or {}) do
    each = type(each) == "table" and each or {}
    local at = seconds_of(each.initiation_time)
    local fits = at and text_of(each.call_uuid) and each.call_direction == "outbound"
      and number(tostring(each.to_number)) == number(call.to) and number(tostring(each.from_number)) == number(call.from)
    if fits and at >= call.placed_at - 5 and (not best_at or at < best_at) then best, best_at = each.call_uuid, at end
  end
  return best
end

---Which call a list of calls says was placed.
---@param number fun(number: string): string  as the carrier writes it
---@return fun(message: table|nil, ...): string|nil
function plivo_api.found(number)
  return reader.found(function(body, call) return oldest(body.objects, call, number) end)
end

-- Live calls -------------------------------------------------------------------------------------------------------

---The requests that change a live call, which both carriers are asked in the same way.
---@return table<string, callisto.ProviderRequest>
function Api:requests()
  local function redirect(id, account, to)
    if not to.url then error("the carrier takes the URL of a document, not the document itself", 0) end
    return self:request(account, "POST", self.call_url(id), { legs = "aleg", aleg_url = to.url, aleg_method = "POST" })
  end

  local function send_digits(id, account, digits)
    return self:request(account, "POST", ("/Call/%s/DTMF/"):format(id), { digits = digits, leg = "aleg" })
  end

  local function record(id, account, about)
    return self:request(account, "POST", ("/Call/%s/Record/"):format(id), {
      time_limit = RECORD_S, file_format = "wav", callback_url = about.status_url,
      callback_method = about.status_url and "POST",
    })
  end

  local function stop_recording(id, account)
    return self:request(account, "DELETE", ("/Call/%s/Record/"):format(id))
  end

  return {
    redirect = { redirect, reader.done }, send_digits = { send_digits, reader.done },
    record = { record, reader.done }, stop_recording = { stop_recording, reader.done },
  }
end

return plivo_api
