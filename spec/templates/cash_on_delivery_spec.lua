local exchange = require "callisto.spec"

describe("cash-on-delivery", function()
  local function call()
    return exchange.call {
      template = "cash-on-delivery",
      payload = { customer_name = "Ann", item = "a kettle", amount = 125000, address = "Main Street" },
    }
  end

  it("is confirmed, with the address and the money", function()
    local caller = call()
    caller:hears "Hello Ann"
    caller:hears("a kettle for one lakh twenty-five thousand rupees"):listens()
    caller:says "yes please"
    caller:hears("Main Street. Is that right?"):listens()
    caller:says "that is right"
    caller:hears("one lakh twenty-five thousand rupees ready"):listens()
    caller:says "okay"
    caller:hears "We will send it today"
    assert.equal("CONFIRMED", caller:ended().outcome)
  end)

  it("is not wanted any more", function()
    local caller = call()
    caller:hears "Do you still want it?"
    caller:presses "2"
    assert.equal("CANCELLED", caller:ended().outcome)
  end)

  it("has a wrong address", function()
    local caller = call()
    caller:hears "Do you still want it?"
    caller:presses "1"
    caller:hears "Main Street"
    caller:presses "2"
    caller:hears "six digits"
    caller:presses "560001"
    assert.equal("ADDRESS_WRONG", caller:ended().outcome)
    assert.equal("560001", caller:fact("address.wrong").postal_code)
  end)

  it("has no money ready", function()
    local caller = call()
    for _, step in ipairs { { "still want", "1" }, { "Main Street", "1" }, { "ready", "2" } } do
      caller:hears(step[1])
      caller:presses(step[2])
    end
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)

  it("is left undecided by silence", function()
    local caller = call()
    for _ = 1, 3 do caller:hears("still want"):listens():silence "7.5s" end
    caller:hears "call you again"
    assert.equal("NO_DECISION", caller:ended().outcome)
  end)
end)
