-- Larkline: a small made-up carrier. Webhooks and documents are JSON, audio is μ-law as base64, one request places a call.

local carrier = require "callisto.provider.carrier"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"

local API = "https://api.larkline.example"

-- What the carrier asks and says ---------------------------------------------------------------------------------

-- X-Larkline-Signature: hex of HMAC-SHA256 of URL and body, with the account's secret.
local function verify(message, public_url, account)
  local given = message.headers["x-larkline-signature"]
  if not given then return nil, "the request has no X-Larkline-Signature header", 401 end
  local url = public_url .. http.target_of(message)
  local right = crypto.hex(crypto.hmac("sha256", account.secret, url .. (message.body or "")))
  if not crypto.equal(given, right) then return nil, "the signature is wrong: check LARKLINE_SECRET and PUBLIC_BASE_URL", 403 end
  return true
end

local endings = {
  done = { "ANSWERED", "COMPLETED" },
  busy = { "NOT_ANSWERED", "BUSY" },
  silent = { "NOT_ANSWERED", "NO_ANSWER" },
  broken = { "NOT_ANSWERED", "FAILED" },
  withdrawn = { "NOT_ANSWERED", "CANCELED" },
}

local function read_status(body)
  if type(body.call) ~= "string" or type(body.state) ~= "string" then return nil, "'call' and 'state' are missing" end
  local ending = body.state == "over" and (endings[body.why] or { "UNKNOWN" }) or {}
  return {
    carrier_call = body.call, word = body.state, status = ending[1], reason = ending[2], cause = body.why,
    is_terminal = body.state == "over", is_answered = body.state == "up" or body.why == "done",
  }
end

local function body_of(message)
  local body = json.decode(message and message.body or "")
  return type(body) == "table" and body or {}
end

local function status(message) return read_status(body_of(message)) end

local function webhook(message)
  local body = body_of(message)
  if type(body.call) ~= "string" or body.call == "" then return nil, "'call' is missing" end
  return {
    carrier_call = body.call, from = body.from or "", to = body.to or "",
    direction = body.dialled and "OUTBOUND" or "INBOUND", status = read_status(body),
  }
end

-- What it is told to do ------------------------------------------------------------------------------------------

local writers = {
  stream = function(verb) return { connect = verb.url } end,
  say = function(verb) return { speak = verb[2] } end,
  pause = function(verb) return { wait = verb.seconds } end,
  reject = function() return { refuse = "busy" } end,
  hangup = function() return { hangup = true } end,
}

local function answer(document)
  local steps = json.array {}
  for _, verb in ipairs(carrier.document(document)) do
    local write = writers[verb[1]] or error("Larkline cannot " .. verb[1], 0)
    steps[#steps + 1] = write(verb)
  end
  return json.encode { steps = steps }, "application/json"
end

local function refuse(reason)
  if reason == "busy" then return { { "reject", reason = "busy" } } end
  return { { "say", reason }, { "hangup" } }
end

-- What it is asked -----------------------------------------------------------------------------------------------

local function request(account, method, path, body)
  return {
    method = method, url = (account.api or API) .. path, body = body and json.encode(body),
    headers = { authorization = "Bearer " .. account.secret, ["content-type"] = body and "application/json" or nil },
  }
end

local function error_of(message, text, code)
  if not message then return carrier.error(code or "EIO", text or "the request failed", true) end
  local may_again = message.status >= 500 or message.status == 429
  return carrier.error(message.status, body_of(message).error or "HTTP " .. message.status, may_again)
end

local function place(call, account)
  return request(account, "POST", "/calls",
    { from = call.from, to = call.to, ring = call.ring, answer = call.url, events = call.status_url })
end

-- Only an answer that says so proves that nobody's telephone rings.
local function placed(message, text, code, was_sent)
  if not message then return was_sent and "unknown" or "not_placed", nil, error_of(nil, text, code) end
  if message.status == 201 and body_of(message).call then return "placed", body_of(message).call end
  local refused = message.status >= 400 and message.status < 500
  return refused and "not_placed" or "unknown", nil, error_of(message)
end

local function hangup(carrier_call, account) return request(account, "DELETE", "/calls/" .. carrier_call) end

local function hung_up(message, text, code)
  if message and (message.status < 300 or message.status == 404) then return true end
  return nil, error_of(message, text, code)
end

local function fetch(carrier_call, account) return request(account, "GET", "/calls/" .. carrier_call) end

local function fetched(message, text, code)
  if message and message.status == 404 then
    return { word = "not found", status = "UNKNOWN", is_terminal = true, is_answered = false }
  end
  if not message or message.status ~= 200 then return nil, error_of(message, text, code) end
  return read_status(body_of(message))
end

return carrier {
  name = "larkline",
  account = { secret = "LARKLINE_SECRET", number = "LARKLINE_NUMBER", api = "LARKLINE_API_BASE" },
  required = { "secret" },
  media = {
    ["pcmu/8000"] = {
      encoding = "pcmu", rate = 8000, frame_ms = 20, event = "kind",
      start_in = { event = "hello", stream = "line", call = "call" },
      audio_in = { event = "audio", payload = "data" },
      mark_in = { event = "played", name = "tag" },
      dtmf_in = { event = "key", digit = "key" },
      stop_in = { event = "bye" },
      audio_out = [[{"kind":"audio","data":"$audio"}]],
      mark_out = [[{"kind":"tag","tag":"$mark"}]],
      clear = [[{"kind":"flush"}]],
    },
  },
  acknowledges = { marks = "played", after_clear = false },
  routes = carrier.routes "larkline",
  webhook = {
    headers = { "x-larkline-signature" }, verify = verify, read = webhook, status = status, answer = answer, refuse = refuse,
  },
  requests = { place = { place, placed }, hangup = { hangup, hung_up }, fetch = { fetch, fetched } },
  limits = { calls_per_second = 5, concurrent = 10 },
}
