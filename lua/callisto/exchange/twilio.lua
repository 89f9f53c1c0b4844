-- callisto.exchange.twilio: Twilio's face: the REST interface, and how calls come to be.
--
-- Written from the carrier's side of shared wire facts (docs/exchange.md names the pages). Faithful enough for the
-- carrier's own SDK: paging, error bodies, status codes. What a call says of itself is in twilio_call, the documents are
-- obeyed in twiml.

local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local settings = require "callisto.settings"
local task = require "callisto.task"
local twilio_call = require "callisto.exchange.twilio_call"
local twiml = require "callisto.exchange.twiml"

local twilio = { name = "twilio" }

local INLINE_CEILING = 4000
local RING_S, RING_MOST_S, RING_EXTRA_S = 60, 600, 5 -- the carrier may add five seconds to what was asked for
local CALLS_PER_SECOND = 1 -- of an account, unless the settings say otherwise
local PAGE, PAGE_MOST = 50, 1000
local INLINE_BASE = "https://inline.invalid/" -- where relative URLs of an inline document lead: nowhere

local account ---@type {sid: string, token: string}
local numbers, calls_per_second

---@param options {numbers: table<string, table>, cps: number|nil}
function twilio.start(options)
  local sid, token = settings.get "TWILIO_ACCOUNT_SID", settings.get "TWILIO_AUTH_TOKEN"
  if not sid or not token then
    error("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set; the exchange and the application must have the same", 0)
  end
  account = { sid = sid, token = token }
  numbers = options.numbers
  calls_per_second = options.cps or CALLS_PER_SECOND
  twilio_call.start(account)
  twiml.start(account)
end

-- Calls -------------------------------------------------------------------------------------------------------------

-- Runs documents until they end, and the call with them. An update or a hang-up takes the task away.
local function obey(call, document, base)
  if call.runner then task.cancel(call.runner) end
  call.runner = task.start(function()
    local me = task.current()
    twiml.run(call, document, base)
    if call.runner ~= me then return end
    call.runner = nil
    twilio_call.become(call, call.rejected or "completed")
    network.release(call)
  end)
end

-- Whatever was going on ends.
local function end_call(call, status)
  local runner = call.runner
  call.runner = nil
  if runner then task.cancel(runner) end
  twilio_call.become(call, status)
  network.release(call)
end

local function limit(call, seconds)
  if not seconds then return end
  call.limiter = task.start(function()
    task.sleep(seconds)
    call.limiter = nil
    network.note(call, "the time limit was reached")
    end_call(call, "completed")
  end)
end

local next_start = 0

-- Calls start one by one, so many a second; the rest wait (Twilio queues, it does not refuse).
local function queue_of(call)
  local now = core.now()
  local at = math.max(now, next_start)
  next_start = at + 1 / calls_per_second
  call.queue_ms = math.floor((at - now) * 1000)
  return at - now
end

local function answered(call, params)
  if not twiml.answer(call) then return end_call(call, "failed") end
  limit(call, tonumber(params.TimeLimit))
  if params.Twiml then return obey(call, params.Twiml, INLINE_BASE) end
  local document, where = twilio_call.fetch_first(call, {
    method = params.Method, url = params.Url, fallback_method = params.FallbackMethod, fallback_url = params.FallbackUrl,
  })
  if twilio_call.is_over(call) then return end
  if document then return obey(call, document, where) end
  network.note(call, "application error: " .. where)
  end_call(call, "completed")
end

local function place(call, params, wait)
  task.sleep(wait)
  if twilio_call.is_over(call) then return end
  twilio_call.become(call, "initiated")
  task.sleep(0.02)
  twilio_call.become(call, "ringing")
  local outcome = network.ring(call, math.min(tonumber(params.Timeout) or RING_S, RING_MOST_S) + RING_EXTRA_S)
  if twilio_call.is_over(call) then return end
  if outcome == "answered" then return answered(call, params) end
  end_call(call, outcome)
