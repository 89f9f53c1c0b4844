-- Plivo's XML and the webhooks beside it: what Plivo invented and Vobiz took over.
--
-- A carrier's adapter writes documents with a writer of its own (`plivo_xml.writer`). Webhooks are forms with the same names
-- and the same words of status; numbers in them are digits without a "+".

local carrier = require "callisto.provider.carrier"
local http = require "callisto.http"
local json = require "callisto.json"
local twiml = require "providers.shared.twiml"
local xml = require "callisto.xml"

local plivo_xml = {}

local attributes = twiml.attributes

-- A stream lasts no longer than this, in seconds: the carriers' own most.
local STREAM_S = 86400

-- Numbers ----------------------------------------------------------------------------------------------------------

---A number as we write it. What is not a number (a SIP address, a short code, a withheld one) stays as it is.
---@param number string|nil
---@param country string|nil  what a leading 0 stands for
---@return string
function plivo_xml.e164(number, country)
  number = number or ""
  if country then number = number:gsub("^0([1-9]%d%d%d%d%d%d%d%d%d+)$", country .. "%1") end
  return number:match "^%d%d%d%d%d%d%d%d+$" and #number <= 15 and "+" .. number or number
end

---A number as the carrier writes it.
---@param number string
---@return string
function plivo_xml.digits(number) return (number:gsub("^%+(%d+)$", "%1")) end

-- Documents --------------------------------------------------------------------------------------------------------

local function clamped(value, least, most) return value and math.max(least, math.min(most, math.ceil(value))) end

local function post_if(url) return url and "POST" end

local elements = {}

-- The URL is the element's text. What is not kept alive ends with the document.
function elements.stream(verb, _, dialect, account)
  return { "Stream", attributes {
    { "bidirectional", true }, { "keepCallAlive", true }, { "audioTrack", "inbound" },
    { "contentType", dialect.content_types[verb.format or dialect.format] }, { "streamTimeout", STREAM_S },
    { "extraHeaders", dialect.extra_headers and dialect.extra_headers(verb.parameters or {}, account) },
    { "statusCallbackUrl", verb.status_url }, { "statusCallbackMethod", post_if(verb.status_url) },
  }, verb.url }
end

function elements.say(verb)
  return { "Speak", attributes { { "voice", verb.voice }, { "language", verb.language }, { "loop", verb.loop } }, verb[2] }
end

function elements.play(verb)
  if verb.digits then return { "DTMF", {}, verb.digits } end
  return { "Play", attributes { { "loop", verb.loop } }, verb[2] }
end

function elements.pause(verb) return { "Wait", attributes { { "length", verb.seconds } } } end

function elements.gather(verb, write, dialect)
  local node = { dialect.gather, attributes {
    { "action", verb.action }, { "method", post_if(verb.action) }, { "inputType", verb.input or "dtmf" },
    { "numDigits", clamped(verb.digits, 1, 32) }, { "executionTimeout", clamped(verb.timeout, 5, 60) },
    { "finishOnKey", verb.finish_on },
  } }
  for i = 2, #verb do node[#node + 1] = write(verb[i]) end
  return node
end

-- What Twilio calls a whisper is heard by the called party, who then presses a key to be joined.
function elements.dial(verb)
  local dial = { "Dial", attributes {
    { "callerId", verb.caller_id and plivo_xml.digits(verb.caller_id) }, { "timeout", verb.timeout },
    { "timeLimit", verb.limit }, { "action", verb.action }, { "method", post_if(verb.action) },
    { "confirmSound", verb.whisper }, { "confirmKey", verb.whisper and "1" },
    { "callbackUrl", verb.status_url }, { "callbackMethod", post_if(verb.status_url) },
  }, { verb.to:match "^sip:" and "User" or "Number", {}, plivo_xml.digits(verb.to) } }
  if not verb.record then return dial end
  return { "Record", attributes { { "recordSession", true }, { "startOnDialAnswer", true }, { "redirect", false } } }, dial
end

