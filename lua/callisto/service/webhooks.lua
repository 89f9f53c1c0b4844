-- callisto.service.webhooks: the carriers' webhooks. Every one is verified before anything is read or allocated, and read once.

local core = require "callisto.core"
local announce = require "callisto.service.announce"
local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local doors = require "callisto.service.doors"
local events = require "callisto.service.records.events"
local http = require "callisto.http"
local live_call = require "callisto.service.live_call"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local outside = require "callisto.service.outside"
local reception = require "callisto.service.reception"
local records = require "callisto.service.records.calls"
local settings = require "callisto.settings"
local task = require "callisto.task"

local webhooks = {}

local SORRY = "We are sorry, this number cannot take your call at the moment. Please try again later. Goodbye."

---@class callisto.Webhook  one that was verified
---@field request table
---@field adapter callisto.Carrier
---@field account table  whose secret signed it
---@field about table|nil  what the adapter read of it
---@field why string|nil  why it could not be read

-- The answer to what was only reported.
local function received(hook) return { status = hook.adapter.webhook.received } end

-- What a document says, asked for beside the webhook's answer.
local function obey(hook, verbs)
  local about, ask, read = hook.about, unpack(hook.adapter.requests.obey)
  local is_answered = about.direction == "OUTBOUND"
  task.start(function()
    local request = ask(about.carrier_call, hook.account, { document = verbs, is_answered = is_answered })
    local ok, why = read(http.fetch(request))
    if not ok and why.retryable then ok, why = read(http.fetch(request)) end
    if ok then return end
    log.warn(("%s did not do what it was asked for call %s: %s"):format(hook.adapter.name, about.carrier_call, tostring(why)))
    local call = live_call.of_carrier(hook.adapter.name, about.carrier_call)
    if call then call:end_now() end
  end)
  return received(hook)
end

local function document(hook, verbs)
  if hook.about and hook.about.by_commands then return obey(hook, verbs) end
  return http.text(200, hook.adapter.webhook.answer(verbs, hook.account))
end

---nil and the refusal, or the account whose secret signed a request.
---@param adapter callisto.Carrier
---@param message table
---@return table|nil account, table? refusal
function webhooks.admit(adapter, message)
  local account, why = settings.account(adapter)
  if not account then
    log.error(why)
    return nil, http.problem(401, why)
  end
  if not settings.checks_signatures(message) then return account end
  local base, missing = settings.public_url()
  if not base then
    log.error(missing)
    return nil, http.problem(503, missing)
  end
  local ok, reason, status = adapter.webhook.verify(message, base, account)
  if ok then return account end
  metrics.count(('webhooks_refused_total{carrier="%s",status="%d"}'):format(adapter.name, status))
  log.warn(("a webhook of %s from %s was refused: %s"):format(adapter.name, message.peer or "?", reason))
  return nil, http.problem(status, reason)
end

-- What answers a request: verifies it, has the adapter read it, and hands both on.
local function handler(adapter, read, fn)
  return function(request)
    local account, refusal = webhooks.admit(adapter, request.message)
    if not account then return refusal end
    metrics.count(('webhooks_total{carrier="%s"}'):format(adapter.name))
    local about, why = read(request.message)
    return fn { request = request, adapter = adapter, account = account, about = outside.clean(adapter.name, about), why = why }
  end
end

-- A request about a call that another service VM has is answered there. True when it was handed on.
local function hand_on(hook, ...)
  local request = hook.request
  for i = 1, 2 do
    local name = (select(i, ...))
    if calls.is_elsewhere(name) and core.forward(request.number, request.message, name) then
      request.is_answered = true
      return true
    end
  end
  return false
end

-- Our call that a webhook names: by our id in the URL, else as the carrier gave it back.
local function id_in(hook)
  return http.query_of(hook.request.message).call or hook.request.params.call or (hook.about and hook.about.call) or nil
end

-- Statuses ---------------------------------------------------------------------------------------------------------

local write_recording

-- A status: delivered here, or handed on, which is nil.
local function take_status(hook, status)
  if status.recording then return write_recording(hook, status.recording) end
  if calls.deliver(hook.adapter.name, status) then return received(hook) end
  if hand_on(hook, status.call, status.carrier_call) then return nil end
  metrics.count(('status_of_unknown_calls_total{carrier="%s"}'):format(hook.adapter.name))
  log.info(("%s reports a call that is not live: %s"):format(hook.adapter.name, status.carrier_call or "?"))
  return received(hook)
end

