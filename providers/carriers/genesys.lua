-- Genesys Cloud AudioHook, product Audio Connector: the media socket comes first, is signed, and is all there is. No
-- webhook, no REST interface, no outbound calls; what becomes of the call is the flow's business, which hears our output
-- variables. Protocol version 2; wire facts: the vendor's reference servers and help articles.
--
-- UNCONFIRMED: how many messages a second are allowed. Audio goes in packets of 200 ms, five a second, and an error 429 is
-- obeyed.

local carrier = require "callisto.provider.carrier"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local http_signature = require "providers.shared.http_signature"
local json = require "callisto.json"
local shared = require "callisto.shared"

local NOBODY = "00000000-0000-0000-0000-000000000000" -- conversation and participant of a connection probe
local AGE_S, SKEW_S = 10, 3
local NONCE_LETTERS = 22

-- Signatures -------------------------------------------------------------------------------------------------------

local must_be_signed = {
  "@request-target", "@authority", "audiohook-organization-id", "audiohook-session-id", "audiohook-correlation-id", "x-api-key",
}

local default_ports = { https = ":443", http = ":80" }

-- Components of a request as it was sent to the public URL.
local function values_of(message, public_url)
  local scheme, authority, prefix = public_url:match "^(%a+)://([^/]+)(.*)$"
  local port = default_ports[scheme:lower()]
  authority = authority:lower()
  if port and authority:sub(-#port) == port then authority = authority:sub(1, -#port - 1) end
  local target = prefix .. http.target_of(message)
  return function(name)
    if name == "@request-target" then return target end
    if name == "@authority" then return authority end
    return message.headers[name]
  end
end

local function check_coverage(signature)
  local covered = {}
  for _, name in ipairs(signature.components) do covered[name] = true end
  for _, name in ipairs(must_be_signed) do
    if not covered[name] then return ("the signature does not cover '%s'"):format(name) end
  end
end

local function check_parameters(p, account)
  local now = core.wall()
  if p.alg ~= "hmac-sha256" then return "the signature's algorithm is not hmac-sha256" end
  if p.keyid ~= account.key then return "the signature is made with another key" end
  if type(p.nonce) ~= "string" or #p.nonce < NONCE_LETTERS then return "the signature's nonce is too short" end
  if type(p.created) ~= "number" or type(p.expires) ~= "number" then return "the signature does not say when it was made" end
  if p.created < now - (tonumber(account.age) or AGE_S) then return "the signature is too old" end
  if p.created > now + (tonumber(account.skew) or SKEW_S) then return "the signature is of the future: check the clocks" end
  if p.expires < now then return "the signature has expired" end
end

local function is_new(p, account)
  return shared.add("genesys nonce " .. p.nonce, "1", (tonumber(account.age) or AGE_S) + (tonumber(account.skew) or SKEW_S) + 1)
end

local function validate(message, public_url, account)
  local key = crypto.unbase64(account.secret)
  if not key then return nil, "GENESYS_CLIENT_SECRET is not base64" end
  local signature, why = http_signature.parse(message.headers["signature-input"], message.headers.signature)
  if not signature then return nil, why end
  why = check_coverage(signature) or check_parameters(signature.parameters, account)
  if why then return nil, why end
  local params = http_signature.params(signature.components, signature.parameters, signature.order)
  local base
  base, why = http_signature.base(signature.components, values_of(message, public_url), params)
  if not base then return nil, why end
  if not crypto.equal(http_signature.sign(key, base), signature.given) then
    return nil, "the signature is wrong: check the client secret and PUBLIC_BASE_URL"
  end
  if not is_new(signature.parameters, account) then return nil, "the signature was used before" end
  return true
end

-- Without a client secret the API key alone lets in, as Genesys allows it.
local function verify(message, public_url, account)
  local given = message.headers["x-api-key"]
  if not given or given == "" then return nil, "the request has no X-API-KEY header", 401 end
  if not crypto.equal(given, account.key) then return nil, "X-API-KEY is not GENESYS_API_KEY", 401 end
  if not account.secret then return true end
  local ok, why = validate(message, public_url, account)
  if not ok then return nil, why, 401 end
  return true
end

-- The session ------------------------------------------------------------------------------------------------------

-- A message of ours before the wire counts them: the first one.
local function first_answer(open, kind, parameters)
  return json.encode {
    version = "2", id = open.id, type = kind, seq = 1, clientseq = open.seq, parameters = parameters,
  }
end

local function open_of(message)
  local open = json.decode((message.first or {})[1] or "")
  if type(open) ~= "table" or open.type ~= "open" or type(open.parameters) ~= "table" then
    return nil, "the first message is not an 'open'"
  end
  if open.version ~= "2" then return nil, "the protocol's version is not 2" end
  if type(open.id) ~= "string" or open.id ~= message.headers["audiohook-session-id"] then
    return nil, "the session's id is not the one of the request"
  end
  if open.seq ~= 1 then return nil, "the first message is not numbered 1" end
  if open.parameters.organizationId ~= message.headers["audiohook-organization-id"] then
    return nil, "the organization's id is not the one of the request"
  end
  return open
end

-- The caller alone, or of two channels the first, which is the caller's. A flow may offer nothing but the other side.
local formats_of = { ["external"] = "pcmu/1", ["external internal"] = "pcmu/2", ["internal"] = "pcmu/internal" }
local preference = { ["pcmu/1"] = 3, ["pcmu/2"] = 2, ["pcmu/internal"] = 1 }

local function channels_of(offer)
  local names = {}
  for i, name in ipairs(type(offer.channels) == "table" and offer.channels or {}) do names[i] = tostring(name) end
  return table.concat(names, " ")
end

local function format_of(offered)
  local best
  for _, each in ipairs(type(offered) == "table" and offered or {}) do
    local is_pcmu = type(each) == "table" and each.type == "audio" and each.format == "PCMU" and each.rate == 8000
    local format = is_pcmu and formats_of[channels_of(each)]
    if format and (not best or preference[format] > preference[best]) then best = format end
  end
  return best
end

local function number_of(text) return type(text) == "string" and text:gsub("^%a+:", ""):gsub("@.*$", "") or "" end

-- What the flow gave its action, as it gave it; beside that, unless it has variables of these names, what the session says.
local function payload_of(parameters)
  local payload, config = {}, parameters.customConfig
  for name, value in pairs(type(parameters.inputVariables) == "table" and parameters.inputVariables or {}) do
    if type(name) == "string" and value ~= json.null then payload[name] = value end
  end
  local function add(name, value)
    if payload[name] == nil then payload[name] = value end
  end
  if type(parameters.conversationId) == "string" then add("conversation_id", parameters.conversationId) end
  if type(parameters.language) == "string" then add("language", parameters.language) end
  if type(config) == "table" and next(config) ~= nil then add("custom_config", config) end
  return payload
end

local function socket(message, account)
  local open, why = open_of(message)
  if not open then return nil, why end
  local p = open.parameters
  if account.organization and account.organization ~= p.organizationId then
    return nil, "the organization is not GENESYS_ORGANIZATION_ID"
  end
  local participant = type(p.participant) == "table" and p.participant or {}
  if p.conversationId == NOBODY and participant.id == NOBODY then
    return { goodbye = first_answer(open, "opened", { startPaused = false, media = json.array {} }) }
  end
  local format = format_of(p.media)
  if not format then return nil, "none of the offered media is PCMU at 8000 Hz with the caller first" end
  return {
    carrier_call = open.id,
    from = number_of(participant.ani),
    to = number_of(participant.dnis),
    direction = "INBOUND",
    agent = http.read_query(message.query).agent,
    payload = payload_of(p),
    format = format,
  }
end

-- Endings ----------------------------------------------------------------------------------------------------------

local function refuse_socket(message, about)
  local open = json.decode((message.first or {})[1] or "")
  if type(open) ~= "table" or type(open.id) ~= "string" or type(open.seq) ~= "number" then return nil end
  local parameters = { reason = about.reason == "unauthorized" and "unauthorized" or "error", info = about.why }
  if about.reason == "blocked" then
    parameters = {
      reason = "completed", info = about.why,
      outputVariables = { outcome = "blocked", message = about.sentence, redirect = about.redirect },
    }
  end
  return first_answer(open, "disconnect", parameters)
end

local function bye(ending)
  if ending.is_failed then return json.encode { reason = "error", info = "the agent failed" } end
  local outputs = {}
  for name, value in pairs(ending.outputs or {}) do outputs[name] = value end
  outputs.outcome = outputs.outcome or ending.outcome or ""
  return json.encode { reason = "completed", outputVariables = outputs }
end

local function ended(message)
  local close = json.decode(message)
  local reason = type(close) == "table" and type(close.parameters) == "table" and close.parameters.reason
  if type(reason) ~= "string" then return nil end
  return { status = "ANSWERED", reason = reason == "error" and "FAILED" or "COMPLETED", cause = "close: " .. reason }
end

-- The media socket -------------------------------------------------------------------------------------------------

local function ours(kind, parameters)
  local text = [[{"version":"2","id":"$stream","type":"%s","seq":$seq,"clientseq":$peer_seq,"parameters":%s}]]
  return text:format(kind, parameters)
end

local function media(channels)
  local chosen = {}
  for i, channel in ipairs(channels) do chosen[i] = '"' .. channel .. '"' end
  local offer = ([[{"type":"audio","format":"PCMU","channels":[%s],"rate":8000}]]):format(table.concat(chosen, ","))
  local opened = ([[{"startPaused":false,"media":[%s]}]]):format(offer)
  return {
    encoding = "pcmu",
    rate = 8000,
    frame_ms = 200,
    channels = #channels,
    binary_in = true,
    binary_out = true,
    event = "type",
    sequence_in = "seq",
    acknowledged_in = "serverseq",
    stream_in = "id",
    start_in = { event = "open", stream = "id", call = "id" },
    mark_in = { event = "playback_completed" },
    dtmf_in = { event = "dtmf", digit = "parameters.digit" },
    stop_in = { event = "close" },
    pause_in = { event = "paused" },
    resume_in = { event = "resumed" },
    error_in = {
      event = "error", code = "parameters.code", text = "parameters.message", retry_after = "parameters.retryAfter",
    },
    replies = {
      { event = "open", text = ours("opened", opened) },
      { event = "ping", text = ours("pong", "{}") },
      { event = "update", text = ours("updated", "{}") },
      { event = "close", text = ours("closed", "{}") },
    },
    clear = ours("event", [[{"entities":[{"type":"barge_in","data":{}}]}]]),
    bye_out = ours("disconnect", "$bye"),
    closed_by_peer = true,
  }
end

return carrier {
  name = "genesys",
  account = {
    key = "GENESYS_API_KEY",
    secret = "GENESYS_CLIENT_SECRET",
    organization = "GENESYS_ORGANIZATION_ID",
    age = "GENESYS_SIGNATURE_AGE",
    skew = "GENESYS_CLOCK_SKEW",
  },
  required = { "key" },
  media = {
    default = "pcmu/1", ["pcmu/1"] = media { "external" }, ["pcmu/2"] = media { "external", "internal" },
    ["pcmu/internal"] = media { "internal" },
  },
  acknowledges = { marks = "queue", after_clear = true },
  routes = carrier.routes "genesys",
  webhook = {
    headers = {
      "audiohook-organization-id", "audiohook-session-id", "audiohook-correlation-id", "x-api-key", "signature-input",
      "signature",
    },
    verify = verify,
  },
  socket = { read = socket, refuse = refuse_socket, bye = bye, ended = ended },
}
