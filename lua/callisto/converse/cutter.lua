-- callisto.converse.cutter: text as a model writes it, cut into sentences that can be said.
--
--   local cutter = cutters.new()
--   for _, sentence in ipairs(cutter:put("It is 3.50. Is that ")) do … "It is 3.50." … end
--   for _, sentence in ipairs(cutter:finish()) do … "Is that" … end
--
-- A sentence is whole when what follows its end is there too: a full stop may stand in a number. Marks of layout are not said.

local cutters = {}

-- Longer ones are cut where there is a space.
local MOST_BYTES = 300

-- After these a full stop ends nothing.
local ABBREVIATIONS = {}
for word in ("mr mrs ms dr prof st no vs etc e.g i.e a.m p.m u.s inc ltd"):gmatch "%S+" do ABBREVIATIONS[word] = true end

---@class callisto.Cutter
---@field private rest string
local Cutter = {}
Cutter.__index = Cutter

---@return callisto.Cutter
function cutters.new() return setmetatable({ rest = "" }, Cutter) end

-- Ends of sentences that need nothing after them: those of Devanagari, Arabic, Chinese and Japanese.
local WIDE = { "।", "؟", "。", "！", "？", "\n" }

local function wide_end(text)
  local first, last
  for _, mark in ipairs(WIDE) do
    local from, to = text:find(mark, 1, true)
    if from and (not first or from < first) then first, last = from, to end
  end
  return last
end

local function is_abbreviation(text, at)
  local word = text:sub(1, at - 1):match "([%a.]+)$"
  return word ~= nil and text:sub(at, at) == "." and (ABBREVIATIONS[word:lower()] or #word == 1)
end

-- "1." at the beginning of a line counts.
local function is_number_of_list(text, at) return text:sub(1, at):find "^%s*%d+%.$" ~= nil end

local function narrow_end(text)
  local from = 1
  while true do
    local at = text:find("[.!?]+[\"')%]]*%s", from)
    if not at then return nil end
    local _, last = text:find("[.!?]+[\"')%]]*", at)
    if not is_abbreviation(text, at) and not is_number_of_list(text, at) then return last end
    from = last + 1
  end
end

local function forced_end(text)
  if #text <= MOST_BYTES then return nil end
  local head = text:sub(1, MOST_BYTES)
  local at = head:match "^.*()[,;:]%s" or head:match "^.+()%s"
  if at then return at end
  at = MOST_BYTES
  while at > 1 and (text:byte(at + 1) or 0) >= 0x80 and text:byte(at + 1) < 0xc0 do at = at - 1 end
  return at
end

local function next_end(text)
  local wide, narrow = wide_end(text), narrow_end(text)
  if wide and narrow then return math.min(wide, narrow) end
  return wide or narrow or forced_end(text)
end

local function speakable(text)
  text = text:gsub("%[([^%]]-)%]%(%S-%)", "%1"):gsub("[*`#_]+", ""):gsub("^%s*[%-•]%s+", ""):gsub("^%s*%d+%.%s+", "")
  return (text:gsub("%s+", " "):gsub("^%s+", ""):gsub("%s+$", ""))
end

local function add(list, text)
  text = speakable(text)
  if text:find "[%w\128-\255]" then list[#list + 1] = text end
end

---What comes next.
---@param text string
---@return string[] sentences  those that are whole now
function Cutter:put(text)
  local list = {}
  self.rest = self.rest .. text
  while true do
    local at = next_end(self.rest)
    if not at then return list end
    add(list, self.rest:sub(1, at))
    self.rest = self.rest:sub(at + 1)
  end
end

---Nothing comes any more.
---@return string[] sentences
function Cutter:finish()
  local list = {}
  add(list, self.rest)
  self.rest = ""
  return list
end

return cutters
