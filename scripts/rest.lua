-- docs/rest.md: the page about the HTTP API, made of the OpenAPI document that the service gives at /openapi.json.
--
-- Run by scripts/rest; spec/house/rest_spec.lua compares the page with what this writes.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local rest = { PAGE = "docs/rest.md" }

local HEAD = [[
# The HTTP API

Requests and answers are JSON. What is wrong is an `application/problem+json` (RFC 9457) whose `detail` says what and what to do;
its `field` names the field. The same, for programs, is the OpenAPI document at `/openapi.json`.

**Who may.** With keys (`CALLISTO_API_KEYS`, or `api_keys` of `callisto.lua`) every request says `Authorization: Bearer …`.
Without keys only this machine is served, and only by a server that listens on a loopback address (`--host 127.0.0.1`) and
whose `PUBLIC_BASE_URL`, if it has one, is on this machine; what it is, it says when it starts. The connection comes from
loopback, no header says that a proxy was between (`Forwarded`, `Via`, `X-Forwarded-…`, `X-Real-IP`, `CF-…` and their like), the
`Host` is `localhost` or a loopback address, and no page of another site sent it (`Origin`). The refusal says which of these it
was. Behind a proxy or a tunnel there must be keys.

A slash at the end of a path changes nothing. Other methods than those below get 405 with `Allow`. Fields that are not below are
refused. A node that is too busy to answer within a second says 503 with `Retry-After`, to orders and questions alike.

Made by `scripts/rest` from the table of routes (`lua/callisto/service/api`).
]]

local function sorted(set)
  local names = {}
  for name in pairs(set or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- A line of a table of fields.
local function line(name, schema, is_required, says)
  local about = { says or schema.description }
  if schema.enum then about[#about + 1] = "`" .. table.concat(schema.enum, "`, `") .. "`" end
  if schema.minimum or schema.maximum then
    about[#about + 1] = ("%s to %s"):format(schema.minimum or "…", schema.maximum or "…")
  end
  if schema.default then about[#about + 1] = ("[%s]"):format(tostring(schema.default)) end
  return ("| `%s`%s | %s | %s |"):format(name, is_required and " (needed)" or "", schema.type, table.concat(about, "; "))
end

local function fields(title, schema, add)
  local required = {}
  for _, name in ipairs(schema.required or {}) do required[name] = true end
  if not next(schema.properties or {}) then return end
  add(("\n| %s | | |\n|---|---|---|"):format(title))
  for _, name in ipairs(sorted(schema.properties)) do add(line(name, schema.properties[name], required[name])) end
end

local function parameters(operation, add)
  if not operation.parameters then return end
  add "\n| in the path or the query | | |\n|---|---|---|"
  for _, each in ipairs(operation.parameters) do
    add(line(each.name, each.schema, each.required and each["in"] == "query", each.description))
  end
end

-- 401 and 403 are the same for all and stand above.
local function refusals(operation, add)
  local parts = {}
  for _, status in ipairs(sorted(operation.responses)) do
    if status >= "400" and status ~= "401" and status ~= "403" then
      parts[#parts + 1] = ("%s: %s"):format(status, operation.responses[status].description)
    end
  end
  if #parts > 0 then add("\n" .. table.concat(parts, ". ") .. ".") end
end

local function operation_of(method, path, operation, add)
  add(("\n## %s %s\n\n%s"):format(method:upper(), path, operation.summary))
  parameters(operation, add)
  if operation.requestBody then fields("in the body", operation.requestBody.content["application/json"].schema, add) end
  for _, status in ipairs(sorted(operation.responses)) do
    local response = operation.responses[status]
    if status < "400" then fields(status, response.content["application/json"].schema, add) end
  end
  refusals(operation, add)
end

---The page of an OpenAPI document.
---@param document table
---@return string
function rest.page(document)
  local parts = { (HEAD:gsub("\n$", "")) }
  local function add(text) parts[#parts + 1] = text end
  for _, path in ipairs(sorted(document.paths)) do
    for _, method in ipairs(sorted(document.paths[path])) do operation_of(method, path, document.paths[path][method], add) end
  end
  return table.concat(parts, "\n") .. "\n"
end

---The document as a service gives it.
---@return table
function rest.document()
  local world = exchange.open {}
  local answer = assert(world:fetch { method = "GET", url = "https://app.test/openapi.json" })
  world:close()
  return assert(json.decode(answer.body))
end

return rest
