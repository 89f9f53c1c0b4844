local exchange = require "callisto.spec"
local flows = require "spec.support.flows"

local function call(source, options)
  options = options or {}
  options.source = "local template = require 'callisto.template'\n" .. source
  return exchange.call(options)
end

describe("a flow of functions", function()
  local graph = [[
    local ask, more, done
    function ask(call)
      local yes = call:confirm "Do you want tea?"
      return yes and more or done
    end
    function more(call)
      call:say "Here is a cup."
      return ask
    end
    function done(call) call:finish("ENOUGH", "Goodbye.") end
    return template { name = "x", start = ask }
  ]]

  it("goes on with the function that each returns", function()
    local caller = call(graph)
    for _ = 1, 3 do
      caller:hears "tea?"
      caller:presses "1"
      caller:hears "a cup"
    end
    caller:hears "tea?"
    caller:presses "2"
    assert.equal("ENOUGH", caller:ended().outcome)
  end)

  it("ends when one returns nothing, or what was said last", function()
    local caller = flows.call [[return call:say "Bye."]]
    caller:hears "Bye."
    assert.equal("AGENT_ENDED", caller:ended().reason)
  end)

  for shown, value in pairs { ['the text "yes"'] = '"yes"', ["a table"] = "{}", ["a number"] = "3", ["a boolean"] = "true" } do
    it("says what is wrong with " .. shown, function()
      local why = flows.error_of(flows.call("return " .. value))
      assert.is_truthy(why:find("template 'under-test': a step of the flow returned " .. shown .. "; return the next function",
        1, true), why)
    end)
  end
end)

