-- callisto.flow.call: the call as a flow sees it. Waiting is just calling; hanging up ends everything that belongs to the call.
--
-- Audio is C's business: a sentence is declared with a number, and what happened to it comes back as an event
-- (callisto.speaking). Input of the caller (speech, keys, the ends of sentences) is given to every open *ear*; a function
-- that listens opens one and closes it whatever happens (callisto.ear, callisto.listening, callisto.collecting).

local core = require "callisto.core"
local duration = require "callisto.duration"
local ears = require "callisto.flow.ear"
local json = require "callisto.json"
local later = require "callisto.util.later"
local log = require "callisto.log"
local options = require "callisto.options"
local secrets = require "callisto.secrets"
local speaking = require "callisto.flow.speaking"
local task = require "callisto.task"
local templates = require "callisto.template"

-- The party of the call that a flow speaks with; the others are those it is joined with.
local CALLER = 1

local key_queue = later "callisto.flow.keys" ---@module "callisto.flow.keys"
local keypad = later "callisto.keypad" ---@module "callisto.keypad"
local menu = later "callisto.menu" ---@module "callisto.menu"
local outcome = later "callisto.outcome" ---@module "callisto.outcome"

-- A flow that has returned lets what it said be heard, but not for ever.
local DRAIN_S = 60
local AT_END_S = 5

---@class callisto.Call
---@field id string
---@field from string|nil
---@field to string|nil
---@field direction "INBOUND"|"OUTBOUND"
---@field carrier string
---@field payload table  what the template's payload describes
---@field answered_by "human"|"machine"|"fax"|"unknown"|nil  of an outgoing call, if the carrier has looked and says so
---@field settings table  the template's settings, and above them the workspace's
---@field secrets table  those the template declares
---@field template callisto.Template
---@field language string  that sentences are said in: the first of the template's, or that of call:speak_in
---@field outputs table<string, string>|nil  see call:output
local Call = {}
Call.__index = Call
for name, method in pairs(speaking.methods) do Call[name] = method end

-- Methods that are loaded when one of them is first called.
local parts = {
  listen = "callisto.flow.listening",
  ask = "callisto.flow.listening",
  confirm = "callisto.flow.listening",
  _listen_for = "callisto.flow.listening",
  digits = "callisto.flow.collecting",
  play = "callisto.flow.playing",
  tone = "callisto.flow.playing",
  background = "callisto.flow.playing",
  hold = "callisto.flow.playing",
  become = "callisto.flow.becoming",
  speak_in = "callisto.flow.tongues",
  _worded = "callisto.flow.tongues",
  converse = "callisto.converse",
  output = "callisto.flow.outputs",
}
setmetatable(Call, { __index = function(_, name) return parts[name] and require(parts[name]).methods[name] end })

-- Waiting, and several at once ---------------------------------------------------------------------------------------

---@param length string|number  duration
function Call:sleep(length) task.sleep(duration.seconds(length, "call:sleep: the length")) end

local function check_function(fn, what)
  if type(fn) ~= "function" then error(("%s needs the function to run, not %s"):format(what, type(fn)), 3) end
end

---Runs a function beside the flow; it ends with the call.
---@param fn fun(call: callisto.Call, ...)
---@return callisto.Task
function Call:spawn(fn, ...)
  check_function(fn, "call:spawn")
  return task.spawn_in(self._root, fn, self, ...)
end

local function check_functions(choices, what)
  if type(choices) ~= "table" then error(("%s needs a table of functions, not %s"):format(what, type(choices)), 3) end
  for name, fn in pairs(choices) do
    if type(fn) ~= "function" then error(("%s: '%s' must be a function, not a %s"):format(what, tostring(name), type(fn)), 3) end
  end
end

---Runs functions beside each other until the first of them ends; the others are cancelled.
---@param choices table<any, function>
---@return any name, any ...  the key of the first, and what it returned
function Call:race(choices)
  check_functions(choices, "call:race")
  return task.race(choices)
end

---Runs functions beside each other until all have ended.
---@param choices table<any, function>
---@return table results  first result of each, under the same keys
function Call:all(choices)
  check_functions(choices, "call:all")
  return task.all(choices)
end

---Runs a function with a deadline on everything it waits for.
---@param length string|number  duration
---@param fn function
---@return any ...  what fn returned; nil, message, "ETIMEDOUT" when the deadline passed
function Call:with_timeout(length, fn, ...)
  check_function(fn, "call:with_timeout")
  return task.with_timeout(duration.seconds(length, "call:with_timeout: the length"), fn, ...)
