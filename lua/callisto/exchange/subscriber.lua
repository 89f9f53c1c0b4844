-- callisto.exchange.subscriber: entry of a subscriber's VM: somebody on the telephone, as a script.
--
--   ["+15550100"] = {
--     answers_after = 2, voice = "kal",
--     on_answer = function(line)
--       line:hears()                    -- waits until the other side has finished speaking
--       line:says "yes please"
--       line:hears()
--       line:hangs_up()
--     end,
--   }
--
-- The end of the script hangs up, as a caller who has nothing more to say does.

local core = require "callisto.core"
local json = require "callisto.json"
local task = require "callisto.task"

local ENDPOINT_MS = 900 -- a pause this long ends the other side's turn: longer than those between sentences

---@class callisto.exchange.Line
---@field number string
---@field from string
---@field to string
---@field direction "inbound"|"outbound"
local Line = {}
Line.__index = Line

local line ---@type callisto.exchange.Line
local utterance = 0
local turns = 0     -- how often the other side has finished speaking
local consumed = 0  -- how many of those the script has waited for
local speaking = false
local connected = false

local function wait_connected(timeout)
  if not connected then task.wait("connected", timeout or 60) end
end

---Waits until the other side has spoken and finished.
---@param timeout number|nil seconds [30]
---@return boolean spoke false: it stayed silent
function Line:hears(timeout)
  local deadline = core.now() + (timeout or 30)
  while turns <= consumed do
    local left = deadline - core.now()
    if left <= 0 then return false end
    task.wait("turn", left)
  end
  consumed = turns
  return true
end

local function speak(text, options)
  utterance = utterance + 1
  local number = utterance
  core.say(number, text, { voice = options and options.voice or line.voice })
  return number
end

---Says something and waits until it has been said. What the other side said meanwhile counts as heard.
---@param text string
---@param options {voice: string|nil}|nil
function Line:says(text, options)
  wait_connected()
  task.wait("said " .. speak(text, options), 60)
end

---Plays a sound file of the workspace.
---@param path string
function Line:plays(path)
  wait_connected()
  utterance = utterance + 1
  local number = utterance
  core.play(number, path)
  task.wait("said " .. number, 600)
end

---Waits until the other side has begun to speak, lets it go on for a moment, then talks over it.
---@param text string
---@param after number|nil seconds into its speech [1]
function Line:interrupts(text, after)
  wait_connected()
  if not speaking then task.wait("speech", 30) end
  task.sleep(after or 1)
  self:says(text)
end

---Presses keys.
---@param keys string
function Line:presses(keys)
  if connected then core.send_digits(keys) end
  core.tell(nil, json.encode { what = "keys", keys = keys })
end

---Says nothing for a while.
---@param seconds number
function Line:silence(seconds) task.sleep(seconds) end

---Waits until the other side begins to speak.
---@param timeout number|nil
---@return boolean
function Line:notices_speech(timeout)
  if speaking then return true end
  return task.wait("speech", timeout or 30) ~= nil
end

---Hangs up; the script ends here.
function Line:hangs_up()
  core.tell(nil, json.encode { what = "hangs_up" })
  task.leave()
end

---Writes a line into the exchange's report.
---@param text string
function Line:notes(text) core.tell(nil, json.encode { what = "note", text = text }) end

local function run(about)
  local subscriber = require("exchange.subscribers")[about.number]
  line = setmetatable(about, Line)
  line.voice = subscriber.voice
  core.listen { endpoint_ms = ENDPOINT_MS }
  if subscriber.on_answer then subscriber.on_answer(line) end
  line:hangs_up()
end

local on = {}

function on.begin(text)
  local about = json.decode(text)
  task.start(run, about)
end

function on.leg(state)
  if state == "started" then
    connected = true
    task.wake("connected", true)
  else
    connected, speaking = false, false
  end
end

function on.speech(state)
  speaking = state == "started"
  if speaking then
    task.wake("speech", true)
  else
    turns = turns + 1
    task.wake("turn", true)
  end
end

function on.utterance(number, state)
  if state == "ended" then task.wake("said " .. number, true) end
end

function on.told(_, text)
  local message = json.decode(text)
  if message.what == "carrier_says" then
    turns = turns + 1
    task.wake("turn", true)
  end
end

core.handler(function(kind, ...)
  if not task.event(kind, ...) and on[kind] then on[kind](...) end
  task.run()
end)

return true
