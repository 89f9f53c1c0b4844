-- callisto.exchange.telnyx: Telnyx's face: TeXML calls, the commands of its Voice API, recordings.
--
-- The application signs in with its API key; the exchange signs webhooks with a key of its own, which it derives from the
-- API key unless EXCHANGE_TELNYX_KEY (base64 of 32 bytes) says otherwise. The application needs the public half as
-- TELNYX_PUBLIC_KEY: GET /v2/public_key tells it, and so does the log.

local contract = require "callisto.exchange.face"
local core = require "callisto.core"
local course = require "callisto.exchange.course"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local log = require "callisto.log"
local network = require "callisto.exchange.network"
local recordings = require "callisto.exchange.recordings"
local rooms = require "callisto.exchange.rooms"
local settings = require "callisto.settings"
local task = require "callisto.task"
local telnyx_call = require "callisto.exchange.telnyx.call"
local telnyx_control = require "callisto.exchange.telnyx.control"
local telnyx_recordings = require "callisto.exchange.telnyx.recordings"
local telnyx_stream = require "callisto.exchange.telnyx.stream"
local twiml = require "callisto.exchange.shared.twiml"

local telnyx = {}

local RING_S, RING_LEAST_S, RING_MOST_S = 30, 5, 120
local CALLS_PER_SECOND = 10 -- no figure is published
local INLINE_BASE = "https://inline.invalid/"

local account ---@type {sid: string, key: string, seed: string, public_key: string, application: string}

local face = {
  wire = telnyx_stream.wire, stream = telnyx_stream.run, notify = telnyx_call.notify, fetch = telnyx_call.fetch,
  new_call = telnyx_call.new_id, silence = 0,
}
local calls

function face.become(call, status)
  if telnyx_call.is_over(call) then
    face.recordings:finish(call)
    if call.streamer then task.cancel(call.streamer) end
  end
  if call.webhook_url then return telnyx_control.become(call, status) end
  telnyx_call.become(call, status)
end

function face.answer(call) return call.answered ~= nil or calls:lift(call) end

-- The private key: the setting's, or one that is always the same for an API key.
local function seed_of(key)
  local given = settings.get "EXCHANGE_TELNYX_KEY"
  if not given then return crypto.digest("sha256", "callisto exchange " .. key) end
  local seed = crypto.unbase64(given)
  if not seed or #seed ~= 32 then error("EXCHANGE_TELNYX_KEY must be base64 of 32 bytes", 0) end
  return seed
end

---@param options {numbers: table<string, table>, cps: number|nil}
---@return true|nil ok, string? why  the variables that are missing
function telnyx.start(options)
  local key, sid = settings.get "TELNYX_API_KEY", settings.get "TELNYX_ACCOUNT_SID"
  if not key or not sid then return nil, "TELNYX_API_KEY and TELNYX_ACCOUNT_SID are not set" end
  local seed = seed_of(key)
  account = {
    sid = sid, key = key, seed = seed, public_key = crypto.base64(crypto.ed25519_public(seed)),
    application = settings.get "TELNYX_APPLICATION_SID" or "1", connection = settings.get "TELNYX_CONNECTION_ID",
  }
  local of_application = settings.get "TELNYX_PUBLIC_KEY"
  if of_application and of_application ~= account.public_key then
    log.warn("TELNYX_PUBLIC_KEY is not the key of this exchange; applications need " .. account.public_key)
  else
    log.info("the exchange signs for Telnyx with TELNYX_PUBLIC_KEY=" .. account.public_key)
  end
  calls = course.new(face, options.cps or CALLS_PER_SECOND)
  face.course = calls
  face.rooms = rooms.new(telnyx_call.uuid)
  face.recordings = recordings.new(telnyx_call.uuid)
  telnyx_call.start(account)
  telnyx_stream.start(account, (settings.get "TELNYX_AUDIO" or ""):find "^l16le" and "l16le" or "l16be")
  twiml.new(face)
  telnyx_recordings.start(face, account, settings.get "TELNYX_API_BASE")
  telnyx_control.start(face, account, telnyx.replies)
  return true
end

