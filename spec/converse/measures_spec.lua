-- What is measured of a turn (docs/measures.md), on virtual time.

local exchange = require "callisto.spec"
local prices = require "callisto.prices"
local talks = require "spec.support.talks"

local TABLE = [[prices = { ["openai/gpt-4.1-mini"] = { input = 1, cached = 0.5, output = 10 } },]]

local function hold(reply, fields)
  local model = exchange.model { replies = { reply } }
  local caller = talks.call { hosts = { llm = model }, fields = TABLE .. (fields or "") }
  caller:says "when do you close"
  return caller
end

describe("a turn", function()
  it("is measured stage by stage, and its stages add up", function()
    local caller = hold { say = "Our shop is open until six.", first_token = 0.8, per_token = 0.05 }
    caller:hears("until six."):listens():silence(1)
    local fact = caller:fact "turn"
    assert.same({ 1, "speech", "openai/gpt-4.1-mini", 1, false },
      { fact.turn, fact.by, fact.model, fact.requests, fact.interrupted })
    local ms = fact.ms
    assert.is_true(ms.first_token >= 800 and ms.first_token < 1000, tostring(ms.first_token))
    assert.is_true(ms.own <= 10, tostring(ms.own))
    assert.is_true(ms.first_sentence >= 50 and ms.first_sentence < 600, tostring(ms.first_sentence))
    local sum = ms.heard + ms.own + ms.first_token + ms.first_sentence + ms.first_frame
    assert.is_true(math.abs(sum - ms.response) <= 5, ("%d of %d"):format(sum, ms.response))
    assert.is_true(fact.tokens.input > 0 and fact.tokens.output > 0)
    local usage = { input = fact.tokens.input, cached = fact.tokens.cached, output = fact.tokens.output }
    assert.near(prices.of("x", usage, { x = { input = 1, cached = 0.5, output = 10 } }), fact.cost, 1e-9)
    assert.equal(#"Our shop is open until six.", fact.characters)
  end)

  it("that was interrupted says so, and the next one is another", function()
    local caller = hold { say = "Our shop is open from nine in the morning until six in the evening on all days." }
    caller:interrupts("stop it", 0.8):hears("on all days."):silence(2)
    local facts = caller:facts "turn"
    assert.same({ { 1, true }, { 2, false } },
      { { facts[1].turn, facts[1].interrupted }, { facts[2].turn, facts[2].interrupted } })
  end)

  it("counts all models and all requests", function()
    local model = exchange.model { replies = { { on_result = "look", say = "Here." }, { tools = { { "look" } } } } }
    local caller = talks.call { hosts = { llm = model },
      fields = TABLE .. [[tools = { tool { "look", "Looks.", {}, function() return "x" end } },]] }
    caller:says("look"):hears("Here."):listens():silence(1)
    assert.equal(2, caller:fact("turn").requests)
  end)

  it("with a model without a price has no cost", function()
    local model = exchange.model { replies = { { say = "Hello." } } }
    local caller = talks.call { hosts = { llm = model }, fields = "", more = { llm = '"openai/of-tomorrow"' } }
    caller:says("hello"):hears("Hello."):listens():silence(1)
    assert.is_nil(caller:fact("turn").cost)
    assert.is_true(caller:fact("turn").tokens.output > 0)
  end)

  it("is counted", function()
    local caller = hold { say = "Six." }
    caller:hears("Six."):listens():silence(1)
    local text = caller.world:fetch({ url = caller.world:url "/metrics" }).body
    for _, line in ipairs { 'callisto_turns_total{interrupted="false"} %d',
      'callisto_llm_tokens_total{vendor="openai",kind="output"} %d',
      'callisto_turn_stage_seconds_bucket{stage="first_token",le="%d' } do
      assert.matches(line:gsub("[{}=]", "%%%0"):gsub("%%%%d", "%%d"), text)
    end
  end)
end)

describe("prices", function()
  it("count what was kept by the vendor once, at its own price", function()
    local usage = { input = 1000, cached = 400, output = 100 }
    assert.near((600 * 2 + 400 * 0.5 + 100 * 8) / 1e6, prices.of("openai/gpt-4.1", usage), 1e-12)
    assert.near((1000 * 0.59 + 100 * 0.79) / 1e6, prices.of("groq/llama-3.3-70b-versatile", usage), 1e-12)
    assert.is_nil(prices.of("openai/of-tomorrow", usage))
  end)
end)