end

---A subscriber calls one of the application's numbers.
---@param from string the subscriber
---@param to string
---@param number {voice_url: string, method: string|nil, fallback_url: string|nil, status_callback: string|nil}
---@return callisto.exchange.Call
function twilio.inbound(from, to, number)
  local call = network.add {
    id = twilio_call.sid "CA", from = from, to = to, party = from, direction = "inbound", status = "ringing",
    status_callback = number.status_callback,
  }
  call.on_gone = function() end_call(call, "completed") end
  task.start(function()
    local document, where = twilio_call.fetch_first(call,
      { method = number.method, url = number.voice_url, fallback_url = number.fallback_url })
    if twilio_call.is_over(call) then return end
    if document then return obey(call, document, where) end
    network.note(call, "application error: " .. where)
    end_call(call, "failed")
  end)
  return call
end

-- Answers of the REST interface -------------------------------------------------------------------------------------

local function headers()
  return {
    ["content-type"] = "application/json", ["twilio-request-id"] = twilio_call.sid "RQ", ["twilio-concurrent-requests"] = "1",
  }
end

local function refuse(status, code, message)
  return status, headers(), json.encode {
    code = code, message = message, more_info = "https://www.twilio.com/docs/errors/" .. code, status = status,
  }
end

local function not_found(message) return refuse(404, 20404, "The requested resource " .. message.path .. " was not found") end

local function answer(status, value) return status, headers(), json.encode(value) end

-- Creating ----------------------------------------------------------------------------------------------------------

local function is_number(text) return text ~= nil and text:find "^%+%d%d%d%d%d%d%d+$" ~= nil end

local function is_url(text) return text:find "^https?://[%w%-._~%[%]:]+" ~= nil end

-- What is wrong with an order: code and sentence.
local function fault_of(p)
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
end

-- A subscriber may have the carrier refuse to call it: always, or the first `times` times.
local function refusal_for(subscriber)
  local refusal = subscriber and subscriber.refuse
  if not refusal then return nil end
  if refusal.times then
    subscriber.refused = (subscriber.refused or 0) + 1
    if subscriber.refused > refusal.times then return nil end
  end
  return refusal
end

