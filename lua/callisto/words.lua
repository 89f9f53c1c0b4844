-- callisto.words: numbers, money, digits, dates and times as they are spoken in English, and how they are read from what people
-- write; other languages: callisto.readout. What could mean two things, or nothing,
-- is nil: the caller then hears it as it was written, and no other value.

local later = require "callisto.util.later"

local dates = later "callisto.dates" ---@module "callisto.dates"

local words = {}

local small = { "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
  "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen" }
local tens = { "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety" }
local scales = { { 1e12, "trillion" }, { 1e9, "billion" }, { 1e6, "million" }, { 1e3, "thousand" } }
local indian_scales = { { 1e7, "crore" }, { 1e5, "lakh" }, { 1e3, "thousand" } }
local ordinals = { one = "first", two = "second", three = "third", five = "fifth", eight = "eighth", nine = "ninth",
  twelve = "twelfth" }
local keys = { ["0"] = "zero", ["*"] = "star", ["#"] = "hash", ["+"] = "plus", ["."] = "point" }
for i = 1, 9 do keys[tostring(i)] = small[i] end

-- A character in valid UTF-8.
local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

local function below_thousand(n)
  local parts = {}
  if n >= 100 then
    parts[1] = small[math.floor(n / 100)] .. " hundred"
    n = n % 100
    if n > 0 then parts[2] = "and" end
  end
  if n >= 20 then
    local rest = n % 10
    parts[#parts + 1] = tens[math.floor(n / 10)] .. (rest > 0 and "-" .. small[rest] or "")
  elseif n > 0 then
    parts[#parts + 1] = small[n]
  end
  return table.concat(parts, " ")
end

local function whole(n, style)
  if n == 0 then return "zero" end
  local parts = {}
  for _, scale in ipairs(style == "indian" and indian_scales or scales) do
    if n >= scale[1] then
      parts[#parts + 1] = whole(math.floor(n / scale[1]), style) .. " " .. scale[2]
      n = n % scale[1]
    end
  end
  if n > 0 then
    if #parts > 0 and n < 100 then parts[#parts + 1] = "and" end
    parts[#parts + 1] = below_thousand(n)
  end
  return table.concat(parts, " ")
end

-- A whole number without the marks between its groups: 1,234,567 or 1,25,000. nil where the groups are no such thing.
local function ungrouped(text, marks)
  if text:find "^%d+$" then return text end
  local mark = text:match("^%d%d?%d?(" .. marks .. ")%d")
  if not mark or text:find("[^%d%" .. mark .. "]") then return nil end
  local first, middle, last = text:match("^(%d+)(.*)%" .. mark .. "(%d+)$")
  local has_threes = not middle:gsub("%" .. mark .. "%d%d%d", ""):find "%d"
  local has_twos = mark == "," and not middle:gsub(",%d%d", ""):find "%d"
  if #first > 3 or #last ~= 3 or not (has_threes or has_twos) then return nil end
  return (text:gsub("%D", ""))
end

-- Whole part and fraction of a number as people write it: 1,234.50, 1 234.50, 1.234,50. A comma or a point before three digits
-- groups only where it cannot be the mark of the fraction: "1,234" is a thousand, "1.234" is not, "1.234.567" is a million.
local function split(text)
  local before, after = text:match "^(.*),(%d%d?)$"
  if before then return ungrouped(before, "[ .]"), after end
  before, after = text:match "^([^.]*)%.(%d*)$"
  if before then return ungrouped(before, "[ ,_]"), after end
  return ungrouped(text, "[ ,_.]"), ""
end

---A number, or what looks like one, in its parts; nil for anything else, and for more than 15 digits.
---@param value any
---@return boolean|nil is_negative, number? whole, string? digits  those of the fraction
function words.decimal(value)
  local text = tostring(value):match "^%s*(.-)%s*$"
  if type(value) == "number" then text = ("%.10f"):format(value):gsub("0+$", ""):gsub("%.$", "") end
  local sign, digits = text:match "^(%-?)(.*)$"
  local before, after = split(digits)
  if not before or #before > 15 then return nil end
  return sign == "-", tonumber(before), after
end
local decimal = words.decimal

---"42" → "forty-two"; nil for anything that is not a number. In Indian style large numbers are counted in lakh and crore.
---@param value any
---@param style "indian"|nil
---@return string|nil
function words.number(value, style)
  local is_negative, before, after = decimal(value)
  if not before then return nil end
  local text = whole(before, style)
  if after ~= "" then text = text .. " point " .. words.digits(after) end
  return is_negative and "minus " .. text or text
end

---What is said when a value is read out one by one: without blanks and hyphens. nil for a number of more than 15 digits,
---which may have been rounded.
---@param value any
---@return string|nil
function words.plain_digits(value)
  if type(value) == "number" and (value ~= value or math.abs(value) >= 1e15) then return nil end
  local text = type(value) == "number" and ("%.15g"):format(value) or tostring(value)
  return (text:gsub("[%s%-]", ""))
end

---"407#" → "four zero seven hash"; other characters are spoken as they are. nil for a number of more than 15 digits.
---@param value any
---@return string|nil
function words.digits(value)
  local parts, text = {}, words.plain_digits(value)
  if not text then return nil end
  for character in text:gmatch(CHARACTER) do parts[#parts + 1] = keys[character] or character:upper() end
  return table.concat(parts, " ")
end

---21 → "twenty-first"; nil for anything that is not a whole number.
---@param value any
---@return string|nil
function words.ordinal(value)
  local is_negative, before, after = decimal(value)
  if not before or after ~= "" or is_negative then return nil end
  local head, last = whole(before):match("^(.-)(%a+)$")
  if ordinals[last] then return head .. ordinals[last] end
  if last:sub(-1) == "y" then return head .. last:sub(1, -2) .. "ieth" end
  return head .. last .. "th"
end

local currencies = {
  rupees = { "rupee", "rupees", "paisa", "paise" },
  dollars = { "dollar", "dollars", "cent", "cents" },
  euros = { "euro", "euros", "cent", "cents" },
  pounds = { "pound", "pounds", "penny", "pence" },
  dirhams = { "dirham", "dirhams", "fil", "fils" },
}
for code, name in pairs { inr = "rupees", usd = "dollars", eur = "euros", gbp = "pounds", aed = "dirhams" } do
  currencies[code] = currencies[name]
end

local function amount(before, small_part, names, style)
  local parts = {}
  if before > 0 or small_part == 0 then parts[1] = whole(before, style) .. " " .. names[before == 1 and 1 or 2] end
  if small_part > 0 then parts[#parts + 1] = whole(small_part) .. " " .. names[small_part == 1 and 3 or 4] end
  return table.concat(parts, " and ")
end

---An amount of money in its parts; nil for anything that is not one.
---@param value any
---@return boolean|nil is_negative, number? whole, number? hundredths
function words.amount(value)
  local is_negative, before, after = decimal(value)
  if not before or type(value) ~= "number" and after:find "^%d%d.*[^0]" then return nil end
  return is_negative, before, tonumber((after .. "00"):sub(1, 2))
end

---12.5 → "twelve dollars and fifty cents" with unit "dollars" or "USD"; without a unit "twelve point five zero". What
---a number has beyond hundredths is left out; a text with that is not an amount, for its point may part thousands.
---@param value any
---@param unit "rupees"|"dollars"|"euros"|"pounds"|"dirhams"|"INR"|"USD"|"EUR"|"GBP"|"AED"|nil  another word is said as it is
---@param style "indian"|nil  "one lakh fifty thousand rupees"
---@return string|nil
function words.money(value, unit, style)
  if unit == "indian" then unit, style = nil, unit end
  local is_negative, before, small_part = words.amount(value)
  if not before then return nil end
  local names = unit and currencies[unit:lower()]
  local text
  if names then
    text = amount(before, small_part, names, style)
  else
    text = whole(before, style)
    if small_part > 0 then text = text .. " point " .. words.digits(("%02d"):format(small_part)) end
    if unit then text = text .. " " .. unit end
  end
  return is_negative and "minus " .. text or text
end

local months = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December" }
local weekdays = { [0] = "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" }
local month_shift = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 }

---0 for Sunday … 6 for Saturday, by the Gregorian calendar.
---@param year integer
---@param month integer 1..12
---@param day integer 1..31
---@return integer
function words.weekday(year, month, day)
  if month < 3 then year = year - 1 end
  return (year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400) + month_shift[month] + day) % 7
end

---"2026-03-03…" → "Tuesday, the third of March"; nil for anything that is not a date of the calendar.
---@param value any
---@return string|nil
function words.date(value)
  local year, month, day, rest = tostring(value):match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.?)")
  if not year or rest:find "[%d%-]" then return nil end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if not dates.days(year, month, day) then return nil end
  return ("%s, the %s of %s"):format(weekdays[words.weekday(year, month, day)], words.ordinal(day), months[month])
end

---"15:30" → 15, 30; nil for anything that is not a time of day. Seconds and what follows them are left out.
---@param value any
---@return integer|nil hour, integer? minute
function words.clock(value)
  local hour, minute, rest = tostring(value):match("^[T ]?(%d?%d):(%d%d)(.?)")
  if not hour or rest:find "%d" then return nil end
  hour, minute = tonumber(hour), tonumber(minute)
  if hour <= 23 and minute <= 59 then return hour, minute end
end

---"15:30" → "three thirty p m"; nil for anything that is not a time of day.
---@param value any
---@return string|nil
function words.time(value)
  local hour, minute = words.clock(value)
  if not hour then return nil end
  if minute == 0 and hour % 12 == 0 then return hour == 0 and "midnight" or "noon" end
  local text = whole((hour + 11) % 12 + 1)
  if minute > 0 then text = text .. " " .. (minute < 10 and "oh " or "") .. whole(minute) end
  return text .. (hour < 12 and " a m" or " p m")
end

---"2026-03-03T15:30" → "Tuesday, the third of March at three thirty p m"; nil for anything that is not a date with a time.
---@param value any
---@return string|nil
function words.datetime(value)
  local text = tostring(value)
  local day, time = words.date(text), words.time(text:sub(11))
  return day and time and day .. " at " .. time
end

return words
