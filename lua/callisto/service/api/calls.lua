-- callisto.service.api.calls: the routes about calls.

local core = require "callisto.core"
local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local ending = require "callisto.service.api.ending"
local events = require "callisto.service.records.events"
local given = require "callisto.service.api.given"
local http = require "callisto.http"
local json = require "callisto.json"
local legs = require "callisto.service.records.legs"
local live_call = require "callisto.service.live_call"
local outbound = require "callisto.service.outbound"
local recordings = require "callisto.service.records.recordings"
local records = require "callisto.service.records.calls"
local transcript = require "callisto.service.records.transcript"

-- Orders -----------------------------------------------------------------------------------------------------------

-- The number in any common spelling, as E.164; nil when it is none.
local function phone_of(value)
  local number = value:gsub("[%s%-().]", "")
  return number:match("^%+[1-9]%d%d%d%d%d%d%d?%d?%d?%d?%d?%d?%d?%d?$")
end

local function check_phone(value)
  if not phone_of(value) then return "must be a number such as +14155550123" end
end

local function check_text(value)
  if value == "" then return "is empty" end
end

local order_fields = {
  agent_name = { "string", required = true, check = check_text, also = { "template", "agent", "agent_id" },
    says = "the agent that speaks: its name, or its file's" },
  to = { "string", required = true, check = check_phone, says = "the number to call, such as +14155550123" },
  from = { "string", check = check_phone, says = "the number to call from [the carrier's account's]" },
  payload = { "map", default = {}, check = given.is_object, also = { "variables" },
    says = "what the agent knows of this call, as its template declares it" },
  settings = { "map", default = {}, check = given.is_object, says = "call.settings of this call alone" },
  provider = { "string", says = "the carrier [TELEPHONY_PROVIDER]" },
  request_id = { "string", says = "the caller's own name for the order; the call has it as lead_id" },
}

local statuses = { EINVAL = 422, ENOENT = 503 }

local function why_not_placed(call)
  if call.is_refused or call.is_given_up then
    return http.problem(503, "the call could not be written down, so it was not dialled", { id = call.id },
      { ["retry-after"] = "5" })
  end
  if call.dialled ~= "not_placed" then return nil end
  return http.problem(502, ("%s refused the call: %s"):format(call.carrier, call.refusal.message),
    { id = call.id, code = call.refusal.code, retryable = call.refusal.retryable })
end

local function place_call(_, order)
  if core.status().draining then return http.problem(503, "the service is draining", nil, { ["retry-after"] = "30" }) end
  local agent = catalog.find(order.agent_name)
  if not agent then return http.problem(404, catalog.unknown(order.agent_name), { field = "agent_name" }) end
  local fits, why = agent.template:accepts(order.payload)
  if not fits then return http.problem(422, "payload: " .. why, { field = "payload" }) end
  local call, message, code = outbound.place {
    agent = agent, to = phone_of(order.to), from = order.from and phone_of(order.from), carrier = order.provider,
    payload = order.payload, settings = order.settings, lead = order.request_id,
  }
  if not call then
    local about = { code = code, field = code == "EINVAL" and "provider" or nil }
    return http.problem(statuses[code] or 503, message, about, { ["retry-after"] = not statuses[code] and "5" or nil })
  end
  return why_not_placed(call) or http.json(201, {
    id = call.id, call_id = call.id, status = call.dialled or "queued", state = "in_progress",
    carrier = call.carrier, carrier_call_id = call.carrier_call, to = call.to, from = call.from, agent_name = call.agent,
  })
end

-- Reading ----------------------------------------------------------------------------------------------------------

