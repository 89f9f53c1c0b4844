-- callisto.language: what the engine knows of a language: the words of callers that it has to tell apart, the sentences that it
-- says by itself, and where a sentence does not end. One file a language in callisto/languages, loaded when it is first used.

local language = {}

---@class callisto.Language
---@field tag string  "hi"
---@field name string  "Hindi"
---@field yes string[]
---@field no string[]
---@field acknowledgements string[]  what a listener says without wanting to speak: "uh-huh", "okay"
---@field unfinished string  words that do not end a sentence: "and", "the", "um"
---@field dictated string  digits, and what addresses are spelt with
---@field fillers string[]  sentences that fill a pause: "One moment."
---@field still_there string  asked when the caller is silent
---@field again string  said when nothing was understood
---@field fallback string  said when a call cannot go on
---@field goodbye string
---@field not_a_choice string  said after a wrong key
---@field press string  "For %s, press %s.", with what it is for and the key
---@field is {yes: string, no: string}  how true and false are said
---@field says table<string, string>  dot, slash, at, dash, underscore, times
---@field keys table<string, string>  how "*", "#", "+" and "." are said among digits
---@field money table<string, string[]>|nil  one, several, one part, several parts; what is not there comes from ICU
---@field feminine_money string|nil  those of them that are feminine
---@field money_joint string|nil  between the whole and its parts; without it parts are said as decimals
---@field one string|nil  one of something; "one" in `mends` is that of large numbers
---@field mends string[][]|nil  what ICU spells, and what is said instead
---@field before_noun string[]|nil  the end of a number, as a pattern, and what it is before what is counted
---@field of_millions string|nil  "un millón de euros"
---@field date string|nil  instead of ICU's order
---@field first_of_month string|nil
---@field time table|nil  hours of the day; with the hour alone, with minutes, and for one o'clock
---@field hours string[]|nil  as they are said in a time
---@field at string|nil  between a date and a time; `at_one` at one o'clock
---@field abbreviations table<string, "inside"|"number"|"maybe">  words with a dot: a sentence does not end there, or only where
---  no number follows, or where a capital letter does; those in small letters stand for every case
---@field has_dotted_ordinals boolean  "am 3. März"

---The languages there is a file for, by tag.
---@type table<string, string>
language.known = {
  ar = "Arabic", de = "German", en = "English", es = "Spanish", fr = "French", hi = "Hindi", id = "Indonesian",
  pt = "Portuguese", ta = "Tamil", te = "Telugu",
}

local LISTS = { "yes", "no", "acknowledgements" }

