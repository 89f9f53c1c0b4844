-- callisto.exchange.genesys: Genesys Cloud's face: a flow that runs the action "Call Audio Connector" for each caller.
--
--   open (signed upgrade) ─► opened ─► audio both ways, pings, keys ─┬─► disconnect ─► close ─► closed: the flow goes on
--                                                                   └─► the caller hangs up: close ─► closed
--
-- There is no REST interface and there are no webhooks. What else the client may say can be had on request:
--
--   POST /exchange/genesys/{call}/says {type, parameters}   paused, resumed, discarded, error, update …, numbered
--   POST /exchange/genesys/probes {url}                     the connection probe of a new integration

local contract = require "callisto.exchange.face"
local core = require "callisto.core"
local course = require "callisto.exchange.course"
local crypto = require "callisto.crypto"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local settings = require "callisto.settings"
local task = require "callisto.task"

local genesys = {}

local ORGANIZATION = "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
local NOBODY = "00000000-0000-0000-0000-000000000000"
local FIRST_PING_S, PING_S = 1, 5
local SIGNED_S = 30           -- how long a signature is good
local PER_SECOND, BURST = 5, 25 -- audio messages: the strictest that was ever seen
local PROBER = "genesys-probe"  -- who is on the telephone of a probe

local account ---@type {key: string, secret: string|nil}
local wires = {}
local calls

-- The media socket -------------------------------------------------------------------------------------------------

local function ours(kind, parameters)
  return ([[{"version":"2","id":"$stream","type":"%s","seq":$seq,"serverseq":$peer_seq,"position":"$position","parameters":%s}]])
    :format(kind, parameters)
end

local function media(channels)
  return {
    name = "genesys-client", encoding = "pcmu", rate = 8000, frame_ms = 20, binary_in = true, binary_out = true,
    channels_out = channels, event = "type", sequence_in = "seq", acknowledged_in = "clientseq", stream_in = "id",
    start_in = { event = "opened", stream = "id" },
    clear_in = { event = "event", when = { "parameters.entities.0.type", "barge_in" } },
    stop_in = { event = "closed" },
    dtmf_out = ours("dtmf", [[{"digit":"$digit"}]]),
    playing_out = ours("playback_started", "{}"),
    played_out = ours("playback_completed", "{}"),
    replies = { { event = "disconnect", text = ours("close", [[{"reason":"disconnect"}]]), ends = true } },
    bye_out = ours("close", [[{"reason":"end"}]]),
    limit_in = {
      per_second = PER_SECOND, burst = BURST,
      text = ours("error", [[{"code":429,"message":"too many messages","retryAfter":"PT1S"}]]),
    },
  }
end

-- A probe is over when it is let in, and has no audio: it never starts.
local function media_of_probe()
  local declared = media(1)
  declared.start_in = { event = "never", stream = "id" }
  table.insert(declared.replies, { event = "opened", text = ours("close", [[{"reason":"end"}]]), ends = true })
  return declared
end

local function wire_of(kind)
  wires[kind] = wires[kind] or core.wire(kind == "probe" and media_of_probe() or media(kind))
  return wires[kind]
end

-- The upgrade ------------------------------------------------------------------------------------------------------

