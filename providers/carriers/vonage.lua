-- Vonage Voice: NCCO documents (JSON) over signed webhooks, a media socket of binary PCM, a REST interface with JWTs.
-- Wire facts: Vonage's pages on WebSockets, NCCO, webhooks, signed webhooks and the Voice API reference.
--
-- What Vonage does not promise is not relied on: whether marks come back after a clear, whether a webhook without a body
-- carries a payload_hash, whether a repeated webhook has a new jti. Its API lives in regions: VONAGE_API_BASE names the one of
-- the account; hang-ups sent elsewhere are answered with 404.

local carrier = require "callisto.provider.carrier"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local jwt = require "callisto.jwt"
local ncco = require "providers.shared.ncco"
local rest = require "providers.shared.rest"
local shared = require "callisto.shared"

local API = "https://api.nexmo.com"
local TOKEN_S = 900          -- how long a token of ours is good
local OLDEST_S, SKEW_S = 300, 60 -- of a webhook's token
local RING_MOST_S, LONGEST_S = 120, 7200

local bare = ncco.bare

local function e164(number)
  if type(number) ~= "string" then return "" end
  return number:find "^%d+$" and "+" .. number or number
end

-- Signatures -------------------------------------------------------------------------------------------------------

-- A token is good for one request. A webhook that is sent again may carry the same one, and harms nobody: it gets the same
-- answer. On any other request it is refused; the URL of a GET is signed by nothing else.
local function is_replayed(claims, message)
  local request = table.concat({ message.method, message.path, message.query or "", message.body or "" }, "\n")
  local key, mark = "vonage token " .. tostring(claims.jti), crypto.hex(crypto.digest("sha256", request))
  return not shared.add(key, mark, OLDEST_S + 2 * SKEW_S) and shared.get(key) ~= mark
end

local EMPTY = crypto.hex(crypto.digest("sha256", ""))

-- The hash of the body's bytes. Without a body it may be left out.
local function covers_body(claims, body)
  if body == "" and (claims.payload_hash == nil or claims.payload_hash == "") then return true end
  local hash = body == "" and EMPTY or crypto.hex(crypto.digest("sha256", body))
  return crypto.equal(hash, tostring(claims.payload_hash))
end

-- Nil when a token's claims are for this account, now.
local function fault_of(claims, account)
  local now = core.wall()
  if claims.iss ~= "Vonage" then return "the token was not issued by Vonage" end
  if account.api_key and claims.api_key ~= nil and claims.api_key ~= account.api_key then
    return "the token is for another account than VONAGE_API_KEY"
  end
  if claims.application_id ~= nil and claims.application_id ~= account.application then
    return "the token is for another application than VONAGE_APPLICATION_ID"
  end
  if type(claims.iat) ~= "number" then return "the token has no iat" end
  if claims.iat > now + SKEW_S then return "the token was issued in the future: check the clock" end
  if claims.iat < now - OLDEST_S - SKEW_S then return "the token is too old" end
  if type(claims.exp) == "number" and claims.exp < now - SKEW_S then return "the token has expired" end
  if type(claims.jti) ~= "string" or claims.jti == "" then return "the token has no jti" end
end

-- After a fault of its own Vonage may send a webhook without a signature; refused, it sends it again.
local function verify(message, _, account)
  local token = (message.headers.authorization or ""):match "^[Bb]earer%s+(%S+)%s*$"
  if not token then return nil, "the request is not signed: switch signed webhooks on for the application", 401 end
  local claims, why = jwt.verify(token, account.secret)
  if not claims then return nil, why .. ": check VONAGE_SIGNATURE_SECRET", 403 end
  why = fault_of(claims, account)
  if why then return nil, why, 403 end
  if not covers_body(claims, message.body or "") then return nil, "the body is not the one that was signed", 403 end
  if is_replayed(claims, message) then return nil, "the token has signed another request", 403 end
  return true
end

-- Webhooks ---------------------------------------------------------------------------------------------------------

local function text(value) return type(value) == "string" and value ~= "" and value or nil end

local function fields_of(message)
  if message.method == "GET" then return http.read_query(message.query) end
  local value = json.decode(message.body or "")
  return type(value) == "table" and value or {}
end

local terminal = {
  completed = { "ANSWERED", "COMPLETED" },
  busy = { "NOT_ANSWERED", "BUSY" },
  unanswered = { "NOT_ANSWERED", "NO_ANSWER" },
  timeout = { "NOT_ANSWERED", "NO_ANSWER" },
  rejected = { "NOT_ANSWERED", "FAILED" },
  failed = { "NOT_ANSWERED", "FAILED" },
  cancelled = { "NOT_ANSWERED", "CANCELED" },
}
local answered = { answered = true, human = true, machine = true, completed = true }

