-- callisto.exchange.vonage: Vonage's face: the Voice API, and how calls come to be.
--
-- Faithful enough for the carrier's own SDK. What a call says of itself is in vonage_call, the documents are obeyed in ncco.

local contract = require "callisto.exchange.face"
local core = require "callisto.core"
local course = require "callisto.exchange.course"
local http = require "callisto.http"
local json = require "callisto.json"
local ncco = require "callisto.exchange.shared.ncco"
local network = require "callisto.exchange.network"
local settings = require "callisto.settings"
local task = require "callisto.task"
local unplayed = require "callisto.exchange.unplayed"
local vonage_call = require "callisto.exchange.vonage.call"

local vonage = {}

local RING_S, RING_MOST_S = 60, 120
local DETECTION_S = 1 -- from the answer to the verdict on who answered
local LONGEST_S = 7200
local CALLS_PER_SECOND = 3
local PAGE, PAGE_MOST = 10, 100
local UUID = "%x+%-%x+%-%x+%-%x+%-%x+"

local numbers
local face = { become = vonage_call.become, wire = ncco.wire }
local calls
local bucket = {} -- orders that may still be placed now; it fills with time

---@param options {numbers: table<string, table>, cps: number|nil}
---@return true|nil ok, string? why  the variables that are missing
function vonage.start(options)
  local account = {
    application = settings.get "VONAGE_APPLICATION_ID", key = settings.get "VONAGE_PRIVATE_KEY",
    secret = settings.get "VONAGE_SIGNATURE_SECRET", api_key = settings.get "VONAGE_API_KEY",
  }
  if not account.application or not account.key or not account.secret then
    return nil, "VONAGE_APPLICATION_ID, VONAGE_PRIVATE_KEY and VONAGE_SIGNATURE_SECRET are not set"
  end
  account.key = account.key:gsub("\\n", "\n")
  numbers = options.numbers
  local per_second = options.cps or CALLS_PER_SECOND
  calls = course.new(face, per_second)
  bucket = { per_second = per_second, most = math.max(1, per_second), left = math.max(1, per_second), at = core.now() }
  vonage_call.start(account)
  ncco.start(calls)
  return true
end

-- Calls -------------------------------------------------------------------------------------------------------------

local function obey(call, list)
  calls:obey(call, function() ncco.run(call, list) end)
end

local function obey_fetched(call, list, why, otherwise)
  if calls:is_over(call) then return end
  if list then return obey(call, list) end
  network.note(call, "application error: " .. why)
  calls:finish(call, otherwise)
end

-- Who answered: told beside the call; a machine may be hung up on.
local function detect(call)
  local order = call.order
  local advanced = type(order.advanced_machine_detection) == "table" and order.advanced_machine_detection or {}
  local behavior = order.machine_detection or advanced.behavior
  if not behavior then return end
  task.start(function()
    task.sleep(DETECTION_S)
    if calls:is_over(call) then return end
    local who = (network.subscriber(call.party) or {}).is_machine and "machine" or "human"
    local has_beep = who == "machine" and advanced.mode == "detect_beep"
    vonage_call.event(call, who, { call_uuid = call.id, sub_state = has_beep and "beep_start" or nil })
    if who == "machine" and behavior == "hangup" then calls:finish(call, "completed") end
  end)
end

function face.answered(call)
  local order = call.order
  detect(call)
  local list, why = order.ncco, nil
  if not list then
    list, why = vonage_call.ask_first(call, { url = order.answer_url[1], method = order.answer_method })
  end
  if calls:is_over(call) then return end
  if not ncco.lift(call, list or {}) then return calls:finish(call, "failed") end
  calls:limit(call, math.min(tonumber(order.length_timer) or LONGEST_S, LONGEST_S))
  obey_fetched(call, list, why, "completed")
end

local function first(value) return type(value) == "table" and value[1] or value end

---A subscriber calls one of the application's numbers.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, method: string|nil, fallback_url: string|nil, status_callback: string|nil}
---@return callisto.exchange.Call
function vonage.inbound(from, to, number)
  local call = network.add {
    id = vonage_call.uuid(), conversation = "CON-" .. vonage_call.uuid(), from = from, to = to, party = from,
    direction = "inbound", status = "queued", event_url = number.status_callback,
  }
  call.on_gone = function() calls:finish(call, "completed") end
  task.start(function()
    calls:become(call, "initiated")
    calls:become(call, "ringing")
    local list, why = vonage_call.ask_first(call,
      { method = number.method, url = number.voice_url, fallback_url = number.fallback_url })
    obey_fetched(call, list, why, "failed")
  end)
  return call
end

-- Answers of the REST interface -------------------------------------------------------------------------------------

local JSON = { ["content-type"] = "application/json" }

local function answer(status, value) return status, JSON, json.encode(value) end

local function refuse(status, kind, title, wrong)
  return answer(status, { type = kind, error_title = title, invalid_parameters = wrong and json.array(wrong) or nil })
end

