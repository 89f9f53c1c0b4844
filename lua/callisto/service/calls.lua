-- callisto.service.calls: the live calls of a service VM: opening one, and what is learned about it.
--
-- A live call is a record of facts that come from three sides in any order: the leg (its media socket), the flow (its
-- script) and the carrier (its last word). Each is written here once, duplicates change nothing, and whoever waits for
-- the call (callisto.life) is woken.

local core = require "callisto.core"
local announce = require "callisto.service.announce"
local catalog = require "callisto.service.catalog"
local http = require "callisto.http"
local json = require "callisto.json"
local life = require "callisto.service.life"
local limits = require "callisto.service.limits"
local log = require "callisto.log"
local outcome = require "callisto.outcome"
local events = require "callisto.service.records.events"
local legs = require "callisto.service.records.legs"
local records = require "callisto.service.records.calls"
local settings = require "callisto.settings"
local shared = require "callisto.shared"
local task = require "callisto.task"
local text = require "callisto.text"

-- A carrier's webhook that comes again finds the call it made; a call lasts no longer than this.
local REMEMBERED_S = 4 * 3600
-- From the answer document to the media socket.
local SOCKET_S = 60
-- What a wire's last word may say of the call (core/wire/wire.h).
local BYE_BYTES = 4096

---@class callisto.LiveCall
---@field id string
---@field direction "INBOUND"|"OUTBOUND"
---@field carrier string
---@field adapter callisto.Carrier
---@field account table
---@field template callisto.Template
---@field agent string
---@field from string
---@field to string
---@field payload table
---@field lead string|nil
---@field carrier_call string|nil
---@field is_provisional boolean|nil  the carrier may name the call otherwise yet
---@field socket_url string
---@field facts callisto.Facts
---@field leg nil|"up"|"ended"
---@field leg_reason string|nil
---@field flow_end string|nil  why the script ended
---@field is_broken boolean|nil  the engine plays the fallback
---@field final callisto.CarrierStatus|nil  the carrier's last word
---@field is_answered boolean|nil
---@field is_written boolean|nil  its row is in the store
---@field is_given_up boolean|nil  the one who ordered it was told that it is not dialled
---@field is_refused boolean|nil  it is not dialled, or not taken

local calls = {}

local live, by_carrier_call = {}, {}
local count = 0

local function carrier_key(carrier, carrier_call) return carrier .. " " .. carrier_call end

---@param id string
---@return callisto.LiveCall|nil
function calls.get(id) return live[id] end

---@return integer
function calls.count() return count end

local function remember(call)
  live[call.id] = call
  count = count + 1
  if call.carrier_call then by_carrier_call[carrier_key(call.carrier, call.carrier_call)] = call end
end

---A call is over and written: nothing is kept of it.
---@param call callisto.LiveCall
function calls.forget(call)
  if not live[call.id] then return end
  live[call.id] = nil
  count = count - 1
  if call.carrier_call then by_carrier_call[carrier_key(call.carrier, call.carrier_call)] = nil end
  limits.release(call.adapter, call.id)
end

-- Opening ----------------------------------------------------------------------------------------------------------

-- How keys get to the other side: as a message of the wire, else by a request, else as tones.
local function keys_by_request(call)
  return call.adapter.send_digits ~= nil and not call.adapter.formats[call.format].dtmf_out
end

local function begin_of(call, module)
  return json.encode {
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
    secrets = settings.secrets(call.template.secrets),
  }
end

local function signature_of(call)
  local sign = call.adapter.socket_signature
  local signature = sign and sign(call.socket_url, call.account)
  if signature then signature.required = signature.required or false end
  return signature
end

local function open_engine(call, module, path, ring)
  local template = call.template
  return core.call_open {
    id = call.id,
    entry = "callisto.flow",
    begin = begin_of(call, module),
    wire = catalog.wire(call.adapter, call.format),
    role = "agent",
    path = path,
    signature = signature_of(call),
    carrier_call = call.carrier_call,
    token_ttl = SOCKET_S + (ring or 0),
    socket = call.socket,
    bye = call.adapter.bye and call.adapter.bye { is_failed = true } or nil,
    recording = template.record and ("recordings/%s.wav"):format(call.id) or nil,
    longest = template.longest,
    fallback = { text = template.fallback, voice = template.voice.voice },
  }
