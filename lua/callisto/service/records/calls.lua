-- callisto.service.records.calls: what the service writes about calls to the store, and reads back. All SQL of the service is here.

local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"
local task = require "callisto.task"

local records = {}

local function now_ms() return math.floor(core.wall() * 1000) end

---Runs a statement and waits for its rows.
---@param sql string
---@param values any[]
---@param count integer
---@return table[]|nil rows, string? message, string? code
function records.query(sql, values, count)
  local number, message, code = core.store(sql, values, count)
  if not number then return nil, message, code end
  return task.answer("stored", number, 30)
end

-- Runs a statement nobody waits for; its failure is logged.
local function write(what, sql, values, count)
  local number, message = core.store(sql, values, count)
  if not number then
    log.error(("the store refused %s: %s"):format(what, message))
    return
  end
  task.start(function()
    local rows, why = task.answer("stored", number, 60)
    if not rows then log.error(("the store failed at %s: %s"):format(what, why)) end
  end)
end

local INSERT = [[
INSERT INTO calls (id, direction, carrier, carrier_call_id, template, generation, from_number, to_number, lead_id,
  payload, node, created_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)]]

---A call begins. Waits until it is written.
---@param call callisto.LiveCall
---@return table|nil rows, string? message, string? code  "EEXIST": the carrier's call is known already
function records.begin(call)
  local status = core.status()
  return records.query(INSERT, {
    call.id, call.direction, call.carrier, call.carrier_call, call.template.name, status.digest or "",
    call.from, call.to, call.lead, json.encode(call.payload or {}), status.node or "", now_ms(),
  }, 12)
end

local REFUSED = [[
INSERT INTO calls (id, direction, carrier, carrier_call_id, template, from_number, to_number, state, outcome,
  platform_status, platform_reason, created_at_ms, ended_at_ms)
VALUES ($1, 'INBOUND', $2, $3, $4, $5, $6, 'FAILED', $7, 'NOT_INITIATED', $7, $8, $8)]]

---An inbound call that was turned away.
---@param about callisto.InboundCall
---@param carrier string
---@param template string
---@param reason string
function records.refused(about, carrier, template, reason)
  write("a call that was turned away", REFUSED,
    { core.id("c"), carrier, about.carrier_call, template, about.from, about.to, reason, now_ms() }, 8)
end

---@param call callisto.LiveCall
function records.set_carrier_call(call)
  write("the carrier's call id", "UPDATE calls SET carrier_call_id = $2 WHERE id = $1", { call.id, call.carrier_call }, 2)
end

---The call was answered. The first answer counts.
---@param call callisto.LiveCall
function records.answered(call)
  write("an answer", "UPDATE calls SET answered_at_ms = COALESCE(answered_at_ms, $2) WHERE id = $1", { call.id, now_ms() }, 2)
end

local fact_columns = {
  platform = { "platform_status = $2, platform_reason = $3", "status", "reason" },
  provider = { "provider_status = $2, provider_reason = $3, provider_hangup_cause = $4", "status", "reason", "cause" },
  session_end = { "session_end_reason = $2", "reason" },
  agent_outcome = { "agent_outcome = $2, agent_outcome_source = $3", "word", "source" },
}

---A fact that counts for the outcome becomes known: it is appended to the call's events and put into its row.
---@param id string
---@param kind string
---@param data table
---@param is_written boolean|nil  the event itself is in the store already
function records.fact(id, kind, data, is_written)
  if not is_written then core.fact_of(id, kind, json.encode(data)) end
  local columns = fact_columns[kind]
  if not columns then return end
  local values, count = { id }, #columns
  for i = 2, count do values[i] = data[columns[i]] end
  write("a fact", ("UPDATE calls SET %s WHERE id = $1"):format(columns[1]), values, count)
end

---Something happened that only the event log keeps.
---@param id string
---@param kind string
---@param data table|nil
function records.event(id, kind, data) core.fact_of(id, kind, json.encode(data or {})) end

---A call is over. Twice is harmless.
---@param id string
---@param state "COMPLETED"|"FAILED"
---@param outcome string
function records.finish(id, state, outcome)
  write("the end of a call",
    "UPDATE calls SET state = $2, outcome = $3, ended_at_ms = $4 WHERE id = $1 AND state = 'IN_PROGRESS'",
    { id, state, outcome, now_ms() }, 4)
end

local CALL = [[
SELECT id, direction, carrier, carrier_call_id, template, generation, from_number, to_number, lead_id, state, outcome,
  platform_status, platform_reason, provider_status, provider_reason, provider_hangup_cause, session_end_reason,
  agent_outcome, agent_outcome_source, payload, created_at_ms, answered_at_ms, ended_at_ms
FROM calls]]

---@param id string
---@return table|nil row, string? message, string? code
function records.call(id)
  local rows, message, code = records.query(CALL .. " WHERE id = $1", { id }, 1)
  if not rows then return nil, message, code end
  return rows[1]
end

---@param id string
---@return table[]|nil rows, string? message, string? code
function records.transcript(id)
  return records.query(
    "SELECT seq, at_ms, who, text, heard_text, interrupted FROM transcript WHERE call_id = $1 ORDER BY seq LIMIT 5000", { id }, 1)
end

---@param id string
---@return table[]|nil rows, string? message, string? code
function records.events(id)
  return records.query("SELECT at_ms, kind, data FROM events WHERE call_id = $1 ORDER BY seq LIMIT 5000", { id }, 1)
end

---Calls, the latest first.
---@param filter {state: string|nil, direction: string|nil, before_ms: number|nil, limit: integer}
---@return table[]|nil rows, string? message, string? code
function records.calls(filter)
  local where, values = {}, {}
  local function add(condition, value)
    if value == nil then return end
    values[#values + 1] = value
    where[#where + 1] = condition:format(#values)
  end
  add("state = $%d", filter.state)
  add("direction = $%d", filter.direction)
  add("template = $%d", filter.template)
  add("created_at_ms < $%d", filter.before_ms)
  values[#values + 1] = filter.limit
  local sql = ("%s%s ORDER BY created_at_ms DESC, id DESC LIMIT $%d"):format(CALL,
    #where > 0 and " WHERE " .. table.concat(where, " AND ") or "", #values)
  return records.query(sql, values, #values)
end

return records
