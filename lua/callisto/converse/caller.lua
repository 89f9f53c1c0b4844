-- callisto.converse.caller: the caller's side of a conversation, as turns.
--
-- `take` is given what the call's ear hears (callisto.flow.ear) and `due` is asked when `at` has come. Both say what it means:
--
--   "speaking"       the caller has begun to speak; the agent stops
--   "nothing"        it was a noise; the agent goes on
--   "turn", turn     the caller has said something, or pressed keys: { text, by, at }
--   nil              nothing new
--
-- Nothing here waits or speaks.

local core = require "callisto.core"

-- How long the recogniser may think about what was said, and how long one stretch of speech is followed.
local RECOGNITION_S, SPEECH_S = 10, 30
-- The pause after which keys are complete; a hash ends them at once.
local BETWEEN_KEYS_S = 2
local MOST_KEYS = 32

---@class callisto.Turn
---@field text string  the words, or the keys
---@field by "speech"|"keys"
---@field at number  when the caller had finished, as core.now()

---@class callisto.Caller
---@field is_busy boolean  the caller speaks or types, or what was said is not known yet
---@field at number|nil  when `due` wants to be asked, as core.now()
local Caller = {}
Caller.__index = Caller

local callers = {}

---@param call callisto.Call
---@return callisto.Caller
function callers.new(call) return setmetatable({ call = call, keys = "", is_busy = false }, Caller) end

-- What is waited for: the end of speech, its words, or another key.
local function expect(self, at)
  self.at, self.is_busy = at, at ~= nil
end

local function until_keys(self) return self.keys ~= "" and core.now() + BETWEEN_KEYS_S or nil end

local function turn_of(self, text, by)
  local at = by == "speech" and self.stopped_at or core.now()
  self.stopped_at = nil
  expect(self, until_keys(self))
  return "turn", { text = text, by = by, at = at }
end

local function keys_are_complete(self)
  local keys = self.keys
  self.keys = ""
  core.line("caller", "Pressed " .. keys)
  return turn_of(self, keys, "keys")
end

local function any() return true end

local of = {}

function of.speech_started(self)
  expect(self, core.now() + SPEECH_S)
  return "speaking"
end

function of.speech_stopped(self)
  self.stopped_at = core.now()
  expect(self, core.now() + RECOGNITION_S)
end

-- Keys that were pressed while it was spoken are a turn by themselves.
function of.heard(self, heard)
  if heard.text ~= "" then return turn_of(self, heard.text, "speech") end
  expect(self, until_keys(self))
  return "nothing"
end

function of.digit(self)
  local key = self.call._keys:take(any)
  if not key then return nil end
  if key == "#" and self.keys ~= "" then return keys_are_complete(self) end
  local is_first = self.keys == ""
  self.keys = (self.keys .. key):sub(1, MOST_KEYS)
  expect(self, core.now() + BETWEEN_KEYS_S)
  return is_first and "speaking" or nil
end

---What an event of the ear means.
---@param event {kind: string, value: any}
---@return "speaking"|"nothing"|"turn"|nil what, callisto.Turn? turn
function Caller:take(event)
  local fn = of[event.kind]
  if fn then return fn(self, event.value) end
end

---What it means that the time has come.
---@return "nothing"|"turn"|nil what, callisto.Turn? turn
function Caller:due()
  if not self.at or core.now() < self.at then return nil end
  if self.keys ~= "" then return keys_are_complete(self) end
  expect(self, nil)
  return "nothing"
end

return callers
