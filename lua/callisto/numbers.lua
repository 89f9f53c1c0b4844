-- callisto.numbers: what callers say, read as a number or as a row of digits. English words, and digits of all scripts.
--
--   numbers.parse "one lakh twenty thousand"  → 120000        numbers.digits "double five oh one" → "5501"

local language = require "callisto.language"

local numbers = {}

local units = { zero = 0, oh = 0, o = 0, nought = 0, one = 1, two = 2, three = 3, four = 4, five = 5, six = 6, seven = 7,
  eight = 8, nine = 9 }
local teens = { ten = 10, eleven = 11, twelve = 12, thirteen = 13, fourteen = 14, fifteen = 15, sixteen = 16, seventeen = 17,
  eighteen = 18, nineteen = 19 }
local tens = { twenty = 20, thirty = 30, forty = 40, fourty = 40, fifty = 50, sixty = 60, seventy = 70, eighty = 80, ninety = 90 }
local scales = { thousand = 1e3, lakh = 1e5, lakhs = 1e5, lac = 1e5, million = 1e6, crore = 1e7, crores = 1e7, billion = 1e9 }
local repeats = { double = 2, triple = 3, treble = 3 }

-- Said around a number without meaning anything.
local fillers = {}
for word in ("um uh er erm well please it's its it is number just about the and okay"):gmatch("%S+") do fillers[word] = true end

-- More words than any number needs; a longer sentence is not a number.
local MOST_WORDS = 40

local function words_of(text)
  local list = {}
  local clean = language.with_digits(tostring(text)):lower():gsub("(%d),(%d)", "%1%2")
  clean = clean:gsub("[%-%?!,;:\"]", " "):gsub("%.%s", " "):gsub("%.$", "")
  for word in clean:gmatch("%S+") do
    if not fillers[word] then list[#list + 1] = word end
    if #list > MOST_WORDS then return nil end
  end
  return #list > 0 and list or nil
end

local function digits_of(list, first)
  local keys, times = {}, 1
  for i = first or 1, #list do
    local word = list[i]
    local digit = units[word] or word:match("^%d+$")
    if repeats[word] and times == 1 then
      times = repeats[word]
    elseif digit and (times == 1 or #tostring(digit) == 1) then
      keys[#keys + 1] = tostring(digit):rep(times)
      times = 1
    else
      return nil
    end
  end
  return times == 1 and #keys > 0 and table.concat(keys) or nil
end

---"four two", "double five", "42" → the digits; nil when anything else was said.
---@param text string
---@return string|nil
function numbers.digits(text)
  local list = words_of(text)
  return list and digits_of(list)
end

-- Adds one word to the part below a thousand; nil when it cannot follow what came before.
local function add_small(current, word)
  local rest = current % 100
  if units[word] then
    local fits = current == 0 or rest == 0 or (rest >= 20 and rest % 10 == 0)
    return fits and current + units[word] or nil
  end
  local value = teens[word] or tens[word]
  if value then return rest == 0 and current + value or nil end
  if word == "hundred" and current >= 1 and current <= 99 then return current * 100 end
  return nil
end

-- The whole part of a number, from place `first` on: its value and the place of the first word that is not of it.
local function whole_of(list, first)
  local total, current, least, place, has_words = 0, 0, math.huge, first, false
  while list[place] do
    local word = list[place]
    local scale, literal = scales[word], tonumber(word:match("^%d+%.?%d*$"))
    if literal then
      if has_words and current ~= 0 then return nil end
      current = literal
    elseif (word == "a" or word == "an") and (list[place + 1] == "hundred" or scales[list[place + 1] or ""]) then
      current = 1
    elseif scale then
      if scale >= least or current == 0 then return nil end
      total, current, least = total + current * scale, 0, scale
    else
      local sum = add_small(current, word)
      if not sum then break end
      current = sum
    end
    has_words, place = true, place + 1
  end
  return has_words and total + current or nil, place
end

local function decimals_of(list, place)
  if list[place] ~= "point" and list[place] ~= "dot" then return nil end
  local digits = digits_of(list, place + 1)
  return digits and tonumber("0." .. digits)
end

---"forty two", "one hundred and five", "two point five", "minus three", "four two" → the number; nil when anything else was
---said. Digits said one by one are put together.
---@param text string
---@return number|nil
function numbers.parse(text)
  local list = words_of(text)
  if not list then return nil end
  local sign, first = 1, 1
  if list[1] == "minus" or list[1] == "negative" then sign, first = -1, 2 end
  local value, after = whole_of(list, first)
  if value and not list[after] then return sign * value end
  local decimals = value and decimals_of(list, after)
  if decimals then return sign * (value + decimals) end
  local digits = digits_of(list, first)
  return digits and #digits <= 15 and sign * tonumber(digits) or nil
end

return numbers