-- Calls -------------------------------------------------------------------------------------------------------------

local function obey_fetched(call, document, where, otherwise)
  if calls:is_over(call) then return end
  if document then return calls:obey(call, function() face.run(call, document, where) end) end
  network.note(call, "application error: " .. where)
  calls:finish(call, otherwise)
end

function face.answered(call)
  if call.webhook_url then return telnyx_control.answered(call) end
  local params = call.params
  if not face.answer(call) then return calls:finish(call, "failed") end
  calls:limit(call, tonumber(params.TimeLimit))
  if tostring(params.Record) == "true" then telnyx_recordings.from_start(call) end
  if params.Texml then return obey_fetched(call, params.Texml, INLINE_BASE) end
  local document, where = telnyx_call.fetch_first(call,
    { method = params.UrlMethod or params.Method, url = params.Url, fallback_url = params.FallbackUrl })
  obey_fetched(call, document, where, "completed")
end

---A subscriber calls one of the application's numbers: of TeXML, or of Call Control when TELNYX_CONNECTION_ID is set.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, method: string|nil, fallback_url: string|nil, status_callback: string|nil}
---@return callisto.exchange.Call
function telnyx.inbound(from, to, number)
  local call = network.add {
    id = telnyx_call.new_id(), from = from, to = to, party = from, direction = "inbound", status = "ringing",
    status_callback = number.status_callback, events = { "initiated", "ringing", "answered", "completed" }, params = {},
  }
  if account.connection then
    telnyx_control.inbound(call, number.voice_url)
    return call
  end
  call.on_gone = function() calls:finish(call, "completed") end
  task.start(function()
    local document, where = telnyx_call.fetch_first(call,
      { method = number.method, url = number.voice_url, fallback_url = number.fallback_url })
    obey_fetched(call, document, where, "failed")
  end)
  return call
end

-- Answers of the REST interface -------------------------------------------------------------------------------------

local JSON = { ["content-type"] = "application/json; charset=utf-8" }

local function refuse(status, code, title, detail, pointer)
  return status, JSON, json.encode { errors = json.array { {
    code = tostring(code), title = title, detail = detail or title,
    source = pointer and { pointer = pointer } or nil,
    meta = { url = "https://developers.telnyx.com/docs/overview/errors/" .. code },
  } } }
end

local function answer(status, value) return status, JSON, json.encode(value) end

local function not_found()
  return refuse(404, 10005, "Resource not found", "The requested resource or URL could not be found.")
end

local function too_many()
  local status, headers, body = refuse(429, 10011, "Too many requests", "The limit of requests a second is exceeded.")
  return status, {
    ["content-type"] = headers["content-type"], ["x-ratelimit-limit"] = tostring(calls.calls_per_second),
    ["x-ratelimit-remaining"] = "0", ["x-ratelimit-reset"] = "1",
  }, body
end

-- What a request says: JSON or a form. What is null is not there.
local function params_of(message)
  if http.type_of(message) ~= "application/json" then return (http.read_form(message.body)) end
  local value = json.decode(message.body ~= "" and message.body or "{}")
  if type(value) ~= "table" then return nil end
  return value
end

-- Creating ----------------------------------------------------------------------------------------------------------

local function is_number(text) return type(text) == "string" and text:find "^%+%d%d%d%d%d%d%d+$" ~= nil end

local function is_url(text) return type(text) == "string" and text:find "^https?://[%w%-._~%[%]:]+" ~= nil end

-- What is wrong with an order.
local function fault_of(p)
  if p.ApplicationSid ~= account.application then
    return 422, 10015, "Bad Request", "The ApplicationSid parameter is not that of a TeXML application.", "/ApplicationSid"
  end
  for _, name in ipairs { "To", "From" } do
    if not is_number(p[name]) then
      local detail = ("The '%s' parameter must be in E.164 format."):format(name)
      return 422, 10016, "Phone number must be in +E.164 format", detail, "/" .. name
    end
  end
  for _, name in ipairs { "Url", "FallbackUrl", "StatusCallback" } do
    if p[name] and not is_url(p[name]) then
      return 422, 10015, "Bad Request", "The '" .. name .. "' parameter must be an URL.", "/" .. name
    end
  end
  if not p.Url and not p.Texml then return 422, 10015, "Bad Request", "The application has no URL; give Url or Texml.", "/Url" end
