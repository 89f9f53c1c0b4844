-- callisto.exchange.exotel.call: a call as Exotel tells of it: its resource and the requests to the application. Exotel signs
-- nothing; what the application knows it by is in the URLs it was given.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local xml = require "callisto.xml"

local exotel_call = {}

local ZONE_S = 5.5 * 3600 -- times are of the account's zone, and do not say which
local TERMINAL = { completed = true, busy = true, failed = true, ["no-answer"] = true, canceled = true }

local account ---@type {sid: string, key: string, token: string}

---@param given {sid: string, key: string, token: string}
function exotel_call.start(given) account = given end

---@return string
function exotel_call.sid() return crypto.hex(core.random(16)) end

---A number as Exotel writes it: Indian ones with 0.
---@param number string
---@return string
function exotel_call.written(number) return (number:gsub("^%+91(%d%d%d%d%d%d%d%d%d%d)$", "0%1")) end

---A number as subscribers have it.
---@param number string
---@return string
function exotel_call.number(number)
  if number:find "^0%d%d%d%d%d%d%d%d%d%d$" then return "+91" .. number:sub(2) end
  return number:find "^%d" and "+" .. number or number
end

local function date(seconds) return core.date("%Y-%m-%d %H:%M:%S", seconds + ZONE_S) end

local function or_null(value)
  if value == nil then return json.null end
  return value
end

-- What Exotel says of a call that is not over is always the same, whether it rings or talks.
local function status_of(call) return TERMINAL[call.status] and call.status or "in-progress" end

local function direction_of(call)
  if call.direction == "inbound" then return "inbound" end
  return call.parent and "outbound-dial" or "outbound-api"
end

---The Call resource of the REST interface.
---@param call callisto.exchange.Call
---@param has_details boolean|nil
---@return table
function exotel_call.resource(call, has_details)
  local customer, own = call.party, call.party == call.from and call.to or call.from
  local is_over = TERMINAL[call.status]
  local details = has_details and {
    ConversationDuration = call.duration or 0, Leg1Status = call.status, Leg2Status = json.null, Legs = json.array {},
  } or nil
  return {
    Sid = call.id, ParentCallSid = or_null(call.parent), DateCreated = date(call.created),
    DateUpdated = date(call.updated or call.created), AccountSid = account.sid, To = exotel_call.written(own),
    From = exotel_call.written(customer), PhoneNumberSid = exotel_call.written(own), Status = status_of(call),
    StartTime = date(call.created), EndTime = is_over and date(call.ended) or json.null,
    Duration = is_over and call.duration or json.null, Price = json.null, Direction = direction_of(call),
    AnsweredBy = json.null, ForwardedFrom = json.null, CallerName = json.null, RecordingUrl = json.null,
    Uri = ("/v1/Accounts/%s/Calls/%s.json"):format(account.sid, call.id), Details = details,
  }
end