end

---Seconds until the nearest deadline of the running task.
---@param otherwise number|nil  what to answer without any
---@return number|nil
function Call:remaining(otherwise) return task.remaining(otherwise) end

-- Menus --------------------------------------------------------------------------------------------------------------

---Asks with a menu. Returns the choice, or what the function an option goes to returns.
---@param asked callisto.Menu
---@return any choice
---@return "silence"|"invalid"|"no_match"|nil reason  for a menu without a goodbye
function Call:menu(asked)
  if not menu.is(asked) then error("call:menu needs what menu { … } returns, not " .. type(asked), 2) end
  return asked:run(self)
end

---Walks a keypad tree, which ends the call.
---@param tree callisto.Keypad
function Call:keypad(tree)
  if not keypad.is(tree) then error("call:keypad needs what keypad { … } returns, not " .. type(tree), 2) end
  tree:step(self)
end

-- Everything else ----------------------------------------------------------------------------------------------------

---Sends keys to the other side, the carrier's way: as a message of the media socket, by a request, or as tones.
---@param keys string  of 0-9 * # A-D
---@return true|nil ok, string? message, string? code  "EDQUOT": more than a call may send
function Call:send_digits(keys)
  if type(keys) ~= "string" or #keys > 64 or not keys:find "^[%d*#A-D]+$" then
    error("call:send_digits needs 1 to 64 keys of 0-9 * # A-D", 2)
  end
  if not self.keys_by_request then return core.send_digits(CALLER, keys) end
  return core.tell(nil, { what = "keys", keys = keys })
end

---Writes a fact of this call to the store.
---@param kind string
---@param data table|nil  as JSON at most 64 KiB
---@return true|nil ok, string? message, string? code  "EDQUOT": more than a call may write
function Call:fact(kind, data)
  if type(kind) ~= "string" or (data ~= nil and type(data) ~= "table") then
    error('call:fact needs a kind and a table, such as ("order.found", { id = 7 })', 2)
  end
  local ok, encoded = pcall(json.encode, data or {})
  if not ok then error("call:fact: " .. encoded:gsub("^.-json%.encode: ", ""), 2) end
  return core.fact(kind, secrets.redact(encoded))
end

local events = {
  digit = true, heard = true, words = true, speech_started = true, speech_stopped = true, message = true, party = true,
  carrier_error = true, answered_by = true,
}
-- Those the engine has of each party.
local of_party = {
  leg = true, message = true, speech = true, heard = true, words = true, vendor = true, digit = true, utterance = true,
}

