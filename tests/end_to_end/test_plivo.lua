#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Plivo over real sockets. The first word of the command line is a format ("l16/16000"); μ-law without it.

local crypto = require "callisto.crypto"
local http = require "callisto.http"

local conformance = dofile "tests/end_to_end/conformance.lua"

local ID, TOKEN, NUMBER = "MA00000000000000000001", "only-for-the-tests-of-plivo", "+14155550100"
local FORMAT = arg and arg[1] or "pcmu/8000"

local function signature(text, secret) return crypto.base64(crypto.hmac("sha256", secret or TOKEN, text)) end

local serial = 0
local function nonce()
  serial = serial + 1
  return ("%020d"):format(serial)
end

local function webhook(url, about)
  local names = { "CallStatus", "CallUUID", "Direction", "Event", "From", "ParentAuthID", "To" }
  local params = {
    CallUUID = about.carrier_call, From = about.from:sub(2), To = about.to:sub(2), Direction = "inbound", Event = "StartApp",
    CallStatus = "ringing", ParentAuthID = ID,
  }
  local form, text, once = {}, url .. "?", nonce()
  for i, name in ipairs(names) do
    form[i] = { name, params[name] }
    text = text .. name .. params[name]
  end
  return {
    method = "POST", body = http.form(form),
    headers = {
      ["content-type"] = "application/x-www-form-urlencoded",
      ["x-plivo-signature-v3"] = signature(text .. "." .. once, about.secret), ["x-plivo-signature-v3-nonce"] = once,
    },
  }
end

local function opening(about)
  local encoding = FORMAT:find "^pcmu" and "audio/x-mulaw" or "audio/x-l16"
  return { {
    event = "start", sequenceNumber = 0, extra_headers = "",
    start = {
      callId = about.carrier_call, streamId = "30852c23-0000-4000-a000-000000000001", accountId = "1", tracks = { "inbound" },
      mediaFormat = { encoding = encoding, sampleRate = tonumber(FORMAT:match "%d+$") },
    },
  } }
end

-- The answer to an order has the id of a request; the call that comes of it has another.
local function test_ids(self, kit)
  kit.test("plivo: webhooks name the call otherwise than the answer to the order did, and it is known (pitfall 8)", function()
    local order = { agent_name = "quick", to = "+14155551008" }
    local status, answer = kit.json("POST", self.server.url .. "/api/calls/outbound", order)
    kit.equal(201, status, "status")
    local call = kit.wait_over(self.server, answer.id, 40)
    kit.equal("DONE", call.outcome, "outcome")
    local report = kit.report(self.exchange, answer.carrier_call_id)
    kit.equal(report.id, call.carrier_call_id, "id of the call")
    kit.ok(call.carrier_call_id ~= answer.carrier_call_id, "the exchange gave both the same id")
    kit.equal(1, #kit.calls_with(self.server, "carrier_call_id", report.id), "calls")
  end)
end

return conformance.run {
  name = "plivo",
  env = { PLIVO_AUTH_ID = ID, PLIVO_AUTH_TOKEN = TOKEN, PLIVO_PHONE_NUMBER = NUMBER, PLIVO_AUDIO = FORMAT },
  api = "PLIVO_API_BASE",
  number = NUMBER,
  new_id = function(number) return ("30852c23-0000-4000-a000-%012x"):format(number) end,
  webhook = webhook,
  opening = opening,
  tells_end_at_answer = true,
  more = test_ids,
}
