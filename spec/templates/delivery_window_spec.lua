local exchange = require "callisto.spec"

describe("delivery-window", function()
  local function call() return exchange.call { template = "delivery-window", payload = { customer_name = "Ann" } } end

  it("is chosen by keys, also during the greeting", function()
    local caller = call()
    caller:hears "Hello Ann, your parcel comes tomorrow"
    caller:silence(1)
    caller:presses "2"
    caller:hears "We come between two and five."
    caller:presses "1"
    caller:hears "Thank you"
    assert.equal("CONFIRMED", caller:ended().outcome)
    assert.equal("between two and five", caller:fact("delivery.window").window)
    assert.equal("caller: Pressed 2 — afternoon", caller:lines()[2])
  end)

  it("may be chosen again, or another day", function()
    local caller = call()
    caller:hears "Hello Ann"
    caller:presses "1"
    caller:hears "between nine and twelve"
    caller:presses "*"
    caller:hears "Hello Ann"
    caller:presses "0"
    caller:hears "the day after"
    caller:presses "2"
    assert.equal("PICK_UP", caller:ended().outcome)
  end)

  it("is not chosen by silence", function()
    local caller = call()
    for _ = 1, 3 do caller:hears("Hello Ann"):listens():silence "9s" end
    caller:hears "We will send you a message"
    assert.equal("NO_INPUT", caller:ended().outcome)
    assert.equal("IVR_NO_INPUT", caller:ended().reason)
  end)
end)
