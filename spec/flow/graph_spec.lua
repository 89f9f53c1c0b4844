local phone = require "spec.support.phone"

local function call(source, options)
  options = options or {}
  options.source = "local template = require 'callisto.template'\n" .. source
  return phone.call(options)
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
    local caller = call [[return template { name = "x", on_call = function(call) return call:say "Bye." end }]]
    caller:hears("Bye."):listens()
    assert.equal("AGENT_ENDED", caller:ended().reason)
  end)

  for shown, value in pairs { ['the text "yes"'] = '"yes"', ["a table"] = "{}", ["a number"] = "3", ["a boolean"] = "true" } do
    it("says what is wrong with " .. shown, function()
      local broken
      call(("return template { name = 'x', on_call = function() return %s end }"):format(value),
        { on_broken = function(message) broken = message end })
      assert.is_truthy(broken:find("template 'x': a step of the flow returned " .. shown .. "; return the next function", 1,
        true))
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
          call:fact("second", { who = call.settings.who, mine = call.settings.mine })
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
        call:on("digit", function() call:fact "key" end)
        call:decide "HALF"
        call:say "One moment."
        call:become(%s)
        call:fact "never"
      end,
    }
  ]]

  for how, argument in pairs { ["by name"] = [["second", { order = "42" }]],
    ["itself"] = [[require "templates.second", { order = "42" }]] } do
    it(how .. " keeps what was said, ends what ran, and forgets the word", function()
      local caller = call(first:format(argument), { sources = sources, payload = { name = "Ann" }, settings = { mine = "yes" } })
      caller:hears "First."
      caller:hears "One moment."
      caller:hears "Second, Ann, 42."
      caller:presses "5"
      caller:hears("Bye."):listens()
      assert.same({ what = "ended", reason = "AGENT_ENDED", outcome = "SECOND" }, caller:ended())
      assert.equal("agent: First.", caller:transcript()[1])
      local kinds = {}
      for i, fact in ipairs(caller.vm.facts) do kinds[i] = fact.kind .. " " .. tostring(fact.data.word or fact.data.who or "") end
      assert.same({ "agent_outcome HALF", "agent_outcome ", "template ", "tidy ", "second second", "agent_outcome SECOND" },
        kinds)
      assert.equal(0, caller.vm.require "callisto.task".count())
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
    assert.equal("CUSTOMER_HANGUP", caller:ending().reason)
    assert.equal(0, caller.vm.require "callisto.task".count())
  end)

  for argument, message in pairs {
    [ [["nobody"]] ] = "the template 'nobody' cannot be loaded",
    [ [[{}]] ] = "call:become needs a template, not table",
    [ [["second"]] ] = "call:become: template 'second': 'name' is missing (string)",
  } do
    it("is refused for " .. argument, function()
      local broken
      local caller = call(first:format(argument), { sources = sources, on_broken = function(text) broken = text end })
      caller:silence(5)
      assert.is_truthy(broken:find(message, 1, true), broken)
    end)
  end
end)

describe("a call", function()
  it("runs several things at once, and under a deadline", function()
    local caller = call [[return template { name = "x", on_call = function(call)
      local which, value = call:race { slow = function() call:sleep "5s" return 1 end,
        fast = function() call:sleep "1s" return 2 end }
      local both = call:all { a = function() call:sleep "1s" return "A" end, b = function() return "B" end }
      local nothing, _, code = call:with_timeout("2s", function() call:sleep "1h" end)
      local left = call:with_timeout("10s", function() return call:remaining() end)
      call:fact("all", { which = which, value = value, a = both.a, b = both.b, nothing = nothing, code = code, left = left })
    end }]]
    caller:silence(4)
    assert.same({ which = "fast", value = 2, a = "A", b = "B", code = "ETIMEDOUT", left = 10 }, caller.vm.facts[1].data)
  end)

  it("may listen to events for a while", function()
    local caller = call [[return template { name = "x", on_call = function(call)
      local off = call:on("digit", function(_, key) call:fact("key", { key = key }) end)
      call:sleep "2s"
      off()
      call:sleep "2s"
    end }]]
    caller:presses("1", 1.5)
    caller:presses("2", 1.5)
    caller:presses("3", 1.5)
    assert.same({ "1", "2" }, { caller.vm.facts[1].data.key, caller.vm.facts[2].data.key })
    assert.equal(2, #caller.vm.facts)
  end)

  it("is refused an event that there is not, and what is no function", function()
    for body, message in pairs {
      [ [[call:on("digits", print)]] ] = "call:on: unknown event 'digits'; did you mean 'digit'?",
      [ [[call:on "digit"]] ] = "call:on needs the function to run, not nil",
    } do
      local broken
      call(("return template { name = 'x', on_call = function(call) %s end }"):format(body),
        { on_broken = function(text) broken = text end })
      assert.is_truthy(broken:find(message, 1, true), broken)
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

  it("is sent, and shown nowhere", function()
    local asked
    local caller = call(source:format "", {
      secrets = { shop_key = "s3cr3t-value" },
      on_fetch = function(request)
        asked = request
        return { status = 200 }
      end,
    })
    caller:silence(1)
    assert.equal("Bearer s3cr3t-value", asked.headers.authorization)
    assert.same({ text = "(secret shop_key)", key = {}, revealed = "***" }, caller.vm.facts[1].data)
  end)

  for body, message in pairs {
    [ [[error("oh: " .. require("callisto.secrets").reveal(key))]] ] = "oh: ***",
    [ [[error("oh: " .. tostring("x" .. key))]] ] = "oh: (secret shop_key)",
    [ [[local _ = call.secrets.unset]] ] = "secret 'unset' is not set: callisto.lua needs secrets = { unset = env.UNSET }",
    [ [[local _ = call.secrets.shop_kye]] ] = "secret 'shop_kye' is not among the template's 'secrets'; did you mean 'shop_key'?",
    [ [[call.secrets.shop_key = "x"]] ] = "call.secrets cannot be changed",
  } do
    it("in an error: " .. message, function()
      local broken
      local caller = call(source:format(body), {
        secrets = { shop_key = "s3cr3t-value" },
        on_fetch = function() return { status = 200 } end,
        on_broken = function(text) broken = text end,
      })
      caller:silence(1)
      assert.is_truthy(broken:find(message, 1, true), broken)
      assert.is_nil(broken:find("s3cr3t", 1, true))
    end)
  end

  it("comes from callisto.lua, to the templates that declare it", function()
    local world = require("spec.support.fake_core").world()
    local vm = world:vm("service", { settings = { env = {}, cli = {}, file = { secrets = { shop_key = "k1", other = "k2" } } } })
    assert.same({ shop_key = "k1" }, vm.require("callisto.settings").secrets { "shop_key", "unset" })
  end)
end)
