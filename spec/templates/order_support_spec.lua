local exchange = require "callisto.spec"
local json = require "callisto.json"

local SHOP = "https://api.shop.example"
local ORDER = { state = "sent", arrives = "2026-03-04", address = "Main Street 1", price = 40 }

-- A shop with one order, 42.
local function shop()
  local double = { addresses = {}, keys = {} }
  function double.request(request)
    double.keys[#double.keys + 1] = request.headers.authorization
    if request.path == "/orders/42" then return { status = 200, body = json.encode(ORDER) } end
    if request.path == "/orders/42/address" then
      table.insert(double.addresses, json.decode(request.body).address)
      return { status = 200, body = "{}" }
    end
    return { status = 404, body = "{}" }
  end
  return double
end

local REPLIES = {
  { on_result = "find_order", when = function(asked) return asked.messages[#asked.messages].text:find "no such order" ~= nil end,
    say = "I cannot find it. What is the number again?" },
  { on_result = "find_order", say = "It arrives tomorrow, at Main Street one." },
  { on_result = "change_address", say = "It is changed." },
  { "where is", say = "What is the number of your order?" },
  { "thirteen", tools = { { "find_order", { id = "13" } } } },
  { "forty two", tools = { { "find_order", { id = "42" } } } },
  { "to park road", say = "To Park Road seven, is that right?" },
  { "yes", tools = { { "change_address", { id = "42", address = "Park Road 7" } } } },
  { "person", tools = { { "call_back", { about = "a broken cup" } } } },
  { "goodbye", tools = { { "end_call" } } },
}

describe("order-support", function()
  local function call(options)
    options = options or {}
    local model, double = exchange.model { replies = options.replies or REPLIES }, shop()
    local caller = exchange.call { template = "order-support", inbound = true, secrets = { shop_key = "the-key-of-the-shop" },
      env = options.env or { OPENAI_API_KEY = "sk-of-the-spec", ANTHROPIC_API_KEY = "ant-of-the-spec" },
      hosts = { llm = model, [SHOP] = double } }
    caller:hears "How can I help you?":silence(3)
    return caller, model, double
  end

  it("finds an order, and changes its address when the caller has agreed", function()
    local caller, model, double = call()
    caller:says("where is my order"):hears("number of your order?"):listens()
    caller:says("forty two"):hears("It arrives tomorrow"):hears("one."):listens()
    caller:says("bring it to park road seven"):hears("is that right?"):listens()
    caller:says("yes"):hears("It is changed."):listens()
    caller:says("goodbye"):hears "Thank you for calling Blue Shop."
    assert.equal("ADDRESS_CHANGED", caller:ended().outcome)
    assert.same({ "Park Road 7" }, double.addresses)
    assert.same({ "Bearer the-key-of-the-shop", "Bearer the-key-of-the-shop" }, double.keys)
    local told
    for _, message in ipairs(model:asked(-1).messages) do
      if message.name == "find_order" then told = message.text end
    end
    assert.is_nil(told:find("price", 1, true))
  end)

  it("says nothing of an order that is not there", function()
    local caller = call()
    caller:says("thirteen"):hears "What is the number again?"
  end)

  it("has a person call back", function()
    local caller = call()
    caller:says("I want a person"):hears "One of us will call you back today."
    assert.equal("CALL_BACK", caller:ended().outcome)
    assert.same({ number = "+14150000001", about = "a broken cup" }, caller:fact "callback.wanted")
  end)

  it("calls back when no model answers", function()
    local caller = call { replies = { { status = 500 } } }
    caller:says("where is my order"):hears("I did not get that"):listens()
    caller:says("where is my order"):hears "We will call you back."
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)

  it("goes on with the other vendor's model, and nobody notices", function()
    local caller = call { env = { ANTHROPIC_API_KEY = "ant-of-the-spec" } }
    caller:says("where is my order"):hears "number of your order?"
  end)
end)
