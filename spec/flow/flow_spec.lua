local phone = require "spec.support.phone"

-- A template whose on_call is this text.
local function agent(body, more)
  return ([[
    local template = require "callisto.template"
    local task = require "callisto.task"
    return template {
      name = "under-test",
      payload = { order = "any", name = "any" },
      %s
      on_call = function(call)
        %s
      end,
    }
  ]]):format(more or "", body)
end

local question = [[
  local answer, about = call:ask {
    "Shall we bring order {order}?",
    choices = { yes = "yes, sure", no = "no" },
    digits = { ["1"] = "yes", ["2"] = "no" },
    tries = 3, timeout = "7s",
    reprompt = "Say yes or no.", no_match = "I did not get that.",
  }
  call:finish(answer or ("NOTHING_" .. about:upper()), answer and "Thank you." or "Goodbye.")
]]

describe("a flow", function()
  it("finds every way to listen and to collect, though they are loaded when they are first used", function()
    local caller = phone.call { source = agent [[
      local missing = {}
      for _, module in ipairs { "callisto.flow.listening", "callisto.flow.collecting" } do
        for name, method in pairs(require(module).methods) do
          if call[name] ~= method then missing[#missing + 1] = name end
        end
      end
      call:say("Missing: " .. table.concat(missing, ", ") .. ".")
    ]] }
    caller:hears "Missing: ."
  end)

  it("greets first, then asks, then ends with a word", function()
    local source = agent(question, 'greeting = "Hello {name}.",')
    local caller = phone.call { source = source, payload = { order = "42", name = "Ann" } }
    caller:hears "Hello Ann."
    caller:hears "Shall we bring order 42?"
    caller:listens()
    caller:says "yes"
    caller:hears "Thank you."
    assert.is_nil(caller:ending())
    caller:listens()
    assert.same({ what = "ended", reason = "AGENT_ENDED", outcome = "yes" }, caller:ending())
    assert.same({
      "agent: Hello Ann.", "agent: Shall we bring order 42?", "caller: yes", "agent: Thank you.",
    }, caller:transcript())
    assert.same({ { kind = "agent_outcome", data = { word = "yes", source = "FLOW" } } }, caller.vm.facts)
  end)

  it("speaks only when the line is open", function()
    local caller = phone.call { source = agent(question, 'greeting = "Hello.",'), connected = false }
    caller:hears_nothing(5)
    caller:connects()
    caller:hears "Hello."
  end)

  it("asks again after silence, which counts from the prompt's end", function()
    local caller = phone.call { source = agent(question), payload = { order = 42 } }
    caller:hears "Shall we bring"
    caller:listens()
    caller:hears_nothing(6.9)
    caller:silence(0.2)
    caller:hears "Say yes or no."
    caller:presses "2"
    caller:hears "Thank you."
    caller:listens()
    assert.equal("no", caller:ending().outcome)
  end)

  it("says so when it did not understand", function()
    local caller = phone.call { source = agent(question) }
    caller:hears "Shall we"
    caller:listens()
    caller:says "bananas"
    caller:hears "I did not get that."
    caller:listens()
    caller:presses "7"
    caller:hears "I did not get that."
    caller:listens()
    caller:silence "8s"
    caller:hears "Goodbye."
    caller:listens()
    assert.equal("NOTHING_SILENCE", caller:ending().outcome)
  end)

  it("is interrupted by the caller, and knows what was heard", function()
    local caller = phone.call { source = agent(question), payload = { order = "42" } }
    caller:hears "Shall we bring order"
    caller:silence(1.0)
    caller:says "sure"
    caller:hears "Thank you."
    assert.equal("agent: Shall we bring --", caller:transcript()[1])
  end)

  it("takes a key during the prompt", function()
    local caller = phone.call { source = agent(question) }
    caller:hears "Shall we"
    caller:presses "1"
    caller:hears "Thank you."
    assert.equal("caller: Pressed 1", caller:transcript()[2])
  end)

  it("does not take noise for an answer", function()
    local caller = phone.call { source = agent(question) }
    caller:hears "Shall we"
    caller:listens()
    caller:silence(5)
    caller:coughs()
    caller:hears_nothing(6.5)
    caller:hears "Say yes or no."
  end)

  it("waits while the caller still speaks when the time is up", function()
    local caller = phone.call { source = agent(question) }
    caller:hears "Shall we"
    caller:listens()
    caller:silence(6)
    caller:says("yes", 5)
    caller:hears "Thank you."
  end)

  it("is not interrupted when the question does not allow it", function()
    local caller = phone.call { source = agent [[
      local answer = call:ask { "Please listen to all of this.", choices = { yes = "yes" }, barge_in = false, tries = 1 }
      call:finish(answer or "NONE")
    ]] }
    caller:hears "Please listen"
    caller:says "yes"
    assert.is_nil(caller:ending())
    caller:listens()
    caller:says "yes"
    assert.equal("yes", caller:ending().outcome)
  end)

  it("names the word that cannot be pronounced", function()
    local broken
    phone.call {
      source = agent [[call:ask { "?", choices = { yes = "xyzzy" } }]],
      on_broken = function(message) broken = message end,
    }
    assert.matches("the word 'xyzzy' cannot be pronounced", broken)
    assert.matches("templates.under_test", broken)
  end)
end)

describe("keys", function()
  local collect = [[
    local keys, reason = call:digits { "Enter your number.", min = 4, max = 6, timeout = "5s", between = "2s", %s }
    call:finish(keys or reason)
  ]]

  it("end at the terminator", function()
    local caller = phone.call { source = agent(collect:format "") }
    caller:hears "Enter"
    caller:presses "1234#"
    assert.equal("1234", caller:ending().outcome)
    assert.same({ "agent:  --", "caller: Pressed 1234" }, caller:transcript())
  end)

  it("end when there are enough", function()
    local caller = phone.call { source = agent(collect:format "") }
    caller:hears "Enter"
    caller:presses "123456"
    caller:silence(1)
    assert.equal("123456", caller:ending().outcome)
  end)

  it("end with a terminator that was not needed, and it is not taken for an answer to what comes next", function()
    local caller = phone.call { source = agent [[
      local keys = call:digits { "Enter your number.", min = 4, max = 4 }
      local answer = call:ask { "Is that right?", digits = { ["1"] = "yes" }, tries = 1 }
      call:finish(keys .. (answer or "nothing"))
    ]] }
    caller:hears "Enter"
    caller:presses "1234#"
    caller:hears "Is that right"
    caller:presses "1"
    assert.equal("1234yes", caller:ending().outcome)
  end)

  it("end at a pause, which may be too early", function()
    local caller = phone.call { source = agent(collect:format "") }
    caller:hears "Enter"
    caller:presses "1234"
    caller:silence(2)
    assert.equal("1234", caller:ending().outcome)

    caller = phone.call { source = agent(collect:format "") }
    caller:hears "Enter"
    caller:presses "12"
    caller:silence(2)
    assert.equal("too_short", caller:ending().outcome)
  end)

  it("are waited for from the prompt's end", function()
    local caller = phone.call { source = agent(collect:format "") }
    caller:hears "Enter"
    caller:listens()
    caller:silence(4.8)
    assert.is_nil(caller:ending())
    caller:silence(0.4)
    assert.equal("silence", caller:ending().outcome)
  end)

  it("that are secret are neither recorded nor written down", function()
    local caller = phone.call { source = agent((collect:gsub("call:finish.*", "call:finish('OK')")):format "sensitive = true") }
    caller:hears "Enter"
    assert.is_false(caller.is_recorded)
    caller:presses "4321#"
    assert.is_true(caller.is_recorded)
    assert.equal("OK", caller:ending().outcome)
    for _, line in ipairs(caller:transcript()) do assert.is_nil(line:find "4321") end
  end)

  it("may be spoken", function()
    local caller = phone.call { source = agent(collect:format "speech = true") }
    caller:hears "Enter"
    caller:listens()
    caller:says "four two seven one"
    assert.equal("4271", caller:ending().outcome)
  end)
end)

describe("the end of a call", function()
  it("cancels everything that belongs to it, youngest first, once", function()
    local caller = phone.call { source = agent [[
      local function tidy(name)
        return function() task.finally(function() call:sleep "1h" end, function() call:fact(name) end) end
      end
      call:spawn(tidy "first")
      call:spawn(tidy "second")
      task.finally(function() call:say(("blah "):rep(100)) end, function() call:fact "flow" end)
    ]] }
    caller:silence(1)
    caller:hangs_up()
    local names = {}
    for i, fact in ipairs(caller.vm.facts) do names[i] = fact.kind end
    assert.same({ "second", "first", "flow" }, names)
    assert.same({ what = "ended", reason = "CUSTOMER_HANGUP" }, caller:ending())
    caller:hangs_up()
    caller:silence(10)
    assert.equal(1, #caller.vm.told)
    assert.equal(0, caller.vm.require "callisto.task".count())
    assert.is_nil(caller.vm.wake)
  end)

  it("comes with the return of the flow, when all was heard", function()
    local caller = phone.call { source = agent("", 'greeting = "A sentence of some length.",') }
    assert.is_nil(caller:ending())
    caller:listens()
    assert.equal("AGENT_ENDED", caller:ending().reason)
  end)

  it("comes with hangup, at once", function()
    local caller = phone.call { source = agent [[
      call:spawn(function() call:sleep(2) call:hangup() end)
      call:say(("blah "):rep(100))
      error "never reached"
    ]] }
    caller:silence(1.9)
    assert.is_nil(caller:ending())
    caller:silence(0.2)
    assert.equal("AGENT_ENDED", caller:ending().reason)
    assert.is_nil(caller.playing)
  end)

  it("may be decided by a task beside the flow", function()
    local caller = phone.call { source = agent [[
      call:on("digit", function(_, key) if key == "0" then call:finish("HUMAN", "One moment.") end end)
      call:say(("blah "):rep(30))
    ]] }
    caller:silence(1)
    caller:presses "0"
    assert.equal("One moment.", caller.heard[2])
    caller:listens()
    assert.same({ what = "ended", reason = "AGENT_ENDED", outcome = "HUMAN" }, caller:ending())
    assert.equal(0, caller.vm.require "callisto.task".count())
  end)

  it("pitfall 16: comes only when the last sentence was heard, unless the caller leaves", function()
    local caller = phone.call { source = agent [[call:finish("DONE", "Thank you and goodbye.")]] }
    caller:hears "Thank you"
    caller:silence(0.5)
    assert.is_nil(caller:ending())
    caller:hangs_up()
    assert.same({ what = "ended", reason = "AGENT_ENDED", outcome = "DONE" }, caller:ending())
    assert.equal("agent:  --", caller:transcript()[1])
  end)

  it("cannot be caught by a script", function()
    local caller = phone.call { source = agent [[
      for i = 1, 3 do pcall(function() call:say(("blah "):rep(100)) end) end
      call:fact "went on"
      call:say "still here?"
    ]] }
    caller:silence(1)
    caller:hangs_up()
    assert.equal("CUSTOMER_HANGUP", caller:ending().reason)
    assert.equal(1, #caller.heard)
  end)

  it("by an error is an error of the VM, with the place, and tells nobody else", function()
    local broken
    local caller = phone.call {
      source = agent [[
        call:say "Fine."
        local nothing
        nothing.field = 1
      ]],
      on_broken = function(message) broken = message end,
    }
    caller:hears "Fine."
    caller:listens()
    caller:silence(1)
    assert.matches("templates.under_test:%d+: attempt to index", broken)
    assert.matches("stack traceback:", broken)
    assert.is_nil(caller:ending())
  end)

  it("by an error beside the flow is one too", function()
    local broken
    local caller = phone.call {
      source = agent [[
        call:spawn(function() call:sleep(1) error "beside" end)
        call:sleep(100)
      ]],
      on_broken = function(message) broken = message end,
    }
    caller:silence(2)
    assert.matches("beside", broken)
  end)
end)