local function unauthorized() return refuse(401, "UNAUTHORIZED", "Unauthorized") end
local function not_found() return refuse(404, "NOT_FOUND", "Not Found") end
local function too_many() return refuse(429, "RATE_LIMITED", "Too Many Requests") end

local function bad(name, reason) return refuse(400, "BAD_REQUEST", "Bad Request", { { name = name, reason = reason } }) end

-- Creating ----------------------------------------------------------------------------------------------------------

local function is_url(value) return type(value) == "string" and value:find "^https?://[%w%-._~%[%]:]+" ~= nil end

local function is_number(value) return type(value) == "string" and value:find "^%d%d%d%d%d%d%d+$" ~= nil end

local function is_timer(value, most)
  return value == nil or (type(value) == "number" and value >= 1 and value <= most and value % 1 == 0)
end

-- What an order may say.
local of_orders = unplayed.set {
  "to", "from", "ncco", "answer_url", "answer_method", "event_url", "event_method", "ringing_timer", "length_timer",
  "random_from_number", "machine_detection", "advanced_machine_detection",
}

local behaviors = { continue = true, hangup = true }

local function fault_of_detection(order)
  local advanced = order.advanced_machine_detection
  if order.machine_detection ~= nil and not behaviors[order.machine_detection] then
    return "machine_detection", "must be continue or hangup"
  end
  if advanced == nil then return nil end
  if order.machine_detection ~= nil then return "machine_detection", "cannot be combined with advanced_machine_detection" end
  if type(advanced) ~= "table" or not behaviors[advanced.behavior or "continue"] then
    return "advanced_machine_detection", "behavior must be continue or hangup"
  end
end

-- What is wrong with an order: the field and the reason.
local function fault_of(order)
  local strange = unplayed.first(order, of_orders)
  if strange then return strange, "is not played by the exchange" end
  local field, reason = fault_of_detection(order)
  if field then return field, reason end
  local to = type(order.to) == "table" and order.to[1]
  local from = type(order.from) == "table" and order.from
  if type(to) ~= "table" or order.to[2] then return "to", "must be a list of one endpoint" end
  if to.type ~= "phone" then return "to[0].type", "only phone is served here" end
  if not is_number(to.number) then return "to[0].number", "must be a number in E.164, without +" end
  if order.random_from_number ~= true then
    if not from or not is_number(from.number) then return "from.number", "must be a number in E.164, without +" end
    if next(numbers) and not numbers[vonage_call.number(from.number)] then return "from.number", "is not yours" end
  end
  if (order.ncco == nil) == (order.answer_url == nil) then return "ncco", "exactly one of ncco and answer_url is needed" end
  if order.ncco ~= nil and type(order.ncco) ~= "table" then return "ncco", "must be a list of actions" end
  if order.answer_url ~= nil and not is_url(first(order.answer_url)) then return "answer_url", "must be a list of one URL" end
  if order.event_url ~= nil and not is_url(first(order.event_url)) then return "event_url", "must be a list of one URL" end
  if not is_timer(order.ringing_timer, RING_MOST_S) then return "ringing_timer", "must be from 1 to 120" end
  if not is_timer(order.length_timer, LONGEST_S) then return "length_timer", "must be from 1 to 7200" end
end

-- Vonage refuses what is too much; it keeps no queue.
local function takes_turn()
  local now = core.now()
  bucket.left, bucket.at = math.min(bucket.most, bucket.left + (now - bucket.at) * bucket.per_second), now
  if bucket.left < 1 then return false end
  bucket.left = bucket.left - 1
  return true
end

local function from_of(order)
  if order.random_from_number then return next(numbers) or "+14155550100" end
  return vonage_call.number(order.from.number)
end

local function create(order)
  local field, reason = fault_of(order)
  if field then return bad(field, reason) end
  local to = vonage_call.number(order.to[1].number)
  local refusal = course.refusal(to)
  if refusal then return refuse(refusal.status, tostring(refusal.code), refusal.message or "refused on purpose") end
  if course.too_many() or not takes_turn() then return too_many() end
  local call = network.add {
    id = vonage_call.uuid(), conversation = "CON-" .. vonage_call.uuid(), from = from_of(order), to = to, party = to,
    direction = "outbound", status = "queued", order = order, event_url = first(order.event_url),
    event_method = order.event_method,
  }
  calls:place(call, order.ringing_timer or RING_S)
  local fault = course.create_fault(to)
  if fault == "no answer" then return false end -- the call is placed; the application never hears of it
  if fault == "error" then return refuse(500, "INTERNAL", "Internal Server Error") end
  return answer(201, { uuid = call.id, status = "started", direction = "outbound", conversation_uuid = call.conversation })
end

-- Changing and reading ------------------------------------------------------------------------------------------------

local function hang_up(call)
  calls:finish(call, call.answered and "completed" or "canceled")
  return 204, {}, ""
end

