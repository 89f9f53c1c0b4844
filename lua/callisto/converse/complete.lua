-- callisto.converse.complete: whether a sentence is over, by its words. People pause within sentences, and longer while they
-- dictate; so how long to wait for more depends on what was said last.

local language = require "callisto.language"

local complete = {}

-- What comes before more. Languages without a list are judged by their marks and by digits.
local UNFINISHED = {
  en = "a an the and or but so because if when while that which who with without for from to of in on at by my your our his her "
    .. "their is are was were am be i i'm i'd i'll it's um uh er erm hmm like about between than as",
  es = "el la los las un una y o pero porque si cuando que con sin para por de en a mi tu su es era eh",
  fr = "le la les un une des et ou mais parce si quand que qui avec sans pour de du en à mon ma mes votre est euh",
  de = "der die das ein eine einen und oder aber weil wenn dass mit ohne für von zu in an auf mein meine ist äh ähm",
  pt = "o a os as um uma e ou mas porque se quando que com sem para por de em meu minha é hum",
}

-- Digits, and what addresses are spelt with.
local DICTATED = {
  en = "zero oh one two three four five six seven eight nine double triple dot dash underscore slash hyphen",
  es = "cero uno dos tres cuatro cinco seis siete ocho nueve punto guion arroba",
  fr = "zéro un deux trois quatre cinq six sept huit neuf point tiret arobase",
  de = "null eins zwei drei vier fünf sechs sieben acht neun punkt bindestrich",
  pt = "zero um dois três quatro cinco seis sete oito nove ponto hífen arroba",
}

local sets = {}

local function set_of(lists, tag)
  local text = lists[language.base(tag) or ""]
  if not text then return {} end
  if not sets[text] then
    sets[text] = {}
    for word in text:gmatch "%S+" do sets[text][word] = true end
  end
  return sets[text]
end

local function is_dictated(word, tag)
  return word:find "^%d+$" ~= nil or word:find "^%a$" ~= nil or set_of(DICTATED, tag)[word] or false
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
  if before and set_of(UNFINISHED, tag)[last] then return "unfinished" end
  return "silence"
end

return complete
