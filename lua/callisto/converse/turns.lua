-- callisto.converse.turns: whose turn it is. callisto.converse.turn_table says in which state, at which event, under which
-- condition, what is done, and which state comes next; here is what the conditions and the actions are.
--
--   quiet ──► caller ──► ending ──turn──► answering ──► agent ──► quiet
--               ▲                             └──► over ◄──┘        the caller speaks, and what the agent says is paused
--               └───────── words: cut ──────────────┤ ▲
--                                                   ▼ │
--                                                 doubt ──noise──► the agent goes on
--
-- It is pure: `take` is given what happened and when, and answers with what is to be done; `at` says when it wants to be given
-- the event "time". Nothing here waits, speaks or reads a clock, so a conversation of an hour is a table of events.
--
-- Events, each { kind, … }:
--
--   speech_started, speech_stopped    of the detector of speech, which cannot tell a cough from a word
--   words, final { text }             what is understood so far of this piece, and what is certain; "" is a noise
--   end_of_turn, end_likely, resumed  of an ear that knows when a turn is over
--   key { key }
--   greeting                          the planned first sentence begins
--   asked                             an answer of the agent is on its way
--   agent_began { is_protected }      a sentence of the agent begins to be heard; it may not be interrupted
--   paused { heard }                  what the agent says is paused: what was heard of its answer
--   agent_ended                       the agent has said all it wanted to say, and nothing is on its way
--   tool_began, tool_ended
--   time
--
-- Actions, each { kind, … }:
--
--   pause, resume        of what the agent says; a pause may be taken back
--   cut { is_merged }    what the agent says, or was about to, is not wanted any more; merged: none of it was heard, so the
--                        turn that follows is a part of the one before
--   turn { text, by, at, is_guessed, is_cut_off }
--   guess { text }       the turn is probably this: an answer may be prepared, which nobody hears and which runs no tool
--   drop                 the guess was wrong
--   aside { text }       the caller said something that is not a turn
--   noise                it was nothing
--   too_long { count, text }  the caller has not stopped for the longest time of a turn

local complete = require "callisto.converse.complete"
local language = require "callisto.language"
local options = require "callisto.options"
local rows = require "callisto.converse.turn_table"

local turns = {}

-- Of one turn; a recogniser that does not stop is not followed further.
local MOST_BYTES, MOST_KEYS = 8000, 32