-- A row, and the events of its call that tell why it ended.
local function present(row, happened)
  local payload = json.decode(row.payload or "{}")
  return {
    id = row.id,
    direction = row.direction and row.direction:lower(),
    carrier = row.carrier,
    carrier_call_id = row.carrier_call_id,
    agent_name = row.template,
    digest = row.generation,
    from = row.from_number,
    to = row.to_number,
    lead_id = row.lead_id,
    state = row.state and row.state:lower(),
    outcome = row.outcome,
    result = ending.word(row),
    why = ending.why(row, happened),
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
      at_ms = row.at_ms, who = row.who, text = row.text, heard = row.heard_text, known_by = row.known_by,
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

local function recording_of(id)
  local row = (recordings.of(id) or {})[1]
  if not row then return nil end
  return {
    path = row.path, state = row.state and row.state:lower(), samples = row.samples, bytes = row.bytes,
    channels = json.array { "caller", "agent" },
  }
end

local function show_call(request)
  local row, why, code = records.find(request.params.id)
  if not row and code then return http.problem(503, why) end
  if not row then return http.problem(404, "there is no such call") end
  local happened = events_of(row.id)
  local call = present(row, happened)
  call.transcript = transcript_of(row.id)
  call.events = happened
  call.recording = recording_of(row.id)
  call.legs = legs_of(row.id)
  return http.json(200, call)
end

local states = { in_progress = "IN_PROGRESS", completed = "COMPLETED", failed = "FAILED" }
local directions = { inbound = "INBOUND", outbound = "OUTBOUND" }

local list_fields = {
  limit = { "integer", default = 50, min = 1, max = 500, says = "so many at most" },
  state = { "string", values = states, says = "only those" },
  direction = { "string", values = directions, says = "only those" },
  agent_name = { "string", says = "only those of this agent" },
  before_ms = { "integer", says = "only those that began before, in milliseconds since 1970" },
}

local function events_of_ended(rows)
  local ids = {}
  for _, row in ipairs(rows) do
    if row.state ~= "IN_PROGRESS" then ids[#ids + 1] = row.id end
  end
  return events.of_calls(ids, ending.kinds)
end

local function list_calls(_, filter)
  local rows, why = records.list {
    state = states[filter.state], direction = directions[filter.direction], template = filter.agent_name,
    before_ms = filter.before_ms, limit = filter.limit,
  }
  if not rows then return http.problem(503, why) end
  local happened
  happened, why = events_of_ended(rows)
  if not happened then return http.problem(503, why) end
  local list = json.array {}
  for i, row in ipairs(rows) do list[i] = present(row, happened[row.id]) end
  return http.json(200, { calls = list, before_ms = #list == filter.limit and list[#list].created_at_ms or nil })
end

local function end_call(request)
  local id = request.params.id
  local call = live_call.get(id)
  if not call and calls.is_elsewhere(id) and core.forward(request.number, request.message, id) then
    request.is_answered = true
    return nil
  end
  if not call then return http.problem(404, "there is no such live call on this node") end
  call:end_now()
  return http.json(202, { id = call.id, status = "ending" })
end

-- The table --------------------------------------------------------------------------------------------------------

local function with(fields, more)
  local all = {}
  for name, field in pairs(fields) do all[name] = field end
  for name, field in pairs(more) do all[name] = field end
  return all
end

local call_fields = {
  id = { "string" },
  direction = { "string", values = directions },
  carrier = { "string" },
  carrier_call_id = { "string", says = "the carrier's own id of the call" },
  agent_name = { "string" },
  digest = { "string", says = "of the code the call runs, as GET /api/code has it" },
  from = { "string" },
  to = { "string" },
  lead_id = { "string", says = "request_id of the order" },
  state = { "string", values = states },
  outcome = { "string", says = "what came of the call, in a word of the system before; it calls several endings BUSY" },
  result = { "string", says = "the same, told apart: the agent's word, or BUSY, NO_ANSWER, UNREACHABLE, CANCELED, EARLY_HANGUP, "
    .. "HUNG_UP, SILENT, TOO_LONG, ENDED, ERROR …" },
  why = { "string", says = "why it ended so, in a sentence" },
  payload = { "map" },
  facts = { "map", says = "what the outcome was made of: platform_status, provider_status, session_end_reason, agent_outcome …" },
  created_at_ms = { "integer", says = "since 1970" },
  answered_at_ms = { "integer" },
  ended_at_ms = { "integer" },
  duration_ms = { "integer", says = "from the answer to the end" },
}

return {
  {
    "POST", "/api/calls/outbound", says = "Places a call. Answers when the carrier has taken it, at the latest after 8 s.",
    body = order_fields, status = 201, begins_call = true, run = place_call,
    gives = {
      id = { "string" },
      call_id = { "string", says = "the same" },
      status = { "string", values = { placed = true, unknown = true, queued = true },
        says = "placed; unknown: the carrier gave no clear answer, and the call may ring; queued: it has not answered yet" },
      state = { "string", values = { in_progress = true } },
      carrier = { "string" },
      carrier_call_id = { "string", says = "the carrier's own id, when it is known already" },
      to = { "string" },
      from = { "string" },
      agent_name = { "string" },
    },
    refuses = {
      [404] = "there is no such agent",
      [502] = "the carrier refused the call; code and retryable are the carrier's",
      [503] = "there is no room, a setting is missing, or the call could not be written down",
    },
  },
  {
    "GET", "/api/calls", says = "Lists calls, the latest first.", query = list_fields, run = list_calls,
    gives = {
      calls = { "list", says = "each as GET /api/calls/{id} has it, without transcript, events and legs" },
      before_ms = { "integer", says = "for the next page; absent on the last one" },
    },
  },
  {
    "GET", "/api/calls/{id}", says = "Shows a call, live or over.", path = { id = "of the call" }, run = show_call,
    gives = with(call_fields, {
      transcript = { "list", says = "lines: at_ms, who, text, heard, interrupted, known_by" },
      events = { "list", says = "what happened: at_ms, kind, data" },
      recording = { "map", says = "where the sound lies: path (as the server sees it), state, samples, bytes, "
        .. "and channels, who is left and who is right" },
      legs = { "list", says = "each party's media stream: party, role, when it began and ended, and its counters" },
    }),
    refuses = { [404] = "there is no such call" },
  },
  {
    "POST", "/api/calls/{id}/hangup", says = "Ends a live call.", path = { id = "of the call" }, status = 202, run = end_call,
    gives = { id = { "string" }, status = { "string", values = { ending = true } } },
    refuses = { [404] = "no such call is live on this node" },
  },
}
