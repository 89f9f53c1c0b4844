-- callisto.exchange.twilio: Twilio's face: REST, signed webhooks, TwiML obeyed, media streams, status callbacks.
--
-- Written from the carrier's side of shared wire facts (docs/carriers.md names the pages). It signs with its own code, not
-- the adapter's, so that one cannot hide the other's mistake.
--
--   POST Calls.json ─► queued ─► initiated ─► ringing ─┬─► in-progress ─► TwiML ─► completed
--                                                      ├─► busy / no-answer / failed
--                                                      └─► canceled

local core = require "callisto.core"
local crypto = require "callisto.crypto"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local task = require "callisto.task"
local xml = require "callisto.xml"

local twilio = { name = "twilio" }

local API = "/2010-04-01/Accounts/"
local TWIML_CEILING = 64 * 1024
local INLINE_CEILING = 4000
local TERMINAL = { completed = true, busy = true, failed = true, ["no-answer"] = true, canceled = true }

-- The carrier's side of the media socket: what we send carries the counters, what we expect is the application's.
local media = {
  name = "twilio-carrier", encoding = "pcmu", rate = 8000, frame_ms = 20, event = "event",
  audio_in = { event = "media", payload = "media.payload" },
  mark_in = { event = "mark", name = "mark.name" },
  clear_in = { event = "clear" },
  audio_out = [[{"event":"media","sequenceNumber":"$seq","streamSid":"$stream","media":{"track":"inbound",]]
    .. [["chunk":"$chunk","timestamp":"$ms","payload":"$audio"}}]],
  mark_out = [[{"event":"mark","sequenceNumber":"$seq","streamSid":"$stream","mark":{"name":"$mark"}}]],
  dtmf_out = [[{"event":"dtmf","sequenceNumber":"$seq","streamSid":"$stream",]]
    .. [["dtmf":{"track":"inbound_track","digit":"$digit"}}]],
  stop_out = [[{"event":"stop","sequenceNumber":"$seq","streamSid":"$stream"}]],
}

local settings ---@type {sid: string, token: string, base: string, cps: number}
local wire

---@param env table<string, string> the environment
---@param given {cps: number|nil} exchange.twilio of callisto.lua
function twilio.start(env, given)
  settings = {
    sid = env.TWILIO_ACCOUNT_SID or "AC00000000000000000000000000000000", token = env.TWILIO_AUTH_TOKEN or "token",
    cps = given.cps or 10,
  }
  wire = core.wire(media)
end

-- Words of the wire -----------------------------------------------------------------------------------------------------

local function sid(prefix) return prefix .. crypto.hex(core.random(16)) end

