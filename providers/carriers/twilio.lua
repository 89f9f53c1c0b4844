-- Twilio: TwiML over signed webhooks, JSON frames with base64 μ-law over a media socket, a REST interface of forms.
-- Wire facts: docs of Twilio Voice (TwiML <Stream>, Call resource, request signatures).

local carrier = require "callisto.provider.carrier"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local rest = require "providers.shared.rest"
local twiml = require "providers.shared.twiml"

local API = "https://api.twilio.com"
local INLINE_DOCUMENT_BYTES = 4000

-- Signatures -------------------------------------------------------------------------------------------------------

local default_ports = { https = "443", http = "80", wss = "443", ws = "80" }

-- A URL with and without its port: Twilio signs either, so both are tried.
local function port_variants(url)
  local scheme, authority, path = url:match("^(%a+)://([^/?#]*)(.*)$")
  if not scheme then return { url } end
  local host = authority:gsub(":%d+$", "")
  local port = authority:match(":(%d+)$") or default_ports[scheme]
  return {
    ("%s://%s%s"):format(scheme, host, path),
    ("%s://%s:%s%s"):format(scheme, host, port, path),
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

local function signature(secret, url, parameters)
  return crypto.base64(crypto.hmac("sha1", secret, url .. (parameters or "")))
end

-- Whether a signature is right for a URL, with or without port. `body` is that of a request whose URL carries bodySHA256.
local function validate(secret, given, url, list, body)
  local promised = url:match("[?&]bodySHA256=(%x+)")
  if promised and body then
    if not crypto.equal(crypto.hex(crypto.digest("sha256", body)), promised:lower()) then return false end
    list = nil
  end
  local parameters = list and signed_parameters(list)
  for _, variant in ipairs(port_variants(url)) do
    if crypto.equal(signature(secret, variant, parameters), given) then return true end
  end
  return false
end

local function verify(message, public_url, account)
  local given = message.headers["x-twilio-signature"]
  if not given or given == "" then return nil, "the request has no X-Twilio-Signature header", 401 end
  local url = public_url .. http.target_of(message)
  local list, body
  local is_form = http.type_of(message) == "application/x-www-form-urlencoded"
  if message.method ~= "GET" and message.body and message.body ~= "" then
    if is_form then
      local _
      _, list = http.form_of(message)
      if type(list) ~= "table" then return nil, list, 403 end
    elseif (message.query or ""):find("bodySHA256=", 1, true) then
      body = message.body
    else
      return nil, "the request has a body that its signature does not cover", 403
    end
  end
  if not validate(account.secret, given, url, list, body) then
    return nil, "the signature is wrong: check the auth token and PUBLIC_BASE_URL", 403
  end
  return true
end

-- The media socket is opened with the signature of its URL as we wrote it, perhaps with a port or a slash at the end.
local function socket_signature(url, account)
  local values, seen = {}, {}
  for _, base in ipairs { url, url .. "/" } do
    for _, variant in ipairs(port_variants(base)) do
      local value = signature(account.secret, variant)
      if not seen[value] then
        seen[value] = true
        values[#values + 1] = value
      end
    end
  end
  return { header = "x-twilio-signature", values = values }
end

-- Webhooks and documents -------------------------------------------------------------------------------------------

local function status_of(message)
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
    cause = twiml.cause { { "SIP", p.SipResponseCode }, { "error", p.ErrorCode } },
  })
end

local function webhook(message) return twiml.webhook(message, status_of) end

local answer = twiml.writer { name = "TwiML" }

-- REST -------------------------------------------------------------------------------------------------------------

