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

return conformance.run {
  name = "plivo",
  env = { PLIVO_AUTH_ID = ID, PLIVO_AUTH_TOKEN = TOKEN, PLIVO_PHONE_NUMBER = NUMBER, PLIVO_AUDIO = FORMAT },
  api = "PLIVO_API_BASE",
  number = NUMBER,
  new_id = function(number) return ("30852c23-0000-4000-a000-%012x"):format(number) end,
  webhook = webhook,
  opening = opening,
}
