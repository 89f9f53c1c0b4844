#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Media sockets of strangers: without their token, with a used one, and with frames no carrier would send. Each ends its
-- own call, politely, while another goes on.

local json = require "callisto.json"
local kit = dofile "tests/end_to_end/kit.lua"

local serial = 0

-- An inbound call that only its webhook knows: its socket is the stranger's.
local function open(server, agent)
  serial = serial + 1
  local sid = ("CA%032x"):format(0xabc000 + serial)
  local status, body = kit.webhook(server, "/telephony/twilio/inbound/" .. (agent or "long"), {
    CallSid = sid, AccountSid = kit.SID, From = "+15551001", To = kit.NUMBER, CallStatus = "ringing", Direction = "inbound",
  })
  kit.equal(200, status, "status of the webhook")
  return { sid = sid, url = body:match 'url="(ws://[^"]+)"' }
end

local function hostile(url, behaviour, sid, signature)
  local text = kit.shell(("%s node %s/hostile.mjs %s %s %s 2>&1"):format(
    signature and "SIGNATURE=" .. kit.quote(signature) or "", kit.here, kit.quote(url), behaviour, sid or "CA0"))
  local value = json.decode(text)
  if type(value) ~= "table" then error("the client failed: " .. text, 0) end
  return value
end

local function test_tokens(server)
  local base = server.url:gsub("^http", "ws")
  kit.test("a socket without a token is refused with 401", function()
    kit.equal(401, hostile(base .. "/ws/twilio/long", "proper").status, "status")
  end)
  kit.test("a socket with a token nobody gave out is refused with 401", function()
    kit.equal(401, hostile(base .. "/ws/twilio/long/" .. ("a"):rep(26), "proper").status, "status")
  end)
  kit.test("a token is good once", function()
    local call = open(server)
    kit.equal(101, hostile(call.url, "proper", call.sid).status, "status of the first")
    kit.equal(403, hostile(call.url, "proper", call.sid).status, "status of the second")
  end)
  kit.test("a token is good for its own path alone", function()
    local call = open(server)
    local other = call.url:gsub("/ws/twilio/long/", "/ws/twilio/quick/")
    local status = hostile(other, "proper", call.sid).status
    kit.ok(status == 401 or status == 403, "status " .. status)
  end)
  kit.test("a socket with a wrong signature is refused with 403, though its token is right", function()
    local call = open(server)
    kit.equal(403, hostile(call.url, "proper", call.sid, "bm9uc2Vuc2U=").status, "status")
  end)
  kit.test("a socket with the right signature is let in", function()
    local call = open(server)
    kit.equal(101, hostile(call.url, "proper", call.sid, kit.sign(call.url)).status, "status")
  end)
  kit.test("an agent nobody knows has no socket", function()
    local status = hostile(base .. "/ws/twilio/nobody/" .. ("a"):rep(26), "proper").status
    kit.ok(status == 401 or status == 404, "status " .. status)
  end)
end

-- What is sent, and the close codes that are a polite answer to it. false: the stranger himself went away.
local HOSTILE = {
  { "not_json", 1007 }, { "bad_base64", 1007 }, { "deep_json", 1007 }, { "binary", 1007 },
  { "oversized", 1009 }, { "endless_fragments", 1009 },
  { "wrong_rate", 1003 }, { "wrong_encoding", 1003 }, { "wrong_call", 1003 },
  { "no_start", 1002 }, { "silence", 1002 },
  { "reserved_opcode", 1002 }, { "bad_utf8", 1007 }, { "unmasked", 1002 }, { "truncated", false }, { "vanishes", false },
  -- Odd, but no reason to end a call: these end with the stranger's own stop.
  { "odd_events", 1000 }, { "second_start", 1000 },
}

local function test_hostile(server, case)
  kit.test(("a socket that sends '%s' ends its call alone"):format(case[1]), function()
    local call = open(server)
    local seen = hostile(call.url, case[1], call.sid)
    kit.equal(101, seen.status, "status of the upgrade")
    kit.ok(seen.ended, "the socket was still open after 20 s")
    if case[2] then kit.equal(case[2], seen.code, "close code (" .. seen.reason .. ")") end
    local id = kit.wait_for("its record", 5, function()
      local found = kit.calls_with(server, "carrier_call_id", call.sid)[1]
      return found and found.id
    end)
    kit.wait_for("the end of its leg", 15, function() return kit.count_events(kit.show(server, id), "leg.ended") == 1 end)
  end)
end

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)
  test_tokens(server)
  local neighbour
  local function check_neighbour(what)
    kit.test(what, function()
      local before = #kit.show(server, neighbour).transcript
      kit.wait_for("another sentence", 15, function() return #kit.show(server, neighbour).transcript > before end)
    end)
  end
  for index, case in ipairs(HOSTILE) do
    if index % 6 == 1 then
      if neighbour then check_neighbour "the call beside them went on" end
      neighbour = kit.call(server, "long", "+15551001")
      kit.wait_for("the neighbour's first sentence", 30, function() return #kit.show(server, neighbour).transcript >= 1 end)
    end
    test_hostile(server, case)
  end
  check_neighbour "the call beside them went on"
  kit.test("the calls of all strangers are finished", function()
    kit.wait_for("their ends", 90, function()
      for _, call in ipairs(kit.calls_with(server, "direction", "inbound")) do
        if call.state == "in_progress" then return false end
      end
      return true
    end)
    kit.equal(200, (kit.http("GET", server.url .. "/readyz")), "readiness")
  end)
end)
