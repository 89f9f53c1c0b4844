local exchange = require "callisto.spec"
local flows = require "spec.support.flows"
local importer = require "callisto.importer"
local json = require "callisto.json"

local SHOP = "https://shop.example.com"

local function shop() return { status = 200 } end

-- A call of what the JSON says; `how` is the text of the second argument.
local function call(document, options, how)
  options = options or {}
  options.source = ("local how = %s\nreturn require('callisto.importer').template([==[%s]==], how)"):format(how or "nil",
    type(document) == "string" and document or json.encode(document))
  return exchange.call(options)
end

local IVR = [[{
  "name": "Order check", "description": "Confirms an order by keys.",
  "flow": { "mode": "ivr", "initial_node": "ask", "nodes": {
    "ask": { "prompt": "", "timeout_secs": 5, "max_retries": 1, "invalid_prompt": "Wrong key.",
      "on_timeout_outcome": "NO_INPUT", "on_timeout_message": "Goodbye, {name}.",
      "options": [
        { "digit": "1", "label": "confirm", "action": "transition", "target_node": "sure" },
        { "digit": "2", "label": "cancel", "action": "end", "outcome": "CANCELLED", "hooks": [
          { "type": "send_http_request", "http_request": { "url": "https://shop.example.com/cancel", "method": "POST" },
            "expected_fields": { "order": { "source": "context", "value": "order_id" }, "by": { "source": "static",
              "value": "phone" },
              "key": { "source": "llm", "value": "digit" }, "id": { "source": "computed", "value": "call_id" } },
            "awaited": true } ] } ] },
    "sure": { "prompt": "Press one to confirm {amount}, nine to go back.", "options": [
        { "digit": 1, "label": "yes", "action": "end", "outcome": "CONFIRMED" },
        { "digit": 9, "label": "back", "action": "transition", "target_node": "ask" } ] } } },
  "expected_payload_schema": { "name": "string", "order_id": { "type": "string" }, "amount": { "type": "number",
    "transformation": "amount_in_words" },
    "note": { "type": "string", "optional": true }, "nothing": null },
  "configurations": { "initial_greeting": { "enabled": true, "text": "Hello {{name}}. One to confirm, two to cancel." },
    "llm": { "provider": "none" }, "user_idle": { "enabled": false } }
}]]

local PAYLOAD = { name = "Ann", order_id = "A7", amount = 1200 }

describe("an imported keypad tree", function()
  it("is a keypad of ours", function()
    local caller = call(IVR, { payload = PAYLOAD })
    caller:hears "Hello Ann."
    caller:presses "1"
    caller:hears "Press one to confirm one thousand two hundred, nine to go back."
    caller:presses "9"
    caller:hears "Hello Ann."
    caller:presses "7"
    caller:hears "Wrong key. Hello Ann."
    caller:presses "1"
    caller:hears "Press one"
    caller:presses "1"
    assert.equal("CONFIRMED", caller:ended().outcome)
  end)

  it("sends its requests", function()
    local caller = call(IVR, { payload = PAYLOAD, hosts = { [SHOP] = shop } })
    caller:hears "Hello Ann."
    caller:presses "2"
    assert.equal("CANCELLED", caller:ended().outcome)
    local asked = caller:requests(SHOP)[1]
    assert.equal("https://shop.example.com/cancel", asked.url)
    assert.same({ order = "A7", by = "phone", key = "2", id = caller.call }, json.decode(asked.body))
  end)

  it("ends silence in its own words", function()
    local caller = call(IVR, { payload = PAYLOAD })
    for _ = 1, 2 do
      caller:hears("to cancel."):listens()
      caller:hears_nothing(4.5)
    end
    caller:hears("Goodbye, Ann.", 2)
    assert.equal("IVR_NO_INPUT", caller:ended().reason)
    assert.equal("NO_INPUT", caller:ended().outcome)
  end)

  it("says what it did not take over", function()
    local made, problems, ignored = importer.read(IVR)
    assert.same({}, problems)
    assert.same({ "configurations.llm" }, ignored)
    assert.equal("Order-check", made.name)
    assert.same({ name = "string", order_id = "string", amount = "number", note = "string?" }, made.payload)
  end)
end)

local function flow(nodes, more)
  local document = { name = "f", flow = { mode = "flow", initial_node = "hello", nodes = nodes } }
  for name, value in pairs(more or {}) do document.flow[name] = value end
  return document
end

