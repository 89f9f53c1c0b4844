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
local log = require "callisto.log"
local task = require "callisto.task"

local network = {}

local CALLS_KEPT = 3000 -- calls that can still be asked for; the oldest are forgotten
local NOTES_KEPT = 200  -- of one call; later ones are counted, not kept
local SECONDS_PER_CHARACTER = 0.06
local RING_CEILING = 600
local PARTING_S = 2     -- a stream that was ended has said so by then

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

---Puts somebody on the telephone who does what it is told (`network.does`), until the process ends.
---@param number string
---@param subscriber table|nil data as in exchange/subscribers.lua; nil takes the puppet away
function network.set_puppet(number, subscriber)
  if subscriber then subscriber.is_puppet = true end
  subscribers[number] = subscriber
end

-- What a call can be found by. Some carriers number the order of a call otherwise than the call.
local function names_of(call) return { call.id, call.line, call.request_id } end

---Adds what a face has begun.
---@param call table id, from, to, direction, party, status and whatever the face needs
---@return callisto.exchange.Call
function network.add(call)
  call.line = core.id("x")
  call.keys = ""
  call.log = {}
  call.created = core.wall()
  for _, name in ipairs(names_of(call)) do calls[name] = call end
  order[#order + 1] = call
  if #order > CALLS_KEPT then
    local oldest = table.remove(order, 1)
    for _, name in ipairs(names_of(oldest)) do calls[name] = nil end
  end
  return call
end

---@param call callisto.exchange.Call one that is over
function network.forget(call)
  for _, name in ipairs(names_of(call)) do calls[name] = nil end
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
    begin = {
      number = call.party, from = call.from, to = call.to, direction = call.direction,
      is_puppet = (network.subscriber(call.party) or {}).is_puppet, voice = (network.subscriber(call.party) or {}).voice,
    },
  }
  if not ok then
    network.note(call, "the subscriber's script could not start: " .. message)
    return nil, message
  end
  core.alias(call.line, call.id)
  return true
end

---Opens the media socket and waits for its end. A cancelled wait closes the socket.
---@param call callisto.exchange.Call
---@param socket {url: string, headers: table<string,string>|nil, stream: string, carrier_call: string, opening: string[]}
---  and `on_start()`, `on_end(reason)`, which are called at most once each
---@return string reason why the stream ended
function network.stream(call, socket)
  local ok, message = core.leg_dial(call.line, socket)
  if not ok then return "failed: " .. message end
  call.streaming, call.last_leg = true, nil
  local reason
  return task.finally(function()
    repeat
      reason = task.wait("leg " .. call.line)
      if reason == "started" and socket.on_start then socket.on_start() end
    until reason ~= "started"
    return reason
  end, function()
    call.streaming = false
    if socket.on_end then socket.on_end(reason) end
    call.is_parting = not call.last_leg
    core.leg_end(call.line, false, 1000)
  end)
end

local function tell(call, message) core.tell(call.line, message) end

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

---Joins calls: each hears the others' words, as words.
---@param calls_together callisto.exchange.Call[]  the list may change afterwards; `network.joined` tells the new ones
function network.join(calls_together)
  for _, call in ipairs(calls_together) do network.joined(call, calls_together) end
end

---@param call callisto.exchange.Call
---@param calls_together callisto.exchange.Call[]
function network.joined(call, calls_together)
  call.together = calls_together
  tell(call, { what = "bridged" })
end

---A call is alone again.
---@param call callisto.exchange.Call
function network.part(call) call.together = nil end

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

---The carrier plays keys to the subscriber, because it was asked to.
---@param call callisto.exchange.Call
---@param keys string of 0-9 * # A-D, and pauses (w, W, p)
function network.play_keys(call, keys)
  network.note(call, "carrier plays keys " .. keys)
  for key in keys:gmatch "[%d*#A-D]" do network.note(call, "hears the key " .. key) end
end

---Waits until a key has been pressed that nobody has read.
---@param call callisto.exchange.Call
function network.until_key(call)
  while call.keys == "" do task.wait("keys " .. call.line) end
end

local orders = 0

---Has a puppet do something, one of the subscriber's verbs, and waits until it has done it or the call is over.
---@param call callisto.exchange.Call
---@param verb string
---@param with any[] what the verb is given
---@return boolean|nil done, any result_or_message
function network.does(call, verb, with)
  if not call.answered or call.released then return nil, "nobody holds this telephone" end
  orders = orders + 1
  local number = orders
  tell(call, { what = "does", number = number, verb = verb, with = with })
  local about = task.wait("order " .. call.line)
  while about and about.number ~= number do about = task.wait("order " .. call.line) end
  if not about then return nil, "the call is over" end
  if about.error then return nil, about.error end
  return true, about.result
end

-- A stream that is just ending first says how it went.
local function close_line(call)
  if call.is_parting then task.wait("parted " .. call.line, PARTING_S) end
  core.call_close(call.line, 1000)
end

---The call is over for the subscriber: its script ends.
---@param call callisto.exchange.Call
function network.release(call)
  if call.released then return end
  call.released = true
  task.wake("order " .. call.line, false)
  call.ended = call.ended or core.wall()
  task.start(close_line, call)
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

function told.done(call, message) task.wake("order " .. call.line, message) end

function told.hangs_up(call) hang_up(call, "subscriber hangs up") end

function told.message(call, message)
  if call.on_message then call.on_message(message.text) end
end

function told.note(call, message) network.note(call, message.text) end

---Words said where there is no stream are heard by those the call is joined with, unless it is muted or they are on hold.
function told.voice(call, message)
  if message.text then network.note(call, "subscriber says: " .. message.text) end
  task.wake("voice " .. call.line, message.is_speaking)
  if call.muted then return end
  for _, other in ipairs(call.together or {}) do
    if other ~= call and not other.released and not other.on_hold then tell(other, message) end
  end
end

---What a subscriber's script tells.
---@param line string
---@param message table
function network.told(line, message)
  local call = calls[line]
  local fn = call and told[message.what]
  if fn then fn(call, message) end
end

---The media leg of a subscriber has changed.
---@param line string
---@param state "started"|"error"|"ended"
---@param about table
function network.leg(line, state, about)
  local call = calls[line]
  if not call then return end
  if state == "error" then return network.note(call, ("stream error %s: %s"):format(about.code, about.text)) end
  if state == "ended" then
    call.last_leg, call.is_parting = about, false
    task.wake("parted " .. line, true)
  end
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
