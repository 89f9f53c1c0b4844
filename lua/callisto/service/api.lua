-- callisto.service.api: the REST interface about calls.

local core = require "callisto.core"
local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local live_call = require "callisto.service.live_call"
local events = require "callisto.service.records.events"
local legs = require "callisto.service.records.legs"
local records = require "callisto.service.records.calls"
local transcript = require "callisto.service.records.transcript"
local settings = require "callisto.settings"
local task = require "callisto.task"

local api = {}

-- How long the answer to "call this number" waits for the carrier's.
local DIAL_S = 8

-- Who may -----------------------------------------------------------------------------------------------------------

local function is_key(given, key)
  local digest = key:match("^sha256:(%x+)$") or crypto.hex(crypto.digest("sha256", key))
  return crypto.equal(crypto.hex(crypto.digest("sha256", given)), digest:lower())
end

local function refusal_of(message)
  local keys = settings.api_keys()
  if #keys == 0 then
    if settings.is_loopback(message.peer) and not message.headers["x-forwarded-for"] then return nil end
    return http.problem(403, "no api_keys are configured, so only requests from this machine are served")
  end
  local given = (message.headers.authorization or ""):match("^[Bb]earer%s+(%S+)$")
  local is_right = false
  for _, key in ipairs(keys) do
    if given and is_key(given, key) then is_right = true end
  end
  if is_right then return nil end
  return http.problem(401, "a valid API key is needed: Authorization: Bearer …", nil, { ["www-authenticate"] = "Bearer" })
end

local function allowed(fn)
  return function(request) return refusal_of(request.message) or fn(request) end
end

-- Outbound calls ---------------------------------------------------------------------------------------------------

local function body_of(message)
  if http.type_of(message) ~= "application/json" then return nil, http.problem(415, "the body must be application/json") end
  local body, why = json.decode(message.body or "")
  if type(body) ~= "table" then
    return nil, http.problem(400, "the body is not a JSON object: " .. tostring(why or type(body)))
  end
  return body
end

local function text_of(value) return type(value) == "string" and value ~= "" and value or nil end

-- The number in any common spelling, as E.164; nil when it is none.
local function phone_of(value)
  local number = text_of(value) and value:gsub("[%s%-().]", "")
  return number and number:match("^%+[1-9]%d%d%d%d%d%d%d?%d?%d?%d?%d?%d?%d?%d?$")
end

local function agent_of(body)
  local name = text_of(body.agent_name) or text_of(body.template) or text_of(body.agent) or text_of(body.agent_id)
  if not name then return nil, http.problem(422, "'agent_name' is missing") end
  local agent = catalog.find(name)
  if not agent then return nil, http.problem(404, ("there is no agent '%s'"):format(name)) end
  return agent
end

local function without_nulls(values)
  local clean = {}
  for name, value in pairs(values) do
    if value ~= json.null then clean[name] = value end
  end
  return clean
end

local function payload_of(body, agent)
  local given = body.payload or body.variables or {}
  if given == json.null then given = {} end
  if type(given) ~= "table" then return nil, http.problem(422, "'payload' must be an object") end
  local payload = without_nulls(given)
  local ok, why = agent.template:accepts(payload)
  if not ok then return nil, http.problem(422, "payload: " .. why) end
  return payload
end

-- Settings of this call alone, over those of callisto.lua.
local function settings_of(body)
  local given = body.settings
  if given == nil or given == json.null then return {} end
  if type(given) ~= "table" or #given > 0 then return nil, http.problem(422, "'settings' must be an object") end
  return without_nulls(given)
end

local function carrier_of(body)
  local name = text_of(body.provider) or settings.default_carrier()
  local adapter = catalog.carrier(name:lower())
  if not adapter then return nil, http.problem(422, ("there is no carrier '%s'"):format(name)) end
  if not adapter.place then return nil, http.problem(422, adapter.name .. " places no calls") end
  local account, why = settings.account(adapter)
  if not account then return nil, http.problem(503, why) end
  return adapter, account
end