end

local function prepare_voice(call)
  local template = call.template
  core.voice_prepare(template.fallback, template.voice.voice)
  if template.greeting then core.voice_prepare((text.interpolate(template.greeting, call.payload)), template.voice.voice) end
end

---Opens a call: a warm VM, a single-use token, and a task that lives as long as the call.
---@param options table  direction, adapter, account, agent, from, to; ring, carrier_call, payload, settings, lead; socket
---  (one that came first, instead of a token) and its format
---@return callisto.LiveCall|nil call, string? message, string? code  EBUSY: the carrier has no line free
function calls.open(options)
  local base, why = settings.socket_url()
  if not base then return nil, why, "EINVAL" end
  local format = options.format or options.account.audio or options.adapter.format
  if not options.adapter.formats[format] then
    local variable = options.adapter.environment.audio
    return nil, ("%s is '%s', which %s does not have"):format(variable, format, options.adapter.name), "EINVAL"
  end
  -- The path of PUBLIC_BASE_URL, if it has one, is the proxy's; the engine sees what follows it.
  local path = options.adapter.routes.media:gsub("{agent}", options.agent.name) .. "/" .. core.id("")
  local call = {
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
    facts = {},
    sequences = {},
  }
  local ok, message, code = limits.hold(call.adapter, call.id, call.template.longest)
  if not ok then return nil, message, code end
  ok, message, code = open_engine(call, options.agent.module, not options.socket and path or nil, options.ring)
  if not ok then
    limits.release(call.adapter, call.id)
    return nil, message, code
  end
  remember(call)
  prepare_voice(call)
  call.task = task.start(life.live, call, calls)
  call.task.call = call
  return call
end

---The document that connects a call's phone with its media socket.
---@param call callisto.LiveCall
---@return table[]
function calls.document(call)
  local template = call.template
  return {
    {
      "stream",
      url = call.socket_url,
      format = call.format,
      parameters = {
        { "call_id", call.id },
        { "lead_id", call.lead or call.id },
        { "agent_name", call.agent },
        { "direction", call.direction:lower() },
        { "from_number", call.from },
        { "to_number", call.to },
      },
    },
    { "say", template.fallback },
    { "hangup" },
  }
end

-- Learning ---------------------------------------------------------------------------------------------------------

---A fact that counts for the outcome. Written when it changes what is known.
---@param call callisto.LiveCall
---@param kind string
---@param data table
---@param is_written boolean|nil  the event is in the store already
function calls.learn(call, kind, data, is_written)
  if outcome.add(call.facts, kind, data) then
    if not is_written then events.add(call.id, kind, data) end
    records.note(call.id, kind, data)
    task.wake(call)
  end
end

---The carrier's own id of a call became known. One that was read from the answer to an order may be replaced once.
---@param call callisto.LiveCall
---@param carrier_call string
---@param is_provisional boolean|nil
function calls.name(call, carrier_call, is_provisional)
  local before = call.carrier_call
  if not carrier_call or (before and not call.is_provisional) then return end
  call.is_provisional = is_provisional or nil
  if carrier_call == before then return end
  if before then by_carrier_call[carrier_key(call.carrier, before)] = nil end
  call.carrier_call = carrier_call
  by_carrier_call[carrier_key(call.carrier, carrier_call)] = call
  records.set_carrier_call(call)
  core.alias(call.id, carrier_call)
  task.wake(call)
end

local function note_answer(call)
  if call.is_answered then return end
  call.is_answered = true
  records.answered(call)
end

---The carrier said something about a call. Older and repeated words change nothing.
---@param call callisto.LiveCall
---@param status callisto.CarrierStatus
function calls.note_status(call, status)
  calls.name(call, status.carrier_call)
  if status.sequence and call.sequences[status.sequence] then return end
  if status.sequence then call.sequences[status.sequence] = true end
  if call.final then return end
  events.add(call.id, "carrier." .. (status.word ~= "" and status.word or "unknown"),
    { sequence = status.sequence, seconds = status.seconds, cause = status.cause })
  if status.is_answered then note_answer(call) end
  if status.is_terminal then
    call.final = status
    calls.learn(call, "provider", { status = status.status, reason = status.reason, cause = status.cause })
  else
    call.progress = status.word
  end
  task.wake(call)
