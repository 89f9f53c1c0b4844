-- callisto.exchange.subscriber: entry of a subscriber's VM: somebody on the telephone, as a script.
--
--   ["+15550100"] = {
--     answers_after = 2, voice = "rms",
--     on_answer = function(line)
--       line:hears()                    -- waits until the other side has finished speaking
--       line:says "yes please"
--       line:hears()
--       line:hangs_up()
--     end,
--   }
--
-- The end of the script hangs up, as a caller who has nothing more to say does. A line that is cut from the other side
-- ends the script wherever it waits. A puppet has no script: it does what it is told from outside (network.does).

local core = require "callisto.core"
local task = require "callisto.task"

local ENDPOINT_MS = 900 -- a pause this long ends the other side's turn: longer than those between sentences
local SECONDS_PER_CHARACTER = 0.06
local COUGH, COUGH_S = "hrrrrmmmmmm", 0.35 -- cut off before it is a word
local MESSAGE_BYTES = 16384 -- of the other side's; longer ones are not passed on
local KEY_S = 0.2       -- from one key to the next

---@class callisto.exchange.Line
---@field number string the subscriber's own
---@field from string
---@field to string
---@field direction "inbound"|"outbound" as the application sees it
local Line = {}
Line.__index = Line

local line ---@type callisto.exchange.Line
local utterance = 0
local turns = 0           -- how often the other side has finished speaking
local consumed = 0        -- how many of those the script has waited for
local is_speaking = false -- the other side
local is_connected = false
local is_dry = false      -- there is a voice on the line, but no stream: words travel as words

local function tell(message) core.tell(nil, message) end

-- Until there is something that carries our voice.
local function until_open()
  while not is_connected and not is_dry do task.wait "open" end
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

-- Words, or a sound, on the stream. The call may lose its stream meanwhile; then nothing is said any more.
local function utter(start)
  utterance = utterance + 1
  local number = utterance
  start(number)
  while is_connected do
    if task.wait("said " .. number, 1) then break end
  end
  consumed = turns
end

---Says something and waits until it has been said. What the other side said meanwhile counts as heard.
---@param text string
---@param options {voice: string|nil}|nil
function Line:says(text, options)
  until_open()
  if is_connected then
    return utter(function(number) core.say(1, number, text, { voice = options and options.voice or self.voice }) end)
  end
  tell { what = "voice", is_speaking = true, text = text }
  task.sleep(#text * SECONDS_PER_CHARACTER)
  tell { what = "voice", is_speaking = false }
  consumed = turns
end

---Plays a sound file of the workspace.
---@param path string
function Line:plays(path)
  until_open()
  if is_connected then utter(function(number) core.play(1, number, path) end) end
end

---The beep of a voicemail.
function Line:beeps()
  until_open()
  if is_connected then utter(function(number) core.tone(1, number, "beep", 1) end) end
end

---Waits until the other side speaks.
---@param timeout number|nil seconds [30]
---@return boolean
function Line:notices_speech(timeout)
  return is_speaking or task.wait("speech", timeout or 30) ~= nil
end

---Waits until the other side has been speaking for a moment, then talks over it.
---@param text string
---@param after number|nil seconds into its speech [1]
function Line:interrupts(text, after)
  self:notices_speech()
  task.sleep(after or 1)
  self:says(text)
end

---Presses keys, one after the other; `w` waits half a second. Before there is a stream the carrier hears them alone.
---@param keys string of 0-9 * # A-D w
function Line:presses(keys)
  for key in keys:gmatch "." do
    if key == "w" then
      task.sleep(0.5)
    else
      if is_connected then core.send_digits(1, key) end
      tell { what = "keys", keys = key }
      task.sleep(KEY_S)
    end
  end
end

---Says nothing for a while.
---@param seconds number
function Line:silence(seconds) task.sleep(seconds) end

---Makes a noise that is not a word.
function Line:coughs()
  until_open()
  if not is_connected then return end
  utterance = utterance + 1
  core.say(1, utterance, COUGH, { voice = self.voice })
  task.sleep(COUGH_S)
  core.stop(1, utterance)
end

---Hangs up; the script ends here.
function Line:hangs_up()
  tell { what = "hangs_up" }
  task.leave()
end

---Writes a line into the exchange's report.
---@param text string
function Line:notes(text) tell { what = "note", text = text } end

local function run(about)
  line = setmetatable(about, Line)
  if about.is_puppet then return task.wait "for ever" end
  local subscriber = require("exchange.subscribers")[about.number]
  line.voice = subscriber.voice
  if subscriber.on_answer then
    subscriber.on_answer(line)
  else
    task.wait "for ever" -- holds the line until the other side hangs up
  end
  line:hangs_up()
end

local function set_speaking(now)
  if is_speaking == now then return end
  is_speaking = now
  if now then return task.wake("speech", true) end
  turns = turns + 1
  task.wake("turn", true)
end

local on, told = {}, {}

function on.begin(about) task.start(run, about) end

function on.leg(_, state)
  if state == "error" then return end
  is_connected = state == "started"
  if not is_connected then return set_speaking(false) end
  core.listen(1, { endpoint_ms = ENDPOINT_MS })
  task.wake("open", true)
end

function on.speech(_, state) set_speaking(state == "started") end

function on.utterance(_, number, state)
  if state == "ended" then task.wake("said " .. number, true) end
end

function on.digit(_, key) tell { what = "note", text = "hears the key " .. key } end

-- What the face's protocol says besides what its wire knows.
function on.message(_, text)
  if #text <= MESSAGE_BYTES then tell { what = "message", text = text } end
end

function told.voice(message)
  is_dry = true
  task.wake("open", true)
  set_speaking(message.is_speaking)
end

function told.bridged()
  is_dry = true
  task.wake("open", true)
end

-- One of the verbs above, for a puppet; the one who ordered it is notified when it has been done.
function told.does(order)
  local verb = type(order.verb) == "string" and order.verb:sub(1, 1) ~= "_" and Line[order.verb]
  if not verb then return tell { what = "done", number = order.number, error = "there is no verb " .. tostring(order.verb) } end
  task.start(function()
    local ok, why = pcall(verb, line, unpack(order.with or {}, 1, 4))
    if task.is_cancel(why) then task.leave() end
    tell { what = "done", number = order.number, error = not ok and tostring(why) or nil, result = ok and why or nil }
  end)
end

function told.press(message) task.start(line.presses, line, message.keys) end

function on.told(message)
  local fn = told[message.what]
  if fn then fn(message) end
end

core.handler(function(kind, ...)
  if not task.event(kind, ...) and on[kind] then on[kind](...) end
  task.run()
end)

return true
