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

-- So many ids in a statement; the store takes at most 64 values (core/store/request.h).
local IDS = 60

local function some_of(ids, first, last, kinds)
  local places, values = {}, {}
  for i = first, last do
    values[#values + 1] = ids[i]
    places[#places + 1] = "$" .. #values
  end
  local sql = "SELECT call_id, kind, data FROM events WHERE call_id IN (%s) AND kind IN ('%s') ORDER BY seq"
  return statement.ask(sql:format(table.concat(places, ", "), table.concat(kinds, "', '")), values, #values)
end

---What happened in several calls, of some kinds.
---@param ids string[]
---@param kinds string[]  ours, never a stranger's words
---@return table<string, {kind: string, data: table}[]>|nil by_call, string? message, string? code
function events.of_calls(ids, kinds)
  local by_call = {}
  for first = 1, #ids, IDS do
    local rows, message, code = some_of(ids, first, math.min(first + IDS - 1, #ids), kinds)
    if not rows then return nil, message, code end
    for _, row in ipairs(rows) do
      local list = by_call[row.call_id] or {}
      by_call[row.call_id] = list
      list[#list + 1] = { kind = row.kind, data = json.decode(row.data or "{}") or {} }
    end
  end
  return by_call
end

return events
