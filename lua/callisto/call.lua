-- callisto.call: the call as a flow sees it. Waiting is just calling; hanging up ends everything that belongs to the call.
--
-- Audio is C's business: a sentence is declared with a number, and what happened to it comes back as an event. Input of
-- the caller (speech, keys, the ends of sentences) is given to every open *ear*; a function that listens opens one and
-- closes it whatever happens (callisto.ear, callisto.listening).

local core = require "callisto.core"
local duration = require "callisto.duration"
local ears = require "callisto.ear"
local json = require "callisto.json"
local listening = require "callisto.listening"
local log = require "callisto.log"
local options = require "callisto.options"
local outcome = require "callisto.outcome"
local task = require "callisto.task"
local text = require "callisto.text"

-- A flow that has returned lets what it said be heard, but not for ever.
local DRAIN_S = 60
local SENTENCE_BYTES = 4000

---@class callisto.Call
---@field id string
---@field from string|nil
---@field to string|nil
---@field direction "INBOUND"|"OUTBOUND"
---@field carrier string
---@field payload table  what the template's payload describes
---@field settings table  the template's settings, and above them the workspace's
---@field template callisto.Template
local Call = {}
Call.__index = Call
for name, method in pairs(listening) do Call[name] = method end

---@class callisto.Said  what became of a sentence
---@field heard string  the words that were really heard
---@field heard_ms integer
---@field interrupted boolean
---@field error string|nil  the voice failed

-- Sentences --------------------------------------------------------------------------------------------------------

local say_fields = {
  barge_in = { "boolean" },
  digits_stop = { "boolean", default = false },
  voice = { "string" },
}

local function either(value, otherwise)
  if value == nil then return otherwise end
  return value
end

local function fill_in(self, sentence)
  local filled, warnings = text.interpolate(sentence, self.payload)
  for _, warning in ipairs(warnings) do log.warn(("call %s: a sentence says nothing where %s"):format(self.id, warning)) end
  return filled
end

local function declare(self, words)
  local number = self._last_utterance + 1
  self._last_utterance = number
  local utterance = { number = number, text = words, started = false, ended = false }
  self._utterances[number] = utterance
  return utterance
end

---@private Declares a sentence and returns at once.
function Call:_speak(sentence, opts)
  if type(sentence) ~= "string" then error("a sentence must be text, not " .. type(sentence), 3) end
  local words = fill_in(self, sentence)
  if #words > SENTENCE_BYTES then error("a sentence may have at most 4,000 bytes", 3) end
  local utterance = declare(self, words)
  core.say(utterance.number, words, {
    voice = opts.voice or self.template.voice.voice,
    interruptible = either(opts.barge_in, self.template.barge_in),
    digits_stop = opts.digits_stop or false,
  })
  return utterance
end

local function until_ended(utterance)
  while not utterance.ended do task.wait(utterance) end
  return utterance.result
end

-- A sentence whose speaker is cancelled is not spoken on.
local function heard_out(utterance)
  return task.finally(until_ended, function()
    if not utterance.ended then core.stop(utterance.number) end
  end, utterance)
end

---Says a sentence and waits until it was heard or interrupted. "{name}" is filled in from the payload.
---@param sentence string
---@param opts {barge_in: boolean?, digits_stop: boolean?, voice: string?}|nil
---@return callisto.Said
function Call:say(sentence, opts) return heard_out(self:_speak(sentence, options.read("call:say", opts, say_fields))) end

local play_fields = { barge_in = { "boolean" }, digits_stop = { "boolean", default = false } }

---Plays a sound file of the workspace and waits for its end.
---@param path string
---@param opts {barge_in: boolean?, digits_stop: boolean?}|nil
---@return callisto.Said
function Call:play(path, opts)
  opts = options.read("call:play", opts, play_fields)
  if type(path) ~= "string" or path:sub(1, 1) == "/" or path:find("..", 1, true) then
    error("call:play needs the path of a sound file inside the workspace", 2)
  end
  local utterance = declare(self, ("[%s]"):format(path))
  core.play(utterance.number, path, {
    interruptible = either(opts.barge_in, self.template.barge_in),
    digits_stop = opts.digits_stop,
  })
  return heard_out(utterance)
end

---Plays "busy", "ringback", "beep" or "digits:12#" and waits for its end.
---@param name string
---@param length string|number  duration, at most 60 s
---@return callisto.Said
function Call:tone(name, length)
  local utterance = declare(self, ("[%s]"):format(name))
  core.tone(utterance.number, name, duration.seconds(length, "call:tone: the length"))
  return heard_out(utterance)
end

-- Everything else --------------------------------------------------------------------------------------------------

---@param length string|number  duration
function Call:sleep(length) task.sleep(duration.seconds(length, "call:sleep: the length")) end

---Runs a function beside the flow; it ends with the call.
---@param fn fun(call: callisto.Call, ...)
---@return callisto.Task
function Call:spawn(fn, ...) return task.spawn_in(self._root, fn, self, ...) end

---Sends keys to the other side.
---@param keys string  of 0-9 * # A-D
function Call:send_digits(keys) core.send_digits(keys) end

---Writes a fact of this call to the store.
---@param kind string
---@param data table|nil
function Call:fact(kind, data) core.fact(kind, json.encode(data or {})) end

local events = { digit = true, heard = true, speech_started = true, speech_stopped = true, message = true }

