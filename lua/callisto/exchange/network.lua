-- callisto.exchange.network: the telephone network behind every carrier's face: calls and the people on the telephones.
--
-- A face (callisto.exchange.twilio …) speaks its carrier's protocols; what a subscriber does, how long the telephone
-- rings and how a stream is opened is the same for all and lives here. Callbacks, and their faults, are next door
-- (callisto.exchange.callbacks).
--
--   face ── ring ───► subscriber's data: busy, no answer, answers after …
--        ── answer ─► a VM of its own runs the subscriber's script (callisto.exchange.subscriber)
--        ── stream ─► media socket to the application; the subscriber's voice and ear are on it
--        ── say ────► the carrier's own voice: no sound, but the words and the time they take

local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"
local task = require "callisto.task"

local network = {}

local CALLS_KEPT = 3000 -- calls that can still be asked for; the oldest are forgotten
local NOTES_KEPT = 200  -- of one call; later ones are counted, not kept
local SECONDS_PER_CHARACTER = 0.06
local RING_CEILING = 600

---@class callisto.exchange.Call
---@field id string the carrier's id of the call
---@field line string id of the subscriber's VM and leg
---@field from string
---@field to string
---@field direction "inbound"|"outbound" as the application sees it
---@field party string number of the subscriber, whichever side it is
---@field status string in the carrier's words
---@field keys string keys pressed that nobody has read yet
---@field gone boolean the subscriber has hung up
---@field on_gone fun()|nil what the face does then
---@field runner callisto.Task|nil what obeys the application's documents
local calls, order = {}, {}
local subscribers = {}

---Reads the workspace's exchange/subscribers.lua: a table of subscribers by number. Called once.
function network.start()
  for _, module in ipairs(core.modules "exchange.subscribers") do
    if module.name == "exchange.subscribers" then
      if module.error then error(("%s: %s"):format(module.path, module.error), 0) end
      subscribers = require "exchange.subscribers"
    end
  end
  if type(subscribers) ~= "table" then error("exchange/subscribers.lua must return a table of subscribers by number", 0) end
  local count = 0
  for _ in pairs(subscribers) do count = count + 1 end
  return count
end

---@param number string
---@return table|nil subscriber
function network.subscriber(number) return subscribers[number] end

