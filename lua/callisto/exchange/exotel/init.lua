-- callisto.exchange.exotel: Exotel's face: the v1 call API, and how calls come to be.
--
-- What a call says of itself is in exotel_call, the applets of its flow are in exotel_flow. A call cannot be ended from
-- outside: the subscriber hangs up, the socket closes, or time is up.

local contract = require "callisto.exchange.face"
local core = require "callisto.core"
local course = require "callisto.exchange.course"
local crypto = require "callisto.crypto"
local exotel_call = require "callisto.exchange.exotel.call"
local exotel_flow = require "callisto.exchange.exotel.flow"
local http = require "callisto.http"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local settings = require "callisto.settings"
local task = require "callisto.task"
local xml = require "callisto.xml"

local exotel = {}

local RING_S, LONGEST_S = 60, 14400
local REQUESTS_PER_MINUTE = 200
local STREAMS = 100
local PAGE, PAGE_MOST = 50, 100
local FIELD_BYTES = { StreamUrl = 600, StreamName = 32, CustomField = 128 }

local account ---@type {sid: string, key: string, token: string}
local numbers
local face = { become = exotel_call.become, wire = exotel_flow.wire }
local calls
local bucket = {} -- requests that may still be made now; it fills with time

---@param options {numbers: table<string, table>, cps: number|nil}
---@return true|nil ok, string? why  the variables that are missing
function exotel.start(options)
  account = {
    sid = settings.get "EXOTEL_ACCOUNT_SID",
    key = settings.get "EXOTEL_API_KEY",
    token = settings.get "EXOTEL_API_TOKEN",
  }
  if not account.sid or not account.key or not account.token then
    return nil, "EXOTEL_ACCOUNT_SID, EXOTEL_API_KEY and EXOTEL_API_TOKEN are not set"
  end
  numbers = options.numbers
  local most = options.cps and options.cps * 60 or REQUESTS_PER_MINUTE
  calls = course.new(face, options.cps or REQUESTS_PER_MINUTE / 60)
  bucket = { most = most, left = most, at = core.now() }
  exotel_call.start(account)
  exotel_flow.start(account, calls)
  return true
end

-- Calls -------------------------------------------------------------------------------------------------------------

-- A flow is what the settings say of its number: the first applet's URL, and those of the others.
local function obey(call, flow)
  calls:obey(call, function() exotel_flow.run(call, flow) end)
end

function face.answered(call)
  if calls:is_over(call) then return end
  local flow = call.flow and numbers[call.from] or { voice_url = call.stream_url }
  if call.stream_url and not exotel_flow.lift(call, call.stream_url) then return calls:finish(call, "failed") end
  calls:limit(call, call.longest)
  obey(call, flow)
end

---A subscriber calls one of the application's numbers, whose flow begins with a Voicebot applet.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, passthru_url: string|nil, dial_url: string|nil, status_callback: string|nil}
---@return callisto.exchange.Call
function exotel.inbound(from, to, number)
  local call = network.add {
    id = exotel_call.sid(), carrier = "exotel", from = from, to = to, party = from, direction = "inbound",
    status = "ringing", flow = "1", status_callback = number.status_callback,
  }
  call.on_gone = function() calls:finish(call, "completed") end
  task.start(function() obey(call, number) end)
  return call
end

-- Answers of the REST interface -------------------------------------------------------------------------------------

local function answer(is_json, status, name, value)
  local headers, body = exotel_call.written_as(is_json, name, value)
  return status, headers, body
end

local function refuse(status, message, code)
  return answer(true, status, "RestException", { Status = status, Message = message, Code = code })
end

-- Creating ----------------------------------------------------------------------------------------------------------

local function is_number(value) return value:find "^%+%d%d%d%d%d%d%d+$" ~= nil end

-- What is wrong with an order.
local function fault_of(p)
  if not p.From or not is_number(exotel_call.number(p.From)) then return "From is not a phone number" end
  if not p.CallerId or not is_number(exotel_call.number(p.CallerId)) then return "CallerId is not a phone number" end
  if next(numbers) and not numbers[exotel_call.number(p.CallerId)] then return "CallerId is not an ExoPhone of yours" end
  if p.To then return "To: calls between two numbers are not played here" end
  if (p.Url == nil) == (p.StreamUrl == nil) then return "exactly one of Url and StreamUrl is needed" end
  if p.StreamUrl and p.StreamType ~= "bidirectional" then return "StreamType must be bidirectional" end
  if p.StreamUrl and not p.StreamUrl:find "^wss?://" then return "StreamUrl must be a wss:// URL" end
  local is_flow = p.Url and p.Url:find("/" .. account.sid .. "/exoml/start_voice/%w+$")
    and numbers[exotel_call.number(p.CallerId)]
  if p.Url and not is_flow then return "Url must be that of a flow" end
  for name, most in pairs(FIELD_BYTES) do
    if p[name] and #p[name] > most then return ("%s is longer than %d characters"):format(name, most) end
  end
  local limit = p.TimeLimit and (tonumber(p.TimeLimit) or 0)
  if limit and (limit < 1 or limit > LONGEST_S) then return "TimeLimit must be from 1 to 14400 seconds" end
