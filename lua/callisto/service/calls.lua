-- callisto.service.calls: opens calls, and brings what the engine and the carriers say to the live call it is about.

local core = require "callisto.core"
local announce = require "callisto.service.announce"
local catalog = require "callisto.service.catalog"
local events = require "callisto.service.records.events"
local language = require "callisto.language"
local legs = require "callisto.service.records.legs"
local life = require "callisto.service.life"
local limits = require "callisto.service.limits"
local live_call = require "callisto.service.live_call"
local log = require "callisto.log"
local measured = require "callisto.service.measured"
local metrics = require "callisto.metrics"
local settings = require "callisto.settings"
local shared = require "callisto.shared"
local task = require "callisto.task"
local text = require "callisto.text"
local vendors = require "callisto.service.vendors"
local wording = require "callisto.wording"

-- A carrier repeats a webhook within seconds or minutes, and then gets the same answer. A call that is up is found by its
-- name, however late; one that is over is known to the store, and does not begin again.
local REMEMBERED_S = 15 * 60
-- From the answer document to the media socket.
local SOCKET_S = 60
-- What a wire's last word may say of the call (core/wire/wire.h).
local BYE_BYTES = 4096

local calls = {}

-- Opening ----------------------------------------------------------------------------------------------------------

-- How keys get to the other side: as a message of the wire, else by a request, else as tones.
local function keys_by_request(call)
  return call:can "send_digits" and not call.adapter.media[call.format].dtmf_out
end

-- Those the template declares, and the accounts of the models' vendors, under names that no template can declare.
local function secrets_of(template)
  local all = settings.secrets(template.secrets)
  for name, vendor in pairs(catalog.llms()) do
    for field, value in pairs(settings.account(vendor, "llm") or {}) do
      all[("llm.%s.%s"):format(name, field)] = tostring(value)
    end
  end
  return all
end

local function begin_of(call, module, orders)
  local speaker, first_voice = vendors.speaker(call, orders)
  return {
    call = call.id,
    template = module,
    from = call.from,
    to = call.to,
    direction = call.direction,
    carrier = call.carrier,
    carrier_call = call.carrier_call,
    keys_by_request = keys_by_request(call),
    payload = call.payload,
    settings = settings.for_calls(call.settings),
    secrets = secrets_of(call.template),
    has_vendor_ear = orders.stt ~= nil,
    speaker = speaker,
    first_voice = first_voice,
  }
end

local function signature_of(call)
  local sign = call.adapter.socket.signature
  local signature = sign and sign(call.socket_url, call.account)
  if signature then signature.required = signature.required or false end
  return signature
end

-- The fallback is always said by our own voice; in a language it does not know that would be silence.
local function own_fallback(template)
  return wording.for_our_voice(template.fallback, template.voice.language) or language.of("en").fallback
end

local function open_engine(call, module, path, orders)
  local template = call.template
  return core.call_open {
    id = call.id,
    entry = "callisto.flow",
    begin = begin_of(call, module, orders),
    wire = catalog.wire(call.adapter, call.format),
    role = "agent",
    path = path,
    signature = signature_of(call),
    carrier_call = call.carrier_call,
    token_ttl = SOCKET_S + (call.ring or 0),
    socket = call.socket,
    bye = call.adapter.socket.bye and call.adapter.socket.bye { is_failed = true } or nil,
    recording = template.record and ("recordings/%s.wav"):format(call.id) or nil,
    longest = template.longest,
    fallback = { text = own_fallback(template), voice = vendors.own_voice(template) },
  }
end

-- What our own voice will say soon.
local function prepare_voice(call, orders)
  local template, voice = call.template, vendors.own_voice(call.template)
  core.voice_prepare(own_fallback(template), voice)
  if orders.tts or not template.greeting then return end
  local greeting = wording.of_template(template, template.greeting)
  core.voice_prepare((text.interpolate(greeting, call.payload, template.voice.language)), voice)
end

-- With a line held: the engine's side of the call, and the carrier's name for it, which one call has at a time.
local function begin(call, module, path)
  local orders = vendors.of(call)
  local ok, message, code = open_engine(call, module, path, orders)
  if ok and call.carrier_call then ok, message, code = core.alias(call.id, call.carrier_call) end
  if not ok then return nil, message, code end
  vendors.open(call, orders)
  prepare_voice(call, orders)
  call:remember()
  call.task = task.start(life.live, call)
  call.task.call = call
  return call
end

-- Whatever stands in the way, an error too: a call that did not begin holds no line, no token and no VM.
local function begin_or_let_go(call, module, path)
  return task.finally(begin, function()
    if call.task then return end
    core.call_close(call.id, 1000)
    call:forget()
    limits.release(call.adapter, call.id)
  end, call, module, path)
end

local function format_of(adapter, account, wanted)
  local format = wanted or account.audio or adapter.media.default
  if adapter.media[format] then return format end
  return nil, ("%s is '%s', which %s does not have"):format(adapter.account.audio, format, adapter.name), "EINVAL"
end

