-- callisto.service.webhooks: the carriers' webhooks. Every one is verified before anything is read or allocated.

local core = require "callisto.core"
local announce = require "callisto.service.announce"
local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local hours = require "callisto.hours"
local http = require "callisto.http"
local live_call = require "callisto.service.live_call"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local events = require "callisto.service.records.events"
local records = require "callisto.service.records.calls"
local settings = require "callisto.settings"

local webhooks = {}

local SORRY = "We are sorry, this number cannot take your call at the moment. Please try again later. Goodbye."

local function document(adapter, verbs) return http.text(200, adapter.answer(verbs)) end

-- nil and the refusal, or the account whose secret signed the request.
local function admit(adapter, message)
  local account, why = settings.account(adapter)
  if not account then
    log.error(why)
    return nil, http.problem(401, why)
  end
  if not settings.checks_signatures(message.peer) then return account end
  local base, missing = settings.public_url()
  if not base then
    log.error(missing)
    return nil, http.problem(503, missing)
  end
  local ok, reason, status = adapter.verify(message, base, account)
  if ok then return account end
  metrics.count(('webhooks_refused_total{carrier="%s",status="%d"}'):format(adapter.name, status))
  log.warn(("a webhook of %s from %s was refused: %s"):format(adapter.name, message.peer or "?", reason))
  return nil, http.problem(status, reason)
end

local function verified(adapter, fn)
  return function(request)
    local account, refusal = admit(adapter, request.message)
    if not account then return refusal end
    metrics.count(('webhooks_total{carrier="%s"}'):format(adapter.name))
    return fn(request, account)
  end
end

-- Turns a call away and writes that down, once: asked again, the carrier gets the same answer.
local function refuse(adapter, agent, about, verbs, reason)
  records.refused(about, adapter.name, agent.name, reason)
  local answer = document(adapter, verbs)
  calls.keep_answer(adapter.name, about.carrier_call, answer.body)
  return answer
end

-- Why an agent does not take calls now: the word for the record and what is said.
local function block_of(policy)
  if not policy.enabled then return true, policy.block_message end
  if not policy.hours then return false end
  local is_open, why = hours.is_open(policy.hours, core.wall())
  if is_open == nil then log.warn("inbound hours are not kept: " .. why) end
  return is_open == false, policy.outside_hours_message or policy.block_message
end

-- A sentence for a caller: the carrier says it, or we do on its media socket.
local function sentence_of(adapter, account, agent, about, message)
  if not adapter.is_mute then return { "say", message } end
  local verb, why = announce.open(adapter, account, agent, about, message)
  if not verb then log.warn(("a caller of %s is turned away without a word: %s"):format(agent.name, why)) end
  return verb
end

