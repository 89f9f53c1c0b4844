-- callisto.exchange.shared.twiml: TwiML obeyed: the verbs of Twilio, and of those who took them over.
--
-- A face gives what is its own: how documents are fetched and callbacks signed, how a media socket is opened, ids. Words,
-- keys, joined calls, rooms and recordings are the same for all of them.

local core = require "callisto.core"
local documents = require "callisto.exchange.documents"
local network = require "callisto.exchange.network"
local task = require "callisto.task"

local twiml = {}

local ANY_KEY = "1234567890*#"
local LONGEST_S = 14400

---@class callisto.exchange.TwimlFace
---@field course table
---@field rooms table
---@field recordings table
---@field answer fun(call: callisto.exchange.Call): boolean
---@field fetch fun(call: table, method: string|nil, url: string, extra: table|nil): string|nil, string
---@field notify fun(call: table, event: string, url: string, method: string|nil, params: table<string, string>)
---@field stream fun(call: table, node: table)  <Connect><Stream>; waits until it is over
---@field listen fun(call: table, node: table)|nil  <Start><Stream>
---@field stop_listening fun(call: table, name: string|nil)|nil
---@field new_call fun(): string  id of a leg
---@field recording fun(recording: table): table<string, string>  what callbacks say of a recording
---@field silence integer  seconds after which <Record> ends, unless it says otherwise; 0: never
local children = documents.children

local function flag(text, otherwise)
  if text == nil or text == "" then return otherwise end
  return text == "true"
end