local function request(account, method, path, form)
  return {
    method = method,
    url = ("%s/2010-04-01/Accounts/%s%s"):format((account.api or API):gsub("/+$", ""), account.account, path),
    headers = form and { ["content-type"] = "application/x-www-form-urlencoded" } or {},
    body = form and http.form(form),
    user = account.key and account.key_secret and account.key or account.account,
    password = account.key and account.key_secret or account.secret,
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
  local body = rest.body_of(message) or {}
  local code = type(body.code) == "number" and ("%d"):format(body.code) or nil
  local text = type(body.message) == "string" and body.message or nil
  local why = rest.error(message, code, text, code and later[code])
  why.is_about_number = about_number[why.code]
  return why
end

local reader = rest.reader(error_of)

-- A document that travels inside a request.
local function inline(document)
  local text = answer(document)
  if #text > INLINE_DOCUMENT_BYTES then error("the document is longer than 4,000 characters; use a url", 3) end
  return text
end

local function place(call, account)
  local form = { { "To", call.to }, { "From", call.from } }
  if call.document then
    form[#form + 1] = { "Twiml", inline(call.document) }
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
  if call.detects_machine then
    form[#form + 1] = { "MachineDetection", "Enable" }
    form[#form + 1] = { "AsyncAmd", "true" }
    form[#form + 1] = { "AsyncAmdStatusCallback", call.status_url }
    form[#form + 1] = { "AsyncAmdStatusCallbackMethod", "POST" }
  end
  if call.ring then form[#form + 1] = { "Timeout", ("%d"):format(call.ring) } end
  if call.longest then form[#form + 1] = { "TimeLimit", ("%d"):format(math.max(60, call.longest)) } end
  return request(account, "POST", "/Calls.json", form)
end

local placed = reader.placed(function(body) return rest.named(body and body.sid, "id") end)

local function hangup(carrier_call, account)
  return request(account, "POST", ("/Calls/%s.json"):format(carrier_call), { { "Status", "completed" } })
end

local function fetch(carrier_call, account) return request(account, "GET", ("/Calls/%s.json"):format(carrier_call)) end

local fetched = reader.fetched(function(body)
  return type(body.status) == "string"
    and twiml.status(body.status, { carrier_call = body.sid, seconds = tonumber(body.duration) }) or nil
end)

-- A call whose placing had no clear answer is looked for by its numbers.
local function find(call, account)
  return request(account, "GET", ("/Calls.json?To=%s&From=%s&PageSize=20"):format(http.escape(call.to), http.escape(call.from)))
end

local found = reader.found(function(body, call) return twiml.found(body.calls, call) end)

-- Changing a live call ---------------------------------------------------------------------------------------------
-- Keys are not sent by a request: that would be a document, which takes the place of the stream. They go as tones.

local function redirect(carrier_call, account, to)
  local form = to.url and { { "Url", to.url }, { "Method", "POST" } } or { { "Twiml", inline(to.document) } }
  return request(account, "POST", ("/Calls/%s.json"):format(carrier_call), form)
end

local function record(carrier_call, account, options)
  local form = { { "RecordingChannels", "dual" } }
  if options.status_url then
    form[2] = { "RecordingStatusCallback", options.status_url }
    form[3] = { "RecordingStatusCallbackEvent", "completed" }
  end
  return request(account, "POST", ("/Calls/%s/Recordings.json"):format(carrier_call), form)
end

local function stop_recording(carrier_call, account, recording)
  local path = ("/Calls/%s/Recordings/%s.json"):format(carrier_call, recording or "Twilio.CURRENT")
  return request(account, "POST", path, { { "Status", "stopped" } })
end

return carrier {
  name = "twilio",
  account = {
    account = "TWILIO_ACCOUNT_SID",
    secret = "TWILIO_AUTH_TOKEN",
    key = "TWILIO_API_KEY",
    key_secret = "TWILIO_API_SECRET",
    number = "TWILIO_PHONE_NUMBER",
    api = "TWILIO_API_BASE",
  },
  required = { "account", "secret" },
  media = {
    ["pcmu/8000"] = {
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
  },
  acknowledges = { marks = "played", after_clear = true },
  routes = carrier.routes("twilio", { fallback = { "/twilio/callback/twiml-fallback" } }),
  webhook = {
    headers = { "x-twilio-signature" },
    verify = verify,
    read = webhook,
    ends = twiml.ends,
    status = status_of,
    recording = twiml.recording,
    answer = answer,
    refuse = twiml.refuse,
  },
  socket = { signature = socket_signature },
  requests = {
    place = { place, placed, detects_machines = true },
    hangup = { hangup, reader.hung_up { ["20404"] = true, ["21220"] = true } },
    fetch = { fetch, fetched },
    find = { find, found },
    redirect = { redirect, reader.done },
    record = { record, reader.done },
    stop_recording = { stop_recording, reader.done },
  },
  limits = {
    calls_per_second = 1,
    document_bytes = 64 * 1024,
    inline_document_bytes = INLINE_DOCUMENT_BYTES,
    parameter_bytes = 500,
    webhook_seconds = 15,
  },
}
