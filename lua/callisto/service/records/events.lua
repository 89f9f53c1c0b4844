-- callisto.service.records.events: what happened in a call, in its order. Nothing of it is ever changed.

local core = require "callisto.core"
local json = require "callisto.json"
local statement = require "callisto.service.records.statement"

local events = {}

---Something happened in a call.
---@param call_id string
---@param kind string
---@param data table|nil
function events.add(call_id, kind, data) core.fact_of(call_id, kind, json.encode(data or {})) end

---@param call_id string
---@return table[]|nil rows, string? message, string? code
function events.of(call_id)
  return statement.ask("SELECT at_ms, kind, data FROM events WHERE call_id = $1 ORDER BY seq LIMIT 5000", { call_id }, 1)
end

return events