local function read_status(word, more)
  local result = word == "rejected" and more.cause == "declined" and terminal.busy or terminal[word] or {}
  local status = {
    word = word, status = result[1], reason = result[2], is_terminal = result[1] ~= nil, is_answered = answered[word] or false,
  }
  for name, value in pairs(more) do status[name] = value end
  if word == "human" or word == "machine" then status.answered_by = { who = word, word = word } end
  return status
end

local function is_socket(address) return type(address) == "string" and address:find "^wss?:" ~= nil end

-- What events without a status are about.
local function kind_of(p)
  if p.recording_url then return "record" end
  if p.dtmf or p.speech then return "input" end
  if p.conversation_uuid_to then return "transfer" end
  return p.reason and "error" or nil
end

-- The telephone and the media socket are two legs of one conversation, and both report. The socket's end is not the call's.
local function status_of(message)
  local p = fields_of(message)
  local word = text(p.status) or kind_of(p)
  if not word then return nil, "status is missing" end
  local call = http.read_query(message.query).call
  if is_socket(p.to) or is_socket(p.from) then
    return { word = "socket-" .. word, call = call, is_terminal = false, is_answered = false }
  end
  return read_status(word, {
    carrier_call = text(p.uuid) or text(p.call_uuid),
    call = call,
    seconds = tonumber(p.duration),
    cause = text(p.detail) or text(p.sub_state) or text(p.reason),
  })
end

local function webhook(message)
  local p = fields_of(message)
  local uuid = text(p.uuid)
  if not uuid or not uuid:find "^[%w_-]+$" or #uuid > 64 then return nil, "uuid is missing" end
  return { carrier_call = uuid, from = e164(p.from), to = e164(p.to), direction = "INBOUND", error = text(p.reason) }
end

local function recording(message)
  local p = fields_of(message)
  local url = text(p.recording_url)
  if not url then return nil, "recording_url is missing" end
  return { carrier_call = text(p.call_uuid) or text(p.uuid), url = url, id = text(p.recording_uuid) }
end

-- Documents --------------------------------------------------------------------------------------------------------

local function answer(document) return json.encode(ncco.of(document)), "application/json" end

-- There is no way to decline: a caller who is turned away is answered, and hears why if there is something to say.
local function refuse(reason)
  if reason == "busy" then return { { "hangup" } } end
  return { { "say", reason }, { "hangup" } }
end

-- REST -------------------------------------------------------------------------------------------------------------

local function token_of(account)
  local now = math.floor(core.wall())
  local claims = { application_id = account.application, iat = now, exp = now + TOKEN_S, jti = core.id("") }
  -- Variables of an environment often have "\n" for the lines of a key.
  local token, why = jwt.sign(claims, (account.key:gsub("\\n", "\n")))
  if not token then error("VONAGE_PRIVATE_KEY: " .. why, 0) end
  return token
end

local function request(account, method, path, body)
  return {
    method = method,
    url = (account.api or API):gsub("/+$", "") .. path,
    headers = { authorization = "Bearer " .. token_of(account), ["content-type"] = body and "application/json" or nil },
    body = body and json.encode(body),
    timeout = 30,
    connect_timeout = 5,
    answer_ceiling = 256 * 1024,
  }
end

local function of_call(carrier_call, account, body, what)
  return request(account, "PUT", ("/v1/calls/%s%s"):format(carrier_call, what or ""), body)
end

-- Errors come as {type, title, detail} or as {error_title}.
local function error_of(message)
  local body = rest.body_of(message) or {}
  local title, detail = text(body.title) or text(body.error_title), text(body.detail)
  local wrong = type(body.invalid_parameters) == "table" and body.invalid_parameters[1] or {}
  if not detail and text(wrong.name) then detail = ("%s: %s"):format(wrong.name, tostring(wrong.reason)) end
  local why = rest.error(message, nil, title and (detail and title .. ": " .. detail or title))
  why.is_about_number = message.status == 400 and text(wrong.name) ~= nil and wrong.name:find "^to" ~= nil or nil
  return why
end

local reader = rest.reader(error_of)

local function clamp(value, most) return value and math.max(1, math.min(value, most)) end