local function report(hook)
  local status = hook.about
  if not status then return http.problem(400, hook.why) end
  status.call = status.call or hook.request.params.call
  return take_status(hook, status)
end

-- The call a notice is about, which may be over: by our id, else by the carrier's.
local function call_of_notice(hook, carrier_call)
  local id = id_in(hook)
  if id or not carrier_call then return id end
  return core.owner(carrier_call) or records.id_of(hook.adapter.name, carrier_call)
end

-- News of a recording. They come when the call is over, too.
function write_recording(hook, about)
  local id = call_of_notice(hook, about.carrier_call)
  if id then
    events.add(id, "carrier.recording", about)
  else
    log.warn(("%s has a recording of a call that is not known: %s"):format(hook.adapter.name, about.carrier_call or "?"))
  end
  return received(hook)
end

local function note_recording(hook)
  if not hook.about then return http.problem(400, hook.why) end
  return write_recording(hook, hook.about)
end

-- An event that asks nothing. Of a call that is nobody's it may want something all the same.
local function take_report(hook)
  local follow_up = hook.adapter.webhook.follow_up
  local request = follow_up and follow_up(hook.request.message, hook.account)
  if request then task.start(http.fetch, request) end
  return take_status(hook, hook.about.status)
end

-- Documents --------------------------------------------------------------------------------------------------------

-- Turns a call away, once: asked again, the carrier gets the same answer.
local function refuse(hook, verbs)
  local answer = document(hook, verbs)
  calls.keep_answer(hook.adapter.name, hook.about.carrier_call, answer.body or "")
  return answer
end

-- A sentence for a caller: the carrier says it, or we do on its media socket.
local function sentence_of(hook, agent, message)
  if not hook.adapter.webhook.is_mute then return { "say", message } end
  local verb, why = announce.open(hook.adapter, hook.account, agent, hook.about, message)
  if not verb then log.warn(("a caller of %s is turned away without a word: %s"):format(agent.name, why)) end
  return verb
end

