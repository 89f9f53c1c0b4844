-- callisto.service.reception: who comes in, by whatever door.
--
-- A call arrives as a webhook, or as a media socket that comes before its call. Each door reads what its carrier says and
-- translates the decision into the carrier's words; the decision itself is made here, once for all of them.

local core = require "callisto.core"
local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local hours = require "callisto.hours"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local records = require "callisto.service.records.calls"
local wording = require "callisto.wording"

local reception = {}

---@class callisto.Arrival  somebody calls
---@field door "webhook"|"socket"
---@field adapter callisto.Carrier
---@field account table
---@field about callisto.InboundCall|callisto.SocketCall  what the carrier says
---@field agent_name string|nil  that the path or the carrier names; without one the number that was called decides
---@field socket integer|nil  the one that waits, at the door "socket"

---@alias callisto.Decision
---| {what: "accept", agent: callisto.Agent}
---| {what: "again", kept: string}  the carrier has asked before, and gets the same answer
---| {what: "elsewhere"}  the carrier's call is live already
---| {what: "refuse", reason: "draining"|"unknown"|"blocked"|"error", why: string, agent: callisto.Agent|nil,
---  sentence: string|nil, redirect: string|nil}  `sentence`: what the caller shall hear, `redirect`: whom to call instead

-- Whether an agent takes no calls now, and what is said then.
local function block_of(policy)
  if not policy.enabled then return true, policy.block_message end
  if not policy.hours then return false end
  local is_open, why = hours.is_open(policy.hours, core.wall())
  if is_open == nil then log.warn("inbound hours are not kept: " .. why) end
  return is_open == false, policy.outside_hours_message or policy.block_message
end

local function refusal(reason, why, more)
  local decision = more or {}
  decision.what, decision.reason, decision.why = "refuse", reason, why
  return decision
end

local function agent_of(arrival)
  if arrival.agent_name then
    local agent = catalog.find(arrival.agent_name)
    return agent, not agent and catalog.unknown(arrival.agent_name) or nil
  end
  local agent = catalog.of_number(arrival.about.to)
  return agent, not agent and ("there is no agent for the number '%s'"):format(arrival.about.to) or nil
end

-- What a text of the carrier's may stand for, where the template wants something else. Other texts stay as they are.
local readers = {
  integer = function(value) return value:find "^%-?%d+$" and tonumber(value) or value end,
  number = function(value) return tonumber(value) or value end,
  boolean = function(value)
    if value == "true" or value == "false" then return value == "true" end
    return value
  end,
}

-- Carriers pass on parameters as texts.
local function read_texts(payload, template)
  for name, kind in pairs(payload and template.payload or {}) do
    local read, value = readers[kind:match "^%a+"], payload[name]
    if read and type(value) == "string" then payload[name] = read(value) end
  end
end

-- A socket's payload is all there will be; a webhook's call gets its own later.
local function fault_of(arrival, agent)
  read_texts(arrival.about.payload, agent.template)
  if arrival.door ~= "socket" then return nil end
  local fits, why = agent.template:accepts(arrival.about.payload or {})
  return not fits and why or nil
end

---What becomes of somebody who calls. Depends on the catalog, the clock and the calls there are; changes nothing.
---@param arrival callisto.Arrival
---@return callisto.Decision
function reception.decide(arrival)
  local about = arrival.about
  local kept = arrival.door == "webhook" and calls.kept_answer(arrival.adapter.name, about.carrier_call)
  if kept then return { what = "again", kept = kept } end
  if core.owner(about.carrier_call) then return { what = "elsewhere" } end
  if core.status().draining then return refusal("draining", "this service takes no new calls") end
  local agent, why = agent_of(arrival)
  if not agent then return refusal("unknown", why) end
  local policy = agent.template.inbound
  local is_blocked, sentence = block_of(policy)
  if is_blocked then
    sentence = sentence and wording.of_template(agent.template, sentence)
    local redirect = policy.block_action == "REDIRECT" and policy.redirect_number or nil
    return refusal("blocked", "this agent takes no calls now", { agent = agent, sentence = sentence, redirect = redirect })
  end
  local fault = fault_of(arrival, agent)
  if fault then return refusal("error", fault, { agent = agent }) end
  return { what = "accept", agent = agent }
end

---Opens the call of somebody who was accepted. Why it could not be is logged, counted and written down.
---@param arrival callisto.Arrival
---@param agent callisto.Agent
---@return callisto.LiveCall|nil call
---@return string? code  EEXIST: the carrier's call is live already; all else means that there is no room
function reception.open(arrival, agent)
  local about = arrival.about
  local call, why, code = calls.open {
    direction = about.direction,
    adapter = arrival.adapter,
    account = arrival.account,
    agent = agent,
    from = about.from,
    to = about.to,
    carrier_call = about.carrier_call,
    payload = about.payload,
    format = about.format,
    socket = arrival.socket,
  }
  if call or code == "EEXIST" then return call, code end
  local complain = code == "EBUSY" and log.warn or log.error -- no free line is not a fault
  complain(("a call for %s could not be opened: %s"):format(agent.name, why))
  metrics.count(('calls_refused_total{reason="%s"}'):format(code == "EBUSY" and "carrier_limit" or code or "?"))
  records.refused(about, arrival.adapter.name, agent.name, "CAPACITY_REJECTED")
  return nil, code
end

---Writes down that a blocked agent's caller was turned away.
---@param arrival callisto.Arrival
---@param decision callisto.Decision
function reception.note_blocked(arrival, decision)
  local agent = decision.agent
  records.refused(arrival.about, arrival.adapter.name, agent.name, "BLOCKED_" .. agent.template.inbound.block_action)
end

return reception