end

local function find_by_status(carrier, status)
  if status.call and live[status.call] and live[status.call].carrier == carrier then return live[status.call] end
  return status.carrier_call and by_carrier_call[carrier_key(carrier, status.carrier_call)]
end

---A status callback.
---@param carrier string
---@param status callisto.CarrierStatus
---@return boolean known
function calls.deliver(carrier, status)
  local call = find_by_status(carrier, status)
  if call then calls.note_status(call, status) end
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
  if not call.adapter.bye or call.leg == "ended" then return end
  local word = call.adapter.bye(ending)
  if #word > BYE_BYTES then
    log.warn(("call %s: its outputs are too long for %s and are left out"):format(call.id, call.carrier))
    word = call.adapter.bye { outcome = ending.outcome }
  end
  core.leg_bye(call.id, word)
end

local told = {}

function told.agent_outcome(call, about)
  calls.learn(call, "agent_outcome", { word = about.word, source = about.source }, true)
end

-- The script presses keys, and the carrier wants them by a request.
function told.keys(call, about)
  task.start(function()
    if not call.carrier_call then
      return log.warn(("call %s: keys are not sent, the carrier's id is not known"):format(call.id))
    end
    local ok, why = call.adapter.done(http.fetch(call.adapter.send_digits(call.carrier_call, about.keys, call.account)))
    if not ok then log.warn(("call %s: %s did not send the keys: %s"):format(call.id, call.carrier, tostring(why))) end
  end)
end

function told.ended(call, about)
  if call.flow_end then return end
  call.flow_end = about.reason or "AGENT_ENDED"
  set_bye(call, { outcome = about.outcome, outputs = about.outputs })
  calls.learn(call, "session_end", { reason = call.flow_end })
  task.wake(call)
end

---A call's VM has told something.
---@param id string
---@param encoded string
function calls.told(id, encoded)
  local call, about = live[id], json.decode(encoded)
  if not call or type(about) ~= "table" then return end
  local fn = told[about.what]
  if fn then fn(call, about) end
end

---The leg of a call has started or ended.
---@param id string
---@param what "started"|"ended"
---@param encoded string
function calls.leg(id, what, encoded)
  if announce.leg(id, what) then return end
  local call = live[id]
  if not call or call.leg == "ended" then return end
  local about = json.decode(encoded or "{}")
  about = type(about) == "table" and about or {}
  events.add(id, "leg." .. what, about)
  if what == "started" then
    call.leg = "up"
    legs.up(id, 1, about.stream)
    if type(about.call) == "string" and about.call ~= "" then calls.name(call, about.call) end
    note_answer(call)
  else
    call.leg = "ended"
    legs.finish(id, 1, about)
    call.leg_reason = about.reason
    call.last_message = about.message
  end
  task.wake(call)
end

---The script of a call failed or was stopped; the engine plays the fallback.
---@param id string
---@param code string
---@param why string
function calls.broken(id, code, why)
  local call = live[id]
  log.error(("call %s: its script was ended (%s): %s"):format(id, code, why))
  if not call or call.is_broken then return end
  call.is_broken = true
  set_bye(call, { is_failed = true })
  events.add(id, "script.broken", { code = code, text = why })
  calls.learn(call, "session_end", { reason = "PIPELINE_ERROR" })
  task.wake(call)
end

-- Webhooks that come again -----------------------------------------------------------------------------------------

---Keeps what was answered to a webhook; the same webhook gets the same answer.
---@param carrier string
---@param carrier_call string
---@param body string
function calls.keep_answer(carrier, carrier_call, body)
  shared.set("answer " .. carrier_key(carrier, carrier_call), body, REMEMBERED_S)
end

---@return string|nil body
function calls.kept_answer(carrier, carrier_call) return (shared.get("answer " .. carrier_key(carrier, carrier_call))) end

return calls