-- What the caller of a blocked agent gets to hear.
local function verbs_of_block(hook, decision)
  local verbs = {}
  if decision.sentence then verbs[1] = sentence_of(hook, decision.agent, decision.sentence) end
  if decision.redirect then
    verbs[#verbs + 1] = { "dial", to = decision.redirect }
  elseif decision.sentence then
    verbs[#verbs + 1] = { "hangup" }
  else
    verbs[1] = { "reject", reason = "rejected" }
  end
  return verbs
end

-- Our own call asks for its document: an outbound one that was answered, or one that asks again.
local function answer_ours(hook, id)
  local call = id and live_call.get(id)
  if not call or call.carrier ~= hook.adapter.name then return nil end
  local about = hook.about
  if about then
    call:named(about.carrier_call)
    if about.status then call:note_status(about.status) end
  end
  return document(hook, call:document())
end

-- Another webhook about the same call was faster: its call is here, or in another service VM, where this one is answered.
local function join(hook)
  local carrier_call = hook.about.carrier_call
  if hand_on(hook, carrier_call) then return nil end
  if hook.about.by_commands then return received(hook) end -- it was asked for what it shall do
  return answer_ours(hook, core.owner(carrier_call)) or document(hook, hook.adapter.webhook.refuse "busy")
end

local function connect(hook, arrival, agent)
  local call, code = reception.open(arrival, agent)
  if code == "EEXIST" then return join(hook) end
  if not call then return refuse(hook, hook.adapter.webhook.refuse "busy") end
  local is_written, answer = pcall(document, hook, call:document())
  if not is_written then
    call:end_now() -- the carrier gets no document for it, so nobody will come
    error(answer, 0)
  end
  calls.keep_answer(hook.adapter.name, hook.about.carrier_call, answer.body or "")
  return answer
end

local refusals = {}

function refusals.draining(hook) return document(hook, hook.adapter.webhook.refuse "busy") end

-- A number that leads to nobody: the caller is turned away before it costs anything, unless routing.lua says otherwise.
function refusals.unknown(hook, arrival, decision)
  local unknown = catalog.unknown_number()
  log.warn(("a call to %s is turned away: %s"):format(arrival.about.to, decision.why))
  metrics.count 'calls_refused_total{reason="unknown_number"}'
  if unknown.redirect then return refuse(hook, { { "dial", to = unknown.redirect } }) end
  if unknown.say then return refuse(hook, { { "say", unknown.say }, { "hangup" } }) end
  return refuse(hook, { { "reject", reason = "rejected" } })
end

function refusals.blocked(hook, arrival, decision)
  reception.note_blocked(arrival, decision)
  return refuse(hook, verbs_of_block(hook, decision))
end

-- Somebody calls: the decision of the reception, in the carrier's words.
local function receive(hook, agent_name)
  if not hook.about then return http.problem(400, hook.why) end
  local arrival = {
    door = "webhook", adapter = hook.adapter, account = hook.account, about = hook.about, agent_name = agent_name,
  }
  local decision = reception.decide(arrival)
  if decision.what == "again" and hook.about.by_commands then return received(hook) end
  if decision.what == "again" then
    local _, kind = hook.adapter.webhook.answer({ { "hangup" } }, hook.account)
    return http.text(200, decision.kept, kind)
  end
  if decision.what == "elsewhere" then return join(hook) end
  if decision.what == "accept" then return connect(hook, arrival, decision.agent) end
  return refusals[decision.reason](hook, arrival, decision)
end

-- A webhook that asks what to do with a call. Some carriers tell the end of a call where they asked for its beginning.
local function answer(hook)
  local agent_name, about = hook.request.params.agent, hook.about
  if agent_name and not catalog.find(agent_name) then
    return http.problem(404, catalog.unknown(agent_name))
  end
  if about and about.is_report then return take_report(hook) end
  local status = about and about.status
  if status and status.is_terminal then return take_status(hook, status) end
  local id = id_in(hook) or (about and about.direction == "OUTBOUND" and core.owner(about.carrier_call)) or nil
  if hand_on(hook, id) then return nil end
  return answer_ours(hook, id) or receive(hook, agent_name)
end

-- The next document of a transfer. One that nobody began ends politely.
local function answer_transfer(hook)
  local carrier_call = hook.about and hook.about.carrier_call
  local id = call_of_notice(hook, carrier_call)
  log.warn(("%s asks for a transfer of call %s, which nobody began"):format(hook.adapter.name, id or carrier_call or "?"))
  if id then events.add(id, "carrier.transfer", { step = hook.request.params.step }) end
  return document(hook, { { "hangup" } })
end

-- What the carrier asks when our answer failed: the document once more if there is one, else a polite end. Where it is told
-- what to do by requests, the event comes once more.
local function answer_fallback(hook)
  if hook.about and hook.about.by_commands then return answer(hook) end
  local about = hook.about or {}
  log.warn(("%s asked for the fallback of call %s: %s"):format(hook.adapter.name, about.carrier_call or "?",
    about.error or "no reason given"))
  local owner = about.carrier_call and core.owner(about.carrier_call)
  if owner then events.add(owner, "carrier.fallback", { code = about.error }) end
  local id = id_in(hook)
  if hand_on(hook, id) then return nil end
  local ours = answer_ours(hook, id or owner)
  if ours then return ours end
  if about.to and catalog.of_number(about.to) then return receive(hook) end
  return document(hook, { { "say", SORRY }, { "hangup" } })
end

-- The routes -------------------------------------------------------------------------------------------------------

local function upgrade_needed() return http.problem(426, "this is the path of a media socket", nil, { upgrade = "websocket" }) end

-- Which paths of an adapter are answered by what, and what reads them.
local function routes_of(adapter)
  local webhook = adapter.webhook
  return {
    inbound = webhook.read and handler(adapter, webhook.read, answer),
    answer = webhook.read and handler(adapter, webhook.read, answer),
    fallback = webhook.read and handler(adapter, webhook.read, answer_fallback),
    transfer = webhook.read and handler(adapter, webhook.read, answer_transfer),
    status = webhook.status and handler(adapter, webhook.status, report),
    details = webhook.recording and handler(adapter, webhook.recording, note_recording),
  }
end

local function add_paths(routes, methods, paths, fn)
  for _, path in ipairs(type(paths) == "table" and paths or { paths }) do routes:add(methods, path, fn) end
end

---Adds the routes of every carrier, and its doors.
---@param routes callisto.Routes
function webhooks.add(routes)
  for _, adapter in ipairs(catalog.carriers()) do
    for kind, fn in pairs(routes_of(adapter)) do
      if fn then add_paths(routes, "GET|POST", adapter.routes[kind], fn) end
    end
    add_paths(routes, "GET", adapter.routes.sockets, upgrade_needed)
    add_paths(routes, "GET", adapter.routes.bridge or {}, upgrade_needed)
    assert(core.doors(doors.of_carrier(adapter)))
  end
end

return webhooks
