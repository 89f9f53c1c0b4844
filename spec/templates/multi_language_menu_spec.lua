local exchange = require "callisto.spec"

describe("multi-language-menu", function()
  local function call() return exchange.call { template = "multi-language-menu", inbound = true,
    settings = { voices = { es = "rms" } } } end

  it("goes on in the language of the caller", function()
    local caller = call()
    caller:hears "Welcome to Blue Shop."
    caller:hears "For English, press 1. Para español, pulse dos."
    caller:presses "2"
    caller:hears "Para su pedido, pulse uno."
    caller:presses "7"
    caller:hears "Esa opción no existe. Para su pedido"
    caller:presses "1"
    caller:hears "Marque el número"
    caller:presses "12345#"
    caller:hears "Gracias"
    assert.equal("ORDER_ASKED", caller:ended().outcome)
    assert.same({ number = "12345", language = "spanish" }, caller:fact "order.asked")
  end)

  for key, word in pairs { ["2"] = "INFORMED", ["0"] = "CALL_BACK" } do
    it("leads to " .. word, function()
      local caller = call()
      caller:hears "For English"
      caller:presses "1"
      caller:hears "For your order"
      caller:presses(key)
      assert.equal(word, caller:ended().outcome)
    end)
  end

  it("says goodbye to one who says nothing", function()
    local caller = call()
    for _ = 1, 3 do caller:hears("For English"):listens():silence "15.5s" end
    caller:hears "Goodbye."
    assert.equal("IDLE_TIMEOUT", caller:ended().reason)
  end)
end)