---Runs `fn` in a task of its own whenever this happens: "digit" (key), "heard" ({text, choice}), "words" (what a vendor's ear
---understood so far: {text}, which may still change), "speech_started", "speech_stopped", "message" (what the service tells),
---"carrier_error" ({code, text}: what is wrong on the media socket, as the carrier says it), "answered_by" ("human", "machine",
---"fax" or "unknown", when the carrier finds out), "party" (what another party than the caller does: {party, event, …}, such as
---{ 2, "leg", "started", … }).
---@param event string
---@param fn fun(call: callisto.Call, value: any)
---@return fun() off  stops it
function Call:on(event, fn)
  if not events[event] then error("call:on: " .. options.unknown(event, events):gsub("field", "event"), 2) end
  if type(fn) ~= "function" then error("call:on needs the function to run, not " .. type(fn), 2) end
  local list = self._listeners[event] or {}
  self._listeners[event] = list
  list[#list + 1] = fn
  return function()
    for i, each in ipairs(list) do
      if each == fn then
        table.remove(list, i)
        return
      end
    end
  end
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

-- What an imported flow does when the call is over, whoever has ended it.
local function run_at_end(self)
  local at_end = self._at_end
  self._at_end = nil
  self._is_at_end = at_end ~= nil
  if at_end then task.with_timeout(AT_END_S, at_end) end
end

-- Ends the flow after a last sentence, which is heard to its end. Never returns inside a task of the call.
---@private
function Call:_close(reason, sentence)
  self._closing = task.start(function()
    if sentence then self:say(sentence, { barge_in = false }) end
    self:drain()
    run_at_end(self)
  end)
  self:_leave(reason, { outcome = self.outcome })
end

local function check_sentence(self, sentence, what)
  if sentence ~= nil and type(sentence) ~= "string" and not self:_worded(sentence) then
    error(("%s: the last sentence must be text, not %s"):format(what, type(sentence)), 3)
  end
end

---Records the word the call will end with, and goes on. A later word replaces it.
---@param word string
function Call:decide(word)
  if type(word) ~= "string" or not word:match("^[%w_%-]+$") or #word > 64 then
    error("call:decide needs an outcome of letters, digits, '_' and '-'", 2)
  end
  self.outcome = word
  core.fact("agent_outcome", json.encode { word = word, source = "FLOW" })
  core.tell(nil, { what = "agent_outcome", word = word, source = "FLOW" })
end

---Records the word the call ends with and ends the flow: whatever else is being said is cut, a last sentence is said to
---its end, then the line is given back. Never returns.
---@param word string
---@param sentence string|nil
function Call:finish(word, sentence)
  check_sentence(self, sentence, "call:finish")
  if type(word) ~= "string" or not word:match("^[%w_%-]+$") or #word > 64 then
    error("call:finish needs an outcome of letters, digits, '_' and '-'", 2)
  end
  self:decide(word)
  self:_close("AGENT_ENDED", sentence)
end

---Ends the flow when all that was said is heard, with the word that was decided, if any. Never returns.
---@param sentence callisto.Wording|nil  to be said last
function Call:bye(sentence)
  check_sentence(self, sentence, "call:bye")
  self:_close("AGENT_ENDED", sentence)
end

---Ends the flow at once; what is being said is cut. Never returns.
function Call:hangup()
  core.stop(CALLER)
  self:_leave("AGENT_ENDED", { outcome = self.outcome })
end

---Waits until everything said was heard, at most a minute.
function Call:drain()
  task.with_timeout(DRAIN_S, function()
    for number = 1, self._last_utterance do
      local utterance = self._utterances[number]
      if utterance and not utterance.ended then self:_until_said(utterance) end
    end
  end)
end

-- Events of the engine ---------------------------------------------------------------------------------------------

---@private
function Call:_notify(event, value)
  if self._root.state == "ended" then return end
  for _, fn in ipairs(self._listeners[event] or {}) do task.spawn_in(self._root, fn, self, value) end
end

local function say_what_was_heard(utterance)
  local result = utterance.result
  core.line("agent", utterance.text, result.heard, result.interrupted, result.known_by)
end

local function finish_utterance(self, utterance, result)
  if utterance.ended then return end
  utterance.ended = true
  utterance.result = self:_result_of(result)
  self._utterances[utterance.number] = nil
  if result.error then log.warn(("call %s: a sentence could not be spoken: %s"):format(self.id, result.error)) end
  if utterance.started then say_what_was_heard(utterance) end
  if result.with_leg then return end -- the call is over: nobody goes on as if the sentence had been interrupted
  task.wake(utterance)
  ears.tell(self._ears, "ended", utterance)
end

local of_vendors = { words = true, vendor = true }
local receive = setmetatable({}, {
  __index = function(_, kind) return of_vendors[kind] and require("callisto.flow.vendors")[kind] end,
})

function receive.utterance(self, number, what, result)
  local utterance = self._utterances[number]
  if not utterance then return end
  if what == "started" then
    utterance.started, utterance.started_at = true, core.now()
    ears.tell(self._ears, "began", utterance)
  elseif what == "paused" then
    utterance.so_far = result.heard
    ears.tell(self._ears, "paused", utterance)
  else
    if (result.heard_ms or 0) > 0 then utterance.started = true end
    finish_utterance(self, utterance, result or {})
  end
end

function receive.heard(self, heard)
  if heard.text ~= "" then core.line("caller", heard.text) end
  ears.tell(self._ears, "heard", heard)
  self:_notify("heard", heard)
end

function receive.speech(self, what)
  ears.tell(self._ears, "speech_" .. what)
  self:_notify("speech_" .. what)
end

-- A key that a question takes, or may take later, waits for it. While the flow listens for words, or has a handler, it does not.
local function is_kept(self)
  local is_listening = #self._ears > 0
  for _, ear in ipairs(self._ears) do
    if ear.takes_keys then return true end
  end
  return not is_listening and not next(self._listeners.digit or {})
end

function receive.digit(self, key)
  if is_kept(self) then self._keys:push(key) else core.line("caller", "Pressed " .. key) end
  ears.tell(self._ears, "digit")
  self:_notify("digit", key)
end

-- What the service tells of the call itself. All else it tells is for the author.
local told = {}

function told.answered_by(self, about)
  self.answered_by = about.who
  self:_notify("answered_by", about.who)
end

function receive.told(self, message)
  local fn = type(message) == "table" and told[message.callisto]
  if fn then return fn(self, message) end
  self:_notify("message", message)
end

function receive.leg(self, what, about)
  if what == "started" then
    self.is_connected = true
    self.stream = about
    task.wake(self)
  elseif what == "error" then
    self:_notify("carrier_error", about)
  elseif what == "ended" and not self.is_over then
    self.is_over = true
    for number = 1, self._last_utterance do -- nobody hears these any more
      local utterance = self._utterances[number]
      if utterance then finish_utterance(self, utterance, { heard = "", interrupted = true }) end
    end
    self._keys:flush()
    if self._closing and not self._is_at_end then task.cancel(self._closing) end
    if self._at_end then self._closing = task.start(run_at_end, self) end
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
  self._quiet_since = core.now()
  if not of_party[kind] then return fn and fn(self, ...) end
  local party = ...
  if party ~= CALLER then return self:_notify("party", { party, kind, select(2, ...) }) end
  if fn then fn(self, select(2, ...)) end
end

-- The flow ----------------------------------------------------------------------------------------------------------------

-- Menus and keypad trees lead to a step. Asking them by name would load both in every call.
local function leads_on(step) return type(step) == "table" and getmetatable(step) ~= nil and step.step ~= nil end

-- Runs a step and what it leads to: a function returns the next step, a menu leads to one, a template takes over.
local function run(self, step)
  while step ~= nil do
    if type(step) == "function" then
      step = step(self)
    elseif templates.is(step) then
      self:become(step)
    elseif leads_on(step) then
      step = step:step(self)
    elseif speaking.is_said(step) then
      return
    else
      local shown = type(step) == "string" and ('the text "%s"'):format(step:sub(1, 40)) or "a " .. type(step)
      error(("template '%s': a step of the flow returned %s; return the next function, or nothing"):format(
        self.template.name, shown), 0)
    end
  end
end

-- A line on which neither side makes a sound for so long is one that somebody forgot to hang up.
local function watch_silence(self)
  while true do
    local is_speaking = next(self._utterances) ~= nil
    local left = is_speaking and self.template.silence or self._quiet_since + self.template.silence - core.now()
    if left <= 0 then
      log.warn(("call %s: nobody has made a sound for %d s; it is ended"):format(self.id, self.template.silence))
      self:_close("USER_IDLE_TIMEOUT")
    end
    task.sleep(left)
  end
end

local function live(self)
  self._greeting = nil
  if self.template.greeting then
    self._greeting = self:_speak(self.template.greeting, {
      barge_in = self.template.greeting_barge_in,
      digits_stop = self.template.keypad ~= nil or self.template.menu ~= nil,
    })
  end
  while not self.is_connected do task.wait(self) end
  task.spawn_in(task.current(), watch_silence, self)
  run(self, self.template.on_call)
  self:drain()
end

---@private Everything that a template decides.
function Call:_take(template)
  self.template = template
  self.language = template.voice.language
  self.settings = setmetatable(self._given_settings, { __index = template.settings })
  self.secrets = secrets.of_call(template.secrets, self._given_secrets)
  self._listeners = {}
  self._at_end, self._voice = nil, nil
end

---@private Starts the flow of the template.
function Call:_start() self._root = task.start(live, self) end

local call = {}

---Makes the call object of a VM.
---@param about table  call, template, from, to, direction, carrier, carrier_call, payload, settings, secrets
---@param template callisto.Template
---@return callisto.Call
function call.new(about, template)
  local self = setmetatable({
    id = about.call,
    from = about.from,
    to = about.to,
    direction = about.direction,
    carrier = about.carrier,
    carrier_call = about.carrier_call,
    keys_by_request = about.keys_by_request,
    _speaker = about.speaker,
    _first_voice = about.first_voice,
    _has_vendor_ear = about.has_vendor_ear,
    payload = about.payload or {},
    _given_settings = about.settings or {},
    _given_secrets = about.secrets or {},
    _ears = {},
    _keys = key_queue.new(),
    _utterances = {},
    _last_utterance = 0,
    _quiet_since = core.now(),
  }, Call)
  self:_take(template)
  return self
end

---Names of what a flow can do with a call.
---@return table<string, true>
function call.methods()
  local known = {}
  for name, value in pairs(Call) do known[name] = type(value) == "function" and name:sub(1, 1) ~= "_" or nil end
  for name in pairs(parts) do known[name] = name:sub(1, 1) ~= "_" or nil end
  return known
end

return call
