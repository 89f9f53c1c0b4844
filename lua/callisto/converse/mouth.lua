-- callisto.converse.mouth: what the agent says, sentence by sentence.
--
--   put(text) ─► cutter ─► line: [ waiting … ] ─► declared, AHEAD at a time ─► ended: heard so far ─► history
--                             ▲                                                    │
--                             └────────── the rest of one that was cut ◄───────────┘
--
-- Only a few sentences are with the engine at a time, so that little has to be taken back. The caller's speech pauses the one
-- that is being said; `resume` says it on, `drop` cuts it. One that was stopped for good, because it cannot be paused, goes
-- back to the head of the line from its first word that was not heard.

local core = require "callisto.core"
local sentences = require "callisto.sentences"
local text = require "callisto.text"

-- The next sentence must be with the engine before the one being said is over.
local AHEAD = 2
-- Letters of one answer; a model that goes on for ever is cut off.
local MOST_BYTES = 6000

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local mouths = {}

---@class callisto.MouthItem: callisto.HistorySentence
---@field entry callisto.HistoryEntry|nil  nil: it is not told to the model
---@field opts {barge_in: boolean?}
---@field utterance table|nil  it is with the engine
---@field is_dropped boolean|nil  it is not said on
---@field measure callisto.Measure|nil  of the turn it belongs to

---@class callisto.Mouth
---@field yields_to_speech fun(): boolean  whether the detector of speech pauses the next sentence, in the frame of its decision
---@field is_held boolean  the caller speaks
local Mouth = {}
Mouth.__index = Mouth

---@param call callisto.Call
---@return callisto.Mouth
function mouths.new(call)
  local self = setmetatable({
    call = call, line = {}, declared = {}, is_held = false, bytes = 0,
  }, Mouth)
  self:new_cutter()
  return self
end

---@private What was begun is not said.
function Mouth:new_cutter() self.cutter = sentences.new(self.call.language) end

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
    self.is_held, item.was_stopped = true, true
    take_back(self, item)
  end
  if item.heard == "" then forget(item.entry, item) end
  if item.measure then item.measure:sounded(item.utterance) end
end

function take_back(self, item)
  local rest = rest_of(item.text, item.heard)
  if rest == "" then return end
  local again = { text = rest, entry = item.entry, opts = item.opts, measure = item.measure }
  table.insert(self.line, (self.taken_back or 0) + 1, again)
  self.taken_back = (self.taken_back or 0) + 1
  if item.entry then table.insert(item.entry.sentences, place_of(item.entry, item) + 1, again) end
end

local function declare(self, item)
  local may_stop = item.opts.barge_in ~= false
  item.utterance = self.call:_speak(text.literal(item.text),
    { barge_in = may_stop and self.yields_to_speech(), reversible = may_stop })
  if item.measure then item.measure:said(item.text) end
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
  for _, sentence in ipairs(pieces) do
    add(self, { text = sentence, entry = self.entry, opts = self.opts, measure = self.measure })
  end
  fill(self)
end

---An answer of the agent begins.
---@param entry callisto.HistoryEntry
---@param opts {barge_in: boolean?}
---@param measure callisto.Measure|nil  of the turn it answers
function Mouth:begin(entry, opts, measure)
  self.entry, self.opts, self.measure, self.bytes = entry, opts, measure, 0
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
---@param sentence callisto.Wording  as for call:say
---@param entry callisto.HistoryEntry|nil  nil: the model is not told
---@param opts {barge_in: boolean?}
function Mouth:say(sentence, entry, opts)
  local call = self.call
  local words = text.interpolate(call:_worded(sentence), call.payload, call.language)
  add(self, { text = words, entry = entry, opts = opts })
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

---Nobody has listened for a while: sentences that have ended meanwhile.
function Mouth:catch_up()
  for i = #self.declared, 1, -1 do
    local item = self.declared[i]
    if item.utterance.ended then
      table.remove(self.declared, i)
      conclude(self, item)
    end
  end
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

---@param utterance table
---@return callisto.MouthItem|nil item  nil: it is not one of these
function Mouth:item_of(utterance)
  for _, item in ipairs(self.declared) do
    if item.utterance == utterance then return item end
  end
end

---What was heard of the answer that a sentence belongs to, of those until this one.
---@param item callisto.MouthItem
---@return string
function Mouth:heard_until(item)
  local parts = {}
  for _, each in ipairs(item.entry and item.entry.sentences or {}) do
    if each == item then break end
    parts[#parts + 1] = each.heard
  end
  parts[#parts + 1] = item.heard or item.utterance.so_far
  return (table.concat(parts, " "):match "^%s*(.-)%s*$")
end

---The caller speaks: nothing is said until it is known what that was.
function Mouth:hold()
  self.is_held = true
  core.pause(CALLER, true)
end

---It was nothing: it is said on.
function Mouth:resume()
  self.is_held = false
  core.pause(CALLER, false)
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
  self.is_held = false
  core.pause(CALLER, false)
end

---Whether it is known what was heard of all that was cut.
---@return boolean
function Mouth:is_settled()
  for _, item in ipairs(self.declared) do
    if item.is_dropped then return false end
  end
  return true
end

---Whether nothing is being said or about to be.
---@return boolean
function Mouth:is_silent() return #self.line == 0 and #self.declared == 0 end

return mouths