local function order_of(body)
  local agent, refusal = agent_of(body)
  if not agent then return nil, refusal end
  local to = phone_of(body.to)
  if not to then
    return nil, http.problem(422, body.to == nil and "'to' is missing: the number to call, such as +14155550123"
      or "'to' must be a number such as +14155550123")
  end
  local payload
  payload, refusal = payload_of(body, agent)
  if not payload then return nil, refusal end
  local own
  own, refusal = settings_of(body)
  if not own then return nil, refusal end
  local adapter, account = carrier_of(body)
  if not adapter then return nil, account end
  local from = phone_of(body.from) or account.number
  if not from then
    return nil, http.problem(503, ("%s is not set and 'from' is missing: there is no number to call from"):format(
      adapter.environment.number or "the carrier's number"))
  end
  return {
    direction = "OUTBOUND", adapter = adapter, account = account, agent = agent, from = from, to = to, payload = payload,
    settings = own,
    ring = agent.template.ring, lead = text_of(body.request_id),
  }
end

local function is_settled(call) return call.dialled or call.is_finished or call.is_refused end

local function place_call(request)
  if core.status().draining then return http.problem(503, "the service is draining", nil, { ["retry-after"] = "30" }) end
  local body, refusal = body_of(request.message)
  if not body then return refusal end
  local base, why = settings.public_url()
  if not base then return http.problem(503, why) end
  local order
  order, refusal = order_of(body)
  if not order then return refusal end
  local call, message, code = calls.open(order)
  if not call then return http.problem(503, message, { code = code }, { ["retry-after"] = "5" }) end
  local at = core.now() + DIAL_S
  while not is_settled(call) and core.now() < at do task.wait(call, at - core.now()) end
  call.is_given_up = not call.is_written
  if call.is_refused or call.is_given_up then
    return http.problem(503, "the call could not be written down, so it was not dialled", { id = call.id },
      { ["retry-after"] = "5" })
  end
  if call.dialled == "not_placed" then
    return http.problem(502, ("%s refused the call: %s"):format(call.carrier, call.refusal.message),
      { id = call.id, code = call.refusal.code, retryable = call.refusal.retryable })
  end
  return http.json(201, {
    id = call.id, call_id = call.id, status = call.dialled or "queued", state = "in_progress",
    carrier = call.carrier, carrier_call_id = call.carrier_call, to = call.to, from = call.from, agent_name = call.agent,
  })
end

-- Reading ----------------------------------------------------------------------------------------------------------

local function present(row)
  local payload = json.decode(row.payload or "{}")
  return {
    id = row.id,
    direction = row.direction and row.direction:lower(),
    carrier = row.carrier,
    carrier_call_id = row.carrier_call_id,
    agent_name = row.template,
    generation = row.generation,
    from = row.from_number,
    to = row.to_number,
    lead_id = row.lead_id,
    state = row.state and row.state:lower(),
    outcome = row.outcome,
    payload = type(payload) == "table" and payload or {},
    facts = {
      platform_status = row.platform_status,
      platform_reason = row.platform_reason,
      provider_status = row.provider_status,
      provider_reason = row.provider_reason,
      provider_hangup_cause = row.provider_hangup_cause,
      session_end_reason = row.session_end_reason,
      agent_outcome = row.agent_outcome,
      agent_outcome_source = row.agent_outcome_source,
    },
    created_at_ms = row.created_at_ms,
    answered_at_ms = row.answered_at_ms,
    ended_at_ms = row.ended_at_ms,
    duration_ms = row.ended_at_ms and row.answered_at_ms and row.ended_at_ms - row.answered_at_ms or nil,
  }
end

local function transcript_of(id)
  local lines = json.array {}
  for _, row in ipairs(transcript.of(id) or {}) do
    lines[#lines + 1] = {
      at_ms = row.at_ms, who = row.who, text = row.text, heard = row.heard_text,
      interrupted = row.interrupted ~= nil and row.interrupted ~= 0 and row.interrupted ~= false,
    }
  end
  return lines
end