local function list_of(text)
  local list = {}
  for phrase in text:gmatch "[^,]+" do list[#list + 1] = phrase:match "^%s*(.-)%s*$" end
  return list
end

local function abbreviations_of(data)
  local map = {}
  for kind, words in pairs { maybe = data.maybe or "", number = data.number or "", inside = data.inside or "" } do
    for word in words:gmatch "%S+" do map[word] = kind end
  end
  return map
end

---The first part of a tag: "hi-IN" → "hi". "in" and "iw", as old systems write them, are "id" and "he".
---@param tag string
---@return string|nil base  nil for what is not such a tag
function language.base(tag)
  local base = tag:match "^(%a%a%a?)$" or tag:match "^(%a%a%a?)[-_]%w"
  if not base then return nil end
  base = base:lower()
  return base == "in" and "id" or base == "iw" and "he" or base
end

---For a language without a file: no words, no abbreviations; what is read out is read in English.
---@type callisto.Language
language.plain = setmetatable({ tag = "", name = "", yes = {}, no = {}, acknowledgements = {}, unfinished = "", dictated = "",
  abbreviations = {} }, {
  __index = function(_, key) return language.of("en")[key] end,
})

local loaded = {}

---What is known of a language.
---@param tag string  such as "hi" or "hi-IN"
---@return callisto.Language|nil
---@return string? message
function language.of(tag)
  local base = language.base(tag)
  if not (base and language.known[base]) then
    return nil, ("there are no words for the language '%s'"):format(tag)
  end
  if not loaded[base] then
    local data = require("callisto.languages." .. base)
    local made = { tag = base, abbreviations = abbreviations_of(data) }
    for name, value in pairs(data) do made[name] = value end
    for _, name in ipairs(LISTS) do made[name] = list_of(data[name]) end
    loaded[base] = made
  end
  return loaded[base]
end

-- Marks of other scripts than Latin, and of Latin beyond ASCII, that are not said.
local MARKS = { "।", "॥", "؟", "،", "؛", "۔", "。", "、", "！", "？", "，", "…", "¿", "¡", "“", "”", "«", "»" }

---Without the marks beyond ASCII that stand around words, in small letters of Latin script.
---@param text string
---@return string
function language.bare(text)
  text = text:lower()
  if not text:find "[\128-\255]" then return text end
  text = text:gsub("\195([\128-\150\152-\158])", function(last) return "\195" .. string.char(last:byte() + 32) end)
  for _, mark in ipairs(MARKS) do text = text:gsub(mark, " ") end
  return (text:gsub("’", "'"))
end

---A text as words are compared: bare, without the marks of ASCII but the apostrophe and the hyphen, with single blanks.
---@param text string
---@return string
function language.folded(text)
  return (language.bare(text):gsub("[%.,!%?;:\"%(%)]", " "):gsub("%s+", " "):match "^ ?(.-) ?$")
end

-- What our own voice reads beside ASCII: Latin letters with accents, dashes and quotes, the signs of euros and rupees.
local READABLE = { "[\194\195][\128-\191]", "\226\128[\144-\166]", "\226\130[\172\185]" }

---The first word our own voice, which is English, has no sound for; nil when it can say all of a text.
---@param text string
---@return string|nil word
function language.unsayable(text)
  if not text:find "[\196-\244]" then return nil end
  for word in text:gmatch "%S+" do
    local rest = word
    for _, pattern in ipairs(READABLE) do rest = rest:gsub(pattern, "") end
    if rest:find "[\128-\255]" then return word end
  end
end

-- Digits of ten in a row in the scripts of India, of Arabic, of Persian, and wide ones: before each its last byte, that of 0.
local DIGITS = {
  { "\224[\165\167\169\171\173\175\177\179\181]([\166-\175])", 166 }, { "\217([\160-\169])", 160 },
  { "\219([\176-\185])", 176 }, { "\239\188([\144-\153])", 144 },
}

---A text with the digits of other scripts as 0 to 9: "२१" → "21".
---@param text string
---@return string
function language.with_digits(text)
  if not text:find "[\128-\255]" then return text end
  for _, digits in ipairs(DIGITS) do
    text = text:gsub(digits[1], function(last) return tostring(last:byte() - digits[2]) end)
  end
  return text
end

local function words_of(text)
  local words = {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  return words
end

-- The phrases of a list as a set, and the words of the longest of them.
local function set_of(known, name)
  local sets = rawget(known, "sets")
  if not sets then
    sets = {}
    known.sets = sets
  end
  if not sets[name] then
    local set, most = {}, 1
    for _, phrase in ipairs(known[name]) do
      local folded = language.folded(phrase)
      set[folded] = true
      most = math.max(most, #words_of(folded))
    end
    sets[name] = { phrases = set, most = most }
  end
  return sets[name]
end

-- More words than an acknowledgement ever has.
local MOST_WORDS = 8

---Whether a text is nothing but phrases of a list of the language: "uh-huh, yeah okay" is of "acknowledgements".
---@param text string
---@param tag string
---@param name "acknowledgements"|"yes"|"no"
---@return boolean
function language.is_all(text, tag, name)
  local known = language.of(tag)
  local words = words_of(language.folded(text))
  if not known or #words == 0 or #words > MOST_WORDS then return false end
  local set = set_of(known, name)
  local at = 1
  while at <= #words do
    local taken
    for count = math.min(set.most, #words - at + 1), 1, -1 do
      if set.phrases[table.concat(words, " ", at, at + count - 1)] then
        taken = count
        break
      end
    end
    if not taken then return false end
    at = at + taken
  end
  return true
end

---Whether somebody who says this only shows that he listens.
---@param text string
---@param tag string
---@return boolean
function language.is_acknowledgement(text, tag) return language.is_all(text, tag, "acknowledgements") end

return language