end

local function events_of(params)
  local events
  for name, value in pairs(params) do
    if name:find "^StatusCallbackEvents%[%d*%]$" then
      events = events or {}
      events[value] = true
    end
  end
  return events
end

local function create(is_json, p)
  local fault = fault_of(p)
  if fault then return refuse(400, fault, 34001) end
  local party = exotel_call.number(p.From)
  local refusal = course.refusal(party)
  if refusal then return refuse(refusal.status, refusal.message or "refused on purpose", refusal.code) end
  local call = network.add {
    id = exotel_call.sid(), carrier = "exotel", from = exotel_call.number(p.CallerId), to = party, party = party,
    direction = "outbound", status = "queued", status_callback = p.StatusCallback, events = events_of(p), custom = p.CustomField,
    is_json = p.StatusCallbackContentType == "application/json", stream_url = p.StreamUrl,
    flow = p.Url and p.Url:match "(%w+)$", longest = tonumber(p.TimeLimit) or LONGEST_S,
  }
  calls:place(call, tonumber(p.TimeOut) or RING_S)
  local befalls = course.create_fault(party)
  if befalls == "no answer" then return false end -- the call is placed; the application never hears of it
  if befalls == "error" then return refuse(500, "Internal Server Error") end
  return answer(is_json, 200, "Call", exotel_call.resource(call))
end

-- Reading -----------------------------------------------------------------------------------------------------------

local function fits(call, query)
  if call.carrier ~= "exotel" then return false end
  local resource = exotel_call.resource(call)
  for _, name in ipairs { "From", "To", "Status", "Direction" } do
    local wanted = query[name]
    local is_same = wanted == nil or resource[name] == wanted
      or exotel_call.number(resource[name]) == exotel_call.number(wanted)
    if not is_same then return false end
  end
  return true
end

local function list(query)
  local size = math.max(1, math.min(tonumber(query.PageSize) or PAGE, PAGE_MOST))
  local rows, all = json.array {}, network.all()
  for index = #all, 1, -1 do
    if #rows < size and fits(all[index], query) then rows[#rows + 1] = exotel_call.resource(all[index]) end
  end
  local body = json.encode { Metadata = { Total = #rows, PageSize = size }, Calls = rows }
  return 200, { ["content-type"] = "application/json" }, body
end

local function active_streams()
  local count = 0
  for _, call in ipairs(network.all()) do count = count + (call.streaming and 1 or 0) end
  return 200, { ["content-type"] = "application/xml" }, xml.build { "Response", {},
    { "ActiveStreamCount", {}, tostring(count) }, { "ThrottleLimit", {}, tostring(STREAMS) } }
end

local function is_authorised(message)
  local given = (message.headers.authorization or ""):match "^[Bb]asic%s+(%S+)$"
  return given ~= nil and crypto.equal(given, crypto.base64(account.key .. ":" .. account.token))
end

local function is_too_much()
  local now = core.now()
  bucket.left, bucket.at = math.min(bucket.most, bucket.left + (now - bucket.at) * bucket.most / 60), now
  bucket.left = bucket.left - 1
  if bucket.left >= 0 then return false end
  bucket.left = 0
  return true
end

local function form_of(message)
  if http.type_of(message) == "multipart/form-data" then return http.read_multipart(message) end
  return (http.read_form(message.body))
end

---The id of the call a path of this face names.
---@param path string
---@return string|nil
function exotel.call_in(path) return path:match "^/v1/Accounts/[%w_%-]+/Calls/(%x+)" end

---Answers a request that belongs to this face; nil when it does not, false when it shall stay without an answer.
---@param message table
---@return integer|false|nil status, table|nil headers, string|nil body
function exotel.handle(message)
  local sid, rest = message.path:match "^/v1/Accounts/([%w_%-]+)(/.*)$"
  if not sid then return nil end
  if not is_authorised(message) then return refuse(401, "Authentication failed") end
  if sid ~= account.sid then return refuse(404, "The account is not known") end
  if course.too_many() or is_too_much() then return refuse(429, "Too many requests") end
  local is_json = rest:find "%.json$" ~= nil
  local path = is_json and rest:sub(1, -6) or rest
  if path == "/Calls/connect" and message.method == "POST" then
    local params, why = form_of(message)
    if not params then return refuse(400, why, 34001) end
    return create(is_json, params)
  end
  local query = http.read_query(message.query)
  if message.method ~= "GET" then return refuse(404, message.path .. " is not known") end
  if path == "/Calls" then return list(query) end
  if path == "/ActiveStreams" then return active_streams() end
  local call = network.find(path:match "^/Calls/(%x+)$" or "")
  if not call or call.carrier ~= "exotel" then return refuse(404, "The call is not known") end
  return answer(is_json, 200, "Call", exotel_call.resource(call, query.details == "true"))
end

return contract {
  name = "exotel", start = exotel.start, handle = exotel.handle, inbound = exotel.inbound, call_in = exotel.call_in,
}
