-- Exotel: a Voicebot applet that asks for the URL of its media socket, JSON frames with base64 PCM, a REST interface of forms.
-- Wire facts: Exotel's AgentStream pages (Voicebot applet, WebSocket protocol, Connect Voice AI) and its v1 call API.
--
-- Exotel signs nothing: every URL it is given ends in `token=` and our own secret, and a list of addresses may be set beside it.
-- What its pages leave open is tolerated or a setting: the method and fields of the applet's request (GET and POST; query,
-- form, multipart and JSON are read), the size of a portion of audio (EXOTEL_AUDIO), the spelling of ids on the socket (both
-- are read and written). A call cannot be ended by REST: when the media socket closes the flow goes on, and it must end there.

local carrier = require "callisto.provider.carrier"
local http = require "callisto.http"
local json = require "callisto.json"
local rest = require "providers.shared.rest"
local unsigned = require "providers.shared.unsigned"

local API = "https://api.in.exotel.com"
local FLOWS = "https://my.exotel.com"
local LONGEST_S = 14400

-- The media socket -----------------------------------------------------------------------------------------------

-- Portions are multiples of 320 bytes and at least `portion` long. Both spellings of the ids: Exotel's pages have one, its
-- newest samples the other.
local function media(rate, portion)
  local ids = [["stream_sid":"$stream","streamSid":"$stream"]]
  return {
    encoding = "l16le",
    rate = rate,
    frame_ms = 20,
    chunk_min = portion,
    chunk_multiple = 320,
    event = "event",
    audio_in = { event = "media", payload = "media.payload" },
    start_in = {
      event = "start",
      stream = "start.stream_sid|start.streamSid|stream_sid|streamSid",
      call = "start.call_sid|start.callSid|call_sid|callSid",
      rate = { "start.media_format.sample_rate|start.mediaFormat.sampleRate", rate },
    },
    mark_in = { event = "mark", name = "mark.name" },
    dtmf_in = { event = "dtmf", digit = "dtmf.digit" },
    stop_in = { event = "stop|closed" },
    error_in = { event = "error", code = "error.code|code", text = "error.message|message|reason" },
    clear_in = { event = "clear" },
    audio_out = '{"event":"media",' .. ids .. [[,"media":{"chunk":"$chunk","timestamp":"$ms","sequence_number":"$seq",]]
      .. [["sequenceNumber":"$seq","payload":"$audio"}}]],
    mark_out = '{"event":"mark",' .. ids .. [[,"mark":{"name":"$mark"}}]],
    clear = '{"event":"clear",' .. ids .. "}",
  }
end

local formats = {
  default = "l16/8000",
  ["l16/8000"] = media(8000, 3200),
  ["l16/16000"] = media(16000, 3200),
  ["l16/24000"] = media(24000, 4800),
  ["l16/8000/1600"] = media(8000, 1600),
  ["l16/8000/640"] = media(8000, 640),
  ["l16/8000/320"] = media(8000, 320),
  ["l16/16000/640"] = media(16000, 640),
  ["l16/24000/960"] = media(24000, 960),
}

local function rate_of(format) return tonumber((format or ""):match "^l16/(%d+)") or 8000 end

-- Numbers ----------------------------------------------------------------------------------------------------------

-- Indian numbers come as 0 and ten digits.
local function e164(number)
  if type(number) ~= "string" then return "" end
  local digits = number:match "^%s*%+?(%d+)%s*$"
  if not digits then return number end
  return digits:find "^0%d%d%d%d%d%d%d%d%d%d$" and "+91" .. digits:sub(2) or "+" .. digits
end

local function verify(message, _, account)
  return unsigned.verify(message, account, { secret = "EXOTEL_WEBHOOK_SECRET", addresses = "EXOTEL_ADDRESSES" })
end

local function given_url(url, account) return unsigned.url(url, account.secret) end

-- Webhooks ---------------------------------------------------------------------------------------------------------

local function body_fields(message)
  local body = message.body or ""
  local kind = http.type_of(message)
  if kind == "multipart/form-data" then return (http.read_multipart(message)) or {} end
  if kind == "application/json" or body:find "^%s*{" then
    local value = json.decode(body)
    return type(value) == "table" and value or {}
  end
  return (http.read_form(body)) or {}
end

