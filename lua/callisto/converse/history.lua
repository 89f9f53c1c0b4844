-- callisto.converse.history: what was said in a conversation, as its model is told.
--
--   caller   what was understood, or the keys that were pressed
--   agent    sentences, each as far as it was heard; and the tools that were asked for, with their results
--
-- Of a sentence that is still being said all of it counts. If it is cut later it is shortened to what was heard, at its
-- place: before the results of tools that were asked for in the same answer. What was never heard is not there.

local json = require "callisto.json"

-- What vendors take back of a call: they refuse longer names and ids, and a model that writes more arguments has lost its way.
local MOST_NAME_BYTES, MOST_ID_BYTES, MOST_ARGUMENT_BYTES = 64, 40, 64 * 1024

---@class callisto.HistorySentence  a sentence of the agent
---@field text string
---@field heard string|nil  nil: it is being said, or waits

---@class callisto.HistoryEntry
---@field who "caller"|"agent"|"note"
---@field text string|nil  of a caller, or of a note
---@field sentences callisto.HistorySentence[]|nil  of an agent
---@field calls callisto.LlmCall[]|nil  of an agent: the tools it asked for
---@field results table<string, {text: string, is_error: boolean}>|nil  call's id → its result

---@class callisto.History
---@field entries callisto.HistoryEntry[]
---@field is_open boolean  something was said, or found out, that the agent has not answered
---@field private ids table<string, true>  of all calls
---@field private calls_count integer
local History = {}
History.__index = History

local history = {}

---@return callisto.History
function history.new() return setmetatable({ entries = {}, is_open = false, ids = {}, calls_count = 0 }, History) end

local function add(self, entry)
  self.entries[#self.entries + 1] = entry
  return entry
end

---@param text string
function History:caller(text)
  add(self, { who = "caller", text = text })
  self.is_open = true
end

---The caller said something that asks for no answer, while the agent began to speak.
---@param text string
function History:aside(text)
  local last = self.entries[#self.entries]
  local at = last and last.who == "agent" and #self.entries or #self.entries + 1
  table.insert(self.entries, at, { who = "caller", text = text })
end

---Something the model must know that neither of the two has said: a summary of what was before.
---@param text string
function History:note(text) add(self, { who = "note", text = text }) end

---An entry of the agent that is not a part of what was said yet.
---@return callisto.HistoryEntry
function history.entry() return { who = "agent", sentences = {}, calls = {}, results = {} } end

---The agent is about to speak.
---@param entry callisto.HistoryEntry|nil
---@return callisto.HistoryEntry
function History:agent(entry) return add(self, entry or history.entry()) end

-- An id that no other call of the conversation has, also none of another vendor's model.
local function id_of(self, id)
  self.calls_count = self.calls_count + 1
  if #id > MOST_ID_BYTES or not id:find "^[%w_-]+$" or self.ids[id] then id = ("call_%d"):format(self.calls_count) end
  while self.ids[id] do id = id .. "_" end
  self.ids[id] = true
  return id
end

local function name_of(name)
  local mended = name:sub(1, MOST_NAME_BYTES):gsub("[^%w_-]", "_")
  return mended ~= "" and mended or "unnamed"
end

local function arguments_of(text)
  local is_object = #text <= MOST_ARGUMENT_BYTES and text:find "^%s*{" and type(json.decode(text)) == "table"
  return is_object and text or "{}"
end

---The agent has asked for tools. A vendor refuses every later question whose history has a call that is not well formed; so what
---stands there is in order, and the result tells what was wrong. The calls get the ids they have there.
---@param entry callisto.HistoryEntry
---@param calls callisto.LlmCall[]
function History:calls(entry, calls)
  for i, call in ipairs(calls) do
    call.id = id_of(self, call.id)
    entry.calls[i] = { id = call.id, name = name_of(call.name), arguments = arguments_of(call.arguments), seal = call.seal }
  end
end

---A tool has an answer.
---@param entry callisto.HistoryEntry  in which it was asked for
---@param call callisto.LlmCall
---@param text string
---@param is_error boolean
function History:result(entry, call, text, is_error)
  entry.results[call.id] = { text = text, is_error = is_error }
  self.is_open = true
end

---Forgets the oldest entries; what is to be known of them is told instead.
---@param count integer
---@param text string|nil
function History:fold(count, text)
  local left = {}
  if text then left[1] = { who = "note", text = text } end
  for i = count + 1, #self.entries do left[#left + 1] = self.entries[i] end
  self.entries = left
end

-- As a text --------------------------------------------------------------------------------------------------------

local function words_of(entry)
  local parts = {}
  for _, sentence in ipairs(entry.sentences) do
    local heard = sentence.heard or sentence.text
    if heard ~= "" then parts[#parts + 1] = heard end
  end
  return table.concat(parts, " ")
end

local show = {}
function show.caller(list, entry) list[#list + 1] = "Caller: " .. entry.text end
function show.note(list, entry) list[#list + 1] = entry.text end

function show.agent(list, entry)
  local words = words_of(entry)
  if words ~= "" then list[#list + 1] = "Agent: " .. words end
  for _, call in ipairs(entry.calls) do
    local result = entry.results[call.id]
    list[#list + 1] = ("Tool %s %s: %s"):format(call.name, call.arguments, result and result.text or "no result")
  end
end

---What was said first, as a text that people read.
---@param count integer|nil  of entries [all]
---@return string
function History:text(count)
  local list = {}
  for i = 1, count or #self.entries do show[self.entries[i].who](list, self.entries[i]) end
  return table.concat(list, "\n")
end

-- Telling a model ----------------------------------------------------------------------------------------------------

-- Every call has a result, also one that nobody waited for: vendors refuse a conversation in which one is missing.
local function add_results(list, entry)
  for _, call in ipairs(entry.calls) do
    local result = entry.results[call.id] or { text = "There is no result.", is_error = true }
    list[#list + 1] = { role = "tool", id = call.id, name = call.name, text = result.text, is_error = result.is_error or nil }
  end
end

local tell = {}

function tell.agent(list, entry)
  local words, has_calls = words_of(entry), #entry.calls > 0
  if words == "" and not has_calls then return end
  list[#list + 1] = { role = "assistant", text = words ~= "" and words or nil, calls = has_calls and entry.calls or nil }
  add_results(list, entry)
end

-- What callers say in two halves is one turn.
function tell.caller(list, entry)
  local last = list[#list]
  if last and last.role == "user" then
    last.text = last.text .. " " .. entry.text
  else
    list[#list + 1] = { role = "user", text = entry.text }
  end
end

tell.note = tell.caller

---The conversation as a model is told it (callisto.llm).
---@param guessed string|nil  what the caller has probably said besides
---@return callisto.LlmMessage[]
function History:messages(guessed)
  local list = {}
  for _, entry in ipairs(self.entries) do tell[entry.who](list, entry) end
  if guessed then tell.caller(list, { text = guessed }) end
  return json.array(list)
end

return history
