local exchange = require "callisto.spec"
local keypad = require "callisto.keypad"
local outcome = require "callisto.outcome"
local retry = require "callisto.retry"
local template = require "callisto.template"

local SOURCE = [[
  local keypad, template = require "callisto.keypad", require "callisto.template"
  local tree = keypad {
    initial = "start",
    nodes = {
      start = { %s wait = "4s", retries = 1, on_silence = { %s }, options = {
        { digit = "1", label = "morning", go = "sure" },
        { digit = "2", label = "nobody", go = function() return "nobody" end },
        { digit = "3", label = "boom", run = function() error "the hook failed" end, go = "sure" },
        { digit = "9", label = "no delivery", outcome = "CANCELLED", closing = "Cancelled." },
        { digit = "0", label = "done", ends = true },
      } },
      sure = { prompt = "Sure? Press one, or star.", invalid = "Wrong key.", options = {
        { digit = "1", label = "yes", outcome = "CONFIRMED", run = function(call) call:fact "sure" end },
        { digit = "*", label = "back", go = "start" },
      } },
    },
  }
  return template { name = "under-test", keypad = tree, %s fallback = "Something went wrong." }
]]

local PROMPT = [[prompt = "For the morning press one.",]]

local function call(prompt, silence, more)
  return exchange.call { source = SOURCE:format(prompt or PROMPT, silence or "", more or "") }
end

-- The call is over for this reason, and the script gave no word.
local function assert_ended(reason, caller)
  local ending = caller:ended()
  assert.equal(reason, ending.reason)
  assert.is_nil(ending.facts.agent)
end

