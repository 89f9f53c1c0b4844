-- What people met who hold conversations by telephone (report A), each as a spec of its kind.

local exchange = require "callisto.spec"
local talks = require "spec.support.talks"

local SHOP = "https://shop.test"

local BOOK = [[
  tools = { tool { "book", "Books a table.", { people = "integer" }, function(args)
    local answer, why = http.fetch_json { url = "https://shop.test/book", json = args }
    if not answer then return nil, why end
    return answer
  end, %s } },
]]

-- A shop that answers after a while.
local function shop(seconds)
  local double = { posts = 0 }
  function double.request()
    double.posts = double.posts + 1
    return { status = 201, headers = { ["content-type"] = "application/json" }, body = '{"table":7}' }
  end
  double.seconds = seconds
  return double
end

local function at_the_shop(model, double, fields, more)
  local caller = talks.call { model = model, hosts = { [talks.HOST] = model, [SHOP] = double }, fields = fields, more = more }
  if double.seconds then caller.world:fault(SHOP, { latency = double.seconds }) end
  return caller
end

local function heard_count(caller, words)
  local text, count = "", 0
  for _, each in ipairs(caller.words) do text = text .. " " .. each.word:lower() end
  local from = 1
  while true do
    local first, last = text:find(words:lower(), from, true)
    if not first then return count end
    count, from = count + 1, last + 1
  end
end

