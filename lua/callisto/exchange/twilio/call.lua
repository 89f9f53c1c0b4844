-- callisto.exchange.twilio.call: a call as Twilio tells of it: its states, the requests to the application, their signature.
--
-- It signs with its own code, not the adapter's, so that one cannot hide the other's mistake.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local network = require "callisto.exchange.network"

local twilio_call = {}

local TWIML_CEILING = 64 * 1024
local TERMINAL = { completed = true, busy = true, failed = true, ["no-answer"] = true, canceled = true }
local SIP = { busy = "486", ["no-answer"] = "487", failed = "404", completed = "200" }

local account ---@type {sid: string, token: string}

---@param given {sid: string, token: string}
function twilio_call.start(given) account = given end

---@param prefix string "CA", "MZ" …
---@return string
function twilio_call.sid(prefix) return prefix .. crypto.hex(core.random(16)) end

---@param seconds number as core.wall()
---@return string
function twilio_call.date(seconds) return core.date("%a, %d %b %Y %H:%M:%S +0000", seconds) end
local rfc2822 = twilio_call.date

---X-Twilio-Signature: the URL, then the parameters sorted by name.
---@param url string as the application wrote it
---@param params table<string, string>|nil of a form
---@return string
function twilio_call.signature(url, params)
  local names, text = {}, { url }
  for name in pairs(params or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do text[#text + 1] = name .. tostring(params[name]) end
  return crypto.base64(crypto.hmac("sha1", account.token, table.concat(text)))
end

---@param call callisto.exchange.Call
---@return boolean
function twilio_call.is_over(call) return TERMINAL[call.status] ~= nil end

local function direction_of(call)
  if call.direction == "inbound" then return "inbound" end
  return call.parent and "outbound-dial" or "outbound-api"
end

local function or_null(value)
  if value == nil then return json.null end
  return value
end

---The Call resource of the REST interface.
---@param call callisto.exchange.Call
---@return table
function twilio_call.resource(call)
  local is_over = twilio_call.is_over(call)
  local uri = ("/2010-04-01/Accounts/%s/Calls/%s"):format(account.sid, call.id)
  local subresources = {}
  for key, name in pairs { recordings = "Recordings", notifications = "Notifications", events = "Events", streams = "Streams" } do
    subresources[key] = ("%s/%s.json"):format(uri, name)
  end
  return {
    sid = call.id, account_sid = account.sid, to = call.to, from = call.from, status = call.status,
    direction = direction_of(call), api_version = "2010-04-01", to_formatted = call.to, from_formatted = call.from,
    phone_number_sid = json.null, forwarded_from = json.null, caller_name = json.null, group_sid = json.null,
    trunk_sid = json.null, annotation = json.null, price = json.null, price_unit = "USD", answered_by = or_null(call.answered_by),
    date_created = rfc2822(call.created), date_updated = rfc2822(call.updated or call.created),
    start_time = call.answered and rfc2822(call.answered) or json.null,
    end_time = is_over and rfc2822(call.ended) or json.null,
    duration = is_over and tostring(call.duration) or json.null,
    parent_call_sid = or_null(call.parent), queue_time = tostring(call.queue_ms or 0),
    uri = uri .. ".json", subresource_uris = subresources,
  }
end

local function base_params(call)
  return {
    CallSid = call.id, AccountSid = account.sid, From = call.from, To = call.to, Caller = call.from, Called = call.to,
    CallStatus = call.status, ApiVersion = "2010-04-01", Direction = direction_of(call), ParentCallSid = call.parent,
    CallerCountry = "US", CalledCountry = "US", FromCity = "", ToCity = "",
  }
end

local function form_of(params)
  local pairs_in_order = {}
  for name, value in pairs(params) do pairs_in_order[#pairs_in_order + 1] = { name, value } end
  table.sort(pairs_in_order, function(a, b) return a[1] < b[1] end)
  return http.form(pairs_in_order)
end

---A request to the application, as Twilio makes it: signed over the URL as configured, without its fragment.
local function webhook(method, url, params)
  local bare = url:gsub("#.*$", "")
  local request = {
    method = method, url = bare, timeout = 15, connect_timeout = 5,
    headers = { ["user-agent"] = "TwilioProxy/1.1", accept = "*/*" },
  }
  if method == "GET" then
    request.url = bare .. (bare:find("?", 1, true) and "&" or "?") .. form_of(params)
    request.headers["x-twilio-signature"] = twilio_call.signature(request.url)
  else
    request.headers["x-twilio-signature"] = twilio_call.signature(bare, params)
    request.headers["content-type"] = "application/x-www-form-urlencoded; charset=UTF-8"
    request.body = form_of(params)
  end
  return request
end

---Fetches a document of the application's; nil when the application failed, as Twilio sees it.
---@param call callisto.exchange.Call
---@param method string|nil
---@param url string
---@param extra table<string, string>|nil parameters to add
---@return string|nil document
---@return string url_or_why  with an error code in front
function twilio_call.fetch(call, method, url, extra)
  local params = base_params(call)
  for name, value in pairs(extra or {}) do params[name] = value end
  local response, why = callbacks.ask(call, webhook(method or "POST", url, params), "document")
  if not response then return nil, "11200 " .. tostring(why) end
  if response.status < 200 or response.status >= 300 then return nil, "11200 HTTP " .. response.status end
  if #response.body > TWIML_CEILING then return nil, "11750 the document is larger than 64 kB" end
  local kind = response.headers["content-type"] or ""
  if not kind:find("xml", 1, true) then return nil, "12300 invalid content type '" .. kind .. "'" end
  return response.body, url
end

---Fetches a document, or its fallback.
---@param call callisto.exchange.Call
---@param place {method: string|nil, url: string, fallback_method: string|nil, fallback_url: string|nil}
---@param extra table<string, string>|nil parameters to add
---@return string|nil document, string url_or_why
function twilio_call.fetch_first(call, place, extra)
  local document, where = twilio_call.fetch(call, place.method, place.url, extra)
  if document or not place.fallback_url then return document, where end
  network.note(call, "falls back: " .. where)
  return twilio_call.fetch(call, place.fallback_method, place.fallback_url,
    { ErrorCode = where:match "^%d+", ErrorUrl = place.url })
end

---Sends a callback: what is said of every call, and this.
---@param call callisto.exchange.Call
---@param event string for the report and for faults
---@param url string
---@param method string|nil
---@param more table<string, string>
---@param is_bare boolean|nil without what is said of every call, only its ids
function twilio_call.notify(call, event, url, method, more, is_bare)
  local params = is_bare and { AccountSid = account.sid, CallSid = call.id } or base_params(call)
  for name, value in pairs(more) do params[name] = value end
  callbacks.notify(call, event, webhook(method or "POST", url, params))
end

local function is_wanted(call, event)
  for _, wanted in ipairs(call.events or { "completed" }) do
    if wanted == event then return true end
  end
  return false
end

---The call has moved on: tells the application, if it asked for this event.
---@param call callisto.exchange.Call
---@param status string
function twilio_call.become(call, status)
  local is_over = twilio_call.is_over(call)
  local event = is_over and "completed" or status == "in-progress" and "answered" or status
  local number = call.sequence or 0
  call.sequence = number + 1
  if not call.status_callback or not is_wanted(call, event) then return end
  local params = base_params(call)
  params.SequenceNumber = tostring(number)
  params.Timestamp = rfc2822(core.wall())
  params.CallbackSource = "call-progress-events"
  if is_over then
    params.CallDuration = tostring(call.duration)
    params.Duration = tostring(math.ceil(call.duration / 60))
    params.SipResponseCode = SIP[status]
  end
  callbacks.notify(call, event, webhook(call.status_method or "POST", call.status_callback, params))
end

return twilio_call
