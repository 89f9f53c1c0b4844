-- callisto.exchange.plivo.call: a call as Plivo, and Vobiz, tell of it: its states, the requests to the application.
--
-- The carrier's part of it (its words, how it signs) is `kind`, see callisto.exchange.plivo and callisto.exchange.vobiz.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local network = require "callisto.exchange.network"

local plivo_call = {}

local XML_CEILING = 100 * 1024

-- How a call ended: number, name, what the network calls it, who ended it.
local CAUSES = {
  completed = { 4000, "Normal Hangup", "NORMAL_CLEARING", "Callee" },
  ["by application"] = { 4000, "Normal Hangup", "NORMAL_CLEARING", "API Request" },
  ["by document"] = { 4000, "Normal Hangup", "NORMAL_CLEARING", "Answer XML" },
  machine = { 9100, "Machine Detected", "NORMAL_CLEARING", "Plivo" },
  ["end of document"] = { 4010, "End Of XML Instructions", "NORMAL_CLEARING", "Plivo" },
  ["no document"] = { 7011, "Error Reaching Answer URL", "NORMAL_CLEARING", "Error" },
  ["bad document"] = { 8011, "Invalid Answer XML", "NORMAL_CLEARING", "Error" },
  busy = { 3010, "Busy Line", "USER_BUSY", "Callee" },
  ["no-answer"] = { 6010, "Ring Timeout Reached", "NO_ANSWER", "Plivo" },
  rejected = { 3020, "Rejected", "CALL_REJECTED", "Answer XML" },
  failed = { 2000, "Invalid Destination Address", "UNALLOCATED_NUMBER", "Carrier" },
  canceled = { 1000, "Cancelled", "ORIGINATOR_CANCEL", "API Request" },
}

local WORDS = { queued = "ringing", initiated = "ringing", canceled = "cancel", ["no-answer"] = "timeout" }

