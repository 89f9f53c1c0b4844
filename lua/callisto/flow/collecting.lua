-- callisto.flow.collecting: how a call collects keys. These are methods of the call object, and what `ask` shares with them.

local core = require "callisto.core"
local ears = require "callisto.flow.ear"
local later = require "callisto.util.later"
local options = require "callisto.options"
local task = require "callisto.task"

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local numbers = later "callisto.numbers" ---@module "callisto.numbers"

local collecting = {}

---@class callisto.Call
local Call = {}

---@class callisto.WantedKeys
---@field [1] string|nil  the prompt
---@field min integer|nil
---@field max integer|nil
---@field terminator string|nil  one key, or "" for none
---@field timeout string|number|nil  duration, from the end of the prompt to the first key
---@field between string|number|nil  duration of the pause that ends the input
---@field tries integer|nil
---@field sensitive boolean|nil
---@field speech boolean|nil  digits may be spoken too
---@field barge_in boolean|nil
---@field reprompt string|nil
local digits_fields = {
  [1] = { "string" },
  min = { "integer", default = 1, min = 0, max = 64 },
  max = { "integer", default = 32, min = 1, max = 64 },
  terminator = { "string", default = "#" },
  timeout = { "duration", default = 10 },
  between = { "duration", default = 3 },
  tries = { "integer", default = 1, min = 1, max = 10 },
  sensitive = { "boolean", default = false },
  speech = { "boolean", default = false },
  barge_in = { "boolean", default = true },
  reprompt = { "string" },
}

-- Callers press the terminator also where the last key would have done; it must not fall upon what comes next.
local TERMINATOR_GRACE = 0.6

---Takes one key of an input. True when the input is complete.
---@param ear callisto.Ear
---@param keys string
---@param key string
---@param wanted {min: integer, max: integer, terminator: string}
---@return boolean is_complete, string keys
function collecting.take(ear, keys, key, wanted)
  if key == wanted.terminator then return #keys >= wanted.min, keys end
  keys = keys .. key
  if #keys < wanted.max then return false, keys end
  local by = core.now() + TERMINATOR_GRACE
  while wanted.terminator ~= "" do
    local event = ear:next(by)
    if not event or event.kind == "digit" and event.value == wanted.terminator then break end
  end
  return true, keys
end

---The rest of an input whose first key was pressed, until it is complete or nothing comes for `between`.
---@param ear callisto.Ear
---@param first string
---@param wanted {min: integer, max: integer, terminator: string, between: number}
---@return string keys
function collecting.rest(ear, first, wanted)
  local is_complete, keys = collecting.take(ear, "", first, wanted)
  local by = core.now() + wanted.between
  while not is_complete do
    local event = ear:next(by)
    if not event then return keys end
    if event.kind == "digit" then
      is_complete, keys = collecting.take(ear, keys, event.value, wanted)
      by = core.now() + wanted.between
    end
  end
  return keys
end

-- "four two" → "42"; nil when something else was said.
local function digits_said(heard)
  if heard.rejected or not heard.text then return nil end
  return numbers.digits(heard.digits or heard.text)
end

local function collect(ear, wanted, prompt)
  local keys, clock = "", ears.patience(wanted.timeout, prompt)
  while true do
    local event = ear:next(clock.at)
    if not event then
      if keys == "" then return nil, "silence" end
      return #keys >= wanted.min and keys or nil, "too_short"
    end
    if event.kind == "digit" then
      local is_complete
      is_complete, keys = collecting.take(ear, keys, event.value, wanted)
      if is_complete then return keys end
      clock.prompt = nil
      clock.at = core.now() + wanted.between
    elseif event.kind == "heard" and wanted.speech and keys == "" then
      local said = digits_said(event.value)
      if said and #said >= wanted.min and #said <= wanted.max then return said end
      clock:restart()
    elseif wanted.speech and keys == "" or event.kind == "ended" and keys == "" then
      clock:follow(event)
    end
  end
end

local function collect_once(self, wanted, sentence)
  return ears.with(self._ears, function(ear)
    ear.is_collecting = true
    local prompt = sentence and self:_speak(sentence, { barge_in = wanted.barge_in and wanted.speech, digits_stop = true })
    return task.finally(collect, function()
      if prompt and not prompt.ended then core.stop(CALLER, prompt.number) end
    end, ear, wanted, prompt)
  end)
end

---Collects keys. The first one stops the prompt; a terminator, `max` keys or a pause of `between` end the input.
---Sensitive keys are neither recorded nor written anywhere.
---@param wanted callisto.WantedKeys
---@return string|nil keys
---@return "silence"|"too_short"|nil reason
function Call:digits(wanted)
  wanted = options.read("call:digits", wanted, digits_fields)
  if wanted.min > wanted.max then error("call:digits: 'min' is more than 'max'", 2) end
  if not wanted.terminator:match("^[%d*#]?$") then error("call:digits: 'terminator' must be one key or \"\"", 2) end
  if wanted.speech then self:_listen_for { digits = { min = math.max(1, wanted.min), max = math.min(wanted.max, 20) } } end
  if wanted.sensitive then core.recording(CALLER, false) end
  return task.finally(function()
    local sentence, reason = wanted[1], nil
    for _ = 1, wanted.tries do
      local keys
      keys, reason = collect_once(self, wanted, sentence)
      if keys then
        core.line("caller", wanted.sensitive and "Pressed keys that are kept secret" or "Pressed " .. keys)
        return keys
      end
      sentence = wanted.reprompt or wanted[1]
    end
    return nil, reason
  end, function()
    if wanted.sensitive then core.recording(CALLER, true) end
  end)
end

collecting.methods = Call

return collecting
