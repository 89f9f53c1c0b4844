#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Vobiz over real sockets. The first word of the command line is a format ("l16/8000"); μ-law without it.

local crypto = require "callisto.crypto"
local http = require "callisto.http"

local conformance = dofile "tests/end_to_end/conformance.lua"

local ID, TOKEN, NUMBER = "MA_TEST0001", "only-for-the-tests-of-vobiz", "+912271264296"
local FORMAT = arg and arg[1] or "pcmu/8000"

local serial = 0
local function nonce()
  serial = serial + 1
  return ("%020d"):format(serial)
end

local function webhook(url, about)
  local once = nonce()
  return {
    method = "POST",
    body = http.form {
      { "CallUUID", about.carrier_call }, { "From", about.from:sub(2) }, { "To", about.to:sub(2) }, { "Direction", "inbound" },
      { "Event", "StartApp" }, { "CallStatus", "ringing" }, { "ParentAuthID", ID },
    },
    headers = {
      ["content-type"] = "application/x-www-form-urlencoded", ["x-vobiz-signature-v3-nonce"] = once,
      ["x-vobiz-signature-v3"] = crypto.base64(crypto.hmac("sha256", about.secret or TOKEN, url .. "." .. once)),
    },
  }
end

local function opening(about)
  local encoding = FORMAT:find "^pcmu" and "audio/x-mulaw" or "audio/x-l16"
  return { {
    event = "start", sequenceNumber = 0, extra_headers = "{}",
    start = {
      callId = about.carrier_call, streamId = "20170ada-0000-4000-a000-000000000001", accountId = "500025",
      tracks = { "inbound" }, mediaFormat = { encoding = encoding, sampleRate = tonumber(FORMAT:match "%d+$") },
    },
  } }
end

return conformance.run {
  name = "vobiz",
  env = { VOBIZ_AUTH_ID = ID, VOBIZ_AUTH_TOKEN = TOKEN, VOBIZ_PHONE_NUMBER = NUMBER, VOBIZ_AUDIO = FORMAT },
  api = "VOBIZ_API_BASE",
  number = NUMBER,
  new_id = function(number) return ("20170ada-0000-4000-a000-%012x"):format(number) end,
  webhook = webhook,
  opening = opening,
  tells_end_at_answer = true,
}
