-- The language model that the exchange plays: the workspace's exchange/model.lua over the exchange's own interface.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local SCRIPT = [[return { first_token = 0.5, per_token = 0.1, replies = {
  { "order", say = "one two three" }, { "cut", say = "one two three", cut_after = 2 }, { "hang", say = "one", hangs = true },
} }]]

local function ask(world, text, timeout, headers)
  local from = world.lab:now()
  local response, why, code = world:fetch {
    url = "https://exchange.test/v1/chat/completions", headers = headers or { authorization = "Bearer x" }, timeout = timeout,
    json = { model = "m", stream = true, messages = { { role = "user", content = text } } },
  }
  return response, code, world.lab:now() - from, why
end

describe("the exchange's language model", function()
  it("says what exchange/model.lua of the workspace says, in its own time", function()
    local world = exchange.open { sources = { ["exchange.model"] = SCRIPT } }
    local response, _, seconds = ask(world, "my order")
    assert.equal(200, response.status)
    assert.equal("text/event-stream; charset=utf-8", response.headers["content-type"])
    local said = {}
    for record in response.body:gmatch "data: ({.-})\n\n" do
      said[#said + 1] = ((json.decode(record)).choices[1] or {}).delta.content
    end
    assert.equal("one two three", table.concat(said))
    assert.is_true(seconds >= 0.8 and seconds < 0.85, seconds)
    assert.equal("data: [DONE]\n\n", response.body:sub(-14))
  end)

  it("breaks off, or hangs until it is cut", function()
    local world = exchange.open { sources = { ["exchange.model"] = SCRIPT } }
    assert.equal("ECONNRESET", (select(2, ask(world, "cut"))))
    assert.equal("ETIMEDOUT", (select(2, ask(world, "hang", 5))))
  end)

  it("has an answer to what its script does not know, wants a key, and tells what it was asked", function()
    local world = exchange.open { sources = { ["exchange.model"] = "return {}" } }
    assert.is_true((ask(world, "hello")).body:find "answer" ~= nil)
    local asked = world:ask_exchange("GET", "/exchange/model").asked
    assert.same({ { role = "user", text = "hello" } }, { { role = asked[1].messages[1].role, text = asked[1].messages[1].text } })
    assert.is_nil(asked[1].key)
    local response = ask(world, "hello", 5, {})
    assert.equal(401, response.status)
    assert.is_string((json.decode(response.body)).error.message)
  end)

  it("names what is wrong in its script", function()
    local _, why = pcall(exchange.open, { sources = { ["exchange.model"] = "return { replies = { { says = 1 } } }" } })
    assert.is_true(why:find("model: replies: 1: unknown field 'says'; did you mean 'say'?", 1, true) ~= nil, why)
  end)
end)
