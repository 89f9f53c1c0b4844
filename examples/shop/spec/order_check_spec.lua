local exchange = require "callisto.spec"

describe("order-check", function()
  local function call(answer)
    local caller = exchange.call {
      template = "order-check",
      payload = { customer_name = "Ann", order_id = "A 7", item = "one kettle" },
      settings = { shop_url = "https://shop.test" },
      secrets = { shop_key = "key-of-the-shop" },
      hosts = { ["https://shop.test"] = function() return answer end },
    }
    return caller, function() return caller:requests "https://shop.test" end
  end

  it("tells the shop to send it", function()
    local caller, requests = call { status = 200, body = "{}", after = 3 }
    caller:hears "Hello Ann"
    caller:hears("one kettle is ready"):listens()
    caller:says "yes please"
    caller:hears "[audio/hold.wav]"
    caller:hears "It is on its way"
    assert.equal("CONFIRMED", caller:ended().outcome)
    assert.equal(1, #requests())
    assert.equal("https://shop.test/orders/A%207", requests()[1].url)
    assert.equal("Bearer key-of-the-shop", requests()[1].headers.authorization)
    assert.equal('{"state":"send"}', requests()[1].body)
  end)

  it("cancels it", function()
    local caller, requests = call { status = 200, body = "{}" }
    caller:hears "Shall we send it?"
    caller:presses "2"
    assert.equal("CANCELLED", caller:ended().outcome)
    assert.equal('{"state":"cancel"}', requests()[1].body)
  end)

  it("promises a call back when the shop does not answer", function()
    local caller = call { fault = "silent" }
    caller:hears "Shall we send it?"
    caller:presses "1"
    caller:hears "Something does not work"
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)
end)
