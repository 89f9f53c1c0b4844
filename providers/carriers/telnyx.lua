-- Telnyx, in both its ways: TeXML documents (its TwiML), and Call Control, whose events are answered with commands
-- (providers/shared/telnyx_control.lua); which one a call has, its application says. Webhooks signed with Ed25519, JSON frames
-- with base64 RTP payloads over a media socket. Keys and hang-ups are commands in both. Orders go the way of Call Control when
-- TELNYX_CONNECTION_ID is set. Wire facts: Telnyx's pages on TeXML, the Voice API and its webhooks, media streaming, API errors.
--
-- Not settled by its pages: the byte order of L16 (the formats l16/… take the network's, l16le/… the other) and which of its
-- rates a call may have, whether a call may be transferred before it is answered (it is tried), and what the signature of a
-- GET webhook covers (such webhooks are refused).

local carrier = require "callisto.provider.carrier"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local rest = require "providers.shared.rest"
local telnyx_control = require "providers.shared.telnyx_control"
local twiml = require "providers.shared.twiml"

local API = "https://api.telnyx.com"
local TOLERANCE_S = 300 -- how far a webhook's time may be from ours
local RING_S = { 5, 120 }
local LONGEST_S = { 30, 14400 }

-- Signatures -------------------------------------------------------------------------------------------------------

local function key_of(account)
  local key = crypto.unbase64(account.public_key)
  return key and #key == 32 and key or nil
end

local function verify(message, _, account)
  local given, time = message.headers["telnyx-signature-ed25519"], message.headers["telnyx-timestamp"]
  if not given or given == "" then return nil, "the request has no Telnyx-Signature-Ed25519 header", 401 end
  local at = (time or ""):match "^%d+$" and #time < 16 and tonumber(time)
  if not at then return nil, "the Telnyx-Timestamp header is missing or no number of seconds", 403 end
  if math.abs(core.wall() - at) > TOLERANCE_S then
    return nil, ("the request was signed more than %d seconds away from now; is the clock right?"):format(TOLERANCE_S), 403
  end
  if message.method == "GET" then
    return nil, "a GET request's signature does not cover its parameters; set the method of the TeXML application to POST", 403
  end
  local key = key_of(account)
  if not key then return nil, "TELNYX_PUBLIC_KEY is not a key: base64 of 32 bytes, as the portal shows it", 403 end
  local signature = crypto.unbase64(given)
  if not signature or not crypto.ed25519_verify(key, signature, time .. "|" .. (message.body or "")) then
    return nil, "the signature is wrong: check TELNYX_PUBLIC_KEY", 403
  end
  return true
end

-- Webhooks and documents -------------------------------------------------------------------------------------------

local function status_of(message)
  if telnyx_control.is_event(message) then return telnyx_control.status(message) end
  local p = twiml.parameters_of(message)
  local detected = twiml.answerer(p)
  if detected then
    detected.call = http.query_of(message).call
    return detected
  end
  if not p.CallStatus then return nil, "CallStatus is missing" end
  return twiml.status(p.CallStatus, {
    carrier_call = p.CallSid,
    call = http.query_of(message).call,
    sequence = tonumber(p.SequenceNumber),
    seconds = tonumber(p.CallDuration),
    answered_by = p.AnsweredBy,
    cause = twiml.cause { { "hung up by", p.HangupSource }, { "SIP", p.SipResponseCode }, { "error", p.ErrorCode } },
  })
end

local function webhook(message)
  if telnyx_control.is_event(message) then return telnyx_control.read(message) end
  return twiml.webhook(message, status_of)
end

local function read_recording(message)
  if telnyx_control.is_event(message) then return telnyx_control.recording(message) end
  return twiml.recording(message)
end

-- What <Stream> calls our formats.
local codecs = {
  ["pcmu/8000"] = { "PCMU" },
  ["pcma/8000"] = { "PCMA" },
}
for _, rate in ipairs { 8000, 16000, 24000 } do
  codecs["l16/" .. rate] = { "L16", rate }
  codecs["l16le/" .. rate] = { "L16", rate }
end

-- Without its mode Telnyx expects MP3, and with reconnection a call would come back with a token that was used.
local function stream(verb)
  local codec = codecs[verb.format or "pcmu/8000"]
  return { "Connect", {}, { "Stream", twiml.attributes {
    { "url", verb.url }, { "name", verb.name }, { "track", "inbound_track" }, { "codec", codec[1] },
    { "bidirectionalMode", "rtp" }, { "bidirectionalCodec", codec[1] }, { "bidirectionalSamplingRate", codec[2] },
    { "enableReconnect", "false" }, { "statusCallback", verb.status_url },
    { "statusCallbackMethod", verb.status_url and "POST" },
  }, unpack(twiml.parameters(verb)) } }
end

local answer = twiml.writer {
  name = "TeXML",
  elements = { stream = stream },
  lacks = { stream = { action = true }, gather = { on_empty = true }, conference = { coach = true } },
}

-- REST -------------------------------------------------------------------------------------------------------------

local function request(account, method, path, headers, body)
  headers.authorization = "Bearer " .. account.secret
  return {
    method = method,
    url = (account.api or API):gsub("/+$", "") .. "/v2" .. path,
    headers = headers,
    body = body,
    timeout = 30,
    connect_timeout = 5,
    answer_ceiling = 256 * 1024,
  }
end

local function texml(account, method, path, form)
  local headers = form and { ["content-type"] = "application/x-www-form-urlencoded" } or {}
  path = ("/texml/Accounts/%s/Calls%s"):format(account.account, path)
  return request(account, method, path, headers, form and http.form(form))
end

local function command(account, carrier_call, name, about)
  local path = ("/calls/%s/actions/%s"):format(carrier_call, name)
  return request(account, "POST", path, { ["content-type"] = "application/json" }, json.encode(about))
end

-- Error codes that say "later", whatever the status: too many requests, and the limits of calls at once.
local later = { ["10011"] = true, ["90041"] = true, ["90042"] = true, ["90043"] = true }
local about_number = { ["10002"] = true, ["10016"] = true }
local OVER = "90018"

local function error_of(message)
  local errors = (rest.body_of(message) or {}).errors
  local first = type(errors) == "table" and type(errors[1]) == "table" and errors[1] or {}
  local code, text = first.code and tostring(first.code), first.detail or first.title
  local why = rest.error(message, code, text and tostring(text), code and later[code])
  local pointer = type(first.source) == "table" and tostring(first.source.pointer):lower() or ""
  why.is_about_number = about_number[why.code] and not pointer:find "from$" or nil
  return why
end

local reader = rest.reader(error_of)

local function within(range, seconds) return seconds and math.max(range[1], math.min(range[2], seconds)) end

local function needs(account)
  if account.connection or account.account and account.application then return nil end
  return "set TELNYX_CONNECTION_ID (Call Control), or TELNYX_ACCOUNT_SID and TELNYX_APPLICATION_SID (TeXML), to place calls"
end

local function place(call, account)
  if account.connection then
    return request(account, "POST", "/calls", { ["content-type"] = "application/json" },
      json.encode(telnyx_control.order(call, account.connection)))
  end
  return request(account, "POST", ("/texml/Accounts/%s/Calls"):format(account.account),
    { ["content-type"] = "application/json" }, json.encode {
      ApplicationSid = account.application, To = call.to, From = call.from,
      Texml = call.document and answer(call.document) or nil,
      Url = not call.document and call.url or nil, UrlMethod = not call.document and "POST" or nil,
      FallbackUrl = not call.document and call.fallback_url or nil,
      StatusCallback = call.status_url, StatusCallbackMethod = call.status_url and "POST",
      StatusCallbackEvent = call.status_url and "initiated ringing answered completed",
      MachineDetection = call.detects_machine and "Enable" or nil, AsyncAmd = call.detects_machine and "true" or nil,
      AsyncAmdStatusCallback = call.detects_machine and call.status_url or nil,
      AsyncAmdStatusCallbackMethod = call.detects_machine and "POST" or nil,
      Timeout = within(RING_S, call.ring), TimeLimit = within(LONGEST_S, call.longest),
    })
end

-- The answer need not name the call: its first status callback does.
local placed = reader.placed(function(body)
  local about = body and (type(body.data) == "table" and body.data or body)
  if not about then return "unknown", nil, carrier.error("EBADMSG", "the carrier's answer is not JSON", false) end
  local id = about.sid or about.call_sid or about.call_control_id
  return "placed", type(id) == "string" and id ~= "" and id or nil
end)

local function hangup(carrier_call, account) return command(account, carrier_call, "hangup", {}) end

-- Without an account's id there is no TeXML to ask.
local function is_control(account) return account.connection or not account.account end

local function fetch(carrier_call, account)
  if is_control(account) then return request(account, "GET", "/calls/" .. carrier_call, {}) end
  return texml(account, "GET", "/" .. carrier_call)
end

local fetched = reader.fetched(function(body)
  if body.data then return telnyx_control.fetched(body) end
  return type(body.status) == "string"
    and twiml.status(body.status, { carrier_call = body.sid, seconds = tonumber(body.duration) }) or nil
end)

-- A call whose id is not known yet is looked for by its numbers.
local function find(call, account)
  if account.connection then return request(account, "GET", ("/connections/%s/active_calls"):format(account.connection), {}) end
  return texml(account, "GET", ("?To=%s&From=%s&PageSize=20"):format(http.escape(call.to), http.escape(call.from)))
end

local found = reader.found(function(body, call)
  if body.data then return telnyx_control.found(body, call) end
  return twiml.found(body.calls, call)
end)

local function obey(carrier_call, account, about)
  local told = telnyx_control.command(about.document, codecs, about.is_answered)
  return command(account, carrier_call, told.name, told.about)
end

-- The same command again: the call streams already.
local obeyed = reader.hung_up { ["90045"] = true }

local function follow_up(message, account)
  local carrier_call, told = telnyx_control.follow_up(message)
  return told and command(account, carrier_call, told.name, told.about)
end

-- Changing a live call ---------------------------------------------------------------------------------------------

local function redirect(carrier_call, account, to)
  if is_control(account) then error("a Call Control call takes no documents: use an application of TeXML", 0) end
  local form = to.url and { { "Url", to.url }, { "Method", "POST" } } or { { "Texml", (answer(to.document)) } }
  return texml(account, "POST", "/" .. carrier_call, form)
end

local function send_digits(carrier_call, account, digits)
  return command(account, carrier_call, "send_dtmf", { digits = digits })
end

local function record(carrier_call, account, options)
  if is_control(account) then return command(account, carrier_call, "record_start", { format = "wav", channels = "dual" }) end
  local form = { { "RecordingChannels", "dual" } }
  if options.status_url then
    form[2] = { "RecordingStatusCallback", options.status_url }
    form[3] = { "RecordingStatusCallbackMethod", "POST" }
    form[4] = { "RecordingStatusCallbackEvent", "completed" }
  end
  return texml(account, "POST", ("/%s/Recordings.json"):format(carrier_call), form)
end

-- One whose id is not known is stopped by the command that stops all of the call.
local function stop_recording(carrier_call, account, recording)
  if not recording or is_control(account) then return command(account, carrier_call, "record_stop", {}) end
  return texml(account, "POST", ("/%s/Recordings/%s.json"):format(carrier_call, recording), { { "Status", "stopped" } })
end

-- The media socket -------------------------------------------------------------------------------------------------

local function format(encoding, rate, announced)
  return {
    encoding = encoding,
    rate = rate,
    frame_ms = 20,
    event = "event",
    audio_in = { event = "media", payload = "media.payload", when = { "media.track", "inbound" } },
    start_in = {
      event = "start",
      stream = "stream_id",
      call = "start.call_control_id",
      encoding = { "start.media_format.encoding", announced },
      rate = { "start.media_format.sample_rate", rate },
    },
    mark_in = { event = "mark", name = "mark.name" },
    dtmf_in = { event = "dtmf", digit = "dtmf.digit" },
    stop_in = { event = "stop" },
    error_in = { event = "error", code = "payload.code", text = "payload.detail|payload.title" },
    audio_out = [[{"event":"media","media":{"payload":"$audio"}}]],
    mark_out = [[{"event":"mark","mark":{"name":"$mark"}}]],
    clear = [[{"event":"clear"}]],
    chunk_min = rate / 50 * (encoding:find "^l16" and 2 or 1), -- a message holds 20 ms at least
  }
end

local formats = {
  default = "pcmu/8000",
  ["pcmu/8000"] = format("pcmu", 8000, "PCMU"),
  ["pcma/8000"] = format("pcma", 8000, "PCMA"),
}
for _, rate in ipairs { 8000, 16000, 24000 } do
  formats["l16/" .. rate] = format("l16be", rate, "L16")
  formats["l16le/" .. rate] = format("l16le", rate, "L16")
end

return carrier {
  name = "telnyx",
  account = {
    account = "TELNYX_ACCOUNT_SID",
    application = "TELNYX_APPLICATION_SID",
    connection = "TELNYX_CONNECTION_ID",
    secret = "TELNYX_API_KEY",
    public_key = "TELNYX_PUBLIC_KEY",
    number = "TELNYX_PHONE_NUMBER",
    api = "TELNYX_API_BASE",
    audio = "TELNYX_AUDIO",
  },
  required = { "secret", "public_key" },
  media = formats,
  acknowledges = { marks = "played", after_clear = true },
  routes = carrier.routes("telnyx", { fallback = { "/telnyx/callback/texml-fallback" } }),
  webhook = {
    headers = { "telnyx-signature-ed25519", "telnyx-timestamp" },
    verify = verify,
    read = webhook,
    ends = twiml.ends,
    status = status_of,
    recording = read_recording,
    follow_up = follow_up,
    answer = answer,
    refuse = twiml.refuse,
  },
  requests = {
    place = { place, placed, needs = needs, detects_machines = true },
    obey = { obey, obeyed },
    hangup = { hangup, reader.hung_up { [OVER] = true } },
    fetch = { fetch, fetched },
    find = { find, found },
    redirect = { redirect, reader.done },
    send_digits = { send_digits, reader.done },
    record = { record, reader.done },
    stop_recording = { stop_recording, reader.done },
  },
  limits = { concurrent = 10, webhook_seconds = 2 },
}
