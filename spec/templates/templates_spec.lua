local exchange = require "callisto.spec"

describe("order-confirmation", function()
  local function call()
    return exchange.call {
      template = "templates.order_confirmation",
      payload = { customer_name = "Ann", order_id = "42", address = "Main Street" },
    }
  end

  it("is confirmed", function()
    local caller = call()
    caller:hears "Hello Ann, this is Blue Shop"
    caller:hears "Shall we bring order four two to Main Street tomorrow?"
    caller:listens()
    caller:says "yes please"
    caller:hears "Your order comes tomorrow"
    assert.equal("CONFIRMED", caller:ended().outcome)
  end)

  it("is declined by a key while the agent speaks", function()
    local caller = call()
    caller:hears "Shall we bring"
    caller:presses "2"
    caller:hears "we will not send it"
    assert.equal("DECLINED", caller:ended().outcome)
  end)

  it("gives up after three silences", function()
    local caller = call()
    caller:hears "Shall we bring"
    for _ = 1, 2 do
      caller:listens()
      caller:hears "Say yes or no"
    end
    caller:listens()
    caller:hears "We will call you again"
    assert.equal("NO_DECISION", caller:ended().outcome)
  end)
end)

describe("appointment", function()
  local function call() return exchange.call { template = "templates.appointment" } end

  it("is moved", function()
    local caller = call()
    caller:hears "practice of doctor Brown"
    caller:hears "four digits"
    caller:presses "1234"
    caller:hears "confirm, move or cancel"
    caller:listens()
    caller:says "another time"
    caller:hears "morning or the afternoon"
    caller:presses "2"
    caller:hears "Your appointment is tomorrow at four"
    assert.equal("MOVED", caller:ended().outcome)
    assert.equal("1234", caller:fact("appointment.number").number)
  end)

  it("needs its number", function()
    local caller = call()
    caller:hears "four digits"
    caller:presses "12"
    caller:silence(4)
    caller:hears "Four digits, please"
    caller:presses "3#"
    caller:silence(4)
    caller:hears "not an appointment"
    assert.equal("NOT_IDENTIFIED", caller:ended().outcome)
  end)

  it("ends when the caller hangs up in the middle of a word", function()
    local caller = call()
    caller:hears "practice"
    caller:silence(0.1)
    caller:hangs_up()
    assert.equal("CUSTOMER_HANGUP", caller:ended().reason)
  end)
end)
