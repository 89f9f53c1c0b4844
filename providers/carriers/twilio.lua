-- Twilio: TwiML over signed webhooks, JSON frames with base64 μ-law over a media socket, a REST interface of forms.
-- Wire facts: docs of Twilio Voice (TwiML <Stream>, Call resource, request signatures).

local carrier = require "callisto.carrier"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local xml = require "callisto.xml"

local API = "https://api.twilio.com"
local INLINE_DOCUMENT_BYTES = 4000

-- Signatures -------------------------------------------------------------------------------------------------------

local default_ports = { https = "443", http = "80", wss = "443", ws = "80" }

-- A URL with and without its port: Twilio signs either, so both are tried.
local function port_variants(url)
  local scheme, authority, rest = url:match("^(%a+)://([^/?#]*)(.*)$")
  if not scheme then return { url } end
  local host = authority:gsub(":%d+$", "")
  local port = authority:match(":(%d+)$") or default_ports[scheme]
  return {
    ("%s://%s%s"):format(scheme, host, rest),
    ("%s://%s:%s%s"):format(scheme, host, port, rest),
  }
end

-- Name and value of every parameter, by name; the values of one name once each, in order.
local function signed_parameters(list)
  local values, names = {}, {}
  for _, pair in ipairs(list) do
    local name, value = pair[1], pair[2]
    if not values[name] then
      values[name] = {}
      names[#names + 1] = name
    end
    if not values[name][value] then
      values[name][value] = true
      table.insert(values[name], value)
    end
  end
  table.sort(names)
  local parts = {}
  for _, name in ipairs(names) do
    local of_name = {}
    for i, value in ipairs(values[name]) do of_name[i] = value end
    table.sort(of_name)
    for _, value in ipairs(of_name) do parts[#parts + 1] = name .. value end
  end
  return table.concat(parts)
end

---The signature of a URL and its parameters.
---@param secret string  auth token of the account
---@param url string
---@param list {[1]: string, [2]: string}[]|nil
---@return string
local function signature(secret, url, list)
  return crypto.base64(crypto.hmac("sha1", secret, url .. signed_parameters(list or {})))
end

---Whether a signature is right for a URL, with or without port.
---@param secret string
---@param given string
---@param url string
---@param list {[1]: string, [2]: string}[]|nil
---@param body string|nil  of a request whose URL carries bodySHA256
---@return boolean
local function validate(secret, given, url, list, body)
  local promised = url:match("[?&]bodySHA256=(%x+)")
  if promised and body then
    if not crypto.equal(crypto.hex(crypto.digest("sha256", body)), promised:lower()) then return false end
    list = nil
  end
  local is_right = false
  for _, variant in ipairs(port_variants(url)) do
    if crypto.equal(signature(secret, variant, list), given) then is_right = true end
  end
  return is_right
end

local function verify(message, public_url, secret)
  local given = message.headers["x-twilio-signature"]
  if not given or given == "" then return nil, "the request has no X-Twilio-Signature header", 401 end
  if message.exact == false then
    return nil, "the request's URL cannot be rebuilt as it was signed; use only letters, digits and - . _ ~ / in it", 403
  end
  local url = public_url .. message.path
  if message.query and message.query ~= "" then url = url .. "?" .. message.query end
  local list, body
  local is_form = http.type_of(message) == "application/x-www-form-urlencoded"
  if message.method ~= "GET" and message.body and message.body ~= "" then
    if is_form then
      local _
      _, list = http.read_form(message.body)
      if type(list) ~= "table" then return nil, list, 403 end
    elseif (message.query or ""):find("bodySHA256=", 1, true) then
      body = message.body
    else
      return nil, "the request has a body that its signature does not cover", 403
    end
  end
  if not validate(secret, given, url, list, body) then
    return nil, "the signature is wrong: check the auth token and PUBLIC_BASE_URL", 403
  end
  return true
end

-- The media socket is opened with the signature of its URL as we wrote it, perhaps with a port or a slash at the end.
local function socket_signature(url, secret)
  local values, seen = {}, {}
  for _, base in ipairs { url, url .. "/" } do
    for _, variant in ipairs(port_variants(base)) do
      local value = signature(secret, variant)
      if not seen[value] then
        seen[value] = true
        values[#values + 1] = value
      end
    end
  end
  return { header = "x-twilio-signature", values = values }
end

-- Webhooks ---------------------------------------------------------------------------------------------------------

local function parameters_of(message)
  if message.method == "GET" then return http.read_query(message.query) end
  return (http.read_form(message.body)) or {}
end

local terminal = {
  completed = { "ANSWERED", "COMPLETED" },
  busy = { "NOT_ANSWERED", "BUSY" },
  ["no-answer"] = { "NOT_ANSWERED", "NO_ANSWER" },
  failed = { "NOT_ANSWERED", "FAILED" },
  canceled = { "NOT_ANSWERED", "CANCELED" },
}

local function read_status(word, more)
  local result = terminal[word] or {}
  local status = {
    word = word or "",
    status = result[1],
    reason = result[2],
    is_terminal = result[1] ~= nil,
    is_answered = word == "in-progress" or word == "answered" or word == "completed",
  }
  for name, value in pairs(more) do status[name] = value end
  return status
end

local function cause_of(p)
  local parts = {}
  if p.SipResponseCode and p.SipResponseCode ~= "" then parts[1] = "SIP " .. p.SipResponseCode end
  if p.ErrorCode and p.ErrorCode ~= "" then parts[#parts + 1] = "error " .. p.ErrorCode end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

local function status_of(message)
  local p = parameters_of(message)
  if not p.CallStatus then return nil, "CallStatus is missing" end
  return read_status(p.CallStatus, {
    carrier_call = p.CallSid,
    call = http.read_query(message.query).call,
    sequence = tonumber(p.SequenceNumber),
    seconds = tonumber(p.CallDuration),
    cause = cause_of(p),
  })
end

local function webhook(message)
  local p = parameters_of(message)
  if not p.CallSid or not p.CallSid:match("^[%w_%-]+$") or #p.CallSid > 64 then return nil, "CallSid is missing" end
  return {
    carrier_call = p.CallSid,
    from = p.From or "",
    to = p.To or "",
    direction = (p.Direction or "inbound"):match("^outbound") and "OUTBOUND" or "INBOUND",
    status = status_of(message),
    error = p.ErrorCode,
  }
end

-- TwiML ------------------------------------------------------------------------------------------------------------

local writers = {}

local function attributes(list)
  local given = {}
  for _, pair in ipairs(list) do
    if pair[2] ~= nil then given[#given + 1] = { pair[1], tostring(pair[2]) } end
  end
  return given
end

function writers.stream(verb)
  local stream = { "Stream", attributes {
    { "url", verb.url }, { "name", verb.name }, { "statusCallback", verb.status_url },
  } }
  for _, pair in ipairs(verb.parameters or {}) do
    stream[#stream + 1] = { "Parameter", { { "name", pair[1] }, { "value", tostring(pair[2]) } } }
  end
  return { "Connect", attributes { { "action", verb.action } }, stream }
end

function writers.say(verb)
  return { "Say", attributes { { "voice", verb.voice }, { "language", verb.language }, { "loop", verb.loop } }, verb[2] }
end

function writers.play(verb)
  return { "Play", attributes { { "loop", verb.loop }, { "digits", verb.digits } }, verb[2] }
end

function writers.pause(verb) return { "Pause", attributes { { "length", verb.seconds } } } end

function writers.gather(verb)
  local node = { "Gather", attributes {
    { "input", verb.input or "dtmf" }, { "action", verb.action }, { "method", verb.action and "POST" },
    { "numDigits", verb.digits }, { "timeout", verb.timeout }, { "finishOnKey", verb.finish_on },
    { "actionOnEmptyResult", verb.on_empty },
  } }
  for i = 2, #verb do node[#node + 1] = writers[verb[i][1]](verb[i]) end
  return node
end

function writers.dial(verb)
  local number = { "Number", attributes {
    { "url", verb.whisper }, { "statusCallback", verb.status_url },
    { "statusCallbackEvent", verb.status_url and "initiated ringing answered completed" },
  }, verb.to }
  return { "Dial", attributes {
    { "callerId", verb.caller_id }, { "timeout", verb.timeout }, { "timeLimit", verb.limit },
    { "answerOnBridge", verb.answer_on_bridge }, { "action", verb.action },
    { "record", verb.record and "record-from-answer-dual" },
  }, number }
end

function writers.conference(verb)
  local room = { "Conference", attributes {
    { "participantLabel", verb.label }, { "startConferenceOnEnter", verb.start_on_enter },
    { "endConferenceOnExit", verb.end_on_exit }, { "muted", verb.muted }, { "beep", verb.beep },
    { "waitUrl", verb.wait_url }, { "maxParticipants", verb.most }, { "coach", verb.coach },
    { "record", verb.record and "record-from-start" }, { "statusCallback", verb.status_url },
    { "statusCallbackEvent", verb.status_url and "start end join leave" },
  }, verb.room }
  return { "Dial", attributes { { "callerId", verb.caller_id }, { "action", verb.action } }, room }
end

function writers.reject(verb) return { "Reject", attributes { { "reason", verb.reason } } } end

function writers.redirect(verb) return { "Redirect", { { "method", "POST" } }, verb.url } end

function writers.hangup() return { "Hangup", {} } end

function writers.record(verb)
  return { "Record", attributes {
    { "action", verb.action }, { "maxLength", verb.longest }, { "timeout", verb.silence },
    { "finishOnKey", verb.finish_on }, { "playBeep", verb.beep }, { "recordingStatusCallback", verb.status_url },
  } }
end

local function answer(document)
  local response = { "Response", {} }
  for _, verb in ipairs(carrier.document(document)) do response[#response + 1] = writers[verb[1]](verb) end
  return xml.build(response), "text/xml"
end

local function refuse(reason)
  if reason == "busy" then return { { "reject", reason = "busy" } } end
  return { { "say", reason }, { "hangup" } }
end

-- REST -------------------------------------------------------------------------------------------------------------

local function request(account, method, path, form)
  return {
    method = method,
    url = ("%s/2010-04-01/Accounts/%s%s"):format((account.api or API):gsub("/+$", ""), account.account, path),
    headers = form and { ["content-type"] = "application/x-www-form-urlencoded" } or {},
    body = form and http.form(form),
    user = account.account,
    password = account.secret,
    timeout = 30,
    connect_timeout = 5,
    answer_ceiling = 256 * 1024,
  }
end

-- Error codes that say "later", whatever the status.
local later = { ["20429"] = true, ["10004"] = true, ["16021"] = true }

-- Error codes about the number that was to be called.
local about_number = {}
for _, code in ipairs { 21201, 21211, 21214, 21215, 21216, 21217, 21219 } do about_number[tostring(code)] = true end

local function error_of(message)
  local body = json.decode(message.body or "")
  body = type(body) == "table" and body or {}
  local code = type(body.code) == "number" and ("%d"):format(body.code) or "HTTP " .. message.status
  local text = type(body.message) == "string" and body.message or "the carrier answered with status " .. message.status
  local why = carrier.error(code, text, message.status == 429 or message.status >= 500 or later[code] or false)
  why.is_about_number = about_number[code]
  return why
end

-- For a failure without any answer.
local function failure(text, code) return carrier.error(code or "EIO", text or "the request failed", true) end

local function body_of(message)
  local body = json.decode(message.body or "")
  return type(body) == "table" and body or nil
end

local function place(call, account)
  local form = { { "To", call.to }, { "From", call.from } }
  if call.document then
    local document = answer(call.document)
    if #document > INLINE_DOCUMENT_BYTES then error("the document is longer than 4,000 characters; use a url", 2) end
    form[#form + 1] = { "Twiml", document }
  else
    form[#form + 1] = { "Url", call.url }
    form[#form + 1] = { "Method", "POST" }
    form[#form + 1] = { "FallbackUrl", call.fallback_url }
  end
  if call.status_url then
    form[#form + 1] = { "StatusCallback", call.status_url }
    form[#form + 1] = { "StatusCallbackMethod", "POST" }
    for _, event in ipairs { "initiated", "ringing", "answered", "completed" } do
      form[#form + 1] = { "StatusCallbackEvent", event }
    end
  end
  if call.ring then form[#form + 1] = { "Timeout", ("%d"):format(call.ring) } end
  if call.longest then form[#form + 1] = { "TimeLimit", ("%d"):format(math.max(60, call.longest)) } end
  return request(account, "POST", "/Calls.json", form)
end

local function placed(message, text, code, sent)
  if not message then
    if sent == false then return "not_placed", nil, failure(text, code) end
    return "unknown", nil, failure(text, code)
  end
  if message.status >= 200 and message.status < 300 then
    local body = body_of(message)
    if body and type(body.sid) == "string" and body.sid ~= "" then return "placed", body.sid end
    return "unknown", nil, carrier.error("EBADMSG", "the carrier accepted the call but named no id", false)
  end
  if message.status >= 400 and message.status < 500 then return "not_placed", nil, error_of(message) end
  return "unknown", nil, error_of(message)
end

local function hangup(carrier_call, account)
  return request(account, "POST", ("/Calls/%s.json"):format(carrier_call), { { "Status", "completed" } })
end

-- A call that is over already is as good as one that was hung up.
local function hung_up(message, text, code)
  if not message then return nil, failure(text, code) end
  if message.status >= 200 and message.status < 300 then return true end
  local why = error_of(message)
  if message.status == 404 or why.code == "20404" or why.code == "21220" then return true end
  return nil, why
end

local function fetch(carrier_call, account) return request(account, "GET", ("/Calls/%s.json"):format(carrier_call)) end

local function fetched(message, text, code)
  if not message then return nil, failure(text, code) end
  if message.status == 404 then
    return { word = "not found", status = "UNKNOWN", is_terminal = true, is_answered = false }
  end
  local body = message.status < 300 and body_of(message)
  if not body or type(body.status) ~= "string" then return nil, error_of(message) end
  return read_status(body.status, { carrier_call = body.sid, seconds = tonumber(body.duration) })
end

-- A call whose placing had no clear answer is looked for by its numbers.
local function find(call, account)
  return request(account, "GET", ("/Calls.json?To=%s&From=%s&PageSize=20"):format(http.escape(call.to), http.escape(call.from)))
end

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- "Tue, 03 Mar 2026 10:15:00 +0000" → seconds since 1970.
local function seconds_of(date)
  local day, month, year, hour, minute, second = tostring(date):match("(%d+) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d)")
  month = months[month]
  if not month then return nil end
  local y = month <= 2 and year - 1 or tonumber(year)
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) + of_year - 719468
  return days * 86400 + hour * 3600 + minute * 60 + second
end

-- The oldest call between these numbers that was created after we asked, give or take the difference of our clocks.
local function found(message, call)
  local body = message and message.status == 200 and body_of(message)
  local best, best_at
  for _, each in ipairs(type(body) == "table" and type(body.calls) == "table" and body.calls or {}) do
    local at = seconds_of(each.date_created)
    local fits = each.direction == "outbound-api" and each.to == call.to and each.from == call.from
    if fits and at and at >= call.placed_at - 5 and (not best_at or at < best_at) then best, best_at = each.sid, at end
  end
  return best
end

return carrier {
  name = "twilio",
  media = {
    encoding = "pcmu",
    rate = 8000,
    frame_ms = 20,
    event = "event",
    audio_in = { event = "media", payload = "media.payload", when = { "media.track", "inbound" } },
    start_in = {
      event = "start",
      stream = "start.streamSid",
      call = "start.callSid",
      encoding = { "start.mediaFormat.encoding", "audio/x-mulaw" },
      rate = { "start.mediaFormat.sampleRate", 8000 },
    },
    mark_in = { event = "mark", name = "mark.name" },
    dtmf_in = { event = "dtmf", digit = "dtmf.digit" },
    stop_in = { event = "stop" },
    audio_out = [[{"event":"media","streamSid":"$stream","media":{"payload":"$audio"}}]],
    mark_out = [[{"event":"mark","streamSid":"$stream","mark":{"name":"$mark"}}]],
    clear = [[{"event":"clear","streamSid":"$stream"}]],
  },
  routes = {
    inbound = "/telephony/twilio/inbound/{agent}",
    answer = { "/twilio/answer", "/agent/voice/breeze-buddy/twilio/answer" },
    status = {
      "/twilio/callback/status",
      "/agent/voice/breeze-buddy/twilio/callback/status",
      "/telephony/twilio/status/{call}",
    },
    fallback = { "/twilio/callback/twiml-fallback", "/agent/voice/breeze-buddy/twilio/callback/twiml-fallback" },
    media = "/ws/twilio/{agent}",
    sockets = { "/ws/twilio/{agent}", "/ws/twilio/{agent}/{token}", "/agent/voice/breeze-buddy/ws/twilio",
      "/agent/voice/breeze-buddy/ws/twilio/{token}" },
  },
  environment = {
    account = "TWILIO_ACCOUNT_SID",
    secret = "TWILIO_AUTH_TOKEN",
    number = "TWILIO_PHONE_NUMBER",
    api = "TWILIO_API_BASE",
  },
  required = { "account", "secret" },
  limits = {
    calls_per_second = 1,
    document_bytes = 64 * 1024,
    inline_document_bytes = INLINE_DOCUMENT_BYTES,
    parameter_bytes = 500,
    webhook_seconds = 15,
  },
  webhook = webhook,
  verify = verify,
  socket_signature = socket_signature,
  answer = answer,
  refuse = refuse,
  place = place,
  placed = placed,
  hangup = hangup,
  hung_up = hung_up,
  fetch = fetch,
  fetched = fetched,
  find = find,
  found = found,
  status = status_of,
  signature = signature,
  validate = validate,
}
