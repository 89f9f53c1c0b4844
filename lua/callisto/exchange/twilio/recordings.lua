-- callisto.exchange.twilio.recordings: Twilio's recordings: starting and stopping one by request, lists, files.

local json = require "callisto.json"
local network = require "callisto.exchange.network"
local rest = require "callisto.exchange.twilio.rest"
local twiml = require "callisto.exchange.shared.twiml"

local twilio_recordings = {}

local face, account

local function url_of(recording) return rest.url("/Recordings/" .. recording.id) end

---@param given table the face
---@param of {sid: string, token: string}
function twilio_recordings.start(given, of)
  face, account = given, of
  ---What a callback says of a recording.
  function face.recording(recording)
    return {
      RecordingSid = recording.id, RecordingUrl = url_of(recording), RecordingDuration = tostring(recording.seconds or 0),
      RecordingChannels = tostring(recording.channels), RecordingSource = recording.source, RecordingTrack = recording.track,
      RecordingStartTime = rest.date(recording.started),
    }
  end
end

local function resource(recording)
  local path = ("/Calls/%s/Recordings/%s.json"):format(recording.call.id, recording.id)
  return {
    sid = recording.id, account_sid = account.sid, call_sid = recording.call.id, conference_sid = json.null,
    api_version = "2010-04-01", status = recording.status, channels = recording.channels, source = recording.source,
    track = recording.track, start_time = rest.date(recording.started), date_created = rest.date(recording.started),
    date_updated = rest.date(recording.started), duration = recording.seconds and tostring(recording.seconds) or json.null,
    price = json.null, price_unit = "USD", error_code = json.null, encryption_details = json.null,
    media_url = url_of(recording), uri = rest.uri(path), subresource_uris = {},
  }
end

local function start(call, params, list)
  if call.status ~= "in-progress" then return rest.refuse(400, 21220, "Requested resource is not eligible for recording") end
  local events = {}
  for _, pair in ipairs(list) do
    if pair[1] == "RecordingStatusCallbackEvent" then events[#events + 1] = pair[2] end
  end
  local recording = face.recordings:start(call, {
    source = "StartCallRecordingAPI", channels = params.RecordingChannels == "dual" and 2 or 1, track = params.RecordingTrack,
    tell = twiml.recording_teller(face, call, {
      url = params.RecordingStatusCallback, method = params.RecordingStatusCallbackMethod,
      events = #events > 0 and table.concat(events, " ") or nil,
    }),
  })
  return rest.answer(201, resource(recording))
end

local changes = { paused = "pause", ["in-progress"] = "resume", stopped = "stop" }

local function change(message, call, id, params)
  local recording = face.recordings:live(call, id ~= "Twilio.CURRENT" and id or nil)
  if not recording then return rest.not_found(message) end
  local verb = changes[params.Status]
  if not verb then return rest.refuse(400, 20001, "Status is not valid: " .. tostring(params.Status)) end
  face.recordings[verb](face.recordings, recording)
  return rest.answer(200, resource(recording))
end

local function about_one(message, recording)
  if not recording then return rest.not_found(message) end
  if message.method ~= "DELETE" then return rest.answer(200, resource(recording)) end
  face.recordings:forget(recording)
  return 204, {}, ""
end

-- The file is there a moment after the recording's end; only WAV is made.
local function file(message, id, ending, query)
  local recording = face.recordings:find(id)
  if not recording or recording.status ~= "completed" or (ending ~= "" and ending ~= ".wav") then
    return rest.not_found(message)
  end
  return 200, { ["content-type"] = "audio/x-wav" }, face.recordings:wav(recording, tonumber(query.RequestedChannels))
end

local function of_call(message, call, rest_of_path, params, list, query)
  if rest_of_path == ".json" and message.method == "POST" then return start(call, params, list) end
  if rest_of_path == ".json" then
    local path = ("/Calls/%s/Recordings.json"):format(call.id)
    return rest.page("recordings", path, query, {}, face.recordings.order, function(each) return each.call == call end, resource)
  end
  local id = rest_of_path:match "^/([%w.]+)%.json$"
  if not id then return nil end
  if message.method == "POST" then return change(message, call, id, params) end
  return about_one(message, face.recordings:find(id))
end

---Answers a request about recordings; nil when it is about something else.
---@return integer|nil status, table|nil headers, string|nil body
function twilio_recordings.handle(message, path, params, list, query)
  local call_id, rest_of_path = path:match "^/Calls/(CA%x+)/Recordings(.*)$"
  if call_id then
    local call = network.find(call_id)
    if not call then return rest.not_found(message) end
    return of_call(message, call, rest_of_path, params, list, query)
  end
  if path == "/Recordings.json" then
    return rest.page("recordings", path, query, { "CallSid" }, face.recordings.order, function(each)
      return not query.CallSid or each.call.id == query.CallSid
    end, resource)
  end
  local id, ending = path:match "^/Recordings/(RE%x+)(.*)$"
  if not id then return nil end
  if ending == ".json" then return about_one(message, face.recordings:find(id)) end
  return file(message, id, ending, query)
end

return twilio_recordings
