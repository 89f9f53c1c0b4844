-- callisto.exchange.callbacks: the carriers' requests to the application, and what befalls them on the way.
--
-- A document is asked for and waited for. A callback is sent beside everything else, and may be lost, doubled, delayed,
-- or held back until the next one has arrived. Faults are those of the call's subscriber, and those set for all calls:
--
--   { lose = {"completed"}, double = {"all"}, delay = { ringing = 3 }, reorder = true }
--
-- The names are the carrier's events; "all" is every one.
-- Beside them, for all calls: `too_many = 3` refuses the next three requests to the carrier's interface as too many
-- (callisto.exchange.course), `swallow_marks = true` gives no mark of a media stream back (Twilio's).

local core = require "callisto.core"
local http = require "callisto.http"
local network = require "callisto.exchange.network"
local task = require "callisto.task"

local callbacks = {}

local HELD_S = 3 -- a callback that is held back waits no longer for the next one

local of_all = {}

---Sets the faults of every call from now on; those of a subscriber add to them.
---@param faults table|nil
function callbacks.set_faults(faults) of_all = faults or {} end

---@return table
function callbacks.faults() return of_all end

local function names(list, event)
  for _, name in ipairs(list or {}) do
    if name == event or name == "all" then return true end
  end
  return false
end

local function faults_of(call)
  local own = (network.subscriber(call.party) or {}).faults or {}
  local function either(name, event) return names(own[name], event) or names(of_all[name], event) end
  return {
    loses = function(event) return either("lose", event) end,
    doubles = function(event) return either("double", event) end,
    delay = function(event)
      for _, delay in ipairs { own.delay or {}, of_all.delay or {} } do
        local seconds = delay[event] or delay.all
        if seconds then return seconds end
      end
      return 0
    end,
    reorders = own.reorder or of_all.reorder or false,
  }
end

local REQUESTS_KEPT = 50 -- of one call

-- What a request said and how it was answered, for those who ask the carrier.
local function keep(call, request, response, started)
  call.requests = call.requests or {}
  if #call.requests >= REQUESTS_KEPT then return end
  call.requests[#call.requests + 1] = {
    at = core.wall(), method = request.method, url = request.url, ms = math.floor((core.now() - started) * 1000 + 0.5),
    parameters = request.body and http.read_form(request.body) or {}, status = response and response.status,
    kind = response and response.headers["content-type"], body = response and response.body,
  }
end

---Asks the application and waits for its answer. A connection that fails is tried once more, as carriers do.
---@param call callisto.exchange.Call
---@param request table as for core.http_fetch
---@param what string for the report
---@return table|nil response, string|nil why
function callbacks.ask(call, request, what)
  local started = core.now()
  local response, why, _, was_sent = http.fetch(request)
  if not response and was_sent == false then response, why = http.fetch(request) end
  keep(call, request, response, started)
  local result = response and tostring(response.status) or why
  network.note(call, ("%s: %s after %.0f ms"):format(what, result, (core.now() - started) * 1000))
  return response, why
end

-- Asks until it is answered as it should be: a carrier may send what failed again after these pauses.
local function insist(call, request, what, again)
  local function once() return (callbacks.ask(call, type(request) == "function" and request() or request, what)) end
  local response = once()
  for _, pause in ipairs(again and again.pauses or {}) do
    if not again.is_due(response) then return end
    task.sleep(pause)
    response = once()
  end
end

---Sends a callback beside everything else.
---@param call callisto.exchange.Call
---@param event string the carrier's name of the event
---@param request table|fun(): table as for core.http_fetch; a function makes one for every attempt
---@param again {pauses: number[], is_due: fun(response: table|nil): boolean}|nil when it is sent again; nil: never
function callbacks.notify(call, event, request, again)
  local faults = faults_of(call)
  local what = "callback " .. event
  if faults.loses(event) then return network.note(call, what .. " lost on purpose") end
  local function deliver()
    task.sleep(faults.delay(event))
    insist(call, request, what, again)
    if faults.doubles(event) then insist(call, request, what .. " again", again) end
  end
  local held = call.held
  if faults.reorders and not held then
    network.note(call, what .. " held back")
    call.held = deliver
    task.start(function()
      task.sleep(HELD_S)
      if call.held ~= deliver then return end
      call.held = nil
      deliver()
    end)
    return
  end
  call.held = nil
  task.start(function()
    deliver()
    if held then held() end
  end)
end

return callbacks