local function events_of(list)
  local events = {}
  for _, pair in ipairs(list) do
    if pair[1] == "StatusCallbackEvent" then
      for event in pair[2]:gmatch "%S+" do events[#events + 1] = event end
    end
  end
  return #events > 0 and events or nil
end

local function create(params, list)
  local code, why = fault_of(params)
  if code then return refuse(400, code, why) end
  local subscriber = network.subscriber(params.To)
  local refusal = refusal_for(subscriber)
  if refusal then return refuse(refusal.status, refusal.code, refusal.message or "refused on purpose") end
  local call = network.add {
    id = twilio_call.sid "CA", from = params.From, to = params.To, party = params.To, direction = "outbound",
    status = "queued", status_callback = params.StatusCallback, status_method = params.StatusCallbackMethod,
    events = events_of(list),
  }
  call.on_gone = function() end_call(call, "completed") end
  task.start(place, call, params, queue_of(call))
  local fault = subscriber and subscriber.create_fault
  if fault == "no answer" then return false end -- the call is placed; the application never hears of it
  if fault == "error" then return refuse(500, 20500, "Internal Server Error") end
  return answer(201, twilio_call.resource(call))
end

-- Changing and reading ------------------------------------------------------------------------------------------------

local function redirect(call, params)
  local document, where = params.Twiml, INLINE_BASE
  if not document then document, where = twilio_call.fetch(call, params.Method, params.Url) end
  if twilio_call.is_over(call) then return end
  if document then return obey(call, document, where) end
  network.note(call, "application error: " .. where)
  end_call(call, "completed")
end

local function update(call, params)
  local status = params.Status
  local is_up = call.status == "in-progress"
  local is_known = not status or status == "completed" or status == "canceled"
  if not is_known then return refuse(400, 20001, "Status is not valid: " .. status) end
  if twilio_call.is_over(call) then return refuse(400, 21220, "Call is not in-progress. Cannot redirect.") end
  if not is_up and not status then return refuse(400, 21220, "Call is not in-progress. Cannot redirect.") end
  if is_up and status == "canceled" then return refuse(400, 21220, "Call is in-progress. Cannot cancel.") end
  if status then
    end_call(call, is_up and "completed" or "canceled")
    if not is_up then network.cancel(call) end
  elseif params.Twiml or params.Url then
    redirect(call, params)
  end
  return answer(200, twilio_call.resource(call))
end

local function fits(call, query)
  return (not query.Status or query.Status == call.status) and (not query.To or query.To == call.to)
    and (not query.From or query.From == call.from) and (not query.ParentCallSid or query.ParentCallSid == call.parent)
end

local function list(query)
  local size = math.max(1, math.min(tonumber(query.PageSize) or PAGE, PAGE_MOST))
  local page = math.max(0, tonumber(query.Page) or 0)
  local rows, found, all = json.array {}, 0, network.all()
  for index = #all, 1, -1 do
    if fits(all[index], query) then
      found = found + 1
      if found > page * size and #rows < size then rows[#rows + 1] = twilio_call.resource(all[index]) end
    end
  end
  local function uri(number)
    local form = { { "PageSize", size }, { "Page", number } }
    for _, name in ipairs { "To", "From", "Status", "ParentCallSid" } do form[#form + 1] = { name, query[name] } end
    return ("/2010-04-01/Accounts/%s/Calls.json?%s"):format(account.sid, http.form(form))
  end
  return answer(200, {
    calls = rows, page = page, page_size = size, start = page * size, ["end"] = page * size + math.max(0, #rows - 1),
    uri = uri(page), first_page_uri = uri(0),
    next_page_uri = found > (page + 1) * size and uri(page + 1) or json.null,
    previous_page_uri = page > 0 and uri(page - 1) or json.null,
  })
end

local function about_account()
  return answer(200, {
    sid = account.sid, friendly_name = "Callisto exchange", status = "active", type = "Full", auth_token = json.null,
    owner_account_sid = account.sid, uri = "/2010-04-01/Accounts/" .. account.sid .. ".json",
    date_created = json.null, date_updated = json.null, subresource_uris = {},
  })
end

local function is_authorised(message)
  local given = (message.headers.authorization or ""):match "^[Bb]asic%s+(%S+)$"
  return given ~= nil and crypto.equal(given, crypto.base64(account.sid .. ":" .. account.token))
end

-- The query comes with its parts encoded anew.
local function query_of(message) return (http.read_form(message.query)) or {} end

---Answers a request that belongs to this face; nil when it does not, false when it shall stay without an answer.
---@param message table
---@return integer|false|nil status, table|nil headers, string|nil body
function twilio.handle(message)
  local id, rest = message.path:match "^/2010%-04%-01/Accounts/([%w_%-]+)(.*)$"
  if not id then return nil end
  if not is_authorised(message) then return refuse(401, 20003, "Authenticate") end
  if id ~= account.sid then return not_found(message) end
  local is_post = message.method == "POST"
  if rest == ".json" then return about_account() end
  local params, pairs_in_order = http.read_form(message.body)
  if not params then return refuse(400, 20001, "the form has too many parameters") end
  if rest == "/Calls.json" and is_post then return create(params, pairs_in_order) end
  if rest == "/Calls.json" then return list(query_of(message)) end
  local call = network.find(rest:match "^/Calls/(CA%x+)%.json$" or "")
  if not call then return not_found(message) end
  if is_post then return update(call, params) end
  if message.method ~= "DELETE" then return answer(200, twilio_call.resource(call)) end
  if not twilio_call.is_over(call) then return refuse(400, 20009, "Cannot delete this resource before it is complete") end
  network.forget(call)
  return 204, {}, ""
end

return twilio