---@class callisto.TurnSettings
---@field language string|nil  [en]
---@field start "speech"|"words"|nil  what pauses an agent who speaks: the detector of speech, or only words [speech]
---@field min_words integer|nil  so many words interrupt an agent who speaks [1]
---@field sure_words integer|nil  so many, not final yet, do [3]
---@field wake string[]|nil  only what has one of these phrases is for the agent, and what follows within `wake_for`
---@field wake_for string|number|nil  [10 s]
---@field ignore string[]|nil  words that interrupt nobody, besides the acknowledgements of the language
---@field mute string[]|nil  when the caller is not listened to: "speaking", "first", "tools"; keys always count
---@field stop "silence"|"ear"|nil  what ends a turn: silence, and the ear when it says so; or the ear alone [silence]
---@field silence string|number|nil  after a sentence that is complete, or may be [0.6 s]
---@field unfinished string|number|nil  after one that cannot be the end: "and then" [1.5 s]
---@field dictating string|number|nil  after digits, letters and the like [2 s]
---@field backstop string|number|nil  after speech without a final word [5 s]
---@field longest string|number|nil  of a turn, by the clock [30 s]
---@field false_after string|number|nil  a pause without words is taken back after this, one with words that are not final after
--- three times this [2 s]
---@field merge boolean|nil  what is said before the answer was heard belongs to the turn before [true]
---@field guess "likely"|"early"|false|nil  when an answer is prepared: when the ear says that the end is likely, or after every
--- final word [likely]
---@field greeting_s string|number|nil  a short word in the first seconds of the greeting starts no reply [3 s]
---@field keys_after string|number|nil  pause after which keys are complete; # ends them at once [2 s]
---@field hangover string|number|nil  silence that has passed when the detector says that speech has stopped [0]
---@field partials boolean|nil  the ear tells words before they are final: where it tells none, it is no speech [false]
local fields = {
  language = { "string", default = "en" },
  start = { "string", default = "speech", values = { speech = true, words = true } },
  min_words = { "integer", default = 1, min = 1, max = 20 },
  sure_words = { "integer", default = 3, min = 1, max = 20 },
  wake = { "list" },
  wake_for = { "duration", default = 10 },
  ignore = { "list", default = {} },
  mute = { "list", default = {} },
  stop = { "string", default = "silence", values = { silence = true, ear = true } },
  silence = { "duration", default = 0.6, min = 0.1, max = 5 },
  unfinished = { "duration", default = 1.5, min = 0.1, max = 10 },
  dictating = { "duration", default = 2, min = 0.1, max = 10 },
  backstop = { "duration", default = 5, min = 0.5, max = 30 },
  longest = { "duration", default = 30, min = 1, max = 300 },
  false_after = { "duration", default = 2, min = 0.2, max = 10 },
  merge = { "boolean", default = true },
  guess = { "string|boolean", default = "likely" },
  greeting_s = { "duration", default = 3, min = 0, max = 30 },
  keys_after = { "duration", default = 2, min = 0.2, max = 10 },
  hangover = { "duration", default = 0, min = 0, max = 5 },
  partials = { "boolean", default = false },
}

local MUTES = { speaking = true, first = true, tools = true }
local GUESSES = { likely = true, early = true, [false] = true }
-- So many words in the first seconds are a "Hello?", not a question.
local SHORT = 3
-- Words that are not final hold an interrupted agent back for so many times the time of a noise.
local WITH_WORDS = 3

local function check(settings)
  for _, mute in ipairs(settings.mute) do
    if not MUTES[mute] then return "mute: " .. options.unknown(mute, MUTES):gsub("field", "value") end
  end
  if not GUESSES[settings.guess] then return "'guess' is \"likely\", \"early\" or false, not " .. tostring(settings.guess) end
end

---@class callisto.Turns
---@field state string  as the table names it
---@field at number|nil  when it wants to be given "time"
---@field is_busy boolean  the caller speaks or types, or what was said is not known yet
local Turns = {}
Turns.__index = Turns

---@param given callisto.TurnSettings|nil
---@return callisto.Turns|nil turns, string? message
function turns.new(given)
  local settings, why = options.try("turns", given, fields)
  why = why or check(settings)
  if not settings or why then return nil, why end
  local mute, ignored = {}, {}
  for _, each in ipairs(settings.mute) do mute[each] = true end
  for _, each in ipairs(settings.ignore) do ignored[language.folded(each)] = true end
  return setmetatable({
    settings = settings, mute = mute, ignored = ignored, state = "quiet", is_busy = false, finals = {}, keys = "", tools = 0,
    sentences = 0, too_long = 0,
  }, Turns)
end

local PAUSED = { over = true, doubt = true }
local LISTENING = { caller = true, ending = true }

-- What was said ------------------------------------------------------------------------------------------------------

local function joined(parts, last)
  local text = table.concat(parts, " ")
  if not last or last == "" then return text end
  return text == "" and last or text .. " " .. last
end

local function said(self) return joined(self.finals, self.interim) end

local function has_words(text) return language.folded(text):find "%S" ~= nil end

local function count_words(text)
  local _, count = language.folded(text):gsub("%S+", "")
  return count
end

-- Where the agent has to be woken: whether it was, by this or a moment ago.
local function is_awake(self, text, now)
  if not self.settings.wake or (self.awake_until and now <= self.awake_until) then return true end
  for _, phrase in ipairs(self.settings.wake) do
    if (" " .. language.folded(text) .. " "):find(" " .. language.folded(phrase) .. " ", 1, true) then return true end
  end
  return false