describe("report A 1: a sentence about work that is done", function()
  it("is cut, and the work is neither lost nor done again", function()
    local double, model = shop(0.4), talks.model {
      talks.says(nil, { "book", { people = 6 } }),
      "Your table for six is booked for tonight at eight o'clock in the garden.", "Anything else?",
    }
    local caller = at_the_shop(model, double, BOOK:format "")
    caller:says "make it six people"
    caller:interrupts("wait what", 1)
    caller:hears "Anything else?"
    caller:hangs_up():ended()
    assert.equal(1, double.posts)
    local lines = talks.lines_of(model.requests[3])
    assert.same({ "user: make it six people", 'assistant: [book {"people":6}]', 'tool: {"table":7}' }, { unpack(lines, 2, 4) })
    local said = lines[5]:match "^assistant: (.*)$"
    assert.is_truthy(said and #said < 40 and ("Your table for six is booked"):find(said:sub(1, 10), 1, true), lines[5])
    assert.equal("user: wait what", lines[6])
    local fact = caller:fact "tool"
    assert.same({ "book", '{"people":6}', '{"table":7}', "ok" }, { fact.name, fact.arguments, fact.result, fact.state })
    assert.is_true(fact.ms >= 400)
  end)
end)

describe("report A 2: a tool's result that comes while the caller speaks", function()
  it("is answered together with what was said, once, within a second", function()
    local double, model = shop(1.2), talks.model { talks.says(nil, { "book", { people = 2 } }), "Yes, I am here. It is booked." }
    local caller = at_the_shop(model, double, BOOK:format "" .. "filler = false,")
    caller:says "a table for two":silence(1)
    caller:says "hello are you there"
    local spoken_at = caller.world.lab:now()
    caller:hears "It is booked."
    assert.equal(2, #model.requests)
    assert.is_true(model.requests[2].at - spoken_at <= 1)
    assert.same({ 'tool: {"table":7}', "user: hello are you there" }, { unpack(talks.lines_of(model.requests[2]), 4, 5) })
  end)
end)

describe("report A 3: a sentence and a tool in one answer", function()
  local function hold(doing)
    local double, model = shop(0.05), talks.model {
      talks.says("Let me check that for you in the book of reservations.", { "book", { people = 2 } }), "It is booked.", "Yes?",
    }
    local caller = at_the_shop(model, double, BOOK:format "")
    caller:says "a table for two"
    doing(caller)
    return caller, model
  end

  it("is heard once, and stands before the tool in the second question", function()
    local caller, model = hold(function(caller) caller:hears "It is booked." end)
    assert.equal(1, heard_count(caller, "Let me check"))
    assert.same({
      'assistant: Let me check that for you in the book of reservations. [book {"people":2}]', 'tool: {"table":7}',
    }, { unpack(talks.lines_of(model.requests[2]), 3, 4) })
  end)

  it("is shortened at its place when it is cut later", function()
    local caller, model = hold(function(caller) caller:interrupts("stop", 0.6) end)
    caller:hears "Yes?"
    local line = talks.lines_of(model.requests[3])[3]
    local said = line:match '^assistant: (.-) ?%[book {"people":2}%]$'
    assert.is_truthy(said and #said < 40 and ("Let me check that for you"):find(said, 1, true), line)
  end)
end)

describe("report A 4: a caller who asks while a tool is open", function()
  it("is given no answer that is made up, and one when the result is there", function()
    local double, model = shop(2.5), talks.model { talks.says(nil, { "book", { people = 2 } }), "Yes, it is booked." }
    local caller = at_the_shop(model, double, BOOK:format 'filler = "I am at it.", filler_after = "1.5s"')
    caller:says "a table for two":silence(0.3)
    caller:says "did it work"
    caller:hears "it is booked"
    assert.equal(2, #model.requests)
    assert.equal(1, double.posts)
    assert.equal(1, heard_count(caller, "it is booked"))
  end)
end)

describe("report A 8: work that takes long", function()
  it("is not disturbed by asking whether the caller is still there", function()
    local model = talks.model { talks.says(nil, { "look", {} }), "Here it is." }
    local caller = talks.call { model = model, fields = [[
      idle = { after = "7s", say = "Are you still there?", tries = 1 },
      tools = { tool { "look", "Looks.", {}, function() task.sleep(20) return "found" end,
        timeout = "30s", filler = "I am still looking.", filler_after = "2s" } },
    ]] }
    caller:says "where is my parcel"
    caller:hears "I am still looking.":silence(3):coughs()
    caller:hears("Here it is.", 30)
    assert.equal(0, heard_count(caller, "still there"))
    local at = caller.world.lab:now()
    caller:hears "Are you still there?"
    assert.is_true(caller.world.lab:now() - at >= 7)
  end)
end)

describe("report A 11: a call of a tool that leaks into the text", function()
  it("is not said, the sentence after it is, and the tool runs once", function()
    local double = shop()
    local model = exchange.model { per_token = 0.05, replies = {
      { on_result = "book", say = "It is booked." },
      { "table", say = 'to=functions.book {"people": 2, "note": "a {quiet} one"} I am *booking* it.',
        tools = { { "book", { people = 2 } } } },
    } }
    local caller = talks.call { hosts = { llm = model, [SHOP] = double }, fields = BOOK:format "" }
    caller:says("a table for two"):hears("I am booking it."):hears("It is booked."):silence(1)
    assert.equal(1, double.posts)
    assert.same({ "caller: a table for two", "agent: I am booking it.", "agent: It is booked." }, caller:lines())
    local log = {}
    for _, line in ipairs(caller.world.lab:log()) do log[#log + 1] = line.text end
    assert.matches('a model wrote what is not to be said: to=functions.book', table.concat(log, "\n"), 1, true)
  end)
end)

describe("pitfall 17: a caller who talks over the agent", function()
  it("stops the carrier's sound, and the model is told only what was heard", function()
    local long = "Our shop is open from nine in the morning until six in the evening on all days of the week."
    local model = exchange.model { replies = { { "open", say = long }, { say = "Yes?" } } }
    local caller = talks.call { hosts = { llm = model }, fields = "" }
    caller:says("when are you open"):interrupts("wait a moment", 1.5):hears "Yes?"
    local said
    for _, message in ipairs(model:asked(-1).messages) do
      if message.role == "assistant" then said = message.text end
    end
    assert.equal(1, (long:find(said, 1, true)))
    assert.is_true(#said < #long / 2 and long:sub(#said + 1, #said + 1):find "[%s.]" ~= nil, said)
    assert.is_truthy(table.concat(caller:lines(), "\n"):find("agent: " .. said .. " --", 1, true))
    local heard = {}
    for _, each in ipairs(caller.words) do heard[#heard + 1] = each.word end
    assert.is_nil(table.concat(heard, " "):find("days of the week", 1, true))
  end)
end)

describe("report A 13: the decision to end", function()
  it("belongs to the call, whatever the caller says over the goodbye", function()
    local model = talks.model { talks.says(nil, { "finish", {} }) }
    local caller = talks.call { model = model, fields = [[
      tools = { tool { "finish", "Ends the call.", {}, function() return done("DONE", "Thank you for calling, goodbye.") end } },
    ]] }
    caller:says "that is all"
    caller:interrupts("okay bye", 0.3)
    local at = caller.world.lab:now()
    local ending = caller:ended()
    assert.is_true(caller.world.lab:now() - at <= 10)
    assert.same({ "AGENT_ENDED", "DONE" }, { ending.reason, ending.outcome })
    assert.equal(1, heard_count(caller, "goodbye"))
    assert.equal(1, #model.requests)
  end)
end)

describe("report A 15: keys instead of words", function()
  local function hold(keys, silence, doing)
    local model = talks.model { "Thank you, Ann." }
    local caller = talks.call { model = model, fields = [[greeting = "Your account number please."]] }
    caller:hears "please.":listens()
    if doing then doing(caller) end
    caller:presses(keys)
    local at = caller.world.lab:now()
    caller:hears "Thank you"
    assert.is_true(model.requests[#model.requests].at - at <= silence + 1)
    return model
  end

  it("are a turn at a hash", function()
    local model = hold("1234#", 0)
    assert.equal("user: 1234", talks.lines_of(model.requests[1])[3])
  end)

  it("are a turn after two seconds without one", function()
    local model = hold("1234", 2)
    assert.equal("user: 1234", talks.lines_of(model.requests[1])[3])
  end)
end)
