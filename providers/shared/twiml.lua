-- TwiML and the webhooks beside it: what Twilio invented and other carriers took over.
--
-- A carrier's adapter writes documents with a writer of its own (`twiml.writer`), which replaces the elements that differ
-- and refuses what the carrier does not have. Webhooks are forms with the same names and the same words of status.

local carrier = require "callisto.provider.carrier"
local http = require "callisto.http"
local xml = require "callisto.xml"

local twiml = {}

-- Documents --------------------------------------------------------------------------------------------------------

---The attributes that have a value, in their order.
---@param list {[1]: string, [2]: any}[]
---@return {[1]: string, [2]: string}[]
function twiml.attributes(list)
  local given = {}
  for index = 1, #list do
    local pair = list[index]
    if pair[2] ~= nil then given[#given + 1] = { pair[1], tostring(pair[2]) } end
  end
  return given
end

local attributes = twiml.attributes
local elements = {}

---The parameters of a stream, as elements.
---@param verb table
---@return table[]
function twiml.parameters(verb)
  local list = {}
  for _, pair in ipairs(verb.parameters or {}) do
    list[#list + 1] = { "Parameter", { { "name", pair[1] }, { "value", tostring(pair[2]) } } }
  end
  return list
end

function elements.stream(verb)
  return { "Connect", attributes { { "action", verb.action } }, { "Stream", attributes {
    { "url", verb.url }, { "name", verb.name }, { "statusCallback", verb.status_url },
  }, unpack(twiml.parameters(verb)) } }
end

function elements.say(verb)
  return { "Say", attributes { { "voice", verb.voice }, { "language", verb.language }, { "loop", verb.loop } }, verb[2] }
end

function elements.play(verb)
  return { "Play", attributes { { "loop", verb.loop }, { "digits", verb.digits } }, verb[2] }
end

function elements.pause(verb) return { "Pause", attributes { { "length", verb.seconds } } } end

function elements.gather(verb, write)
  local node = { "Gather", attributes {
    { "input", verb.input or "dtmf" }, { "action", verb.action }, { "method", verb.action and "POST" },
    { "numDigits", verb.digits }, { "timeout", verb.timeout }, { "finishOnKey", verb.finish_on },
    { "actionOnEmptyResult", verb.on_empty },
  } }
  for i = 2, #verb do node[#node + 1] = write(verb[i]) end
  return node
end

function elements.dial(verb)
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

function elements.conference(verb)
  local room = { "Conference", attributes {
    { "participantLabel", verb.label }, { "startConferenceOnEnter", verb.start_on_enter },
    { "endConferenceOnExit", verb.end_on_exit }, { "muted", verb.muted }, { "beep", verb.beep },
    { "waitUrl", verb.wait_url }, { "maxParticipants", verb.most }, { "coach", verb.coach },
    { "record", verb.record and "record-from-start" }, { "statusCallback", verb.status_url },
    { "statusCallbackEvent", verb.status_url and "start end join leave" },
  }, verb.room }
  return { "Dial", attributes { { "callerId", verb.caller_id }, { "action", verb.action } }, room }
end

function elements.reject(verb) return { "Reject", attributes { { "reason", verb.reason } } } end

function elements.redirect(verb) return { "Redirect", { { "method", "POST" } }, verb.url } end

function elements.hangup() return { "Hangup", {} } end

function elements.record(verb)
  return { "Record", attributes {
    { "action", verb.action }, { "maxLength", verb.longest }, { "timeout", verb.silence },
    { "finishOnKey", verb.finish_on }, { "playBeep", verb.beep }, { "recordingStatusCallback", verb.status_url },
  } }
end

---@class callisto.TwimlDialect
---@field name string  for messages
---@field elements table<string, fun(verb: table, write: function): table>|nil  those of its own, by verb
---@field lacks table<string, table<string, true>>|nil  fields of verbs it has no words for

---How a carrier writes documents.
---@param dialect callisto.TwimlDialect
---@return fun(document: table[]): string, string answer  body and media type
function twiml.writer(dialect)
  local own, lacks = dialect.elements or {}, dialect.lacks or {}
  local function write(verb)
    for field in pairs(lacks[verb[1]] or {}) do
      if verb[field] ~= nil then error(("%s has no word for '%s' of the verb '%s'"):format(dialect.name, field, verb[1]), 0) end
    end
    return (own[verb[1]] or elements[verb[1]])(verb, write)
  end
  return function(document)
    local response = { "Response", {} }
    for _, verb in ipairs(carrier.document(document)) do response[#response + 1] = write(verb) end
    return xml.build(response), "text/xml"
  end
end

---The neutral document that turns a call away.
---@param reason string  "busy", or a sentence to say
---@return table[]
function twiml.refuse(reason)
  if reason == "busy" then return { { "reject", reason = "busy" } } end
  return { { "say", reason }, { "hangup" } }
end

-- Webhooks ---------------------------------------------------------------------------------------------------------

---The parameters of a webhook: of its form, or of its query.
---@param message table
---@return table<string, string>
function twiml.parameters_of(message)
  if message.method == "GET" then return (http.query_of(message)) end
  return (http.form_of(message)) or {}
end

local terminal = {
  completed = { "ANSWERED", "COMPLETED" },
  busy = { "NOT_ANSWERED", "BUSY" },
  ["no-answer"] = { "NOT_ANSWERED", "NO_ANSWER" },
  failed = { "NOT_ANSWERED", "FAILED" },
  canceled = { "NOT_ANSWERED", "CANCELED" },
}

-- "machine_start", "machine_end_beep" … are all machines.
local function read_answerer(word)
  if not word or word == "" then return nil end
  local who = word:lower():match "^%a+"
  return { who = (who == "human" or who == "machine" or who == "fax") and who or "unknown", word = word }
end

---Who or what answered, of a webhook that says so and nothing else: what a carrier's detection tells when it has made up its
---mind.
---@param p table<string, string>  its parameters
---@return callisto.CarrierStatus|nil
function twiml.answerer(p)
  local answered_by = read_answerer(p.AnsweredBy)
  if not answered_by or p.CallStatus then return nil end
  return { word = "detected", carrier_call = p.CallSid, answered_by = answered_by, is_terminal = false, is_answered = true }
end

---What marks a webhook as the end of a call, whatever path it comes on.
twiml.ends = {}
for word in pairs(terminal) do table.insert(twiml.ends, "CallStatus=" .. word) end
table.sort(twiml.ends)

---What a word of status means.
---@param word string
---@param more table<string, any>  further fields of the status; `answered_by` in the carrier's word
---@return callisto.CarrierStatus
function twiml.status(word, more)
  local result = terminal[word] or {}
  local status = {
    word = word,
    status = result[1],
    reason = result[2],
    is_terminal = result[1] ~= nil,
    is_answered = word == "in-progress" or word == "answered" or word == "completed",
  }
  for name, value in pairs(more) do status[name] = value end
  status.answered_by = read_answerer(more.answered_by)
  return status
end

---Why a call ended, of the parameters that say so.
---@param list {[1]: string, [2]: string|nil}[]  what it is called, and its value
---@return string|nil
function twiml.cause(list)
  local parts = {}
  for index = 1, #list do
    local name, value = list[index][1], list[index][2]
    if value and value ~= "" then parts[#parts + 1] = name .. " " .. value end
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

---A request that asks what to do with a call.
---@param message table
---@param status fun(message: table): callisto.CarrierStatus|nil
---@return callisto.InboundCall|nil, string?
function twiml.webhook(message, status)
  local p = twiml.parameters_of(message)
  if not p.CallSid or not p.CallSid:match "^[%w_%-:]+$" or #p.CallSid > 190 then return nil, "CallSid is missing" end
  return {
    carrier_call = p.CallSid,
    from = p.From or "",
    to = p.To or "",
    direction = (p.Direction or "inbound"):match "^outbound" and "OUTBOUND" or "INBOUND",
    status = status(message),
    error = p.ErrorCode,
  }
end

-- Recordings of which there is nothing to fetch, or nothing yet.
local fileless = { failed = true, absent = true, ["in-progress"] = true }

---News of a recording.
---@param message table
---@return callisto.Recording|nil about, string? why
function twiml.recording(message)
  local p = twiml.parameters_of(message)
  if not p.RecordingSid or p.RecordingSid == "" then return nil, "RecordingSid is missing" end
  local url = p.RecordingUrl ~= "" and p.RecordingUrl or nil
  if not url and not fileless[p.RecordingStatus] or url and not url:match "^https?://" then
    return nil, "RecordingUrl is missing or no URL"
  end
  return {
    carrier_call = p.CallSid, url = url, id = p.RecordingSid, seconds = tonumber(p.RecordingDuration),
    status = p.RecordingStatus, cause = twiml.cause { { "error", p.ErrorCode } },
  }
end

-- Lists of calls ---------------------------------------------------------------------------------------------------

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- "Tue, 03 Mar 2026 10:15:00 +0000" or "2026-03-03T10:15:00Z" → seconds since 1970.
local function seconds_of(date)
  local day, month, year, hour, minute, second = tostring(date):match "(%d+) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d)"
  if day then
    month = months[month]
  else
    year, month, day, hour, minute, second = tostring(date):match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](%d%d):(%d%d):(%d%d)"
    month = tonumber(month)
  end
  if not month then return nil end
  local y = month <= 2 and year - 1 or tonumber(year)
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) + of_year - 719468
  return days * 86400 + hour * 3600 + minute * 60 + second
end

---The oldest call between these numbers that was created after we asked, give or take the difference of our clocks.
---@param list any  as the carrier answered it
---@param call {to: string, from: string, placed_at: number}
---@return string|nil id
function twiml.found(list, call)
  local best, best_at
  for _, each in ipairs(type(list) == "table" and list or {}) do
    local at = type(each) == "table" and seconds_of(each.date_created)
    local fits = at and tostring(each.direction):match "^outbound" and not tostring(each.direction):match "dial"
      and each.to == call.to and each.from == call.from
    if fits and at >= call.placed_at - 5 and (not best_at or at < best_at) then best, best_at = each.sid, at end
  end
  return best
end

return twiml
