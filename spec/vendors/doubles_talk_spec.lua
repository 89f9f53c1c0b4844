-- Our ears against the doubles of their vendors, and whole conversations in which model, voice and ear are all played.

local exchange = require "callisto.spec"

local PAYLOAD = { customer_name = "Hana", order_id = "4711", order_state = "on its way", address = "Lake Road" }

local FLOW = [[
local template, tool = require "callisto.template", require "callisto.tool"
return template { name = "talker", greeting = "What can I do for you?", llm = "anthropic/claude-haiku-4-5",
  voice = { stt = "%s", tts = "%s" }, on_call = function(call)
    call:converse { prompt = "Help.", tools = {
      tool { "find_order", "An order.", {}, function() return "packed" end },
      tool { "bye", "The end.", {}, function() return tool.done("DONE", "Goodbye now.") end },
    } }
  end }]]

local function model()
  return exchange.model { replies = {
    { "order", tools = { { "find_order" } } }, { "thank", tools = { { "bye" } } },
    { on_result = "find_order", say = "It is packed and leaves the house in the afternoon of this day." },
    { say = "I did not understand." },
  } }
end

local function call(stt, tts, ear, voice)
  return exchange.call {
    sources = { ["templates.talker"] = FLOW:format(stt, tts) }, template = "talker",
    hosts = { llm = model(), stt = ear or exchange.ear(), tts = voice or exchange.voice() },
  }
end

for _, case in ipairs { { "deepgram", "elevenlabs" }, { "assemblyai", "cartesia" }, { "sarvam", "deepgram" } } do
  describe(("a conversation over %s and %s"):format(case[1], case[2]), function()
    it("is understood and heard", function()
      local ear, voice = exchange.ear(), exchange.voice()
      local caller = call(case[1], case[2], ear, voice)
      caller:hears "What can I do for you?"
      caller:listens():says "where is my order please"
      caller:hears "It is packed and leaves the house in the afternoon of this day."
      caller:listens():says "thank you"
      caller:hears "Goodbye now."
      assert.equal("DONE", caller:ended().outcome)
      assert.equal("where is my order please", ear:heard(1).text)
      assert.equal(case[2], voice:said(1).vendor)
    end)

    it("lets the caller interrupt", function()
      local voice = exchange.voice()
      local caller = call(case[1], case[2], nil, voice)
      caller:hears "for you?":listens():says "where is my order please"
      caller:hears "It is packed"
      caller:interrupts("thank you very much", 0.1)
      caller:hears "Goodbye now."
      assert.equal("DONE", caller:ended().outcome)
    end)

    it("is heard again when the ear closes before it has told what was said", function()
      local ear = exchange.ear { replies = { { "order", close = 1011, reason = "net0000", times = 1 } } }
      local caller = call(case[1], case[2], ear)
      caller:hears "for you?":listens():says "where is my order please"
      caller:hears "It is packed and leaves the house in the afternoon of this day."
      caller:listens():says "thank you"
      caller:hears "Goodbye now."
      assert.equal("DONE", caller:ended().outcome)
    end)
  end)
end

describe("order-update", function()
  it("is held with every vendor played", function()
    local spoken = exchange.model { replies = {
      { "where", tools = { { "find_order" } } }, { on_result = "find_order", say = "It is on its way." },
      { tools = { { "end_call", { is_satisfied = true } } } },
    } }
    local caller = exchange.call { template = "order-update", payload = PAYLOAD, hosts = { llm = spoken } }
    caller:hears "for you?":listens():says "where is it"
    caller:hears "It is on its way."
    caller:listens():says "fine"
    caller:hears "Goodbye."
    assert.equal("INFORMED", caller:ended().outcome)
  end)
end)