function elements.conference(verb, _, dialect)
  return { "Conference", attributes {
    { "startConferenceOnEnter", verb.start_on_enter }, { "endConferenceOnExit", verb.end_on_exit }, { "muted", verb.muted },
    { dialect.conference_most, verb.most }, { "waitSound", verb.wait_url }, { "record", verb.record },
    { "action", verb.action }, { "method", post_if(verb.action) },
    { "callbackUrl", verb.status_url }, { "callbackMethod", post_if(verb.status_url) },
    unpack(dialect.conference_beep(verb.beep)),
  }, verb.room }
end

function elements.reject(verb)
  return { "Hangup", { { "reason", verb.reason == "busy" and "busy" or "rejected" } } }
end

function elements.redirect(verb) return { "Redirect", { { "method", "POST" } }, verb.url } end

function elements.hangup() return { "Hangup", {} } end

function elements.record(verb)
  return { "Record", attributes {
    { "action", verb.action }, { "method", post_if(verb.action) }, { "redirect", verb.action ~= nil },
    { "maxLength", verb.longest }, { "timeout", verb.silence }, { "finishOnKey", verb.finish_on }, { "playBeep", verb.beep },
    { "callbackUrl", verb.status_url }, { "callbackMethod", post_if(verb.status_url) },
  } }
end

-- Fields of verbs the language has no words for.
local lacks = {
  gather = { on_empty = true },
  conference = { label = true, coach = true, caller_id = true },
}

---@class callisto.PlivoDialect
---@field name string  for messages
---@field gather string  the element that collects keys
---@field format string  the format of a stream that names none
---@field content_types table<string, string>  what <Stream> calls our formats
---@field extra_headers (fun(parameters: table, account: table|nil): string|nil)|nil  a stream's parameters, where they are passed
---  on
---@field conference_most string  the attribute that limits a room
---@field conference_beep fun(beep: any): {[1]: string, [2]: any}[]

