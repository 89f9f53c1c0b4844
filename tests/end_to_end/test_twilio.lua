#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Twilio over real sockets.

local http = require "callisto.http"
local conformance = dofile "tests/end_to_end/conformance.lua"

local live_call = dofile "tests/end_to_end/live_call.lua"

local kit = conformance.kit

local function webhook(url, about)
  local params = {
    CallSid = about.carrier_call, AccountSid = kit.SID, From = about.from, To = about.to, CallStatus = "ringing",
    Direction = "inbound",
  }
  local form = {}
  for name, value in pairs(params) do form[#form + 1] = { name, value } end
  return {
    method = "POST", body = http.form(form),
    headers = {
      ["content-type"] = "application/x-www-form-urlencoded",
      ["x-twilio-signature"] = kit.sign(url, params, about.secret),
    },
  }
end

local function opening(about)
  return {
    { event = "connected", protocol = "Call", version = "1.0.0" },
    { event = "start", sequenceNumber = "1", streamSid = "MZ1", start = {
      streamSid = "MZ1", accountSid = kit.SID, callSid = about.carrier_call, tracks = { "inbound" },
      mediaFormat = { encoding = "audio/x-mulaw", sampleRate = 8000, channels = 1 }, customParameters = {},
    } },
  }
end

return conformance.run {
  name = "twilio",
  env = { TWILIO_ACCOUNT_SID = kit.SID, TWILIO_AUTH_TOKEN = kit.TOKEN, TWILIO_PHONE_NUMBER = kit.NUMBER },
  api = "TWILIO_API_BASE",
  number = kit.NUMBER,
  new_id = function(number) return ("CA%032x"):format(0xabc000 + number) end,
  webhook = webhook,
  opening = opening,
  upgrade = function(url) return { ["x-twilio-signature"] = kit.sign(url) } end,
  more = function(self) live_call.test(self, kit, { account = kit.SID, secret = kit.TOKEN }) end,
}