-- Wherever the fields stand, and however they are spelled.
local function fields_of(message)
  local all = http.read_query(message.query)
  if message.method ~= "GET" then
    for name, value in pairs(body_fields(message)) do all[name] = value end
  end
  local function first(...)
    for _, name in ipairs { ... } do
      local value = all[name]
      if type(value) == "number" then value = ("%.0f"):format(value) end
      if type(value) == "string" and value ~= "" and value ~= "null" then return value end
    end
    return nil
  end
  return first, all
end

local function id_of(first)
  local id = first("CallSid", "Sid")
  if not id or not id:find "^[%w_.-]+$" or #id > 64 then return nil, "CallSid is missing" end
  return id
end

-- Our own id comes back in the URL, or in the field that Exotel passes on.
local function ours(first)
  local id = first("call", "CustomField")
  return id and id:find "^[%w_-]+$" and id or nil
end

local terminal = {
  completed = { "ANSWERED", "COMPLETED" },
  busy = { "NOT_ANSWERED", "BUSY" },
  ["no-answer"] = { "NOT_ANSWERED", "NO_ANSWER" },
  failed = { "NOT_ANSWERED", "FAILED" },
  canceled = { "NOT_ANSWERED", "CANCELED" },
}

-- "in-progress" is said of calls that still ring, so it proves nothing.
local function read_status(word, more)
  local result = terminal[word] or {}
  local status = {
    word = word, status = result[1], reason = result[2], is_terminal = result[1] ~= nil, is_answered = word == "completed",
  }
  for name, value in pairs(more) do status[name] = value end
  return status
end

-- A step of the flow behind the Voicebot applet tells how the stream ended: one item of JSON, or one for each field.
local function stream_of(first)
  local whole = json.decode(first "Stream" or "")
  whole = type(whole) == "table" and whole or {}
  return function(name)
    local value = whole[name] or first(("Stream[%s]"):format(name))
    return type(value) == "string" and value ~= "" and value or nil
  end
end

local answerers = { human = "human", machine = "machine", notsure = "unknown" }

-- Of the call, or of its first leg. "NA": nobody has looked.
local function answerer_of(first, all)
  local legs = type(all.Legs) == "table" and all.Legs[1]
  local word = first "AnsweredBy" or type(legs) == "table" and legs.AnsweredBy
  local who = type(word) == "string" and answerers[word:lower()]
  return who and { who = who, word = word } or nil
end

local function status_of(message)
  local first, all = fields_of(message)
  local id = id_of(first)
  local about = stream_of(first)
  local word, event = first("Status", "CallStatus", "DialCallStatus"), first "EventType"
  local call = ours(first)
  if not id and not call then return nil, "CallSid is missing" end
  if not word and not event then
    local of_stream = about "Status"
    return {
      word = of_stream and "stream-" .. of_stream or "passthru", carrier_call = id, call = call, is_terminal = false,
      is_answered = of_stream ~= nil, cause = about "Error" or about "DisconnectedBy",
    }
  end
  local status = read_status(word or event, {
    carrier_call = id, call = call, seconds = tonumber(first("ConversationDuration", "Duration", "DialCallDuration")),
    cause = about "Error", answered_by = answerer_of(first, all),
  })
  if event == "answered" then status.is_answered, status.word = true, "answered" end
  return status
end

-- Whoever configured a URL may have added parameters for the flow. The carrier's own begin with a capital, but for these.
local not_for_flows = {
  call = true, token = true, flow_id = true, tenant_id = true, digits = true, ["sample-rate"] = true, sample_rate = true,
}

local function add_parameters(payload, given)
  for name, value in pairs(type(given) == "table" and given or {}) do
    local is_ours = type(name) == "string" and name:find "^[%l_]" and not not_for_flows[name]
    if is_ours and type(value) == "string" then payload[name] = value end
  end
end

-- What a flow gets: the parameters of the URL, then those that the carrier read from it.
local function payload_of(query, parameters)
  local payload = {}
  add_parameters(payload, http.read_query(query))
  add_parameters(payload, parameters)
  return next(payload) and payload or nil
end

local function webhook(message)
  local first = fields_of(message)
  local id, why = id_of(first)
  if not id then return nil, why end
  return {
    carrier_call = id,
    payload = payload_of(message.query),
    call = ours(first),
    from = e164(first("CallFrom", "From")),
    to = e164(first("CallTo", "To", "DialWhomNumber")),
    direction = (first "Direction" or "incoming"):find "^outbound" and "OUTBOUND" or "INBOUND",
  }