local function events_of(id)
  local list = json.array {}
  for _, row in ipairs(events.of(id) or {}) do
    list[#list + 1] = { at_ms = row.at_ms, kind = row.kind, data = json.decode(row.data or "{}") or {} }
  end
  return list
end

local function legs_of(id)
  local list = json.array {}
  for i, row in ipairs(legs.of(id) or {}) do
    list[i] = {
      party = row.party, role = row.role, stream_id = row.stream_id, started_at_ms = row.started_at_ms,
      up_at_ms = row.up_at_ms, ended_at_ms = row.ended_at_ms, end_reason = row.end_reason, frames_in = row.frames_in,
      frames_out = row.frames_out, underruns = row.underruns, malformed = row.malformed, late_max_us = row.late_max_us,
    }
  end
  return list
end

local function show_call(request)
  local row, why, code = records.find(request.params.id)
  if not row and code then return http.problem(503, why) end
  if not row then return http.problem(404, "there is no such call") end
  local call = present(row)
  call.transcript = transcript_of(row.id)
  call.events = events_of(row.id)
  call.legs = legs_of(row.id)
  return http.json(200, call)
end

local states = { in_progress = "IN_PROGRESS", completed = "COMPLETED", failed = "FAILED" }
local directions = { inbound = "INBOUND", outbound = "OUTBOUND" }

local function list_calls(request)
  local query = http.read_query(request.message.query)
  local limit = tonumber(query.limit or 50)
  if not limit or limit < 1 or limit > 500 or limit ~= math.floor(limit) then
    return http.problem(422, "'limit' must be a whole number from 1 to 500")
  end
  if query.state and not states[query.state] then
    return http.problem(422, "'state' must be in_progress, completed or failed")
  end
  if query.direction and not directions[query.direction] then
    return http.problem(422, "'direction' must be inbound or outbound")
  end
  local rows, why = records.list {
    state = states[query.state or ""], direction = directions[query.direction or ""], template = query.agent_name,
    before_ms = tonumber(query.before_ms), limit = limit,
  }
  if not rows then return http.problem(503, why) end
  local list = json.array {}
  for i, row in ipairs(rows) do list[i] = present(row) end
  return http.json(200, { calls = list, before_ms = #list == limit and list[#list].created_at_ms or nil })
end

local function end_call(request)
  local call = live_call.get(request.params.id)
  if not call and calls.is_elsewhere(request.params.id)
    and core.forward(request.number, request.message, request.params.id) then
    request.is_answered = true
    return nil
  end
  if not call then return http.problem(404, "there is no such live call on this node") end
  call.must_end = true
  task.wake(call)
  return http.json(202, { id = call.id, status = "ending" })
end

-- The code ---------------------------------------------------------------------------------------------------------

local RELOAD_S = 60

local function code_report(number, why)
  if not number then return http.problem(503, why) end
  local message, text = task.answer("response", number, RELOAD_S)
  if not message then return http.problem(504, text) end
  return { status = message.status, headers = { ["content-type"] = "application/json" }, body = message.body }
end

local function reload_code(request)
  local body = json.decode(request.message.body ~= "" and request.message.body or "{}")
  if type(body) ~= "table" then return http.problem(400, "the body is not a JSON object") end
  local share = body.canary
  if share == nil or share == json.null then return code_report(core.reload(100)) end
  if type(share) ~= "number" or share < 1 or share > 99 then
    return http.problem(422, "'canary' is the share of new calls in percent, from 1 to 99")
  end
  return code_report(core.reload(math.floor(share)))
end

---Adds the routes of the API.
function api.add(routes)
  routes:add("POST", "/api/calls/outbound", allowed(place_call))
  routes:add("GET", "/api/calls", allowed(list_calls))
  routes:add("GET", "/api/calls/{id}", allowed(show_call))
  routes:add("POST", "/api/calls/{id}/hangup", allowed(end_call))
  routes:add("GET", "/api/code", allowed(function() return code_report(core.code()) end))
  routes:add("POST", "/api/code/reload", allowed(reload_code))
  routes:add("POST", "/api/code/rollback", allowed(function() return code_report(core.rollback()) end))
  routes:add("GET", "/api/agents", allowed(function() return http.json(200, { agents = catalog.list() }) end))
end

return api
