-- callisto.schema: what the arguments of a function may be, as JSON Schema, and whether they are that.
--
--   schema.of { address = "string", floor = "integer?", when = { "today", "tomorrow" } }
--
-- A field is a type ("string", "number", "integer", "boolean", "array", "object"), with a "?" when it may be left out; a list of
-- the texts it may be; or JSON Schema, with `optional = true` when it may be left out. A declaration that is JSON Schema of an
-- object is taken as it is. Of JSON Schema type, enum, properties, required, additionalProperties, items, and the limits of
-- numbers, texts and lists are checked; the rest is for the reader.

local json = require "callisto.json"
local options = require "callisto.options"

local schema = {}

local TYPES = { string = true, number = true, integer = true, boolean = true, array = true, object = true, null = true }

-- Declaring ----------------------------------------------------------------------------------------------------------

local function of_text(name, given)
  local kind, mark = given:match "^(%a+)(%??)$"
  if not kind or not TYPES[kind] then
    error(("'%s': %s"):format(name, (options.unknown(given:gsub("%?$", ""), TYPES):gsub("field", "type"))), 0)
  end
  return { type = kind }, mark == ""
end

local function of_list(name, given)
  for _, each in ipairs(given) do
    if type(each) ~= "string" then error(("'%s': a list has the texts the field may be"):format(name), 0) end
  end
  return { type = "string", enum = json.array { unpack(given) } }, true
end

local function of_table(name, given)
  local field = {}
  for key, value in pairs(given) do field[key] = value end
  local is_required = not field.optional
  field.optional = nil
  if not (field.type or field.enum or field.anyOf or field.oneOf) then
    error(("'%s': 'type' is missing (string)"):format(name), 0)
  end
  return field, is_required
end

local function of_field(name, given)
  if type(given) == "string" then return of_text(name, given) end
  if type(given) ~= "table" then
    error(("'%s' must be a type, a list of texts or JSON Schema, not %s"):format(name, type(given)), 0)
  end
  if #given > 0 then return of_list(name, given) end
  return of_table(name, given)
end

local function is_schema(given) return given.type == "object" and type(given.properties) == "table" end

---JSON Schema of an object with these fields. What is wrong is an error that names the field.
---@param given table<string, any>
---@return table schema
function schema.of(given)
  if is_schema(given) then return given end
  local properties, required = {}, {}
  for name, each in pairs(given) do
    if type(name) ~= "string" then error("a field has no name: { address = \"string\" }", 0) end
    local is_required
    properties[name], is_required = of_field(name, each)
    if is_required then required[#required + 1] = name end
  end
  table.sort(required)
  return { type = "object", properties = properties, required = json.array(required), additionalProperties = false }
end

-- Checking -----------------------------------------------------------------------------------------------------------

local function is_list(value) return type(value) == "table" and (getmetatable(value) == json.array_mt or #value > 0) end

local has_type = {
  string = function(value) return type(value) == "string" end,
  number = function(value) return type(value) == "number" end,
  integer = function(value) return type(value) == "number" and value == math.floor(value) end,
  boolean = function(value) return type(value) == "boolean" end,
  array = is_list,
  object = function(value) return type(value) == "table" and not is_list(value) end,
  null = function(value) return value == json.null end,
}

local function kinds_of(wanted)
  if type(wanted) == "table" then return wanted end
  return { wanted }
end

local function type_fault(about, value)
  if about.type == nil then return nil end
  local kinds = kinds_of(about.type)
  for _, kind in ipairs(kinds) do
    if not has_type[kind] or has_type[kind](value) then return nil end
  end
  return ("must be %s, not %s"):format(table.concat(kinds, " or "), is_list(value) and "array" or type(value))
end

local function enum_fault(about, value)
  if type(about.enum) ~= "table" then return nil end
  local shown = {}
  for i, each in ipairs(about.enum) do
    if each == value then return nil end
    shown[i] = tostring(each)
  end
  return ("must be one of: %s"):format(table.concat(shown, ", "))
end

-- Letters, not bytes.
local function length_of(value)
  if type(value) ~= "string" then return #value end
  return select(2, value:gsub("[^\128-\191]", ""))
end

local function limit_fault(about, value)
  if type(value) == "number" then
    if about.minimum and value < about.minimum then return ("must be at least %s"):format(about.minimum) end
    if about.maximum and value > about.maximum then return ("must be at most %s"):format(about.maximum) end
    return nil
  end
  if type(value) ~= "string" and not is_list(value) then return nil end
  local least, most = about.minLength or about.minItems, about.maxLength or about.maxItems
  if least and length_of(value) < least then return ("is shorter than %d"):format(least) end
  if most and length_of(value) > most then return ("is longer than %d"):format(most) end
end

local check

local function inside_fault(path, about, value)
  for _, name in ipairs(about.required or {}) do
    if value[name] == nil then
      local field = (about.properties or {})[name] or {}
      return ("'%s%s' is missing (%s)"):format(path, name, table.concat(kinds_of(field.type or "any"), " or "))
    end
  end
  for name, each in pairs(value) do
    local field = (about.properties or {})[name]
    if field then
      local why = check(path .. name, field, each)
      if why then return why end
    elseif about.additionalProperties == false then
      return (options.unknown(path .. tostring(name), about.properties or {}))
    end
  end
end

local function items_fault(path, about, value)
  for i, each in ipairs(value) do
    local why = check(("%s[%d]"):format(path, i), about.items, each)
    if why then return why end
  end
end

function check(path, about, value)
  local why = type_fault(about, value) or enum_fault(about, value) or limit_fault(about, value)
  if why then return ("'%s' %s"):format(path, why) end
  if type(value) ~= "table" then return nil end
  if is_list(value) then return about.items and items_fault(path, about, value) end
  return inside_fault(path .. ".", about, value)
end

---What is wrong with the arguments of a function.
---@param about table  JSON Schema of an object
---@param value any
---@return string|nil fault  nil: nothing; else a sentence that names the field
function schema.fault(about, value)
  if type(value) ~= "table" or is_list(value) then return "the arguments must be an object" end
  return inside_fault("", about, value)
end

return schema
