-- callisto.service.api.openapi: the table of routes as an OpenAPI document.

local json = require "callisto.json"

local openapi = {}

local types = {
  string = { type = "string" }, integer = { type = "integer" }, number = { type = "number" }, boolean = { type = "boolean" },
  map = { type = "object" }, list = { type = "array", items = json.decode "{}" },
}

local function sorted(set)
  local list = json.array {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function schema_of(field)
  local schema = {}
  for name, value in pairs(types[field[1]]) do schema[name] = value end
  schema.minimum, schema.maximum = field.min, field.max
  if type(field.default) == "number" then schema.default = field.default end
  schema.enum = field.values and sorted(field.values)
  local says = field.says
  if field.also then says = ("%s; also called %s"):format(says, table.concat(field.also, ", ")) end
  schema.description = says
  return schema
end

local function object_of(fields)
  local properties, required = json.decode "{}", {}
  for name, field in pairs(fields) do
    properties[name] = schema_of(field)
    if field.required then required[name] = true end
  end
  return { type = "object", properties = properties, required = next(required) and sorted(required) or nil }
end

local function content(kind, schema) return { [kind] = { schema = schema } } end

local function parameters_of(row)
  local list = json.array {}
  for name, says in pairs(row.path or {}) do
    list[#list + 1] = { name = name, ["in"] = "path", required = true, description = says, schema = { type = "string" } }
  end
  for name, field in pairs(row.query or {}) do
    local schema = schema_of(field)
    local says = schema.description
    schema.description = nil
    list[#list + 1] = { name = name, ["in"] = "query", required = field.required or false, description = says, schema = schema }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return #list > 0 and list or nil
end

local function problem(says)
  return { description = says, content = content("application/problem+json", { ["$ref"] = "#/components/schemas/Problem" }) }
end

local function responses_of(row)
  local all = {
    [tostring(row.status or 200)] = { description = "done", content = content("application/json", object_of(row.gives)) },
    ["401"] = problem "the API key is missing or wrong",
    ["403"] = problem "there are no API keys, and the request is not one of this machine's own",
  }
  if row.body then
    all["400"] = problem "the body is not a JSON object"
    all["415"] = problem "the body is not application/json"
  end
  if row.body or row.query then all["422"] = problem "a field is missing, unknown or wrong; `field` names it" end
  for status, says in pairs(row.refuses or {}) do
    local before = all[tostring(status)]
    all[tostring(status)] = problem(before and before.description .. ", or " .. says or says)
  end
  return all
end

local function operation_of(row)
  return {
    summary = row.says,
    parameters = parameters_of(row),
    requestBody = row.body and { content = content("application/json", object_of(row.body)) } or nil,
    responses = responses_of(row),
  }
end

local PROBLEM = object_of {
  type = { "string" }, title = { "string" }, status = { "integer" },
  detail = { "string", says = "what is wrong and what to do" },
  field = { "string", says = "the field that is wrong" },
}

---@param rows callisto.ApiRoute[]
---@return table document  OpenAPI 3.1
function openapi.document(rows)
  local paths = {}
  for _, row in ipairs(rows) do
    paths[row[2]] = paths[row[2]] or {}
    paths[row[2]][row[1]:lower()] = operation_of(row)
  end
  return {
    openapi = "3.1.0",
    info = { title = "Callisto", version = "1", description = "Places telephone calls, lists them, and exchanges their code." },
    paths = paths,
    security = json.array { { key = json.array {} } },
    components = {
      schemas = { Problem = PROBLEM },
      securitySchemes = {
        key = { type = "http", scheme = "bearer", description = "an API key; not needed where there are none" },
      },
    },
  }
end

return openapi
