-- callisto.flow.answers: what a question expects, and what the caller's words and keys mean for it.
--
-- A question takes choices, and beside them at most one of: a number, a date, free text. `answers.read` checks that and
-- returns how to listen; `answers.of_speech` and `answers.of_keys` give the value, or nil for what was not understood.
-- The recogniser is told as much as can be told beforehand (each date with the ways to say it), and what it brings as
-- plain text is read here.

local duration = require "callisto.duration"
local later = require "callisto.util.later"
local options = require "callisto.options"
local phrases_of = require("callisto.flow.phrases").of

local clock = later "callisto.clock" ---@module "callisto.clock"
local dates = later "callisto.dates" ---@module "callisto.dates"
local numbers = later "callisto.numbers" ---@module "callisto.numbers"
local words = later "callisto.words" ---@module "callisto.words"

local answers = {}

-- What a recogniser's grammar can hold (core/speech/grammar.h), with room for the choices.
local MOST_NUMBERS, MOST_DAYS, HIGHEST_IN_WORDS = 200, 150, 9999999
-- Marks the names of choices that stand for a number or a date.
local MARK = "="

---@class callisto.Expected
---@field listen table  for core.listen
---@field choices table<string, string[]>|nil
---@field number {min: number|nil, max: number|nil, whole: boolean}|nil
---@field date {from: string, to: string, today: string, keys: string|nil}|nil
---@field free_text boolean
---@field keys {min: integer, max: integer}|nil  keys are collected and make one answer

local number_fields = {
  min = { "number" },
  max = { "number" },
  whole = { "boolean", default = true },
}

local date_fields = {
  from = { "string|number", default = 0 },
  to = { "string|number", default = "90d" },
  zone = { "string", default = "UTC" },
  keys = { "string", values = { ddmm = true, mmdd = true } },
}

---Fields that `ask` and `listen` share, for callisto.options.
answers.fields = {
  choices = { "map" },
  number = { "boolean|map" },
  date = { "boolean|map" },
  free_text = { "boolean" },
  endpoint = { "duration", min = 0.1, max = 5 },
}

local function read_choices(choices)
  local lists = {}
  for name, phrases in pairs(choices) do
    if type(name) ~= "string" then return nil, "choices map names to phrases" end
    if name:sub(1, 1) == MARK then return nil, ("a choice cannot be called '%s'"):format(name) end
    local ok, list = pcall(phrases_of, phrases)
    if not ok then return nil, ("choice '%s': phrases are a text with commas or a list of texts"):format(name) end
    lists[name] = list
    if #list == 0 then return nil, ("choice '%s' has no phrases"):format(name) end
  end
  return lists
end

local function read_number(given)
  local number, why = options.try("number", given == true and {} or given, number_fields)
  if not number then return nil, why end
  if number.min and number.max and number.min > number.max then return nil, "number: 'min' is more than 'max'" end
  return number
end

-- "2026-05-03", a duration from today, or a number of days.
local function read_day(value, today)
  if type(value) == "number" then return dates.count(today) + math.floor(value) end
  local count = dates.count(value)
  if count then return count end
  local seconds = duration.parse(value)
  return seconds and dates.count(today) + math.floor(seconds / 86400)
end

local function read_date(given)
  local date, why = options.try("date", given == true and {} or given, date_fields)
  if not date then return nil, why end
  date.today, why = clock.today(date.zone)
  if not date.today then return nil, "date: " .. why end
  for _, name in ipairs { "from", "to" } do
    local count = read_day(date[name], date.today)
    if not count then
      return nil, ("date: '%s' must be a date such as \"2026-05-03\", or a duration from today such as \"14d\""):format(name)
    end
    date[name] = dates.text(count)
  end
  if date.from > date.to then return nil, "date: 'from' is after 'to'" end
  return date
end

local function spoken(value) return (words.number(value):gsub("-", " ")) end

