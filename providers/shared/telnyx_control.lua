-- Telnyx's Call Control: an application that is told of events as JSON, and answers with commands instead of documents.
--
--   call.initiated ─► answer (with the media stream), reject, transfer      call.answered (ours) ─► streaming_start
--   call.hangup ─► the end      call.recording.saved      call.machine.….detection.ended      streaming.…
--
-- Our own id of a call travels as its client_state, which every later event brings back. A caller who only hears a sentence has
-- the sentence there: answered he is spoken to, and when it has been said he is hung up.

local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"

local control = {}

local SAY, SAID = "say ", "said"

local function text(value) return type(value) == "string" and value ~= "" and value or nil end

-- Events -------------------------------------------------------------------------------------------------------------

local function event_of(message)
  if message.method == "GET" or http.type_of(message) ~= "application/json" then return nil end
  local value = json.decode(message.body or "")
  local data = type(value) == "table" and value.data
  if type(data) ~= "table" or not text(data.event_type) or type(data.payload) ~= "table" then return nil end
  -- Some of the carrier's own samples write "call.recording_saved".
  return data.event_type:gsub("_", "."), data.payload
end

---Whether a webhook is an event of Call Control; the others are forms of TeXML.
---@param message table
---@return boolean
function control.is_event(message) return http.type_of(message) == "application/json" end

local function state_of(payload) return text(payload.client_state) and crypto.unbase64(payload.client_state) or "" end

local function our_id(payload) return state_of(payload):match "^c[a-z2-7]+$" end

local function id_of(payload)
  local id = text(payload.call_control_id)
  return id and #id <= 190 and id:find "^[%w_%-:]+$" and id or nil
end

-- Why a call ended is said, not whether it was answered before.
local ends = {
  ["normal.clearing"] = { "ANSWERED", "COMPLETED" }, ["time.limit"] = { "ANSWERED", "COMPLETED" },
  ["user.busy"] = { "NOT_ANSWERED", "BUSY" }, ["call.rejected"] = { "NOT_ANSWERED", "BUSY" },
  ["no.answer"] = { "NOT_ANSWERED", "NO_ANSWER" }, timeout = { "NOT_ANSWERED", "NO_ANSWER" },
  ["originator.cancel"] = { "NOT_ANSWERED", "CANCELED" },
}
local FAILED = { "NOT_ANSWERED", "FAILED" }