describe("an imported flow", function()
  local nodes = {
    { name = "hello", pre_actions = { { type = "tts_say", text = "Hello {name}." } },
      functions = { { name = "go_on", transition_to = "ask", hooks = { { type = "update_outcome_in_database",
        expected_fields = { outcome = { source = "static", value = "greeted once" } } } } } } },
    { name = "ask", task_messages = { { role = "system", content = "Ask for a day." } },
      functions = {
        { name = "choose_day", parameters = { properties = { day = { type = "string" } }, required = { "day" } },
          transition_to = "bye",
          hooks = { { type = "update_outcome_in_database", expected_fields = { outcome = { source = "llm",
            value = "day" } } } } },
        { name = "repeat_it" },
      } },
    { name = "bye", pre_actions = { { type = "tts_say", text = "Thank you." }, { type = "end_conversation" } } },
  }
  local decide = [[{ decide = { ask = function(call, functions)
    assert(functions.choose_day.parameters)
    local day = call:ask { "Which day?", choices = { monday = "monday", again = "again" }, tries = 1 }
    if day == "again" then return "repeat_it" end
    return "choose_day", { day = day }
  end } }]]
  local at_end = { end_conversation_callbacks = { { type = "send_http_request", url = "https://shop.example.com/done",
    awaited = true } } }

  it("goes from function to function", function()
    local caller = call(flow(nodes, at_end), { payload = { name = "Ann" }, hosts = { [SHOP] = shop } }, decide)
    caller:hears "Hello Ann."
    caller:hears("Which day?"):listens()
    caller:says "again"
    caller:hears("Which day?"):listens()
    caller:says "monday"
    caller:hears "Thank you."
    assert.equal("AGENT_ENDED", caller:ended().reason)
    assert.equal("MONDAY", caller:ended().outcome)
    assert.equal("GREETED_ONCE", caller:facts("agent_outcome")[1].word)
    local asked = caller:requests(SHOP)
    assert.equal(1, #asked)
    assert.equal("https://shop.example.com/done", asked[1].url)
  end)

  it("says which nodes need a language model", function()
    local made, problems = importer.read(flow(nodes))
    assert.is_nil(made)
    assert.same({ "flow.nodes.ask: a language model chooses between its functions (choose_day, repeat_it); "
      .. "give importer.template "
      .. "decide = { ask = function(call, functions) … end }, or a model: template = { llm = … }" }, problems)
  end)

  it("stops when a decision is none", function()
    for body, message in pairs {
      ["return 'chose_day'"] = "decide chose the function 'chose_day': unknown field 'chose_day'; did you mean 'choose_day'?",
      ["return 'choose_day'"] = "node 'ask': decide chose 'choose_day' without its required 'day'",
    } do
      local why = flows.error_of(call(flow(nodes), { payload = { name = "Ann" } },
        ("{ decide = { ask = function() %s end } }"):format(body)))
      assert.is_truthy(why:find(message, 1, true), why)
    end
  end)
end)

describe("what cannot be imported", function()
  local function node(more)
    local made = { name = "hello", functions = {} }
    for name, value in pairs(more) do made[name] = value end
    return flow { made }
  end
  for _, case in ipairs {
    { "{", "the document is not JSON" },
    { "[1", "the document is not JSON" },
    { "3", "the document must be an object" },
    { { name = "x", flow = { mode = "direct" } }, "flow.mode: 'direct' is one prompt for a language model" },
    { { name = "x", flow = { mode = "irv" } }, "flow.mode: unknown mode 'irv'; did you mean 'ivr'?" },
    { { flow = { mode = "flow" } }, "name: is missing (string)\n  flow.nodes: there are no nodes" },
    { { name = "x", flow = { mode = "ivr", initial_node = "a", nodes = { a = { prompt = "?", options = { { digit = "1",
      action = "transition", target_node = "b" } } } } } },
        "flow: keypad: node 'a': option 1: 'go' leads to 'b', which is not there" },
    { { name = "x", flow = { mode = "ivr", initial_node = "a", nodes = { a = { prompt = "?", options = { { digit = "1",
      action = "stop" } } } } } }, "flow.nodes.a.options[0]: unknown action 'stop'; there are: end, transition" },
    { node { pre_actions = { { type = "tts_sy", text = "x" } } },
      "flow.nodes.hello.pre_actions[0]: unknown action 'tts_sy'; did you mean 'tts_say'?" },
    { node { pre_actions = { { type = "tts_say" } } }, "flow.nodes.hello.pre_actions[0]: a sentence must be text, not nil" },
    { node { pre_actions = { { type = "function", handler = "warm_transfer" } } },
      "warm_transfer: transfers cannot be imported" },
    { node { functions = { { name = "a", transition_to = "helo" } } },
      "flow.nodes.hello.functions.a: 'transition_to' leads to 'helo', which is not there; did you mean 'hello'?" },
    { node { functions = { { name = "a", transition_to = "hello", hooks = { { type = "send_http" } } } } },
      "flow.nodes.hello.functions.a.hooks[0]: unknown hook 'send_http'" },
    { node { functions = { { name = "a", hooks = { { type = "update_outcome_in_database",
      expected_fields = { outcome = { source = "lm" } } } } } } },
        "expected_fields.outcome: unknown source 'lm'; did you mean 'llm'?" },
    { node { task_messages = { { role = "system", content = "Talk." } } }, "a language model follows its task_messages" },
    { { name = "x", flow = { nodes = {} }, expected_payload_schema = { a = "strng" } },
      "expected_payload_schema.a: unknown type 'strng'; did you mean 'string'?" },
    { { name = "x", flow = { nodes = {} }, expected_payload_schema = { a = { type = "string", transformation = "mony" } } },
      "expected_payload_schema.a: unknown transformation 'mony'; did you mean 'money'?" },
  } do
    it("is told: " .. case[2]:sub(1, 60), function()
      local document = type(case[1]) == "table" and json.encode(case[1]) or case[1]
      local ok, why = pcall(importer.template, document)
      assert.is_false(ok)
      assert.is_truthy(why:find(case[2], 1, true), why)
    end)
  end
end)

it("a document becomes the text of a template's file", function()
  local text = importer.file(IVR)
  local caller = exchange.call { source = text, payload = PAYLOAD }
  caller:hears "Hello Ann."
  assert.matches("%[==%[", importer.file '{"a":"]=]"}')
end)
