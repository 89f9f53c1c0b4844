local exchange = require "callisto.spec"

describe("hello", function()
  local function call() return exchange.call { template = "hello", payload = { customer_name = "Asha" } } end

  it("takes yes for an answer", function()
    local caller = call()
    caller:hears "Hello Asha"
    caller:hears("call you again next week?"):listens()
    caller:says "yes please"
    caller:hears "Until next week"
    assert.equal("AGREED", caller:ended().outcome)
  end)

  it("takes a key for no", function()
    local caller = call()
    caller:hears "next week?"
    caller:presses "2"
    assert.equal("DECLINED", caller:ended().outcome)
  end)

  it("asks twice, then lets it be", function()
    local caller = call()
    caller:hears("next week?"):listens():silence "8s"
    caller:hears("next week?"):listens():silence "8s"
    caller:hears "another time"
    assert.equal("NO_DECISION", caller:ended().outcome)
  end)
end)