describe("a keypad tree", function()
  it("is walked by keys, and writes them down", function()
    local caller = call()
    caller:hears "For the morning"
    caller:presses "1"
    caller:hears "Sure?"
    caller:presses "1"
    assert.equal("CONFIRMED", caller:ended().outcome)
    assert.equal(1, #caller:facts "sure")
    assert.same({ "agent: For the --", "caller: Pressed 1 — morning", "agent:  --", "caller: Pressed 1 — yes" },
      caller:lines())
  end)

  it("needs no recogniser, and speech changes nothing", function()
    local caller = call()
    caller:hears "For the morning"
    caller:says "morning"
    caller:listens()
    caller:silence(3)
    caller:presses "9"
    caller:hears "Cancelled."
    assert.equal("CANCELLED", caller:ended().outcome)
  end)

  it("waits its time and half a second from the prompt's end, then plays it again, then ends", function()
    local caller = call()
    caller:hears("For the morning"):listens()
    caller:hears_nothing(3.5)
    caller:hears("For the morning", 2):listens()
    caller:hears_nothing(3.5)
    assert_ended("IVR_NO_INPUT", caller)
  end)

  it("ends silence with its own words", function()
    local caller = call(nil, [[outcome = "NO_INPUT", say = "We heard nothing."]])
    caller:hears("For the morning"):listens()
    caller:hears("For the morning"):listens()
    caller:hears "We heard nothing."
    assert.equal("IVR_NO_INPUT", caller:ended().reason)
    assert.equal("NO_INPUT", caller:ended().outcome)
  end)

  it("plays again after a wrong key, which is no retry; the fifth ends the call", function()
    local caller = call()
    caller:hears "For the morning"
    caller:presses "1"
    caller:hears "Sure?"
    for _ = 1, 4 do
      caller:presses "7"
      caller:hears "Wrong key. Sure?"
    end
    caller:presses "7"
    assert_ended("IVR_NO_INPUT", caller)
  end)

  it("stops one who goes round in circles", function()
    local caller = call()
    for _ = 1, 13 do
      caller:hears "For the morning"
      caller:presses "1"
      caller:hears "Sure?"
      caller:presses "*"
    end
    caller:hears "Something went wrong."
    assert.equal("IVR_LOOP_GUARD", caller:ended().reason)
    assert.equal(53, #caller:lines()) -- the first prompt, 26 keys, 25 moves and the last sentence
  end)

  it("ends at a node that is not there", function()
    local caller = call()
    caller:hears "For the morning"
    caller:presses "2"
    caller:hears "Something went wrong."
    assert.equal("IVR_NODE_MISSING", caller:ended().reason)
  end)

  it("ends when a hook fails, and says why in the facts", function()
    local caller = call()
    caller:hears "For the morning"
    caller:presses "3"
    caller:hears "Something went wrong."
    assert.equal("IVR_ERROR", caller:ended().reason)
    assert.matches("the hook failed", caller:fact("ivr.error").text)
  end)

  it("ends without a word where it says so, and when the caller leaves", function()
    local caller = call()
    caller:hears "For the morning"
    caller:presses "0"
    assert_ended("IVR_ENDED", caller)
    caller = call()
    caller:hears "For the morning"
    caller:hangs_up()
    assert_ended("CUSTOMER_HANGUP", caller)
  end)

  it("takes the greeting for its first prompt, and says it again on return", function()
    local caller = call("", nil, [[greeting = "Hello. For the morning press one.",]])
    caller:hears("Hello"):listens()
    caller:hears_nothing(4)
    caller:presses "1"
    caller:hears "Sure?"
    caller:presses "*"
    caller:hears "Hello"
    caller:hangs_up():ended()
    assert.equal(5, #caller:lines()) -- three sentences, two keys
  end)

  it("takes a key during the greeting", function()
    local caller = call("", nil, [[greeting = "Hello. For the morning press one.",]])
    caller:hears "Hello"
    caller:presses "1"
    caller:hears "Sure?"
  end)

  it("has endings that are not tried again, and one that is", function()
    local policy = retry.policy { undecided = "1h" }
    for reason, word in pairs { IVR_LOOP_GUARD = "IVR_LOOP_GUARD", IVR_NODE_MISSING = "IVR_NODE_MISSING",
      IVR_ERROR = "IVR_ERROR" } do
      local facts = { platform = { status = "INITIATED" }, provider = { status = "ANSWERED" }, session_end = reason }
      assert.equal(word, outcome.word(facts))
      assert.is_nil(retry.delay(policy, retry.way(facts, word), 0))
    end
    local facts = { platform = { status = "INITIATED" }, provider = { status = "ANSWERED" }, session_end = "IVR_NO_INPUT" }
    assert.equal("BUSY", outcome.word(facts))
    assert.equal(3600, retry.delay(policy, retry.way(facts, "BUSY"), 0))
  end)
end)

describe("a keypad tree is refused with", function()
  local function node(more)
    local made = { prompt = "?", options = { { digit = "1", label = "a", outcome = "A" } } }
    for name, value in pairs(more or {}) do made[name] = value end
    return made
  end
  local loop = { { digit = "1", label = "a", go = "a" } }
  for _, case in ipairs {
    { "no first node", { nodes = { a = node() } }, "keypad: 'initial' is missing (string)" },
    { "a first node that is not there", { initial = "b", nodes = { aa = node() } },
      "keypad: 'initial' is 'b', which is not there" },
    { "a target that is not there", { initial = "a", nodes = { a = node { options = { { digit = "1", label = "x",
      go = "bb" } } }, b = node() } },
      "keypad: node 'a': option 1: 'go' leads to 'bb', which is not there; did you mean 'b'?" },
    { "no end", { initial = "a", nodes = { a = node { options = loop } } }, "keypad: node 'a': no end can be reached from it" },
    { "a key twice", { initial = "a", nodes = { a = node { options = { loop[1], loop[1] } } } },
      "keypad: node 'a': option 2: 'digit' \"1\" is taken already, by 'a'" },
    { "a key there is not", { initial = "a", nodes = { a = node { options = { { digit = "12", label = "x",
      outcome = "X" } } } } },
      "keypad: node 'a': option 1: 'digit' must be one of the keys" },
    { "a misspelled field", { initial = "a", nodes = { a = node { promt = "x" } } },
      "keypad: node 'a': unknown field 'promt'; did you mean 'prompt'?" },
    { "no options", { initial = "a", nodes = { a = { prompt = "x", options = {} } } }, "keypad: node 'a': 'options' is empty" },
    { "no prompt in a later node", { initial = "a", nodes = { a = node(), b = { options = loop } } },
      "keypad: node 'b': 'prompt' is missing" },
    { "an option that goes and ends", { initial = "a", nodes = { a = node { options = { { digit = "1", label = "a", go = "a",
      outcome = "X" } } } } },
      "option 1: it needs either 'go', or an end" },
  } do
    it(case[1], function()
      local ok, why = pcall(keypad, case[2])
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
    end)
  end

  it("no greeting where it is the prompt", function()
    local tree = keypad { initial = "a", nodes = { a = { options = { { digit = "1", label = "a", outcome = "A" } } } } }
    local ok, why = pcall(template, { name = "x", keypad = tree })
    assert.is_false(ok)
    assert.is_truthy(why:find("template 'x': 'greeting' is missing", 1, true), why)
  end)
end)

describe("a template is refused with", function()
  for _, case in ipairs {
    { "no flow", {}, "template 'x': 'on_call' is missing (function); 'start', 'menu' or 'keypad' may be there instead" },
    { "two flows", { on_call = print, start = print }, "template 'x': of 'on_call' and 'start' only one can be the flow" },
    { "a menu that is none", { menu = {} }, "template 'x': 'menu' must be what menu { … } returns" },
    { "a keypad that is none", { keypad = {} }, "template 'x': 'keypad' must be what keypad { … } returns" },
    { "a misspelled idle", { on_call = print, idle = { afer = 3 } },
      "template: idle: unknown field 'afer'; did you mean 'after'?" },
    { "a bad secret", { on_call = print, secrets = { "a b" } }, "template: 'secrets' must be a list of names" },
  } do
    it(case[1], function()
      case[2].name = "x"
      local ok, why = pcall(template, case[2])
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
    end)
  end
end)
