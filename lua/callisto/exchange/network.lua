-- callisto.exchange.network: the telephone network behind every carrier's face: calls, subscribers, callbacks and their faults.
--
-- A face (callisto.exchange.twilio …) speaks its carrier's protocols; what a subscriber does, how long the telephone
-- rings, how a stream is opened and how callbacks get lost is the same for all and lives here.
--
--   face ── ring ──► subscriber's data: busy, no answer, answers after …
--        ── answer ─► a VM of its own runs the subscriber's script (callisto.exchange.subscriber)
--        ── stream ─► media socket to the application; the subscriber's voice and ear are on it
--        ── notify ─► signed callback, subject to the subscriber's faults

local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"
local task = require "callisto.task"

local network = {}

local CALLS_KEPT = 5000 -- ended calls that can still be asked for
local SPEECH_SECONDS_PER_CHARACTER = 0.06
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
---@field runner callisto.Task|nil what obeys the application's documents
local calls, order = {}, {}

---The subscribers of the workspace's exchange/subscribers.lua, by number.
---@return table<string, table>
function network.subscribers()
  for _, module in ipairs(core.modules("exchange.subscribers")) do
    if module.name == "exchange.subscribers" then
      if module.error then error(module.error, 0) end
      return require "exchange.subscribers"
    end
  end
  return {}
end

---@param number string
---@return table|nil subscriber
function network.subscriber(number) return network.subscribers()[number] end

---@param call table
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

---@param id string the carrier's id, or the line's
---@return callisto.exchange.Call|nil
function network.find(id) return calls[id] end

---Every call still known, oldest first.
---@return callisto.exchange.Call[]
function network.all() return order end

---Notes what happened on a call, for reports.
---@param call callisto.exchange.Call
---@param what string
function network.note(call, what)
  call.log[#call.log + 1] = { at = core.wall(), what = what }
  log.debug(call.id .. " " .. what)
end

---Lets the telephone ring. Returns what came of it.
---@param call callisto.exchange.Call
---@param ring_seconds number how long the application lets it ring
---@return "answered"|"busy"|"no-answer"|"failed"|"canceled"
function network.ring(call, ring_seconds)
  local subscriber = network.subscriber(call.party)
  if not subscriber then return "failed" end
  if subscriber.unreachable then return "failed" end
  if subscriber.busy then
    task.sleep(subscriber.answers_after or 0.2)
    return "busy"
  end
  local patience = math.min(ring_seconds, RING_CEILING)
  local after = subscriber.no_answer and math.huge or subscriber.answers_after or 1
  local why = task.wait("cancel " .. call.line, math.min(after, patience))
  if why == "canceled" then return "canceled" end
  return after <= patience and "answered" or "no-answer"
end

---The subscriber lifts the receiver: its script runs from now on, in a VM of its own.
---@param call callisto.exchange.Call
---@param wire userdata
---@return boolean|nil ok, string? message
function network.answer(call, wire)
  call.answered = core.wall()
  return core.call_open {
    id = call.line, entry = "callisto.exchange.subscriber", role = "carrier", wire = wire,
    begin = json.encode { number = call.party, from = call.from, to = call.to, direction = call.direction },
  }
end

---Opens the media socket and waits for its end.
---@param call callisto.exchange.Call
---@param socket {url: string, headers: table<string,string>|nil, opening: string[], closing: string|nil}
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

---The carrier's own voice: without a socket there is no sound, so the subscriber is told the words and given the time.
---@param call callisto.exchange.Call
---@param text string
function network.say(call, text)
  network.note(call, "carrier says: " .. text)
  core.tell(call.line, json.encode { what = "carrier_says", text = text })
  task.sleep(#text * SPEECH_SECONDS_PER_CHARACTER)
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
      local woken = task.wait("keys " .. call.line, timeout)
      if woken == nil and call.keys == "" then break end
    else
      local key = call.keys:sub(1, 1)
      call.keys = call.keys:sub(2)
      if finish ~= "" and finish:find(key, 1, true) then return got, key end
      got = got .. key
    end
  end
  return got
end

---The call is over for the subscriber: its script ends.
---@param call callisto.exchange.Call
function network.release(call)
  if call.released then return end
  call.released = true
  call.ended = core.wall()
  core.call_close(call.line, 1000)
end

---What a subscriber's script tells.
---@param line string
---@param text string JSON
function network.told(line, text)
  local call = calls[line]
  if not call then return end
  local message = json.decode(text)
  if message.what == "keys" then
    call.keys = call.keys .. message.keys
    network.note(call, "subscriber presses " .. message.keys)
    task.wake("keys " .. line, true)
  elseif message.what == "hangs_up" then
    call.gone = true
    network.note(call, "subscriber hangs up")
    if call.on_gone then call.on_gone() end
  elseif message.what == "note" then
    network.note(call, message.text)
  end
end

---The media leg of a subscriber has changed.
---@param line string
---@param state "started"|"ended"
---@param details string JSON
function network.leg(line, state, details)
  local call = calls[line]
  if not call then return end
  local about = json.decode(details) or {}
  network.note(call, "stream " .. state .. (about.reason and ": " .. about.reason or ""))
  if state == "ended" then call.last_leg = about end
  task.wake("leg " .. line, state == "started" and "started" or about.reason or "ended")
end

---A subscriber's script failed: that telephone hangs up.
---@param line string
---@param message string
function network.broken(line, message)
  local call = calls[line]
  log.error("the subscriber's script failed: " .. message)
  if not call then return end
  call.gone, call.failure = true, message
  network.note(call, "subscriber's script failed: " .. message)
  if call.on_gone then call.on_gone() end
end

-- Callbacks and their faults -----------------------------------------------------------------------------------------
-- A subscriber's `faults` say what happens to callbacks about its calls:
--   { lose = {"completed"}, double = {"all"}, delay = { ringing = 3 }, reorder = true }

local function names(list, event)
  for _, name in ipairs(list or {}) do
    if name == event or name == "all" then return true end
  end
  return false
end

local function send(call, request, event)
  local number, message = core.http_fetch(request)
  if not number then return network.note(call, "callback " .. event .. " not sent: " .. message) end
  local response, why = task.answer("response", number, 20)
  network.note(call, ("callback %s: %s"):format(event, response and response.status or why))
  return response, why
end

---Sends a callback beside everything else; it may be lost, doubled, delayed or held back until after the next one.
---@param call callisto.exchange.Call
---@param event string the carrier's name of the event
---@param request table as for core.http_fetch
function network.notify(call, event, request)
  local faults = (network.subscriber(call.party) or {}).faults or {}
  if names(faults.lose, event) then return network.note(call, "callback " .. event .. " lost on purpose") end
  local delay = faults.delay and (faults.delay[event] or faults.delay.all) or 0
  local function deliver()
    if delay > 0 then task.sleep(delay) end
    send(call, request, event)
    if names(faults.double, event) then send(call, request, event) end
  end
  if faults.reorder and not call.held then
    call.held = deliver
    task.start(function()
      task.sleep(3)
      if call.held == deliver then
        call.held = nil
        deliver()
      end
    end)
    return
  end
  task.start(function()
    deliver()
    local held = call.held
    call.held = nil
    if held then held() end
  end)
end

---Asks the application for something and waits: a webhook, an action.
---@param call callisto.exchange.Call
---@param request table as for core.http_fetch
---@param what string for the log
---@return table|nil response, string|nil why
function network.ask(call, request, what) return send(call, request, what) end

return network
