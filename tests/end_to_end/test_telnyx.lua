#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Telnyx over real sockets.

local crypto = require "callisto.crypto"
local http = require "callisto.http"
local conformance = dofile "tests/end_to_end/conformance.lua"

local live_call = dofile "tests/end_to_end/live_call.lua"

local kit = conformance.kit

local ACCOUNT = "11111111-2222-4333-a444-555555555555"
local SEED = crypto.digest("sha256", "telnyx of the end-to-end tests")
local KEY = crypto.base64(crypto.ed25519_public(SEED))

local function webhook(_, about)
  local body = http.form {
    { "AccountSid", ACCOUNT }, { "CallSid", about.carrier_call }, { "CallSidLegacy", about.carrier_call }, { "From", about.from },
    { "To", about.to }, { "CallStatus", "ringing" }, { "ConnectionId", "1494" },
  }
  local seed = about.secret and crypto.digest("sha256", about.secret) or SEED
  local time = ("%d"):format(os.time())
  return {
    method = "POST", body = body,
    headers = {
      ["content-type"] = "application/x-www-form-urlencoded", ["telnyx-timestamp"] = time,
      ["telnyx-signature-ed25519"] = crypto.base64(crypto.ed25519_sign(seed, time .. "|" .. body)),
    },
  }
end

local function opening(about)
  return {
    { event = "connected", version = "1.0.0" },
    { event = "start", sequence_number = "1", stream_id = "32DE0DEA", start = {
      user_id = ACCOUNT, call_control_id = about.carrier_call, from = about.from, to = about.to,
      media_format = { encoding = "PCMU", sample_rate = 8000, channels = 1 }, custom_parameters = {},
    } },
  }
end

local env = {
  TELNYX_ACCOUNT_SID = ACCOUNT, TELNYX_APPLICATION_SID = "1494", TELNYX_API_KEY = kit.TOKEN, TELNYX_PUBLIC_KEY = KEY,
  EXCHANGE_TELNYX_KEY = crypto.base64(SEED), TELNYX_PHONE_NUMBER = kit.NUMBER,
}

-- The same conversation in every other format.
local function formats(self)
  for _, format in ipairs { "pcma/8000", "l16/16000" } do
    kit.test("telnyx: a call is understood in the format " .. format, function()
      local given = { TELEPHONY_PROVIDER = "telnyx", TELNYX_AUDIO = format, TELNYX_API_BASE = self.exchange.url }
      for name, value in pairs(env) do given[name] = value end
      local server = kit.server(self.exchange, {
        workspace = kit.here .. "/conformance", data = kit.scratch .. "/" .. format:gsub("%W", "-"), env = given,
      })
      local call = kit.wait_over(server, kit.call(server, "order", "+14155551001"), 60)
      kit.equal("UNDERSTOOD", call.outcome, "outcome")
      kit.signal(server)
    end)
  end
end

return conformance.run {
  name = "telnyx",
  env = env,
  api = "TELNYX_API_BASE",
  number = kit.NUMBER,
  new_id = function(number) return ("v3:stranger-%d"):format(number) end,
  webhook = webhook,
  opening = opening,
  more = function(self)
    formats(self)
    live_call.test(self, kit, { account = ACCOUNT, application = "1494", secret = kit.TOKEN })
  end,
}
