#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- kill -9 in the middle of calls: what was said is in the store, and the calls are finished as lost (pitfall 29).

local kit = dofile "tests/end_to_end/kit.lua"

local function lines_of(call)
  local lines = {}
  for _, line in ipairs(call.transcript) do lines[#lines + 1] = line.who .. ": " .. line.text end
  return table.concat(lines, "\n")
end

return kit.run(function()
  local exchange = kit.exchange()
  local port = kit.free_port()
  local server = kit.server(exchange, { port = port })
  local first, second = kit.call(server, "long", "+15551002"), kit.call(server, "long", "+15551001")
  local over = kit.call(server, "quick", "+15551001")
  kit.wait_over(server, over)
  -- The one who presses keys does so at the end of a turn, so only the greeting's words count here.
  local before = kit.wait_for("three lines of each", 40, function()
    local a, b = kit.show(server, first), kit.show(server, second)
    return #a.transcript >= 3 and #b.transcript >= 3 and { [first] = lines_of(a), [second] = lines_of(b) }
  end)
  kit.signal(server, "KILL")
  kit.equal(137, kit.wait_end(server, 10), "exit code")

  local again = kit.server(exchange, { port = port })
  for name, id in pairs { first = first, second = second } do
    kit.test(("what was said in the %s call before the kill is in the store (pitfall 29)"):format(name), function()
      local call = kit.show(again, id)
      kit.equal(before[id], lines_of(call):sub(1, #before[id]), "transcript")
    end)
    kit.test(("the %s call is finished as lost (pitfall 29)"):format(name), function()
      local call = kit.show(again, id)
      kit.equal("failed", call.state, "state")
      kit.equal("UNKNOWN", call.outcome, "outcome")
      kit.ok(call.ended_at_ms, "it has no end")
    end)
  end
  kit.test("a call that was over before the kill is as it was", function()
    local call = kit.show(again, over)
    kit.equal("completed", call.state, "state")
    kit.equal("DONE", call.outcome, "outcome")
  end)
  kit.test("after the restart new calls are served", function()
    kit.equal("DONE", kit.wait_over(again, kit.call(again, "quick", "+15551001")).outcome, "outcome")
  end)
  kit.test("the recordings of the lost calls are sound files as long as what was written of them", function()
    for _, id in ipairs { first, second } do
      local sound = kit.read(("%s/server/recordings/%s.wav"):format(kit.scratch, id))
      kit.ok(#sound > 4096, "nothing was recorded of " .. id)
      local a, b, c, d = sound:byte(41, 44)
      local said = a + 256 * (b + 256 * (c + 256 * d))
      local there = #sound - 44
      kit.equal(there - there % 4, said, "bytes of sound by the header of " .. id)
    end
  end)
end)
