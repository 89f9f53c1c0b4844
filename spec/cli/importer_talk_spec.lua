-- Documents of other systems whose nodes a language model leads through, as conversations.

local exchange = require "callisto.spec"
local importer = require "callisto.importer"
local json = require "callisto.json"

local SHOP = "https://shop.example.com"

local function words(text) return { { role = "system", content = text } } end

local FLOW = {
  name = "delivery", expected_payload_schema = { name = "string" },
  configurations = { llm = { provider = "openai", model = "gpt-4.1-mini", temperature = 0.2 },
    initial_greeting = "Hello {{name}}, this is the shop, it is about your order." },
  flow = { mode = "flow", initial_node = "ask",
    nodes = {
      { name = "ask", role_messages = words "You are polite to {{name}}.", task_messages = words "Ask for the day.",
        functions = { { name = "choose_day", description = "The day is known.",
          properties = { day = { type = "string" } }, required = { "day" }, transition_to = "bye",
          hooks = { { type = "update_outcome_in_database",
            expected_fields = { outcome = { source = "llm", value = "day" } } } } },
          { name = "note", properties = { text = { type = "string" } } } } },
      { name = "bye", task_messages = words "Say goodbye.", post_actions = { { type = "end_conversation" } } },
    },
    end_conversation_callbacks = { { type = "send_http_request", url = SHOP .. "/done",
      expected_fields = { by = { source = "static", value = "phone" } } } },
  },
}

local REPLIES = {
  { when = function(asked) return asked.system:find "Say goodbye" ~= nil end, say = "Thank you, see you then." },
  { on_result = "note", say = "I have written that down. Which day?" },
  { "ring twice", tools = { { "note", { text = "ring twice" } } } },
  { "monday", tools = { { "choose_day", { day = "monday" } } } },
  { say = "Which day suits you?" },
}

local function call(document, how)
  local model = exchange.model { replies = REPLIES }
  local caller = exchange.call {
    source = ("return require('callisto.importer').template([==[%s]==], %s)"):format(json.encode(document), how or "nil"),
    payload = { name = "Ann" }, env = { OPENAI_API_KEY = "sk-of-the-spec" },
    hosts = { llm = model, [SHOP] = function() return { status = 200 } end },
  }
  return caller, model
end

describe("an imported flow with a model", function()
  it("is led through its nodes by conversations over one history", function()
    local caller, model = call(FLOW)
    caller:hears("about your order."):silence(2):says "hello"
    caller:hears("Which day suits you?"):listens():says "please ring twice"
    caller:hears("written that down."):hears("Which day?"):listens():says "on monday"
    caller:hears "Thank you, see you then."
    assert.equal("MONDAY", caller:ended().outcome)
    assert.equal("You are polite to Ann.\nAsk for the day.", model:asked(1).system)
    assert.equal(0.2, model:asked(1).temperature)
    local last = model:asked(-1)
    assert.equal("You are polite to Ann.\nSay goodbye.", last.system)
    assert.equal("hello", last.messages[2].text)
    assert.equal(1, #caller:requests(SHOP))
  end)

  it("runs its end_conversation_callbacks also when the caller hangs up", function()
    local caller = call(FLOW)
    caller:hears("about your order."):silence(2):says "hello"
    caller:hears("Which day"):hangs_up()
    assert.equal("CUSTOMER_HANGUP", caller:ended().reason)
    local asked = caller:requests(SHOP)
    assert.equal(1, #asked)
    assert.equal(SHOP .. "/done", asked[1].url)
  end)

  it("may name its model beside the document", function()
    local without = json.decode(json.encode(FLOW))
    without.configurations.llm = nil
    local _, problems = importer.read(without)
    assert.matches("a language model chooses between its functions", problems[1], 1, true)
    local caller, model = call(without, "{ template = { llm = 'anthropic/claude' } }")
    caller:hears "about your order."
    assert.equal(0, #model:asked())
  end)
end)

describe("an imported prompt", function()
  it("is a conversation with its functions as tools", function()
    local caller, model = call { name = "direct", expected_payload_schema = { name = "string" },
      configurations = { llm = { provider = "openai", model = "gpt-4.1-mini" } },
      flow = { mode = "direct", system_prompt = "Help {{name}}.", functions = {
        { name = "choose_day", description = "The day.", properties = { day = { type = "string" } }, required = { "day" },
          hooks = { { type = "update_outcome_in_database", expected_fields = { outcome = { source = "llm", value = "day" } } },
            { type = "end_conversation" } } } } } }
    caller:hears("Which day suits you?"):listens():says "on monday"
    assert.equal("MONDAY", caller:ended().outcome)
    assert.equal("Help Ann.", model:asked(1).system)
  end)

  it("needs a model and words", function()
    local _, problems = importer.read { name = "x", flow = { mode = "direct", prompt = "Help." } }
    assert.same({ "flow.mode: 'direct' is one prompt for a language model; name one: template = { llm = … }" }, problems)
    _, problems = importer.read({ name = "x", flow = { mode = "direct" } }, { template = { llm = "openai/x" } })
    assert.same({ "flow: 'prompt' is missing (string)" }, problems)
  end)
end)