local function words(text)
  local set = {}
  for word in (text or ""):gmatch "%S+" do set[#set + 1] = word end
  return set
end

local function lists(list, word)
  for _, each in ipairs(list) do
    if each == word then return true end
  end
  return false
end

-- Rooms ------------------------------------------------------------------------------------------------------------

local events = {
  start = "conference-start", ["end"] = "conference-end", join = "participant-join", leave = "participant-leave",
  mute = "participant-mute", unmute = "participant-unmute", hold = "participant-hold", unhold = "participant-unhold",
  modify = "participant-modify",
}
local reasons_left = {
  left = "participant_hung_up", removed = "participant_updated_via_api", ended = "moderator_ended_conference",
}
local reasons_ended = { moderator = "participant-with-end-conference-on-exit-left", empty = "last-participant-left",
  api = "conference-ended-via-api" }

local function say(value) return value and "true" or "false" end

local function about_participant(participant, event, room)
  local params = {
    CallSid = participant.call.id, ParticipantLabel = participant.label, Muted = say(participant.call.muted),
    Hold = say(participant.call.on_hold), Coaching = "false", EndConferenceOnExit = say(participant.ends),
    StartConferenceOnEnter = say(participant.starts),
  }
  if event == "leave" then
    params.ParticipantCallStatus = participant.call.gone and "completed" or participant.call.status
    params.ReasonParticipantLeft = room.why == "api" and "conference_ended_via_api" or reasons_left[participant.why or "left"]
  end
  return params
end

---The application that makes a room with this element's attributes is notified of it.
---@param face callisto.exchange.TwimlFace
---@param call callisto.exchange.Call
---@param wanted {url: string|nil, method: string|nil, events: string|nil}
---@return function|nil
function twiml.room_teller(face, call, wanted)
  if not wanted.url then return nil end
  local list, sequence = words(wanted.events or "start end"), 0
  return function(event, room, more)
    sequence = sequence + 1
    local family = (event == "unmute" and "mute") or (event == "unhold" and "hold") or event
    if not lists(list, family) then return end
    local params = more.participant and about_participant(more.participant, event, room) or {}
    params.ConferenceSid, params.FriendlyName, params.StatusCallbackEvent = room.id, room.name, events[event]
    params.SequenceNumber, params.Timestamp = tostring(sequence), core.date("%a, %d %b %Y %H:%M:%S +0000", core.wall())
    if event == "end" then
      params.ReasonConferenceEnded = reasons_ended[room.why]
      params.CallSidEndingConference = more.by and more.by.call.id
      params.ParticipantLabelEndingConference = more.by and more.by.label
    end
    face.notify(call, events[event], wanted.url, wanted.method, params)
  end
end

-- Recordings -------------------------------------------------------------------------------------------------------

---The application that starts a recording is notified of it.
---@param face callisto.exchange.TwimlFace
---@param call callisto.exchange.Call
---@param wanted {url: string|nil, method: string|nil, events: string|nil}
---@return function|nil
function twiml.recording_teller(face, call, wanted)
  if not wanted.url then return nil end
  local list = words(wanted.events or "completed")
  return function(recording, status)
    if not lists(list, status) then return end
    local params = face.recording(recording)
    params.RecordingStatus = status
    face.notify(call, "recording " .. status, wanted.url, wanted.method, params)
  end
end

local function wanted_by(call, attrs)
  local url = attrs.recordingStatusCallback
  return {
    url = url and documents.absolute(call.base, url), method = attrs.recordingStatusCallbackMethod,
    events = attrs.recordingStatusCallbackEvent,
  }
end

-- Until a key, silence or the greatest length ends it. What was pressed; whether anything was said.
local function until_recorded(call, keys, silence, longest)
  local spoke = false
  local _, digit = task.race {
    key = function()
      while true do
        network.until_key(call)
        local key = call.keys:sub(1, 1)
        call.keys = call.keys:sub(2)
        if keys:find(key, 1, true) then return key end
      end
    end,
    silence = function()
      local is_speaking
      repeat
        local why
        is_speaking, why = task.wait("voice " .. call.line, not is_speaking and silence > 0 and silence or nil)
        spoke = spoke or is_speaking == true
      until why
    end,
    longest = function() task.sleep(longest) end,
  }
  return digit, spoke
end

-- The verbs --------------------------------------------------------------------------------------------------------

local verbs = {}

function verbs.Say(_, call, node)
  for _ = 1, math.max(1, math.min(tonumber(node.attrs.loop) or 1, 100)) do network.say(call, node.text) end
end

function verbs.Play(_, call, node)
  if not node.attrs.digits then return documents.play(call, node.text) end
  network.note(call, "carrier plays keys " .. node.attrs.digits)
  task.sleep(#node.attrs.digits * 0.5)
end

function verbs.Pause(_, _, node) task.sleep(tonumber(node.attrs.length) or 1) end

function verbs.Hangup(_, call)
  call.hung_up = true
  return "hangup"
end

function verbs.Redirect(face, call, node) return face.go_to(call, node.text:match "%S+" or call.base, node.attrs.method) end

function verbs.Reject(_, call, node)
  call.rejected = node.attrs.reason == "busy" and "busy" or "no-answer"
  return "hangup"
end

function verbs.Gather(face, call, node)
  local function prompt()
    for _, child in ipairs(node) do
      if verbs[child.name] then verbs[child.name](face, call, child) end
    end
  end
  local keys, finished = documents.gather(call, prompt, {
    digits = tonumber(node.attrs.numDigits), finish = node.attrs.finishOnKey or "#", timeout = tonumber(node.attrs.timeout) or 5,
  })
  if keys == "" and not finished and node.attrs.actionOnEmptyResult ~= "true" then return nil end
  return face.go_to(call, node.attrs.action or call.base, node.attrs.method, { Digits = keys, FinishedOnKey = finished })
end

function verbs.Connect(face, call, node)
  for _, child in ipairs(children(node, "Stream")) do face.stream(call, child) end
  if node.attrs.action then return face.go_to(call, node.attrs.action, node.attrs.method) end
end

-- What is started goes on beside the document.
function verbs.Start(face, call, node)
  for _, child in ipairs(node) do
    if child.name == "Recording" then
      face.recordings:start(call, {
        source = "StartCallRecordingTwiML", channels = child.attrs.channels == "dual" and 2 or 1, track = child.attrs.track,
        tell = twiml.recording_teller(face, call, wanted_by(call, child.attrs)),
      })
    elseif child.name == "Stream" and face.listen then
      face.listen(call, child)
    else
      network.note(call, ("<Start><%s> is not obeyed here"):format(child.name))
    end
  end
end

function verbs.Stop(face, call, node)
  for _, child in ipairs(children(node, "Stream")) do
    if face.stop_listening then face.stop_listening(call, child.attrs.name) end
  end
end

function verbs.Record(face, call, node)
  local attrs = node.attrs
  local silence, longest = tonumber(attrs.timeout) or face.silence, tonumber(attrs.maxLength) or 3600
  if longest <= 0 then longest = LONGEST_S end
  if attrs.playBeep ~= "false" then network.note(call, "carrier beeps") end
  local recording = face.recordings:start(call, {
    source = "RecordVerb", tell = twiml.recording_teller(face, call, wanted_by(call, attrs)),
  })
  local function about(digits)
    local params = face.recording(recording)
    params.Digits = digits
    return params
  end
  local is_done = false
  return task.finally(function()
    local digit, spoke = until_recorded(call, attrs.finishOnKey or ANY_KEY, silence, longest)
    face.recordings:stop(recording)
    is_done = true
    if not spoke and not digit then return nil end
    return face.go_to(call, attrs.action or call.base, attrs.method, about(digit))
  end, function()
    if is_done then return end
    face.recordings:stop(recording)
    if not call.gone or not attrs.action then return end
    task.start(face.fetch, call, attrs.method, documents.absolute(call.base, attrs.action), about "hangup")
  end)
end

local function conference(face, call, node, attrs)
  local name = node.text:match "^%s*(.-)%s*$"
  local tell = twiml.room_teller(face, call, {
    url = attrs.statusCallback and documents.absolute(call.base, attrs.statusCallback), method = attrs.statusCallbackMethod,
    events = attrs.statusCallbackEvent,
  })
  network.note(call, "enters the room " .. name)
  local why = face.rooms:join(call, name, {
    label = attrs.participantLabel, starts = flag(attrs.startConferenceOnEnter, true),
    ends = flag(attrs.endConferenceOnExit, false), muted = flag(attrs.muted, false), most = tonumber(attrs.maxParticipants),
    tell = tell,
  })
  network.note(call, ("has left the room %s: %s"):format(name, why))
  return (why == "full" or why == "label taken") and "failed" or "completed"
end

-- The one who is dialled hears a document first and may hang up on it.
local function screen(face, leg, base)
  local attrs = leg.noun.attrs
  if not attrs.url then return true end
  leg.base = base
  local document, where = face.fetch(leg, attrs.method, documents.absolute(base, attrs.url))
  if not document then
    network.note(leg, "application error: " .. where)
    return false
  end
  face.run(leg, document, where)
  return not leg.gone and not leg.hung_up
end

local function leg_of(face, call, noun, dial)
  local leg = { id = face.new_call(), from = dial.callerId or call.from, to = noun.text:match "%S+", noun = noun }
  if noun.attrs.statusCallback then
    leg.status_callback = documents.absolute(call.base, noun.attrs.statusCallback)
    leg.status_method, leg.events = noun.attrs.statusCallbackMethod, words(noun.attrs.statusCallbackEvent or "completed")
  end
  return leg
end

-- Dials one number, or several at the same time.
local function dial_numbers(face, call, nouns, dial)
  local legs, recording = {}, nil
  for index, noun in ipairs(nouns) do legs[index] = leg_of(face, call, noun, dial) end
  local started = core.now()
  local outcome, is_joined, leg = face.course:dial(call, legs, tonumber(dial.timeout) or 30, tonumber(dial.timeLimit), {
    screen = function(each) return screen(face, each, call.base) end,
    joined = function(each)
      local digits = each.noun.attrs.sendDigits
      if digits then network.note(each, "carrier plays keys " .. digits) end
      if not (dial.record or ""):find "^record%-" then return end
      recording = face.recordings:start(call, {
        source = "DialVerb", channels = dial.record:find "dual" and 2 or 1,
        tell = twiml.recording_teller(face, call, wanted_by(call, dial)),
      })
    end,
  })
  if recording then face.recordings:stop(recording) end
  return outcome, {
    DialCallStatus = outcome, DialCallSid = leg.id, DialCallDuration = tostring(math.floor(core.now() - started)),
    DialBridged = say(is_joined), RecordingUrl = recording and face.recording(recording).RecordingUrl,
  }
end

-- All at once, or one after the other.
local function dial_all(face, call, nouns, dial)
  if dial.sequential ~= "true" then return select(2, dial_numbers(face, call, nouns, dial)) end
  local outcome, params
  for _, noun in ipairs(nouns) do
    outcome, params = dial_numbers(face, call, { noun }, dial)
    if outcome == "completed" then break end
  end
  return params
end

function verbs.Dial(face, call, node)
  local attrs = node.attrs
  local params ---@type table<string, string>
  local room, nouns = children(node, "Conference")[1], children(node, "Number")
  if #nouns == 0 and node.text:match "%S" then nouns[1] = { attrs = {}, text = node.text } end
  if room then
    local outcome = conference(face, call, room, room.attrs)
    params = { DialCallStatus = outcome, DialBridged = say(outcome == "completed") }
  elseif #nouns > 0 then
    params = dial_all(face, call, nouns, attrs)
  else
    return network.note(call, "13224 <Dial> names no number")
  end
  if not attrs.action then return nil end
  return face.go_to(call, attrs.action, attrs.method, params)
end

---A dialect of a face.
---@param face callisto.exchange.TwimlFace  it gets `go_to` and `run`
---@return table dialect
function twiml.new(face)
  local of_face = {}
  for name, verb in pairs(verbs) do
    of_face[name] = function(call, node) return verb(face, call, node) end
  end
  local dialect = documents.new {
    verbs = of_face, unanswered = { Reject = true }, answer = face.answer, fetch = face.fetch,
    parse_failure = "12100 document parse failure", unknown_verb = "12200 schema warning",
  }
  function face.go_to(...) return dialect:go_to(...) end
  function face.run(...) return dialect:run(...) end
  return dialect
end

return twiml
