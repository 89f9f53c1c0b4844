-- A line is held by a call that is up, and by nothing else: not by a caller whose socket never comes, and not by a call that is
-- over at a carrier whose interface does not answer.

local exchange = require "callisto.spec"
local twilio = require "spec.support.twilio"

local INBOUND = "/telephony/twilio/inbound/desk"
local SOURCE = [[return require "callisto.template" { name = "desk", ring = "20s", on_call = function(call)
  call:say "Hello, this is the desk." call:finish "DONE"
end }]]

local function open(lines)
  return exchange.open { sources = { ["templates.desk"] = SOURCE }, env = { TWILIO_MAX_CONCURRENT = tostring(lines or 1) } }
end

local function ring(world, sid) return twilio.webhook(world, INBOUND, twilio.caller(sid)).body end

local function has_room(world, sid) return ring(world, sid):find("<Connect", 1, true) ~= nil end

-- Seconds until somebody gets the only line.
local function until_room(world, most)
  local began, tries = world.lab:now(), 0
  return world:until_true(most, function()
    tries = tries + 1
    return has_room(world, "CAfree" .. tries) and world.lab:now() - began
  end, 1)
end

describe("a line (pitfall 5)", function()
  for name, fault in pairs {
    ["does not answer"] = { silent = true }, ["cannot be reached"] = { refuse = "ECONNREFUSED" },
  } do
    it("of a caller whose socket never comes is free within a minute, while the carrier " .. name, function()
      local world = open()
      world:fault("https://exchange.test", fault)
      assert.is_true(has_room(world, "CA1"))
      assert.is_false(has_room(world, "CA2"))
      assert(until_room(world, 60), "the line is held")
      world:fault("https://exchange.test", nil)
    end)

    it("of a call that ended is free within ten seconds, while the carrier " .. name, function()
      local world = open()
      local caller = world:call { template = "desk", inbound = true }
      caller:hears "this is"
      world:fault("https://exchange.test", fault)
      caller:hears "the desk."
      assert(until_room(world, 12), "the line is held")
      world:fault("https://exchange.test", nil)
      assert.equal("DONE", caller:ended().outcome)
    end)
  end

  it("of a dialled call that nobody tells about is free two minutes after it stopped ringing (pitfall 6)", function()
    local world = open()
    world:set_callback_faults { lose = { "all" } }
    world:ring { template = "desk", subscriber = { no_answer = true } }
    world:fault("https://exchange.test", { refuse = "ECONNREFUSED" })
    assert(until_room(world, 35 + 120), "the line is held")
    world:fault("https://exchange.test", nil)
  end)
end)
