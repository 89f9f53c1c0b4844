-- Templates that are wrong: what the author is told, where, and that nobody else notices. What the engine itself stops
-- (loops, memory, recursion) is in tests/vm; what a flow can see of it is here.

local phone = require "spec.support.phone"

local HEAD = "local template = require 'callisto.template'\nlocal task = require 'callisto.task'\n"

-- Runs a flow and returns why it broke, with what the caller has heard.
local function broken_by(body, options)
  local message
  options = options or {}
  options.source = HEAD .. ("return template { name = 'bad', on_call = function(call)\n%s\nend }"):format(body)
  options.on_broken = function(text) message = text end
  local caller = phone.call(options)
  caller:silence(options.after or 5)
  return message, caller
end

describe("a template that", function()
  for _, case in ipairs {
    { "recurses for ever", "local function f() return 1 + f() end f()",
      "stack overflow\nstack traceback:\n\ttemplates.under_test:4" },
    { "indexes nothing", "local t\nt.x = 1", "templates.under_test:5: attempt to index" },
    { "calls what is no function", "call:sayy 'Hello'", "templates.under_test:4: attempt to call method 'sayy'" },
    { "raises a table", "error { code = 'X' }", "table: " },
    { "yields by itself", "coroutine.yield()", "a task yielded outside callisto.task; use task.wait or task.sleep" },
    { "waits in a coroutine of its own", "coroutine.wrap(function() call:sleep(1) end)()",
      "a task cannot wait inside a coroutine of its own" },
    { "yields inside a sort", "table.sort({ 2, 1, 3 }, function(a, b) call:sleep(1) return a < b end)",
      "attempt to yield across C" },
    { "says what is no text", "call:say(42)", "templates.under_test:4: a sentence must be text, not number" },
    { "says too much", "call:say(('x'):rep(4001))", "a sentence may have at most 4,000 bytes" },
    { "misspells an option", "call:say('x', { bargein = true })", "call:say: unknown field 'bargein'; did you mean 'barge_in'?" },
    { "plays a file outside", "call:play '../secret.wav'", "call:play needs the path of a sound file inside the workspace" },
    { "holds with no function", "call:hold 'a.wav'", "call:hold needs the function to run meanwhile" },
    { "ends with no word", "call:finish 'not a word'", "call:finish needs an outcome of letters, digits" },
    { "sleeps for no time", "call:sleep 'a while'", "call:sleep: the length must be a duration such as" },
    { "returns rubbish", "return 'yes'",
      "template 'bad': a step of the flow returned the text \"yes\"; return the next function, or nothing" },
    { "asks with what is no menu", "call:menu { options = {} }", "call:menu needs what menu { … } returns, not table" },
    { "walks what is no tree", "call:keypad(nil)", "call:keypad needs what keypad { … } returns, not nil" },
    { "requires what is not there", "require 'templates.nobody'", "templates.nobody" },
    { "asks for a word that cannot be said", "call:ask { '?', choices = { a = 'xyzzy' } }",
      "the word 'xyzzy' cannot be pronounced" },
  } do
    it(case[1] .. " is told", function()
      local message, caller = broken_by(case[2])
      assert.is_truthy(message and message:find(case[3], 1, true), message or "it did not break")
      assert.is_nil(caller:ending()) -- the engine plays the fallback and ends the call
      assert.is_nil(caller.vm.require("callisto.task").current())
    end)
  end

  it("fails in a task beside the flow breaks the call, too", function()
    local message = broken_by "call:spawn(function() call:sleep(1) error 'beside' end) call:sleep '1h'"
    assert.matches("beside", message)
  end)

  it("catches every error does not outlive the call", function()
    local message, caller = broken_by([[
      while true do
        local ok = pcall(function() call:sleep(1) end)
        if not ok then call:fact "caught" break end
      end
      call:say "I am still here."
    ]], { after = 2 })
    caller:hangs_up()
    assert.is_nil(message)
    assert.same({}, caller.heard)
    assert.equal(0, caller.vm.require("callisto.task").count())
    assert.equal("CUSTOMER_HANGUP", caller:ending().reason)
  end)

  it("speaks to a call that was hung up says nothing, and is no error", function()
    local message, caller = broken_by([[
      task.finally(function() call:sleep "1h" end, function()
        call:fact "clean-up"
        call:say "Nobody hears this."
        call:fact "never"
      end)
    ]], { after = 1 })
    caller:hangs_up()
    caller:silence(5)
    assert.is_nil(message)
    assert.same({}, caller.heard)
    assert.equal(1, #caller.vm.facts)
    assert.equal("CUSTOMER_HANGUP", caller:ending().reason)
  end)

  it("finishes twice is ended once", function()
    local _, caller = broken_by [[
      call:spawn(function() call:finish("SECOND") end)
      call:finish("FIRST", "Bye.")
    ]]
    local endings = 0
    for _, told in ipairs(caller.vm.told) do endings = endings + (told.what == "ended" and 1 or 0) end
    assert.equal(1, endings)
    assert.equal("FIRST", caller:ending().outcome)
  end)

  it("breaks leaves its neighbour undisturbed", function()
    local good = phone.call { source = HEAD .. [[return template { name = "good", on_call = function(call)
      for i = 1, 5 do call:say "Fine." end
      call:finish "GOOD"
    end }]] }
    local message = broken_by "error 'broken'"
    assert.matches("broken", message)
    assert.equal("GOOD", good:ended().outcome)
  end)
end)

describe("a file that is no template", function()
  for _, case in ipairs {
    { "does not return one", "return 42", "templates.under_test does not return a template" },
    { "does not compile", "return {", "unexpected symbol" },
    { "fails while it is loaded", "error 'at load'", "at load" },
    { "has a misspelled field", "return require('callisto.template') { nme = 'x', on_call = print }",
      "template: unknown field 'nme'; did you mean 'name'?" },
    { "has a menu with no way out", [[
      local menu = require "callisto.menu"
      return require("callisto.template") { name = "x", menu = menu.set("a", { a = { options = { { label = "again",
        go = "a" } } } }) }
    ]], "menu 'a': no end can be reached from it" },
    { "has a keypad whose target is not there", [[
      local keypad = require "callisto.keypad"
      return require("callisto.template") { name = "x", keypad = keypad { initial = "a", nodes = { a = { prompt = "?",
        options = { { digit = "1", label = "b", go = "b" } } } } } }
    ]], "keypad: node 'a': option 1: 'go' leads to 'b', which is not there" },
  } do
    it(case[1] .. " is told", function()
      local message
      local ok, raised = pcall(phone.call, { source = case[2], on_broken = function(text) message = text end, connected = false })
      message = message or (not ok and raised)
      assert.is_truthy(message and message:find(case[3], 1, true), tostring(message))
    end)
  end
end)
