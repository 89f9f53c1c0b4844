-- callisto.options: tables that people write, checked against what they may contain.
--
-- A field is described in one line: { "duration", default = "7s", required = true, values = { … }, min = …, max = … }.
-- Of a table inside the table, `fields` describes its own fields, or `each` what every value in it is, to any depth.
-- What is wrong is an error that names the field and, for a misspelled one, the field that was probably meant. `level`
-- places the error at the line of the table's author, as for Lua's own `error`.

local duration = require "callisto.duration"

local options = {}

---Number of letters to add, drop, change or swap to get from one word to the other.
---@param a string
---@param b string
---@return integer
function options.distance(a, b)
  a, b = a:sub(1, 64), b:sub(1, 64)
  local before, row = {}, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local earlier = before
    before, row = row, { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], earlier[j - 2] + 1)
      end
    end
  end
  return row[#b]
end

---The known name that is most like this one, if any is like it at all.
---@param name string
---@param known table<string, any>  names are its keys
---@return string|nil
function options.nearest(name, known)
  local best, least
  for each in pairs(known) do
    if type(each) == "string" then
      local distance = options.distance(name:lower(), each:lower())
      if not least or distance < least or (distance == least and each < best) then best, least = each, distance end
    end
  end
  if best and least <= math.max(1, math.floor(math.min(#name, #best) / 3)) then return best end
end

---A sentence about an unknown name: what was probably meant, else what there is.
---@param name any
---@param known table<string, any>
---@return string
function options.unknown(name, known)
  local near = options.nearest(tostring(name), known)
  if near then return ("unknown field '%s'; did you mean '%s'?"):format(tostring(name), near) end
  local list = {}
  for each in pairs(known) do list[#list + 1] = tostring(each) end
  table.sort(list)
  return ("unknown field '%s'; there are: %s"):format(tostring(name), table.concat(list, ", "))
end

local function is_list(value)
  if type(value) ~= "table" then return false end
  for key in pairs(value) do
    if type(key) ~= "number" then return false end
  end
  return true
end

local checks = {
  integer = function(value) return type(value) == "number" and value == math.floor(value) end,
  list = is_list,
  map = function(value) return type(value) == "table" end,
  any = function(value) return value ~= nil end,
  callable = function(value)
    local meta = getmetatable(value)
    return type(value) == "function" or (type(meta) == "table" and meta.__call ~= nil)
  end,
}

local function has_type(value, wanted)
  local check = checks[wanted]
  if check then return check(value) end
  return type(value) == wanted
end

local function check_value(value, spec)
  local wanted = spec[1]
  if wanted == "duration" then
    local seconds, why = duration.parse(value)
    if not seconds then return nil, why end
    value = seconds
  else
    local fits = false
    for each in wanted:gmatch("%a+") do fits = fits or has_type(value, each) end
    if not fits then return nil, ("must be %s, not %s"):format(wanted:gsub("|", " or "), type(value)) end
  end
  if spec.values and not spec.values[value] then return nil, options.unknown(value, spec.values):gsub("field", "value") end
  if spec.min and value < spec.min then return nil, ("must be at least %s, not %s"):format(spec.min, tostring(value)) end
  if spec.max and value > spec.max then return nil, ("must be at most %s, not %s"):format(spec.max, tostring(value)) end
  if spec.check then
    local why = spec.check(value)
    if why then return nil, why end
  end
  return value
end

-- A value, and what is inside it.
local function check_at(what, name, given, spec)
  local value, why = check_value(given, spec)
  if value == nil then return nil, ("%s: '%s' %s"):format(what, name, why) end
  if type(value) ~= "table" then return value end
  local inside = ("%s: %s"):format(what, name)
  if spec.fields then return options.try(inside, value, spec.fields) end
  if not spec.each then return value end
  local values = {}
  for key, each in pairs(value) do
    values[key], why = check_at(inside, tostring(key), each, spec.each)
    if values[key] == nil then return nil, why end
  end
  return values
end

---Reads a table as its fields describe it: unknown names and wrong values are refused, defaults filled in, durations
---turned into seconds. The fields of a list are called 1, 2 ….
---@param what string  how the table is called in messages, such as "template"
---@param given table|nil
---@param fields table<any, table>
---@return table|nil values, string? message, string? field  the one that is wrong
function options.try(what, given, fields)
  if given == nil then given = {} end
  if type(given) ~= "table" then return nil, ("%s must be a table, not %s"):format(what, type(given)) end
  for name in pairs(given) do
    if not fields[name] then return nil, ("%s: %s"):format(what, options.unknown(name, fields)), tostring(name) end
  end
  local values = {}
  for name, spec in pairs(fields) do
    local value = given[name]
    if value == nil then value = spec.default end
    if value == nil and spec.required then return nil, ("%s: '%s' is missing (%s)"):format(what, name, spec[1]), name end
    if value ~= nil then
      local checked, why = check_at(what, name, value, spec)
      if checked == nil then return nil, why, name end
      values[name] = checked
    end
  end
  return values
end

---As `try`, but what is wrong is an error at the caller's caller.
---@param what string
---@param given table|nil
---@param fields table<any, table>
---@param level integer|nil  2: who called the function that calls this (the default)
---@return table values
function options.read(what, given, fields, level)
  local values, why = options.try(what, given, fields)
  if not values then error(why, (level or 2) + 1) end
  return values
end

return options
