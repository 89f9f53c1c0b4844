#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- A voice and an ear of vendors, declared in a workspace, over real sockets; and what becomes of a call when they fail.

local kit = dofile "tests/end_to_end/kit.lua"

local WORKSPACE = kit.here .. "/vendors"
local KEY = "only-for-the-vendor"

local function seen(vendor) return select(2, kit.json("GET", vendor.url .. "/seen")) end

-- Calls somebody who says yes, while the vendors behave so, and waits for the end.
local function call(world, voice, ear)
  kit.json("POST", world.vendor.url .. "/behave", { voice = voice or "well", ear = ear or "well" })
  return kit.wait_over(world.server, kit.call(world.server, "birds", "+15551001", {}), 90)
end

-- Lines of a call that somebody said: who and what.
local function said(over, who)
  local list = {}
  for _, line in ipairs(over.transcript) do
    if line.who == who then list[#list + 1] = line.text end
  end
  return table.concat(list, " ")
end

local function check_all_said(over)
  kit.ok(said(over, "agent"):find("Do you like birds?", 1, true), said(over, "agent"))
  kit.ok(said(over, "agent"):find("Thank you.", 1, true), said(over, "agent"))
end

local function test_good(world)
  kit.test("a vendor's voice asks, and a vendor's ear understands", function()
    local over = call(world)
    kit.equal("YES", over.outcome, "outcome")
    check_all_said(over)
    local now = seen(world.vendor)
    kit.equal("Do you like birds?", now.said[1], "what it was given to say")
    kit.equal("Thank you.", now.said[2], "what it was given to say")
    kit.equal("Bearer " .. KEY, now.keys[1], "its key")
    kit.ok(now.heard > 8000, "the ear got " .. now.heard .. " bytes")
  end)
  kit.test("the sockets go with the call", function()
    kit.wait_for("their end", 20, function() return seen(world.vendor).open == 0 end)
    kit.equal(1, seen(world.vendor).goodbyes, "goodbyes")
  end)
end

local function test_faults(world)
  for _, case in ipairs {
    { "refuses", "refuses the socket" }, { "closes", "closes it in the middle" }, { "garbage", "sends garbage" },
    { "silent", "says nothing" },
  } do
    kit.test(("a vendor's voice that %s is replaced by our own"):format(case[2]), function()
      local over = call(world, case[1])
      kit.equal("YES", over.outcome, "outcome")
      check_all_said(over)
    end)
  end
  for _, case in ipairs { { "refuses", "refuses the socket" }, { "closes", "closes it in the middle" } } do
    kit.test(("a vendor's ear that %s is replaced by our own"):format(case[2]), function()
      local over = call(world, nil, case[1])
      kit.equal("YES", over.outcome, "outcome")
    end)
  end
  kit.test("nothing is left of them, and no key was written down", function()
    kit.wait_for("the end of their sockets", 20, function() return seen(world.vendor).open == 0 end)
    local log = kit.read(world.server.log)
    kit.ok(log:find("parrot is gone", 1, true), "the log does not name the voice")
    kit.ok(log:find("owl is gone", 1, true), "the log does not name the ear")
    kit.ok(not log:find(KEY, 1, true), "the key is in the log")
  end)
end

return kit.run(function()
  local vendor = kit.start("", { name = "vendor", program = "node", kit.here .. "/vendor.mjs" })
  kit.wait_ready(vendor)
  local exchange = kit.exchange { workspace = WORKSPACE }
  local base = vendor.url:gsub("^http", "ws")
  local server = kit.server(exchange, {
    workspace = WORKSPACE, env = { PARROT_URL = base, PARROT_KEY = KEY, OWL_URL = base, OWL_KEY = KEY },
  })
  local world = { vendor = vendor, server = server }
  test_good(world)
  test_faults(world)
end)