local function uuid()
  local hex = crypto.hex(core.random(16))
  return ("%s-%s-4%s-8%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

local COMPONENTS = {
  "@request-target", "@authority", "audiohook-organization-id", "audiohook-session-id", "audiohook-correlation-id", "x-api-key",
}

-- Signs the request as the draft has it; with code of its own, so that the adapter's mistakes do not hide.
local function sign(url, headers)
  local scheme, authority, target = url:match "^(%a+)://([^/]+)(.*)$"
  local port = scheme == "wss" and ":443" or ":80"
  if authority:sub(-#port) == port then authority = authority:sub(1, -#port - 1) end
  local values = { ["@request-target"] = target, ["@authority"] = authority:lower() }
  local names, lines = {}, {}
  for i, name in ipairs(COMPONENTS) do
    names[i] = '"' .. name .. '"'
    lines[i] = names[i] .. ": " .. (values[name] or headers[name])
  end
  local created = math.floor(core.wall())
  local params = ('(%s);keyid="%s";nonce="%s";alg="hmac-sha256";created=%d;expires=%d'):format(table.concat(names, " "),
    account.key, crypto.base64(core.random(18)), created, created + SIGNED_S)
  lines[#lines + 1] = '"@signature-params": ' .. params
  local signature = crypto.hmac("sha256", assert(crypto.unbase64(account.secret)), table.concat(lines, "\n"))
  headers["signature-input"] = "sig1=" .. params
  headers.signature = "sig1=:" .. crypto.base64(signature) .. ":"
end

local function headers_of(call, url)
  local headers = {
    ["audiohook-organization-id"] = ORGANIZATION, ["audiohook-session-id"] = call.id, ["audiohook-correlation-id"] = uuid(),
    ["x-api-key"] = account.key,
  }
  if account.secret then sign(url, headers) end
  return headers
end

local function open_of(call)
  local offers = json.array {}
  for i, channels in ipairs(call.offers) do
    offers[i] = { type = "audio", format = "PCMU", channels = json.array(channels), rate = 8000 }
  end
  return json.encode {
    version = "2", id = call.id, type = "open", seq = 1, serverseq = 0, position = "PT0S", parameters = {
      organizationId = ORGANIZATION, conversationId = call.conversation,
      participant = { id = call.participant, ani = call.from, aniName = "", dnis = call.to },
      media = offers, language = "en-US", customConfig = call.config or json.decode "{}",
      inputVariables = next(call.variables) and call.variables or json.decode "{}",
    },
  }
end

-- The Connector's URI of an agent; of the path of a webhook, as others have it, its socket's.
local function socket_url(url)
  return (url:gsub("^http", "ws"):gsub("/telephony/genesys/inbound/", "/ws/genesys/"))
end

-- A session --------------------------------------------------------------------------------------------------------

local function say(call, kind, parameters)
  core.leg_text(call.line, (ours(kind, json.encode(parameters or json.decode "{}"))))
end

local function fail(call, code, text)
  network.note(call, ("error %d: %s"):format(code, text))
  say(call, "error", { code = code, message = text })
  core.leg_end(call.line, false, 1000)
end

-- Pings for as long as there is a stream; each must be answered before the next.
local function ping(call)
  task.sleep(FIRST_PING_S)
  while call.streaming do
    call.awaits_pong = true
    say(call, "ping")
    task.sleep(PING_S)
    if call.streaming and call.awaits_pong then return fail(call, 408, "no pong") end
  end
end

local function on_message(call, text)
  local message = json.decode(text)
  if type(message) ~= "table" then return end
  if message.type == "pong" then call.awaits_pong = false else network.note(call, "agent says " .. tostring(message.type)) end
end

-- What the flow learns from the message that ended the session.
local function read_ending(call)
  local last = call.last_leg or {}
  local message = json.decode(last.message or "")
  local parameters = type(message) == "table" and message.type == "disconnect" and message.parameters
  if type(parameters) ~= "table" then return last.reason == "hangup" and "completed" or "failed" end
  network.note(call, "disconnect " .. json.encode(parameters))
  return parameters.reason == "completed" and "completed" or "failed"
end

local function converse(call, url)
  network.stream(call, {
    url = url, headers = headers_of(call, url), opening = { open_of(call) }, stream = call.id, carrier_call = call.id,
    sequence = 2,
    on_start = function() call.pinger = task.start(ping, call) end,
    on_end = function() if call.pinger then task.cancel(call.pinger) end end,
  })
  call.rejected = read_ending(call)
end

local face = { become = function() end }

function face.wire(call) return wire_of(call.wire) end

local function begin(call, url)
  call.on_gone = function() calls:finish(call, "completed") end
  call.on_message = function(text) on_message(call, text) end
  network.add(call)
  calls:obey(call, function()
    if calls:lift(call) then converse(call, url) end
  end)
  return call
end

---A subscriber calls a number whose flow calls the Audio Connector.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, input_variables: table<string, any>|nil, custom_config: table|nil, offers: string[][]|nil}
---@return callisto.exchange.Call
function genesys.inbound(from, to, number)
  local offers, is_mono = number.offers or { { "external" } }, false
  for _, channels in ipairs(offers) do is_mono = is_mono or #channels == 1 end
  return begin({
    id = uuid(), carrier = "genesys", from = from, to = to, party = from, direction = "inbound", status = "ringing",
    conversation = uuid(), participant = uuid(), variables = number.input_variables or {}, offers = offers,
    config = number.custom_config,
    wire = is_mono and 1 or 2,
  }, socket_url(number.voice_url))
end

local function probe(url)
  network.set_puppet(PROBER, {})
  return begin({
    id = uuid(), carrier = "genesys", from = "", to = "", party = PROBER, direction = "inbound", status = "ringing",
    conversation = NOBODY, participant = NOBODY, variables = {}, offers = { { "external" } }, wire = "probe",
  }, socket_url(url))
end

-- On request -------------------------------------------------------------------------------------------------------

local JSON = { ["content-type"] = "application/json" }

---The id of the call a path of this face names.
---@param path string
---@return string|nil
function genesys.call_in(path) return path:match "^/exchange/genesys/(%x+%-[%x%-]+)/says$" end

---Answers a request that belongs to this face; nil when it does not.
---@param message table
---@return integer|nil status, table|nil headers, string|nil body
function genesys.handle(message)
  local wanted = json.decode(message.body or "")
  if message.method ~= "POST" or type(wanted) ~= "table" then return nil end
  if message.path == "/exchange/genesys/probes" and type(wanted.url) == "string" then
    return 201, JSON, json.encode { id = probe(wanted.url).id }
  end
  local call = network.find(genesys.call_in(message.path) or "")
  if not call or type(wanted.type) ~= "string" then return nil end
  say(call, wanted.type, wanted.parameters)
  return 204, {}, ""
end

---@param options {numbers: table<string, table>, cps: number|nil}
---@return true|nil ok, string? why  the variables that are missing
function genesys.start(options)
  local key = settings.get "GENESYS_API_KEY"
  if not key then return nil, "GENESYS_API_KEY is not set" end
  account = { key = key, secret = settings.get "GENESYS_CLIENT_SECRET" }
  calls = course.new(face, options.cps or 1)
  return true
end

return contract {
  name = "genesys", start = genesys.start, handle = genesys.handle, inbound = genesys.inbound, call_in = genesys.call_in,
}