end

local function recording(message)
  local first, all = fields_of(message)
  local url = first("RecordingUrl", "Stream[RecordingUrl]") or stream_of(first) "RecordingUrl"
  if not url and all.RecordingUrl == nil then return nil, "RecordingUrl is missing" end
  return { carrier_call = id_of(first), url = url, status = not url and "absent" or nil }
end

local function start_of(messages)
  for _, text in ipairs(messages or {}) do
    local message = json.decode(text)
    local start = type(message) == "table" and message.event == "start" and message.start
    if type(start) == "table" then return start, message end
  end
end

-- The format of a socket at the rate that the carrier announces.
local function format_of(start, account)
  local given = start.media_format or start.mediaFormat
  local announced = type(given) == "table" and given or {}
  local rate = tonumber(announced.sample_rate or announced.sampleRate) or 8000
  return account.audio and rate_of(account.audio) == rate and account.audio or ("l16/%d"):format(rate)
end

-- A Voicebot applet may have the URL of the socket itself, and then asks nobody. Who calls whom stands in the start message.
local function socket(message, account)
  local start, around = start_of(message.first)
  local id = start and (start.call_sid or start.callSid or around.call_sid or around.callSid)
  if type(id) ~= "string" or id == "" then return nil, "the start message has no call_sid" end
  local format = format_of(start, account)
  if not formats[format] then return nil, ("the start message asks for %s, which is not spoken here"):format(format) end
  return {
    carrier_call = id, from = e164(start.from), to = e164(start.to), direction = "INBOUND", format = format,
    payload = payload_of(message.query, start.custom_parameters or start.customParameters),
  }
end

-- Documents --------------------------------------------------------------------------------------------------------

-- One answer serves both the applet that asks for a socket and the one that asks whom to dial. The rest is the flow's.
local answers = {}

-- 8 kHz is what the applet takes for granted; other rates are asked for in the query.
local function with_rate(url, format)
  local rate = rate_of(format)
  return rate == 8000 and url or ("%s?sample-rate=%d"):format(url, rate)
end

function answers.stream(verb) return { url = with_rate(verb.url, verb.format) } end

function answers.dial(verb)
  return {
    fetch_after_attempt = false,
    destination = { numbers = json.array { verb.to } },
    outgoing_phone_number = verb.caller_id,
    max_ringing_duration = verb.timeout,
    max_conversation_duration = verb.limit,
    record = verb.record,
    recording_channels = verb.record and "dual" or nil,
    dial_passthru_event_url = verb.action,
  }
end

-- Nobody to dial and no socket: the flow goes on, and ends.
function answers.hangup() return { destination = { numbers = json.array {} } } end

answers.reject = answers.hangup

local ends = { hangup = true, reject = true }

-- Up to the end of the call. No applet says our words.
local function answer(document)
  local told
  for _, verb in ipairs(carrier.document(document)) do
    local write = answers[verb[1]]
    if not write and verb[1] ~= "say" then
      error(("Exotel's applets cannot be told to '%s': do it on the media socket, or in the flow"):format(verb[1]), 0)
    end
    if ends[verb[1]] and told then break end
    for name, value in pairs(write and write(verb) or {}) do
      told = told or {}
      told[name] = value
    end
  end
  return json.encode(told or answers.hangup()), "application/json"
end

local function refuse() return { { "hangup" } } end

-- REST -------------------------------------------------------------------------------------------------------------

local function api_of(account)
  return (account.api or account.subdomain and "https://" .. account.subdomain or API):gsub("/+$", "")
end

local function request(account, method, path, form)
  return {
    method = method,
    url = ("%s/v1/Accounts/%s%s"):format(api_of(account), account.account, path),
    headers = form and { ["content-type"] = "application/x-www-form-urlencoded" } or {},
    body = form and http.form(form),
    user = account.key,
    password = account.token,
    timeout = 30,
    connect_timeout = 5,
    answer_ceiling = 1024 * 1024,
  }
end

local function error_of(message)
  local told = (rest.body_of(message) or {}).RestException
  told = type(told) == "table" and told or {}
  local code = tonumber(told.Code)
  return rest.error(message, code and ("%d"):format(code), type(told.Message) == "string" and told.Message or nil)