describe("a call that becomes another template", function()
  local sources = {
    ["templates.second"] = [[
      local template = require "callisto.template"
      return template {
        name = "second", payload = { name = "string", order = "string?" }, greeting = "Second, {name}, {order}.",
        settings = { who = "second" },
        on_call = function(call)
          call:sleep "1s"
          call:fact("second", { who = call.settings.who, mine = call.settings.mine, tasks = require "callisto.task".count() })
          call:finish("SECOND", "Bye.")
        end,
      }
    ]],
  }
  local first = [[
    local task = require "callisto.task"
    return template {
      name = "first", greeting = "First.", settings = { who = "first" },
      on_call = function(call)
        call:spawn(function() task.finally(function() call:sleep "1h" end, function() call:fact "tidy" end) end)
        call:fact("running", { tasks = task.count() })
        call:on("digit", function() call:fact "key" end)
        call:decide "HALF"
        call:say "One moment."
        call:become(%s)
        call:fact "never"
      end,
    }
  ]]

  -- What the script has written, in its order.
  local function written(caller)
    local ours, list = { agent_outcome = true, template = true, tidy = true, second = true, key = true, never = true }, {}
    for _, event in ipairs(caller:record().events) do
      if ours[event.kind] then list[#list + 1] = event.kind .. " " .. (event.data.word or event.data.who or "") end
    end
    return list
  end

  for how, argument in pairs { ["by name"] = [["second", { order = "42" }]],
    ["itself"] = [[require "templates.second", { order = "42" }]] } do
    it(how .. " keeps what was said, ends what ran, and forgets the word", function()
      local caller = call(first:format(argument), { sources = sources, payload = { name = "Ann" }, settings = { mine = "yes" } })
      caller:hears "First."
      caller:hears "One moment."
      caller:hears "Second, Ann, 42."
      caller:presses "5"
      caller:hears "Bye."
      assert.equal("AGENT_ENDED", caller:ended().reason)
      assert.equal("SECOND", caller:ended().outcome)
      assert.equal("agent: First.", caller:lines()[1])
      assert.same({ "agent_outcome HALF", "agent_outcome ", "template ", "tidy ", "second second", "agent_outcome SECOND" },
        written(caller))
      -- Not one more than in the first: what that had started has ended.
      assert.equal(caller:fact("running").tasks - 1, caller:fact("second").tasks)
    end)
  end

  it("by returning it", function()
    local caller = call([[
      local second = require "templates.second"
      return template { name = "first", payload = { name = "string" }, on_call = function() return second end }
    ]], { sources = sources, payload = { name = "Bob" } })
    caller:hears "Second, Bob"
  end)

  it("ends when the caller hangs up", function()
    local caller = call(first:format [["second"]], { sources = sources, payload = { name = "Ann" } })
    caller:hears "Second"
    caller:hangs_up()
    assert.equal("CUSTOMER_HANGUP", caller:ended().reason)
  end)

  for argument, message in pairs {
    [ [["nobody"]] ] = "the template 'nobody' cannot be loaded",
    [ [[{}]] ] = "call:become needs a template, not table",
    [ [["second"]] ] = "call:become: template 'second': 'name' is missing (string)",
  } do
    it("is refused for " .. argument, function()
      local why = flows.error_of(call(first:format(argument), { sources = sources }))
      assert.is_truthy(why:find(message, 1, true), why)
    end)
  end
end)

describe("a call", function()
  it("runs several things at once, and under a deadline", function()
    local caller = flows.call [[
      local which, value = call:race { slow = function() call:sleep "5s" return 1 end,
        fast = function() call:sleep "1s" return 2 end }
      local both = call:all { a = function() call:sleep "1s" return "A" end, b = function() return "B" end }
      local nothing, _, code = call:with_timeout("2s", function() call:sleep "1h" end)
      local left = call:with_timeout("10s", function() return call:remaining() end)
      call:fact("all", { which = which, value = value, a = both.a, b = both.b, nothing = nothing, code = code, left = left })
    ]]
    caller:ended()
    assert.same({ which = "fast", value = 2, a = "A", b = "B", code = "ETIMEDOUT", left = 10 }, caller:fact "all")
  end)

  it("may listen to events for a while", function()
    local caller = flows.call [[
      local off = call:on("digit", function(_, key) call:fact("key", { key = key }) end)
      call:sleep "2s"
      off()
      call:sleep "5s"
    ]]
    caller:presses("1", 0.8)
    caller:presses("2", 1.5)
    caller:presses("3", 1.5)
    assert.same({ { key = "1" }, { key = "2" } }, caller:facts "key")
  end)

  it("is refused an event that there is not, and what is not a function", function()
    local refusal_of = flows.refusals { [[call:on("digits", print)]], [[call:on "digit"]] }
    for i, message in ipairs {
      "call:on: unknown event 'digits'; did you mean 'digit'?",
      "call:on needs the function to run, not nil",
    } do
      assert.is_truthy(refusal_of(i):find(message, 1, true), refusal_of(i))
    end
  end)
end)

describe("a secret", function()
  local source = [[
    local http, log = require "callisto.http", require "callisto.log"
    return template { name = "x", secrets = { "shop_key", "unset" }, on_call = function(call)
      local key = call.secrets.shop_key
      http.fetch { url = "https://shop.example.com/", headers = { authorization = "Bearer " .. key } }
      call:fact("seen", { text = tostring(key), key = key, revealed = require("callisto.secrets").reveal(key) })
      %s
    end }
  ]]

  local function with_secret(body)
    return call(source:format(body), {
      secrets = { shop_key = "s3cr3t-value" },
      hosts = { ["https://shop.example.com"] = function() return { status = 200 } end },
    })
  end

  it("is sent, and shown nowhere", function()
    local caller = with_secret ""
    caller:ended()
    assert.equal("Bearer s3cr3t-value", caller:requests("https://shop.example.com")[1].headers.authorization)
    assert.same({ text = "(secret shop_key)", key = {}, revealed = "***" }, caller:fact "seen")
  end)

  for body, message in pairs {
    [ [[error("oh: " .. require("callisto.secrets").reveal(key))]] ] = "oh: ***",
    [ [[error("oh: " .. tostring("x" .. key))]] ] = "oh: (secret shop_key)",
    [ [[local _ = call.secrets.unset]] ] = "secret 'unset' is not set: callisto.lua needs secrets = { unset = env.UNSET }",
    [ [[local _ = call.secrets.shop_kye]] ] = "secret 'shop_kye' is not among the template's 'secrets'; did you mean 'shop_key'?",
    [ [[call.secrets.shop_key = "x"]] ] = "call.secrets cannot be changed",
  } do
    it("in an error: " .. message, function()
      local why = flows.error_of(with_secret(body))
      assert.is_truthy(why:find(message, 1, true), why)
      assert.is_nil(why:find("s3cr3t", 1, true))
    end)
  end

  it("comes from callisto.lua, to the templates that declare it", function()
    local caller = call([[return template { name = "x", secrets = { "shop_key", "unset" }, on_call = function(call)
      local reveal = require "callisto.secrets".reveal
      call:fact("has", { shop_key = reveal(call.secrets.shop_key), other = pcall(function() return call.secrets.other end) })
    end }]], { secrets = { shop_key = "k1", other = "k2" } })
    caller:ended()
    assert.same({ shop_key = "k1", other = false }, caller:fact "has")
  end)
end)
