-- callisto.service.api: the HTTP API, a table of routes.
--
-- A row says everything about one route. From the table come routing, 405, what is checked, and the OpenAPI document at
-- /openapi.json, of which docs/rest.md is made.
--
--   { "POST", "/api/calls/outbound", says = "Places a call.", body = { … }, gives = { … }, run = … }

local core = require "callisto.core"
local http = require "callisto.http"
local door = require "callisto.service.api.door"
local doors = require "callisto.service.doors"
local given = require "callisto.service.api.given"
local openapi = require "callisto.service.api.openapi"

---@class callisto.ApiRoute
---@field [1] "GET"|"POST"
---@field [2] string  path; {name} is a segment, described in `path`
---@field says string  what it does, a sentence
---@field path table<string, string>|nil  what the path's parameters are
---@field query table<string, table>|nil  fields of the query, as of callisto.options
---@field body table<string, table>|nil  fields of the JSON body
---@field status integer|nil  of success [200]
---@field gives table<string, table>  fields of the answer, which is a JSON object
---@field refuses table<integer, string>|nil  statuses of its own refusals
---@field begins_call boolean|nil  it waits behind what live calls need, and is refused when there is no time for it
---@field run fun(request: table, given: table): table|nil  answers; nil: another service VM does

local api = {}

local TABLES = { "callisto.service.api.calls", "callisto.service.api.code", "callisto.service.api.agents" }

local function rows()
  local all = {}
  for _, name in ipairs(TABLES) do
    for _, row in ipairs(require(name)) do all[#all + 1] = row end
  end
  return all
end

local function handler(row)
  return function(request)
    local refusal = door.refusal_of(request.message)
    if refusal then return refusal end
    local values
    values, refusal = given.read(row, request.message)
    if not values then return refusal end
    return row.run(request, values)
  end
end

---Adds the routes of the API.
---@param routes callisto.Routes
function api.add(routes)
  local all = rows()
  for _, row in ipairs(all) do
    routes:add(row[1], row[2], handler(row))
    if row.begins_call then assert(core.doors(doors.of_order(row[1], row[2]))) end
  end
  routes:add("GET", "/openapi.json", function() return http.json(200, openapi.document(all)) end)
end

return api