local function rfc2822(seconds) return core.date("%a, %d %b %Y %H:%M:%S +0000", seconds) end

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function escape(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

---A form body; a repeated name keeps all its values.
---@param body string
---@return table<string, string> first, table<string, string[]> all
local function parse_form(body)
  local first, all = {}, {}
  for pair in body:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    name, value = unescape(name), unescape(value)
    first[name] = first[name] or value
    all[name] = all[name] or {}
    table.insert(all[name], value)
  end
  return first, all
end

local function build_form(params)
  local names, parts = {}, {}
  for name in pairs(params) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = escape(name) .. "=" .. escape(params[name]) end
  return table.concat(parts, "&")
end

---X-Twilio-Signature: the URL, then the parameters sorted by name.
local function signature(url, params)
  local names, text = {}, { (url:gsub("#.*$", "")) }
  for name in pairs(params or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do text[#text + 1] = name .. tostring(params[name]) end
  return crypto.base64(crypto.hmac("sha1", settings.token, table.concat(text)))
end

local function error_answer(status, code, message)
  return status, { ["content-type"] = "application/json" }, json.encode {
    code = code, message = message, more_info = "https://www.twilio.com/docs/errors/" .. code, status = status,
  }
end

local null = json.null

local function resource(call)
  local ended = TERMINAL[call.status]
  return {
    sid = call.id, account_sid = settings.sid, to = call.to, from = call.from, status = call.status,
    direction = call.direction == "inbound" and "inbound" or "outbound-api", api_version = "2010-04-01",
    to_formatted = call.to, from_formatted = call.from, phone_number_sid = null, forwarded_from = null,
    caller_name = null, group_sid = null, trunk_sid = null, annotation = null,
    date_created = rfc2822(call.created), date_updated = rfc2822(core.wall()),
    start_time = call.answered and rfc2822(call.answered) or null,
    end_time = ended and rfc2822(call.ended or core.wall()) or null,
    duration = ended and tostring(call.duration or 0) or null, price = null, price_unit = "USD", answered_by = null,
    parent_call_sid = call.parent or null, queue_time = "0",
    uri = API .. settings.sid .. "/Calls/" .. call.id .. ".json",
    subresource_uris = { recordings = API .. settings.sid .. "/Calls/" .. call.id .. "/Recordings.json" },
  }
end

-- Callbacks ---------------------------------------------------------------------------------------------------------------

local function base_params(call)
  return {
    CallSid = call.id, AccountSid = settings.sid, From = call.from, To = call.to, Caller = call.from, Called = call.to,
    CallStatus = call.status, ApiVersion = "2010-04-01",
    Direction = call.direction == "inbound" and "inbound" or "outbound-api",
  }
end

---A request to the application, as Twilio makes it: signed over the URL as configured.
local function webhook(method, url, params)
  local headers = { ["user-agent"] = "TwilioProxy/1.1" }
  local bare = url:gsub("#.*$", "")
  if method == "GET" then
    bare = bare .. (bare:find("?", 1, true) and "&" or "?") .. build_form(params)
    headers["x-twilio-signature"] = signature(bare)
    return { method = "GET", url = bare, headers = headers, timeout = 15, connect_timeout = 5 }
  end
  headers["x-twilio-signature"] = signature(bare, params)
  headers["content-type"] = "application/x-www-form-urlencoded; charset=UTF-8"
  return { method = "POST", url = bare, headers = headers, body = build_form(params), timeout = 15, connect_timeout = 5 }
end

local function wants(call, event)
  for _, wanted in ipairs(call.events or { "completed" }) do
    if wanted == event then return true end
  end
  return false
end

---Moves the call on and tells the application, if it asked for this event. Terminal states are never left.
local function become(call, status, extra)
  if TERMINAL[call.status] then return end
  call.status = status
  network.note(call, "status " .. status)
  if TERMINAL[status] then
    call.ended = core.wall()
    call.duration = call.answered and math.max(0, math.floor(call.ended - call.answered + 0.5)) or 0
  end
  local event = TERMINAL[status] and "completed" or status == "in-progress" and "answered" or status
  if not call.status_callback or not wants(call, event) then return end
  local params = base_params(call)
  call.sequence = (call.sequence or -1) + 1
  params.SequenceNumber = tostring(call.sequence)
  params.Timestamp = rfc2822(core.wall())
  params.CallbackSource = "call-progress-events"
  if TERMINAL[status] then
    params.CallDuration = tostring(call.duration)
    params.Duration = tostring(math.ceil(call.duration / 60))
  end
  for name, value in pairs(extra or {}) do params[name] = value end
  network.notify(call, event, webhook(call.status_method or "POST", call.status_callback, params))
end

-- TwiML --------------------------------------------------------------------------------------------------------------------

local function absolute(base, url)
  if url:find "^%a[%w+.-]*://" then return url end
  local origin, path = base:match "^(%a[%w+.-]*://[^/]+)([^?#]*)"
  if url:sub(1, 1) == "/" then return origin .. url end
  return origin .. path:gsub("[^/]*$", "") .. url
end

---Fetches the application's document; nil when the application failed, as Twilio would have it.
local function fetch_document(call, method, url, extra)
  local params = base_params(call)
  for name, value in pairs(extra or {}) do params[name] = value end
  local response, why = network.ask(call, webhook(method, url, params), "document")
  if not response then return nil, "11200 " .. tostring(why) end
  if response.status >= 300 or response.status < 200 then return nil, "11200 HTTP " .. response.status end
  if #response.body > TWIML_CEILING then return nil, "11750 the document is larger than 64 kB" end
  local kind = response.headers["content-type"] or ""
  if not kind:find "xml" then return nil, "12300 invalid content type " .. kind end
  return response.body, url
end

local verbs = {}
local run_document

---Follows a URL that a verb named: the present document ends here.
local function go_to(call, url, method, extra)
  local document, where = fetch_document(call, method or "POST", absolute(call.base, url), extra)
  if not document then
    network.note(call, "application error " .. where)
    return "hangup"
  end
  return "document", document, where
end

function verbs.Say(call, node) network.say(call, node.text) end

function verbs.Play(call, node)
  if node.attrs.digits then return network.note(call, "carrier plays keys " .. node.attrs.digits) end
  network.note(call, "carrier plays " .. node.text)
  task.sleep(2)
end

function verbs.Pause(_, node) task.sleep(tonumber(node.attrs.length) or 1) end

function verbs.Hangup() return "hangup" end

function verbs.Redirect(call, node) return go_to(call, node.text, node.attrs.method) end

function verbs.Reject(call, node)
  call.rejected = node.attrs.reason == "busy" and "busy" or "no-answer"
  return "hangup"
end

function verbs.Gather(call, node)
  local prompt = task.spawn(function()
    for _, child in ipairs(node) do
      local verb = verbs[child.name]
      if verb then verb(call, child) end
    end
  end)
  local timeout = tonumber(node.attrs.timeout) or 5
  local started = core.now()
  repeat task.wait("keys " .. call.line, 0.1) until call.keys ~= "" or prompt.state == "ended"
  task.cancel(prompt)
  network.note(call, ("gather waits after %.1f s of prompt"):format(core.now() - started))
  local keys, finished = network.gather(call, tonumber(node.attrs.numDigits), node.attrs.finishOnKey or "#", timeout)
  if keys == "" and not finished and node.attrs.actionOnEmptyResult ~= "true" then return end
  return go_to(call, node.attrs.action or call.base, node.attrs.method, { Digits = keys, FinishedOnKey = finished })
end

local function stream_opening(call, stream_sid, node)
  local parameters = {}
  for _, child in ipairs(node) do
    if child.name == "Parameter" then parameters[child.attrs.name] = child.attrs.value end
  end
  return {
    json.encode { event = "connected", protocol = "Call", version = "1.0.0" },
    json.encode {
      event = "start", sequenceNumber = "1", streamSid = stream_sid,
      start = {
        streamSid = stream_sid, accountSid = settings.sid, callSid = call.id, tracks = { "inbound" },
        mediaFormat = { encoding = "audio/x-mulaw", sampleRate = 8000, channels = 1 }, customParameters = parameters,
      },
    },
  }
end

local function stream(call, node)
  local url = absolute(call.base:gsub("^http", "ws"), node.attrs.url)
  if not url:find "^wss?://" then return network.note(call, "31922 the stream's scheme is not wss: " .. url) end
  if url:find "[?#]" then return network.note(call, "31920 a stream URL must have no query: " .. url) end
  local stream_sid = sid "MZ"
  local reason = network.stream(call, {
    url = url, headers = { ["x-twilio-signature"] = signature(url) }, stream = stream_sid, carrier_call = call.id,
    opening = stream_opening(call, stream_sid, node), sequence = 2,
    closing = json.encode { event = "stop", streamSid = stream_sid, stop = { accountSid = settings.sid, callSid = call.id } },
  })
  network.note(call, "stream over: " .. tostring(reason))
end

function verbs.Connect(call, node)
  for _, child in ipairs(node) do
    if child.name == "Stream" then stream(call, child) end
  end
  if node.attrs.action then return go_to(call, node.attrs.action, node.attrs.method) end
end

---Rings somebody and joins the two. There is no sound between them in the exchange; time passes and either may hang up.
function verbs.Dial(call, node)
  local number = node.text
  for _, child in ipairs(node) do
    if child.name == "Number" then number = child.text end
  end
  local leg = network.add {
    id = sid "CA", from = node.attrs.callerId or call.from, to = number, party = number, direction = "outbound",
    status = "queued", parent = call.id,
  }
  become(leg, "ringing")
  local outcome = network.ring(leg, tonumber(node.attrs.timeout) or 30)
  local started = core.now()
  if outcome == "answered" then
    network.answer(leg, wire)
    become(leg, "in-progress")
    local over = false
    leg.on_gone = function()
      over = true
      task.wake("dial " .. leg.line, true)
    end
    if not over then task.wait("dial " .. leg.line, tonumber(node.attrs.timeLimit) or 14400) end
    outcome = "completed"
  end
  become(leg, outcome)
  network.release(leg)
  if not node.attrs.action then return end
  return go_to(call, node.attrs.action, node.attrs.method, {
    DialCallStatus = outcome, DialCallSid = leg.id, DialCallDuration = tostring(math.floor(core.now() - started)),
    DialBridged = outcome == "completed" and "true" or "false",
  })
end

---Obeys one document, verb by verb, and the documents it leads to.
function run_document(call, document, base)
  while document do
    call.base = base
    local root, why = xml.parse(document)
    if not root or root.name ~= "Response" then
      network.note(call, "12100 document parse failure: " .. tostring(why or root.name))
      return
    end
    local next_document, next_base
    for index, node in ipairs(root) do
      local verb = verbs[node.name]
      if not verb then
        network.note(call, "12200 schema warning: <" .. node.name .. "> is not obeyed here")
      elseif node.name == "Reject" and (index > 1 or call.status == "in-progress" and call.direction == "outbound") then
        network.note(call, "<Reject> must be the first verb of an inbound call")
      else
        if not call.answered and node.name ~= "Reject" then
          network.answer(call, wire)
          become(call, "in-progress")
        end
        local what, body, where = verb(call, node)
        if call.gone or what == "hangup" then return end
        if what == "document" then
          next_document, next_base = body, where
          break
        end
      end
    end
    document, base = next_document, next_base
  end
end

---Runs the call's documents in a task that an update or a hang-up can cut short.
local function obey(call, document, base)
  if call.runner then task.cancel(call.runner) end
  call.runner = task.start(function()
    local me = task.current()
    run_document(call, document, base)
    if call.runner ~= me then return end
    call.runner = nil
    become(call, call.rejected or "completed")
    network.release(call)
  end)
end

---The subscriber hangs up: whatever was going on ends.
local function hang_up(call, status)
  local runner = call.runner
  call.runner = nil
  if runner then task.cancel(runner) end
  become(call, status or "completed")
  network.release(call)
end

-- Calls ----------------------------------------------------------------------------------------------------------------------

local last_start = 0

---Calls start one by one, so many a second; the rest wait (Twilio queues, it does not refuse).
local function take_turn()
  local at = math.max(core.now(), last_start + 1 / settings.cps)
  last_start = at
  if at > core.now() then task.sleep(at - core.now()) end
end

local function place(call, params)
  take_turn()
  if TERMINAL[call.status] then return end
  become(call, "initiated")
  task.sleep(0.05)
  become(call, "ringing")
  local outcome = network.ring(call, math.min(tonumber(params.Timeout) or 60, 600) + 5)
  if outcome ~= "answered" then
    become(call, outcome, { SipResponseCode = ({ busy = "486", ["no-answer"] = "487", failed = "404" })[outcome] })
    return network.release(call)
  end
  if TERMINAL[call.status] then return end
  network.answer(call, wire)
  become(call, "in-progress")
  local document, base = params.Twiml, "http://inline.invalid/"
  if not document then
    document, base = fetch_document(call, params.Method or "POST", params.Url)
    if not document and params.FallbackUrl then
      network.note(call, "falls back after " .. base)
      document, base = fetch_document(call, params.FallbackMethod or "POST", params.FallbackUrl,
        { ErrorCode = base:match "^%d+", ErrorUrl = params.Url })
    end
  end
  if TERMINAL[call.status] then return end
  if not document then
    network.note(call, "application error: " .. base)
    return hang_up(call)
  end
  obey(call, document, base)
end

local function is_number(text) return text and text:find "^%+%d%d%d%d%d%d%d+$" ~= nil end

local function create(params, all)
  if not params.To or params.To == "" then return error_answer(400, 21201, "No 'To' number is specified") end
  if not params.From or params.From == "" then return error_answer(400, 21213, "No 'From' number is specified") end
  if not is_number(params.From) then return error_answer(400, 21212, "Invalid From number: " .. params.From) end
  if not is_number(params.To) then return error_answer(400, 21211, "Invalid 'To' Phone Number: " .. params.To) end
  if not params.Url and not params.Twiml then
    return error_answer(400, 21205, "Url parameter is required: give Url or Twiml")
  end
  if params.Twiml and #params.Twiml > INLINE_CEILING then
    return error_answer(400, 21205, "Twiml is longer than 4000 characters")
  end
  if params.StatusCallback and (params.StatusCallback:match "^%a+://([^/:]+)" or ""):find "_" then
    return error_answer(400, 21609, "StatusCallback's host name contains an underscore")
  end
  local subscriber = network.subscriber(params.To)
  if subscriber and subscriber.refuse then
    return error_answer(subscriber.refuse.status, subscriber.refuse.code, subscriber.refuse.message or "refused on purpose")
  end
  local call = network.add {
    id = sid "CA", from = params.From, to = params.To, party = params.To, direction = "outbound", status = "queued",
    status_callback = params.StatusCallback, status_method = params.StatusCallbackMethod, events = all.StatusCallbackEvent,
  }
  if call.events and #call.events == 1 then
    local split = {}
    for event in call.events[1]:gmatch "%S+" do split[#split + 1] = event end
    call.events = split
  end
  call.on_gone = function() hang_up(call) end
  task.start(place, call, params)
  if subscriber and subscriber.create_fault == "no answer" then return false end -- the client's time-out decides
  if subscriber and subscriber.create_fault == "error" then return error_answer(500, 20500, "Internal Server Error") end
  return 201, { ["content-type"] = "application/json" }, json.encode(resource(call))
end

local function update(call, params)
  if TERMINAL[call.status] then
    return error_answer(400, 21220, "Call is not in-progress. Cannot redirect.")
  end
  if params.Status == "completed" or params.Status == "canceled" then
    if call.status == "in-progress" then
      if params.Status == "completed" then hang_up(call, "completed") end
    elseif params.Status == "canceled" or params.Status == "completed" then
      become(call, "canceled")
      task.wake("cancel " .. call.line, "canceled")
      network.release(call)
    end
  elseif params.Twiml then
    obey(call, params.Twiml, "http://inline.invalid/")
  elseif params.Url then
    local document, base = fetch_document(call, params.Method or "POST", params.Url)
    if document then obey(call, document, base) end
  end
  return 200, { ["content-type"] = "application/json" }, json.encode(resource(call))
end

local function list(query)
  local page, found = {}, 0
  local limit = math.min(tonumber(query.PageSize) or 50, 1000)
  local skip = (tonumber(query.Page) or 0) * limit
  local all = network.all()
  for index = #all, 1, -1 do
    local call = all[index]
    if (not query.Status or query.Status == call.status) and (not query.To or query.To == call.to)
      and (not query.From or query.From == call.from) then
      found = found + 1
      if found > skip and #page < limit then page[#page + 1] = resource(call) end
    end
  end
  local here = API .. settings.sid .. "/Calls.json?PageSize=" .. limit .. "&Page="
  local number = tonumber(query.Page) or 0
  return 200, { ["content-type"] = "application/json" }, json.encode {
    calls = json.array(page), page = number, page_size = limit, start = skip, ["end"] = skip + #page - 1,
    first_page_uri = here .. "0", uri = here .. number,
    next_page_uri = found > skip + #page and here .. (number + 1) or null,
    previous_page_uri = number > 0 and here .. (number - 1) or null,
  }
end

---A subscriber calls one of the application's numbers.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, method: string|nil, fallback_url: string|nil, status_callback: string|nil}
---@return callisto.exchange.Call
function twilio.inbound(from, to, number)
  local call = network.add {
    id = sid "CA", from = from, to = to, party = from, direction = "inbound", status = "ringing",
    status_callback = number.status_callback,
  }
  call.on_gone = function() hang_up(call) end
  task.start(function()
    local document, base = fetch_document(call, number.method or "POST", number.voice_url)
    if not document and number.fallback_url then
      network.note(call, "falls back after " .. base)
      document, base = fetch_document(call, "POST", number.fallback_url, { ErrorCode = base:match "^%d+" })
    end
    if TERMINAL[call.status] then return end
    if not document then
      network.note(call, "application error: " .. base)
      become(call, "failed")
      return network.release(call)
    end
    obey(call, document, base)
  end)
  return call
end

-- REST -------------------------------------------------------------------------------------------------------------------------

local function is_authorised(message)
  local given = (message.headers.authorization or ""):match "^[Bb]asic%s+(%S+)$"
  return given ~= nil and crypto.equal(given, crypto.base64(settings.sid .. ":" .. settings.token))
end

---Answers a request that belongs to this face; nil when it does not, false when it shall stay without an answer.
---@param message table
---@return integer|false|nil status, table|nil headers, string|nil body
function twilio.handle(message)
  local account, rest = message.path:match "^/2010%-04%-01/Accounts/([^/]+)/(.+)$"
  if not account then return nil end
  if not is_authorised(message) then return error_answer(401, 20003, "Authenticate") end
  if account ~= settings.sid then
    return error_answer(404, 20404, "The requested resource " .. message.path .. " was not found")
  end
  local params, all = parse_form(message.body)
  if rest == "Calls.json" then
    if message.method == "POST" then return create(params, all) end
    return list((parse_form(message.query)))
  end
  local id = rest:match "^Calls/(CA%x+)%.json$"
  local call = id and network.find(id)
  if not call then return error_answer(404, 20404, "The requested resource " .. message.path .. " was not found") end
  if message.method == "POST" then return update(call, params) end
  if message.method == "DELETE" then return 204, {}, "" end
  return 200, { ["content-type"] = "application/json" }, json.encode(resource(call))
end

return twilio
