-- callisto.exchange.plivo.documents: Plivo's XML obeyed, and the carrier's side of its media socket; Vobiz's too.

local core = require "callisto.core"
local documents = require "callisto.exchange.documents"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local plivo_call = require "callisto.exchange.plivo.call"
local task = require "callisto.task"
local xml = require "callisto.xml"

local plivo_documents = {}

local DEFAULT_TYPE = "audio/x-l16;rate=8000" -- of a stream that names none

local BETWEEN_KEYS_S = 2

-- What <Stream> asks for: what the frames call it, and its rate; nil when the carrier has not got that.
local function read_type(kind, content_type)
  if content_type == "audio/x-mulaw;rate=8000" then return "audio/x-mulaw", 8000 end
  local rate = tonumber(content_type:match "^audio/x%-l16;rate=(%d+)$")
  for _, known in ipairs(kind.l16_rates) do
    if rate == known then return "audio/x-l16", rate end
  end
end

-- Media ------------------------------------------------------------------------------------------------------------

-- The carrier's side of the media socket. Audio of another kind than the stream's is passed over, without a word.
local function media_of(kind, content_type)
  local name, rate = read_type(kind, content_type)
  local taken, sent = "pcmu", "pcmu"
  if name == "audio/x-l16" then taken, sent = kind.byte_orders(kind.audio) end
  local media = {
    name = kind.name .. "-carrier", encoding = taken, encoding_out = sent, rate = rate, frame_ms = 20, event = "event",
    audio_in = { event = "playAudio", payload = "media.payload", when = { "media.contentType", name } },
    mark_in = { event = "checkpoint", name = "name" },
    clear_in = { event = "clearAudio", drops_marks = true },
  }
  for field, value in pairs(kind.media) do media[field] = value end
  if kind.audio:find("+tones", 1, true) then media.dtmf_out = nil end
  return media
end

---The first <Stream> of a document decides what the telephone's media are like; it is read before the call is answered.
---@param kind table
---@param call callisto.exchange.Call
---@param document string
function plivo_documents.look_ahead(kind, call, document)
  if call.answered then return end
  for _, node in ipairs(xml.parse(document) or {}) do
    local content_type = node.name == "Stream" and (node.attrs.contentType or DEFAULT_TYPE)
    if content_type and read_type(kind, content_type) then
      call.content_type = content_type
      return
    end
  end
end

---The media socket's.
---@param kind table
---@param call callisto.exchange.Call
---@return userdata
function plivo_documents.wire(kind, call)
  call.content_type = call.content_type or "audio/x-mulaw;rate=8000"
  kind.wires[call.content_type] = kind.wires[call.content_type] or core.wire(media_of(kind, call.content_type))
  return kind.wires[call.content_type]
end

local function opening_of(kind, call, stream_id, extra_headers)
  local name, rate = read_type(kind, call.content_type)
  return { json.encode {
    event = "start", sequenceNumber = 0, extra_headers = kind.extra_headers(extra_headers),
    start = {
      callId = call.id, streamId = stream_id, accountId = "10000001", tracks = json.array { "inbound" },
      mediaFormat = { encoding = name, sampleRate = rate },
    },
  } }
end

-- What is wrong with a stream, if anything is.
local function fault_of(call, node, url)
  local attrs = node.attrs
  if not url:find "^wss?://" then return "the URL of a stream is the element's text: wss://…" end
  if #url > 2048 then return "the URL of a stream has at most 2048 characters" end
  if attrs.bidirectional ~= "true" then return "streams that only listen are not obeyed here" end
  if attrs.audioTrack and attrs.audioTrack ~= "inbound" then return "a bidirectional stream has the track inbound" end
  local content_type = attrs.contentType or DEFAULT_TYPE
  if content_type ~= call.content_type then
    return ("the media of this call are %s, not %s"):format(call.content_type, content_type)
  end
  local headers = attrs.extraHeaders or ""
  if #headers > 512 or headers:find "[^%w=,;]" then return "extraHeaders are at most 512 letters and digits" end
end

local function about_stream(kind, call, node, stream_id, event)
  if not node.attrs.statusCallbackUrl then return end
  plivo_call.notify(kind, call, event, node.attrs.statusCallbackUrl, node.attrs.statusCallbackMethod,
    { Event = event, StreamID = stream_id, Timestamp = plivo_call.time(core.wall()) })
