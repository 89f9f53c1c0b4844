-- A conversation with a language model, on the real engine: what is said, heard and asked.

local flows = require "spec.support.flows"
local talks = require "spec.support.talks"

describe("a conversation", function()
  it("is held until a tool says that it is done", function()
    local model = talks.model {
      "We have a table at eight. How many are you?",
      talks.says(nil, { "book", { people = 4 } }),
    }
    local caller = talks.call { model = model, payload = { name = "Ann" }, fields = [[
      greeting = "Hello {name}, how can I help?",
      tools = { tool { "book", "Books a table.", { people = "integer" }, function(args)
        return done("BOOKED", "A table for " .. args.people .. ". Goodbye.", { people = args.people })
      end } },
    ]] }
    caller:hears "Hello Ann, how can I help?"
    caller:listens():says "I want a table tonight"
    caller:hears "We have a table at eight. How many are you?"
    caller:listens():says "four people"
    caller:hears "A table for 4. Goodbye."
    assert.equal("BOOKED", caller:ended().outcome)
    assert.same({ outcome = "BOOKED", data = { people = 4 } }, caller:fact "result")
    assert.same({
      "system: You help Ann.", "assistant: Hello Ann, how can I help?", "user: I want a table tonight",
      "assistant: We have a table at eight. How many are you?", "user: four people",
    }, talks.lines_of(model.requests[2]))
    assert.equal("Bearer " .. talks.KEY, model.requests[1].authorization)
    assert.same({
      "agent: Hello Ann, how can I help?", "caller: I want a table tonight", "agent: We have a table at eight.",
      "agent: How many are you?", "caller: four people", "agent: A table for 4. Goodbye.",
    }, caller:lines())
    talks.check_keys(caller)
  end)

  it("ends when nothing is said any more", function()
    local model = talks.model { "Hello." }
    local caller = talks.call { model = model,
      fields = [[greeting = "Hello?", idle = { after = "5s", say = "Still there?", tries = 2 }]] }
    caller:hears "Hello?":hears "Still there?":hears "Still there?"
    caller:ended()
    assert.same({ reason = "silence" }, caller:fact "result")
    assert.equal(0, #model.requests)
  end)

  it("ends by the template's rule when nothing is said any more", function()
    local caller = talks.call { model = talks.model { "Hello." }, fields = [[greeting = "Hello?"]],
      more = { template = [[idle = { after = "5s", say = "Still there?", tries = 1, goodbye = "I will hang up." },]] } }
    caller:hears "Hello?":hears "Still there?":hears "I will hang up."
    assert.equal("USER_IDLE_TIMEOUT", caller:ended().reason)
  end)

  it("says a sentence on when what cut it was a noise", function()
    local model = talks.model {
      "We are open from nine in the morning until six in the evening on all days of the week. Anything else?",
    }
    local caller = talks.call { model = model, fields = "" }
    caller:says "When are you open"
    caller:hears "nine in the morning":coughs()
    caller:hears "days of the week.":hears "Anything else?"
    caller:hangs_up()
    caller:ended()
    assert.equal(1, #model.requests)
  end)

  it("asks one model after the other, and needs the key of one only", function()
    local model = talks.model { "Hello there." }
    local caller = talks.call { model = model, fields = "", more = { llm = [[{ "groq/llama", "openai/gpt-4.1-mini" }]] } }
    caller:says "hello":hears "Hello there."
    assert.equal("GROQ_API_KEY is not set", caller:fact("llm_failed").cause)
  end)
end)

describe("call:converse refuses", function()
  local cases = {
    { [[prompt = "x"]], "'llm' is missing (string); it is \"vendor/model\"" },
    { [[llm = "openai/x"]], "'prompt' is missing (string)" },
    { [[llm = "openai/x", promt = "x"]], "unknown field 'promt'; did you mean 'prompt'?" },
    { [[llm = "opena/x", prompt = "x"]], "'llm' names the vendor 'opena', and providers/llm has no such file" },
    { [[llm = "gpt", prompt = "x"]], "'llm' must be \"vendor/model\"" },
    { [[llm = "openai/x", prompt = "x", tools = { { "a" } }]], "'tools' must be a list of what tool { … } returns" },
    { [[llm = "openai/x", prompt = "x", filler = { sey = "x" }]], "did you mean 'say'?" },
    { [[llm = "openai/x", prompt = "x", idle = { after = "soon" }]], "idle: 'after'" },
  }
  local bodies = {}
  for i, case in ipairs(cases) do bodies[i] = ("call:converse { %s }"):format(case[1]) end
  local why = flows.refusals(bodies)
  for i, case in ipairs(cases) do
    it("what says: " .. case[2], function() assert(why(i):find(case[2], 1, true), why(i)) end)
  end
end)