-- The document for the caller of an agent that does not take the call; nil when it does.
local function turn_away(adapter, account, agent, about)
  local policy = agent.template.inbound
  local is_blocked, message = block_of(policy)
  if not is_blocked then return nil end
  local verbs = {}
  if message then verbs[1] = sentence_of(adapter, account, agent, about, message) end
  if policy.block_action == "REDIRECT" then
    verbs[#verbs + 1] = { "dial", to = policy.redirect_number }
  elseif message then
    verbs[#verbs + 1] = { "hangup" }
  else
    verbs[1] = { "reject", reason = "rejected" }
  end
  return refuse(adapter, agent, about, verbs, "BLOCKED_" .. policy.block_action)
end

local function connect(adapter, account, agent, about)
  local call, why, code = calls.open {
    direction = "INBOUND",
    adapter = adapter,
    account = account,
    agent = agent,
    from = about.from,
    to = about.to,
    carrier_call = about.carrier_call,
  }
  if not call then
    log.error(("a call for %s could not be opened: %s"):format(agent.name, why))
    if code == "EBUSY" then code = "carrier_limit" end
    metrics.count(('calls_refused_total{reason="%s"}'):format(code or "?"))
    return refuse(adapter, agent, about, adapter.refuse "busy", "CAPACITY_REJECTED")
  end
  local body, kind = adapter.answer(call:document())
  calls.keep_answer(adapter.name, about.carrier_call, body)
  return http.text(200, body, kind)
end

-- A webhook that asks what to do with a call: the same answer when it is asked again.
local function answer(adapter, account, message, agent)
  local about, why = adapter.webhook(message)
  if not about then return http.problem(400, why) end
  local kept = calls.kept_answer(adapter.name, about.carrier_call)
  if kept then
    local _, kind = adapter.answer { { "hangup" } }
    return http.text(200, kept, kind)
  end
  if core.status().draining then return document(adapter, adapter.refuse "busy") end
  agent = agent or catalog.of_number(about.to)
  if not agent then return document(adapter, { { "say", "This number is not configured. Goodbye." }, { "hangup" } }) end
  return turn_away(adapter, account, agent, about) or connect(adapter, account, agent, about)
end

-- A request about a call that another service VM has is answered there. True when it was handed on.
local function hand_on(request, ...)
  for i = 1, 2 do
    local name = (select(i, ...))
    if calls.is_elsewhere(name) and core.forward(request.number, request.message, name) then
      request.is_answered = true
      return true
    end
  end
  return false
end

-- Which call of ours a request for a document is about: by our id in the URL, by our id as the carrier gave it back, or, of
-- an outbound call, by the carrier's.
local function our_id(adapter, message)
  local id = http.read_query(message.query).call
  if id then return id end
  local about = adapter.webhook(message)
  return about and (about.call or (about.direction == "OUTBOUND" and core.owner(about.carrier_call))) or nil
end

-- Our own outbound call is answered and asks for its document.
local function answer_ours(adapter, message)
  local id = our_id(adapter, message)
  local call = id and live_call.get(id)
  if not call or call.carrier ~= adapter.name then return nil end
  local about = adapter.webhook(message)
  if about then
    call:named(about.carrier_call)
    if about.status then call:note_status(about.status) end
  end
  return document(adapter, call:document())
end

-- A status: delivered here, or handed on, which is nil.
local function take_status(adapter, request, status)
  if not calls.deliver(adapter.name, status) then
    if hand_on(request, status.call, status.carrier_call) then return nil end
    metrics.count(('status_of_unknown_calls_total{carrier="%s"}'):format(adapter.name))
    log.info(("%s reports a call that is not live: %s"):format(adapter.name, status.carrier_call or "?"))
  end
  return { status = 204 }
end

-- Some carriers tell the end of a call where they asked for its beginning. Returns that end.
local function end_of(adapter, message)
  local about = adapter.webhook(message)
  return about and about.status and about.status.is_terminal and about.status or nil
end

local function each_path(paths, fn)
  for _, path in ipairs(type(paths) == "table" and paths or { paths or nil }) do fn(path) end
end

local function add_inbound(routes, adapter)
  each_path(adapter.routes.inbound, function(path)
    routes:add("GET|POST", path, verified(adapter, function(request, account)
      local agent = catalog.find(request.params.agent)
      if not agent then return http.problem(404, ("there is no agent '%s'"):format(request.params.agent)) end
      local over = end_of(adapter, request.message)
      if over then return take_status(adapter, request, over) end
      if hand_on(request, our_id(adapter, request.message)) then return nil end
      return answer_ours(adapter, request.message) or answer(adapter, account, request.message, agent)
    end))
  end)
end

local function add_answer(routes, adapter)
  each_path(adapter.routes.answer, function(path)
    routes:add("GET|POST", path, verified(adapter, function(request, account)
      local over = end_of(adapter, request.message)
      if over then return take_status(adapter, request, over) end
      if hand_on(request, our_id(adapter, request.message)) then return nil end
      return answer_ours(adapter, request.message) or answer(adapter, account, request.message)
    end))
  end)
end

local function add_status(routes, adapter)
  each_path(adapter.routes.status, function(path)
    routes:add("GET|POST", path, verified(adapter, function(request)
      local status, why = adapter.status(request.message)
      if not status then return http.problem(400, why) end
      status.call = status.call or request.params.call
      return take_status(adapter, request, status)
    end))
  end)
end

-- The call a request is about: by our id in the query or the path, else by the carrier's.
local function call_of(request, carrier_call)
  local id = http.read_query(request.message.query).call or request.params.call
  return id or (carrier_call and core.owner(carrier_call))
end

-- News of a recording.
local function add_details(routes, adapter)
  each_path(adapter.recording and adapter.routes.details, function(path)
    routes:add("GET|POST", path, verified(adapter, function(request)
      local about, why = adapter.recording(request.message)
      if not about then return http.problem(400, why) end
      local id = call_of(request, about.carrier_call)
      if id then events.add(id, "carrier.recording", about) end
      return { status = 204 }
    end))
  end)
end

-- The next document of a transfer. One that nobody began ends politely.
local function add_transfer(routes, adapter)
  each_path(adapter.answer and adapter.routes.transfer, function(path)
    routes:add("GET|POST", path, verified(adapter, function(request)
      local about = adapter.webhook(request.message) or {}
      local id = call_of(request, about.carrier_call)
      log.warn(("%s asks for a transfer of call %s, which nobody began"):format(adapter.name, id or about.carrier_call or "?"))
      if id then events.add(id, "carrier.transfer", { step = request.params.step }) end
      return document(adapter, { { "hangup" } })
    end))
  end)
end

-- What the carrier asks when our answer failed: the document once more if there is one, else a polite end.
local function add_fallback(routes, adapter)
  each_path(adapter.routes.fallback, function(path)
    routes:add("GET|POST", path, verified(adapter, function(request, account)
      local about = adapter.webhook(request.message) or {}
      log.warn(("%s asked for the fallback of call %s: %s"):format(adapter.name, about.carrier_call or "?",
        about.error or "no reason given"))
      local id = about.carrier_call and core.owner(about.carrier_call)
      if id then events.add(id, "carrier.fallback", { code = about.error }) end
      if hand_on(request, http.read_query(request.message.query).call) then return nil end
      local ours = answer_ours(adapter, request.message)
      if ours then return ours end
      if about.to and catalog.of_number(about.to) then return answer(adapter, account, request.message) end
      return document(adapter, { { "say", SORRY }, { "hangup" } })
    end))
  end)
end

---nil and the refusal, or the account whose secret signed a request (callisto.sockets).
webhooks.admit = admit
---Why an agent does not take calls now (callisto.sockets).
webhooks.block_of = block_of

---Adds the routes of every carrier.
function webhooks.add(routes)
  for _, adapter in ipairs(catalog.carriers()) do
    if adapter.webhook then
      add_inbound(routes, adapter)
      add_answer(routes, adapter)
      add_fallback(routes, adapter)
    end
    if adapter.status then add_status(routes, adapter) end
    add_details(routes, adapter)
    add_transfer(routes, adapter)
    each_path(adapter.routes.sockets, function(path)
      routes:add("GET", path, function()
        return http.problem(426, "this is the path of a media socket", nil, { upgrade = "websocket" })
      end)
    end)
  end
end

return webhooks