---Opens a call: a warm VM, a single-use token, and a task that lives as long as the call.
---@param options table  direction, adapter, account, agent, from, to; ring, carrier_call, payload, settings, lead; socket
---  (one that came first, instead of a token) and its format
---@return callisto.LiveCall|nil call, string? message
---@return string? code  EBUSY: the carrier has no line free; EEXIST: the carrier's call has a live call already
function calls.open(options)
  local base, why = settings.socket_url()
  if not base then return nil, why, "EINVAL" end
  local format, message, code = format_of(options.adapter, options.account, options.format)
  if not format then return nil, message, code end
  -- The path of PUBLIC_BASE_URL, if it has one, is the proxy's; the engine sees what follows it.
  local path = options.adapter.routes.media:gsub("{agent}", options.agent.name) .. "/" .. core.id("")
  local call = live_call.new {
    id = core.id("c"),
    direction = options.direction,
    carrier = options.adapter.name,
    adapter = options.adapter,
    account = options.account,
    agent = options.agent.name,
    template = options.agent.template,
    from = options.from,
    to = options.to,
    payload = options.payload or {},
    settings = options.settings,
    lead = options.lead,
    ring = options.ring,
    carrier_call = options.carrier_call,
    socket_url = base .. path,
    socket = options.socket,
    format = format,
  }
  local held
  held, message, code = limits.hold(call.adapter, call.id, call.template.longest)
  if not held then return nil, message, code end
  return begin_or_let_go(call, options.agent.module, not options.socket and path or nil)
end

-- What is said of a call ------------------------------------------------------------------------------------------

local function find_by_status(carrier, status)
  local call = status.call and live_call.get(status.call)
  if call and call.carrier == carrier then return call end
  return status.carrier_call and live_call.of_carrier(carrier, status.carrier_call)
end

---A status callback.
---@param carrier string
---@param status callisto.CarrierStatus
---@return boolean known
function calls.deliver(carrier, status)
  local call = find_by_status(carrier, status)
  if call then call:note_status(status) end
  return call ~= nil
end

---Whether another service VM of this process has the call, by our id or by the carrier's.
---@param name string|nil
---@return boolean
function calls.is_elsewhere(name)
  if not name or name == "" then return false end
  local id, is_mine = core.owner(name)
  return id ~= nil and not is_mine
end

-- What the carrier will hear of the call as our last word, if its protocol has one.
local function set_bye(call, ending)
  if not call.adapter.socket.bye or call.leg == "ended" then return end
  local word = call.adapter.socket.bye(ending)
  if #word > BYE_BYTES then
    log.warn(("call %s: its outputs are too long for %s and are left out"):format(call.id, call.carrier))
    word = call.adapter.socket.bye { outcome = ending.outcome }
  end
  core.leg_bye(call.id, word)
end

local told = {}

function told.agent_outcome(call, about)
  call:learn("agent_outcome", { word = about.word, source = about.source }, true)
end

-- The script presses keys, and the carrier wants them by a request.
function told.keys(call, about)
  task.start(function()
    if not call.carrier_call then
      return log.warn(("call %s: keys are not sent, the carrier's id is not known"):format(call.id))
    end
    local ok, why = call:request("send_digits", about.keys)
    if not ok then log.warn(("call %s: %s did not send the keys: %s"):format(call.id, call.carrier, tostring(why))) end
  end)
end

function told.turn(_, about) measured.turn(about) end

function told.ended(call, about)
  if call.flow_end then return end
  call.flow_end = about.reason or "AGENT_ENDED"
  -- The word itself may have been more than the script could still tell.
  local known = call.facts.agent
  if about.outcome and not (known and known.word) then told.agent_outcome(call, { word = about.outcome, source = "FLOW" }) end
  call:learn("session_end", { reason = call.flow_end })
  task.wake(call)
  set_bye(call, { outcome = about.outcome, outputs = about.outputs }) -- last: an adapter may fail at it
end

---A call's VM has told something.
---@param id string
---@param about table
function calls.told(id, about)
  local call = live_call.get(id)
  if not call or type(about) ~= "table" then return end
  local fn = told[about.what]
  if fn then fn(call, about) end
end

-- Another party than the caller: its leg is written down; the flow, which joined it, hears of it too.
local function note_party(id, party, what, about)
  events.add(id, ("party.%d.%s"):format(party, what), about)
  if what == "ended" then return legs.finish(id, party, about) end
  if what == "error" then return end
  legs.begin(live_call.get(id), party, "agent")
  legs.up(id, party, about.stream)
end

---The leg of a party of a call has started or ended, or its other side says that something is wrong.
---@param id string
---@param party integer  1: the caller
---@param what "started"|"error"|"ended"
---@param about table
function calls.leg(id, party, what, about)
  if announce.leg(id, what) then return end
  local call = live_call.get(id)
  if not call then return end
  if party ~= 1 then return note_party(id, party, what, about) end
  if call.leg == "ended" then return end
  events.add(id, "leg." .. what, about)
  if what == "error" then return end
  if what == "started" then
    call.leg = "up"
    legs.up(id, 1, about.stream)
    if about.call ~= "" then call:named(about.call) end
    call:note_answer()
  else
    call.leg = "ended"
    legs.finish(id, 1, about)
    call.leg_reason = about.reason
    call.last_message = about.message
  end
  task.wake(call)
end

---The script of a call failed or was stopped; the engine has logged why, and plays the fallback.
---@param id string
---@param code string
---@param why string
function calls.broken(id, code, why)
  local call = live_call.get(id)
  if not call or call.is_broken then return end
  call.is_broken = true
  events.add(id, "script.broken", { code = code, text = why })
  call:learn("session_end", { reason = "PIPELINE_ERROR" })
  task.wake(call)
  set_bye(call, { is_failed = true })
end

-- Webhooks that come again -----------------------------------------------------------------------------------------

local function kept_key(carrier, carrier_call) return ("answer %s %s"):format(carrier, carrier_call) end

---Keeps what was answered to a webhook; the same webhook gets the same answer.
---@param carrier string
---@param carrier_call string
---@param body string
function calls.keep_answer(carrier, carrier_call, body)
  if not shared.set(kept_key(carrier, carrier_call), body, REMEMBERED_S) then
    metrics.count(('answers_not_kept_total{carrier="%s"}'):format(carrier))
  end
end

---@return string|nil body
function calls.kept_answer(carrier, carrier_call) return (shared.get(kept_key(carrier, carrier_call))) end

return calls
