-- callisto.cjson: what `require "cjson"` and `require "cjson.safe"` give: the face of lua-cjson (OpenResty's) over
-- callisto.json, for code that was written for it. With `cjson.safe` encode and decode return nil and a message instead of
-- raising an error.
--
-- What differs is in docs/flows.md, and compared with lua-cjson by spec/modules/cjson_spec.lua. A setting that cannot be had is
-- refused; one that is asked for without a value is answered.

local json = require "callisto.json"

-- Deeper than this callisto.json neither reads nor writes.
local DEPTH = 64

-- The settings and what they do; each is given what it shall be, or nil, and returns what it is.
local configure = {}

-- How lua-cjson tells lists from objects: keys that are whole numbers from 1 on make a list, whose holes are null, unless
-- too many are missing.
local function length_of(value, settings)
  local longest, count = 0, 0
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key ~= math.floor(key) then return nil end
    if key > longest then longest = key end
    count = count + 1
  end
  local is_sparse = settings.ratio > 0 and longest > settings.safe and longest > count * settings.ratio
  if not is_sparse then return longest end
  if not settings.converts then error("Cannot serialise table: excessively sparse array", 0) end
  return nil
end

local prepared

local function prepared_list(value, length, depth, settings)
  local list = {}
  for i = 1, length do
    if value[i] == nil then list[i] = json.null else list[i] = prepared(value[i], depth + 1, settings) end
  end
  return json.array(list)
end

-- A value as callisto.json writes what lua-cjson would.
function prepared(value, depth, settings)
  if type(value) ~= "table" then return value end
  if depth > settings.depth then error(("Cannot serialise, excessive depth (%d)"):format(depth), 0) end
  local is_list = getmetatable(value) == json.array_mt
  local length = is_list and #value or length_of(value, settings)
  if is_list or length and length > 0 then return prepared_list(value, length, depth, settings) end
  if next(value) == nil then return settings.empty_is_object and {} or json.array {} end
  local object = {}
  for key, each in pairs(value) do
    object[type(key) == "number" and tostring(key) or key] = prepared(each, depth + 1, settings)
  end
  return object
end

-- The message alone, without the place in this file and without the name of the function below it.
local function reason(failure) return (tostring(failure):gsub("^.-json%.encode: ", "")) end

local function encode(settings, value)
  local ok, text = pcall(function() return json.encode(prepared(value, 1, settings)) end)
  if not ok then return nil, "cjson.encode: " .. reason(text) end
  return settings.escapes_slash and (text:gsub("/", "\\/")) or text
end

local function decode(_, text)
  if type(text) ~= "string" then return nil, "cjson.decode: a text is needed, not " .. type(text) end
  local value, why = json.decode(text, { nulls = true, rounds = true })
  if value == nil then return nil, "cjson.decode: " .. why end
  return value
end

local function is_on(value) return value == true or value == "on" end

---@param convert boolean|nil
---@param ratio integer|nil
---@param safe integer|nil
---@return boolean convert, integer ratio, integer safe
function configure.encode_sparse_array(settings, convert, ratio, safe)
  if convert ~= nil then settings.converts = is_on(convert) end
  settings.ratio, settings.safe = ratio or settings.ratio, safe or settings.safe
  return settings.converts, settings.ratio, settings.safe
end

---@param depth integer|nil
---@return integer depth
function configure.encode_max_depth(settings, depth)
  if depth and (depth < 1 or depth > DEPTH) then
    error(("cjson.encode_max_depth: between 1 and %d levels are written, not %s"):format(DEPTH, tostring(depth)), 2)
  end
  settings.depth = depth or settings.depth
  return settings.depth
end

---@param is_object boolean|"on"|"off"|nil
---@return boolean is_object
function configure.encode_empty_table_as_object(settings, is_object)
  if is_object ~= nil then settings.empty_is_object = is_on(is_object) end
  return settings.empty_is_object
end

---@param escapes boolean|nil
---@return boolean escapes
function configure.encode_escape_forward_slash(settings, escapes)
  if escapes ~= nil then settings.escapes_slash = is_on(escapes) end
  return settings.escapes_slash
end

-- Settings that have one value here.
local fixed = {
  decode_max_depth = { DEPTH, "64 levels are read" },
  encode_number_precision = { 17, "numbers are written so that they read back the same" },
  encode_keep_buffer = { false, "no buffer is kept" },
  encode_invalid_numbers = { false, "NaN and infinity are not JSON" },
  decode_invalid_numbers = { false, "NaN, infinity and hexadecimal numbers are not JSON" },
  decode_array_with_array_mt = { true, "a list that was read has array_mt, so that an empty one is written as a list" },
  encode_skip_unsupported_value_types = { false, "a value that cannot be written is an error" },
  decode_allow_comment = { false, "comments are not JSON" },
  encode_indent = { "", "the text has no indentation" },
}
for name, about in pairs(fixed) do
  configure[name] = function(_, value)
    if value == "off" then value = false end
    if value ~= nil and value ~= about[1] then
      error(("cjson.%s(%s) is not supported: %s"):format(name, tostring(value), about[2]), 2)
    end
    return about[1]
  end
end

local function raising(fn)
  return function(settings, value)
    local result, why = fn(settings, value)
    if result == nil then error(why, 2) end
    return result
  end
end

local face = {}

---A module with settings of its own.
---@param is_safe boolean  encode and decode return nil and a message instead of raising an error
---@return table
function face.new(is_safe)
  local settings = { converts = false, ratio = 2, safe = 10, depth = DEPTH, empty_is_object = true, escapes_slash = true }
  local module = {
    _NAME = "cjson", _VERSION = "callisto",
    null = json.null, array_mt = json.array_mt, empty_array_mt = json.array_mt,
    empty_array = json.array {},
    new = function() return face.new(is_safe) end,
  }
  local functions = { encode = is_safe and encode or raising(encode), decode = is_safe and decode or raising(decode) }
  for name, fn in pairs(configure) do functions[name] = fn end
  for name, fn in pairs(functions) do
    module[name] = function(...) return fn(settings, ...) end
  end
  return module
end

return face