---@return string
function plivo_call.uuid()
  local hex = crypto.hex(core.random(16))
  return ("%s-%s-4%s-a%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

---Twenty digits.
---@return string
function plivo_call.nonce()
  return (crypto.hex(core.random(20)):gsub("..", function(byte) return tostring(tonumber(byte, 16) % 10) end))
end

---A number as webhooks have it.
---@param number string
---@return string
function plivo_call.digits(number) return (number:gsub("^%+", "")) end

---A number as the telephone network has it.
---@param number string
---@return string
function plivo_call.e164(number) return number:find "^%d+$" and "+" .. number or number end

---The carrier's word for a call's state.
---@param call callisto.exchange.Call
---@return string
function plivo_call.word(call) return WORDS[call.status] or call.status end

---Why a call ended.
---@param call callisto.exchange.Call
---@return {[1]: integer, [2]: string, [3]: string, [4]: string}
function plivo_call.cause(call)
  local why = (call.status == "completed" or call.why_ended == "rejected") and call.why_ended
  return CAUSES[why or call.status] or CAUSES.completed
end

---@param seconds number
---@return string
function plivo_call.time(seconds) return core.date("%Y-%m-%d %H:%M:%S", seconds) end

local function end_params(call)
  local cause = plivo_call.cause(call)
  return {
    HangupCauseCode = tostring(cause[1]), HangupCauseName = cause[2], HangupCause = cause[3], HangupSource = cause[4],
    Duration = tostring(call.duration), BillDuration = tostring(math.ceil(call.duration / 60) * 60), TotalCost = "0.00000",
    StartTime = plivo_call.time(call.created), EndTime = plivo_call.time(call.ended),
    AnswerTime = call.answered and plivo_call.time(call.answered) or "",
  }
end

-- What every request of a call says.
local function params_of(kind, call, event)
  local params = {
    CallUUID = call.id, From = plivo_call.digits(call.from), To = plivo_call.digits(call.to), Direction = call.direction,
    CallStatus = plivo_call.word(call), Event = event, BillRate = "0.00850", ParentAuthID = kind.account.id,
    SessionStart = plivo_call.time(call.created) .. ".000000",
  }
  if call.direction == "outbound" then
    params.ALegUUID, params.ALegRequestUUID, params.RequestUUID = call.id, call.request_id, call.request_id
  end
  return params
end

local function form_of(params)
  local list = {}
  for name, value in pairs(params) do list[#list + 1] = { name, value } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return http.form(list)
end

-- A fragment is for the carrier alone: how patient it is.
local function patience(url)
  local milliseconds = url:match "#.*%f[%w]tt=(%d+)"
  return milliseconds and math.min(tonumber(milliseconds), 55000) / 1000 or 55
end

local function webhook(kind, method, url, params)
  local bare = url:gsub("#.*$", "")
  local nonce = plivo_call.nonce()
  local request = {
    method = method, url = bare, timeout = patience(url), connect_timeout = 5,
    headers = kind.sign { method = method, url = bare, params = params, nonce = nonce },
  }
  request.headers["user-agent"] = kind.user_agent
  if method == "GET" then
    request.url = bare .. (bare:find("?", 1, true) and "&" or "?") .. form_of(params)
  else
    request.headers["content-type"] = "application/x-www-form-urlencoded"
    request.body = form_of(params)
  end
  return request
end

---Fetches a document of the application's; nil when the application failed.
---@param kind table
---@param call callisto.exchange.Call
---@param method string|nil
---@param url string
---@param more table<string, string>|nil parameters to add
---@return string|nil document
---@return string url_or_why
function plivo_call.fetch(kind, call, method, url, more)
  local params = params_of(kind, call, "Redirect")
  for name, value in pairs(more or {}) do params[name] = value end
  local response, why = callbacks.ask(call, webhook(kind, method or "POST", url, params), "document")
  if not response then return nil, "7011 " .. tostring(why) end
  if response.status < 200 or response.status >= 300 then return nil, "7011 HTTP " .. response.status end
  if #response.body > XML_CEILING then return nil, "8011 the document is larger than 100 kB" end
  local media_type = response.headers["content-type"] or ""
  if not media_type:find("xml", 1, true) then return nil, "8011 invalid content type '" .. media_type .. "'" end
  return response.body, url
end

---Fetches the first document, or its fallback.
---@param kind table
---@param call callisto.exchange.Call
---@param place {method: string|nil, url: string, fallback_method: string|nil, fallback_url: string|nil}
---@param also table<string, string>|nil  parameters to add
---@return string|nil document, string url_or_why
function plivo_call.fetch_first(kind, call, place, also)
  local more = { Event = "StartApp", CallStatus = call.direction == "outbound" and "in-progress" or nil }
  for name, value in pairs(also or {}) do more[name] = value end
  local document, where = plivo_call.fetch(kind, call, place.method, place.url, more)
  if document or not place.fallback_url then return document, where end
  network.note(call, "falls back: " .. where)
  return plivo_call.fetch(kind, call, place.fallback_method, place.fallback_url, more)
end

---Tells the application something beside the course of the call.
---@param kind table
---@param call callisto.exchange.Call
---@param event string  for faults and the report
---@param url string
---@param method string|nil
---@param params table<string, string>  `Event` among them
function plivo_call.notify(kind, call, event, url, method, params)
  local all = params_of(kind, call, params.Event)
  for name, value in pairs(params) do all[name] = value end
  callbacks.notify(call, event, webhook(kind, method or "POST", url, all))
end

---The call has moved on: tells the application. Without a URL for its end the one of its beginning is told.
---@param kind table
---@param call callisto.exchange.Call
---@param status string
---@param is_over boolean
function plivo_call.become(kind, call, status, is_over)
  if status == "ringing" and call.ring_url then
    plivo_call.notify(kind, call, "ringing", call.ring_url, call.ring_method, { Event = "Ring" })
  end
  if not is_over or not call.hangup_url then return end
  local params = end_params(call)
  params.Event = "Hangup"
  plivo_call.notify(kind, call, "completed", call.hangup_url, call.hangup_method, params)
end

return plivo_call
