local exchange = require "callisto.spec"

describe("the front desk", function()
  local function call() return exchange.call { template = "front", inbound = true } end

  it("leads through its menus into the queue, and out of it", function()
    local caller = call()
    caller:hears "Thank you for calling. For sales, press 1."
    caller:presses "2"
    caller:hears "For a bill you do not understand"
    caller:presses "1"
    caller:hears "You have number one."
    caller:hears "[audio/hold.wav]"
    caller:silence(10)
    caller:tell "free"
    caller:hears "Now it is your turn."
    assert.equal("CONNECTED", caller:ended().outcome)
    assert.same({ subject = "bills", place = 1 }, caller:fact "queued")
  end)

  it("calls back who presses star", function()
    local caller = call()
    caller:hears "Thank you"
    caller:presses "1"
    caller:hears "Press star to be called back"
    caller:presses "*"
    caller:hears "We will call you back"
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)

  it("calls back who has waited too long", function()
    local caller = call()
    caller:hears "Thank you"
    caller:presses "3"
    caller:hears "You have number"
    caller:silence(900)
    caller:hears "We will call you back"
  end)

  it("answers without a person", function()
    local caller = call()
    caller:hears "Thank you"
    caller:presses "2"
    caller:hears "For a bill"
    caller:presses "2"
    assert.equal("INFORMED", caller:ended().outcome)
  end)
end)