-- A few numbers are told one by one; of many only how high they go and how many digits they have.
local function grammar_of_number(number, grammar)
  local min, max = number.min, number.max
  if number.whole and min and max and min >= 0 and max - min < MOST_NUMBERS then
    for value = math.ceil(min), max do
      local name = spoken(value)
      grammar[MARK .. value] = phrases_of { name, (name:gsub(" and ", " ")) }
    end
    return nil
  end
  local highest = max and math.max(math.abs(max), math.abs(min or 0), 1)
  return {
    max = highest and math.min(math.ceil(highest), HIGHEST_IN_WORDS),
    fraction = not number.whole,
    minus = min ~= nil and min < 0,
  }, number.whole and { min = 1, max = highest and math.min(#("%d"):format(highest), 20) or 9 } or nil
end

local function grammar_of_date(date, grammar)
  local last = math.min(dates.count(date.to), dates.count(date.from) + MOST_DAYS - 1)
  for day, phrases in pairs(dates.phrases(date.from, dates.text(last), date.today)) do
    if #phrases > 0 then grammar[MARK .. day] = phrases end
  end
end

-- One phrase may stand for one thing only; the choices of the script come first.
local function without_phrases_of(choices, grammar)
  local taken = {}
  for _, phrases in pairs(choices) do
    for _, phrase in ipairs(phrases) do taken[phrase] = true end
  end
  for name, phrases in pairs(grammar) do
    for i = #phrases, 1, -1 do
      if taken[phrases[i]] then table.remove(phrases, i) end
    end
    if #phrases == 0 then grammar[name] = nil end
  end
end

local function how_to_listen(expected, endpoint)
  local grammar, numbers_in_words, digits = {}, nil, nil
  if expected.number then numbers_in_words, digits = grammar_of_number(expected.number, grammar) end
  if expected.date then grammar_of_date(expected.date, grammar) end
  without_phrases_of(expected.choices or {}, grammar)
  for name, phrases in pairs(expected.choices or {}) do grammar[name] = phrases end
  return {
    choices = next(grammar) and grammar or nil,
    digits = digits,
    numbers = numbers_in_words,
    free_text = expected.free_text or nil,
    endpoint_ms = endpoint and endpoint * 1000 or nil,
  }
end

local function keys_of(expected)
  if expected.number and expected.number.whole then
    local max = expected.number.max
    return { min = 1, max = max and max >= 0 and math.min(#("%d"):format(max), 15) or 15 }
  end
  if expected.date and expected.date.keys then return { min = 4, max = 4 } end
end

---Checks what a question expects. Its values were read by callisto.options with `answers.fields`.
---@param what string  for messages, such as "call:ask"
---@param opts table
---@param level integer  where errors point to, as for `error`
---@return callisto.Expected
function answers.read(what, opts, level)
  local expected, why = { free_text = opts.free_text or false }, nil
  local kinds = (opts.number and 1 or 0) + (opts.date and 1 or 0) + (opts.free_text and 1 or 0)
  if kinds > 1 then error(what .. ": of 'number', 'date' and 'free_text' only one can be expected", level + 1) end
  if opts.choices then expected.choices, why = read_choices(opts.choices) end
  if opts.number and not why then expected.number, why = read_number(opts.number) end
  if opts.date and not why then expected.date, why = read_date(opts.date) end
  if why then error(what .. ": " .. why, level + 1) end
  expected.listen = how_to_listen(expected, opts.endpoint)
  expected.keys = keys_of(expected)
  return expected
end

local function number_in_range(number, value)
  if not value then return nil end
  if number.whole and value ~= math.floor(value) then return nil end
  if (number.min and value < number.min) or (number.max and value > number.max) then return nil end
  return value
end

local function date_in_range(date, value)
  return value and value >= date.from and value <= date.to and value or nil
end

-- The one choice of which a phrase was said, alone or among other words.
local function choice_in(choices, said)
  local clean, found = phrases_of { said }[1], nil
  if not clean then return nil end
  for name, phrases in pairs(choices) do
    for _, phrase in ipairs(phrases) do
      if phrase == clean then return name end
      if (" " .. clean .. " "):find(" " .. phrase .. " ", 1, true) then
        if found and found ~= name then return nil end
        found = name
      end
    end
  end
  return found
end

---What was said means, or nil.
---@param expected callisto.Expected
---@param heard table  what the recogniser brought
---@return string|number|nil value
function answers.of_speech(expected, heard)
  if heard.rejected then return nil end
  local choices, choice = expected.choices or {}, heard.choice
  if choice and choices[choice] then return choice end
  local meant = choice and choice:sub(1, 1) == MARK and choice:sub(2)
  if expected.number then
    local said = tonumber(meant or heard.number or heard.digits or "") or numbers.parse(heard.text)
    local value = number_in_range(expected.number, said)
    if value then return value end
  elseif expected.date then
    local value = date_in_range(expected.date, meant or dates.parse(heard.text, expected.date.today))
    if value then return value end
  end
  local named = choice_in(choices, heard.text)
  if named then return named end
  if expected.free_text and heard.text ~= "" then return heard.text end
  return nil
end

-- The first such day from `from` on.
local function date_of_keys(date, keys)
  local first, second = tonumber(keys:sub(1, 2)), tonumber(keys:sub(3, 4))
  local day, month = first, second
  if date.keys == "mmdd" then day, month = second, first end
  local year = dates.civil(dates.count(date.from))
  for each = year, year + 1 do
    local count = dates.days(each, month, day)
    local value = count and date_in_range(date, dates.text(count))
    if value then return value end
  end
end

---What the keys of one answer mean, or nil.
---@param expected callisto.Expected
---@param keys string
---@return string|number|nil value
function answers.of_keys(expected, keys)
  if not keys:match("^%d+$") then return nil end
  if expected.number then return number_in_range(expected.number, tonumber(keys)) end
  if expected.date then return date_of_keys(expected.date, keys) end
  return nil
end

return answers
