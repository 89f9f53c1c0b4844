local exchange = require "callisto.spec"

describe("callback-queue", function()
  local function call() return exchange.call { template = "callback-queue", inbound = true } end

  it("keeps the place of one who wants to be called back", function()
    local caller = call()
    caller:hears("You are the next."):listens()
    caller:says "call me back"
    caller:hears "We keep your place"
    assert.equal("CALL_BACK", caller:ended().outcome)
    assert.same({ number = "+14150000001", place = 1 }, caller:fact "callback.queued")
  end)

  it("plays music until somebody is free", function()
    local caller = call()
    caller:hears "You are the next."
    caller:presses "2"
    caller:hears "[audio/hold.wav]"
    caller:silence(20)
    caller:tell "free"
    caller:hears "Now it is your turn."
    assert.equal("CONNECTED", caller:ended().outcome)
  end)

  it("lets one who waits change his mind", function()
    local caller = call()
    caller:hears "You are the next."
    caller:presses "2"
    caller:hears "Press star to be called back instead."
    caller:presses "*"
    caller:hears "We keep your place"
  end)

  it("says how many are before one", function()
    local caller = exchange.call {
      template = "callback-queue", inbound = true,
      shared = { ["callback_queue.last"] = "7", ["callback_queue.served"] = "4" },
    }
    caller:hears "three are before you."
  end)
end)
