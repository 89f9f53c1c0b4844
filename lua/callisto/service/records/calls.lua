-- callisto.service.records.calls: the rows of calls, written and read back.

local core = require "callisto.core"
local json = require "callisto.json"
local statement = require "callisto.service.records.statement"

local now_ms, write = statement.now_ms, statement.write

local calls = {}

local INSERT = [[
INSERT INTO calls (id, direction, carrier, carrier_call_id, template, generation, from_number, to_number, lead_id,
  payload, node, created_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)]]

---A call begins. Waits until it is written. The row of an inbound call that cannot be written now is written later.
---@param call callisto.LiveCall
---@return table|nil rows, string? message, string? code  "EEXIST": the carrier's call is known already
function calls.begin(call)
  local status = core.status()
  return statement.ask(INSERT, {
    call.id, call.direction, call.carrier, call.carrier_call, call.template.name, status.digest or "",
    call.from, call.to, call.lead, json.encode(call.payload or {}), status.node or "", now_ms(),
  }, 12, call.direction == "INBOUND")
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
function calls.refused(about, carrier, template, reason)
  write("a call that was turned away", REFUSED,
    { core.id("c"), carrier, about.carrier_call, template, about.from, about.to, reason, now_ms() }, 8)
end

---@param call callisto.LiveCall
function calls.set_carrier_call(call)
  write("the carrier's call id", "UPDATE calls SET carrier_call_id = $2 WHERE id = $1", { call.id, call.carrier_call }, 2)
end

---The call was answered. The first answer counts.
---@param call callisto.LiveCall
function calls.answered(call)
  write("an answer", "UPDATE calls SET answered_at_ms = COALESCE(answered_at_ms, $2) WHERE id = $1", { call.id, now_ms() }, 2)
end

local fact_columns = {
  platform = { "platform_status = $2, platform_reason = $3", "status", "reason" },
  provider = { "provider_status = $2, provider_reason = $3, provider_hangup_cause = $4", "status", "reason", "cause" },
  session_end = { "session_end_reason = $2", "reason" },
  agent_outcome = { "agent_outcome = $2, agent_outcome_source = $3", "word", "source" },
}

---A fact that counts for the outcome is put into the call's row. Other kinds change nothing.
---@param id string
---@param kind string
---@param data table
function calls.note(id, kind, data)
  local columns = fact_columns[kind]
  if not columns then return end
  local values, count = { id }, #columns
  for i = 2, count do values[i] = data[columns[i]] end
  write("a fact", ("UPDATE calls SET %s WHERE id = $1"):format(columns[1]), values, count)
end

---A call is over. Twice is harmless.
---@param id string
---@param state "COMPLETED"|"FAILED"
---@param outcome string
function calls.finish(id, state, outcome)
  write("the end of a call",
    "UPDATE calls SET state = $2, outcome = $3, ended_at_ms = $4 WHERE id = $1 AND state = 'IN_PROGRESS'",
    { id, state, outcome, now_ms() }, 4)
end

local DELETE = [[
DELETE FROM calls WHERE id IN (
  SELECT c.id FROM calls c
  WHERE c.ended_at_ms < $1 AND c.state <> 'IN_PROGRESS' AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.call_id = c.id)
  ORDER BY c.ended_at_ms LIMIT $2)
RETURNING id]]

---Deletes calls that ended before a time, with their legs, events and transcript. Those that have a recording stay.
---@param before_ms number
---@param most integer
---@return {id: string}[]|nil rows, string? message, string? code
function calls.delete_older(before_ms, most) return statement.ask(DELETE, { before_ms, most }, 2) end

local CALL = [[
SELECT id, direction, carrier, carrier_call_id, template, generation, from_number, to_number, lead_id, state, outcome,
  platform_status, platform_reason, provider_status, provider_reason, provider_hangup_cause, session_end_reason,
  agent_outcome, agent_outcome_source, payload, created_at_ms, answered_at_ms, ended_at_ms
FROM calls]]

---@param id string
---@return table|nil row, string? message, string? code
function calls.find(id)
  local rows, message, code = statement.ask(CALL .. " WHERE id = $1", { id }, 1)
  if not rows then return nil, message, code end
  return rows[1]
end

---Our id of a carrier's call, live or over.
---@param carrier string
---@param carrier_call string
---@return string|nil id, string? message, string? code
function calls.id_of(carrier, carrier_call)
  local rows, message, code = statement.ask("SELECT id FROM calls WHERE carrier = $1 AND carrier_call_id = $2 LIMIT 1",
    { carrier, carrier_call }, 2)
  if not rows then return nil, message, code end
  return rows[1] and rows[1].id
end

---Calls, the latest first.
---@param filter {state: string|nil, direction: string|nil, before_ms: number|nil, limit: integer}
---@return table[]|nil rows, string? message, string? code
function calls.list(filter)
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
  return statement.ask(sql, values, #values)
end

return calls
