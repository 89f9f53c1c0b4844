-- Tools of a conversation: what models ask for, rightly and wrongly, and what they are told.

local exchange = require "callisto.spec"
local talks = require "spec.support.talks"

local TOOLS = [[
  tools = {
    tool { "find", "Finds.", { id = "integer", how = { "fast", "slow" }, note = "string?" }, function(args) %s end %s },
    tool { "finish", "Ends.", {}, function() return done("DONE", "Goodbye.") end },
  },
]]

-- Asks for a tool once, and says "I see." when it has answered. What the model was told, and the caller.
local function ask(arguments, body, options, more)
  local model = exchange.model { replies = {
    { on_result = "find", say = "I see." }, { "look", tools = { { "find", arguments } } }, { say = "Well." },
  } }
  local caller = talks.call { hosts = { llm = model, ["https://shop.test"] = (more or {}).shop }, secrets = (more or {}).secrets,
    fields = TOOLS:format(body or 'return "found"', options or ""), more = more }
  caller:says "look for it"
  caller:hears "I see."
  local messages = model:asked(2).messages
  return messages[#messages].text, caller, model
end

local GOOD = { id = 7, how = "fast" }

describe("what a model is told of a tool", function()
  for _, case in ipairs {
    { "its text", GOOD, 'return "found"', "found" },
    { "a value as JSON", GOOD, "return { place = { 1, 2 } }", '{"place":[1,2]}' },
    { "that it is done, when there is nothing to tell", GOOD, "", "Done." },
    { "its message, when it could not", GOOD, 'return nil, "the shop is closed"', "the shop is closed" },
    { "that it failed", GOOD, 'error "a bug"', "The tool failed." },
    { "that it cannot be told", GOOD, "return require('callisto.json').null", "The result cannot be told." },
    { "its beginning, when it is megabytes", GOOD, 'return ("word "):rep(200000)', "… (cut off: 1000000 bytes in all)" },
    { "how long it is, when it is not text", GOOD, 'return ("\\0\\255\\254"):rep(1000)',
      "The result is not text: 3000 bytes." },
    { "a missing argument", { how = "fast" }, nil, "'id' is missing (integer)" },
    { "an argument of the wrong type", { id = "seven", how = "fast" }, nil, "'id' must be integer, not string" },
    { "an argument out of a list", { id = 7, how = "soon" }, nil, "'how' must be one of: fast, slow" },
    { "an argument that is not there", { id = 7, how = "fast", nte = "x" }, nil, "did you mean 'note'?" },
    { "half a JSON", '{"id": 7, "how', nil, "The arguments are not one JSON object" },
    { "arguments twice", '{"id":7,"how":"fast"}{"id":7,"how":"fast"}', nil, "The arguments are not one JSON object" },
    { "arguments that are a list", "[7]", nil, "the arguments must be an object" },
    { "what is not JSON", "id=7", nil, "The arguments are not one JSON object" },
  } do
    it("is " .. case[1], function()
      local told, caller = ask(case[2], case[3])
      assert(told:find(case[4], 1, true), told:sub(1, 300))
      assert.is_true(#told < 9000)
      assert.equal(1, #caller:facts "tool")
    end)
  end

  it("is that it does not exist, and what was probably meant", function()
    local model = exchange.model { replies = { { on_result = "fnd", say = "I see." }, { "look", tools = { { "fnd", {} } } } } }
    local caller = talks.call { hosts = { llm = model }, fields = TOOLS:format("", "") }
    caller:says("look for it"):hears "I see."
    local messages = model:asked(2).messages
    assert.matches("There is no tool 'fnd'.*did you mean 'find'", messages[#messages].text)
  end)

  it("is that it took too long; what comes later is dropped", function()
    local told, caller, model = ask(GOOD, 'task.sleep(5) call:fact("late", {}) return "late"', ', timeout = "2s"')
    assert.equal("The tool did not answer within 2 seconds.", told)
    caller:listens():says "hello":hears "Well."
    assert.is_nil(caller:fact "late")
    assert.equal("timeout", caller:fact("tool").state)
    for _, message in ipairs(model:asked(-1).messages) do assert.is_nil((message.text or ""):find "^late$") end
  end)

  it("is why it was not approved", function()
    local approve = [[, approve = function(_, args) return false, "nobody may find " .. args.id end]]
    local told, caller = ask(GOOD, 'call:fact("ran", {})', approve)
    assert.equal("nobody may find 7", told)
    assert.is_nil(caller:fact "ran")
    assert.equal("refused", caller:fact("tool").state)
  end)
end)

describe("tools", function()
  it("of one answer run beside each other, and the same one twice runs once", function()
    local model = exchange.model { replies = {
      { on_result = "find", say = "I see." },
      { "look", tools = { { "find", GOOD }, { "find", { id = 8, how = "slow" } }, { "find", GOOD } } },
    } }
    local body = 'task.sleep(1) call:fact("ran", { id = args.id }) return tostring(args.id)'
    local caller = talks.call { hosts = { llm = model }, fields = TOOLS:format(body, "") .. "filler = false," }
    caller:says "look for it"
    local at = caller.world.lab:now()
    caller:hears "I see."
    assert.is_true(caller.world.lab:now() - at < 4)
    assert.equal(2, #caller:facts "ran")
    local told = {}
    for _, message in ipairs(model:asked(2).messages) do
      if message.role == "tool" then told[#told + 1] = message.text end
    end
    assert.same({ "7", "8", "This was asked for twice in one answer, and is done once." }, told)
  end)

  it("that a model asks for without end are taken away from it", function()
    local asked = 0
    local model = exchange.model { replies = {
      { when = function(request) return #request.tools == 0 end, say = "I give up." },
      { say = "", when = function() asked = asked + 1 return true end, tools = { { "find", GOOD } } },
    } }
    local caller = talks.call { hosts = { llm = model }, fields = TOOLS:format('return "again"', "") .. "rounds = 3," }
    caller:says("look for it"):hears "I give up."
    assert.equal(4, #model:asked())
  end)

  it("are given up when the caller speaks, where they say so", function()
    local model = exchange.model { replies = { { "wait", say = "As you like." }, { "look", tools = { { "find", GOOD } } } } }
    local caller = talks.call { hosts = { llm = model },
      fields = TOOLS:format('task.sleep(8) return "found"', ", cancel_on_interruption = true") .. "filler = false," }
    caller:says("look for it"):silence(2):says("wait"):hears "As you like."
    assert.equal("cancelled", caller:fact("tool").state)
  end)

  it("end with the call, and what they had begun is written", function()
    local model = exchange.model { replies = { { "look", tools = { { "find", GOOD } } } } }
    local caller = talks.call { hosts = { llm = model },
      fields = TOOLS:format('task.sleep(60) return "found"', ', timeout = "90s"') }
    caller:says("look for it"):silence(3):hangs_up():ended()
    assert.equal(1, #model:asked())
  end)
end)

describe("the tools that come with the engine", function()
  local function hold(tools_text, replies, options)
    local model = exchange.model { replies = replies }
    local all = { fields = ("tools = { %s },"):format(tools_text), more = { before = 'local tools = require "callisto.tools"' } }
    for name, value in pairs(options or {}) do all[name] = value end
    all.hosts = all.hosts or {}
    all.hosts.llm = model
    return talks.call(all), model
  end

  it("end the call: what is being said is heard, then the goodbye", function()
    local caller = hold('tools.end_call { goodbye = "Goodbye then.", outcome = "DONE" }',
      { { "bye", say = "It was nice to talk to you.", tools = { { "end_call" } } } })
    caller:says("bye"):hears "It was nice to talk to you.":hears "Goodbye then."
    local ending = caller:ended()
    assert.same({ "AGENT_ENDED", "DONE" }, { ending.reason, ending.outcome })
  end)

  it("report A 13: may let words of the caller take the end back, once", function()
    local caller, model = hold('tools.end_call { goodbye = "Goodbye then my friend.", revocable = true }', {
      { "bye", tools = { { "end_call" } } }, { "one more", say = "What is it?" },
    })
    caller:says("bye"):interrupts("wait one more thing", 0.8):hears "What is it?"
    assert.equal(1, #caller:facts "ending_revoked")
    caller:listens():says("bye"):interrupts("wait one more thing", 0.8)
    assert.equal("AGENT_ENDED", caller:ended().reason)
    assert.equal(3, #model:asked())
  end)

  it("tell the time", function()
    local caller, model = hold('tools.current_time { zone = "Asia/Kolkata" }',
      { { on_result = "current_time", say = "Late." }, { "time", tools = { { "current_time" } } } })
    caller:says("what time is it"):hears "Late."
    local messages = model:asked(2).messages
    assert.matches('"date":"2026%-03%-03","time":"15:4%d","weekday":"Tuesday"', messages[#messages].text)
  end)

  it("record the outcome", function()
    local caller = hold('tools.update_outcome { words = { "SOLD", "NOT_SOLD" } }',
      { { on_result = "update_outcome", say = "Fine." }, { "yes", tools = { { "update_outcome", { outcome = "SOLD" } } } } })
    caller:says("yes"):hears("Fine."):hangs_up()
    assert.equal("SOLD", caller:ended().facts.agent.word)
  end)

  it("become another agent", function()
    local caller = hold([[tools.become { name = "billing", description = "About bills.", template = "other",
      parameters = { topic = "string" } }]],
      { { "bill", tools = { { "billing", { topic = "refund" } } } } }, { sources = { ["templates.other"] = [[
        return require "callisto.template" { name = "other", payload = { topic = "string" },
          greeting = "Billing, about a {topic}.", on_call = function(call) call:finish("BILLED") end }]] } })
    caller:says("my bill"):hears "Billing, about a refund."
    assert.equal("BILLED", caller:ended().outcome)
  end)

  it("ask a service, and tell the model a part of its answer", function()
    local seen = {}
    local caller, model = hold([[tools.http { name = "order", description = "An order.", url = "https://shop.test/orders/{id}",
      parameters = { id = "string", lang = "string?" }, pick = { state = "order.state", city = "order.to.1.city" },
      headers = function(call) return { authorization = "Bearer " .. call.secrets.shop_key } end }]],
      { { on_result = "order", say = "It is on its way." }, { "order", tools = { { "order", { id = "4/2", lang = "de" } } } } },
      { secrets = { shop_key = "the-key-of-the-shop" },
        more = { before = 'local tools = require "callisto.tools"', template = 'secrets = { "shop_key" },' },
        hosts = { ["https://shop.test"] = function(request)
          seen = request
          return { status = 200, headers = { ["content-type"] = "application/json" },
            body = '{"order":{"state":"sent","to":[{"city":"Pune"}],"price":7}}' }
        end } })
    caller:says("my order"):hears "on its way."
    local messages = model:asked(2).messages
    assert.equal('{"city":"Pune","state":"sent"}', messages[#messages].text)
    assert.same({ "/orders/4%2F2", "lang=de", "Bearer the-key-of-the-shop" },
      { seen.path, seen.query, seen.headers.authorization })
  end)
end)