end

-- Whether these words take the floor from an agent who is being heard.
local function is_meant(self, text, now)
  if count_words(text) < self.settings.min_words or self.ignored[language.folded(text)] then return false end
  return is_awake(self, text, now) and not language.is_acknowledgement(text, self.settings.language)
end

-- From an agent of whose answer nothing was heard, any words do.
local function takes_floor(self, text, now)
  local is_unheard = PAUSED[self.state] and self.floor == "answering"
  if is_unheard then return has_words(text) and is_awake(self, text, now) end
  return is_meant(self, text, now)
end

-- What comes of a piece after its turn was closed with what was known of it: only what is new counts.
local function without_used(self, text)
  local used = self.used
  local folded = used and language.folded(text)
  if not used or (folded .. " "):sub(1, #used + 1) ~= used .. " " then return text end
  for _ in used:gmatch "%S+" do text = text:gsub("^%s*%S+", "", 1) end
  return (text:gsub("^%s+", ""))
end

-- Conditions ---------------------------------------------------------------------------------------------------------

local conditions = {}

function conditions.muted(self)
  local is_heard = self.state == "agent"
  return is_heard and (self.mute.speaking or (self.mute.first and self.sentences <= 1)) or (self.mute.tools and self.tools > 0)
end

-- Nothing that is said now stops the agent.
function conditions.protected(self) return self.is_protected end

function conditions.greeted(self, _, now) return self.greeting_until ~= nil and (self.began_at or now) < self.greeting_until end

function conditions.short_greeting(self, event, now)
  return conditions.greeted(self, event, now) and count_words(joined({ said(self) }, event.text)) <= SHORT
end

function conditions.by_words(self) return self.settings.start == "words" end
function conditions.unmerged(self) return not self.settings.merge end
function conditions.speaking(self) return self.is_speaking end
function conditions.nothing(_, event) return not has_words(event.text) end
function conditions.nothing_at_all(self, event) return not has_words(said(self)) and not has_words(event.text) end
function conditions.said(self, _, now) return has_words(said(self)) and is_awake(self, said(self), now) end
function conditions.wordless(self) return not has_words(said(self)) end
function conditions.closed(self, event) return self.is_over and has_words(joined(self.finals, event.text)) end

-- With the words of this event …
function conditions.counts(self, event, now) return takes_floor(self, joined(self.finals, event.text), now) end

-- … which may still change, but are too many to be nothing.
function conditions.sure(self, event, now)
  return count_words(joined(self.finals, event.text)) >= self.settings.sure_words and conditions.counts(self, event, now)
end

-- What is known counts.
function conditions.meant(self, _, now) return takes_floor(self, said(self), now) end

-- Actions ------------------------------------------------------------------------------------------------------------

local function forget(self)
  self.finals, self.interim, self.began_at, self.stopped_at, self.patience_at = {}, nil, nil, nil, nil
  self.is_over = nil
end

local function out(self, action) self.out[#self.out + 1] = action end

local acts = {}

function acts.begin(self, _, now)
  self.began_at, self.patience_at, self.is_over = self.began_at or now, nil, nil
end

function acts.note(self, event)
  if event.kind == "words" then
    self.interim = event.text
    return
  end
  self.interim = nil
  if not has_words(event.text) or #said(self) + #event.text > MOST_BYTES then return end
  self.finals[#self.finals + 1] = event.text
end

-- Where the agent is when it goes on, and what words may do: only the pause itself tells whether anything was heard.
function acts.pause(self, event)
  self.floor = self.state == "answering" and "answering" or "agent"
  if event.heard then self.floor = event.heard == "" and "answering" or "agent" end
  out(self, { kind = "pause" })
end

function acts.resume(self)
  forget(self)
  out(self, { kind = "resume" })
end

function acts.cut(self)
  local is_unheard = self.state == "answering" or (PAUSED[self.state] and self.floor == "answering")
  out(self, { kind = "cut", is_merged = is_unheard and self.settings.merge or nil })
  self.is_heard = false
end

function acts.drop(self)
  if self.guessed then out(self, { kind = "drop" }) end
  self.guessed = nil
end

-- A guess while a tool is open would have to make its result up.
local function guess(self)
  local text = said(self)
  if self.tools > 0 or self.guessed == text or not has_words(text) then return end
  acts.drop(self)
  self.guessed = text
  out(self, { kind = "guess", text = text })
end

function acts.guess(self)
  if self.settings.guess then guess(self) end
end

-- How long to wait for more of a turn, from the end of the speech.
local function patience_of(self)
  local settings, text = self.settings, said(self)
  if self.is_over and has_words(text) then return 0 end
  if #self.finals == 0 or self.interim or settings.stop == "ear" then return settings.backstop end
  local wait = settings[complete.judge(text, settings.language)]
  return math.max(0, wait - settings.hangover)
end

function acts.judge(self, _, now)
  self.began_at = self.began_at or now
  if self.guessed and self.guessed ~= said(self) then acts.drop(self) end
  if self.is_speaking and not self.is_over then
    self.patience_at = nil
    return
  end
  self.patience_at = (self.stopped_at or now) + patience_of(self)
  if self.settings.guess == "early" and #self.finals > 0 and self.patience_at > now then guess(self) end
end

-- How long an agent who was paused waits for the caller's words.
function acts.wait(self, _, now)
  local times = conditions.meant(self, nil, now) and WITH_WORDS or 1
  self.patience_at = (self.stopped_at or now) + self.settings.false_after * times
end

-- Speech over the agent is words soon, where the ear tells them before they are final.
function acts.expect(self, _, now)
  self.patience_at = self.settings.partials and now + self.settings.false_after * WITH_WORDS or nil
end

-- The ear says that it is over; what it has not understood yet may still come.
function acts.over(self) self.is_over = true end

local function give_turn(self, now, is_cut_off)
  local text = said(self)
  local is_guessed = self.guessed == text
  if is_guessed then self.guessed = nil else acts.drop(self) end
  self.used = self.interim and language.folded(self.interim) or nil
  self.awake_until = self.settings.wake and now + self.settings.wake_for
  if not is_cut_off then self.too_long = 0 end
  out(self, {
    kind = "turn", text = text, by = "speech", at = self.stopped_at or now, is_guessed = is_guessed or nil,
    is_cut_off = is_cut_off or nil,
  })
  forget(self)
end

function acts.turn(self, _, now) give_turn(self, now) end
function acts.cut_off(self, _, now) give_turn(self, now, true) end

function acts.too_long(self, _, now)
  self.too_long = self.too_long + 1
  self.began_at = now
  out(self, { kind = "too_long", count = self.too_long, text = said(self) })
end

function acts.aside(self, event)
  if event.text then acts.note(self, event) end
  local text = said(self)
  if has_words(text) then out(self, { kind = "aside", text = text }) end
  forget(self)
end

acts.forget = forget

function acts.noise(self)
  acts.drop(self)
  forget(self)
  out(self, { kind = "noise" })
end

-- Taking events -----------------------------------------------------------------------------------------------------

-- state → event → rows
local index = {}
for _, row in ipairs(rows) do
  local of_state = index[row[1]] or {}
  index[row[1]] = of_state
  of_state[row[2]] = of_state[row[2]] or {}
  table.insert(of_state[row[2]], row)
end

-- What is known besides the state, whatever that is.
local notes = {}

function notes.speech_started(self) self.is_speaking, self.stopped_at, self.used = true, nil, nil end
function notes.speech_stopped(self, _, now) self.is_speaking, self.stopped_at = false, now end
function notes.tool_began(self) self.tools = self.tools + 1 end
function notes.tool_ended(self) self.tools = math.max(0, self.tools - 1) end
function notes.greeting(self, _, now) self.greeting_until = now + self.settings.greeting_s end

function notes.agent_began(self, event)
  self.is_heard, self.is_protected = true, event.is_protected or false
  self.sentences = self.sentences + 1
end

function notes.agent_ended(self) self.is_heard, self.is_protected = false, false end

local function first_of(self, event, now)
  for _, row in ipairs(index[self.state][event.kind] or {}) do
    if not row[3] or conditions[row[3]](self, event, now) then return row end
  end
end

local function next_state(self, named)
  if named == "back" then return self.is_heard and "agent" or self.floor end
  if named == "rest" then return self.is_heard and "agent" or "quiet" end
  return named or self.state
end

local function follow(self, event, now)
  local row = first_of(self, event, now)
  if not row then return end
  for _, act in ipairs(row[4]) do acts[act](self, event, now) end
  self.state = next_state(self, row[5])
end

-- Keys are beside the table: they are a turn by themselves, and what is spoken at the same time is another.
local function end_keys(self, now)
  acts.drop(self)
  out(self, { kind = "turn", text = self.keys, by = "keys", at = now })
  self.keys, self.keys_at, self.too_long = "", nil, 0
  if not LISTENING[self.state] then self.state = "answering" end
end

-- A key is no noise.
local function interrupt_by_key(self)
  if self.state == "quiet" or LISTENING[self.state] or self.is_protected then return end
  acts.cut(self)
  if PAUSED[self.state] then self.state = self.is_speaking and "caller" or "ending" end
end

local function take_key(self, event, now)
  if event.key == "#" and self.keys ~= "" then return end_keys(self, now) end
  if self.keys == "" then interrupt_by_key(self) end
  if #self.keys < MOST_KEYS then self.keys = self.keys .. event.key end
  self.keys_at = now + self.settings.keys_after
end

local function longest_at(self)
  return (LISTENING[self.state] or self.state == "over") and self.began_at and self.began_at + self.settings.longest or nil
end

-- The times that may have come, the first of them first.
local function next_time(self)
  local kind, at = "patience", self.patience_at
  local longest = longest_at(self)
  if longest and (not at or longest < at) then kind, at = "longest", longest end
  if self.keys_at and (not at or self.keys_at < at) then kind, at = "keys", self.keys_at end
  return at, kind
end

local function on_time(self, kind, now)
  if kind == "keys" then return end_keys(self, now) end
  if kind == "patience" then self.patience_at = nil end
  follow(self, { kind = kind }, now)
end

---Whether the detector of speech is to pause the sentence that comes next, in the frame of its decision; else this machine does,
---if anything does.
---@param now number
---@return boolean
function Turns:yields_to_speech(now)
  if self.settings.start == "words" or self.mute.speaking or (self.mute.first and self.sentences == 0) then return false end
  return not (self.mute.tools and self.tools > 0) and not conditions.greeted(self, nil, now)
end

---What is to be done now that this has happened.
---@param event {kind: string, text: string|nil, key: string|nil, heard: string|nil, is_protected: boolean|nil}
---@param now number  seconds; never goes back
---@return table[] actions
function Turns:take(event, now)
  self.out = {}
  if event.text then
    event = { kind = event.kind, text = without_used(self, event.text) }
    if event.kind == "final" then self.used = nil end
  end
  if notes[event.kind] then notes[event.kind](self, event, now) end
  if event.kind == "key" then take_key(self, event, now) else follow(self, event, now) end
  local at, kind = next_time(self)
  while at and at <= now do
    on_time(self, kind, now)
    at, kind = next_time(self)
  end
  self.at = at
  self.is_busy = LISTENING[self.state] or PAUSED[self.state] or self.keys ~= ""
  return self.out
end

return turns
