-- callisto.text: sentences with places to fill in.
--
-- "{name}" is replaced by the value of `name`, "{a.b}" by the value inside a table, "{amount|money:rupees:indian}" by the
-- value as it is spoken, in the language of the call. "{{" and "}}" stand for the braces themselves. What is missing becomes
-- nothing, what does not suit its transformation is said as it is, and both are reported. A value is never searched for places;
-- a text from elsewhere that is said as a sentence would be, so `text.literal` says it as it is.

local later = require "callisto.util.later"
local options = require "callisto.options"

local readout = later "callisto.readout" ---@module "callisto.readout"
local words = later "callisto.words" ---@module "callisto.words"

local text = {}

-- Letter by letter.
local function spell(value)
  local bare = tostring(value):gsub("%s+", "")
  if bare:find "[\128-\255]" then return readout.spell(bare) end
  return (bare:gsub("(.)(.)", "%1 %2 "):gsub(" $", ""))
end

---What may follow the bar in "{name|…}": functions of the value and of what follows the colons.
---@type table<string, fun(value: any, ...: string): string|nil>
text.transformations = {
  spell = spell,
  upper = function(value) return tostring(value):upper() end,
  lower = function(value) return tostring(value):lower() end,
}

-- Those that are words of a language.
local worded = {}
for _, name in ipairs { "number", "money", "digits", "ordinal", "date", "time", "datetime" } do
  worded[name] = true
  text.transformations[name] = function(...) return words[name](...) end
end

local function is_plain(tag) return not tag or tag == "en" end

local function look_up(values, path)
  local value = values[path]
  if value ~= nil then return value end
  value = values
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

-- A whole number from here on may be one that was rounded, whose digits are not those that were given.
local INEXACT = 2 ^ 53

local function spoken(value, tag)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "boolean" then return is_plain(tag) and (value and "yes" or "no") or readout.truth(tag, value) end
  if kind ~= "number" then return nil, "is a " .. kind .. " and cannot be spoken" end
  if math.abs(value) < INEXACT then return ("%.15g"):format(value) end
  return nil, "is a number that is not known exactly; keep it as text"
end

local function transform(name, value, arguments, tag)
  local list = {}
  for each in arguments:gmatch("[^:]+") do list[#list + 1] = each end
  if worded[name] and not is_plain(tag) then return readout.say(name, tag, value, unpack(list)) end
  return text.transformations[name](value, unpack(list))
end

-- A place in its parts, or nil and what is wrong with it.
local function read_place(place)
  local path, rest = place:match "^%s*([%w_.]+)%s*(.-)%s*$"
  local name, arguments = (rest == "" and "|" or rest or ""):match "^|%s*([%a_]*):?([%w_:]*)$"
  if not name then return nil, ("'{%s}' cannot be read"):format(place) end
  if name == "" or text.transformations[name] then return { path = path, name = name, arguments = arguments } end
  local why = options.unknown(name, text.transformations):gsub("field", "transformation")
  return { path = path, name = "", arguments = "" }, ("'{%s}': %s"):format(place, why)
end

-- What a sentence is made of: texts, and places as { "name|spell" }; and what is wrong with its braces.
local function parts_of(sentence)
  local parts, at = {}, 1
  while true do
    local from = sentence:find("[{}]", at)
    if not from then break end
    parts[#parts + 1] = sentence:sub(at, from - 1)
    local brace = sentence:sub(from, from)
    local close = brace == "{" and sentence:find("}", from, true)
    if sentence:sub(from + 1, from + 1) == brace then
      parts[#parts + 1], at = brace, from + 2
    elseif close then
      parts[#parts + 1], at = { sentence:sub(from + 1, close - 1) }, close + 1
    elseif brace == "{" then
      parts[#parts + 1] = sentence:sub(from)
      return parts, ("'%s' is not closed; write {{ for a brace"):format(sentence:sub(from, from + 30))
    else
      parts[#parts + 1], at = brace, from + 1
    end
  end
  parts[#parts + 1] = sentence:sub(at)
  return parts
end

-- One place: what comes instead of it, and what is to be reported.
local function fill(written, values, tag)
  local place, wrong = read_place(written)
  if not place then return nil, wrong end
  local value = look_up(values, place.path)
  if value == nil then return nil, ("'%s' is missing"):format(place.path) end
  local plain, why = spoken(value, tag)
  if not plain then return nil, ("'%s' %s"):format(place.path, why) end
  if place.name == "" then return plain, wrong end
  local result = transform(place.name, value, place.arguments, tag)
  if result then return result end
  return plain, ("'%s' is not something for '%s' and is said as it is"):format(place.path, place.name)
end

---Fills in the places of a sentence.
---@param sentence string
---@param values table<string, any>|nil
---@param tag string|nil  the language that values are said in, such as "hi-IN"; English without one
---@return string filled
---@return string[] warnings  empty when all could be said as it was meant
function text.interpolate(sentence, values, tag)
  local parts, wrong = parts_of(sentence)
  local warnings = {}
  for i, part in ipairs(parts) do
    if type(part) == "table" then
      local filled, why = fill(part[1], values or {}, tag)
      parts[i] = filled or ""
      warnings[#warnings + 1] = why
    end
  end
  warnings[#warnings + 1] = wrong
  return table.concat(parts), warnings
end

---Says a text as it is, whatever braces it has: `call:say("It is for " .. text.literal(name))`.
---@param value string
---@return string sentence
function text.literal(value) return (value:gsub("[{}]", "%0%0")) end

---For callisto.options: what is wrong with the places of a sentence, as far as that is known without the values.
---@param sentence callisto.Wording
---@return string|nil problem
function text.check(sentence)
  if type(sentence) == "table" then return require("callisto.wording").check(sentence) end
  local parts, problem = parts_of(sentence)
  for _, part in ipairs(parts) do
    if type(part) == "table" then problem = select(2, read_place(part[1])) or problem end
  end
  return problem and "cannot be said: " .. problem
end

---Names of the places in a sentence, without what follows the bar, each once.
---@param sentence string
---@return string[]
function text.places(sentence)
  local names, seen = {}, {}
  for _, part in ipairs((parts_of(sentence))) do
    local place = type(part) == "table" and read_place(part[1])
    if place and not seen[place.path] then
      seen[place.path] = true
      names[#names + 1] = place.path
    end
  end
  return names
end

return text
