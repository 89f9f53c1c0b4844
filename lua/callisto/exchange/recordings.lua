-- callisto.exchange.recordings: recordings of calls. The exchange tells of them as the carriers do; what can be downloaded is
-- silence of the recording's length, since documents and telephones share words here, not sound.

local core = require "callisto.core"
local network = require "callisto.exchange.network"
local task = require "callisto.task"

local PROCESSING_S = 0.2 -- from the end of a recording to its file
local RATE = 8000
local KEPT = 1000
local FILE_S = 600 -- the longest file that is made

---@class callisto.exchange.Recording
---@field id string
---@field call callisto.exchange.Call
---@field status "in-progress"|"paused"|"stopped"|"processing"|"completed"|"absent"
---@field source string  in the carrier's word
---@field channels integer
---@field track string
---@field started number
---@field seconds integer|nil  when it is over
---@field tell fun(recording: table, status: string)|nil
local Recordings = {}
Recordings.__index = Recordings

local function tell(recording, status)
  if recording.tell then recording.tell(recording, status) end
end

---Begins a recording.
---@param call callisto.exchange.Call
---@param about {source: string, channels: integer|nil, track: string|nil, tell: function|nil}
---@return callisto.exchange.Recording
function Recordings:start(call, about)
  local recording = {
    id = self.new_id(), call = call, status = "in-progress", source = about.source, channels = about.channels or 1,
    track = about.track or "both", started = core.wall(), resumed = core.wall(), heard = 0, tell = about.tell,
  }
  self.by_id[recording.id] = recording
  self.order[#self.order + 1] = recording
  if #self.order > KEPT then self:forget(self.order[1]) end
  network.note(call, "recording " .. recording.id .. " begins")
  tell(recording, "in-progress")
  return recording
end

---Those of a call, newest first.
---@param call callisto.exchange.Call
---@return callisto.exchange.Recording[]
function Recordings:of(call)
  local list = {}
  for index = #self.order, 1, -1 do
    if self.order[index].call == call then list[#list + 1] = self.order[index] end
  end
  return list
end

---One of a call that is not over: the newest, or by its id.
---@param call callisto.exchange.Call
---@param id string|nil
---@return callisto.exchange.Recording|nil
function Recordings:live(call, id)
  for _, each in ipairs(self:of(call)) do
    local is_live = each.status == "in-progress" or each.status == "paused"
    if is_live and (not id or each.id == id) then return each end
  end
end

---@param id string
---@return callisto.exchange.Recording|nil
function Recordings:find(id) return self.by_id[id] end

---@param recording callisto.exchange.Recording
function Recordings:pause(recording)
  if recording.status ~= "in-progress" then return end
  recording.status, recording.heard = "paused", recording.heard + core.wall() - recording.resumed
end

---@param recording callisto.exchange.Recording
function Recordings:resume(recording)
  if recording.status == "paused" then recording.status, recording.resumed = "in-progress", core.wall() end
end

---Ends a recording; its file is there a moment later, and told of then.
---@param recording callisto.exchange.Recording
function Recordings:stop(recording)
  self:pause(recording)
  if recording.status ~= "paused" then return end
  recording.status, recording.seconds = "stopped", math.max(0, math.floor(recording.heard + 0.5))
  network.note(recording.call, ("recording %s ends, %d s"):format(recording.id, recording.seconds))
  task.start(function()
    task.sleep(PROCESSING_S)
    recording.status = recording.heard > 0 and "completed" or "absent"
    tell(recording, recording.status)
  end)
end

---The call is over: what is recorded of it ends.
---@param call callisto.exchange.Call
function Recordings:finish(call)
  for _, each in ipairs(self:of(call)) do self:stop(each) end
end

---@param recording callisto.exchange.Recording
function Recordings:forget(recording)
  self.by_id[recording.id] = nil
  for index, each in ipairs(self.order) do
    if each == recording then return table.remove(self.order, index) end
  end
end

local function little_endian(value, bytes)
  local text = {}
  for index = 1, bytes do
    text[index] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(text)
end

---The file: μ-law WAV, of the first ten minutes.
---@param recording callisto.exchange.Recording
---@param channels integer|nil
---@return string
function Recordings:wav(recording, channels)
  channels = channels or recording.channels
  local sound = ("\255"):rep(RATE * channels):rep(math.min(recording.seconds, FILE_S))
  local format = little_endian(7, 2) .. little_endian(channels, 2) .. little_endian(RATE, 4)
    .. little_endian(RATE * channels, 4) .. little_endian(channels, 2) .. little_endian(8, 2)
  return "RIFF" .. little_endian(20 + #format + #sound, 4) .. "WAVEfmt " .. little_endian(#format, 4) .. format
    .. "data" .. little_endian(#sound, 4) .. sound
end

local recordings = {}

---@param new_id fun(): string  the carrier's id of a new recording
---@return table recordings
function recordings.new(new_id) return setmetatable({ new_id = new_id, by_id = {}, order = {} }, Recordings) end

return recordings
