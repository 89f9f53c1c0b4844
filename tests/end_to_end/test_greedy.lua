#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Scripts that take more than their share, on one thread of each kind: a call beside them is heard to its last word, and the
-- server answers. On virtual time, with a hundred of them: spec/faults/greedy_scripts_spec.lua.

local kit = dofile "tests/end_to_end/kit.lua"

local KINDS = { "time", "messages", "facts", "lines", "orders", "sentences", "sharing" }
local NUMBERS = { "one", "two", "three", "four", "five", "six", "seven" }
local OF_EACH = 2

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange, { words = { "--script-threads", "1" }, env = { TWILIO_MAX_CONCURRENT = "100" } })
  local greedy = {}
  for _, kind in ipairs(KINDS) do
    for _ = 1, OF_EACH do greedy[#greedy + 1] = kit.call(server, "greedy", "+15551001", { kind = kind }) end
  end
  kit.wait_for("every greedy call", 60, function()
    for _, id in ipairs(greedy) do
      if kit.count_events(kit.show(server, id), "leg.started") == 0 then return false end
    end
    return true
  end)

  kit.test("a call beside them says every sentence to its end", function()
    local call = kit.wait_over(server, kit.call(server, "seven", "+15551001"), 120)
    kit.equal("completed", call.state, "state")
    kit.equal("SAID", call.outcome, "outcome")
    local said = {}
    for _, line in ipairs(call.transcript) do
      if line.who == "agent" then said[#said + 1] = line.heard or line.text end
    end
    kit.equal(#NUMBERS, #said, "sentences")
    for i, number in ipairs(NUMBERS) do kit.equal(("This is sentence number %s."):format(number), said[i], "sentence " .. i) end
  end)

  kit.test("what they asked for beyond their share was refused, and counted", function()
    kit.ok(kit.metric(server, "callisto_quota_refused_total") > 0, "nothing was refused")
  end)

  kit.test("afterwards nothing is left of them", function()
    for _, id in ipairs(greedy) do kit.wait_over(server, id, 120) end
    kit.wait_for("the end of all calls", 20, function() return kit.gauge(server, "callisto_calls_live") == 0 end)
    kit.equal(0, kit.gauge(server, "callisto_legs"), "legs")
  end)
end)
