-- The double of a language model: what it is asked and says over each vendor's wire, read by the adapters.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local TEMPLATE = [[local llm = require "callisto.llm"
local time = require "callisto.clock"
local function asker(call)
  local ask = require("callisto.json").decode(call.payload.ask)
  ask.key = call.secrets.model_key
  local from = time.now()
  local answer, why = llm.ask(ask)
  local list, text, first = {}, "", nil
  for event in answer and answer:events() or function() end do
    first = first or time.now() - from
    if event.kind == "text" then
      text = text .. event.text
      if call.payload.leaves then answer:close() end
    else list[#list + 1] = event end
  end
  local failure = why or answer.failure
  call:fact("answer", { text = text, events = list, first = first, over = time.now() - from, failure = failure and {
    code = failure.code, message = failure.message, retryable = failure.retryable, retry_after = failure.retry_after } })
end
return require "callisto.template" { name = "asker", payload = { ask = "string", leaves = "string?" },
  secrets = { "model_key" }, on_call = asker }]]

local MODELS = { "openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash" }

local FIND_ORDER = {
  name = "find_order", description = "An order",
  parameters = { type = "object", properties = { id = { type = "string" } }, required = { "id" } },
}

local function ask(model, about, more)
  about.messages = about.messages or { { role = "user", text = "Where is my order?" } }
  local caller = exchange.call {
    sources = { ["templates.asker"] = TEMPLATE }, secrets = { model_key = "sk-secret-123" }, hosts = { llm = model },
    template = "asker", payload = { ask = json.encode(about), leaves = more and more.leaves },
  }
  caller:ended()
  return assert(caller:fact "answer"), caller
end

