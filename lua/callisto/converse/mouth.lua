-- callisto.converse.mouth: what the agent says, sentence by sentence.
--
--   put(text) ─► cutter ─► line: [ waiting … ] ─► declared, AHEAD at a time ─► ended: heard so far ─► history
--                             ▲                                                    │
--                             └────────── the rest of one that was cut ◄───────────┘
--
-- Only a few sentences are with the engine at a time, so that little has to be taken back. A sentence that is cut goes back to
-- the head of the line from its first word that was not heard; whether it is said on is decided by what cut it: `resume` when
-- that was a noise, `drop` when it was words.

local core = require "callisto.core"
local sentences = require "callisto.sentences"
local text = require "callisto.text"

-- The next sentence must be with the engine before the one being said is over.
local AHEAD = 2
-- Letters of one answer; a model that goes on for ever is cut off.
local MOST_BYTES = 6000

-- What cuts a sentence is known so soon after it: the engine tells of both, one after the other.
local VERDICT_S = 0.25

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local mouths = {}

---@class callisto.MouthItem: callisto.HistorySentence
---@field entry callisto.HistoryEntry|nil  nil: it is not told to the model
---@field opts {barge_in: boolean?}
---@field utterance table|nil  it is with the engine
---@field is_dropped boolean|nil  it is not said on

---@class callisto.Mouth
---@field is_held boolean  the caller speaks
---@field held_until number|nil  it is held because a sentence was cut, and nobody has said yet by what
---@field first_sound_at number|nil  when the first sentence of this answer was given to the engine
local Mouth = {}
Mouth.__index = Mouth

---@param call callisto.Call
---@return callisto.Mouth
function mouths.new(call)
  local self = setmetatable({ call = call, line = {}, declared = {}, is_held = false, bytes = 0 }, Mouth)
  self:new_cutter()
  return self
end

---@private What was begun is not said.
function Mouth:new_cutter() self.cutter = sentences.new(self.call.template.voice.language) end

local take_back

-- Words that were not heard, by counting: what is known of the heard ones may be written otherwise.
local function rest_of(sentence, heard)
  local _, count = heard:gsub("%S+", "")
  local rest = sentence
  for _ = 1, count do rest = rest:gsub("^%s*%S+", "", 1) end
  return (rest:gsub("^%s+", ""))
end

local function forget(entry, item)
  for i, each in ipairs(entry and entry.sentences or {}) do
    if each == item then return table.remove(entry.sentences, i) end
  end
end

local function place_of(entry, item)
  for i, each in ipairs(entry.sentences) do
    if each == item then return i end
  end
end

-- A sentence has ended. Of one that was played to its end without proof all counts: else the model would say it again.
local function conclude(self, item)
  local result = item.utterance.result
  local is_whole = not result.interrupted and not result.error
  item.heard = is_whole and item.text or result.heard
  if result.interrupted and not item.is_dropped then
    self.is_held, self.held_until = true, core.now() + VERDICT_S
    take_back(self, item)
  end
  if item.heard == "" then forget(item.entry, item) end
end

function take_back(self, item)
  local rest = rest_of(item.text, item.heard)
  if rest == "" then return end
  local again = { text = rest, entry = item.entry, opts = item.opts }
  table.insert(self.line, (self.taken_back or 0) + 1, again)
  self.taken_back = (self.taken_back or 0) + 1
  if item.entry then table.insert(item.entry.sentences, place_of(item.entry, item) + 1, again) end
end

local function declare(self, item)
  item.utterance = self.call:_speak(text.literal(item.text), item.opts)
  self.first_sound_at = self.first_sound_at or core.now()
  if item.utterance.ended then return conclude(self, item) end
  self.declared[#self.declared + 1] = item
end

local function fill(self)
  while not self.is_held and #self.declared < AHEAD and self.line[1] do
    self.taken_back = nil
    declare(self, table.remove(self.line, 1))
  end
end

local function add(self, item)
  self.line[#self.line + 1] = item
  if item.entry then item.entry.sentences[#item.entry.sentences + 1] = item end
end

local function add_all(self, pieces)
  for _, sentence in ipairs(pieces) do add(self, { text = sentence, entry = self.entry, opts = self.opts }) end
  fill(self)
end

---An answer of the agent begins.
---@param entry callisto.HistoryEntry
---@param opts {barge_in: boolean?}
function Mouth:begin(entry, opts)
  self.entry, self.opts, self.bytes, self.first_sound_at = entry, opts, 0, nil
  self:new_cutter()
end

---More of the answer, as it is written.
---@param written string
---@return boolean is_taken  false: it is longer than an answer may be
function Mouth:put(written)
  self.bytes = self.bytes + #written
  if self.bytes > MOST_BYTES then return false end
  add_all(self, self.cutter:put(written))
  return true
end

---The answer is written.
function Mouth:finish() add_all(self, self.cutter:finish()) end

---The answer broke off: what is not with the engine is not said.
function Mouth:broke_off()
  self:new_cutter()
  for _, item in ipairs(self.line) do forget(item.entry, item) end
  self.line = {}
end

---Says a sentence that no model has written.
---@param sentence string  as for call:say
---@param entry callisto.HistoryEntry|nil  nil: the model is not told
---@param opts {barge_in: boolean?}
function Mouth:say(sentence, entry, opts)
  add(self, { text = (text.interpolate(sentence, self.call.payload)), entry = entry, opts = opts })
  fill(self)
end

---Takes over a sentence that the call is saying.
---@param utterance table
---@param entry callisto.HistoryEntry
function Mouth:adopt(utterance, entry)
  local item = { text = utterance.text, entry = entry, opts = { barge_in = self.call.template.greeting_barge_in },
    utterance = utterance }
  entry.sentences[1] = item
  if utterance.ended then conclude(self, item) else self.declared[1] = item end
end

---The engine has ended a sentence.
---@param utterance table
---@return callisto.MouthItem|nil item  nil: it was not one of these
function Mouth:ended(utterance)
  for i, item in ipairs(self.declared) do
    if item.utterance == utterance then
      table.remove(self.declared, i)
      conclude(self, item)
      fill(self)
      return item
    end
  end
end

---The caller speaks: nothing new is said until it is known what that was.
function Mouth:hold() self.is_held, self.held_until = true, nil end

---It was nothing: what was cut is said on.
function Mouth:resume()
  self.is_held, self.held_until = false, nil
  fill(self)
end

---It was words: what they cut, and what was to follow, is not said any more. What may not be interrupted is said to its end.
function Mouth:drop()
  self:broke_off()
  for _, item in ipairs(self.declared) do
    if item.opts.barge_in ~= false then
      item.is_dropped = true
      core.stop(CALLER, item.utterance.number)
    end
  end
  self.is_held, self.held_until = false, nil
end

---Whether nothing is being said or about to be.
---@return boolean
function Mouth:is_silent() return #self.line == 0 and #self.declared == 0 end

return mouths
