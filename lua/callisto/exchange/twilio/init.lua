-- callisto.exchange.twilio: Twilio's face: the calls of its REST interface, and how they come to be.
--
-- Written from the carrier's side of shared wire facts (docs/exchange.md names the pages). Faithful enough for the
-- carrier's own SDK: paging, error bodies, status codes. What a call says of itself is in twilio_call, its media socket in
-- twilio_stream, the other resources are in twilio_recordings and twilio_rooms; documents are obeyed in twiml.

local contract = require "callisto.exchange.face"
local course = require "callisto.exchange.course"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local moments = require "callisto.exchange.moments"
local network = require "callisto.exchange.network"
local recordings = require "callisto.exchange.recordings"
local rest = require "callisto.exchange.twilio.rest"
local rooms = require "callisto.exchange.rooms"
local settings = require "callisto.settings"
local task = require "callisto.task"
local twilio_call = require "callisto.exchange.twilio.call"
local twilio_numbers = require "callisto.exchange.twilio.numbers"
local twilio_recordings = require "callisto.exchange.twilio.recordings"
local twilio_rooms = require "callisto.exchange.twilio.rooms"
local twilio_stream = require "callisto.exchange.twilio.stream"
local twiml = require "callisto.exchange.shared.twiml"
local unplayed = require "callisto.exchange.unplayed"

local twilio = {}

local INLINE_CEILING = 4000
local RING_S, RING_MOST_S, RING_EXTRA_S = 60, 600, 5 -- the carrier may add five seconds to what was asked for
local CALLS_PER_SECOND = 1 -- of an account, unless the settings say otherwise
local DETECTION_S = 1 -- from the answer to the verdict on who answered
local INLINE_BASE = "https://inline.invalid/" -- where relative URLs of an inline document lead: nowhere

local account ---@type {sid: string, token: string}
local numbers

local face = { wire = twilio_stream.wire, notify = twilio_call.notify, fetch = twilio_call.fetch, silence = 5 }
local calls

function face.become(call, status)
  if twilio_call.is_over(call) then
    face.recordings:finish(call)
    face.leave(call)
    twilio_stream.stop(call)
  end
  twilio_call.become(call, status)
end

function face.new_call() return twilio_call.sid "CA" end

---The subscriber lifts the receiver, or, of an inbound call, the application does.
function face.answer(call) return call.answered ~= nil or calls:lift(call) end

face.stream, face.listen, face.stop_listening = twilio_stream.run, twilio_stream.start_listening, twilio_stream.stop

---@param options {numbers: table<string, table>, cps: number|nil}
---@return true|nil ok, string? why  the variables that are missing
function twilio.start(options)
  local sid, token = settings.get "TWILIO_ACCOUNT_SID", settings.get "TWILIO_AUTH_TOKEN"
  if not sid or not token then return nil, "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set" end
  account = { sid = sid, token = token, key = settings.get "TWILIO_API_KEY", secret = settings.get "TWILIO_API_SECRET" }
  numbers = options.numbers
  calls = course.new(face, options.cps or CALLS_PER_SECOND)
  face.course = calls
  face.rooms = rooms.new(function() return twilio_call.sid "CF" end)
  face.recordings = recordings.new(function() return twilio_call.sid "RE" end)
  rest.start(account, settings.get "TWILIO_API_BASE")
  twilio_call.start(account)
  twilio_stream.start(account)
  twiml.new(face)
  twilio_numbers.start(account, numbers)
  twilio_recordings.start(face, account)
  twilio_rooms.start(face, account, function(params, list) return twilio.place(params, list) end)
  return true
end

-- Calls -------------------------------------------------------------------------------------------------------------

local function obey(call, document, base)
  calls:obey(call, function() face.run(call, document, base) end)
end

-- Obeys what was fetched; without a document the call ends so.
local function obey_fetched(call, document, where, otherwise)
  if calls:is_over(call) then return end
  if document then return obey(call, document, where) end
  network.note(call, "application error: " .. where)
  calls:finish(call, otherwise)
end

