-- callisto.dates: days of the calendar, and the dates callers say. English.
--
-- A date is text, "2026-05-03", or a count of days since 1970-01-01. What a word means depends on today:
--
--   friday        the first Friday after today            this friday   today, if it is one, else the first after it
--   next friday   the Friday of the next week; weeks begin on Monday
--   the third, the third of may, may 3rd                  the first such day from today on, unless a year is said

local later = require "callisto.util.later"
local zone = require "callisto.zone"

local words = later "callisto.words" ---@module "callisto.words"

local dates = {}

local DAYS = { "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday" }
local MONTHS = { "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
  "december" }
local LENGTHS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local day_of_week, month_of, day_of_month, counts = {}, {}, {}, { a = 1, an = 1 }
for i, name in ipairs(DAYS) do day_of_week[name] = i end
for i, name in ipairs(MONTHS) do
  month_of[name] = i
  month_of[name:sub(1, 3)] = i
end
month_of.sept = 9

-- Makes the words of days and counts, before the first date is read: hours and calendars do without them.
local function learn_words()
  if next(day_of_month) then return end
  for i = 1, 31 do
    local ending = (i % 100 - i % 10 ~= 10 and ({ "st", "nd", "rd" })[i % 10]) or "th"
    for _, name in ipairs { words.ordinal(i):gsub("-", " "), words.number(i):gsub("-", " "), tostring(i), i .. ending } do
      day_of_month[name] = i
    end
  end
  for i = 1, 99 do
    counts[tostring(i)] = i
    counts[(words.number(i):gsub("-", " "))] = i
  end
end

---Days since 1970-01-01 → year, month, day (Howard Hinnant's civil_from_days).
---@param count integer
---@return integer year, integer month, integer day
function dates.civil(count)
  count = count + 719468
  local era = math.floor(count / 146097)
  local of_era = count - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local shifted = math.floor((5 * of_year + 2) / 153)
  local day = of_year - math.floor((153 * shifted + 2) / 5) + 1
  local month = shifted < 10 and shifted + 3 or shifted - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

---Year, month, day → days since 1970-01-01; nil for a day that does not exist.
---@return integer|nil
function dates.days(year, month, day)
  if not (year and month and day) or month < 1 or month > 12 or day < 1 or day > LENGTHS[month] then return nil end
  local shifted_year = month <= 2 and year - 1 or year
  local era = math.floor(shifted_year / 400)
  local of_era = shifted_year - era * 400
  local of_year = math.floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5) + day - 1
  local of_days = of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year
  local count = era * 146097 + of_days - 719468
  if month == 2 and day == 29 and select(2, dates.civil(count)) ~= 2 then return nil end
  return count
end

---@param count integer
---@return string  "2026-05-03"
function dates.text(count) return ("%04d-%02d-%02d"):format(dates.civil(count)) end

---"2026-05-03" → days since 1970-01-01; nil for anything that is not a date.
---@param date string
---@return integer|nil
function dates.count(date)
  local year, month, day = tostring(date):match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  return year and dates.days(tonumber(year), tonumber(month), tonumber(day))
end

---The date on the calendars of a zone.
---@param at number  seconds since 1970, UTC
---@param where string|nil  such as "Europe/Berlin"; UTC without one
---@return string|nil date  "2026-05-03"
---@return string? message
function dates.of(at, where)
  local offset, why = zone.offset(where or "UTC", at)
  if not offset then return nil, why end
  return dates.text(math.floor((at + offset) / 86400))
end

---When the clocks of a zone show a time on a day. A time that comes twice, where summer time ends, is the first of the two; one
---that is jumped over, where it begins, is as much later as the clocks are put forward: 02:30 is 03:30.
---@param date string  "2026-05-03"
---@param time string|nil  "15:05"; midnight without one
---@param where string|nil  such as "Europe/Berlin"; UTC without one
---@return number|nil at  seconds since 1970, UTC
---@return string? fit  "gap" or "overlap" when it is such a time; a message when `at` is nil
function dates.instant(date, time, where)
  local year, month, day = tostring(date):match "^(%d%d%d%d)%-(%d%d)%-(%d%d)$"
  local hour, minute = (time or "00:00"):match "^(%d%d?):(%d%d)$"
  if not year then return nil, ("'%s' is not a date such as \"2026-05-03\""):format(tostring(date)) end
  if not hour then return nil, ("'%s' is not a time such as \"15:05\""):format(tostring(time)) end
  return zone.instant(where or "UTC", {
    year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = tonumber(hour), minute = tonumber(minute),
  })
end

-- 1 for Monday … 7 for Sunday; 1970-01-01 was a Thursday.
local function weekday(count) return (count + 3) % 7 + 1 end

-- What is said ------------------------------------------------------------------------------------------------------

