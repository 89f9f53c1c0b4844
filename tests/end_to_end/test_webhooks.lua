#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Forged, changed and repeated webhooks.

local kit = dofile "tests/end_to_end/kit.lua"

local PATH = "/telephony/twilio/inbound/quick"

local function params_of(sid)
  return {
    CallSid = sid, AccountSid = kit.SID, From = "+15551001", To = kit.NUMBER, CallStatus = "ringing",
    Direction = "inbound", ApiVersion = "2010-04-01", FromCity = "", CallerName = "Zoë & sons",
  }
end

local serial = 0
local function new_sid()
  serial = serial + 1
  return ("CA%032x"):format(serial)
end

local function changed(params, name, value)
  local copy = {}
  for key, each in pairs(params) do copy[key] = each end
  copy[name] = value
  return copy
end

local REFUSED = {
  { "without a signature", 401, function(_, params) return params, false end },
  { "with an empty signature", 401, function(_, params) return params, "" end },
  { "with a signature of nonsense", 403, function(_, params) return params, "bm9uc2Vuc2U=" end },
  { "signed with another token", 403, function(url, params) return params, kit.sign(url, params, "another token") end },
  { "signed for another path", 403, function(url, params) return params, kit.sign(url .. "x", params) end },
  { "signed for another host", 403, function(_, params)
    return params, kit.sign("https://voice.example.com" .. PATH, params)
  end },
  { "whose caller was changed", 403, function(url, params)
    return changed(params, "From", "+15559999"), kit.sign(url, params)
  end },
  { "with a parameter more", 403, function(url, params)
    return changed(params, "Extra", "1"), kit.sign(url, params)
  end },
}

local function test_refused(server, path, what)
  for _, case in ipairs(REFUSED) do
    kit.test(("%s %s is refused with %d"):format(what, case[1], case[2]), function()
      local params, signature = case[3](server.url .. path, params_of(new_sid()))
      kit.equal(case[2], (kit.webhook(server, path, params, signature)), "status")
    end)
  end
end

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)

  kit.test("a webhook signed rightly is answered with a document", function()
    local status, body = kit.webhook(server, PATH, params_of(new_sid()))
    kit.equal(200, status, "status")
    kit.ok(body:find("<Connect>", 1, true) and body:find("ws://127.0.0.1:", 1, true), body)
  end)

  test_refused(server, PATH, "an inbound webhook")
  test_refused(server, "/twilio/callback/status", "a status callback")
  test_refused(server, "/twilio/callback/twiml-fallback", "a fallback request")

  kit.test("refused webhooks left no call behind", function()
    kit.equal(1, #kit.calls_with(server, "direction", "inbound"), "inbound calls")
  end)

  kit.test("webhooks about one call that come at once, to several threads, open one call and get its document", function()
    local http = require "callisto.http"
    local params, form, commands = params_of(new_sid()), {}, {}
    for name, value in pairs(params) do form[#form + 1] = { name, value } end
    for i = 1, 8 do
      commands[i] = ("curl -sS -m 20 --noproxy '*' -H %s --data-binary %s -o %s/at-once-%d %s &"):format(
        kit.quote("x-twilio-signature: " .. kit.sign(server.url .. PATH, params)), kit.quote(http.form(form)),
        kit.scratch, i, kit.quote(server.url .. PATH))
    end
    kit.shell(table.concat(commands, " ") .. " wait")
    local first = kit.read(kit.scratch .. "/at-once-1")
    kit.ok(first:find("<Connect>", 1, true), first)
    for i = 2, 8 do kit.equal(first, kit.read(("%s/at-once-%d"):format(kit.scratch, i)), "document " .. i) end
    kit.equal(1, #kit.calls_with(server, "carrier_call_id", params.CallSid), "calls")
  end)

  kit.test("a webhook that comes again opens no second call and gets the same document", function()
    local params = params_of(new_sid())
    local _, first = kit.webhook(server, PATH, params)
    for _ = 1, 3 do
      local status, again = kit.webhook(server, PATH, params)
      kit.equal(200, status, "status")
      kit.equal(first, again, "document")
    end
    kit.equal(1, #kit.calls_with(server, "carrier_call_id", params.CallSid), "calls")
  end)

  kit.test("an agent nobody knows is 404", function()
    kit.equal(404, (kit.webhook(server, "/telephony/twilio/inbound/nobody", params_of(new_sid()))), "status")
  end)

  kit.test("a webhook without a call id is 400, not a crash (pitfall 7)", function()
    for _, sid in ipairs { "", "CA/../../x", ("C"):rep(5000) } do
      kit.equal(400, (kit.webhook(server, PATH, params_of(sid))), "status")
    end
    local status = kit.webhook(server, "/twilio/callback/status", { AccountSid = kit.SID })
    kit.equal(400, status, "status of a callback without CallStatus")
    kit.equal(200, (kit.http("GET", server.url .. "/healthz")), "health")
  end)

  kit.test("a status of a call that is not live is taken and changes nothing", function()
    kit.equal(204, (kit.webhook(server, "/twilio/callback/status?call=cnobody", params_of(new_sid()))), "status")
  end)
end)