for _, name in ipairs(MODELS) do
  describe("the double of " .. name, function()
    it("answers by pattern, streams, and asks for tools", function()
      local model = exchange.model { replies = {
        { "order", say = "One moment, please.", tools = { { "find_order", { id = "7" } }, { "hang_up" } } },
      } }
      local answer = ask(model, { model = name, system = "Short.", tools = { FIND_ORDER }, max_tokens = 50 })
      assert.equal("One moment, please.", answer.text)
      assert.same({ "find_order", "hang_up" }, { answer.events[1].name, answer.events[2].name })
      assert.same({ id = "7" }, (json.decode(answer.events[1].arguments)))
      assert.same({}, (json.decode(answer.events[2].arguments)))
      assert.equal("tools", answer.events[3].reason)
      assert.is_true(answer.events[3].usage.output > 0)
      local asked = model:asked(1)
      assert.same({ "Short.", 50, "sk-secret-123", true }, { asked.system, asked.max_tokens, asked.key, asked.is_streamed })
      assert.same({ { role = "user", text = "Where is my order?" } }, asked.messages)
      assert.equal("find_order", asked.tools[1].name)
    end)

    it("sees the results of tools by their names, and answers them", function()
      local model = exchange.model { replies = {
        { on_result = "find_order", say = function(asked) return "It says " .. asked.messages[#asked.messages].text end },
      } }
      local answer = ask(model, { model = name, tools = { FIND_ORDER }, messages = {
        { role = "user", text = "Where is it?" },
        { role = "assistant", text = "Wait.", calls = { { id = "call_1", name = "find_order", arguments = '{"id":"7"}' } } },
        { role = "tool", id = "call_1", name = "find_order", text = "it is packed" },
      } })
      assert.equal("It says it is packed", answer.text)
      assert.same({ id = "7" }, model:asked(-1).messages[2].calls[1].arguments)
      assert.equal("find_order", model:asked(-1).messages[3].name)
    end)

    it("takes the time it is given", function()
      local model = exchange.model { first_token = "0.5s", per_token = "0.1s", replies = { { say = "one two three" } } }
      local answer = ask(model, { model = name })
      assert.is_true(answer.first >= 0.5 and answer.first < 0.51, answer.first)
      assert.is_true(answer.over >= 0.8 and answer.over < 0.82, answer.over)
    end)

    it("sends records that say nothing, for as long as it is told", function()
      local model = exchange.model { replies = { { say = "late", empty_records_for = "20s" } } }
      local answer = ask(model, { model = name })
      assert.equal("late", answer.text)
      assert.is_true(answer.first >= 20.4 and answer.first < 20.5, answer.first)
    end)

    it("breaks off after so many tokens", function()
      local answer = ask(exchange.model { replies = { { say = "one two three", cut_after = 2 } } }, { model = name })
      assert.equal("one two", answer.text)
      assert.equal("ECONNRESET", answer.failure.code)
      assert.is_true(answer.failure.retryable)
    end)

    it("refuses as the vendor does", function()
      local model = exchange.model { replies = { { status = 429, retry_after = 2, times = 1 } } }
      local answer = ask(model, { model = name })
      assert.equal(2, answer.failure.retry_after)
      assert.is_true(answer.failure.retryable)
      assert.is_nil(answer.failure.message:find "sk%-secret")
      local wrong = ask(exchange.model { key = "another" }, { model = name })
      assert.is_false(wrong.failure.retryable)
    end)

    it("fails in mid-stream, or sends what nobody understands", function()
      local answer = ask(exchange.model { replies = { { say = "one", fails = "overloaded" } } }, { model = name })
      assert.equal("one", answer.text)
      assert.is_true(answer.failure.retryable)
      answer = ask(exchange.model { replies = { { say = "one", garbage = "data: {\"half\n\n" } } }, { model = name })
      assert.equal("EBADMSG", answer.failure.code)
    end)

    it("hangs, and the asker gives up", function()
      local answer = ask(exchange.model { replies = { { say = "one", hangs = true } } }, { model = name })
      assert.equal("ETIMEDOUT", answer.failure.code)
    end)

    it("knows when its asker goes", function()
      local model = exchange.model { per_token = "0.2s", replies = { { say = "one two three four" } } }
      local answer, caller = ask(model, { model = name }, { leaves = "yes" })
      assert.equal("one", answer.text)
      caller.world:advance(1)
      assert.is_true(model:asked(1).has_left)
    end)

    it("does not take a history with a call that has no result", function()
      local answer = ask(exchange.model {}, { model = name, tools = { FIND_ORDER }, messages = {
        { role = "user", text = "Where is it?" },
        { role = "assistant", calls = { { id = "call_1", name = "find_order", arguments = "{}" } } },
        { role = "user", text = "Hello?" },
      } })
      assert.is_false(answer.failure.retryable)
      assert.is_true(answer.failure.message:find "call_1" ~= nil or answer.failure.message:find "function response" ~= nil)
    end)

    it("refuses fields that the vendor does not know", function()
      local answer = ask(exchange.model {}, { model = name, more = { frobnicate = true } })
      assert.is_true(answer.failure.message:find "frobnicate" ~= nil)
    end)
  end)
end

describe("the script of a model", function()
  it("gives a reply as often as it says, then the next that fits, then what it says otherwise", function()
    local model = exchange.model { otherwise = "What?", replies = {
      { "order", say = "First.", times = 1 }, { "ORDER", say = "Then." },
    } }
    local function say(text)
      local answer = model.request {
        method = "POST", path = "/v1/chat/completions", headers = { authorization = "Bearer x" },
        body = json.encode { model = "m", messages = { { role = "user", content = text } } },
      }
      return (json.decode(answer.body)).choices[1].message.content
    end
    assert.same({ "First.", "Then.", "What?" }, { say "my order", say "my order", say "hello" })
  end)

  it("names what is wrong in it", function()
    assert.has_error(function() exchange.model { replies = { { says = "x" } } } end,
      "model: replies: 1: unknown field 'says'; did you mean 'say'?")
  end)
end)