local function place(call, account)
  return request(account, "POST", "/v1/calls", {
    to = json.array { { type = "phone", number = bare(call.to) } },
    from = { type = "phone", number = bare(call.from) },
    ncco = call.document and ncco.of(call.document) or nil,
    answer_url = not call.document and json.array { call.url } or nil,
    answer_method = not call.document and "POST" or nil,
    event_url = call.status_url and json.array { call.status_url } or nil,
    event_method = call.status_url and "POST" or nil,
    machine_detection = call.detects_machine and "continue" or nil,
    ringing_timer = clamp(call.ring, RING_MOST_S),
    length_timer = clamp(call.longest, LONGEST_S),
  })
end

local placed = reader.placed(function(body) return rest.named(body and body.uuid, "uuid") end)

local function hangup(carrier_call, account) return of_call(carrier_call, account, { action = "hangup" }) end

local function fetch(carrier_call, account) return request(account, "GET", "/v1/calls/" .. carrier_call) end

local fetched = reader.fetched(function(body)
  local more = { carrier_call = text(body.uuid), seconds = tonumber(body.duration), cause = text(body.detail) }
  return text(body.status) and read_status(body.status, more)
end)

-- A call whose placing had no clear answer is looked for among those of its time.
local function find(call, account)
  local since = core.date("%Y-%m-%dT%H:%M:%SZ", call.placed_at - 5)
  return request(account, "GET", "/v1/calls?page_size=100&order=asc&date_start=" .. http.escape(since))
end

local found = reader.found(function(body, call)
  local embedded = type(body._embedded) == "table" and body._embedded.calls
  for _, each in ipairs(type(embedded) == "table" and embedded or {}) do
    local to, from = type(each.to) == "table" and each.to.number, type(each.from) == "table" and each.from.number
    if each.direction == "outbound" and to == bare(call.to) and from == bare(call.from) then return text(each.uuid) end
  end
end)

local function redirect(carrier_call, account, to)
  local destination = { type = "ncco" }
  if to.document then destination.ncco = ncco.of(to.document) else destination.url = json.array { to.url } end
  return of_call(carrier_call, account, { action = "transfer", destination = destination })
end

local function send_digits(carrier_call, account, digits)
  return of_call(carrier_call, account, { digits = (digits:gsub("[wW]", "p")) }, "/dtmf")
end

-- One message is one frame of 20 ms; the last of an utterance is filled up with silence.
local function media(rate)
  local frame_bytes = rate / 50 * 2
  return {
    encoding = "l16le",
    rate = rate,
    frame_ms = 20,
    binary_in = true,
    binary_out = true,
    chunk_min = frame_bytes,
    chunk_multiple = frame_bytes,
    event = "event",
    start_in = { event = "websocket:connected", encoding = { "content-type", ("audio/l16;rate=%d"):format(rate) } },
    mark_in = { event = "websocket:notify", name = "payload.name" },
    dtmf_in = { event = "websocket:dtmf", digit = "digit|dtmf.digit" },
    clear_in = { event = "websocket:cleared" },
    mark_out = [[{"action":"notify","payload":{"name":"$mark"}}]],
    clear = [[{"action":"clear"}]],
  }
end

return carrier {
  name = "vonage",
  account = {
    application = "VONAGE_APPLICATION_ID",
    key = "VONAGE_PRIVATE_KEY",
    secret = "VONAGE_SIGNATURE_SECRET",
    api_key = "VONAGE_API_KEY",
    number = "VONAGE_PHONE_NUMBER",
    api = "VONAGE_API_BASE",
    audio = "VONAGE_AUDIO",
  },
  required = { "application", "key", "secret" },
  media = {
    default = "l16/16000", ["l16/8000"] = media(8000), ["l16/16000"] = media(16000), ["l16/24000"] = media(24000),
  },
  acknowledges = { marks = "played", after_clear = false },
  routes = carrier.routes("vonage", { fallback = { "/vonage/callback/fallback" }, status = { "/vonage/event" } }),
  webhook = {
    headers = { "authorization" },
    verify = verify,
    read = webhook,
    status = status_of,
    recording = recording,
    answer = answer,
    refuse = refuse,
  },
  requests = {
    place = { place, placed, detects_machines = true },
    hangup = { hangup, reader.hung_up() },
    fetch = { fetch, fetched },
    find = { find, found },
    redirect = { redirect, reader.done },
    send_digits = { send_digits, reader.done },
  },
  limits = { calls_per_second = 3, inline_document_bytes = 16 * 1024, webhook_seconds = 5 },
}