end

local function stream(kind, call, node)
  local url = node.text:match "^%s*(.-)%s*$"
  local fault = fault_of(call, node, url)
  if fault then
    network.note(call, "stream: " .. fault)
    return
  end
  if node.attrs.keepCallAlive ~= "true" then
    network.note(call, "stream: without keepCallAlive nothing waits for it")
    return
  end
  local stream_id = plivo_call.uuid()
  about_stream(kind, call, node, stream_id, "StartStream")
  local reason = network.stream(call, {
    url = url, headers = kind.sign_upgrade(url), stream = stream_id, carrier_call = call.id, sequence = 1,
    opening = opening_of(kind, call, stream_id, node.attrs.extraHeaders),
  })
  about_stream(kind, call, node, stream_id, reason == "hangup" and "StopStream" or "DroppedStream")
  if reason == "no_socket" then network.note(call, "the media socket could not be opened") end
end

-- Verbs ------------------------------------------------------------------------------------------------------------

local verbs = {}

function verbs.Stream(kind, call, node) stream(kind, call, node) end

local function times(node) return math.max(1, math.min(tonumber(node.attrs.loop) or 1, 100)) end

function verbs.Speak(_, call, node)
  for _ = 1, times(node) do network.say(call, node.text) end
end

function verbs.Play(_, call, node)
  for _ = 1, times(node) do documents.play(call, node.text) end
end

function verbs.Wait(_, _, node) task.sleep(tonumber(node.attrs.length) or 1) end

