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
---@field [1] callisto.Wording|nil  the prompt
---@field min integer|nil
---@field max integer|nil
---@field terminator string|nil  one key, or "" for none
---@field timeout string|number|nil  duration, from the end of the prompt to the first key
---@field between string|number|nil  duration of the pause that ends the input
---@field tries integer|nil
---@field sensitive boolean|nil
---@field speech boolean|nil  digits may be spoken too
---@field barge_in boolean|nil  with false keys wait until the prompt has ended
---@field type_ahead boolean|nil  keys that were typed before the question count
---@field reprompt callisto.Wording|nil
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
  type_ahead = { "boolean", default = true },
  reprompt = { "string|map" },
}

---A question that takes keys says its prompt, unless a key is waiting that answers it. A terminator that may still come for
---the question before must not cut it, so then it is cut here, by `take`.
---@param self callisto.Call
---@param sentence string
---@param opts {barge_in: boolean, digits_stop: boolean, voice: string?}
---@param uses callisto.KeyUse
---@return table|nil utterance
function collecting.prompt(self, sentence, opts, uses)
  if opts.digits_stop and self._keys:waits(uses) then return nil end
  opts.digits_stop = opts.digits_stop and not self._keys:expects_terminator()
  return self:_speak(sentence, opts)
end

---@param prompt table|nil
function collecting.stop(prompt)
  if prompt and not prompt.ended then core.stop(CALLER, prompt.number) end
end

---The next key for a question, which stops its prompt; nil when there is none, or while the prompt may not be interrupted.
---@param self callisto.Call
---@param uses callisto.KeyUse
---@param prompt table|nil
---@param barge_in boolean
---@return string|nil key
function collecting.take(self, uses, prompt, barge_in)
  if prompt and not prompt.ended and not barge_in then return nil end
  local key = self._keys:take(uses)
  if key then collecting.stop(prompt) end
  return key
end

local function any() return true end

local function next_key(self, ear, by)
  while true do
    local key = self._keys:take(any)
    if key then return key end
    if not ear:next(by) then return nil end
  end
end

---The rest of an input whose first key was pressed, until it is complete or nothing comes for `between`.
---@param self callisto.Call
---@param ear callisto.Ear
---@param first string
---@param wanted {min: integer, max: integer, terminator: string, between: number}
---@return string keys
function collecting.rest(self, ear, first, wanted)
  local keys, key = "", first
  while key do
    local is_end = key == wanted.terminator
    if is_end and #keys >= wanted.min then return keys end
    if not is_end then keys = keys .. key end
    if #keys == wanted.max then
      self._keys:expect(wanted.terminator)
      return keys
    end
    key = next_key(self, ear, core.now() + wanted.between)
  end
  return keys
end

-- "four two" → "42"; nil when something else was said.
local function digits_said(heard)
  if heard.rejected or not heard.text then return nil end
  return numbers.digits(heard.digits or heard.text)
end

-- The digits that were said, if it was that.
local function of_speech(event, clock, wanted, is_open)
  local said = event.kind == "heard" and is_open and digits_said(event.value)
  if said and #said >= wanted.min and #said <= wanted.max then return said end
  if event.kind == "heard" then clock:restart() else clock:follow(event) end
end

local function collect(self, ear, wanted, uses, prompt)
  local clock = ears.patience(wanted.timeout, prompt)
  while true do
    local key = collecting.take(self, uses, prompt, wanted.barge_in)
    if key then
      local keys = collecting.rest(self, ear, key, wanted)
      return #keys >= wanted.min and keys or nil, "too_short"
    end
    local event = ear:next(clock.at)
    if not event then return nil, "silence" end
    if wanted.speech then
      local said = of_speech(event, clock, wanted, wanted.barge_in or not prompt or prompt.ended)
      if said then return said end
    elseif event.kind == "ended" then
      clock:follow(event)
    end
  end
end

local function collect_once(self, wanted, sentence)
  -- A terminator with nothing before it is an answer only where nothing is one.
  local function uses(key) return key ~= wanted.terminator or wanted.min == 0 end
  return ears.with(self._ears, function(ear)
    ear.takes_keys = true
    local opts = { barge_in = wanted.barge_in and wanted.speech, digits_stop = wanted.barge_in }
    local prompt = sentence and collecting.prompt(self, sentence, opts, uses)
    return task.finally(collect, function() collecting.stop(prompt) end, self, ear, wanted, uses, prompt)
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
  self._keys:begin(wanted.type_ahead)
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
