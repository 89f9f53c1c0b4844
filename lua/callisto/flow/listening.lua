-- callisto.flow.listening: how a call listens and asks. These are methods of the call object.

local core = require "callisto.core"
local answers = require "callisto.flow.answers"
local collecting = require "callisto.flow.collecting"
local ears = require "callisto.flow.ear"
local language = require "callisto.language"
local log = require "callisto.log"
local options = require "callisto.options"
local task = require "callisto.task"
local text = require "callisto.text"

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local patience = ears.patience

---@class callisto.Call
local Call = {}

-- The pause after which keys that make one answer (a number, a date) are complete.
local BETWEEN_KEYS_S = 2

local function with_fields(fields)
  for name, spec in pairs(answers.fields) do fields[name] = spec end
  return fields
end

---@private Tells the ear what may be said. A vendor's understands any words, and only has to be told when speech is over; should
---it fail, our own one must know what is expected.
function Call:_listen_for(settings)
  self._expected = settings
  local any_words = { endpoint_ms = settings.endpoint_ms }
  local ok, message = core.listen(CALLER, self._has_vendor_ear and any_words or settings)
  if ok then return end
  if language.base(self.language) == "en" then error(message or "the recogniser refused what to listen for", 3) end
  -- Ours stands in for a vendor's that is gone, and knows English alone.
  log.warn(("call %s: only keys are understood: %s"):format(self.id, message))
  core.listen(CALLER, any_words)
end

-- Speech that was understood as nothing at all is noise, not an answer.
local function is_noise(heard) return heard.text == "" and not heard.rejected and not heard.choice end

-- Listening --------------------------------------------------------------------------------------------------------

---@class callisto.Idle  what to do when the caller says nothing
---@field after string|number|nil  duration
---@field say callisto.Wording|nil  [whether the caller is still there]
---@field tries integer|nil  how often to say it
---@field goodbye callisto.Wording|nil  in a template: the last sentence of the call
local idle_fields = {
  after = { "duration", default = 7, min = 1 },
  say = { "string|map", check = text.check },
  tries = { "integer", default = 2, min = 0, max = 10 },
  goodbye = { "string|map", check = text.check },
}

---@class callisto.ListenOptions
---@field timeout string|number|nil  duration
---@field idle callisto.Idle|nil  instead of a timeout: asks whether the caller is still there
---@field choices table<string, string|string[]>|nil
---@field number boolean|{min: number?, max: number?, whole: boolean?}|nil
---@field date boolean|{from: string?, to: string?, zone: string?, keys: string?}|nil
---@field free_text boolean|nil
---@field endpoint string|number|nil  duration
local listen_fields = with_fields {
  timeout = { "duration" },
  idle = { "map" },
}

-- Waits for words until the clock says that it is time. The clock may be wound up again by `on_silence`.
local function until_heard(ear, clock, on_silence)
  while true do
    local event = ear:next(clock.at)
    if not event then
      clock = on_silence()
      if not clock then return nil, "silence" end
    elseif event.kind ~= "heard" then
      clock:follow(event)
    elseif is_noise(event.value) then
      clock:restart()
    else
      return event.value
    end
  end
end

local function nothing() return nil end

-- What the engine says by itself in the language of the call.
local function words_of(self) return language.of(self.language) or language.plain end

-- What to do at each silence: say so and wait again, as often as `idle` says.
local function reminder(self, idle)
  local count = 0
  return function()
    if count >= idle.tries then return nil end
    count = count + 1
    return patience(idle.after, self:_speak(idle.say or words_of(self).still_there, { barge_in = true }))
  end
end

local function read_idle(self, opts)
  if opts.idle then
    if opts.timeout then error("call:listen takes 'timeout' or 'idle', not both", 4) end
    local idle, why = options.try("call:listen: idle", opts.idle, idle_fields)
    if not idle then error(why, 4) end
    return idle, false
  end
  if opts.timeout then return nil, false end
  return self.template.idle, true
end