---Runs `fn` in a task of its own whenever this happens: "digit" (key), "heard" ({text, choice}), "speech_started",
---"speech_stopped", "message" (text from the service).
---@param event string
---@param fn fun(call: callisto.Call, value: any)
function Call:on(event, fn)
  if not events[event] then error("call:on: " .. options.unknown(event, events):gsub("field", "event"), 2) end
  local list = self._listeners[event] or {}
  self._listeners[event] = list
  list[#list + 1] = fn
end

---@private Ends the flow: every task of the call is cancelled, youngest first. Does not return inside a task of the call.
function Call:_leave(reason, details)
  if not self.ending then
    self.ending = details or {}
    self.ending.reason = reason
  end
  task.cancel(self._root)
  if task.current() then task.leave() end
end

---Records the word the call ends with and ends the flow: whatever else is being said is cut, a last sentence is said to
---its end, then the line is given back. Never returns.
---@param word string
---@param sentence string|nil
function Call:finish(word, sentence)
  if type(word) ~= "string" or not word:match("^[%w_%-]+$") or #word > 64 then
    error("call:finish needs an outcome of letters, digits, '_' and '-'", 2)
  end
  self.outcome = word
  core.fact("agent_outcome", json.encode { word = word, source = "FLOW" })
  core.tell(nil, json.encode { what = "agent_outcome", word = word, source = "FLOW" })
  self._closing = task.start(function()
    if sentence then self:say(sentence, { barge_in = false }) end
    self:drain()
  end)
  self:_leave("AGENT_ENDED", { outcome = word })
end

---Ends the flow at once; what is being said is cut. Never returns.
function Call:hangup()
  core.stop(nil)
  self:_leave("AGENT_ENDED", { outcome = self.outcome })
end

---Waits until everything said was heard, at most a minute.
function Call:drain()
  task.with_timeout(DRAIN_S, function()
    for number = 1, self._last_utterance do
      local utterance = self._utterances[number]
      if utterance and not utterance.ended then until_ended(utterance) end
    end
  end)
end

-- Events of the engine ---------------------------------------------------------------------------------------------

local function notify(self, event, value)
  if self._root.state == "ended" then return end
  for _, fn in ipairs(self._listeners[event] or {}) do task.spawn_in(self._root, fn, self, value) end
end

local function finish_utterance(self, utterance, result)
  if utterance.ended then return end
  utterance.ended = true
  utterance.result = {
    heard = result.heard or "",
    heard_ms = result.heard_ms or 0,
    interrupted = result.interrupted or false,
    error = result.error,
  }
  self._utterances[utterance.number] = nil
  if result.error then log.warn(("call %s: a sentence could not be spoken: %s"):format(self.id, result.error)) end
  if utterance.started then core.line("agent", utterance.text, utterance.result.heard, utterance.result.interrupted) end
  task.wake(utterance)
  ears.tell(self._ears, "ended", utterance)
end

local receive = {}

function receive.utterance(self, number, what, result)
  local utterance = self._utterances[number]
  if not utterance then return end
  if what == "started" then
    utterance.started = true
  else
    if (result.heard_ms or 0) > 0 then utterance.started = true end
    finish_utterance(self, utterance, result or {})
  end
end

function receive.heard(self, encoded)
  local heard = json.decode(encoded)
  if type(heard) ~= "table" then return end
  for name, value in pairs(heard) do
    if value == json.null then heard[name] = nil end
  end
  heard.text = heard.text or ""
  if heard.text ~= "" then core.line("caller", heard.text) end
  ears.tell(self._ears, "heard", heard)
  notify(self, "heard", heard)
end

function receive.speech(self, what)
  ears.tell(self._ears, "speech_" .. what)
  notify(self, "speech_" .. what)
end

function receive.digit(self, key)
  local is_collected = false
  for _, ear in ipairs(self._ears) do is_collected = is_collected or ear.is_collecting end
  if not is_collected then core.line("caller", "Pressed " .. key) end
  ears.tell(self._ears, "digit", key)
  notify(self, "digit", key)
end

function receive.told(self, _, message) notify(self, "message", message) end

function receive.leg(self, what, encoded)
  local about = json.decode(encoded or "{}") or {}
  if what == "started" then
    self.is_connected = true
    self.stream = about
    task.wake(self)
  elseif what == "ended" and not self.is_over then
    self.is_over = true
    for number = 1, self._last_utterance do -- nobody hears these any more
      local utterance = self._utterances[number]
      if utterance then finish_utterance(self, utterance, { heard = "", interrupted = true }) end
    end
    if self._closing then task.cancel(self._closing) end
    if self._root.state ~= "ended" then self:_leave(outcome.ending_of_leg(about.reason), { outcome = self.outcome }) end
  end
end

---@private Whether the flow, and what it said last, is over.
function Call:_has_ended()
  return self._root.state == "ended" and (not self._closing or self._closing.state == "ended")
end

---@private Gives an event of the engine to the call.
function Call:_receive(kind, ...)
  local fn = receive[kind]
  if fn then fn(self, ...) end
end

---@private Waits for the media of the call.
function Call:_until_connected()
  while not self.is_connected do task.wait(self) end
end

---@private Declares the greeting, the first sentence of the call.
function Call:_greet()
  if self.template.greeting then self:_speak(self.template.greeting, { barge_in = self.template.greeting_barge_in }) end
end

local call = {}

---Makes the call object of a VM.
---@param about table  call, template, from, to, direction, carrier, carrier_call, payload, settings
---@param template callisto.Template
---@return callisto.Call
function call.new(about, template)
  local settings = setmetatable(about.settings or {}, { __index = template.settings })
  return setmetatable({
    id = about.call,
    from = about.from,
    to = about.to,
    direction = about.direction,
    carrier = about.carrier,
    carrier_call = about.carrier_call,
    payload = about.payload or {},
    settings = settings,
    template = template,
    _ears = {},
    _listeners = {},
    _utterances = {},
    _last_utterance = 0,
  }, Call)
end

return call
