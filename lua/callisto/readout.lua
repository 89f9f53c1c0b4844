-- callisto.readout: numbers, money, digits, dates and times as they are said in the language of a call. English is that of
-- callisto.words. What a language has no words for is nil: the caller then hears it as it was written.

local dates = require "callisto.dates"
local language = require "callisto.language"
local locale = require "callisto.locale"
local words = require "callisto.words"

local readout = {}

-- What is known of a language by itself, or an empty table: then ICU alone has to do.
local function known_of(tag) return language.of(tag) or {} end

local function spelled(tag, value, how)
  local text = locale.spell(tag, value, how)
  for _, mend in ipairs(text and known_of(tag).mends or {}) do text = text:gsub(mend[1], mend[2]) end
  return text
end

-- A number before what is counted; in figures where there are no words for it.
local function counted(tag, known, value, gender)
  if value == 1 and known.one then return known.one end
  local text = spelled(tag, value, gender) or ("%.0f"):format(value)
  return known.before_noun and text:gsub(known.before_noun[1], known.before_noun[2]) or text
end

-- A zero is said among others as such, not as "nothing".
local function digit(tag, value)
  local zero = value == 0 and known_of(tag).zero
  return zero or spelled(tag, value)
end

---@param tag string
---@param value any
---@return string|nil
function readout.number(tag, value)
  local is_negative, before, after = words.decimal(value)
  if not before then return nil end
  local number = after == "" and before or tonumber(("%.0f.%s"):format(before, after))
  return spelled(tag, is_negative and -number or number)
end

---@param tag string
---@param value any
---@return string|nil
function readout.ordinal(tag, value)
  local is_negative, before, after = words.decimal(value)
  if not before or after ~= "" or is_negative then return nil end
  return spelled(tag, before, "ordinal")
end

---Each digit and letter by itself.
---@param tag string
---@param value any
---@return string|nil
function readout.digits(tag, value)
  local text = words.plain_digits(value)
  if not text then return nil end
  local keys = known_of(tag).keys or {}
  local letters = locale.letters(text)
  for i, letter in ipairs(letters) do
    letters[i] = letter:find "^%d$" and (digit(tag, tonumber(letter)) or letter) or keys[letter] or letter:upper()
  end
  return table.concat(letters, " ")
end

-- The words scripts use for money beside its codes.
local codes = { rupees = "INR", dollars = "USD", euros = "EUR", pounds = "GBP", dirhams = "AED" }

local function code_of(unit)
  local code = codes[unit:lower()] or unit:upper()
  return code:find "^%u%u%u$" and code or nil
end

local function name_of(tag, known, code, count)
  local names = known.money and known.money[code]
  if names then return names[count == 1 and 1 or 2] end
  return (locale.currency(tag, code, count))
end

-- "un millón de euros", "un million d'euros"
local function joined_name(known, count, name)
  local of = known.of_millions
  if not of or count == 0 or count % 1000000 ~= 0 then return " " .. name end
  if of ~= "d'" then return " " .. of .. " " .. name end
  return name:find "^[aeiouAEIOU]" and " d'" .. name or " de " .. name
end

local function amount_of(tag, known, code, before, part)
  local gender = (known.feminine_money or ""):find(code, 1, true) and "feminine" or "masculine"
  local name = name_of(tag, known, code, before)
  if not name then return nil end
  local whole = counted(tag, known, before, gender)
  if part == 0 then return whole .. joined_name(known, before, name) end
  local parts = known.money and known.money[code]
  if not (parts and known.money_joint) then
    local written = ("%.0f.%02d"):format(before, part)
    return (readout.number(tag, written) or written) .. " " .. name_of(tag, known, code, 2)
  end
  local small = counted(tag, known, part, "masculine") .. " " .. parts[part == 1 and 3 or 4]
  if before == 0 then return small end
  return whole .. joined_name(known, before, name) .. known.money_joint .. small
end