function verbs.DTMF(_, call, node)
  network.note(call, "carrier plays keys " .. node.text)
  if node.attrs.async == "false" then task.sleep(#node.text * 0.25) end
end

function verbs.Hangup(_, call, node)
  local seconds = tonumber(node.attrs.schedule)
  if seconds then return network.note(call, "a hang-up later is not obeyed here") end
  call.why_ended = "by document"
  return "hangup"
end

function verbs.Redirect(kind, call, node)
  return kind.go_to(call, node.text:match "%S+" or call.base, node.attrs.method)
end

local function prompt(kind, call, node)
  for _, child in ipairs(node) do
    if child.name == "Speak" or child.name == "Play" or child.name == "Wait" then verbs[child.name](kind, call, child) end
  end
end

local function gathered(kind, call, node, digits, timeout)
  return documents.gather(call, function()
    prompt(kind, call, node)
    task.sleep(timeout)
  end, { digits = digits, finish = node.attrs.finishOnKey or "#", timeout = BETWEEN_KEYS_S })
end

local function get_input(kind, call, node)
  local keys, finished = gathered(kind, call, node, tonumber(node.attrs.numDigits) or 32,
    math.max(5, math.min(tonumber(node.attrs.executionTimeout) or 15, 60)))
  local is_posted = keys ~= "" or finished or kind.posts_empty_input
  if not is_posted or not node.attrs.action then return nil end
  return kind.go_to(call, node.attrs.action, node.attrs.method, { InputType = "dtmf", Digits = keys, Speech = "" })
end

function verbs.GetInput(...) return get_input(...) end

function verbs.Gather(...) return get_input(...) end

function verbs.GetDigits(kind, call, node)
  for _ = 1, tonumber(node.attrs.retries) or 1 do
    local keys = gathered(kind, call, node, tonumber(node.attrs.numDigits) or 99, tonumber(node.attrs.timeout) or 5)
    if keys ~= "" then
      return node.attrs.action and kind.go_to(call, node.attrs.action, node.attrs.method, { Digits = keys }) or nil
    end
  end
end

function verbs.Record(kind, call, node)
  local attrs = node.attrs
  local recording = kind.record(call, attrs.callbackUrl or attrs.action, attrs.callbackMethod)
  if attrs.recordSession == "true" or attrs.startOnDialAnswer == "true" then return nil end
  task.sleep(tonumber(attrs.timeout) or 15)
  kind.recordings:stop(recording)
  if attrs.action and attrs.redirect ~= "false" then
    return kind.go_to(call, attrs.action, attrs.method, kind.about_recording(recording))
  end
end

-- Dialling ---------------------------------------------------------------------------------------------------------

local DIAL_WORDS = { canceled = "cancel", ["no-answer"] = "no-answer" }

-- A document that the called party hears, and the key that lets the call through.
local function screen_of(kind, call, attrs)
  if not attrs.confirmSound then return nil end
  return function(leg)
    local document = plivo_call.fetch(kind, leg, "GET", documents.absolute(call.base, attrs.confirmSound))
    local root = document and xml.parse(document)
    if not root then return false end
    local keys = gathered(kind, leg, root, 1, 10)
    return not attrs.confirmKey or keys == attrs.confirmKey
  end
end

local function told_of_dial(kind, call, leg, attrs, action)
  if not attrs.callbackUrl then return end
  plivo_call.notify(kind, call, "dial " .. action, attrs.callbackUrl, attrs.callbackMethod, {
    Event = "DialAction", DialAction = action, DialALegUUID = call.id, DialBLegUUID = leg.id,
    DialBLegTo = plivo_call.digits(leg.to),
  })
end

function verbs.Dial(kind, call, node)
  local attrs = node.attrs
  local number = documents.children(node, "Number")[1] or documents.children(node, "User")[1]
  local to = number and number.text:match "%S+"
  if not to then return network.note(call, "<Dial> names nobody") end
  local leg = { id = plivo_call.uuid(), from = plivo_call.e164(attrs.callerId or call.from), to = plivo_call.e164(to) }
  local outcome, is_joined = kind.course:dial(call, leg, tonumber(attrs.timeout) or 120, tonumber(attrs.timeLimit), {
    screen = screen_of(kind, call, attrs),
    joined = function() told_of_dial(kind, call, leg, attrs, "answer") end,
  })
  if is_joined then told_of_dial(kind, call, leg, attrs, "hangup") end
  if not attrs.action then return nil end
  return kind.go_to(call, attrs.action, attrs.method, {
    DialStatus = DIAL_WORDS[outcome] or outcome, DialRingStatus = leg.answered and "true" or "false", DialALegUUID = call.id,
    DialBLegUUID = leg.answered and leg.id or "", DialHangupCause = plivo_call.cause(leg)[3],
  })
end

local ROOM_WORDS = { join = "enter", leave = "exit" }

function verbs.Conference(kind, call, node)
  local attrs, name = node.attrs, node.text:match "^%s*(.-)%s*$"
  local function told(event, room, more)
    local word = ROOM_WORDS[event]
    local of = more.participant and more.participant.call
    if not word or not attrs.callbackUrl or not of then return end
    plivo_call.notify(kind, of, "conference " .. word, attrs.callbackUrl, attrs.callbackMethod, {
      Event = "Conference" .. (word == "enter" and "Enter" or "Exit"), ConferenceAction = word, ConferenceName = room.name,
      ConferenceUUID = room.id, ConferenceMemberID = of.line,
    })
  end
  local why = kind.rooms:join(call, name, {
    starts = attrs.startConferenceOnEnter ~= "false", ends = attrs.endConferenceOnExit == "true", muted = attrs.muted == "true",
    most = tonumber(attrs.maxMembers or attrs.maxParticipants), tell = told,
  })
  network.note(call, "conference " .. name .. ": " .. why)
  if attrs.action then return kind.go_to(call, attrs.action, attrs.method, { ConferenceName = name }) end
end

-- A document that begins with a hang-up leaves a call that comes in unanswered.
local function rejects(call, document)
  local first = (xml.parse(document) or {})[1]
  if call.answered or call.direction ~= "inbound" then return false end
  if not first or first.name ~= "Hangup" or first.attrs.schedule then return false end
  call.rejected = first.attrs.reason == "busy" and "busy" or "failed"
  call.why_ended = "rejected"
  return true
end

---How a carrier's documents are obeyed. Gives `kind` its `go_to` and `run`.
---@param kind table
function plivo_documents.new(kind)
  local own = {}
  for name, verb in pairs(verbs) do
    own[name] = function(call, node) return verb(kind, call, node) end
  end
  for _, name in ipairs(kind.lacks) do own[name] = nil end
  local dialect = documents.new {
    verbs = own, unanswered = {}, answer = kind.answer,
    fetch = function(call, method, url, more) return plivo_call.fetch(kind, call, method, url, more) end,
    parse_failure = "8011 invalid answer XML", unknown_verb = "8012 schema",
  }
  function kind.go_to(...) return dialect:go_to(...) end
  function kind.run(call, document, base)
    if not rejects(call, document) then dialect:run(call, document, base) end
  end
end

return plivo_documents
