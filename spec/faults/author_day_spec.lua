-- What an author's first day showed: a call that did not go well says what came of it, and why.

local exchange = require "callisto.spec"

local TALK = [[
local template = require "callisto.template"
return template {
  name = "talk", record = true, longest = "5m",
  on_call = function(call)
    call:say "Hello there."
    call:listen { timeout = 20 }
    call:finish("DONE", "Goodbye.")
  end,
}]]

local function ended(options, act)
  options.source = options.source or TALK
  options.template = "talk"
  local caller = exchange.ring(options)
  if act then act(caller) end
  return caller:ended(), caller
end

describe("what came of a call", function()
  local cases = {
    { "a busy line", "BUSY", "the line was busy", subscriber = { busy = true } },
    { "a telephone that is not answered", "NO_ANSWER", "it rang, and was not answered", subscriber = { no_answer = true } },
    { "a number that cannot be reached", "UNREACHABLE", "the number could not be reached", subscriber = { unreachable = true } },
  }
  for _, case in ipairs(cases) do
    it(("tells %s apart, and leaves the old word as it was"):format(case[1]), function()
      local ending = ended { subscriber = case.subscriber }
      assert.same({ "failed", "NO_ANSWER", case[2], case[3] }, { ending.state, ending.outcome, ending.result, ending.why })
    end)
  end

  it("does not call a person busy who hung up", function()
    local ending = ended({}, function(caller) caller:connects():hears("Hello there"):hangs_up() end)
    assert.same({ "completed", "BUSY", "HUNG_UP", "the caller hung up" },
      { ending.state, ending.outcome, ending.result, ending.why })
  end)

  it("is the agent's word where the agent had one", function()
    local ending = ended({}, function(caller) caller:connects():hears("Hello there"):says "yes" end)
    assert.same({ "DONE", "DONE", "the agent ended the call" }, { ending.outcome, ending.result, ending.why })
  end)

  it("is, for a script with a mistake, its line and what it said", function()
    local ending = ended { source = TALK:gsub('call:say "Hello there."', "local x = call.payload.a.b call:say(x)") }
    assert.same({ "failed", "UNKNOWN", "ERROR" }, { ending.state, ending.outcome, ending.result })
    assert.matches("^templates.under_test:5: attempt to index field 'a' %(a nil value%)$", ending.why)
  end)

  it("is the carrier's own sentence when it refused the call", function()
    local world = exchange.open { source = TALK }
    local caller = world:ring { template = "talk", may_be_refused = true,
      subscriber = { refuse = { status = 400, code = 21211, message = "Invalid 'To' Phone Number" } } }
    assert.matches("Invalid 'To' Phone Number", caller.refusal.detail)
    local record = world:ask_app("GET", "/api/calls/" .. caller.refusal.id)
    assert.equal("INVALID_PHONE", record.result)
    assert.matches("Invalid 'To' Phone Number", record.why)
  end)

  it("is in the list of calls, too, and in a call that goes on there is nothing yet", function()
    local world = exchange.open { source = TALK }
    local caller = world:call { template = "talk" }
    assert.is_nil(caller:record().result)
    assert.is_nil(caller:record().why)
    caller:hears("Hello there"):hangs_up():ended()
    local row = world:ask_app("GET", "/api/calls").calls[1]
    assert.same({ "HUNG_UP", "the caller hung up" }, { row.result, row.why })
  end)

  it("is the same in the list of calls as in the call itself, whatever ended it", function()
    local world = exchange.open { source = TALK:gsub('call:say "Hello there."', "local x = call.payload.a.b call:say(x)") }
    world:call({ template = "talk", number = "+14150000007" }):ended()
    local refused = world:ring { template = "talk", may_be_refused = true,
      subscriber = { refuse = { status = 400, code = 21211, message = "Invalid 'To' Phone Number" } } }
    assert(refused.refusal)
    local whys = {}
    for i, row in ipairs(world:ask_app("GET", "/api/calls").calls) do
      whys[i] = row.why
      assert.equal(world:ask_app("GET", "/api/calls/" .. row.id).why, row.why)
    end
    assert.matches("Invalid 'To' Phone Number", whys[1])
    assert.matches("^templates.under_test:5: attempt to index field 'a'", whys[2])
    assert.equal(2, #whys)
  end)

  it("is found for every call of a long page", function()
    local world = exchange.open { source = TALK }
    for i = 1, 70 do
      world:ring { template = "talk", may_be_refused = true, number = ("+141500001%02d"):format(i),
        subscriber = { refuse = { status = 400, code = 21211, message = "refused" } } }
    end
    local calls = world:ask_app("GET", "/api/calls?limit=100").calls
    assert.equal(70, #calls)
    for _, row in ipairs(calls) do assert.equal("refused (21211)", row.why) end
  end)
end)

describe("an answer of the API", function()
  it("says where the recording lies and who is on which channel", function()
    local _, caller = ended({}, function(caller) caller:connects():hears("Hello there"):hangs_up() end)
    local recording = caller:record().recording
    assert.equal(("/recordings/%s.wav"):format(caller.call), recording.path:match "/recordings/.*$")
    assert.same({ "caller", "agent" }, recording.channels)
  end)

  it("calls the code by the same word everywhere", function()
    local world = exchange.open { source = TALK }
    local caller = world:call { template = "talk" }
    assert.equal(world:ask_app("GET", "/api/code").digest, caller:record().digest)
  end)

  it("says which agent was probably meant", function()
    local world = exchange.open { source = TALK }
    for name, meant in pairs { tlk = "; did you mean 'talk'?", ["another-one-altogether"] = "" } do
      local caller = world:ring { template = name, may_be_refused = true }
      assert.equal(("there is no agent '%s'%s"):format(name, meant), caller.refusal.detail)
    end
  end)
end)

describe("a mistake in a script", function()
  local function why_of(line)
    local ending, caller = ended { source = TALK:gsub('call:say "Hello there."', function() return line end) }
    return ending.why, caller
  end

  it("is told with the author's line, and with what was probably meant", function()
    for line, wanted in pairs {
      ['call:sya "x"'] = "attempt to call method 'sya' (a nil value); did you mean call:say?",
      ['call:aks { "x" }'] = "attempt to call method 'aks' (a nil value); did you mean call:ask?",
      ['call:frobnicate "x"'] = "attempt to call method 'frobnicate' (a nil value)",
    } do
      assert.equal("templates.under_test:5: " .. wanted, (why_of(line)))
    end
  end)

  it("says so when a method is called with a dot", function()
    for line, method in pairs { ['call.say("x")'] = "say", ['call.ask { "x" }'] = "ask",
      ["call.bye()"] = "bye", ["call.digits(4)"] = "digits" } do
      local why = why_of(line)
      assert.matches("^templates.under_test:5: ", why)
      assert.matches(("; %s is a method: write call:%s%%(…%%), with a colon$"):format(method, method), why)
    end
  end)

  it("is once in the log, without the lines of our own library, each line on its own", function()
    local _, caller = why_of "local function deep() call:sya() end deep()"
    local complaints = {}
    for _, line in ipairs(caller.world.lab:log()) do
      if line.text:find "^error" then complaints[#complaints + 1] = line.text end
    end
    assert.equal(1, #complaints)
    assert.matches("stopped %(EINVAL%): templates.under_test:5: attempt", complaints[1])
    assert.matches("\n +templates.under_test:5: in step", complaints[1])
    assert.is_nil(complaints[1]:find("lua/callisto/", 1, true))
    assert.is_nil(complaints[1]:find("\\n", 1, true))
  end)

  it("in a spec about a caller is told at once", function()
    local caller = exchange.call { source = TALK, template = "talk" }
    local _, why = pcall(function() caller:heers "Hello" end)
    assert.matches("caller has no heers; did you mean caller:hears%?", why)
    _, why = pcall(function() caller.hears "Hello" end)
    assert.matches("caller.hears needs its object: write caller:hears", why)
  end)
end)
