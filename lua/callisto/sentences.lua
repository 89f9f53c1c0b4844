-- callisto.sentences: cuts what a model writes, while it writes, into pieces that can be spoken.
--
--   local cutter = sentences.new("de", { first = 20, longest = 250 })
--   for _, piece in ipairs(cutter:put(text)) do … end
--   for _, piece in ipairs(cutter:finish()) do … end
--
-- A piece ends where a sentence does: not in numbers, dates, abbreviations, initials, addresses of the web or of mail. The first
-- one may end at a comma, so that the voice can begin early. Where the text was split between two `put` makes no difference:
-- what cannot be judged yet waits for the character that decides it. Pieces are made speakable (callisto.speakable).

local language = require "callisto.language"
local options = require "callisto.options"
local speakable = require "callisto.speakable"

local sentences = {}

---@class callisto.Sentences
local Cutter = {}
Cutter.__index = Cutter

local fields = {
  -- characters from which on a comma may end the first piece; 0: only sentences are spoken
  first = { "integer", default = 20, min = 0, max = 1000 },
  longest = { "integer", default = 250, min = 40, max = 4000 }, -- characters of a piece
}

-- What a character means for cutting, by its bytes as one number. "stop" ends a sentence where a blank follows, "full" also
-- without one, "soft" is a place to breathe, "close" belongs to the sentence before it.
local marks = {}
for meaning, list in pairs {
  stop = ". ! ? … ‼ ⁇ ⁈ ⁉ ։",
  full = "। ॥ 。 ！ ？ ｡ ． ؟ ۔ ። ၊ ။ ។",
  soft = ", ; : — – ، ؛ 、 ， ； ：",
  close = [[" ' ) ] * _ ” ’ » › 」 』 ） 】]],
} do
  for mark in list:gmatch "%S+" do
    local key = 0
    for i = 1, #mark do key = key * 256 + mark:byte(i) end
    marks[key] = meaning
  end
end

-- Bytes that are looked through for what follows a mark, and marks that are taken together at the end of a sentence.
local MOST_AHEAD, MOST_MARKS = 64, 16

local BLANK = { [9] = true, [10] = true, [13] = true, [32] = true }
local NEWLINE, BACKTICK, OPEN, CLOSE, BRACKET, BRACKET_END, DOT = 10, 96, 40, 41, 91, 93, 46

local function continues(byte) return byte >= 128 and byte <= 191 end

-- The character at a place: its bytes, its number as in `marks`, its first byte; nil where it is not whole yet. A byte that does
-- not belong to a character counts as one.
local function character(self, at)
  local first, second, third, fourth = self.buffer:byte(at, at + 3)
  if not first then return nil end
  if first < 194 or first > 244 then return 1, first, first end
  local size = first < 224 and 2 or first < 240 and 3 or 4
  local has = second and (third and (fourth and 4 or 3) or 2) or 1
  for i = 2, math.min(size, has) do
    if not continues(i == 2 and second or i == 3 and third or fourth) then return 1, first, first end
  end
  if has < size then
    if not self.is_finishing then return nil end
    return 1, first, first
  end
  if size == 2 then return 2, first * 256 + second, first end
  if size == 3 then return 3, (first * 256 + second) * 256 + third, first end
  return 4, 0, first
end

local function is_emoji(self, at, first)
  if first == 240 then return self.buffer:byte(at + 1) == 159 end
  if first ~= 226 then return false end
  local second = self.buffer:byte(at + 1)
  return second >= 152 and second <= 158 or second >= 172 and second <= 175
end

-- The place of the next character that is not a blank, and what it begins with; nil when it has not come yet. After too many
-- blanks the next one stands for it.
local function after_blanks(self, at)
  local place = self.buffer:find("%S", at)
  if (place or #self.buffer) - at > MOST_AHEAD then return at + MOST_AHEAD, 32 end
  if not place then return nil end
  local size, _, first = character(self, place)
  return size and place, first
end

local function begins_big(first) return first >= 128 or first >= 65 and first <= 90 or first == 34 end
local function is_digit(byte) return byte >= 48 and byte <= 57 end

-- The word before a dot and where it begins.
local function word_before(self, at)
  local from = at
  while from > self.from do
    local byte = self.buffer:byte(from - 1)
    if BLANK[byte] or byte == OPEN or byte == 34 or byte == 42 or byte == BRACKET then break end
    from = from - 1
  end
  return self.buffer:sub(from, at - 1), from
end

-- Whether what follows decides for the end of a sentence; nil while it is not there.
local function follows(self, at, decides)
  local place, first = after_blanks(self, at + 1)
  if place then return decides(first) end
  if self.is_finishing then return false end
end

local function is_no_digit(byte) return not is_digit(byte) end

-- A dot after a number of one or two digits: an item of a list, an ordinal, a part of a date, or the end of a sentence.
local function after_number(self, number, from, at)
  if from == self.from then
    self.item = tonumber(number)
    return false
  end
  if self.item and tonumber(number) == self.item + 1 then return true, from - 1 end
  if self.language.has_dotted_ordinals then return false end
  return follows(self, at, is_no_digit)
end

-- Whether a dot before a blank ends a sentence: true, false, nil while it is not known; and where, if not at the dot.
local function dot_ends(self, at)
  local word, from = word_before(self, at)
  if word:find "^%d%d?$" then return after_number(self, word, from, at) end
  if word:find "^[A-HJ-Za-z]$" or word:find "^[\195-\223][\128-\191]$" then return false end
  local known = self.language.abbreviations[word] or self.language.abbreviations[word:lower()]
  if known == "inside" then return false end
  if known == "number" then return follows(self, at, is_no_digit) end
  if known or word:find "^%a%.[%a.]*%a$" and not word:find "%a%a" then return follows(self, at, begins_big) end
  return true
end

-- Past the marks and brackets that belong to the end of a sentence; nil while more of them may come.
local function end_of_run(self, at, size)
  local last = at + size - 1
  local dots = 1
  while dots < MOST_MARKS do
    local next_size, key = character(self, last + 1)
    if not next_size then return self.is_finishing and last or nil, dots end
    local mark = marks[key]
    if mark ~= "stop" and mark ~= "full" and mark ~= "close" then return last, dots end
    dots = dots + 1
    last = last + next_size
  end
  return last, dots
end

-- At a mark that may end a sentence: where the piece ends, or nil and where to look on; nothing while that is not known.
local function at_stop(self, at, size, key, meaning)
  local last, dots = end_of_run(self, at, size)
  if not last then return nil end
  local _, _, first = character(self, last + 1)
  local is_apart = meaning == "full" or not first or BLANK[first] or is_emoji(self, last + 1, first)
  if not is_apart then return nil, last + 1 end
  local ends, place = true, last
  if key == DOT and dots == 1 then
    local other
    ends, other = dot_ends(self, at)
    place = other or last
  elseif key == DOT or key == 0xE280A6 then
    ends = follows(self, last, begins_big)
  end
  if ends == nil then return nil end
  if ends then return place end
  return nil, last + 1
end

-- At a comma or its kin: remembers it, and ends the first piece there. Not between digits: "May 3, 2026", "10: 30".
local function at_soft(self, at, size, key)
  local last = at + size - 1
  local next_size, _, first = character(self, last + 1)
  if not next_size then return nil, self.is_finishing and last + 1 or nil end
  if key < 128 and not BLANK[first] then return nil, last + 1 end
  local place, following = after_blanks(self, last + 1)
  if not place then return nil, self.is_finishing and last + 1 or nil end
  local before = self.buffer:byte(at - 1)
  if before and is_digit(before) and is_digit(following) then return nil, last + 1 end
  self.soft, self.soft_count = last, self.count
  if not self.has_begun and self.first > 0 and self.count >= self.first then return last end
  return nil, last + 1
end

-- At the end of a line: a sentence goes on in the next one where that begins with a small letter.
local function at_newline(self, at)
  local place, first = after_blanks(self, at + 1)
  if self.buffer:find("^[ \t\r]*\n", at + 1) then return at end
  if not place then return nil, self.is_finishing and at + 1 or nil end
  if first >= 97 and first <= 122 then return nil, at + 1 end
  return at
end

-- Between the marks of code and of links nothing is cut. Nothing while it is not known what follows.
local function at_guard(self, at, byte)
  if self.guard == BACKTICK or byte == BACKTICK then
    if self.guard == byte then self.guard = nil elseif not self.guard then self.guard = byte end
  elseif byte == BRACKET_END and self.guard == BRACKET then
    local _, _, first = character(self, at + 1)
    if not first and not self.is_finishing then return nil end
    self.guard = first == OPEN and CLOSE or nil
  elseif byte == self.guard then
    self.guard = nil
  elseif byte == BRACKET and not self.guard then
    self.guard = byte
  end
  return nil, at + 1
end

local GUARDS = { [BACKTICK] = true, [BRACKET] = true, [BRACKET_END] = true, [CLOSE] = true }

-- Looks at one character: where the piece ends, or nil and where to look on; nothing when more text has to come.
local function look(self, at, size, key, first)
  if first == NEWLINE then
    local last, on = at_newline(self, at)
    if last or on then self.guard = nil end
    return last, on
  end
  if GUARDS[first] and (first ~= CLOSE or self.guard == CLOSE) then return at_guard(self, at, first) end
  local meaning = not self.guard and marks[key]
  if meaning == "stop" or meaning == "full" then return at_stop(self, at, size, key, meaning) end
  if meaning == "soft" then return at_soft(self, at, size, key) end
  if BLANK[first] then self.blank = at end
  return nil, at + size
end

-- Where a piece that has become too long ends: at a place to breathe in its second half, at a blank, or just here.
local function forced(self, at)
  if self.soft and self.soft_count * 2 >= self.longest then return self.soft end
  return self.blank or at - 1
end

local function begin_piece(self, from)
  self.from, self.at, self.count = from, from, 0
  self.soft, self.blank, self.guard = nil, nil, nil
end

-- The end of the next piece in the buffer, or nil.
local function next_end(self)
  while true do
    local size, key, first = character(self, self.at)
    if not size then return nil end
    if self.count >= self.longest then return forced(self, self.at) end
    local last, on = look(self, self.at, size, key, first)
    if last then return last end
    if not on then return nil end
    self.count = self.count + (on > self.at and 1 or 0)
    self.at = on
  end
end

local function add(self, pieces, text)
  local spoken = speakable.of(text, self.language)
  if spoken == "" then return end
  pieces[#pieces + 1] = spoken
  self.has_begun = true
end

-- Where a block of code that begins the piece begins itself, past the line of its mark; false when the piece begins otherwise,
-- nil while that is not known.
local function begin_of_block(self)
  if self.is_in_block then return self.from end
  begin_piece(self, self.buffer:find("%S", self.from) or #self.buffer + 1)
  if self.from > #self.buffer then return nil end
  local opening = self.buffer:match("^`+", self.from)
  if not opening then return false end
  if #opening < 3 then
    if self.from + #opening <= #self.buffer or self.is_finishing then return false end
    return nil
  end
  local line = self.buffer:find("\n", self.from, true)
  if (line or #self.buffer) - self.from > MOST_AHEAD then return false end
  if not line and not self.is_finishing then return nil end
  return line and line + 1 or self.from + #opening
end

-- A block of code at the beginning of a piece. One line of it is said, more cannot be: true when a block was passed, nil when
-- more has to come before it can be, false when there is none.
local function pass_block(self, pieces)
  local begin = begin_of_block(self)
  if not begin then return begin end
  local close, last = self.buffer:find("```", begin, true)
  if not close and not self.is_finishing then
    if #self.buffer - begin > 8 * self.longest then
      self.is_in_block = true
      begin_piece(self, #self.buffer - 2) -- the first marks of its end may be there
    end
    return nil
  end
  local block = self.buffer:sub(begin, (close or #self.buffer + 1) - 1):match "^%s*(.-)%s*$"
  if not self.is_in_block and #block <= 4 * self.longest and not block:find "\n" then add(self, pieces, block) end
  self.is_in_block = false
  begin_piece(self, (last or #self.buffer) + 1)
  return true
end

local function cut(self)
  local pieces = {}
  while true do
    local is_block = false
    if self.at == self.from then
      repeat is_block = pass_block(self, pieces) until not is_block
    end
    local last = is_block == false and next_end(self)
    if not last then break end
    add(self, pieces, self.buffer:sub(self.from, last))
    begin_piece(self, last + 1)
  end
  return pieces
end

-- Lets go of the text that has been cut off.
local function shift(self)
  local gone = self.from - 1
  if gone == 0 then return end
  self.buffer = self.buffer:sub(self.from)
  self.from, self.at = 1, self.at - gone
  self.soft, self.blank = self.soft and self.soft - gone, self.blank and self.blank - gone
end

---What can be spoken now that more text has come.
---@param text string
---@return string[] pieces
function Cutter:put(text)
  self.buffer = self.buffer .. text
  local pieces = cut(self)
  shift(self)
  return pieces
end

---The rest, when no more text comes. The cutter can be used for the next text.
---@return string[] pieces
function Cutter:finish()
  self.is_finishing = true
  local pieces = cut(self)
  if not self.is_in_block then add(self, pieces, self.buffer:sub(self.from)) end
  self.buffer, self.is_finishing, self.is_in_block, self.has_begun, self.item = "", false, false, false, nil
  begin_piece(self, 1)
  return pieces
end

---@param tag string|nil  the language of the text, such as "hi-IN"; one that is not known is cut by punctuation alone
---@param given {first: integer|nil, longest: integer|nil}|nil  characters from which on a comma may end the first piece (20; 0:
---  never), and those of the longest piece (250)
---@return callisto.Sentences
function sentences.new(tag, given)
  local settings = options.read("sentences", given or {}, fields)
  local self = setmetatable({
    buffer = "", first = settings.first, longest = settings.longest,
    language = language.of(tag or "en") or language.plain,
    has_begun = false, is_finishing = false, is_in_block = false,
  }, Cutter)
  begin_piece(self, 1)
  return self
end

---A whole text in pieces.
---@param text string
---@param tag string|nil
---@return string[] pieces
function sentences.of(text, tag)
  local cutter = sentences.new(tag, { first = 0 })
  local pieces = cutter:put(text)
  for _, piece in ipairs(cutter:finish()) do pieces[#pieces + 1] = piece end
  return pieces
end

return sentences