---Adds what a face has begun.
---@param call table id, from, to, direction, party, status and whatever the face needs
---@return callisto.exchange.Call
function network.add(call)
  call.line = core.id("x")
  call.keys = ""
  call.log = {}
  call.created = core.wall()
  calls[call.id] = call
  calls[call.line] = call
  order[#order + 1] = call
  if #order > CALLS_KEPT then
    local oldest = table.remove(order, 1)
    calls[oldest.id], calls[oldest.line] = nil, nil
  end
  return call
end

---@param call callisto.exchange.Call one that is over
function network.forget(call)
  calls[call.id], calls[call.line] = nil, nil
  for index, each in ipairs(order) do
    if each == call then
      table.remove(order, index)
      return
    end
  end
end

---@param id string the carrier's id, or the line's
---@return callisto.exchange.Call|nil
function network.find(id) return calls[id] end

---How many calls are not over.
---@return integer
function network.live()
  local count = 0
  for _, call in ipairs(order) do count = count + (call.released and 0 or 1) end
  return count
end

---Every call still known, oldest first.
---@return callisto.exchange.Call[]
function network.all() return order end

---Notes what happened on a call, for reports.
---@param call callisto.exchange.Call
---@param what string
function network.note(call, what)
  if #call.log < NOTES_KEPT then
    call.log[#call.log + 1] = { at = core.wall(), what = what }
  else
    call.notes_lost = (call.notes_lost or 0) + 1
  end
  log.debug(call.id .. " " .. what)
end

---Lets the telephone ring. Returns what came of it.
---@param call callisto.exchange.Call
---@param ring_seconds number how long the application lets it ring
---@return "answered"|"busy"|"no-answer"|"failed"|"canceled"
function network.ring(call, ring_seconds)
  local subscriber = network.subscriber(call.party)
  if not subscriber or subscriber.unreachable then return "failed" end
  local patience = math.min(ring_seconds, RING_CEILING)
  local after = subscriber.answers_after or (subscriber.busy and 0.2 or 1)
  if subscriber.no_answer then after = math.huge end
  local why = task.wait("cancel " .. call.line, math.min(after, patience))
  if why == "canceled" then return "canceled" end
  if subscriber.busy then return "busy" end
  return after <= patience and "answered" or "no-answer"
end

---The application has taken back a call that rings.
---@param call callisto.exchange.Call
function network.cancel(call) task.wake("cancel " .. call.line, "canceled") end

---The subscriber lifts the receiver: its script runs from now on, in a VM of its own.
---@param call callisto.exchange.Call
---@param wire userdata
---@return boolean|nil ok, string? message
function network.answer(call, wire)
  call.answered = core.wall()
  local ok, message = core.call_open {
    id = call.line, entry = "callisto.exchange.subscriber", role = "carrier", wire = wire,
    begin = json.encode { number = call.party, from = call.from, to = call.to, direction = call.direction },
  }
  if not ok then
    network.note(call, "the subscriber's script could not start: " .. message)
    return nil, message
  end
  core.alias(call.line, call.id)
  return true
end

---Opens the media socket and waits for its end. Whoever waits may be cancelled: the socket is closed then.
---@param call callisto.exchange.Call
---@param socket {url: string, headers: table<string,string>|nil, stream: string, carrier_call: string, opening: string[]}
---@return string reason why the stream ended
function network.stream(call, socket)
  local ok, message = core.leg_dial(call.line, socket)
  if not ok then return "failed: " .. message end
  call.streaming = true
  return task.finally(function()
    local reason
    repeat reason = task.wait("leg " .. call.line) until reason ~= "started"
    return reason
  end, function()
    call.streaming = false
    core.leg_end(call.line, false, 1000)
  end)
end

local function tell(call, message) core.tell(call.line, json.encode(message)) end

---The carrier's own voice: without a socket there is no sound, so the subscriber is told the words and given the time.
---@param call callisto.exchange.Call
---@param text string
function network.say(call, text)
  network.note(call, "carrier says: " .. text)
  tell(call, { what = "voice", is_speaking = true, text = text })
  task.finally(function() task.sleep(#text * SECONDS_PER_CHARACTER) end, function()
    tell(call, { what = "voice", is_speaking = false })
  end)
end

---Joins two calls: each hears the other's words, as words.
---@param a callisto.exchange.Call
---@param b callisto.exchange.Call
function network.bridge(a, b)
  a.other, b.other = b, a
  for _, call in ipairs { a, b } do tell(call, { what = "bridged" }) end
end

---@param call callisto.exchange.Call
function network.part(call)
  local other = call.other
  call.other = nil
  if other then other.other = nil end
end

---Waits for keys.
---@param call callisto.exchange.Call
---@param wanted integer|nil how many, nil: until the finish key
---@param finish string "" for none
---@param timeout number seconds after the last key
---@return string keys without the finish key
---@return string|nil finished_on
function network.gather(call, wanted, finish, timeout)
  local got = ""
  while not wanted or #got < wanted do
    if call.keys == "" then
      task.wait("keys " .. call.line, timeout)
      if call.keys == "" then break end
    end
    local key = call.keys:sub(1, 1)
    call.keys = call.keys:sub(2)
    if finish ~= "" and finish:find(key, 1, true) then return got, key end
    got = got .. key
  end
  return got
end

---Waits until a key has been pressed that nobody has read.
---@param call callisto.exchange.Call
function network.until_key(call)
  while call.keys == "" do task.wait("keys " .. call.line) end
end

---The call is over for the subscriber: its script ends.
---@param call callisto.exchange.Call
function network.release(call)
  if call.released then return end
  call.released = true
  call.ended = call.ended or core.wall()
  core.call_close(call.line, 1000)
end

local function hang_up(call, why)
  call.gone = true
  network.note(call, why)
  if call.on_gone then call.on_gone() end
end

local told = {}

function told.keys(call, message)
  network.note(call, "subscriber presses " .. message.keys)
  if call.streaming then return end -- the stream carries them
  call.keys = call.keys .. message.keys
  task.wake("keys " .. call.line, true)
end

function told.hangs_up(call) hang_up(call, "subscriber hangs up") end

function told.note(call, message) network.note(call, message.text) end

---Words said where there is no stream are heard by whoever the call is joined with.
function told.voice(call, message)
  if message.text then network.note(call, "subscriber says: " .. message.text) end
  if call.other and not call.other.released then tell(call.other, message) end
end

---What a subscriber's script tells.
---@param line string
---@param text string JSON
function network.told(line, text)
  local call = calls[line]
  local message = json.decode(text)
  local fn = call and type(message) == "table" and told[message.what]
  if fn then fn(call, message) end
end

---The media leg of a subscriber has changed.
---@param line string
---@param state "started"|"ended"
---@param details string JSON
function network.leg(line, state, details)
  local call = calls[line]
  if not call then return end
  local about = json.decode(details) or {}
  if state == "ended" then call.last_leg = about end
  network.note(call, "stream " .. state .. (about.reason and (": %s, %s"):format(about.reason, about.text or "") or ""))
  task.wake("leg " .. line, state == "started" and "started" or about.reason or "ended")
end

---A subscriber's script failed: that telephone hangs up.
---@param line string
---@param message string
function network.broken(line, message)
  local call = calls[line]
  log.error("a subscriber's script failed: " .. message)
  if not call then return end
  call.failure = message
  hang_up(call, "subscriber's script failed: " .. message)
end

return network