end

local function words_of(text)
  local words = {}
  for word in (text or ""):gmatch "%S+" do words[#words + 1] = word end
  return #words > 0 and words or nil
end

---An order that is right: refused on purpose, too many, or placed.
---@param to string
---@param make fun(): callisto.exchange.Call, number  the call and how long it may ring
---@param reply fun(call: callisto.exchange.Call): integer, table, string
---@return integer|false status, table|nil headers, string|nil body
function face.order(to, make, reply)
  local refusal = course.refusal(to)
  if refusal then return refuse(refusal.status, refusal.code, refusal.message or "refused on purpose") end
  if calls.next_turn - core.now() >= 1 then return too_many() end
  local call, ring = make()
  calls:place(call, ring, calls:turn())
  local fault = course.create_fault(to)
  if fault == "no answer" then return false end
  if fault == "error" then return refuse(500, 10007, "Unexpected error") end
  return reply(call)
end

local function create(params)
  local status, code, title, detail, pointer = fault_of(params)
  if status then return refuse(status, code, title, detail, pointer) end
  return face.order(params.To, function()
    local call = network.add {
      id = telnyx_call.new_id(), from = params.From, to = params.To, party = params.To, direction = "outbound",
      status = "queued", status_callback = params.StatusCallback, status_method = params.StatusCallbackMethod,
      events = words_of(params.StatusCallbackEvent), params = params,
    }
    return call, math.max(RING_LEAST_S, math.min(tonumber(params.Timeout) or RING_S, RING_MOST_S))
  end, function(call) return answer(200, { from = call.from, to = call.to, status = "queued" }) end)
end

-- Changing and reading ------------------------------------------------------------------------------------------------

local function over()
  return refuse(422, 90018, "Call has already ended", "This call is no longer active and can't receive commands.")
end

local function update(call, params)
  if calls:is_over(call) then return over() end
  if params.Status == "completed" or params.Status == "canceled" then
    calls:finish(call, call.answered and "completed" or "canceled")
  elseif params.Status then
    return refuse(422, 10015, "Bad Request", "The 'Status' parameter must be completed.", "/Status")
  elseif not call.answered then
    return refuse(422, 90034, "Call not answered yet")
  elseif params.Texml then
    obey_fetched(call, params.Texml, INLINE_BASE)
  elseif is_url(params.Url) then
    local document, where = telnyx_call.fetch(call, params.Method, params.Url)
    obey_fetched(call, document, where, "completed")
  else
    return refuse(422, 10015, "Bad Request", "Give Url, Texml or Status.")
  end
  return answer(200, telnyx_call.resource(call))
end

local of_lists = { To = true, From = true, Status = true, Page = true, PageSize = true }

local function list(query)
  for name in pairs(query) do
    if not of_lists[name] then
      return refuse(422, 10015, "Bad Request", ("The exchange does not play the filter '%s'."):format(name), "/" .. name)
    end
  end
  local size = math.max(1, math.min(tonumber(query.PageSize) or 20, 250))
  local page = math.max(0, tonumber(query.Page) or 0)
  local rows, found, all = json.array {}, 0, network.all()
  for index = #all, 1, -1 do
    local call = all[index]
    local fits = call.id:find "^v3:" and (not query.To or query.To == call.to) and (not query.From or query.From == call.from)
      and (not query.Status or query.Status == call.status)
    found = found + (fits and 1 or 0)
    if fits and found > page * size and #rows < size then rows[#rows + 1] = telnyx_call.resource(call) end
  end
  local uri = ("/v2/texml/Accounts/%s/Calls.json?Page=%%d&PageSize=%d"):format(account.sid, size)
  return answer(200, {
    calls = rows, page = page, page_size = size, start = page * size, ["end"] = page * size + math.max(0, #rows - 1),
    uri = uri:format(page), first_page_uri = uri:format(0),
    next_page_uri = found > (page + 1) * size and uri:format(page + 1) or json.null,
  })
end

local commands = {}

function commands.hangup(call) calls:finish(call, call.answered and "completed" or "canceled") end

function commands.send_dtmf(call, about)
  local digits = about.digits
  if type(digits) ~= "string" or not digits:find "^[%dA-D*#wW]+$" then
    return refuse(422, 10015, "Bad Request", "The 'digits' parameter is invalid.", "/digits")
  end
  if not call.answered then return refuse(422, 90034, "Call not answered yet") end
  network.play_keys(call, digits)
end

function commands.record_stop(call, about)
  local recording = face.recordings:live(call, about.recording_id)
  if recording then face.recordings:stop(recording) end
end

local function command(call, name, about)
  local fn = commands[name] or telnyx_control.command(name)
  if not fn then return not_found() end
  if calls:is_over(call) then return over() end
  local status, headers, body = fn(call, about)
  if status then return status, headers, body end
  return answer(200, { data = { result = "ok" } })
end

local function of_texml(message, path, params)
  if path == "" or path == ".json" then
    if message.method == "POST" then return create(params) end
    return list((http.read_form(message.query)) or {})
  end
  local id, rest = path:match "^/([%w:_%-]+)(.*)$"
  local call = network.find(id or "")
  if not call or not call.id:find "^v3:" then return not_found() end
  if rest ~= "" and rest ~= ".json" then return telnyx_recordings.of_call(message, call, rest, params) end
  if message.method == "POST" then return update(call, params) end
  return answer(200, telnyx_call.resource(call))
end

---The id of the call a path of this face names.
---@param path string
---@return string|nil
function telnyx.call_in(path) return path:match "/(v3:[%w_%-]+)" end

---Answers a request that belongs to this face; nil when it does not, false when it shall stay without an answer.
---@param message table
---@return integer|false|nil status, table|nil headers, string|nil body
function telnyx.handle(message)
  local path = message.path:match "^/v2(/.*)$"
  if not path then return telnyx_recordings.file(message.path) end
  local is_ours = path == "/public_key" or path:find "^/texml/" or path:find "^/calls/v3:" or path:find "^/recordings"
    or path == "/calls" or path:find "^/connections/"
  if not is_ours then return nil end
  local given = (message.headers.authorization or ""):match "^[Bb]earer%s+(%S+)$"
  if not given or not crypto.equal(given, account.key) then
    return refuse(401, 10009, "Authentication failed", "The required authentication headers were either invalid or not included.")
  end
  if course.too_many() then return too_many() end
  telnyx_recordings.reached(message)
  if path == "/public_key" then return answer(200, { data = { public = account.public_key, record_type = "public_key" } }) end
  local params = params_of(message)
  if not params then return refuse(400, 10015, "Bad Request", "The body is neither JSON nor a form.") end
  local sid, of_calls = path:match "^/texml/Accounts/([^/]+)/Calls(.*)$"
  if sid then
    if sid ~= account.sid then return not_found() end
    return of_texml(message, of_calls, params)
  end
  if path == "/calls" and message.method == "POST" then return telnyx_control.create(params) end
  local connection = path:match "^/connections/([%w%-]+)/active_calls$"
  if connection then return telnyx_control.active(connection) end
  local shown = message.method == "GET" and network.find(path:match "^/calls/(v3:[%w_%-]+)$" or "")
  if shown then return telnyx_control.show(shown) end
  local id, name = path:match "^/calls/(v3:[%w_%-]+)/actions/([%w_]+)$"
  local call = id and message.method == "POST" and network.find(id)
  if call then return command(call, name, params) end
  if id then return refuse(422, 90015, "Invalid Call Control ID", "The call_control_id provided was not valid.") end
  local status, headers, body = telnyx_recordings.handle(message, path)
  if status then return status, headers, body end
  return not_found()
end

telnyx_recordings.answers(answer, refuse, not_found)
telnyx.replies = { answer = answer, refuse = refuse, not_found = not_found }

return contract {
  name = "telnyx", start = telnyx.start, handle = telnyx.handle, inbound = telnyx.inbound, call_in = telnyx.call_in,
}
