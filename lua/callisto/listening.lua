-- callisto.listening: how a call listens, asks and collects keys. These are methods of the call object.

local core = require "callisto.core"
local ears = require "callisto.ear"
local options = require "callisto.options"
local task = require "callisto.task"
local text = require "callisto.text"

local patience = ears.patience

---@class callisto.Call
local Call = {}

local function either(value, otherwise)
  if value == nil then return otherwise end
  return value
end

local function set_ear(settings)
  local ok, message = core.listen(settings)
  if not ok then error(message or "the recogniser refused what to listen for", 3) end
end

local function choices_of(choices, what)
  if not choices then return nil end
  local lists = {}
  for name, phrases in pairs(choices) do
    if type(name) ~= "string" then error(what .. ": choices map names to phrases", 3) end
    lists[name] = text.phrases(phrases)
    if #lists[name] == 0 then error(("%s: choice '%s' has no phrases"):format(what, name), 3) end
  end
  return lists
end

-- Speech that was understood as nothing at all is noise, not an answer.
local function is_noise(heard) return heard.text == "" and not heard.rejected end

---@class callisto.ListenOptions
---@field timeout string|number|nil  duration
---@field choices table<string, string|string[]>|nil
---@field free_text boolean|nil
---@field endpoint string|number|nil  duration
local listen_fields = {
  timeout = { "duration", default = 7 },
  choices = { "map" },
  free_text = { "boolean" },
  endpoint = { "duration", min = 0.1, max = 5 },
}

---Listens to what the caller says.
---@param opts callisto.ListenOptions|nil
---@return {text: string, choice: string|nil, rejected: boolean|nil}|nil heard
---@return "silence"|nil reason
function Call:listen(opts)
  opts = options.read("call:listen", opts, listen_fields)
  local choices = choices_of(opts.choices, "call:listen")
  set_ear {
    choices = choices,
    free_text = either(opts.free_text, not choices),
    endpoint_ms = opts.endpoint and opts.endpoint * 1000,
  }
  return ears.with(self._ears, function(ear)
    local clock = patience(opts.timeout)
    while true do
      local event = ear:next(clock.at)
      if not event then return nil, "silence" end
      if event.kind ~= "heard" then
        clock:follow(event)
      elseif is_noise(event.value) then
        clock:restart()
      else
        return event.value
      end
    end
  end)
end

---@class callisto.Question
---@field [1] string  the question
---@field choices table<string, string|string[]>|nil  what may be said
---@field digits table<string, string>|nil  key → choice
---@field tries integer|nil
---@field timeout string|number|nil  duration, from the end of the prompt
---@field barge_in boolean|nil
---@field reprompt string|nil  instead of the question, from the second time
---@field no_match string|nil  instead of the question, after something that was not understood
---@field endpoint string|number|nil  duration of silence that ends what the caller says
---@field voice string|nil
local ask_fields = {
  [1] = { "string", required = true },
  choices = { "map" },
  digits = { "map" },
  tries = { "integer", default = 3, min = 1, max = 10 },
  timeout = { "duration", default = 7 },
  barge_in = { "boolean", default = true },
  reprompt = { "string" },
  no_match = { "string" },
  endpoint = { "duration", min = 0.1, max = 5 },
  voice = { "string" },
}

-- What an event means for a question: a choice, "no_match", or nil when it decides nothing.
local function judge(event, question)
  if event.kind == "digit" then
    local choice = question.digits and question.digits[event.value]
    return choice or "no_match", choice ~= nil, "digit"
  end
  if event.kind == "heard" and not is_noise(event.value) then
    local choice = event.value.choice
    local is_known = choice ~= nil and not event.value.rejected and (question.choices or {})[choice] ~= nil
    return is_known and choice or "no_match", is_known, "speech"
  end
end

-- One try. Returns the choice, or nil and the reason.
local function try_once(self, question, sentence)
  return ears.with(self._ears, function(ear)
    local prompt = self:_speak(sentence,
      { barge_in = question.barge_in, digits_stop = question.barge_in, voice = question.voice })
    local clock = patience(question.timeout, prompt)
    return task.finally(function()
      while true do
        local event = ear:next(clock.at)
        if not event then return nil, clock.is_speaking and "no_match" or "silence" end
        local may_count = question.barge_in or prompt.ended
        local verdict, is_choice, by = judge(event, question)
        if verdict and may_count and is_choice then return verdict, { by = by, text = event.value.text } end
        if verdict and may_count and (prompt.ended or by == "digit") then return nil, "no_match" end
        if event.kind == "heard" then
          clock:restart()
        else
          clock:follow(event)
        end
      end
    end, function()
      if not prompt.ended then core.stop(prompt.number) end
    end)
  end)
end

---Asks a question and listens for one of its choices, during the prompt and after it. Silence counts from the prompt's
---end. What is not understood and silence use up a try each.
---@param question callisto.Question
---@return string|nil choice
---@return {by: "speech"|"digit", text: string|nil}|"silence"|"no_match"|nil about  how it was chosen, or why nothing was
function Call:ask(question)
  local q = options.read("call:ask", question, ask_fields)
  q.choices = choices_of(q.choices, "call:ask")
  if not q.choices and not q.digits then error("call:ask needs choices, digits or both", 2) end
  for key, choice in pairs(q.digits or {}) do
    if type(key) ~= "string" or not key:match("^[%d*#]$") or type(choice) ~= "string" then
      error("call:ask: digits map single keys, as text, to choices: { [\"1\"] = \"yes\" }", 2)
    end
  end
  set_ear { choices = q.choices, endpoint_ms = q.endpoint and q.endpoint * 1000 }
  local sentence, reason = q[1], nil
  for _ = 1, q.tries do
    local choice, about = try_once(self, q, sentence)
    if choice then return choice, about end
    reason = about
    sentence = (reason == "no_match" and q.no_match) or q.reprompt or q[1]
  end
  return nil, reason
end

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

local spoken_digits = { zero = "0", oh = "0", o = "0", one = "1", two = "2", three = "3", four = "4", five = "5",
  six = "6", seven = "7", eight = "8", nine = "9" }

-- "four two" → "42"; nil when something else was said.
local function digits_said(heard)
  if heard.rejected or not heard.text or heard.text == "" then return nil end
  local keys = {}
  for word in heard.text:lower():gmatch("%S+") do
    local digit = spoken_digits[word] or word:match("^%d+$")
    if not digit then return nil end
    keys[#keys + 1] = digit
  end
  return table.concat(keys)
end

-- Callers press the terminator also where the last key would have done; it must not fall upon what comes next.
local TERMINATOR_GRACE = 0.6

-- Takes one key. True when the collection is complete.
local function take_key(ear, keys, key, wanted)
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

local function collect(ear, wanted, prompt)
  local keys, clock = "", patience(wanted.timeout, prompt)
  while true do
    local event = ear:next(clock.at)
    if not event then
      if keys == "" then return nil, "silence" end
      return #keys >= wanted.min and keys or nil, "too_short"
    end
    if event.kind == "digit" then
      local is_complete
      is_complete, keys = take_key(ear, keys, event.value, wanted)
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
      if prompt and not prompt.ended then core.stop(prompt.number) end
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
  if wanted.speech then set_ear { digits = { min = math.max(1, wanted.min), max = wanted.max } } end
  if wanted.sensitive then core.recording(false) end
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
    if wanted.sensitive then core.recording(true) end
  end)
end

return Call
