-- callisto.exchange.telnyx.call: a call as Telnyx tells of it: its states, the signed requests to the application.
--
-- It signs with its own code, not the adapter's, so that one cannot hide the other's mistake.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local network = require "callisto.exchange.network"

local telnyx_call = {}

local DOCUMENT_CEILING = 100 * 1024
local WEBHOOK_S = 10 -- the carrier waits two seconds; a machine that is busy with tests is given more
local RETRIES_S = { 1, 2 } -- pauses before a callback is sent again
local TERMINAL = { completed = true, busy = true, failed = true, ["no-answer"] = true, canceled = true }
local SIP = { busy = "486", ["no-answer"] = "487", failed = "404", completed = "200" }

local account ---@type {sid: string, seed: string, application: string}

---@param given {sid: string, seed: string, application: string}
function telnyx_call.start(given) account = given end

---A new id of a call.
---@return string
function telnyx_call.new_id()
  local text = crypto.base64(core.random(33)):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" })
  return "v3:" .. text
end

---@return string
function telnyx_call.uuid()
  local hex = crypto.hex(core.random(16))
  return ("%s-%s-4%s-a%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

---@param seconds number as core.wall()
---@return string
function telnyx_call.date(seconds) return core.date("%Y-%m-%dT%H:%M:%SZ", seconds) end

---@param call callisto.exchange.Call
---@return boolean
function telnyx_call.is_over(call) return TERMINAL[call.status] ~= nil end

local function or_null(value)
  if value == nil then return json.null end
  return value
end

---The call resource of the TeXML interface.
---@param call callisto.exchange.Call
---@return table
function telnyx_call.resource(call)
  local is_over = telnyx_call.is_over(call)
  local status = (call.status == "queued" or call.status == "initiated") and "ringing" or call.status
  return {
    sid = call.id, account_sid = account.sid, to = call.to, from = call.from, to_formatted = call.to,
    from_formatted = call.from, status = status, direction = call.direction, caller_name = json.null,
    answered_by = or_null(call.answered_by), date_created = telnyx_call.date(call.created),
    date_updated = telnyx_call.date(call.updated or call.created),
    start_time = call.answered and telnyx_call.date(call.answered) or json.null,
    end_time = is_over and telnyx_call.date(call.ended) or json.null,
    duration = is_over and tostring(call.duration) or json.null, price = json.null, price_unit = "USD",
    uri = ("/v2/texml/Accounts/%s/Calls/%s"):format(account.sid, call.id),
  }
end

local function base_params(call)
  return {
    AccountSid = account.sid, CallSid = call.id, CallSidLegacy = call.id, From = call.from, To = call.to,
    ConnectionId = account.application, CallerId = call.from, CallingPartyType = "pstn", CallStatus = call.status,
    ParentCallSid = call.parent, ParentCallSidLegacy = call.parent,
  }
end

local function form_of(params)
  local pairs_in_order = {}
  for name, value in pairs(params) do pairs_in_order[#pairs_in_order + 1] = { name, value } end
  table.sort(pairs_in_order, function(a, b) return a[1] < b[1] end)
  return http.form(pairs_in_order)
end

---Telnyx-Signature-Ed25519: of the time, a bar and the body.
---@param time string seconds since 1970
---@param body string
---@return string
function telnyx_call.signature(time, body) return crypto.base64(crypto.ed25519_sign(account.seed, time .. "|" .. body)) end

-- A request to the application that is signed now.
local function signed(method, url, body, kind)
  local time = ("%d"):format(core.wall())
  return {
    method = method, url = url, timeout = WEBHOOK_S, connect_timeout = 5, body = method ~= "GET" and body or nil,
    headers = {
      ["user-agent"] = "telnyx-webhooks", ["telnyx-timestamp"] = time, ["content-type"] = kind,
      ["telnyx-signature-ed25519"] = telnyx_call.signature(time, body),
    },
  }
end

-- A request of TeXML's, as Telnyx makes it. A GET has no body; what its signature covers is not documented.
local function webhook(method, url, params)
  local request = signed(method, url, method ~= "GET" and form_of(params) or "")
  if method == "GET" then
    request.url = url .. (url:find("?", 1, true) and "&" or "?") .. form_of(params)
  else
    request.headers["content-type"] = "application/x-www-form-urlencoded"
  end
  return request
end

---Fetches a document of the application's; nil when the application failed.
---@param call callisto.exchange.Call
---@param method string|nil
---@param url string
---@param extra table<string, string>|nil parameters to add
---@return string|nil document
---@return string url_or_why
function telnyx_call.fetch(call, method, url, extra)
  local params = base_params(call)
  for name, value in pairs(extra or {}) do params[name] = value end
  local response, why = callbacks.ask(call, webhook(method or "POST", url, params), "document")
  if not response then return nil, tostring(why) end
  if response.status ~= 200 then return nil, "HTTP " .. response.status end
  if #response.body > DOCUMENT_CEILING then return nil, "the document is larger than 100 kB" end
  return response.body, url
end

---Fetches a document, or its fallback.
---@param call callisto.exchange.Call
---@param place {method: string|nil, url: string, fallback_url: string|nil}
---@return string|nil document, string url_or_why
function telnyx_call.fetch_first(call, place)
  local document, where = telnyx_call.fetch(call, place.method, place.url)
  if document or not place.fallback_url then return document, where end
  network.note(call, "falls back: " .. where)
  return telnyx_call.fetch(call, place.method, place.fallback_url)
end

local function is_due_again(response)
  return not response or response.status == 408 or response.status == 429 or response.status >= 500
end

---Sends a callback: what is said of every call, and this. One that fails is sent again, signed anew.
---@param call callisto.exchange.Call
---@param event string for the report and for faults
---@param url string
---@param method string|nil
---@param more table<string, string>
function telnyx_call.notify(call, event, url, method, more)
  local params = base_params(call)
  for name, value in pairs(more) do params[name] = value end
  callbacks.notify(call, event, function() return webhook(method or "POST", url, params) end,
    { pauses = RETRIES_S, is_due = is_due_again })
end

---Sends an event of Call Control. One that fails is sent again, signed anew.
---@param call callisto.exchange.Call
---@param event string for the report and for faults
---@param url string
---@param body string
function telnyx_call.send(call, event, url, body)
  callbacks.notify(call, event, function() return signed("POST", url, body, "application/json") end,
    { pauses = RETRIES_S, is_due = is_due_again })
end

local function is_wanted(call, event)
  for _, wanted in ipairs(call.events or { "completed" }) do
    if wanted == event then return true end
  end
  return false
end

-- Who hung up: the caller, the called, or nobody knows.
local function hung_up_by(call)
  if not call.answered then return "unknown" end
  local is_subscriber = call.gone or false
  return is_subscriber == (call.direction == "inbound") and "caller" or "callee"
end

---The call has moved on: tells the application, if it asked for this event.
---@param call callisto.exchange.Call
---@param status string
function telnyx_call.become(call, status)
  local is_over = telnyx_call.is_over(call)
  local event = is_over and "completed" or status == "in-progress" and "answered" or status
  local number = call.sequence or 0
  if status ~= "queued" then call.sequence = number + 1 end
  if not call.status_callback or not is_wanted(call, event) then return end
  telnyx_call.notify(call, event, call.status_callback, call.status_method, {
    CallStatus = status, SequenceNumber = tostring(number), Timestamp = telnyx_call.date(core.wall()),
    CallbackSource = "call-progress-events", CallDuration = is_over and tostring(call.duration) or nil,
    HangupSource = is_over and hung_up_by(call) or nil, SipResponseCode = is_over and SIP[status] or nil,
  })
end

return telnyx_call