local function ending_of(payload)
  local cause = text(payload.hangup_cause)
  local result = cause and ends[cause:lower():gsub("_", ".")] or FAILED
  local parts = { cause or "no cause" }
  if text(payload.sip_hangup_cause) then parts[#parts + 1] = "SIP " .. payload.sip_hangup_cause end
  if text(payload.hangup_source) then parts[#parts + 1] = "by " .. payload.hangup_source end
  return result, table.concat(parts, ", ")
end

local function answerer_of(event, payload)
  local word = event:find "^call%.machine%.[%w.]*detection%.ended$" and text(payload.result)
  if not word then return nil end
  local who = word:match "^human" or word:match "^machine" or word:match "^fax"
  return { who = who or "unknown", word = word }
end

local function recording_of(event, payload)
  if event ~= "call.recording.saved" and event ~= "call.recording.error" then return nil end
  local urls = type(payload.recording_urls) == "table" and payload.recording_urls or {}
  local url = text(urls.wav) or text(urls.mp3)
  return {
    carrier_call = id_of(payload), url = url, id = text(payload.recording_id), status = not url and "failed" or nil,
    cause = text(payload.reason),
  }
end

local function status_of(event, payload)
  local result, cause
  if event == "call.hangup" then result, cause = ending_of(payload) end
  return {
    word = event:gsub("^call%.", ""), carrier_call = id_of(payload), call = our_id(payload),
    status = result and result[1], reason = result and result[2], cause = cause, is_terminal = result ~= nil,
    tells_cause_only = result ~= nil, is_answered = event == "call.answered" or result and result[1] == "ANSWERED" or false,
    answered_by = answerer_of(event, payload), recording = recording_of(event, payload),
  }
end

---What an event says of a call.
---@param message table
---@return callisto.CarrierStatus|nil, string?
function control.status(message)
  local event, payload = event_of(message)
  if not event then return nil, "data.event_type or data.payload is missing" end
  if not id_of(payload) then return nil, "call_control_id is missing" end
  return status_of(event, payload)
end

---News of a recording.
---@param message table
---@return callisto.Recording|nil, string?
function control.recording(message)
  local event, payload = event_of(message)
  local about = event and recording_of(event, payload)
  if not about then return nil, "the event is not about a recording" end
  return about
end

---An event that wants a command (somebody calls, or our own call was answered), or one that reports something.
---@param message table
---@return callisto.InboundCall|nil, string?
function control.read(message)
  local event, payload = event_of(message)
  if not event then return nil, "data.event_type or data.payload is missing" end
  local id, is_outgoing = id_of(payload), payload.direction == "outgoing"
  if not id then return nil, "call_control_id is missing" end
  local is_ours = is_outgoing and our_id(payload) ~= nil
  local asks = event == "call.initiated" and not is_outgoing or event == "call.answered" and is_ours
  return {
    carrier_call = id, call = our_id(payload), from = text(payload.from) or "", to = text(payload.to) or "",
    direction = is_outgoing and "OUTBOUND" or "INBOUND", by_commands = true, is_report = not asks,
    status = status_of(event, payload),
  }
end

-- Commands -----------------------------------------------------------------------------------------------------------

---@class providers.TelnyxCommand
---@field name string
---@field about table

-- What <Stream> says in TeXML. The rate is named for L16 alone: not every command's page has it.
local function stream_of(verb, codec)
  return {
    stream_url = verb.url, stream_track = "inbound_track", stream_codec = codec[1], stream_bidirectional_mode = "rtp",
    stream_bidirectional_codec = codec[1], stream_bidirectional_sampling_rate = codec[2],
  }
end

local function parameter(verb, name)
  for _, pair in ipairs(verb.parameters or {}) do
    if pair[1] == name then return pair[2] end
  end
end

local commands = {}

function commands.stream(verb, codecs, is_answered)
  local about, id = stream_of(verb, codecs[verb.format or "pcmu/8000"]), parameter(verb, "call_id")
  about.client_state = id and crypto.base64(id)
  about.command_id = id and id .. "-stream"
  return { name = is_answered and "streaming_start" or "answer", about = about }
end

function commands.say(verb) return { name = "answer", about = { client_state = crypto.base64(SAY .. verb[2]) } } end

function commands.dial(verb)
  return { name = "transfer", about = { to = verb.to, from = verb.caller_id, timeout_secs = verb.timeout } }
end

function commands.reject(verb)
  return { name = "reject", about = { cause = verb.reason == "busy" and "USER_BUSY" or "CALL_REJECTED" } }
end

function commands.hangup(_, _, is_answered)
  if is_answered then return { name = "hangup", about = {} } end
  return { name = "reject", about = { cause = "CALL_REJECTED" } }
end

---The command that begins a document. What would follow it is commanded by the events that come of it.
---@param document table[]
---@param codecs table<string, {[1]: string, [2]: integer|nil}>  what formats are called
---@param is_answered boolean
---@return providers.TelnyxCommand
function control.command(document, codecs, is_answered)
  local verb = document[1]
  local fn = commands[verb[1]]
  if not fn then error(("Call Control calls cannot be told to '%s' by a document"):format(verb[1]), 0) end
  return fn(verb, codecs, is_answered)
end

---What follows from an event of a call that is nobody's but the carrier's: a sentence is said, then the line is closed.
---@param message table
---@return string|nil call, providers.TelnyxCommand|nil command
function control.follow_up(message)
  local event, payload = event_of(message)
  local id = event and id_of(payload)
  if not id then return nil end
  local state = state_of(payload)
  if event == "call.answered" and state:sub(1, #SAY) == SAY then
    return id, { name = "speak", about = {
      payload = state:sub(#SAY + 1), payload_type = "text", voice = "female", language = "en-US",
      client_state = crypto.base64(SAID),
    } }
  end
  if event == "call.speak.ended" and state == SAID then return id, { name = "hangup", about = {} } end
end

-- Orders -------------------------------------------------------------------------------------------------------------

---What the order of a call becomes.
---@param order callisto.CarrierOrder
---@param connection string  the application's
---@return table body
function control.order(order, connection)
  return {
    connection_id = connection, to = order.to, from = order.from, client_state = crypto.base64(order.call),
    command_id = order.call, webhook_url = order.url, webhook_url_method = "POST", timeout_secs = order.ring,
    time_limit_secs = order.longest, answering_machine_detection = order.detects_machine and "detect" or nil,
  }
end

---What the carrier says of a call that it is asked about: whether it lives, not how it ended.
---@param body table
---@return callisto.CarrierStatus|nil
function control.fetched(body)
  local about = type(body.data) == "table" and body.data
  if not about or type(about.is_alive) ~= "boolean" then return nil end
  local seconds = tonumber(about.call_duration)
  if about.is_alive then return { word = "alive", is_terminal = false, is_answered = (seconds or 0) > 0 } end
  local was_answered = (seconds or 0) > 0
  return {
    word = "ended", status = was_answered and "ANSWERED" or "UNKNOWN", reason = was_answered and "COMPLETED" or nil,
    is_terminal = true, is_answered = was_answered, seconds = seconds,
  }
end

---The one of a connection's live calls that has our id.
---@param body table
---@param order {call: string}
---@return string|nil id
function control.found(body, order)
  for _, each in ipairs(type(body.data) == "table" and body.data or {}) do
    if type(each) == "table" and our_id(each) == order.call then return id_of(each) end
  end
end

return control
