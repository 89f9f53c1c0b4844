-- callisto.converse.measures: how long a turn took and what it cost, stage by stage (docs/measures.md).
--
--   caller stops ─ heard ─ asked ─ first token ─ first sentence to the voice ─ first frame
--        └─ the ear ─┘└ ours ┘└─ the model ─┘└─ the model writes ─┘└─ the voice ─┘
--
-- A turn begins with words of the caller and ends when the agent has nothing more to say to them, or is interrupted.

local core = require "callisto.core"
local prices = require "callisto.prices"

local measures = {}

---@class callisto.Measure
local Measure = {}
Measure.__index = Measure

---A turn of the caller was understood.
---@param number integer  of the turn in this conversation
---@param turn callisto.Turn
---@return callisto.Measure
function measures.new(number, turn)
  return setmetatable({
    number = number, by = turn.by, ended_at = turn.at, heard_at = core.now(), input = 0, output = 0, cached = 0, requests = 0,
    characters = 0,
  }, Measure)
end

---A model has answered.
---@param answer callisto.ModelAnswer
---@param own_prices table<string, callisto.Price>|nil
function Measure:answered(answer, own_prices)
  self.model, self.requests = answer.model, self.requests + 1
  self.asked_at, self.first_at = self.asked_at or answer.asked_at, self.first_at or answer.first_at
  local usage = answer.usage
  if not usage then return end
  for _, name in ipairs { "input", "output", "cached" } do self[name] = self[name] + usage[name] end
  local cost = prices.of(answer.model, usage, own_prices)
  if cost then self.cost = (self.cost or 0) + cost else self.is_unpriced = true end
end

---A sentence of the answer was given to the voice.
---@param text string
function Measure:said(text)
  self.said_at = self.said_at or core.now()
  self.characters = self.characters + select(2, text:gsub("[^\128-\191]", ""))
end

---A sentence of the answer has ended.
---@param utterance table
function Measure:sounded(utterance) self.sounded_at = self.sounded_at or utterance.started_at end

local function ms(from, to)
  if not from or not to then return nil end
  return math.floor(math.max(0, to - from) * 1000 + 0.5)
end

---The turn is over.
---@param is_interrupted boolean
---@return table fact
function Measure:finish(is_interrupted)
  return {
    turn = self.number, by = self.by, model = self.model, interrupted = is_interrupted, requests = self.requests,
    ms = {
      heard = ms(self.ended_at, self.heard_at), own = ms(self.heard_at, self.asked_at),
      first_token = ms(self.asked_at, self.first_at), first_sentence = ms(self.first_at, self.said_at),
      first_frame = ms(self.said_at, self.sounded_at), response = ms(self.ended_at, self.sounded_at),
    },
    tokens = { input = self.input, cached = self.cached, output = self.output }, characters = self.characters,
    cost = not self.is_unpriced and self.cost or nil,
  }
end

---Writes what was measured to the store, and tells the service, which counts it.
---@param call callisto.Call
---@param fact table
function measures.write(call, fact)
  call:fact("turn", fact)
  core.tell(nil, {
    what = "turn", model = fact.model, ms = fact.ms, tokens = fact.tokens, cost = fact.cost, interrupted = fact.interrupted,
  })
end

return measures
