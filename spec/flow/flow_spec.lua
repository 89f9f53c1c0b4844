local exchange = require "callisto.spec"
local flows = require "spec.support.flows"

local PAYLOAD = 'payload = { order = "any", name = "any" },'

local function call(body, options)
  options = options or {}
  options.fields = PAYLOAD .. (options.fields or "")
  return flows.call(body, options)
end

local function assert_goes_on(caller) assert.equal("in_progress", caller:record().state) end

local function assert_ended(reason, word, caller)
  local ending = caller:ended()
  assert.equal(reason, ending.reason)
  assert.equal(word, (ending.facts.agent or {}).word)
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
    local caller = call [[
      local missing = {}
      for _, module in ipairs { "callisto.flow.listening", "callisto.flow.collecting" } do
        for name, method in pairs(require(module).methods) do
          if call[name] ~= method then missing[#missing + 1] = name end
        end
      end
      call:fact("missing", { names = table.concat(missing, ", ") })
    ]]
    caller:ended()
    assert.equal("", caller:fact("missing").names)
  end)

  it("greets first, then asks, then ends with a word", function()
    local caller = call(question, { fields = 'greeting = "Hello {name}.",', payload = { order = "42", name = "Ann" } })
    caller:hears "Hello Ann."
    caller:hears "Shall we bring order 42?"
    caller:listens()
    caller:says "yes"
    caller:hears "Thank"
    assert_goes_on(caller)
    assert_ended("AGENT_ENDED", "yes", caller)
    assert.same({
      "agent: Hello Ann.", "agent: Shall we bring order 42?", "caller: yes", "agent: Thank you.",
    }, caller:lines())
    assert.same({ { word = "yes", source = "FLOW" } }, caller:facts "agent_outcome")
  end)

  it("speaks only when the line is open", function()
    local caller = exchange.ring { source = flows.template(question, PAYLOAD .. 'greeting = "Hello.",'),
      subscriber = { answers_after = 5 } }
    caller.world:advance(4.9)
    assert.same({}, caller.world.lab:words())
    caller:connects():hears "Hello."
  end)

  it("asks again after silence, which counts from the prompt's end", function()
    local caller = call(question, { payload = { order = 42 } })
    caller:hears("Shall we bring"):listens()
    caller:hears_nothing(6)
    caller:hears("Say yes or no.", 2)
    caller:presses "2"
    caller:hears "Thank you."
    assert.equal("no", caller:ended().outcome)
  end)

  it("says so when it did not understand", function()
    local caller = call(question)
    caller:hears("Shall we"):listens()
    caller:says "bananas"
    caller:hears("I did not get that."):listens()
    caller:presses "7"
    caller:hears("I did not get that."):listens()
    caller:hears("Goodbye.", 8)
    assert.equal("NOTHING_SILENCE", caller:ended().outcome)
  end)

  it("is interrupted by the caller, and knows what was heard", function()
    local caller = call(question, { payload = { order = "42" } })
    caller:hears "Shall we bring order"
    caller:says "sure"
    caller:hears "Thank you."
    assert.equal("agent: Shall we bring --", caller:lines()[1])
  end)

  it("takes a key during the prompt", function()
    local caller = call(question)
    caller:hears "Shall we"
    caller:presses "1"
    caller:hears "Thank you."
    assert.equal("caller: Pressed 1", caller:lines()[2])
  end)

  it("does not take noise for an answer", function()
    local caller = call [[
      call:ask { "What is it about?", free_text = true, tries = 2, timeout = "7s", reprompt = "Tell me, please." }
    ]]
    caller:hears("What is it about?"):listens()
    caller:silence(5)
    caller:coughs()
    caller:hears_nothing(6)
    caller:hears("Tell me, please.", 3)
  end)

  it("does not use up a try for a noise where it knows what may be said", function()
    local caller = call [[
      local answer, why = call:ask {
        "Shall we?", choices = { yes = "yes please" }, tries = 1, timeout = "7s", no_match = "I did not get that."
      }
      call:finish(answer or why)
    ]]
    caller:hears("Shall we?"):listens()
    caller:silence(5)
    caller:coughs()
    caller:hears_nothing(5)
    caller:says "yes please"
    assert.equal("yes", caller:ended().outcome)
  end)

  it("uses up a try for words that do not match", function()
    local caller = call(question)
    caller:hears("Shall we"):listens()
    caller:says "pineapple"
    caller:hears("I did not get that.", 3)
  end)

  it("waits while the caller still speaks when the time is up", function()
    local caller = call [[
      local answer = call:ask { "Well?", choices = { yes = "yes I would like that very much indeed" }, tries = 1, timeout = "7s" }
      call:finish(answer or "NONE")
    ]]
    caller:hears("Well?"):listens()
    caller:silence(5.5)
    caller:says "yes I would like that very much indeed"
    assert.equal("yes", caller:ended().outcome)
  end)

  it("is not interrupted when the question does not allow it", function()
    local caller = call [[
      local answer = call:ask { "Please listen to all of this.", choices = { yes = "yes" }, barge_in = false, tries = 1 }
      call:finish(answer or "NONE")
    ]]
    caller:hears "Please listen"
    caller:says "yes"
    caller:hears("all of this."):listens()
    assert_goes_on(caller)
    caller:says "yes"
    assert.equal("yes", caller:ended().outcome)
    assert.same({ "caller: yes", "agent: Please listen to all of this.", "caller: yes" }, caller:lines())
  end)

  it("names the word that cannot be pronounced", function()
    local why = flows.error_of(call [[call:ask { "?", choices = { yes = "größe" } }]])
    assert.is_truthy(why:find('the phrase "größe" has letters that are not English', 1, true), why)
    assert.matches("templates.under_test:%d+: ", why)
  end)