---@param tag string
---@param value any
---@param unit string|nil  a code such as "INR", or one of the words of words.money; another word is said as it is
---@return string|nil
function readout.money(tag, value, unit)
  if unit == "indian" then unit = nil end
  local is_negative, before, part = words.amount(value)
  if not before then return nil end
  local code, known = unit and code_of(unit), known_of(tag)
  local said = code and amount_of(tag, known, code, before, part)
  if not said then
    said = readout.number(tag, part == 0 and before or ("%.0f.%02d"):format(before, part))
    said = said and unit and said .. " " .. unit or said
  end
  if not (said and is_negative) then return said end
  local minus, one = spelled(tag, -1), spelled(tag, 1)
  return (minus and minus:sub(1, #minus - #one) or "-") .. said
end

-- Numbers of a date as words; a dot behind one makes it an ordinal.
local function with_words(tag, text)
  return (text:gsub("(%d+)(%.?)", function(number, dot)
    return spelled(tag, tonumber(number), dot == "." and "ordinal" or nil)
  end))
end

---@param tag string
---@param value any  "2026-03-03…"
---@return string|nil
function readout.date(tag, value)
  local year, month, day, rest = tostring(value):match "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.?)"
  if not year or rest:find "[%d%-]" then return nil end
  local fields = { year = tonumber(year), month = tonumber(month), day = tonumber(day) }
  if not dates.days(fields.year, fields.month, fields.day) then return nil end
  local known = known_of(tag)
  if known.date then
    local parts = {
      weekday = locale.date(tag, "EEEE", fields), month = locale.date(tag, "MMMM", fields),
      ordinal = spelled(tag, fields.day, "ordinal"),
    }
    return (known.date:gsub("{(%a+)}", parts))
  end
  local written = locale.date(tag, "EEEEMMMMd", fields, true)
  if not written then return nil end
  if fields.day == 1 and known.first_of_month then written = written:gsub("%d+", known.first_of_month) end
  return with_words(tag, written)
end

local function time_fields(value)
  local hour, minute = words.clock(value)
  return hour and { hour = hour, minute = minute }
end

-- The hour as it is counted: 15 is 3 where the day has its halves.
local function counted_hour(how, hour)
  if how.of_day == 24 then return hour end
  return hour % 12 == 0 and 12 or hour % 12
end

local function shape_of(how, hour, minute)
  if minute == 0 then return hour <= 1 and how.one or how.hour end
  if minute >= 3 and minute <= 10 and how.few_minutes then return how.few_minutes end
  return hour <= 1 and how.one_minutes or how.minutes
end

---@param tag string
---@param value any  "15:30…"
---@return string|nil
function readout.time(tag, value)
  local fields = time_fields(value)
  if not fields then return nil end
  local known = known_of(tag)
  local how = known.time
  if not how then return (locale.date(tag, "jm", fields, true)) end
  local hour = counted_hour(how, fields.hour)
  local shape = shape_of(how, hour, fields.minute)
  local parts = {
    h = known.hours and known.hours[hour] or spelled(tag, hour, how.spelling),
    m = spelled(tag, fields.minute), period = how.of_day == 12 and locale.date(tag, "B", fields) or nil,
  }
  return (shape:gsub("{(%a+)}", parts))
end

---@param tag string
---@param value any  "2026-03-03T15:30…"
---@return string|nil
function readout.datetime(tag, value)
  local text = tostring(value)
  local day, time = readout.date(tag, text), readout.time(tag, text:sub(11))
  if not (day and time) then return nil end
  local known = known_of(tag)
  local fields = time_fields(text:sub(11))
  local is_one = known.at_one and counted_hour(known.time, fields.hour) <= 1
  return day .. (is_one and known.at_one or known.at or ", ") .. time
end

---How a truth is said.
---@param tag string
---@param value boolean
---@return string
function readout.truth(tag, value) return (language.of(tag) or language.plain).is[value and "yes" or "no"] end

-- More bytes than a sentence may have: what is longer is not read out.
local MOST_LETTERS = 4000

---Letter by letter, as people count them: a letter of Hindi with its vowel is one.
---@param text string  without blanks
---@return string
function readout.spell(text)
  return #text <= MOST_LETTERS and table.concat(locale.letters(text), " ") or text
end

-- In India large numbers are counted in lakh and crore, in English too.
local in_lakh = { number = true, money = true }

---A value as a transformation of callisto.text has it. What is not a tag ("multi" of some vendors) is English.
---@param name "number"|"money"|"digits"|"ordinal"|"date"|"time"|"datetime"
---@param tag string
---@param value any
---@param ... string  what follows the colons
---@return string|nil
function readout.say(name, tag, value, ...)
  local base = language.base(tag)
  if base and base ~= "en" then return readout[name](tag, value, ...) end
  if not (in_lakh[name] and tag:find "^en[-_]IN") then return words[name](value, ...) end
  local list = { ... }
  list[#list + 1] = "indian"
  return words[name](value, unpack(list))
end

return readout