end

local reader = rest.reader(error_of)

-- The engine opens the socket itself; an account with a flow has the flow's applet ask for it.
local function place(call, account)
  local form = { { "From", call.to }, { "CallerId", call.from } }
  if account.flow then
    form[#form + 1] = { "Url", ("%s/%s/exoml/start_voice/%s"):format((account.flows or FLOWS):gsub("/+$", ""), account.account,
      account.flow) }
    form[#form + 1] = { "CallType", "trans" }
    form[#form + 1] = { "TimeOut", call.ring and ("%d"):format(call.ring) }
  else
    form[#form + 1] = { "StreamType", "bidirectional" }
    form[#form + 1] = { "StreamUrl", with_rate(call.socket_url, account.audio) }
  end
  form[#form + 1] = { "TimeLimit", call.longest and ("%d"):format(math.min(call.longest, LONGEST_S)) }
  form[#form + 1] = { "CustomField", call.call }
  if call.status_url then
    form[#form + 1] = { "StatusCallback", given_url(call.status_url, account) }
    form[#form + 1] = { "StatusCallbackEvents[0]", "answered" }
    form[#form + 1] = { "StatusCallbackEvents[1]", "terminal" }
    form[#form + 1] = { "StatusCallbackContentType", "application/json" }
  end
  local given = {}
  for _, pair in ipairs(form) do
    if pair[2] then given[#given + 1] = pair end
  end
  return request(account, "POST", "/Calls/connect.json", given)
end

local placed = reader.placed(function(body)
  local call = body and body.Call
  return rest.named(type(call) == "table" and call.Sid, "Sid")
end)

local function fetch(carrier_call, account)
  return request(account, "GET", ("/Calls/%s.json?details=true"):format(carrier_call))
end

local fetched = reader.fetched(function(body)
  local call = body.Call
  if type(call) ~= "table" or type(call.Status) ~= "string" then return nil end
  return read_status(call.Status, { carrier_call = call.Sid, seconds = tonumber(call.Duration) })
end)

-- A call whose placing had no clear answer is looked for among the live ones. Exotel's times have no zone, so only a call
-- that is the one between these numbers is ours.
local function find(call, account)
  return request(account, "GET", ("/Calls.json?From=%s&PageSize=50"):format(http.escape(call.to)))
end

local function is_same(a, b) return type(a) == "string" and a:gsub("%D", ""):sub(-10) == b:gsub("%D", ""):sub(-10) end

local found = reader.found(function(body, call)
  local best
  for _, each in ipairs(type(body.Calls) == "table" and body.Calls or {}) do
    local is_ours = each.Direction == "outbound-api" and not terminal[each.Status] and is_same(each.From, call.to)
      and is_same(each.PhoneNumberSid or each.To, call.from)
    if is_ours and best then return nil end
    if is_ours then best = each.Sid end
  end
  return best
end)

return carrier {
  name = "exotel",
  account = {
    account = "EXOTEL_ACCOUNT_SID",
    key = "EXOTEL_API_KEY",
    token = "EXOTEL_API_TOKEN",
    secret = "EXOTEL_WEBHOOK_SECRET",
    addresses = "EXOTEL_ADDRESSES",
    flow = "EXOTEL_FLOW_ID",
    flows = "EXOTEL_FLOW_BASE",
    number = "EXOTEL_PHONE_NUMBER",
    api = "EXOTEL_API_BASE",
    subdomain = "EXOTEL_SUBDOMAIN",
    audio = "EXOTEL_AUDIO",
  },
  required = { "account", "key", "token", "secret" },
  media = formats,
  acknowledges = { marks = "played", after_clear = false },
  routes = carrier.routes("exotel"),
  webhook = {
    headers = { "authorization" },
    verify = verify,
    read = webhook,
    status = status_of,
    recording = recording,
    answer = answer,
    refuse = refuse,
    url = given_url,
    is_mute = true,
    received = 200, -- a Passthru applet takes the second branch of the flow, or fails, at anything else
  },
  socket = { read = socket, first_messages = 2 },
  requests = { place = { place, placed }, fetch = { fetch, fetched }, find = { find, found } },
  limits = { calls_per_second = 3, webhook_seconds = 5, concurrent = 10 },
}
