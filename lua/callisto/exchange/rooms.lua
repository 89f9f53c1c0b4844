-- callisto.exchange.rooms: conference rooms: who is in one hears the others, as words.
--
--   room: waiting ──(two are in it, one of them starts it)──► in-progress ──(the last leaves, or one who ends it)──► completed
--
-- A room comes into being with its first participant and is known by its name until it ends, by its id for ever. A
-- participant who joins before the start waits. The maker of the room is notified of what happens: `tell(event, room, more)`,
-- with the events start, end, join, leave, mute, unmute, hold, unhold, modify.

local core = require "callisto.core"
local network = require "callisto.exchange.network"
local task = require "callisto.task"

local MOST = 250
local ROOMS_KEPT = 1000

---@class callisto.exchange.Participant
---@field call callisto.exchange.Call
---@field label string|nil
---@field starts boolean  the room starts with it
---@field ends boolean  the room ends with it
---@field why string|nil  it left

---@class callisto.exchange.Room
---@field id string
---@field name string
---@field status "init"|"in-progress"|"completed"
---@field participants callisto.exchange.Participant[]
---@field tell fun(event: string, room: table, more: table)|nil
---@field calls callisto.exchange.Call[]  those who hear each other
local Rooms = {}
Rooms.__index = Rooms

local function has(list, fits)
  for index, each in ipairs(list) do
    if fits(each) then return index, each end
  end
end

local function tell(room, event, more)
  if room.tell then room.tell(event, room, more or {}) end
end

---A room that is known by this name and has not ended, or a new one.
---@param name string
---@param about {tell: function|nil, most: integer|nil}  of a new one
---@return callisto.exchange.Room
function Rooms:open(name, about)
  local room = self.by_name[name]
  if room then return room end
  room = {
    id = self.new_id(), name = name, status = "init", participants = {}, calls = {}, tell = about.tell,
    most = about.most or MOST, created = core.wall(),
  }
  self.by_name[name], self.by_id[room.id] = room, room
  self.order[#self.order + 1] = room
  if #self.order > ROOMS_KEPT then
    local oldest = table.remove(self.order, 1)
    self.by_id[oldest.id] = nil
  end
  return room
end

local function start_if_due(room)
  local is_due = room.status == "init" and #room.participants > 1
    and has(room.participants, function(each) return each.starts end)
  if is_due then
    room.status = "in-progress"
    tell(room, "start")
    for _, each in ipairs(room.participants) do
      room.calls[#room.calls + 1] = each.call
      network.joined(each.call, room.calls)
    end
  elseif room.status == "in-progress" then
    local newest = room.participants[#room.participants].call
    room.calls[#room.calls + 1] = newest
    network.joined(newest, room.calls)
  end
end

local function dismiss(room, participant, why)
  participant.why = participant.why or why
  task.wake("room " .. participant.call.line, true)
end

---Ends a room: everybody is sent out of it.
---@param room callisto.exchange.Room
---@param why string
---@param by callisto.exchange.Participant|nil  whose leaving ends it
function Rooms:close(room, why, by)
  if room.status == "completed" then return end
  room.status, room.ended, room.why, room.by = "completed", core.wall(), why, by
  self.by_name[room.name] = nil
  for _, each in ipairs(room.participants) do dismiss(room, each, "ended") end
  tell(room, "end", { by = by })
end

local function leave(self, room, participant)
  local call = participant.call
  local function is_it(each) return each == participant end
  table.remove(room.participants, (has(room.participants, is_it)))
  local index = has(room.calls, function(each) return each == call end)
  if index then table.remove(room.calls, index) end
  network.part(call)
  call.muted, call.on_hold = nil, nil
  tell(room, "leave", { participant = participant })
  if room.status == "completed" then return end
  if participant.ends then
    self:close(room, "moderator", participant)
  elseif #room.participants == 0 then
    self:close(room, "empty", participant)
  end
end

---A call joins a room and stays until it leaves, is sent out, or the room ends. A hang-up takes it out too.
---@param call callisto.exchange.Call
---@param name string
---@param about {label: string|nil, starts: boolean, ends: boolean, muted: boolean, most: integer|nil, tell: function|nil}
---@return "left"|"ended"|"full"|"label taken" why
function Rooms:join(call, name, about)
  local room = self:open(name, about)
  if #room.participants >= room.most then return "full" end
  if about.label and has(room.participants, function(each) return each.label == about.label end) then return "label taken" end
  local participant = { call = call, label = about.label, starts = about.starts, ends = about.ends, joined = core.wall() }
  call.muted = about.muted or nil
  table.insert(room.participants, participant)
  return task.finally(function()
    tell(room, "join", { participant = participant })
    start_if_due(room)
    task.wait("room " .. call.line)
    return participant.why or "left"
  end, function() leave(self, room, participant) end)
end

---@param id string|nil  its id, or the name of a room that has not ended
---@return callisto.exchange.Room|nil
function Rooms:find(id) return id and (self.by_id[id] or self.by_name[id]) end

---Every room still known, oldest first.
---@return callisto.exchange.Room[]
function Rooms:all() return self.order end

---A participant by the id or the label of its call.
---@param room callisto.exchange.Room
---@param id string
---@return callisto.exchange.Participant|nil
function Rooms:participant(room, id)
  local _, found = has(room.participants, function(each) return each.call.id == id or each.label == id end)
  return found
end

---Sends a participant out of its room; its document goes on.
---@param room callisto.exchange.Room
---@param participant callisto.exchange.Participant
function Rooms:remove(room, participant) dismiss(room, participant, "removed") end

---Changes a participant: what is nil stays as it is.
---@param room callisto.exchange.Room
---@param participant callisto.exchange.Participant
---@param change {muted: boolean|nil, hold: boolean|nil, ends: boolean|nil}
function Rooms:change(room, participant, change)
  local call = participant.call
  if change.muted ~= nil and change.muted ~= (call.muted or false) then
    call.muted = change.muted
    tell(room, change.muted and "mute" or "unmute", { participant = participant })
  end
  if change.hold ~= nil and change.hold ~= (call.on_hold or false) then
    call.on_hold = change.hold
    tell(room, change.hold and "hold" or "unhold", { participant = participant })
  end
  if change.ends ~= nil and change.ends ~= (participant.ends or false) then
    participant.ends = change.ends
    tell(room, "modify", { participant = participant })
  end
end

local rooms = {}

---@param new_id fun(): string  the carrier's id of a new room
---@return table rooms
function rooms.new(new_id) return setmetatable({ new_id = new_id, by_name = {}, by_id = {}, order = {} }, Rooms) end

return rooms
