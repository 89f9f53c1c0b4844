-- A line on which nobody makes a sound is ended, so that none is paid for that somebody forgot to hang up.

local exchange = require "callisto.spec"

local function call_of(flow)
  return exchange.call {
    inbound = true,
    source = ([[
      return require "callisto.template" {
        name = "under_test", silence = "30s",
        on_call = function(call) %s end,
      }]]):format(flow),
  }
end

local function seconds_of(ending) return ending.call.duration_ms / 1000 end

describe("silence", function()
  it("of both sides ends the call", function()
    local ending = call_of('call:sleep "10m"'):ended()
    assert.equal("USER_IDLE_TIMEOUT", ending.reason)
    assert.equal("BUSY", ending.outcome)
    assert.is_true(seconds_of(ending) >= 30 and seconds_of(ending) < 36, "it took " .. seconds_of(ending))
  end)

  it("is broken by keys and by words of the caller", function()
    local caller = call_of('call:sleep "10m"')
    caller:silence("20s"):presses("5"):silence("20s"):says("hello"):silence("20s"):presses "5"
    local ending = caller:ended()
    assert.equal("USER_IDLE_TIMEOUT", ending.reason)
    assert.is_true(seconds_of(ending) > 90, "it took " .. seconds_of(ending))
  end)

  it("is not what a long sentence is", function()
    local caller = call_of [[
      call:say(("We are open every day from nine to five. "):rep(30), { barge_in = false })
      call:finish "SAID"]]
    local ending = caller:ended()
    assert.equal("SAID", ending.outcome)
    assert.is_true(seconds_of(ending) > 45)
  end)

  it("may last as long as the template says", function()
    local world = exchange.open {
      source = [[
        return require "callisto.template" {
          name = "under_test", silence = "1h", on_call = function(call) call:sleep "6m" call:finish "WAITED" end,
        }]],
    }
    local caller = world:call { template = "under_test", inbound = true }
    world:advance(330)
    assert.equal("WAITED", caller:ended().outcome)
  end)
end)