---Listens to what the caller says. Without `timeout` and `idle` the template's `idle` is followed, which ends the call in
---the end; without that too, 7 seconds.
---@param opts callisto.ListenOptions|nil
---@return {text: string, choice: string|nil, value: string|number|nil, rejected: boolean|nil}|nil heard  `value`: the choice,
--- number, date or free text that was understood, if any
---@return "silence"|nil reason
function Call:listen(opts)
  opts = options.read("call:listen", opts, listen_fields)
  local idle, ends_call = read_idle(self, opts)
  if not (opts.choices or opts.number or opts.date) and opts.free_text == nil then opts.free_text = true end
  local expected = answers.read("call:listen", opts, 2)
  self:_listen_for(expected.listen)
  local heard = ears.with(self._ears, function(ear)
    local clock = patience(idle and idle.after or opts.timeout or 7)
    return until_heard(ear, clock, idle and reminder(self, idle) or nothing)
  end)
  if heard then
    heard.value = answers.of_speech(expected, heard)
    return heard
  end
  if idle and ends_call then self:_close("USER_IDLE_TIMEOUT", idle.goodbye) end
  return nil, "silence"
end

-- Asking -----------------------------------------------------------------------------------------------------------

local function check_texts(value) return type(value) == "table" and text.check(value) or nil end

---@class callisto.Question
---@field [1] callisto.Wording  the question
---@field choices table<string, string|string[]>|nil  what may be said
---@field digits table<string, string>|nil  key → choice
---@field number boolean|{min: number?, max: number?, whole: boolean?}|nil  said, or keyed in
---@field date boolean|{from: string?, to: string?, zone: string?, keys: "ddmm"|"mmdd"|nil}|nil  the answer is "2026-05-03"
---@field free_text boolean|nil  the answer is what was said
---@field tries integer|nil
---@field timeout string|number|nil  duration, from the end of the prompt
---@field barge_in boolean|nil
---@field type_ahead boolean|nil  keys that were typed before the question count
---@field reprompt callisto.Wording|callisto.Wording[]|nil  instead of the question, from the second time
---@field no_match callisto.Wording|nil  instead of the question, after something that was not understood
---@field endpoint string|number|nil  duration of silence that ends what the caller says
---@field voice string|nil
local ask_fields = with_fields {
  [1] = { "string|map", required = true, check = check_texts },
  digits = { "map" },
  tries = { "integer", default = 3, min = 1, max = 10 },
  timeout = { "duration", default = 7 },
  barge_in = { "boolean", default = true },
  type_ahead = { "boolean", default = true },
  reprompt = { "string|map" },
  no_match = { "string|map", check = check_texts },
  voice = { "string" },
}

-- What a key means: a choice, or the first of several keys that make one answer.
local function of_key(self, ear, key, question, expected)
  local choice, keys = question.digits and question.digits[key], key
  if not choice and expected.keys and key:find "%d" then
    local wanted = { min = expected.keys.min, max = expected.keys.max, terminator = "#", between = BETWEEN_KEYS_S }
    keys = collecting.rest(self, ear, key, wanted)
    choice = answers.of_keys(expected, keys)
  end
  core.line("caller", "Pressed " .. keys)
  return choice, keys
end

local function follow(clock, event)
  if event.kind == "heard" then return clock:restart() end
  clock:follow(event)
end

-- Waits for something that counts. Returns the value and how it came, or nil and the reason.
local function until_answered(self, ear, question, expected, uses, prompt)
  local clock = patience(question.timeout, prompt)
  while true do
    local key = collecting.take(self, uses, prompt, question.barge_in)
    if key then
      local value, keys = of_key(self, ear, key, question, expected)
      if value ~= nil then return value, { by = "digit", keys = keys } end
      return nil, "no_match"
    end
    local event = ear:next(clock.at)
    if not event then return nil, clock.is_speaking and "no_match" or "silence" end
    local has_ended = not prompt or prompt.ended
    if event.kind == "heard" and not is_noise(event.value) and (question.barge_in or has_ended) then
      local value = answers.of_speech(expected, event.value)
      if value ~= nil then return value, { by = "speech", text = event.value.text } end
      if has_ended then return nil, "no_match" end
    end
    follow(clock, event)
  end