local function of_week(name, which, today)
  local wanted = day_of_week[name]
  if not wanted then return nil end
  if which == "next" then return today - weekday(today) + 7 + wanted end
  local ahead = (wanted - weekday(today)) % 7
  if ahead == 0 and which ~= "this" then ahead = 7 end
  return today + ahead
end

-- The first such day from today on. The 29th of February may be years away.
local function of_month(day, month, year, today)
  if year then return dates.days(year, month, day) end
  local this_year = dates.civil(today)
  for each = this_year, this_year + 8 do
    local count = dates.days(each, month, day)
    if count and count >= today then return count end
  end
end

local function of_this_month(day, today)
  local year, month = dates.civil(today)
  for _ = 1, 13 do
    local count = dates.days(year, month, day)
    if count and count >= today then return count end
    month = month % 12 + 1
    if month == 1 then year = year + 1 end
  end
end

local function plus_months(today, amount)
  local year, month, day = dates.civil(today)
  local total = year * 12 + month - 1 + amount
  year, month = math.floor(total / 12), total % 12 + 1
  for last = day, day - 3, -1 do
    local count = dates.days(year, month, last)
    if count then return count end
  end
end

local function from_now(amount, unit, today)
  amount = counts[amount]
  if not amount then return nil end
  if unit:match("^days?$") then return today + amount end
  if unit:match("^weeks?$") then return today + 7 * amount end
  if unit:match("^months?$") then return plus_months(today, amount) end
end

local fixed = { today = 0, tonight = 0, tomorrow = 1, ["day after tomorrow"] = 2, yesterday = -1 }

-- Each reads one way of saying a date; the first that can, does.
local readings = {
  function(text) return dates.count(text) end,
  function(text, today) return fixed[text] and today + fixed[text] end,
  function(text, today)
    local which, name = text:match("^(%a+) (%a+)$")
    if not which then which, name = "", text end
    if which == "" or which == "this" or which == "next" then return of_week(name, which, today) end
  end,
  function(text, today)
    local amount, unit = text:match("^in (.+) (%a+)$")
    if not amount then amount, unit = text:match("^(.+) (%a+) from (%a+)$") end
    return amount and from_now(amount, unit, today)
  end,
  function(text, today)
    local head, year = text:match("^(.-) (%d%d%d%d)$")
    local day, month = (head or text):match("^(.+) of (%a+)$")
    if not day then day, month = (head or text):match("^(.+) (%a+)$") end
    if not (day and day_of_month[day] and month_of[month]) then month, day = (head or text):match("^(%a+) (.+)$") end
    if not (day and day_of_month[day] and month_of[month]) then return nil end
    return of_month(day_of_month[day], month_of[month], tonumber(year), today)
  end,
  function(text, today)
    local day = text:match("%a%a$") and not counts[text] and day_of_month[text]
    return day and of_this_month(day, today)
  end,
}

local MOST_BYTES = 80

---What a caller said → "2026-05-03"; nil when it is not a date, or one that can be understood in more than one way.
---@param text string
---@param today string  as "2026-03-03"
---@return string|nil
function dates.parse(text, today)
  local base = assert(dates.count(today), "dates.parse needs today's date")
  learn_words()
  text = tostring(text):lower()
  if #text > MOST_BYTES then return nil end
  if not dates.count(text) then text = text:gsub("[^%w]", " ") end
  text = (" " .. text .. " "):gsub(" the ", " "):gsub(" please ", " "):gsub(" on ", " "):gsub(" um ", " "):gsub(" uh ", " ")
  text = text:gsub("%s+", " "):match("^ ?(.-) ?$")
  for _, read in ipairs(readings) do
    local count = read(text, base)
    if count then return dates.text(count) end
  end
  return nil
end

local function ways_to_say(count)
  local _, month, day = dates.civil(count)
  local ordinal, name, week_day = words.ordinal(day):gsub("-", " "), MONTHS[month], DAYS[weekday(count)]
  return {
    "today", "tomorrow", "day after tomorrow", "the day after tomorrow", week_day, "on " .. week_day, "this " .. week_day,
    "next " .. week_day, ordinal .. " of " .. name, "the " .. ordinal .. " of " .. name, name .. " " .. ordinal,
    name .. " the " .. ordinal, "the " .. ordinal,
  }
end

---The ways to say each day of a span, for a recogniser that has to know what may be said: { ["2026-03-04"] = { "tomorrow", … } }.
---@param from string
---@param to string
---@param today string
---@return table<string, string[]>
function dates.phrases(from, to, today)
  local map = {}
  for count = dates.count(from), dates.count(to) do
    local date, list = dates.text(count), {}
    for _, phrase in ipairs(ways_to_say(count)) do
      if dates.parse(phrase, today) == date then list[#list + 1] = phrase end
    end
    map[date] = list
  end
  return map
end

return dates
