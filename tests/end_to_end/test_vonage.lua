#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Vonage over real sockets.

local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local conformance = dofile "tests/end_to_end/conformance.lua"

local kit = conformance.kit

local APPLICATION, SECRET = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", kit.TOKEN
local KEY = kit.shell "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null"

local function url64(bytes) return (crypto.base64(bytes):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" })) end

local serial = 0

local function token_of(secret)
  serial = serial + 1
  local signed = url64 '{"alg":"HS256","typ":"JWT"}' .. "." .. url64(json.encode {
    iat = tonumber(kit.shell "date +%s"), jti = "test-" .. serial, iss = "Vonage", application_id = APPLICATION,
  })
  return signed .. "." .. url64(crypto.hmac("sha256", secret, signed))
end

local function webhook(url, about)
  local function digits(number) return (number:gsub("%+", "")) end
  local query = http.form {
    { "to", digits(about.to) }, { "from", digits(about.from) }, { "uuid", about.carrier_call },
    { "conversation_uuid", "CON-" .. about.carrier_call },
  }
  local token = token_of(about.secret or SECRET)
  return { method = "GET", url = url .. "?" .. query, headers = { authorization = "Bearer " .. token } }
end

-- The telephone and the socket report side by side, and only the telephone's end is the call's.
local function test_legs(self)
  kit.test("vonage: the socket's own events do not end the call", function()
    local id = kit.call(self.server, "quick", "+14155551008")
    local call = kit.wait_over(self.server, id, 60)
    kit.equal("DONE", call.outcome, "outcome")
    kit.equal(1, kit.count_events(call, "provider"), "last words of the carrier")
    kit.ok(kit.count_events(call, "carrier.socket-answered") == 1, "the socket's leg was not heard of")
  end)
end

return conformance.run {
  name = "vonage",
  env = {
    VONAGE_APPLICATION_ID = APPLICATION, VONAGE_PRIVATE_KEY = KEY, VONAGE_SIGNATURE_SECRET = SECRET,
    VONAGE_PHONE_NUMBER = kit.NUMBER,
  },
  api = "VONAGE_API_BASE",
  number = kit.NUMBER,
  new_id = function(number) return ("00000000-0000-4000-a000-%012x"):format(0xabc000 + number) end,
  webhook = webhook,
  opening = function() return { { event = "websocket:connected", ["content-type"] = "audio/l16;rate=16000" } } end,
  turned_away = "completed",
  cannot = { other_token = "its socket does not say which call it belongs to; the token does" },
  more = test_legs,
}