end

-- One try.
local function try_once(self, question, expected, sentence)
  local function uses(key, is_late)
    return not is_late or question.digits ~= nil and question.digits[key] ~= nil
  end
  return ears.with(self._ears, function(ear)
    ear.takes_keys = true
    local opts = { barge_in = question.barge_in, digits_stop = question.barge_in, voice = question.voice }
    local prompt = collecting.prompt(self, sentence, opts, uses)
    return task.finally(until_answered, function() collecting.stop(prompt) end,
      self, ear, question, expected, uses, prompt)
  end)
end

local function check_digits(digits)
  for key, choice in pairs(digits) do
    if type(key) ~= "string" or not key:match("^[%d*#]$") or type(choice) ~= "string" then
      error("call:ask: digits map single keys, as text, to choices: { [\"1\"] = \"yes\" }", 3)
    end
  end
end

-- What is said at the next try, the one after `tried` others.
local function next_sentence(question, tried, reason)
  if reason == "no_match" and question.no_match then return question.no_match end
  local reprompt = question.reprompt
  if type(reprompt) == "table" and reprompt[1] then reprompt = reprompt[math.min(tried, #reprompt)] end
  return reprompt or question[1]
end

---Asks a question and listens for its answer, during the prompt and after it. Silence counts from the prompt's end. What is
---not understood and silence use up a try each.
---@param question callisto.Question
---@return string|number|nil answer  a choice, a number, a date as "2026-05-03", or the words
---@return {by: "speech"|"digit", text: string|nil, keys: string|nil}|"silence"|"no_match"|nil about  how it was answered, or
--- why it was not
function Call:ask(question)
  local q = options.read("call:ask", question, ask_fields)
  if not (q.choices or q.digits or q.number or q.date or q.free_text) then
    error("call:ask needs choices, digits or both, or a number, a date or free_text", 2)
  end
  check_digits(q.digits or {})
  local expected = answers.read("call:ask", q, 2)
  self:_listen_for(expected.listen)
  -- A question without keys has no use for what was typed before it.
  self._keys:begin(q.type_ahead and (q.digits ~= nil or expected.keys ~= nil))
  local sentence, reason = q[1], nil
  for tried = 1, q.tries do
    local answer, about = try_once(self, q, expected, sentence)
    if answer ~= nil then return answer, about end
    reason = about
    if reason == "no_match" then self._keys:flush() end
    sentence = next_sentence(q, tried, reason)
  end
  return nil, reason
end

local english = {
  yes = "yes, yes please, sure, okay, correct, that is right, right, yeah, please do",
  no = "no, no thanks, nope, wrong, that is wrong, not right",
}

-- The built-in ear knows English alone, and only what its dictionary has.
local function yes_or_no(self)
  local words = language.of(self.language)
  if not words or words.tag == "en" then return english end
  return { yes = words.yes, no = words.no }
end

---Asks something that is answered with yes or no, by voice or with the keys 1 and 2.
---@param question callisto.Wording|callisto.Question
---@return boolean|nil is_yes
---@return table|"silence"|"no_match"|nil about
function Call:confirm(question)
  local given = {}
  if type(question) == "table" and question[1] then
    for name, value in pairs(question) do given[name] = value end
  elseif type(question) == "string" or type(question) == "table" then
    given[1] = question
  else
    error("call:confirm needs a question, not " .. type(question), 2)
  end
  given.choices = given.choices or yes_or_no(self)
  given.digits = given.digits or { ["1"] = "yes", ["2"] = "no" }
  local answer, about = self:ask(given)
  if answer == nil then return nil, about end
  return answer == "yes", about
end

---For callisto.template: a field of it.
---@param idle table
---@return callisto.Idle|nil, string? message
local function check_idle(idle) return options.try("idle", idle, idle_fields) end

return { methods = Call, check_idle = check_idle }
