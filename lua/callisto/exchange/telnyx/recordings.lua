-- callisto.exchange.telnyx.recordings: Telnyx's recordings. The links to files work for ten minutes.

local core = require "callisto.core"
local http = require "callisto.http"
local json = require "callisto.json"
local telnyx_call = require "callisto.exchange.telnyx.call"
local twiml = require "callisto.exchange.shared.twiml"

local telnyx_recordings = {}

local LINK_S = 600

local face, account
local home = "https://api.telnyx.com"
local answer, refuse, not_found

---How the face answers.
function telnyx_recordings.answers(...) answer, refuse, not_found = ... end

-- A link that is good from now on: it needs no key.
local function link_of(recording)
  return ("%s/telnyx-recordings/%s/%d.wav"):format(home, recording.id, core.wall() + LINK_S)
end

---@param given table the face
---@param of {sid: string}
---@param api string|nil  where the application reaches us, if that is known
function telnyx_recordings.start(given, of, api)
  face, account, home = given, of, api and api:gsub("/+$", "") or home
  ---What a callback says of a recording.
  function face.recording(recording)
    return {
      RecordingSid = recording.id, RecordingUrl = link_of(recording), RecordingDuration = tostring(recording.seconds or 0),
      RecordingChannels = tostring(recording.channels), RecordingSource = recording.source, RecordingTrack = recording.track,
      RecordingStartTime = telnyx_call.date(recording.started),
    }
  end
end

---Learns from a request where we are reached.
---@param message table
function telnyx_recordings.reached(message)
  local host = message.headers.host
  if host and host:find "^[%w%-._:%[%]]+$" then home = "http://" .. host end
end

local function resource(recording)
  return {
    sid = recording.id, account_sid = account.sid, call_sid = recording.call.id, conference_sid = json.null,
    channels = recording.channels, source = recording.source, track = recording.track, status = recording.status,
    start_time = telnyx_call.date(recording.started), date_created = telnyx_call.date(recording.started),
    date_updated = telnyx_call.date(recording.started),
    duration = recording.seconds and tostring(recording.seconds) or json.null,
    media_url = recording.status == "completed" and link_of(recording) or json.null, error_code = json.null,
    uri = ("/v2/texml/Accounts/%s/Recordings/%s.json"):format(account.sid, recording.id),
  }
end

local function teller(call, params)
  return twiml.recording_teller(face, call, {
    url = params.RecordingStatusCallback, method = params.RecordingStatusCallbackMethod,
    events = params.RecordingStatusCallbackEvent,
  })
end

local function begin(call, params, source)
  return face.recordings:start(call, {
    source = source, channels = params.RecordingChannels == "dual" and 2 or 1, track = params.RecordingTrack,
    tell = teller(call, params),
  })
end

---A call that was ordered with a recording has been answered.
---@param call callisto.exchange.Call
function telnyx_recordings.from_start(call) begin(call, call.params, "OutboundAPI") end

---Records a call because a command says so; `saved` is told when the file is there.
---@param call callisto.exchange.Call
---@param about {channels: string|nil}
---@param saved fun(recording: callisto.exchange.Recording)
function telnyx_recordings.by_command(call, about, saved)
  face.recordings:start(call, {
    source = "StartCallRecordingAPI", channels = about.channels == "dual" and 2 or 1,
    tell = function(recording, status)
      if status == "completed" then saved(recording) end
    end,
  })
end

---A link to a recording's file.
---@param recording callisto.exchange.Recording
---@return string
function telnyx_recordings.link(recording) return link_of(recording) end

local changes = { paused = "pause", ["in-progress"] = "resume", stopped = "stop" }

---Answers a request about the recordings of a call.
---@return integer status, table headers, string body
function telnyx_recordings.of_call(message, call, path, params)
  if path == "/Recordings.json" and message.method == "POST" then
    if call.status ~= "in-progress" then return refuse(422, 90034, "Call not answered yet") end
    return answer(200, resource(begin(call, params, "StartCallRecordingAPI")))
  end
  if path == "/Recordings.json" then
    local rows = json.array {}
    for _, each in ipairs(face.recordings:of(call)) do rows[#rows + 1] = resource(each) end
    return answer(200, { recordings = rows, page = 0, page_size = #rows, start = 0, ["end"] = math.max(0, #rows - 1) })
  end
  local id = path:match "^/Recordings/([%w%-]+)%.json$"
  local recording = id and face.recordings:live(call, id)
  local verb = changes[params.Status or ""]
  if not recording then return not_found() end
  if not verb then
    return refuse(422, 10032, "Invalid enumerated value", "Status must be paused, in-progress or stopped.", "/Status")
  end
  face.recordings[verb](face.recordings, recording)
  return answer(200, resource(recording))
end

local function about(recording)
  return {
    id = recording.id, record_type = "recording", call_control_id = recording.call.id, status = "completed",
    channels = recording.channels == 2 and "dual" or "single", source = "call",
    duration_millis = (recording.seconds or 0) * 1000, recording_started_at = telnyx_call.date(recording.started),
    download_urls = { wav = link_of(recording) },
  }
end

---Answers a request about all recordings; nil when it is about something else.
---@return integer|nil status, table|nil headers, string|nil body
function telnyx_recordings.handle(message, path)
  if path == "/recordings" then
    local query, rows = (http.read_form(message.query)) or {}, json.array {}
    for _, each in ipairs(face.recordings.order) do
      local wanted = query["filter[call_control_id]"]
      if each.status == "completed" and (not wanted or wanted == each.call.id) then rows[#rows + 1] = about(each) end
    end
    return answer(200, { data = rows, meta = { page_number = 1, page_size = #rows, total_pages = 1, total_results = #rows } })
  end
  local recording = face.recordings:find(path:match "^/recordings/([%w%-]+)$" or "")
  if not recording or recording.status ~= "completed" then return nil end
  if message.method == "DELETE" then face.recordings:forget(recording) end
  return answer(200, { data = about(recording) })
end

---The file behind a link; nil when the path is none.
---@param path string
---@return integer|nil status, table|nil headers, string|nil body
function telnyx_recordings.file(path)
  local id, until_when = path:match "^/telnyx%-recordings/([%w%-]+)/(%d+)%.wav$"
  if not id then return nil end
  local recording = face.recordings:find(id)
  if not recording or recording.status ~= "completed" then return not_found() end
  if tonumber(until_when) < core.wall() then
    return 403, { ["content-type"] = "application/xml" }, "<Error><Code>AccessDenied</Code></Error>"
  end
  return 200, { ["content-type"] = "audio/wav" }, face.recordings:wav(recording)
end

return telnyx_recordings