end)

-- Seconds since the line was open.
local function seconds_of(caller) return caller.world.lab:wall() - caller:record().answered_at_ms / 1000 end

-- Whether anything sounds in the recording between two times: 16 bit, two sides, 8000 Hz.
local function recording_of(caller)
  local find = io.popen(('find "${TMPDIR:-/tmp}"/callisto-lab-* -name %s.wav 2>/dev/null'):format(caller.call))
  local file = assert(io.open(find:read "*l", "rb"))
  find:close()
  local samples = file:read("*a"):sub(45)
  file:close()
  return function(from, to)
    for at = math.floor(from * 8000) * 4 + 1, math.min(math.floor(to * 8000) * 4, #samples - 1), 2 do
      local low, high = samples:byte(at, at + 1)
      local value = low + high * 256
      if value > 1000 and value < 64536 then return true end
    end
    return false
  end
end

describe("keys", function()
  local collect = [[
    local keys, reason = call:digits { "Enter your number.", min = 4, max = 6, timeout = "5s", between = "2s", %s }
    call:finish(keys or reason)
  ]]

  it("end at the terminator", function()
    local caller = call(collect:format "")
    caller:hears "Enter"
    caller:presses "1234#"
    assert.equal("1234", caller:ended().outcome)
    assert.same({ "agent:  --", "caller: Pressed 1234" }, caller:lines())
  end)

  it("end when there are enough", function()
    local caller = call(collect:format "")
    caller:hears "Enter"
    caller:presses "123456"
    caller:silence(1)
    assert.equal("123456", caller:ended().outcome)
  end)

  it("end with a terminator that was not needed, and it is not taken for an answer to what comes next", function()
    local caller = call [[
      local keys = call:digits { "Enter your number.", min = 4, max = 4 }
      local answer = call:ask { "Is that right?", digits = { ["1"] = "yes" }, tries = 1 }
      call:finish(keys .. (answer or "nothing"))
    ]]
    caller:hears "Enter"
    caller:presses "1234#"
    caller:hears "Is that right"
    caller:presses "1"
    assert.equal("1234yes", caller:ended().outcome)
  end)

  it("end at a pause, which may be too early", function()
    local caller = call(collect:format "")
    caller:hears "Enter"
    caller:presses "1234"
    caller:silence(2)
    assert.equal("1234", caller:ended().outcome)

    caller = call(collect:format "")
    caller:hears "Enter"
    caller:presses "12"
    caller:silence(2)
    assert.equal("too_short", caller:ended().outcome)
  end)

  it("are waited for from the prompt's end", function()
    local caller = call(collect:format "")
    caller:hears "Enter"
    caller:listens()
    caller:silence(4.3)
    assert_goes_on(caller)
    caller:silence(0.5)
    assert.equal("silence", caller:record().outcome)
  end)

  it("that are secret are neither recorded nor written down", function()
    local caller = call("call:say 'Hello.' " .. (collect:gsub("call:finish.*", "call:finish('OK', 'Thank you.')"))
      :format "sensitive = true", { fields = "record = true,", seed = 4321 })
    caller:hears "Hello."
    local from = seconds_of(caller) + 0.05
    caller:hears "Enter"
    local to = seconds_of(caller)
    caller:presses "4321#"
    assert.equal("OK", caller:ended().outcome)
    local sounds = recording_of(caller)
    assert.is_true(sounds(0, from), "nothing is recorded")
    assert.is_false(sounds(from, to), "the recording goes on")
    assert.is_true(sounds(to, to + 3), "the recording is not taken up again")
    for _, line in ipairs(caller:lines()) do assert.is_nil(line:find "4321") end
  end)

  it("may be spoken", function()
    local caller = call(collect:format "speech = true")
    caller:hears "Enter"
    caller:listens()
    caller:says "four two seven one"
    assert.equal("4271", caller:ended().outcome)
  end)
end)

describe("the end of a call", function()
  it("cancels everything that belongs to it, youngest first, once", function()
    local caller = call [[
      local function tidy(name)
        return function() task.finally(function() call:sleep "1h" end, function() call:fact(name) end) end
      end
      call:spawn(tidy "first")
      call:spawn(tidy "second")
      task.finally(function() call:say(("blah "):rep(100)) end, function() call:fact "flow" end)
    ]]
    caller:silence(1)
    caller:hangs_up()
    assert_ended("CUSTOMER_HANGUP", nil, caller)
    caller:hangs_up()
    caller:silence(10)
    local names, ours = {}, { first = true, second = true, flow = true, session_end = true }
    for _, event in ipairs(caller:record().events) do
      if ours[event.kind] then names[#names + 1] = event.kind end
    end
    assert.same({ "second", "first", "flow", "session_end" }, names)
  end)

  it("comes with the return of the flow, when all was heard", function()
    local caller = call("", { fields = 'greeting = "A sentence of some length.",' })
    caller:hears "A sentence"
    assert_goes_on(caller)
    caller:hears "of some length."
    assert_ended("AGENT_ENDED", nil, caller)
  end)

  it("comes with hangup, at once", function()
    local caller = call [[
      call:spawn(function() call:sleep(2) call:hangup() end)
      call:say(("blah "):rep(100))
      error "never reached"
    ]]
    caller:silence(1.9)
    assert_goes_on(caller)
    caller:silence(0.5)
    assert.equal("completed", caller:record().state)
    assert_ended("AGENT_ENDED", nil, caller)
  end)

  it("may be decided by a task beside the flow", function()
    local caller = call [[
      call:on("digit", function(_, key) if key == "0" then call:finish("HUMAN", "One moment.") end end)
      call:say(("blah "):rep(30))
    ]]
    caller:silence(1)
    caller:presses "0"
    caller:hears("One moment.", 2)
    assert_ended("AGENT_ENDED", "HUMAN", caller)
  end)

  it("pitfall 16: comes only when the last sentence was heard, unless the caller leaves", function()
    local caller = call [[call:finish("DONE", "Thank you and goodbye.")]]
    caller:hears "Thank you"
    assert_goes_on(caller)
    caller:hangs_up()
    assert_ended("AGENT_ENDED", "DONE", caller)
    assert.equal("agent: Thank --", caller:lines()[1])
  end)

  it("cannot be caught by a script", function()
    local caller = call [[
      for i = 1, 3 do pcall(function() call:say(("blah "):rep(100)) end) end
      call:fact "went on"
      call:say "still here?"
    ]]
    caller:silence(1)
    caller:hangs_up()
    assert_ended("CUSTOMER_HANGUP", nil, caller)
    assert.equal(1, #caller:lines())
  end)

  it("by an error is an error of the VM, with the place, and tells nobody else", function()
    local caller = call [[
      call:say "Fine."
      local nothing
      nothing.field = 1
    ]]
    caller:hears "Fine."
    local why = flows.error_of(caller)
    assert.matches("^templates.under_test:%d+: attempt to index", why)
    assert.matches("\n  templates.under_test: in ", why)
    assert.is_nil(caller:ended().facts.agent)
  end)

  it("by an error beside the flow is one too", function()
    local caller = call [[
      call:spawn(function() call:sleep(1) error "beside" end)
      call:sleep(100)
    ]]
    assert.matches("beside", flows.error_of(caller))
  end)
end)
