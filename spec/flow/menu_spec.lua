local exchange = require "callisto.spec"
local menu = require "callisto.menu"
local template = require "callisto.template"

local SOURCE = [[
  local menu, template = require "callisto.menu", require "callisto.template"
  local function orders(call) call:finish("ORDERS", "Orders.") end
  local main = menu.set("main", {
    main = {
      greeting = "Welcome.", %s
      options = {
        { label = "orders", go = orders },
        { label = "more", say = "For more, press two.", phrases = "more, something else", go = "more" },
        { digit = "0", label = "a person", outcome = "CALL_BACK", closing = "We will call you." },
      },
    },
    more = { options = {
      { digit = "1", label = "second", go = require "templates.second" },
      { digit = "*", label = "back", go = "main" },
    } },
  })
  return template { name = "under-test", menu = main }
]]

local SECOND = [[
  local template = require "callisto.template"
  return template { name = "second", greeting = "Second.", on_call = function(call) call:finish "SECOND" end }
]]

local function call(more)
  return exchange.call { source = SOURCE:format(more or ""), sources = { ["templates.second"] = SECOND } }
end

describe("a menu", function()
  it("says its options and follows a key, also during the prompt", function()
    local caller = call()
    caller:hears "Welcome. For orders, press 1. For more, press two. For a person, press 0."
    caller:presses "1"
    caller:hears "Orders."
    assert.equal("ORDERS", caller:ended().outcome)
    assert.equal("caller: Pressed 1 — orders", caller:lines()[2])
  end)

  it("leads to other menus and back, and to templates", function()
    local caller = call()
    caller:hears "Welcome"
    caller:presses "2"
    caller:hears "For second, press 1. For back, press star."
    caller:presses "*"
    caller:hears "Welcome"
    caller:presses "2"
    caller:hears "For second"
    caller:presses "1"
    caller:hears "Second."
    assert.equal("SECOND", caller:ended().outcome)
  end)

  it("ends the call with a word", function()
    local caller = call()
    caller:hears "Welcome"
    caller:presses "0"
    caller:hears "We will call you."
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)

  it("waits 15 s from the end of the prompt, three times, then says goodbye", function()
    local caller = call()
    caller:hears "Welcome"
    for _ = 1, 2 do
      caller:hears("a person, press 0."):listens()
      caller:hears_nothing(14)
      caller:hears("For orders", 2)
    end
    caller:hears("a person, press 0."):listens()
    caller:hears_nothing(14)
    caller:hears("Goodbye.", 2)
    local ending = caller:ended()
    assert.equal("IDLE_TIMEOUT", ending.reason)
    assert.is_nil(ending.facts.agent)
  end)

  it("does not count wrong keys as attempts", function()
    local caller = call()
    for _ = 1, 4 do
      caller:hears "For orders"
      caller:presses "7"
      caller:hears "That is not one of the choices."
    end
    caller:presses "1"
    assert.equal("ORDERS", caller:ended().outcome)
  end)

  it("takes a key during the greeting of its template", function()
    local caller = exchange.call { source = [[
      local menu, template = require "callisto.menu", require "callisto.template"
      return template { name = "x", greeting = "A very long greeting, which nobody wants to hear to its end again.",
        menu = menu { options = { { label = "a", outcome = "A", closing = "Bye." } } } }
    ]] }
    caller:hears "A very long"
    caller:presses "1"
    caller:hears "Bye."
    assert.equal("A", caller:ended().outcome)
    assert.equal("agent: A very --", caller:lines()[1])
  end)

  it("with speech takes a label or a phrase", function()
    local caller = call "speech = true,"
    caller:hears "Welcome"
    caller:says "something else"
    caller:hears("For second"):listens()
    assert.equal("caller: something else", caller:lines()[2])
  end)

  it("with speech counts what it did not understand", function()
    local caller = call "speech = true, attempts = 2,"
    for _ = 1, 2 do
      caller:hears("For orders"):listens()
      caller:says "bananas"
    end
    caller:hears "Goodbye."
  end)

  it("asked by a flow returns the choice, or why there is none", function()
    local source = [[
      local menu, template = require "callisto.menu", require "callisto.template"
      local colours = menu { goodbye = false, attempts = 1, options = {
        { label = "red", choice = "red" }, { label = "blue", go = function(call) call:say "Blue it is." return "azure" end } } }
      return template { name = "x", on_call = function(call)
        local colour, why = call:menu(colours)
        call:finish(colour or why)
      end }
    ]]
    for keys, word in pairs { ["1"] = "red", ["2"] = "azure" } do
      local caller = exchange.call { source = source }
      caller:hears "For red"
      caller:presses(keys)
      assert.equal(word, caller:ended().outcome)
    end
    local caller = exchange.call { source = source }
    caller:hears("For red"):listens():silence(15)
    assert.equal("silence", caller:ended().outcome)
  end)
end)