-- Who answered: a person, or a machine with or without waiting for its greeting's end.
local function verdict_of(call)
  local subscriber = network.subscriber(call.party) or {}
  if not subscriber.is_machine then return "human" end
  return call.params.MachineDetection == "DetectMessageEnd" and "machine_end_beep" or "machine_start"
end

-- Answering machine detection: its verdict goes into the first request, or, asynchronously, to a callback of its own.
local function detect(call)
  local params = call.params
  if not params.MachineDetection or params.SendDigits then return nil end
  local function verdict()
    task.sleep(DETECTION_S)
    call.answered_by = verdict_of(call)
    return { AnsweredBy = call.answered_by, MachineDetectionDuration = tostring(DETECTION_S * 1000) }
  end
  if params.AsyncAmd ~= "true" then return verdict() end
  task.start(function()
    local about = verdict()
    if calls:is_over(call) or not params.AsyncAmdStatusCallback then return end
    twilio_call.notify(call, "amd", params.AsyncAmdStatusCallback, params.AsyncAmdStatusCallbackMethod, about, true)
  end)
end

local function record_from_start(call)
  local params = call.params
  if params.Record ~= "true" then return end
  face.recordings:start(call, {
    source = "OutboundAPI", channels = params.RecordingChannels == "dual" and 2 or 1, track = params.RecordingTrack,
    tell = twiml.recording_teller(face, call, {
      url = params.RecordingStatusCallback, method = params.RecordingStatusCallbackMethod,
      events = params.RecordingStatusCallbackEvent,
    }),
  })
end

function face.answered(call)
  local params = call.params
  if not face.answer(call) then return calls:finish(call, "failed") end
  calls:limit(call, tonumber(params.TimeLimit))
  record_from_start(call)
  if params.SendDigits then network.note(call, "carrier plays keys " .. params.SendDigits) end
  local verdict = detect(call)
  if calls:is_over(call) then return end
  if params.Twiml then return obey(call, params.Twiml, INLINE_BASE) end
  local document, where = twilio_call.fetch_first(call, {
    method = params.Method, url = params.Url, fallback_method = params.FallbackMethod, fallback_url = params.FallbackUrl,
  }, verdict)
  obey_fetched(call, document, where, "completed")
end

---A subscriber calls one of the application's numbers.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, method: string|nil, fallback_url: string|nil, status_callback: string|nil}
---@return callisto.exchange.Call
function twilio.inbound(from, to, number)
  local call = network.add {
    id = twilio_call.sid "CA", from = from, to = to, party = from, direction = "inbound", status = "ringing",
    status_callback = number.status_callback, params = {},
  }
  call.on_gone = function() calls:finish(call, "completed") end
  task.start(function()
    local document, where = twilio_call.fetch_first(call,
      { method = number.method, url = number.voice_url, fallback_url = number.fallback_url })
    obey_fetched(call, document, where, "failed")
  end)
  return call
end

-- Creating ----------------------------------------------------------------------------------------------------------

local function is_number(text) return text ~= nil and text:find "^%+%d%d%d%d%d%d%d+$" ~= nil end

local function is_url(text) return text:find "^https?://[%w%-._~%[%]:]+" ~= nil end

local detections = { Enable = true, DetectMessageEnd = true }

-- What an order may say.
local of_orders = unplayed.set {
  "To", "From", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod",
  "StatusCallbackEvent", "Timeout", "TimeLimit", "SendDigits", "Record", "RecordingChannels", "RecordingTrack",
  "RecordingStatusCallback", "RecordingStatusCallbackMethod", "RecordingStatusCallbackEvent", "MachineDetection",
  "MachineDetectionTimeout", "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", "CallerId", "Trim",
}

