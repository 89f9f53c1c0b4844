-- Keys at the border of two questions, on the real engine: each key goes to the question it was typed for, a terminator to
-- none but its own, and nobody can press wrong keys for ever.

local flows = require "spec.support.flows"

local TWO_INPUTS = [[
  local first = call:digits { "Your account.", min = 4, max = 4 }
  local second = call:digits { "Your PIN.", min = 4, max = 4 }
  call:finish((first or "none") .. "-" .. (second or "none"))
]]

local function types_slowly(caller, keys, pause)
  for key in keys:gmatch "." do caller:presses(key, pause) end
end

local function lines_of(caller)
  local list = {}
  for _, line in ipairs(caller:lines()) do
    if line:find "^caller" then list[#list + 1] = line end
  end
  return list
end

describe("two inputs", function()
  for _, pause in ipairs { 0.05, 0.2, 0.7 } do
    it(("share what is typed without a pause, %d ms a key"):format(pause * 1000), function()
      local caller = flows.call(TWO_INPUTS)
      caller:hears "Your account."
      types_slowly(caller, "12345678", pause)
      assert.equal("1234-5678", caller:ended().outcome)
      assert.same({ "caller: Pressed 1234", "caller: Pressed 5678" }, lines_of(caller))
    end)
  end

  for _, after in ipairs { 0.1, 0.7, 2, 8 } do
    it(("do not take a terminator of the first, %g s late, for the second"):format(after), function()
      local caller = flows.call(TWO_INPUTS)
      caller:hears "Your account."
      types_slowly(caller, "1234", 0.2)
      caller:silence(after):presses("#", 1)
      types_slowly(caller, "5678", 0.2)
      assert.equal("1234-5678", caller:ended().outcome)
    end)
  end

  it("keep a terminator that was typed ahead with its own input", function()
    local caller = flows.call("call:say 'One moment.' call:sleep '3s'" .. TWO_INPUTS)
    caller:hears "One moment."
    types_slowly(caller, "1234#5678#", 0.1)
    assert.equal("1234-5678", caller:ended().outcome)
  end)

  it("hear the second prompt in full when a terminator comes late", function()
    local caller = flows.call((TWO_INPUTS:gsub("Your PIN%.", "And now your secret number, please.")))
    caller:hears "Your account."
    types_slowly(caller, "1234", 0.2)
    caller:silence(0.5):presses "#"
    caller:hears "And now your secret number, please."
    types_slowly(caller, "5678", 0.2)
    assert.equal("1234-5678", caller:ended().outcome)
  end)

  it("the first with a terminator of its own, the second without one", function()
    local caller = flows.call [[
      local first = call:digits { "Your account.", min = 4, max = 4, terminator = "*" }
      local second = call:digits { "Any keys.", min = 2, max = 2, terminator = "" }
      call:finish(first .. "_" .. (second == "#1" and "hash_one" or second or "none"))
    ]]
    caller:hears "Your account."
    types_slowly(caller, "1234*#1", 0.3)
    assert.equal("1234_hash_one", caller:ended().outcome)
  end)
end)

describe("a menu after an input", function()
  local menu_after = [[
    local menu = require "callisto.menu"
    local pin = call:digits { "Your PIN.", min = 4, max = 4, sensitive = true }
    %s
    local choice = call:menu(menu { type_ahead = type_ahead, options = {
      { digit = "1", label = "orders", choice = "ORDERS" }, { digit = "#", label = "end", choice = "END" } } })
    call:finish(choice or "none")
  ]]

  it("has the key that was typed after it", function()
    local caller = flows.call(menu_after:format "local type_ahead")
    caller:hears "Your PIN."
    types_slowly(caller, "12341", 0.2)
    assert.equal("ORDERS", caller:ended().outcome)
    assert.same({ "caller: Pressed keys that are kept secret", "caller: Pressed 1 — orders" }, lines_of(caller))
  end)

  it("does not take its terminator for a choice, but the same key later", function()
    local caller = flows.call(menu_after:format "local type_ahead")
    caller:hears "Your PIN."
    types_slowly(caller, "1234#", 0.2)
    caller:hears "For orders, press 1. For end, press hash."
    caller:silence(1):presses "#"
    assert.equal("END", caller:ended().outcome)
  end)

  it("throws away what was typed before it when it says so", function()
    local caller = flows.call(menu_after:format "local type_ahead = false call:sleep '1s'")
    caller:hears "Your PIN."
    caller:presses "12341"
    caller:hears "For orders, press 1. For end, press hash."
    caller:presses "#"
    assert.equal("END", caller:ended().outcome)
  end)
end)

describe("keys that are typed while nobody listens", function()
  local look_up = [[
    call:say "One moment."
    call:sleep "2s"
    local keys = call:digits { "Your number.", min = 2, max = 2, timeout = "3s", %s }
    call:finish(keys or "none")
  ]]

  it("wait for the next question, which need not be said", function()
    local caller = flows.call(look_up:format "")
    caller:hears("One moment."):presses "42"
    assert.equal("42", caller:ended().outcome)
    assert.same({ "agent: One moment.", "caller: Pressed 42" }, caller:lines())
  end)

  it("are thrown away by a question without type-ahead, and only counted in the transcript", function()
    local caller = flows.call(look_up:format "type_ahead = false, sensitive = true")
    caller:hears("One moment."):presses "42"
    caller:hears "Your number."
    caller:presses "17"
    assert.equal("17", caller:ended().outcome)
    assert.same({ "caller: Pressed 2 keys that no question took", "caller: Pressed keys that are kept secret" }, lines_of(caller))
  end)

  it("are forgotten after 20 s", function()
    local caller = flows.call [[
      call:say "One moment."
      call:sleep "25s"
      call:finish(call:confirm { "Shall we cancel everything?", tries = 1 } == nil and "NOTHING" or "DONE")
    ]]
    caller:hears("One moment."):presses "1"
    caller:hears "Shall we cancel everything?"
    assert.equal("NOTHING", caller:ended().outcome)
  end)

  it("are at most 32", function()
    local caller = flows.call [[
      call:say "One moment."
      call:sleep "12s"
      call:finish(call:digits { "Your number.", max = 64, between = "1s" })
    ]]
    caller:hears("One moment."):presses(("7"):rep(40))
    assert.equal(("7"):rep(32), caller:ended().outcome)
  end)

  it("are the handler's, when there is one", function()
    local caller = flows.call [[
      local off = call:on("digit", function(_, key) call:fact("handled", { key = key }) end)
      call:say "Press what you like."
      call:sleep "1s"
      off()
      call:finish(call:digits { "Your number.", timeout = "2s" } or "none")
    ]]
    caller:hears("like."):presses "5"
    assert.equal("none", caller:ended().outcome)
    assert.equal("5", caller:fact("handled").key)
  end)

  it("answer a question for keys, but none for words", function()
    local caller = flows.call [[
      call:say "One moment."
      call:sleep "1s"
      local by_word = call:ask { "Red or blue?", choices = { red = "red", blue = "blue" }, tries = 1 }
      call:finish(by_word or "none")
    ]]
    caller:hears("One moment."):presses "1"
    caller:hears("Red or blue?"):says "blue"
    assert.equal("blue", caller:ended().outcome)
  end)

  it("after a wrong key were meant for something else", function()
    local caller = flows.call [[
      call:say "One moment."
      call:sleep "2s"
      call:finish(call:confirm "Shall we cancel everything?" and "DONE" or "KEPT")
    ]]
    caller:hears("One moment."):presses "91"
    caller:hears("Shall we cancel everything?"):presses "2"
    assert.equal("KEPT", caller:ended().outcome)
  end)
end)

describe("a question that may not be interrupted", function()
  it("is said to its end by call:digits, which keeps the keys that were typed meanwhile", function()
    local caller = flows.call [[
      local keys = call:digits { "Please listen carefully to this whole sentence.", min = 4, max = 4, barge_in = false }
      call:finish(keys or "none")
    ]]
    caller:hears "Please"
    types_slowly(caller, "1234", 0.1)
    caller:hears "listen carefully to this whole sentence."
    assert.equal("1234", caller:ended().outcome)
    assert.equal("agent: Please listen carefully to this whole sentence.", caller:lines()[1])
  end)

  it("is said to its end by call:ask, too", function()
    local caller = flows.call [[
      call:finish(call:confirm { "Please listen carefully to this whole question.", barge_in = false } and "YES" or "NO")
    ]]
    caller:hears("Please"):presses "1"
    caller:hears "listen carefully to this whole question."
    assert.equal("YES", caller:ended().outcome)
  end)
end)

describe("wrong keys", function()
  it("end a menu at the fifth", function()
    local caller = flows.call [[
      local menu = require "callisto.menu"
      local _, reason = call:menu(menu { goodbye = false, options = { { label = "orders", choice = "ORDERS" } } })
      call:finish(reason)
    ]]
    for _ = 1, 5 do caller:hears("For orders"):presses "7" end
    assert.equal("invalid", caller:ended().outcome)
  end)

  it("end it also when 60 are typed without a pause", function()
    local caller = flows.call [[
      local menu = require "callisto.menu"
      call:menu(menu { options = { { label = "orders", choice = "ORDERS" } } })
    ]]
    caller:hears("For orders"):presses(("7"):rep(60))
    assert.equal("IDLE_TIMEOUT", caller:ended().reason)
  end)

  it("are nothing to call:digits, where a terminator without keys does not count", function()
    local caller = flows.call [[
      local keys, reason = call:digits { "Your number.", timeout = "4s" }
      call:finish(keys or reason)
    ]]
    caller:hears "Your number."
    types_slowly(caller, ("#"):rep(5), 0.5)
    assert.equal("silence", caller:ended().outcome)
  end)
end)
