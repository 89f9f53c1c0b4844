-- callisto.converse.caller: the caller's side of a conversation: what the call's ear hears (callisto.flow.ear), as events of the
-- machine that decides whose turn it is (callisto.converse.turns). What comes back is what the conversation is to do.

local core = require "callisto.core"

---@class callisto.Turn
---@field text string  the words, or the keys
---@field by "speech"|"keys"
---@field at number  when the caller had finished, as core.now()
---@field is_guessed boolean|nil  an answer to just this text was asked for before

---@class callisto.Caller
---@field turns callisto.Turns
---@field certain string  what a vendor's ear has told of its turn and will not change
local Caller = {}
Caller.__index = Caller

local callers = {}

---@param call callisto.Call
---@param machine callisto.Turns
---@return callisto.Caller
function callers.new(call, machine) return setmetatable({ call = call, turns = machine, certain = "" }, Caller) end

local function any() return true end

-- What the events of an ear are to the machine; of those that are not here, the name is the same.
local of = {}

-- What of a text comes after its certain beginning.
local function after(text, head)
  return text:sub(1, #head) == head and (text:sub(#head + 1):match "^%s*(.*)$") or text
end

-- A vendor's ear tells all of the turn so far. Pieces of it are certain, and the last word, which comes as "heard", is what is
-- left of it then.
function of.words(self, words)
  local rest = after(words.text, self.certain)
  if words.kind == "piece" then
    self.certain = words.text
    return { { kind = "final", text = rest } }
  end
  local list = { { kind = "words", text = rest } }
  if words.kind == "likely" then list[2] = { kind = "end_likely" } end
  if words.kind == "resumed" then list[2] = { kind = "resumed" } end
  return words.kind ~= "started" and words.kind ~= "final" and list or {}
end

function of.heard(self, heard)
  local rest = after(heard.text, self.certain)
  self.certain = ""
  local list = { { kind = "final", text = rest } }
  if heard.kind == "final" and self.turns.settings.stop == "ear" then list[2] = { kind = "end_of_turn" } end
  return list
end

function of.digit(self)
  local list, key = {}, self.call._keys:take(any)
  while key do
    list[#list + 1] = { kind = "key", key = key }
    key = self.call._keys:take(any)
  end
  return list
end

local function add(list, more)
  for _, action in ipairs(more) do
    if action.by == "keys" then core.line("caller", "Pressed " .. action.text) end
    list[#list + 1] = action
  end
end

---What is to be done now that this has happened.
---@param kind string  of the call's ear, or of the machine
---@param value any
---@return table[] actions
function Caller:take(kind, value)
  local events, list = of[kind] and of[kind](self, value) or { { kind = kind } }, {}
  for _, event in ipairs(events) do add(list, self.turns:take(event, core.now())) end
  return list
end

---The agent is heard, or paused.
---@param event {kind: "agent_began"|"paused", is_protected: boolean|nil, heard: string|nil}
---@return table[] actions
function Caller:agent(event)
  local list = {}
  add(list, self.turns:take(event, core.now()))
  return list
end

return callers