describe("a menu is refused with", function()
  local function nothing() end
  local good = { label = "a", go = nothing }
  for _, case in ipairs {
    { "a misspelled field", { name = "m", options = { good }, atempts = 3 },
      "menu 'm': unknown field 'atempts'; did you mean 'attempts'?" },
    { "no options", { name = "m" }, "menu 'm': 'options' is missing (list)" },
    { "empty options", { options = {} }, "'options' is empty" },
    { "a key twice", { name = "m", options = { good, { digit = "1", label = "b", go = nothing } } },
      "menu 'm': option 2: 'digit' \"1\" is taken already, by 'a'" },
    { "a key there is not", { options = { { digit = "A", label = "a", go = nothing } } },
      "option 1: 'digit' must be one of the keys 0-9, * and #, as text, not \"A\"" },
    { "more options than digits", { options = { good, good, good, good, good, good, good, good, good, good } },
      "option 10: 'digit' must be one" },
    { "no label", { options = { { go = nothing } } }, "option 1: 'label' is missing" },
    { "two ends", { options = { { label = "a", go = nothing, outcome = "X" } } },
      "option 1: of 'go', 'choice' and 'outcome' it needs exactly one" },
    { "nowhere to go", { options = { { label = "a" } } }, "it needs exactly one" },
    { "a bad word", { options = { { label = "a", outcome = "no good" } } }, "option 1: 'outcome' must be letters" },
    { "something else to go to", { options = { { label = "a", go = {} } } }, "'go' must be a function, a menu, a template" },
    { "a name and no set", { options = { { label = "a", go = "b" } } }, "names the menu 'b', but this menu stands alone" },
    { "a wait that is none", { options = { good }, wait = "soon" }, "'wait' must be a duration" },
  } do
    it(case[1], function()
      local ok, why = pcall(menu, case[2])
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
      assert.matches("menu_spec.lua:%d+: ", (select(2, pcall(function() local m = menu(case[2]) return m end))))
    end)
  end

  for _, case in ipairs {
    { "a target that is not there", { main = { options = { { label = "a", go = "othr" } } }, other = { options = { good } } },
      "menu 'main': option 1: 'go' leads to 'othr', which is not there; did you mean 'other'?" },
    { "no end", { main = { options = { { label = "a", go = "other" }, good } }, other = { options = { { label = "b",
      go = "other" } } } },
      "menu 'other': no end can be reached from it" },
    { "no first menu", { mian = { options = { good } } },
      "menu.set: it begins with 'main', which is not there; did you mean 'mian'?" },
  } do
    it(case[1], function()
      local ok, why = pcall(menu.set, "main", case[2])
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
    end)
  end

  it("a choice that leads nowhere, as the flow of a template", function()
    local ok, why = pcall(template, { name = "x", menu = menu { name = "m", options = { { label = "a", choice = "a" } } } })
    assert.is_false(ok)
    assert.is_truthy(why:find("menu 'm': option 1: a 'choice' leads nowhere here", 1, true), why)
  end)
end)