local function transfer(call, order)
  local destination = type(order.destination) == "table" and order.destination or {}
  if not call.answered then return bad("action", "the call is not answered") end
  local list, why = destination.ncco, nil
  local url = first(destination.url)
  if type(list) ~= "table" and not is_url(url) then return bad("destination", "ncco or url is needed") end
  if type(list) ~= "table" then list, why = vonage_call.ask_first(call, { url = url }) end
  obey_fetched(call, list, why, "completed")
  return 204, {}, ""
end

local changes = { hangup = hang_up, transfer = transfer }
for _, name in ipairs { "mute", "unmute", "earmuff", "unearmuff" } do
  changes[name] = function(call)
    network.note(call, name)
    return 204, {}, ""
  end
end

local function change(call, order)
  local fn = type(order.action) == "string" and changes[order.action]
  if not fn then return bad("action", "must be hangup, mute, unmute, earmuff, unearmuff or transfer") end
  return fn(call, order)
end

-- What is put on a live call beside its document.
local beside = {}

function beside.dtmf(call, order)
  if type(order.digits) ~= "string" or not order.digits:find "^[%d*#p]+$" then return bad("digits", "must be of 0-9 * # p") end
  network.play_keys(call, order.digits)
  return answer(200, { message = "DTMF sent", uuid = call.id })
end

function beside.talk(call, order)
  if type(order.text) ~= "string" then return bad("text", "is missing") end
  network.note(call, "carrier says: " .. order.text)
  return answer(200, { message = "Talk started", uuid = call.id })
end

function beside.stream(call, order)
  if not is_url(first(order.stream_url)) then return bad("stream_url", "must be a list of one URL") end
  network.note(call, "carrier plays " .. first(order.stream_url))
  return answer(200, { message = "Stream started", uuid = call.id })
end

local function stop(call, what)
  network.note(call, "carrier stops " .. what)
  return answer(200, { message = what == "talk" and "Talk stopped" or "Stream stopped", uuid = call.id })
end

local function fits(call, query)
  return call.conversation and (not query.status or query.status == vonage_call.word(call.status))
    and (not query.conversation_uuid or query.conversation_uuid == call.conversation)
    and (not query.date_start or vonage_call.timestamp(call.created) >= query.date_start)
    and (not query.date_end or vonage_call.timestamp(call.created) <= query.date_end)
end

local of_lists = unplayed.set {
  "status", "conversation_uuid", "date_start", "date_end", "page_size", "record_index", "order",
}

local function list_of(query)
  local strange = unplayed.first(query, of_lists)
  if strange then return bad(strange, "is not played by the exchange") end
  local found, all = {}, network.all()
  for index = #all, 1, -1 do
    if fits(all[index], query) then table.insert(found, query.order == "asc" and 1 or #found + 1, all[index]) end
  end
  local size = math.max(1, math.min(tonumber(query.page_size) or PAGE, PAGE_MOST))
  local index = math.max(0, tonumber(query.record_index) or 0)
  local page = json.array {}
  for place = index + 1, math.min(index + size, #found) do page[#page + 1] = vonage_call.resource(found[place]) end
  local function link(at) return { href = ("https://api.nexmo.com/v1/calls?page_size=%d&record_index=%d"):format(size, at) } end
  return answer(200, {
    count = #found, page_size = size, record_index = index, _embedded = { calls = page },
    _links = { self = link(index), next = index + size < #found and link(index + size) or nil },
  })
end

---The id of the call a path of this face names.
---@param path string
---@return string|nil
function vonage.call_in(path) return path:match("^/v1/calls/(" .. UUID .. ")") end

local function body_of(message)
  local body = json.decode(message.body or "")
  return type(body) == "table" and body or {}
end

local function handle_call(message, call, what)
  local fn = beside[what]
  if what ~= "" and not fn then return not_found() end
  if message.method == "GET" and not fn then return answer(200, vonage_call.resource(call)) end
  if calls:is_over(call) then return not_found() end
  if message.method == "DELETE" and fn then return stop(call, what) end
  if message.method ~= "PUT" then return refuse(405, "METHOD_NOT_ALLOWED", "Method Not Allowed") end
  return (fn or change)(call, body_of(message))
end

---Answers a request that belongs to this face; nil when it does not, false when it shall stay without an answer.
---@param message table
---@return integer|false|nil status, table|nil headers, string|nil body
function vonage.handle(message)
  local rest = message.path:match "^/v1/calls(.*)$"
  if not rest then return nil end
  if not vonage_call.is_ours(message.headers.authorization) then return unauthorized() end
  if rest == "" or rest == "/" then
    if message.method == "POST" then return create(body_of(message)) end
    return list_of(http.read_query(message.query))
  end
  local id, what = rest:match("^/(" .. UUID .. ")/?(%a*)$")
  local call = id and network.find(id)
  if not call then return not_found() end
  return handle_call(message, call, what)
end

return contract {
  name = "vonage", start = vonage.start, handle = vonage.handle, inbound = vonage.inbound, call_in = vonage.call_in,
}
