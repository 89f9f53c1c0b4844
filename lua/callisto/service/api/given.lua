-- callisto.service.api.given: what a request gives, checked against the fields of its route. What is wrong is answered with the
-- name of the field.

local http = require "callisto.http"
local json = require "callisto.json"
local options = require "callisto.options"
local outside = require "callisto.service.outside"

local given = {}

local function wrong(why, field) return http.problem(422, why, { field = field }) end

-- Fields may have had other names: { "string", also = { "template" } }.
local function named(values, fields)
  local plain = {}
  for name, value in pairs(values) do plain[name] = value end
  for name, field in pairs(fields) do
    for _, other in ipairs(field.also or {}) do
      if plain[name] == nil then plain[name] = plain[other] end
      if not fields[other] then plain[other] = nil end
    end
  end
  return plain
end

local function checked(what, values, fields)
  local read, why, field = options.try(what, named(values, fields), fields)
  if not read then return nil, wrong(why, field) end
  return read
end

local function read_query(row, message)
  local values = {}
  for name, value in pairs(http.query_of(message)) do
    local field = row.query[name]
    values[name] = field and field[1] == "integer" and tonumber(value) or value
  end
  return checked("query", outside.clean("a client", values), row.query)
end

local function read_body(row, message)
  local body = message.body or ""
  if body == "" and not next(row.body) then return {} end
  if body ~= "" and http.type_of(message) ~= "application/json" then
    return nil, http.problem(415, "the body must be application/json")
  end
  local value, why = json.decode(body == "" and "{}" or body)
  if type(value) ~= "table" or getmetatable(value) == json.array_mt then
    why = why or "it is a " .. (type(value) == "table" and "list" or type(value))
    return nil, http.problem(400, "the body is not a JSON object: " .. why)
  end
  return checked("body", value, row.body)
end

---Reads a request as its route wants it.
---@param row callisto.ApiRoute
---@param message table
---@return table|nil values, table? refusal
function given.read(row, message)
  if row.body then return read_body(row, message) end
  if row.query then return read_query(row, message) end
  return {}
end

---A check for fields that are JSON objects.
---@param value table
---@return string|nil why
function given.is_object(value)
  if getmetatable(value) == json.array_mt then return "must be an object, not a list" end
end

return given
