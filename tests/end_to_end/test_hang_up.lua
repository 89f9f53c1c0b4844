#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Hanging up a call that is over already is success (pitfall 26).

local kit = dofile "tests/end_to_end/kit.lua"

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)

  kit.test("the hang-up of a call the carrier has finished already is success (pitfall 26)", function()
    local id = kit.call(server, "choice", "+15551016") -- busy, and the server is never told
    local carrier_call = kit.show(server, id).carrier_call_id
    kit.wait_for("the busy tone", 20, function() return kit.report(exchange, carrier_call).status == "busy" end)
    kit.equal(202, (kit.json("POST", server.url .. "/api/calls/" .. id .. "/hangup")), "status")
    local call = kit.wait_over(server, id, 60)
    kit.equal(1, kit.count_events(call, "hangup.sent"), "successful hang-ups")
    kit.equal("NO_ANSWER", call.outcome, "outcome")
    kit.equal("BUSY", call.facts.provider_reason, "reason")
    kit.ok(not kit.read(server.log):find("hanging up at twilio failed", 1, true), "it was taken for a failure")
  end)

  kit.test("a ringing call is taken back", function()
    local id = kit.call(server, "choice", "+15551004")
    kit.equal(202, (kit.json("POST", server.url .. "/api/calls/" .. id .. "/hangup")), "status")
    local call = kit.wait_over(server, id, 60)
    kit.equal("CANCELED", call.facts.provider_reason, "reason")
    kit.equal(404, (kit.json("POST", server.url .. "/api/calls/" .. id .. "/hangup")), "status of a second hang-up")
  end)

  kit.test("a live call is hung up, and its leg ends with it", function()
    local id = kit.call(server, "long", "+15551001")
    kit.wait_for("the stream", 20, function() return kit.count_events(kit.show(server, id), "leg.started") == 1 end)
    kit.equal(202, (kit.json("POST", server.url .. "/api/calls/" .. id .. "/hangup")), "status")
    local call = kit.wait_over(server, id, 60)
    kit.equal(1, kit.count_events(call, "leg.ended"), "ends of the leg")
    kit.equal("completed", kit.report(exchange, call.carrier_call_id).status, "status at the carrier")
  end)
end)
