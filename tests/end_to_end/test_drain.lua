#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- SIGTERM: no new calls, live ones finish, exit code 0.

local kit = dofile "tests/end_to_end/kit.lua"

local function inbound(sid)
  return {
    CallSid = sid, AccountSid = kit.SID, From = "+15551001", To = kit.NUMBER, CallStatus = "ringing", Direction = "inbound",
  }
end

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)
  local id = kit.call(server, "choice", "+15551001") -- asked twice in vain: some 15 seconds
  local carrier_call = kit.show(server, id).carrier_call_id
  kit.wait_for("the stream", 20, function() return kit.count_events(kit.show(server, id), "leg.started") == 1 end)
  kit.signal(server, "TERM")
  kit.wait_for("the drain", 10, function() return kit.read(server.log):find("draining", 1, true) end)

  kit.test("while it drains the node says that it is not ready", function()
    kit.wait_for("503 of /readyz", 5, function() return (kit.http("GET", server.url .. "/readyz")) == 503 end)
    kit.equal(200, (kit.http("GET", server.url .. "/healthz")), "health")
  end)
  kit.test("while it drains no call is placed", function()
    local status = kit.json("POST", server.url .. "/api/calls/outbound", { agent_name = "quick", to = "+15551001" })
    kit.equal(503, status, "status")
  end)
  kit.test("while it drains callers are turned away politely", function()
    local status, body = kit.webhook(server, "/telephony/twilio/inbound/quick", inbound("CA" .. ("1"):rep(32)))
    kit.equal(200, status, "status")
    kit.ok(body:find("<Reject", 1, true), body)
  end)
  kit.test("the live call goes on to its end, and only then the process ends with 0", function()
    kit.ok(not kit.exit_code(server), "the process has ended too early")
    kit.equal(0, kit.wait_end(server, 60), "exit code")
    kit.equal("completed", kit.report(exchange, carrier_call).status, "status at the carrier")
  end)
  kit.test("the call that was live is in the store with its outcome", function()
    local again = kit.server(exchange)
    local call = kit.show(again, id)
    kit.equal("NOT_CHOSEN", call.outcome, "outcome")
    kit.equal("completed", call.state, "state")
    kit.ok(kit.count_events(call, "hangup.sent") == 1, "it was not hung up")
  end)
  kit.test("a second SIGTERM does not wait; more of them cut off nothing that is being written", function()
    local other = kit.server(exchange, { data = kit.scratch .. "/other" })
    local live = kit.call(other, "long", "+15551001")
    kit.wait_for("the stream", 20, function() return kit.count_events(kit.show(other, live), "leg.started") == 1 end)
    kit.signal(other, "TERM")
    kit.wait_for("the drain", 10, function() return kit.read(other.log):find("draining", 1, true) end)
    kit.sleep(0.5)
    kit.ok(not kit.exit_code(other), "it did not wait for its call")
    for _ = 1, 4 do kit.signal(other, "TERM") end
    kit.equal(0, kit.wait_end(other, 15), "exit code")
    kit.ok(kit.read(other.log):find("1 call was in progress at the end of this process", 1, true), "its call stays in progress")
    local again = kit.server(exchange, { data = kit.scratch .. "/other" })
    local call = kit.show(again, live)
    kit.equal("failed", call.state, "state")
    kit.equal(1, kit.count_events(call, "call.lost"), "call.lost")
  end)
end)
