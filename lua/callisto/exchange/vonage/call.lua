-- callisto.exchange.vonage.call: a call as Vonage tells of it: its states, the requests to the application, their signature.
--
-- It signs with its own code, not the adapter's, so that one cannot hide the other's mistake.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local network = require "callisto.exchange.network"

local vonage_call = {}

-- Our words and Vonage's.
local words = {
  queued = "started", initiated = "started", ringing = "ringing", ["in-progress"] = "answered", completed = "completed",
  busy = "busy", ["no-answer"] = "timeout", failed = "failed", canceled = "cancelled",
}

local account ---@type {application: string, key: string, secret: string, api_key: string|nil}

---@param given {application: string, key: string, secret: string, api_key: string|nil}
function vonage_call.start(given) account = given end

---A uuid, as a random one has it.
---@return string
function vonage_call.uuid()
  local hex = crypto.hex(core.random(16))
  return ("%s-%s-4%s-a%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

---A number as Vonage writes it.
---@param number string
---@return string
function vonage_call.digits(number) return (number:gsub("^%+", "")) end

---A number as subscribers have it.
---@param number string
---@return string
function vonage_call.number(number) return number:find "^%d" and "+" .. number or number end

local function timestamp(seconds)
  return core.date("%Y-%m-%dT%H:%M:%S", seconds) .. (".%03dZ"):format(math.floor(seconds % 1 * 1000))
end
vonage_call.timestamp = timestamp

---@param status string of ours
---@return string
function vonage_call.word(status) return words[status] end

-- Signing -----------------------------------------------------------------------------------------------------------

local function part(bytes)
  local text = crypto.base64(bytes):gsub("=", "")
  return (text:gsub("%+", "-"):gsub("/", "_"))
end

---A token as it comes with every webhook.
---@param body string|nil
---@return string
function vonage_call.token(body)
  local claims = json.encode {
    iat = math.floor(core.wall()), jti = vonage_call.uuid(), iss = "Vonage", api_key = account.api_key,
    application_id = account.application, payload_hash = body and crypto.hex(crypto.digest("sha256", body)) or nil,
  }
  local text = part '{"alg":"HS256","typ":"JWT"}' .. "." .. part(claims)
  return text .. "." .. part(crypto.hmac("sha256", account.secret, text))
end

---Whether a request of the application's is signed by the application's own key. The same key and text always make the
---same signature, so it is enough to sign once more.
---@param authorization string|nil
---@return boolean
function vonage_call.is_ours(authorization)
  local header, payload, signature = (authorization or ""):match "^[Bb]earer ([%w_-]+)%.([%w_-]+)%.([%w_-]+)$"
  if not header then return false end
  local function read(text)
    local padded = text:gsub("-", "+"):gsub("_", "/") .. ("="):rep((4 - #text % 4) % 4)
    return json.decode(crypto.unbase64(padded) or "")
  end
  local about, claims = read(header), read(payload)
  if type(about) ~= "table" or about.alg ~= "RS256" or type(claims) ~= "table" then return false end
  local now = core.wall()
  local is_current = type(claims.iat) == "number" and claims.iat <= now + 60 and (claims.exp == nil or claims.exp >= now)
  local is_whole = claims.application_id == account.application and type(claims.jti) == "string"
  local right = part(crypto.rs256_sign(account.key, header .. "." .. payload) or "")
  return is_current and is_whole and crypto.equal(right, signature)
end

-- Requests to the application ---------------------------------------------------------------------------------------

local function webhook(method, url, fields)
  local request = {
    method = method, url = url, timeout = 5, connect_timeout = 3,
    headers = { ["user-agent"] = "Vonage", accept = "application/json" },
  }
  if method == "GET" then
    local form = {}
    for name, value in pairs(fields) do
      if type(value) ~= "table" then form[#form + 1] = { name, value } end
    end
    table.sort(form, function(a, b) return a[1] < b[1] end)
    request.url = url .. (url:find("?", 1, true) and "&" or "?") .. http.form(form)
  else
    request.body = json.encode(fields)
    request.headers["content-type"] = "application/json"
  end
  request.headers.authorization = "Bearer " .. vonage_call.token(request.body)
  return request
end

---Asks the application for an NCCO; nil when it failed, as Vonage sees it.
---@param call callisto.exchange.Call
---@param method string
---@param url string
---@param fields table
---@return table[]|nil ncco, string|nil why
function vonage_call.ask(call, method, url, fields)
  local response, why = callbacks.ask(call, webhook(method, url, fields), "document")
  if not response then return nil, tostring(why) end
  if response.status < 200 or response.status >= 300 then return nil, "HTTP " .. response.status end
  local list = json.decode(response.body)
  if type(list) ~= "table" or (#list == 0 and not response.body:find "^%s*%[") then return nil, "the answer is not NCCO" end
  return list
end

---The NCCO of a call: answer_url twice, then fallback_answer_url twice, then none.
---@param call callisto.exchange.Call
---@param place {url: string, method: string|nil, fallback_url: string|nil}
---@return table[]|nil ncco, string|nil why
function vonage_call.ask_first(call, place)
  local fields = {
    to = vonage_call.digits(call.to), from = vonage_call.digits(call.from), uuid = call.id,
    conversation_uuid = call.conversation,
  }
  local list, why
  for _ = 1, 2 do
    list, why = vonage_call.ask(call, place.method or "GET", place.url, fields)
    if list then return list end
  end
  if not place.fallback_url then return nil, why end
  network.note(call, "falls back: " .. why)
  fields.reason, fields.original_request = why, { url = place.url, type = "answer" }
  for _ = 1, 2 do
    list, why = vonage_call.ask(call, place.method or "GET", place.fallback_url, fields)
    if list then return list end
  end
  return nil, why
end

-- Events --------------------------------------------------------------------------------------------------------------

---An event of a leg of the call, to the call's event URL or another one.
---@param call callisto.exchange.Call
---@param event string Vonage's word
---@param more table fields to add, or to replace
---@param url string|nil
function vonage_call.event(call, event, more, url)
  url = url or call.event_url
  if not url then return end
  local fields = {
    uuid = call.id, conversation_uuid = call.conversation, status = event, direction = call.direction,
    from = vonage_call.digits(call.from), to = vonage_call.digits(call.to), timestamp = timestamp(core.wall()),
  }
  for name, value in pairs(more) do fields[name] = value end
  if more.call_uuid then fields.uuid = nil end -- so the carrier has it of detections
  callbacks.notify(call, event, webhook(call.event_method or "POST", url, fields))
end

local function details_of(call, status)
  if status == "in-progress" then
    return { start_time = timestamp(call.answered), rate = "0.00", network = "US-FIXED" }
  elseif status == "failed" then
    return { detail = "cannot_route" }
  elseif status == "completed" then
    return {
      duration = tostring(call.duration), rate = "0.00", price = "0.00", network = "US-FIXED",
      start_time = call.answered and timestamp(call.answered) or nil, end_time = timestamp(call.ended),
    }
  end
  return {}
end

---The call has moved on.
---@param call callisto.exchange.Call
---@param status string of ours
function vonage_call.become(call, status) vonage_call.event(call, words[status], details_of(call, status)) end

---The call resource of the REST interface.
---@param call callisto.exchange.Call
---@return table
function vonage_call.resource(call)
  local self = "/v1/calls/" .. call.id
  return {
    _links = { self = { href = self } }, uuid = call.id, conversation_uuid = call.conversation,
    status = words[call.status], direction = call.direction, rate = "0.00", price = "0.00",
    duration = call.duration and tostring(call.duration) or json.null, network = "US-FIXED",
    to = { type = "phone", number = vonage_call.digits(call.to) },
    from = { type = "phone", number = vonage_call.digits(call.from) },
    start_time = call.answered and timestamp(call.answered) or json.null,
    end_time = call.ended and timestamp(call.ended) or json.null,
  }
end

return vonage_call