-- What is wrong with an order: code and sentence.
local function fault_of(p)
  p.To, p.From = twilio_numbers.read(p.To), twilio_numbers.read(p.From)
  if not p.To or p.To == "" then return 21201, "No 'To' number is specified" end
  if not p.From or p.From == "" then return 21213, "No 'From' number is specified" end
  if not is_number(p.To) then return 21211, "The phone number you are attempting to call, " .. p.To .. ", is not valid." end
  if not is_number(p.From) then return 21212, "The phone number you are calling from, " .. p.From .. ", is not valid." end
  if next(numbers) and not numbers[p.From] then
    return 21210, "The source phone number provided, " .. p.From .. ", is not yet verified for your account."
  end
  if not p.Url and not p.Twiml then return 21205, "Url parameter is required." end
  if p.Url and not is_url(p.Url) then return 21205, "Url is not a valid URL: " .. p.Url end
  if p.Twiml and #p.Twiml > INLINE_CEILING then return 21205, "Twiml is longer than 4000 characters" end
  if p.StatusCallback and (not is_url(p.StatusCallback) or p.StatusCallback:match("^%a+://([^/:]+)"):find "_") then
    return 21609, "StatusCallback is not a valid URL: " .. p.StatusCallback
  end
  local timeout = p.Timeout and (tonumber(p.Timeout) or 0)
  if timeout and (timeout < 1 or timeout > RING_MOST_S) then return 21208, "Timeout must be from 1 to 600 seconds" end
  if p.SendDigits and not (#p.SendDigits <= 32 and p.SendDigits:find "^[%d*#wW]*$") then
    return 21206, "SendDigits has other characters than 0-9 * # w W, or more than 32: " .. p.SendDigits
  end
  if p.MachineDetection and not detections[p.MachineDetection] then
    return 21234, "MachineDetection must be Enable or DetectMessageEnd"
  end
end

-- The values of a parameter that may come several times, or hold several words.
local function words_of(list, name)
  local words = {}
  for _, pair in ipairs(list) do
    if pair[1] == name then
      for word in pair[2]:gmatch "%S+" do words[#words + 1] = word end
    end
  end
  return words
end

---Places a call.
---@param params table<string, string>
---@param list {[1]: string, [2]: string}[] the parameters in their order
---@return callisto.exchange.Call|nil call, integer? status, table? headers, string? body  a refusal
function twilio.place(params, list)
  local code, why = fault_of(params)
  if code then return nil, rest.refuse(400, code, why) end
  local refusal = course.refusal(params.To)
  if refusal then return nil, rest.refuse(refusal.status, refusal.code, refusal.message or "refused on purpose") end
  local events = words_of(list, "StatusCallbackEvent")
  params.RecordingStatusCallbackEvent = params.RecordingStatusCallbackEvent
    and table.concat(words_of(list, "RecordingStatusCallbackEvent"), " ")
  local call = network.add {
    id = twilio_call.sid "CA", from = params.From, to = params.To, party = params.To, direction = "outbound",
    status = "queued", status_callback = params.StatusCallback, status_method = params.StatusCallbackMethod,
    events = #events > 0 and events or nil, params = params,
  }
  local wait = calls:turn() -- Twilio queues, it does not refuse
  call.queue_ms = math.floor(wait * 1000)
  calls:place(call, math.min(tonumber(params.Timeout) or RING_S, RING_MOST_S) + RING_EXTRA_S, wait)
  return call
end

local function create(params, list)
  local strange = unplayed.first(params, of_orders)
  if strange then return rest.unplayed(strange) end
  local call, status, headers, body = twilio.place(params, list)
  if not call then return status, headers, body end
  local fault = course.create_fault(params.To)
  if fault == "no answer" then return false end -- the call is placed; the application never hears of it
  if fault == "error" then return rest.refuse(500, 20500, "Internal Server Error") end
  return rest.answer(201, twilio_call.resource(call))
end

-- Changing and reading ------------------------------------------------------------------------------------------------

local function redirect(call, params)
  local document, where = params.Twiml, INLINE_BASE
  if not document then document, where = twilio_call.fetch(call, params.Method, params.Url) end
  obey_fetched(call, document, where, "completed")
end

local of_updates = unplayed.set {
  "Status", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod", "TimeLimit",
}

local function update(call, params)
  local status, strange = params.Status, unplayed.first(params, of_updates)
  if strange then return rest.unplayed(strange) end
  local is_up = call.status == "in-progress"
  local is_known = not status or status == "completed" or status == "canceled"
  if not is_known then return rest.refuse(400, 20001, "Status is not valid: " .. status) end
  if calls:is_over(call) then return rest.refuse(400, 21220, "Call is not in-progress. Cannot redirect.") end
  if not is_up and not status then return rest.refuse(400, 21220, "Call is not in-progress. Cannot redirect.") end
  if is_up and status == "canceled" then return rest.refuse(400, 21220, "Call is in-progress. Cannot cancel.") end
  if #(params.Twiml or "") > INLINE_CEILING then return rest.refuse(400, 21205, "Twiml is longer than 4000 characters") end
  if params.Url and not is_url(params.Url) then return rest.refuse(400, 21205, "Url is not a valid URL: " .. params.Url) end
  if params.StatusCallback then
    call.status_callback, call.status_method = params.StatusCallback, params.StatusCallbackMethod
  end
  if params.TimeLimit then
    if call.limiter then task.cancel(call.limiter) end
    calls:limit(call, tonumber(params.TimeLimit))
  end
  if status then
    calls:finish(call, is_up and "completed" or "canceled")
  elseif params.Twiml or params.Url then
    redirect(call, params)
  end
  return rest.answer(200, twilio_call.resource(call))
end

-- "StartTime>" and the like: on that day or later, as the carrier has it.
local times = {}
for _, name in ipairs { "StartTime", "EndTime" } do
  local function of(call) return name == "StartTime" and call.answered or name == "EndTime" and call.ended or nil end
  times[name] = { of, "=" }
  times[name .. "<"] = { of, "<=" }
  times[name .. ">"] = { of, ">=" }
end

local of_lists = { "To", "From", "Status", "ParentCallSid" }
for name in pairs(times) do of_lists[#of_lists + 1] = name end

local function is_in_time(call, query)
  for name, time in pairs(times) do
    if query[name] and not moments.fits(time[1](call), time[2], query[name]) then return false end
  end
  return true
end

local function list(query)
  for name in pairs(times) do
    local given = query[name]
    if given and not moments.read(given) then return rest.refuse(400, 20001, name .. " is no date: " .. given) end
  end
  local to, from = twilio_numbers.read(query.To), twilio_numbers.read(query.From)
  return rest.page("calls", "/Calls.json", query, of_lists, network.all(), function(call)
    return call.id:find "^CA" and (not query.Status or query.Status == call.status) and (not to or to == call.to)
      and (not from or from == call.from) and (not query.ParentCallSid or query.ParentCallSid == call.parent)
      and is_in_time(call, query)
  end, twilio_call.resource)
end

-- Requests to the application about a call, as they were answered.
local function events(call, query)
  local function all() return true end
  local function resource(each)
    return {
      request = { method = each.method, url = each.url, parameters = each.parameters },
      response = {
        response_code = rest.or_null(each.status), request_duration = each.ms, content_type = rest.or_null(each.kind),
        response_body = rest.or_null(each.body), date_created = twilio_call.date(each.at),
      },
    }
  end
  return rest.page("events", ("/Calls/%s/Events.json"):format(call.id), query, {}, call.requests or {}, all, resource)
end

-- One-way streams: the only ones that requests can start.
local function streams(message, call, id, params)
  local function resource(stream, status)
    return {
      sid = stream.id, account_sid = account.sid, call_sid = call.id, name = rest.or_null(stream.name), status = status,
      date_updated = twilio_call.date(call.updated or call.created),
      uri = rest.uri(("/Calls/%s/Streams/%s.json"):format(call.id, stream.id)),
    }
  end
  if message.method ~= "POST" then return rest.not_found(message) end
  if id then
    if params.Status ~= "stopped" then return rest.refuse(400, 20001, "Status is not valid: " .. tostring(params.Status)) end
    local stopped = twilio_stream.stop(call, id)
    if not stopped then return rest.not_found(message) end
    return rest.answer(200, resource(stopped, "stopped"))
  end
  if call.status ~= "in-progress" then return rest.refuse(400, 21220, "Call is not in-progress. Cannot stream.") end
  local fault, why = twilio_stream.fault_of(params.Url or "")
  if fault then return rest.refuse(400, fault, why) end
  local stream = {
    id = twilio_call.sid "MZ", url = params.Url, name = params.Name, parameters = {}, status_url = params.StatusCallback,
    status_method = params.StatusCallbackMethod,
  }
  for number = 1, 99 do
    local name = params[("Parameter%d.Name"):format(number)]
    if name then stream.parameters[name] = params[("Parameter%d.Value"):format(number)] or "" end
  end
  if not twilio_stream.listen(call, stream) then return rest.refuse(400, 21220, "The call has a stream already.") end
  return rest.answer(201, resource(stream, "in-progress"))
end

local function about_account()
  return rest.answer(200, {
    sid = account.sid, friendly_name = "Callisto exchange", status = "active", type = "Full", auth_token = json.null,
    owner_account_sid = account.sid, uri = "/2010-04-01/Accounts/" .. account.sid .. ".json",
    date_created = json.null, date_updated = json.null, subresource_uris = {},
  })
end

local function is_authorised(message)
  local given = (message.headers.authorization or ""):match "^[Bb]asic%s+(%S+)$"
  if not given then return false end
  local is_key = account.key and account.secret and crypto.equal(given, crypto.base64(account.key .. ":" .. account.secret))
  return is_key or crypto.equal(given, crypto.base64(account.sid .. ":" .. account.token))
end

-- The query comes with its parts encoded anew.
local function query_of(message) return (http.read_form(message.query)) or {} end

---The id of the call a path of this face names.
---@param path string
---@return string|nil
function twilio.call_in(path) return path:match "/(CA%x+)" end

local function about_call(message, path, params, query)
  local told = network.find(path:match "^/Calls/(CA%x+)/Events%.json$" or "")
  if told then return events(told, query) end
  local of_stream, id = path:match "^/Calls/(CA%x+)/Streams/?([%w_%-%.]*)%.json$"
  local streaming = network.find(of_stream or "")
  if streaming then return streams(message, streaming, id ~= "" and id or nil, params) end
  local call = network.find(path:match "^/Calls/(CA%x+)%.json$" or "")
  if not call then return rest.not_found(message) end
  if message.method == "POST" then return update(call, params) end
  if message.method ~= "DELETE" then return rest.answer(200, twilio_call.resource(call)) end
  if not calls:is_over(call) then return rest.refuse(400, 20009, "Cannot delete this resource before it is complete") end
  network.forget(call)
  return 204, {}, ""
end

---Answers a request that belongs to this face; nil when it does not, false when it shall stay without an answer.
---@param message table
---@return integer|false|nil status, table|nil headers, string|nil body
function twilio.handle(message)
  local id, path = message.path:match "^/2010%-04%-01/Accounts/([%w_%-]+)(.*)$"
  if not id then return nil end
  if not is_authorised(message) then return rest.refuse(401, 20003, "Authenticate") end
  if id ~= account.sid then return rest.not_found(message) end
  if course.too_many() then return rest.refuse(429, 20429, "Too Many Requests") end
  rest.reached(message)
  if path == ".json" then return about_account() end
  local params, pairs_in_order = http.read_form(message.body)
  if not params then return rest.refuse(400, 20001, "the form has too many parameters") end
  if path == "/Calls.json" and message.method == "POST" then return create(params, pairs_in_order) end
  local query = query_of(message)
  if path == "/Calls.json" then return list(query) end
  for _, part in ipairs { twilio_numbers, twilio_recordings, twilio_rooms } do
    local status, headers, body = part.handle(message, path, params, pairs_in_order, query)
    if status then return status, headers, body end
  end
  return about_call(message, path, params, query)
end

return contract {
  name = "twilio", start = twilio.start, handle = twilio.handle, inbound = twilio.inbound, call_in = twilio.call_in,
}
