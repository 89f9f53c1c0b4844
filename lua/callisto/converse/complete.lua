-- callisto.converse.complete: whether a sentence is over, by its words. People pause within sentences, and longer while they
-- dictate; so how long to wait for more depends on what was said last.

local language = require "callisto.language"

local complete = {}

-- The words of a language that are one thing, as a set.
local sets = {}

local function set_of(tag, name)
  local text = (language.of(tag) or language.plain)[name]
  if not sets[text] then
    sets[text] = {}
    for word in text:gmatch "%S+" do sets[text][word] = true end
  end
  return sets[text]
end

local function is_dictated(word, tag)
  return word:find "^%d+$" ~= nil or word:find "^%a$" ~= nil or set_of(tag, "dictated")[word] or false
end

-- What ends with a mark of its own was ended by somebody who heard it.
local ENDS = { "[%.!%?]$", "।$", "॥$", "؟$", "。$", "！$", "？$" }

local function has_end(text)
  for _, mark in ipairs(ENDS) do
    if text:find(mark) then return true end
  end
  return false
end

---Which of the patiences of callisto.converse.turns a text deserves.
---@param text string
---@param tag string  of its language
---@return "silence"|"unfinished"|"dictating" which
function complete.judge(text, tag)
  local trimmed = text:match "^%s*(.-)%s*$"
  local words = {}
  for word in language.folded(trimmed):gmatch "%S+" do words[#words + 1] = word end
  local last = words[#words]
  if not last then return "silence" end
  local before = words[#words - 1]
  if is_dictated(last, tag) and before and is_dictated(before, tag) then return "dictating" end
  if trimmed:find "[,،、]$" or trimmed:find "%.%.%.$" or trimmed:find "…$" then return "unfinished" end
  if has_end(trimmed) then return "silence" end
  if before and set_of(tag, "unfinished")[last] then return "unfinished" end
  return "silence"
end

return complete