---How a carrier writes documents.
---@param dialect callisto.PlivoDialect
---@return fun(document: table[], account: table|nil): string, string answer  body and media type
function plivo_xml.writer(dialect)
  local function write(verb, account)
    for field in pairs(lacks[verb[1]] or {}) do
      if verb[field] ~= nil then error(("%s has no word for '%s' of the verb '%s'"):format(dialect.name, field, verb[1]), 0) end
    end
    return elements[verb[1]](verb, write, dialect, account)
  end
  return function(document, account)
    local response = { "Response", {} }
    for _, verb in ipairs(carrier.document(document)) do
      for _, node in ipairs { write(verb, account) } do response[#response + 1] = node end
    end
    return xml.build(response), "text/xml"
  end
end

-- Webhooks ---------------------------------------------------------------------------------------------------------

local function is_id(text) return type(text) == "string" and #text <= 64 and text:match "^[%w_%-]+$" ~= nil end

local reasons = {
  completed = { "ANSWERED", "COMPLETED" },
  busy = { "NOT_ANSWERED", "BUSY" },
  ["no-answer"] = { "NOT_ANSWERED", "NO_ANSWER" },
  timeout = { "NOT_ANSWERED", "NO_ANSWER" },
  failed = { "NOT_ANSWERED", "FAILED" },
  cancel = { "NOT_ANSWERED", "CANCELED" },
}

---What marks a webhook as the end of a call, whatever path it comes on.
plivo_xml.ends = {}
for word in pairs(reasons) do table.insert(plivo_xml.ends, "CallStatus=" .. word) end
table.sort(plivo_xml.ends)

---What a word of status means.
---@param word string
---@param more table<string, any>  further fields of the status
---@return callisto.CarrierStatus
function plivo_xml.status(word, more)
  local result = reasons[word] or {}
  local status = {
    word = word,
    status = result[1],
    reason = result[2],
    is_terminal = result[1] ~= nil,
    is_answered = word == "in-progress" or word == "completed",
  }
  for name, value in pairs(more) do status[name] = value end
  return status
end

-- The order of happening; events that come several times in a call have no place in it.
local sequence = { Ring = 1, StartApp = 2, Hangup = 3 }

local answerers = { ["true"] = "machine", ["false"] = "human" }

-- What the carrier's detection says: whether it is a machine.
local function read_answerer(machine)
  local who = answerers[(machine or ""):lower()]
  return who and { who = who, word = "machine " .. machine } or nil
end

---What a status webhook says.
---@param message table
---@return callisto.CarrierStatus|nil, string?
function plivo_xml.status_of(message)
  local p = twiml.parameters_of(message)
  if not p.CallStatus then return nil, "CallStatus is missing" end
  return plivo_xml.status(p.CallStatus, {
    answered_by = read_answerer(p.Machine),
    carrier_call = is_id(p.CallUUID) and p.CallUUID or nil,
    call = http.query_of(message).call,
    sequence = sequence[p.Event],
    seconds = tonumber(p.Duration),
    cause = twiml.cause { { p.HangupCauseName or p.HangupCause, p.HangupCauseCode }, { "by", p.HangupSource } },
  })
end

---A request that asks what to do with a call.
---@param message table
---@param country string|nil  what a leading 0 of a number stands for
---@return callisto.InboundCall|nil, string?
function plivo_xml.webhook(message, country)
  local p = twiml.parameters_of(message)
  if not is_id(p.CallUUID) then return nil, "CallUUID is missing" end
  return {
    carrier_call = p.CallUUID,
    from = plivo_xml.e164(p.From, country),
    to = plivo_xml.e164(p.To, country),
    direction = (p.Direction or "inbound"):match "^outbound" and "OUTBOUND" or "INBOUND",
    status = plivo_xml.status_of(message),
  }
end

-- The parameters of a recording's webhook: fields, or JSON in a field `response`, or a JSON body.
local function recording_parameters(message)
  local p = twiml.parameters_of(message)
  local text = p.response or (http.type_of(message) == "application/json" and message.body)
  local value = text and json.decode(text)
  return type(value) == "table" and value or p
end

---News of a recording. That of a whole call is told twice, at its beginning without a length.
---@param message table
---@return {carrier_call: string|nil, url: string, id: string|nil, seconds: integer|nil}|nil, string?
function plivo_xml.recording(message)
  local p = recording_parameters(message)
  local function either(...)
    for i = 1, select("#", ...) do
      local value = p[(select(i, ...))]
      if (type(value) == "string" and value ~= "") or type(value) == "number" then return tostring(value) end
    end
  end
  local url = either("RecordUrl", "record_url", "recording_url")
  if not url or not url:match "^https?://" then return nil, "RecordUrl is missing" end
  local seconds = tonumber(either("RecordingDuration", "recording_duration"))
  return {
    carrier_call = either("CallUUID", "call_uuid"),
    url = url,
    id = either("RecordingID", "recording_id"),
    seconds = seconds and seconds >= 0 and seconds or nil,
  }
end

-- The media socket ---------------------------------------------------------------------------------------------------

---One of our formats, as the carrier's socket has it.
---@param encoding string
---@param rate integer
---@param more table|nil  fields to add or replace
---@return table media
function plivo_xml.media(encoding, rate, more)
  local kind = encoding == "pcmu" and "audio/x-mulaw" or "audio/x-l16"
  local media = {
    encoding = encoding,
    rate = rate,
    frame_ms = 20,
    event = "event",
    audio_in = { event = "media", payload = "media.payload", when = { "media.track", "inbound" } },
    start_in = {
      event = "start",
      stream = "start.streamId",
      call = "start.callId",
      encoding = { "start.mediaFormat.encoding", kind },
      rate = { "start.mediaFormat.sampleRate", rate },
    },
    mark_in = { event = "playedStream", name = "name" },
    dtmf_in = { event = "dtmf", digit = "dtmf.digit" },
    stop_in = { event = "stop" },
    error_in = { event = "error|playFailed", code = "code|error.code|event", text = "reason|message|error.message|error" },
    audio_out = ([[{"event":"playAudio","streamId":"$stream","media":{"contentType":"%s","sampleRate":%d,"payload":"$audio"}}]])
      :format(kind, rate),
    mark_out = [[{"event":"checkpoint","streamId":"$stream","name":"$mark"}]],
    clear = [[{"event":"clearAudio","streamId":"$stream"}]],
  }
  for name, value in pairs(more or {}) do media[name] = value end
  return media
end

---What <Stream> calls a format.
---@param media table
---@return string
function plivo_xml.content_type(media)
  return ("%s;rate=%d"):format(media.encoding == "pcmu" and "audio/x-mulaw" or "audio/x-l16", media.rate)
end

return plivo_xml
