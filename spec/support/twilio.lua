-- Webhooks and media sockets as Twilio sends them to the application of a world (callisto.spec), signed with the world's
-- account.

local accounts = require "callisto.exchange.accounts"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local xml = require "callisto.xml"

local twilio = {}

local APP = "https://app.test"

local function sign(url, params)
  local names, parts = {}, { url }
  for name in pairs(params) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = name .. params[name] end
  return crypto.base64(crypto.hmac("sha1", accounts.of("twilio").TWILIO_AUTH_TOKEN, table.concat(parts)))
end

---Sends a webhook and waits for its answer.
---@param world callisto.spec.World
---@param path string
---@param params table<string, string>
---@param signature string|false|nil  instead of the right one; false: none
---@return {status: integer, headers: table<string, string>, body: string}
function twilio.webhook(world, path, params, signature)
  local form, headers = {}, { ["content-type"] = "application/x-www-form-urlencoded" }
  for name, value in pairs(params) do form[#form + 1] = { name, value } end
  if signature == nil then signature = sign(APP .. path, params) end
  headers["x-twilio-signature"] = signature or nil
  return assert(world:fetch { method = "POST", url = APP .. path, body = http.form(form), headers = headers })
end

---The parameters of somebody who calls.
---@param sid string
---@param more table<string, string>|nil
---@return table<string, string>
function twilio.caller(sid, more)
  local params = {
    CallSid = sid, From = "+14150000001", To = "+14155550100", CallStatus = "ringing", Direction = "inbound",
  }
  for name, value in pairs(more or {}) do params[name] = value end
  return params
end

---Opens the media socket that a document asks for, and says that it has started.
---@param world callisto.spec.World
---@param document string
---@param sid string  of the call
---@return {socket: callisto.LabSocket, heard: table[], code: integer|nil} line  messages as they come, the code it ended with
function twilio.stream(world, document, sid)
  local line, url = { heard = {} }, assert(xml.parse(document))[1][1].attrs.url
  local format = { encoding = "audio/x-mulaw", sampleRate = 8000, channels = 1 }
  local start = { streamSid = "MZ1", callSid = sid, mediaFormat = format }
  line.socket = world.lab:dial({ url = url, headers = { ["X-Twilio-Signature"] = sign(url, {}) } }, {
    open = function(socket)
      socket:send(json.encode { event = "connected", protocol = "Call", version = "1.0.0" })
      socket:send(json.encode { event = "start", sequenceNumber = "1", streamSid = "MZ1", start = start })
    end,
    message = function(_, text) line.heard[#line.heard + 1] = json.decode(text) end,
    close = function(_, code) line.code = code end,
  })
  world:advance(0.1)
  return line
end

---Ends a call at the carrier, so that nobody waits for it.
---@param world callisto.spec.World
---@param sid string
function twilio.over(world, sid) twilio.webhook(world, "/twilio/callback/status", { CallSid = sid, CallStatus = "completed" }) end

return twilio
