-- callisto.flow.speaking: how a call says sentences. These are methods of the call object.
--
-- Audio is C's business: a sentence is declared with a number, and what happened to it comes back as an event.

local core = require "callisto.core"
local log = require "callisto.log"
local options = require "callisto.options"
local task = require "callisto.task"
local text = require "callisto.text"

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local SENTENCE_BYTES = 4000

---@class callisto.Call
local Call = {}

---@class callisto.Said  what became of a sentence
---@field heard string  the words that were really heard
---@field heard_ms integer
---@field interrupted boolean
---@field known_by "mark"|"clock"|"nothing"  how that is known: by the carrier's echo; by the clock, where it has none or the
---  sentence was cut; or an echo was due and did not come, so that more may have been heard
---@field error string|nil  the voice failed; "EDQUOT": too much waits to be heard already
local said_meta = {}

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
  local filled, warnings = text.interpolate(sentence, self.payload, self.language)
  for _, warning in ipairs(warnings) do
    log.warn(("call %s: a sentence is not said as it is written: %s"):format(self.id, warning))
  end
  return filled
end

-- Nobody hears what is said after the end, by clean-up code for instance.
local function declare(self, words)
  if self.is_over then task.leave() end
  local number = self._last_utterance + 1
  self._last_utterance = number
  local utterance = { number = number, text = words, started = false, ended = false }
  self._utterances[number] = utterance
  return utterance
end

-- What is refused (the call has too much waiting) has ended, unheard; whoever waits for it learns why.
local function told(self, utterance, ok, message, code)
  if ok or not code then return utterance end
  self._utterances[utterance.number] = nil
  utterance.ended, utterance.result = true, self:_result_of { error = code }
  log.warn(("call %s: a sentence was refused: %s"):format(self.id, message))
  return utterance
end

-- Which of the speaker's voices speaks; nil: the first one. The call keeps the speaker it began with; another template may name
-- voices that are not there.
local function voice_of(self, wanted)
  if self.template.voice.tts ~= self._speaker then return nil end
  return wanted or self.template.voice.voice or self._first_voice
end

---@private Declares a sentence and returns at once.
function Call:_speak(sentence, opts)
  if type(sentence) ~= "string" then sentence = self:_worded(sentence, 4) end
  local words = fill_in(self, sentence)
  if #words > SENTENCE_BYTES then error("a sentence may have at most 4,000 bytes", 3) end
  local utterance = declare(self, words)
  return told(self, utterance, core.say(CALLER, utterance.number, words, {
    voice = voice_of(self, opts.voice or self._voice),
    interruptible = either(opts.barge_in, self.template.barge_in),
    reversible = opts.reversible or false,
    digits_stop = opts.digits_stop or false,
  }))
end

local function until_ended(utterance)
  while not utterance.ended do task.wait(utterance) end
  return utterance.result
end

-- A sentence whose speaker is cancelled is not spoken on.
local function heard_out(utterance)
  return task.finally(until_ended, function()
    if not utterance.ended then core.stop(CALLER, utterance.number) end
  end, utterance)
end

---@private Waits for the end of a sentence, which goes on when the wait is cancelled.
function Call:_until_said(utterance) return until_ended(utterance) end

---Chooses the voice of what is said from now on; nil is the template's.
---@param voice string|nil
function Call:speak_with(voice)
  if voice ~= nil and type(voice) ~= "string" then error("call:speak_with needs the name of a voice, not " .. type(voice), 2) end
  self._voice = voice
end

---Says a sentence and waits until it was heard or interrupted. "{name}" is filled in from the payload; a text from elsewhere
---goes through `text.literal` (callisto.text).
---@param sentence callisto.Wording
---@param opts {barge_in: boolean?, digits_stop: boolean?, voice: string?}|nil
---@return callisto.Said
function Call:say(sentence, opts) return heard_out(self:_speak(sentence, options.read("call:say", opts, say_fields))) end

---@private What became of a sentence, as flows see it.
function Call:_result_of(result)
  return setmetatable({
    heard = result.heard or "",
    heard_ms = result.heard_ms or 0,
    interrupted = result.interrupted or false,
    known_by = result.proven and "mark" or result.unproven and "nothing" or "clock",
    error = result.error,
  }, said_meta)
end

---Whether a value is what `say` returned.
---@param value any
---@return boolean
local function is_said(value) return getmetatable(value) == said_meta end

return { methods = Call, is_said = is_said, declare = declare, told = told, heard_out = heard_out }
