local exchange = require "callisto.spec"
local json = require "callisto.json"

local PAYLOAD = { customer_name = "Hana", order_id = "4711", order_state = "on its way", address = "Lake Road" }

local function call(replies)
  local model = exchange.model { replies = replies }
  return exchange.call { template = "order-update", payload = PAYLOAD, hosts = { llm = model } }, model
end

describe("order-update", function()
  it("looks the order up before it says where it is", function()
    local caller, model = call {
      { "where", tools = { { "find_order" } } },
      { on_result = "find_order", say = "It is on its way." },
      { tools = { { "end_call", { is_satisfied = true } } } },
    }
    caller:hears "Hello Hana, this is Blue Shop. What can I do for you?"
    caller:listens():says "where is my order"
    caller:hears "It is on its way."
    caller:listens():says "thank you"
    caller:hears "Goodbye."
    assert.equal("INFORMED", caller:ended().outcome)
    assert.matches("Hana about the order 4711", model:asked(1).system)
    local result = model:asked(2).messages[#model:asked(2).messages]
    assert.same({ id = "4711", state = "on its way", address = "Lake Road" }, (json.decode(result.text)))
  end)

  it("takes a new address, also from the second vendor when the first has no room", function()
    local caller, model = call {
      { when = function(asked) return asked.model == "gpt-4.1-mini" end, status = 503, retry_after = 30 },
      { "move", tools = { { "change_address", { address = "Harbour Road" } } } },
      { on_result = "change_address", say = "It goes to Harbour Road." },
      { tools = { { "end_call", { is_satisfied = true } } } },
    }
    caller:hears "for you?":listens():says "move it"
    caller:hears "It goes to Harbour Road."
    caller:listens():says "thank you"
    caller:hears "Goodbye."
    assert.equal("CHANGED", caller:ended().outcome)
    assert.same({ address = "Harbour Road" }, caller:fact "order.address_changed")
    assert.equal("llama-3.3-70b-versatile", model:asked(-1).model)
  end)

  it("is told what was heard of a sentence that was cut off", function()
    local caller, model = call {
      { "where", say = "Your order left our house yesterday and is on its way to you, and it will arrive tomorrow at noon." },
      { tools = { { "end_call", { is_satisfied = false } } } },
    }
    caller:hears "for you?":listens():says "where is it"
    caller:hears "yesterday"
    caller:interrupts("stop please", 0.1)
    assert.equal("CALL_BACK", caller:ended().outcome)
    local told = model:asked(-1).messages
    local heard = told[#told - 1]
    assert.equal("assistant", heard.role)
    assert.matches("^Your order left our house yesterday", heard.text)
    assert.is_nil(heard.text:find "noon")
  end)

  it("ends with a promise when no vendor answers", function()
    local caller = call { { status = 500 } }
    caller:hears "for you?":listens():says "where is it"
    caller:silence "4s":says "where is it"
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)
end)
