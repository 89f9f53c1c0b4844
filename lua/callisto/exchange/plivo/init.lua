-- callisto.exchange.plivo: Plivo's face. What Vobiz shares with it is in plivo_face, plivo_call and plivo_documents.
--
-- It signs with its own code, not the adapter's, so that one cannot hide the other's mistake.

local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local plivo_call = require "callisto.exchange.plivo.call"
local plivo_face = require "callisto.exchange.plivo.face"

local plivo = {
  name = "plivo",
  variables = { "PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN", "PLIVO_API_BASE", "PLIVO_AUDIO" },
  prefix = "/v1/Account/",
  user_agent = "Plivo",
  has_one_id = false, -- the id of a request is not the id of the call that comes of it
  queues = true,
  calls_per_second = 2,
  most_requests = 300,
  fired = "call fired",
  bad_order = 400,
  posts_empty_input = false,
  l16_rates = { 8000, 16000 },
  lacks = { "Gather" },
  media = {
    dtmf_in = { event = "sendDTMF", digit = "dtmf" },
    audio_out = [[{"event":"media","sequenceNumber":$seq,"streamId":"$stream","media":{"track":"inbound","timestamp":"$ms",]]
      .. [["chunk":$chunk,"payload":"$audio"}}]],
    mark_out = [[{"event":"playedStream","sequenceNumber":$seq,"streamId":"$stream","name":"$mark"}]],
    replies = { { event = "clearAudio", text = [[{"event":"clearedAudio","sequenceNumber":$seq,"streamId":"$stream"}]] } },
    dtmf_out = [[{"event":"dtmf","sequenceNumber":$seq,"streamId":"$stream",]]
      .. [["dtmf":{"track":"inbound","digit":"$digit","timestamp":"$ms"}}]],
  },
}

-- Plivo does not document the byte order of its L16: it has the one that the application is set for.
function plivo.byte_orders(audio)
  local order = audio:find "^l16be" and "l16be" or "l16le"
  return order, order
end

function plivo.extra_headers(given) return given or "" end

-- Parameters as the scheme writes them: sorted by name, of the query with "=" and "&", of a form without either.
local function joined(params, between, after)
  local names, parts = {}, {}
  for name in pairs(params) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = name .. between .. tostring(params[name]) end
  return table.concat(parts, after)
end

---X-Plivo-Signature-V3 and its nonce.
---@param about {method: string, url: string, params: table<string, string>, nonce: string}
---@return table<string, string> headers
function plivo.sign(about)
  local base, query_text = about.url:match "^([^?]*)%??(.*)$"
  local query = http.read_query(query_text)
  local text = base
  if about.method == "GET" then
    for name, value in pairs(about.params) do query[name] = value end
    if next(query) then text = base .. "?" .. joined(query, "=", "&") end
  elseif next(about.params) then
    text = base .. "?" .. (next(query) and joined(query, "=", "&") .. "." or "") .. joined(about.params, "", "")
  elseif next(query) then
    text = base .. "?" .. joined(query, "=", "&")
  end
  local key = plivo.account.token
  local v3 = crypto.base64(crypto.hmac("sha256", key, text .. "." .. about.nonce))
  local v2 = crypto.base64(crypto.hmac("sha256", key, base .. about.nonce))
  return {
    ["x-plivo-signature-v3"] = v3, ["x-plivo-signature-ma-v3"] = v3, ["x-plivo-signature-v3-nonce"] = about.nonce,
    ["x-plivo-signature-v2"] = v2, ["x-plivo-signature-ma-v2"] = v2, ["x-plivo-signature-v2-nonce"] = about.nonce,
  }
end

function plivo.sign_upgrade(url)
  return plivo.sign { method = "GET", url = url, params = {}, nonce = plivo_call.nonce() }
end

function plivo.is_authorised(message)
  local given = (message.headers.authorization or ""):match "^[Bb]asic%s+(%S+)$"
  return given ~= nil and crypto.equal(given, crypto.base64(plivo.account.id .. ":" .. plivo.account.token))
end

---@param status integer
---@param text string
function plivo.refuse(status, text)
  return status, { ["content-type"] = "application/json" }, json.encode { api_id = plivo_call.uuid(), error = text }
end

return plivo_face.new(plivo)
