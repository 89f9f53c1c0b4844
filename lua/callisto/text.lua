-- callisto.text: sentences with places to fill in, and lists of phrases.
--
-- "{name}" is replaced by the value of `name`, "{a.b}" by the value inside a table, "{amount|money:rupees:indian}" by the
-- value as it is spoken. "{{" and "}}" stand for the braces themselves. What is missing becomes nothing and is reported.

local later = require "callisto.util.later"
local options = require "callisto.options"

local words = later "callisto.words" ---@module "callisto.words"

local text = {}

-- A character in valid UTF-8.
local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

local function spell(value)
  local parts = {}
  for character in tostring(value):gsub("%s+", ""):gmatch(CHARACTER) do parts[#parts + 1] = character end
  return table.concat(parts, " ")
end

---What may follow the bar in "{name|…}": functions of the value and of what follows the colons.
---@type table<string, fun(value: any, ...: string): string|nil>
text.transformations = {
  spell = spell,
  upper = function(value) return tostring(value):upper() end,
  lower = function(value) return tostring(value):lower() end,
}
for _, name in ipairs { "number", "money", "digits", "ordinal", "date", "time", "datetime" } do
  text.transformations[name] = function(...) return words[name](...) end
end

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

local function spoken(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return value == math.floor(value) and ("%.0f"):format(value) or tostring(value) end
  if kind == "boolean" then return value and "yes" or "no" end
  return nil
end

local function transform(transformation, value, arguments)
  local list = {}
  for each in arguments:gmatch("[^:]+") do list[#list + 1] = each end
  return transformation(value, unpack(list))
end

-- One place: what comes instead of it, or nil and why there is nothing.
local function fill(place, values)
  local path, name, arguments = place:match("^%s*([%w_.]+)%s*|?%s*([%a_]*):?([%w_:]*)%s*$")
  if not path then return nil, ("'{%s}' cannot be read"):format(place) end
  local value = look_up(values, path)
  if value == nil then return nil, ("'%s' is missing"):format(path) end
  if name == "" then
    local result = spoken(value)
    if not result then return nil, ("'%s' is a %s and cannot be spoken"):format(path, type(value)) end
    return result
  end
  local transformation = text.transformations[name]
  if not transformation then
    return nil, ("'{%s}': %s"):format(place, options.unknown(name, text.transformations):gsub("field", "transformation"))
  end
  local result = spoken(value) and transform(transformation, value, arguments)
  if not result then return nil, ("'%s' is not something for '%s'"):format(path, name) end
  return result
end

---Fills in the places of a sentence.
---@param sentence string
---@param values table<string, any>|nil
---@return string filled
---@return string[] warnings  empty when nothing was missing
function text.interpolate(sentence, values)
  local parts, warnings, place = {}, {}, 1
  values = values or {}
  while place <= #sentence do
    local at = sentence:find("[{}]", place)
    if not at then break end
    parts[#parts + 1] = sentence:sub(place, at - 1)
    local brace = sentence:sub(at, at)
    if sentence:sub(at + 1, at + 1) == brace then
      parts[#parts + 1] = brace
      place = at + 2
    else
      local close = brace == "{" and sentence:find("}", at, true)
      if not close then
        parts[#parts + 1] = brace
        place = at + 1
      else
        local filled, why = fill(sentence:sub(at + 1, close - 1), values)
        parts[#parts + 1] = filled or ""
        warnings[#warnings + 1] = why
        place = close + 1
      end
    end
  end
  parts[#parts + 1] = sentence:sub(place)
  return table.concat(parts), warnings
end

---Names of the places in a sentence, without what follows the bar, each once.
---@param sentence string
---@return string[]
function text.places(sentence)
  local names, seen = {}, {}
  for place in sentence:gsub("{{", ""):gsub("}}", ""):gmatch("{([^{}]*)}") do
    local name = place:match("^%s*([%w_.]+)")
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

---"Yes, sure, please do" → { "yes", "sure", "please do" }. A list is cleaned in the same way.
---@param value string|string[]
---@return string[]
function text.phrases(value)
  local list, seen = {}, {}
  local function add(phrase)
    local clean = phrase:lower():gsub("[%.!%?;:\"]", ""):gsub("%s+", " "):match("^%s*(.-)%s*$")
    if clean ~= "" and not seen[clean] then
      seen[clean] = true
      list[#list + 1] = clean
    end
  end
  if type(value) == "string" then
    for phrase in value:gmatch("[^,|]+") do add(phrase) end
  elseif type(value) == "table" then
    for _, each in ipairs(value) do
      if type(each) ~= "string" then error("phrases are text", 2) end
      add(each)
    end
  else
    error("phrases are a text with commas or a list of texts", 2)
  end
  return list
end

return text