---An answer in the language of the path: JSON, or XML as the oldest clients want it.
---@param is_json boolean
---@param name string
---@param value table
---@return table headers, string body
function exotel_call.written_as(is_json, name, value)
  if is_json then return { ["content-type"] = "application/json" }, json.encode { [name] = value } end
  local names, node = {}, { name, {} }
  for field in pairs(value) do names[#names + 1] = field end
  table.sort(names)
  for _, field in ipairs(names) do
    local text = type(value[field]) ~= "table" and value[field] ~= json.null and tostring(value[field]) or ""
    node[#node + 1] = { field, {}, text }
  end
  return { ["content-type"] = "application/xml" }, xml.build { "TwilioResponse", {}, node }
end

-- Requests to the application ---------------------------------------------------------------------------------------

local function with_query(url, form) return url .. (url:find("?", 1, true) and "&" or "?") .. http.form(form) end

-- user:password of a URL becomes a header.
local function split_login(url)
  local scheme, login, rest = url:match "^(%a+://)([^/@]*)@(.*)$"
  if not login then return url, nil end
  return scheme .. rest, "Basic " .. crypto.base64(http.unescape(login))
end

---The URL of a socket without its login, and the header for that.
---@param url string
---@return string url, table<string, string>|nil headers
function exotel_call.socket_of(url)
  local bare, basic = split_login(url)
  return bare, basic and { authorization = basic } or nil
end

---An applet asks the application, as every applet does.
---@param call callisto.exchange.Call
---@param url string
---@param more {[1]: string, [2]: string}[]|nil
---@return table|nil answer what the JSON says; nil when the application failed
---@return string|nil why
function exotel_call.ask(call, url, more)
  local form = {
    { "CallSid", call.id }, { "CallFrom", exotel_call.written(call.party) },
    { "CallTo", exotel_call.written(call.party == call.from and call.to or call.from) },
    { "Direction", call.direction == "inbound" and "incoming" or "outbound-dial" }, { "Created", date(call.created) },
    { "CurrentTime", date(core.wall()) }, { "flow_id", call.flow }, { "CustomField", call.custom },
  }
  for _, pair in ipairs(more or {}) do form[#form + 1] = pair end
  local bare, basic = split_login(url)
  local response, why = callbacks.ask(call, {
    method = "GET", url = with_query(bare, form), timeout = 5, connect_timeout = 5,
    headers = { ["exotel-version"] = "1.0", authorization = basic },
  }, "document")
  if not response then return nil, tostring(why) end
  if response.status ~= 200 then return nil, "HTTP " .. response.status end
  local value = json.decode(response.body)
  return type(value) == "table" and value or nil, "the answer is not a JSON object"
end

local function multipart(fields)
  local names, parts = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for index, name in ipairs(names) do
    local value = type(fields[name]) == "table" and json.encode(fields[name]) or tostring(fields[name])
    parts[index] = ('--callback\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'):format(name, value)
  end
  return table.concat(parts) .. "--callback--\r\n"
end

local function body_of(call, event)
  local resource = exotel_call.resource(call)
  local is_over = event == "terminal"
  local fields = {
    CallSid = call.id, Status = resource.Status, DateCreated = resource.DateCreated, DateUpdated = date(core.wall()),
    To = resource.To, From = resource.From, PhoneNumberSid = resource.PhoneNumberSid, StartTime = resource.StartTime,
    Direction = resource.Direction, CustomField = call.custom, RecordingUrl = "", EventType = event,
  }
  if not is_over then return fields end
  fields.EndTime, fields.ConversationDuration = resource.EndTime, call.duration
  fields.Legs = json.array {
    { OnCallDuration = call.duration, Status = call.status, AnsweredBy = "NA" },
    { OnCallDuration = 0, Status = "", AnsweredBy = "" },
  }
  return fields
end

-- Without a wish there is one callback at the end, and a short one.
local function short_body(call)
  return { CallSid = call.id, Status = call.status, DateUpdated = date(core.wall()), RecordingUrl = "" }
end

local events = { ringing = "ringing", ["in-progress"] = "answered" }

---The call has moved on: tells the application, if it asked for this event.
---@param call callisto.exchange.Call
---@param status string
function exotel_call.become(call, status)
  local event = TERMINAL[status] and "terminal" or events[status]
  local is_wanted = call.events and call.events[event] or not call.events and event == "terminal"
  if not call.status_callback or not event or not is_wanted then return end
  local fields = call.events and body_of(call, event) or short_body(call)
  local url, basic = split_login(call.status_callback)
  local kind = call.is_json and "application/json" or "multipart/form-data; boundary=callback"
  callbacks.notify(call, event, {
    method = "POST", url = url, timeout = 15, connect_timeout = 5, headers = { ["content-type"] = kind, authorization = basic },
    body = call.is_json and json.encode(fields) or multipart(fields),
  })
end

return exotel_call
