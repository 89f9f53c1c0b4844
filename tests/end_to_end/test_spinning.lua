#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- A template that computes for ever is stopped, its caller hears the fallback, and a call beside it does not notice.

local kit = dofile "tests/end_to_end/kit.lua"

local SPINNING = 4

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)
  local neighbour = kit.call(server, "long", "+15551001")
  kit.wait_for("the neighbour's first sentences", 30, function() return #kit.show(server, neighbour).transcript >= 2 end)
  local ids = {}
  for index = 1, SPINNING do ids[index] = kit.call(server, "spin", "+15551005") end

  for index, id in ipairs(ids) do
    kit.test(("spinning call %d is stopped and finished"):format(index), function()
      local call = kit.wait_over(server, id, 60)
      kit.equal("failed", call.state, "state")
      kit.equal("PIPELINE_ERROR", call.facts.session_end_reason, "end of the session")
      kit.equal(1, kit.count_events(call, "script.broken"), "reports of the broken script")
    end)
    kit.test(("the caller of spinning call %d hears the fallback to its end"):format(index), function()
      local call = kit.show(server, id)
      local report = kit.report(exchange, call.carrier_call_id)
      kit.equal("completed", report.status, "status at the carrier")
      local leg
      for _, event in ipairs(call.events) do leg = event.kind == "leg.ended" and event.data or leg end
      -- The two sentences of the template are some 80 frames of 20 ms, the fallback a hundred more.
      kit.ok(leg.frames_out > 150, ("only %d frames were sent"):format(leg.frames_out))
      kit.equal("closed", leg.reason, "end of the leg")
    end)
  end
  kit.test("the neighbour talked on meanwhile", function()
    local before = #kit.show(server, neighbour).transcript
    kit.wait_for("two more sentences", 20, function() return #kit.show(server, neighbour).transcript >= before + 2 end)
    kit.equal(202, (kit.json("POST", server.url .. "/api/calls/" .. neighbour .. "/hangup")), "status of the hang-up")
    local call = kit.wait_over(server, neighbour)
    local leg
    for _, event in ipairs(call.events) do leg = event.kind == "leg.ended" and event.data or leg end
    kit.equal(0, leg.underruns, "underruns of the neighbour")
  end)
  kit.test("afterwards nothing is left of them", function()
    kit.wait_for("the end of all calls", 20, function() return kit.gauge(server, "callisto_calls_live") == 0 end)
    kit.equal(0, kit.gauge(server, "callisto_legs"), "legs")
    kit.equal(SPINNING, kit.metric(server, "callisto_scripts_broken_total"), "broken scripts")
  end)
end)
