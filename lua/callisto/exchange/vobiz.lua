-- callisto.exchange.vobiz: Vobiz's face: Plivo's with differences. What both share is in plivo_face, plivo_call and
-- plivo_documents.
--
-- It signs with its own code, not the adapter's, so that one cannot hide the other's mistake.

local core = require "callisto.core"
local crypto = require "callisto.crypto"
local json = require "callisto.json"
local plivo_call = require "callisto.exchange.plivo.call"
local plivo_face = require "callisto.exchange.plivo.face"

local vobiz = {
  name = "vobiz",
  variables = { "VOBIZ_AUTH_ID", "VOBIZ_AUTH_TOKEN", "VOBIZ_API_BASE", "VOBIZ_AUDIO" },
  prefix = "/api/v1/Account/",
  user_agent = "Vobiz",
  has_one_id = true,
  queues = false, -- an order too many is refused
  calls_per_second = 1,
  fired = "Call fired",
  bad_order = 422,
  posts_empty_input = true,
  l16_rates = { 8000, 16000, 24000 },
  lacks = { "GetInput", "GetDigits" },
  media = {
    stop_in = { event = "stop" },
    audio_out = [[{"sequenceNumber":$seq,"streamId":"$stream","event":"media","media":{"track":"inbound","timestamp":"$ms",]]
      .. [["chunk":$chunk,"payload":"$audio"},"extra_headers":"{}"}]],
    mark_out = [[{"event":"playedStream","name":"$mark"}]],
    replies = { { event = "clearAudio", text = [[{"event":"clearedAudio","streamId":"$stream"}]] } },
    dtmf_out = [[{"event":"dtmf","sequenceNumber":$seq,"streamId":"$stream",]]
      .. [["dtmf":{"track":"inbound","digit":"$digit","timestamp":"$ms"}}]],
  },
}

-- What it takes and what it sends, of the two stories that are told the one that the application is set for.
function vobiz.byte_orders(audio) return "l16le", audio:find "^l16le" and "l16le" or "l16be" end

-- They never reach the socket.
function vobiz.extra_headers() return "{}" end

---X-Vobiz-Signature-V2 and -V3: neither query nor body is signed.
---@param about {url: string, nonce: string}
---@return table<string, string> headers
function vobiz.sign(about)
  local base = about.url:match "^[^?]*"
  local function signed(text) return crypto.base64(crypto.hmac("sha256", vobiz.account.token, text)) end
  local v3, v2 = signed(base .. "." .. about.nonce), signed(base .. about.nonce)
  return {
    ["x-vobiz-signature-v3"] = v3, ["x-vobiz-signature-ma-v3"] = v3, ["x-vobiz-signature-v3-nonce"] = about.nonce,
    ["x-vobiz-signature-v2"] = v2, ["x-vobiz-signature-ma-v2"] = v2, ["x-vobiz-signature-v2-nonce"] = about.nonce,
  }
end

function vobiz.sign_upgrade() return {} end

function vobiz.is_authorised(message)
  local id, token = message.headers["x-auth-id"] or "", message.headers["x-auth-token"] or ""
  return crypto.equal(id, vobiz.account.id) and crypto.equal(token, vobiz.account.token)
end

local codes = {
  [400] = "VALIDATION_ERROR", [401] = "INVALID_CREDENTIALS", [402] = "INSUFFICIENT_BALANCE", [404] = "NOT_FOUND",
  [422] = "VALIDATION_ERROR", [429] = "RATE_LIMIT_EXCEEDED", [500] = "INTERNAL_ERROR",
}

---@param status integer
---@param text string
---@param code string|integer|nil
function vobiz.refuse(status, text, code)
  local why = {
    code = code and tostring(code) or codes[status] or "ERROR", message = text, requestId = plivo_call.uuid(),
    timestamp = core.date("%Y-%m-%dT%H:%M:%SZ", core.wall()),
  }
  if status == 429 then why.details = { limitType = "cps", retryAfter = 1 } end
  return status, { ["content-type"] = "application/json" }, json.encode { status = "error", error = why }
end

return plivo_face.new(vobiz)
