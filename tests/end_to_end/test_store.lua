#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- What the store is given that it cannot take. Another program locks the database, as a careless backup does: calls go on,
-- nothing is promised that is not written, and what happened meanwhile is written when the lock is gone.

local kit = dofile "tests/end_to_end/kit.lua"
local sqlite = dofile "tests/end_to_end/sqlite.lua"

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)
  local other_program = sqlite.open(kit.scratch .. "/server/callisto.db")

  kit.test("a call turned away from a number that is not UTF-8 leaves the list readable", function()
    kit.webhook(server, "/telephony/twilio/inbound/closed", {
      CallSid = "CA" .. ("f"):rep(32), AccountSid = kit.SID, From = "\255\254", To = kit.NUMBER, CallStatus = "ringing",
      Direction = "inbound",
    })
    local row = kit.wait_for("its row", 10, function()
      return kit.calls_with(server, "carrier_call_id", "CA" .. ("f"):rep(32))[1]
    end)
    kit.equal("\239\191\189\239\191\189", row.from, "number")
  end)

  local talking = kit.call(server, "long", "+15551001")
  local carrier_call = kit.wait_for("the stream", 20, function()
    local call = kit.show(server, talking)
    return kit.count_events(call, "leg.started") == 1 and call.carrier_call_id
  end)

  assert(other_program "BEGIN IMMEDIATE")
  local order = { agent_name = "quick", to = "+15551005" }
  local status, refusal = kit.json("POST", server.url .. "/api/calls/outbound", order)
  local rung = kit.ring(exchange, server, "+15551002", "choice")
  kit.equal(202, (kit.json("POST", server.url .. "/api/calls/" .. talking .. "/hangup")), "status of the hang-up")
  for _, sid in ipairs { carrier_call, rung.id } do
    kit.wait_for("the end of " .. sid, 60, function() return kit.report(exchange, sid).status == "completed" end)
  end
  kit.wait_for("the last facts", 60, function() return kit.gauge(server, "callisto_calls_live") == 0 end)

  kit.test("an order is refused while it cannot be written down", function()
    kit.equal(503, status, "status")
    kit.ok(tostring(refusal.detail or refusal.title):find("not dialled", 1, true), "it does not say that nobody is called")
  end)

  kit.test("what is known is read, and what is new waits in memory", function()
    kit.equal("in_progress", kit.show(server, talking).state, "state")
    kit.equal(0, #kit.calls_with(server, "carrier_call_id", rung.id), "rows of the new call")
    kit.ok(kit.gauge(server, "callisto_store_kept") > 0, "nothing is kept")
  end)

  assert(other_program "COMMIT")
  kit.wait_for("the store", 20, function() return kit.gauge(server, "callisto_store_kept") == 0 end)

  kit.test("a call that ended meanwhile has its end", function()
    local call = kit.show(server, talking)
    kit.equal("completed", call.state, "state")
    kit.equal(1, kit.count_events(call, "leg.ended"), "ends of the leg")
    kit.ok(call.legs[1].ended_at_ms and call.legs[1].up_at_ms, "its leg has no end")
  end)

  kit.test("a call that came and went meanwhile has its row, its answer and its conversation", function()
    local row = kit.ok(kit.calls_with(server, "carrier_call_id", rung.id)[1], "it has no row")
    local call = kit.show(server, row.id)
    kit.equal("completed", call.state, "state")
    kit.equal("inbound", call.direction, "direction")
    kit.ok(call.answered_at_ms, "it was never answered")
    kit.ok(call.legs[1] and call.legs[1].up_at_ms, "its leg never came up")
    kit.ok(#call.transcript >= 2, "nothing was said in it")
  end)

  kit.test("the refused order left nothing that is in progress, and nobody was called", function()
    kit.equal(0, #kit.calls_with(server, "state", "in_progress"), "calls in progress")
    local _, report = kit.json("GET", exchange.url .. "/exchange/calls")
    for _, call in ipairs(report.calls or report) do kit.ok(call.to ~= order.to, "the order was dialled") end
  end)

  kit.test("the trouble is logged once, with its remedy, and so is its end", function()
    local log = kit.read(server.log)
    local _, times = log:gsub("cannot write to", "")
    kit.equal(1, times, "lines about the lock")
    kit.ok(log:find("can be written again", 1, true), "nothing says that it is over")
  end)
end)
