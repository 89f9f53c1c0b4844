-- Flows and files that are wrong, on the real engine: what the author is told and where, what the caller hears, what is
-- written, and that a call beside it does not notice. On many threads and in real time: tests/bind, tests/end_to_end.

local neighbour = require "spec.support.neighbour"

local HERE, assert_breaks, assert_undisturbed = neighbour.HERE, neighbour.assert_breaks, neighbour.assert_undisturbed

local function press_one(caller) caller:hears("press one."):presses "1" end

-- Globals that scripts do not have are found when the file is judged; a text that is loaded later is not looked through.
local function hidden(text) return ('load("\\n\\n\\n" .. [[%s]], "@templates.bad")()'):format(text) end

describe("a flow that", function()
  for _, case in ipairs {
    { "loops for ever", "while true do end", HERE .. ": time budget of 300 ms used up",
      "work that is long must wait in between", code = "ETIMEDOUT" },
    { "catches what stops it, and loops on", "while true do pcall(function() while true do end end) end",
      "time budget of 300 ms used up", HERE, code = "ETIMEDOUT" },
    { "searches for ever", "(('a'):rep(200000)):find(('.-'):rep(20) .. 'b')", "time budget of 300 ms used up", HERE,
      code = "ETIMEDOUT" },
    { "recurses without end", "local function f() return 1 + f() end f()",
      "stack overflow; a function calls itself without end", HERE .. ": in f" },
    { "keeps tables without end", "local t = {} while true do t[#t + 1] = {} end",
      "not enough memory: the ceiling is 16777216 bytes; keep less", HERE, code = "ENOMEM" },
    { "keeps texts without end", "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", "not enough memory", HERE,
      code = "ENOMEM" },
    { "doubles a text without end", "local s = 'x' while true do s = s .. s end", "not enough memory", HERE, code = "ENOMEM" },
    { "starts tasks without end", "while true do call:spawn(function() call:sleep '1h' end) end", "not enough memory",
      "templates.bad", code = "ENOMEM" },
    { "makes one text too long", "local s = ('x'):rep(4e6)", HERE .. ": string.rep: the result has at most 1048576 bytes" },
    { "asks for too much at once", [[for i = 1, 100 do
        call:spawn(function() local message, why = http.fetch { url = "https://shop.example/" .. i } assert(message, why) end)
      end call:sleep "1m"]], "EDQUOT: a call waits for at most 16 answers at a time", "templates.bad:5" },
    { "fails", "local t\nt.x = 1", "templates.bad:5: attempt to index local 't' (a nil value)" },
    { "calls what is not a function", "call:sayy 'Hello'", HERE .. ": attempt to call method 'sayy' (a nil value)" },
    { "raises a table", "error { code = 'X' }", "table: " },
    { "writes a global", hidden "answer = 1", HERE .. ": assignment to global 'answer': declare it with 'local'" },
    { "wants what its payload has not", "local city = call.payload.address.city",
      HERE .. ": attempt to index field 'address' (a nil value)" },
    { "uses a secret that is not declared", "local key = 'Bearer ' .. call.secrets.shop_key",
      HERE .. ": secret 'shop_key' is not among the template's 'secrets'" },
    { "takes over the errors", "task.on_error(print)", HERE .. ": task.on_error belongs to the module this VM began with" },
  } do
    it(case[1] .. " is stopped, and its neighbour hears every word in time", function()
      assert_breaks { body = case[2], code = case.code, unpack(case, 3) }
    end)
  end

  it("fails when the caller presses a key is stopped (call:on)", function()
    assert_breaks { "templates.bad:4: in the handler", body = [[call:on("digit", function(_, key) error "in the handler" end)
      call:say "Press what you like." call:sleep "1m"]], doing = function(caller) caller:hears("like."):presses "4" end }
  end)

  it("fails when the service tells it something is stopped (call:on)", function()
    assert_breaks { "templates.bad:4: cannot read blue", doing = function(caller) caller:tell "blue" end,
      body = [[call:on("message", function(_, text) error("cannot read " .. text) end) call:sleep "1m"]] }
  end)

  it("fails in a task beside it is stopped, and what it says is cut", function()
    assert_breaks { "templates.bad:4: beside", body = [[call:spawn(function() call:sleep "2s" error "beside" end)
      call:say "One." call:sleep "1s" for _ = 1, 20 do call:say "This goes on and on." end]] }
  end)

  it("fails in one of several at once is stopped", function()
    assert_breaks { "templates.bad:5: the second", body = [[call:race { function() call:sleep "1m" end,
      function() call:sleep "1s" error "the second" end }]] }
  end)

  it("fails where a menu leads is stopped", function()
    assert_breaks { "templates.bad:5: in the menu", doing = press_one, body = [[call:menu(menu { name = "main", options = {
      { label = "your order", say = "For your order, press one.", go = function() error "in the menu" end } } })]] }
  end)

  it("fails in its clean-up is stopped", function()
    assert_breaks { "templates.bad:5: in the clean-up", body = [[task.finally(function() call:sleep "1s" end,
      function() error "in the clean-up" end)]] }
  end)

  it("loops before an inbound caller is through is stopped, and he hears the fallback", function()
    assert_breaks { HERE .. ": time budget", code = "ETIMEDOUT", body = "while true do end", inbound = true }
  end)
end)

describe("a flow that waits where it may not:", function()
  local REMEDY = "a task cannot wait here, inside a callback of gsub or sort, or while a file is loaded: return first, then wait"
  for _, case in ipairs {
    { "in the callback of a pattern", "('abc'):gsub('.', function() call:sleep(1) end)", REMEDY, HERE },
    { "in a comparison", "table.sort({ 2, 1, 3 }, function(a, b) call:say 'Sorting.' return a < b end)", REMEDY, HERE },
    { "while it loads a file", "require 'templates.late'", REMEDY, "templates.late:1",
      sources = { ["templates.late"] = "require('callisto.task').sleep(1)" } },
    { "by a bare yield in such a callback", "('abc'):gsub('.', coroutine.yield)",
      "attempt to yield across C-call boundary; callbacks of gsub and sort, and files while they are loaded, cannot wait", HERE },
    { "in a coroutine of its own", "coroutine.wrap(function() call:sleep(1) end)()",
      "a task cannot wait inside a coroutine of its own", HERE },
    { "by a bare yield", "coroutine.yield()", "a task yielded outside callisto.task; use task.wait or task.sleep", HERE },
  } do
    it(case[1], function() assert_breaks { body = case[2], sources = case.sources, unpack(case, 3) } end)
  end

  it("a metamethod may", function()
    local caller, beside = neighbour.call { body = [[local slow = setmetatable({}, { __index = function(_, name)
      call:sleep "1s" return name end })
      call:finish("WAITED", "Here is " .. slow.tea)]] }
    caller:hears "Here is tea"
    assert.equal("WAITED", caller:ended().outcome)
    assert_undisturbed(beside)
  end)
end)

describe("a flow that reaches for what it may not:", function()
  local ETC = "/etc/" .. "passwd"
  for _, case in ipairs {
    { "io", hidden("io.open '" .. ETC .. "'"),
      HERE .. ": attempt to index global 'io' (a nil value); scripts read and write no files" },
    { "os", hidden "os.execute 'true'", HERE .. ": attempt to index global 'os' (a nil value); scripts start no processes",
      "callisto.clock has the time" },
    { "debug", hidden "debug.getregistry()", HERE .. ": attempt to index global 'debug'", "callisto.vm has the traceback" },
    { "the module io", "require 'io'", HERE .. ": module 'io' is not there: scripts read and write no files" },
    { "the module os", "require 'os'", HERE .. ": module 'os' is not there: scripts start no processes" },
    { "the module ffi", "require 'ffi'", HERE .. ": module 'ffi' is not there: scripts call no C" },
    { "the module debug", "require 'debug'", HERE .. ": module 'debug' is not there: scripts do not look into each other" },
    { "the module package", "require 'package'", HERE .. ": module 'package' is not there: scripts load no files" },
    { "a file outside", "require '../../.." .. ETC .. "'",
      HERE .. ": module '../../.." .. ETC .. "' is not there: a module's name is not a path" },
    { "a file by its path", "require 'templates/steady.lua'",
      "a module's name is not a path: templates/order.lua is 'templates.order'" },
    { "a module that is not there", "require 'templates.nobody'", HERE .. ": module 'templates.nobody' is not there" },
    { "another template that is broken", "require 'templates.other'", "module 'templates.other' is broken: templates.other:1:",
      HERE, sources = { ["templates.other"] = "return {" } },
    { "modules in a circle", "require 'templates.a'",
      "modules require each other in a circle: 'templates.a' needs 'templates.b' needs 'templates.a'", HERE,
      sources = { ["templates.a"] = "return require 'templates.b'", ["templates.b"] = "return require 'templates.a'" } },
    { "the service of all calls", "require 'callisto.service'", "callisto.service is not for flows", HERE },
    { "the events of its VM", "require('callisto.core').handler(print)", HERE .. ": core.handler: this VM has its handler" },
    { "a loopback address", "local _, why = http.fetch { url = 'http://127.0.0.1:9000/' } error(why)",
      HERE .. ": EACCES: the address is private; only serve --allow-private lets flows reach such" },
    { "this machine by its name", "local _, why = http.fetch { url = 'http://localhost/metrics' } error(why)",
      HERE .. ": EACCES: the address is private" },
    { "the cloud's metadata", "local _, why = http.fetch { url = 'http://169.254.169.254/latest' } error(why)",
      HERE .. ": EACCES: the address is private" },
    { "a private network", "local _, why = http.fetch_json { url = 'http://10.0.0.7/' } error(why)",
      HERE .. ": EACCES: the address is private" },
    { "a file by its URL", "local _, why = http.fetch { url = 'file://" .. ETC .. "' } error(why)",
      HERE .. ": EINVAL: a URL begins with http:// or https://" },
  } do
    it(case[1], function() assert_breaks { body = case[2], sources = case.sources, unpack(case, 3) } end)
  end

  it("another template's module, which is a copy of its own", function()
    local caller, beside = neighbour.call { body = [[local other = require "templates.steady"
      other.on_call, other.name = nil, "mine"
      call:finish("CHANGED", "Mine now.")]] }
    caller:hears "Mine now."
    assert.equal("CHANGED", caller:ended().outcome)
    assert_undisturbed(beside)
    local next_one = caller.world:call { template = "steady", number = "+14150000008" }
    next_one:hears "Line 1 is fine."
  end)

  it("the settings of the service, and sees none of its secrets", function()
    local caller = neighbour.call { env = { SHOP_KEY = "not-for-flows" }, body = [[local core = require "callisto.core"
      call:finish("LOOKED", "Settings are a " .. type(core.settings))]] }
    caller:hears "Settings are a nil"
  end)
end)

describe("a flow that gives rubbish:", function()
  for _, case in ipairs {
    { "a step returns a text", "return 'yes'",
      "template 'bad': a step of the flow returned the text \"yes\"; return the next function, or nothing" },
    { "a step returns a number", "return 42", "template 'bad': a step of the flow returned a number" },
    { "a step returns a table", "return { next = 'x' }", "template 'bad': a step of the flow returned a table" },
    { "a step after the first", "return function() return function() return true end end",
      "a step of the flow returned a boolean" },
    { "an option of a menu returns a number", [[return menu { name = "main", greeting = "Welcome.", options = {
      { label = "your order", say = "For your order, press one.", go = function() return 17 end } } }]],
      "a step of the flow returned a number; return the next function, or nothing", doing = press_one },
    { "say: a number", "call:say(42)", HERE .. ": a sentence must be text, not number" },
    { "say: too much", "call:say(('x'):rep(4001))", HERE .. ": a sentence may have at most 4,000 bytes" },
    { "say: a misspelled option", "call:say('x', { bargein = true })",
      HERE .. ": call:say: unknown field 'bargein'; did you mean 'barge_in'?" },
    { "play: a path outside", "call:play '../secret.wav'",
      HERE .. ": call:play needs the path of a sound file inside the workspace" },
    { "tone: an unknown one", "call:tone('nope', '1s')", "no tone is called \"nope\"", HERE },
    { "hold: no function", "call:hold 'a.wav'", HERE .. ": call:hold needs the function to run meanwhile" },
    { "background: too loud", "call:background('a.wav', { volume = 7 })",
      HERE .. ": call:background: 'volume' must be at most 1" },
    { "speak_with: no name", "call:speak_with(1)", HERE .. ": call:speak_with needs the name of a voice, not number" },
    { "listen: no duration", "call:listen { timeout = 'soon' }", HERE .. ": call:listen: 'timeout' must be a duration such as" },
    { "ask: no question", "call:ask {}", HERE .. ": call:ask: '1' is missing" },
    { "ask: two keys in one", "call:ask { 'A?', digits = { ['55'] = 'x' } }", HERE .. ": call:ask: digits map single keys" },
    { "ask: a choice that is not text", "call:ask { 'A?', choices = { a = 1 } }", HERE .. ": call:ask: choice 'a': phrases are" },
    { "confirm: nothing", "call:confirm(nil)", HERE .. ": call:confirm needs a question, not nil" },
    { "digits: more than most", "call:digits { 'E.', min = 5, max = 2 }", HERE .. ": call:digits: 'min' is more than 'max'" },
    { "menu: no menu", "call:menu { options = {} }", HERE .. ": call:menu needs what menu { … } returns, not table" },
    { "keypad: no tree", "call:keypad(nil)", HERE .. ": call:keypad needs what keypad { … } returns, not nil" },
    { "sleep: no time", "call:sleep 'a while'", HERE .. ": call:sleep: the length must be a duration such as" },
    { "finish: no word", "call:finish 'not a word'", HERE .. ": call:finish needs an outcome of letters, digits" },
    { "finish: a sentence that is none", "call:finish('DONE', 5)",
      HERE .. ": call:finish: the last sentence must be text, not number" },
    { "bye: a sentence that is none", "call:bye {}", HERE .. ": call:bye: the last sentence must be text, not table" },
    { "become: no template", "call:become(42)", HERE .. ": call:become needs a template, not number" },
    { "become: nobody", "call:become 'nobody'", HERE .. ": call:become: the template 'nobody' cannot be loaded" },
    { "on: an unknown event", "call:on('nope', print)", HERE .. ": call:on: unknown event 'nope'; there are: answered_by, " },
    { "on: no function", "call:on('digit', 1)", HERE .. ": call:on needs the function to run, not number" },
    { "send_digits: letters", "call:send_digits 'xyz'", HERE .. ": call:send_digits needs 1 to 64 keys of 0-9 * # A-D" },
    { "spawn: no function", "call:spawn(nil)", HERE .. ": call:spawn needs the function to run, not nil" },
    { "race: no table", "call:race(nil)", HERE .. ": call:race needs a table of functions, not nil" },
    { "all: a number among functions", "call:all { a = 1 }", HERE .. ": call:all: 'a' must be a function, not a number" },
    { "with_timeout: no function", "call:with_timeout('1s', 2)",
      HERE .. ": call:with_timeout needs the function to run, not number" },
    { "fact: no table", "call:fact('x', print)", HERE .. ": call:fact needs a kind and a table" },
    { "fact: a function inside", "call:fact('x', { f = print })", HERE .. ": call:fact: cannot write a function" },
    { "output: no table", "call:output(1)", HERE .. ": call:output needs a table such as" },
    { "fetch: nothing", "http.fetch(nil)", HERE .. ": http.fetch needs a table such as { url =" },
    { "fetch: no URL", "http.fetch {}", "`url` is missing", HERE },
  } do
    it(case[1], function() assert_breaks { body = case[2], doing = case.doing, unpack(case, 3) } end)
  end
end)

describe("a flow whose caller has hung up", function()
  local function after_hang_up(body)
    local caller, beside, world = neighbour.call { body = body, doing = function(caller) caller:silence(1):hangs_up() end }
    local ending = caller:ended()
    assert_undisturbed(beside)
    return caller, ending, neighbour.errors(world)
  end

  it("may clean up, and says nothing any more", function()
    local caller, ending, log = after_hang_up [[task.finally(function() call:sleep "1h" end, function()
      call:fact "clean-up"
      call:say "Nobody hears this."
      call:fact "never"
    end)]]
    assert.equal("", log)
    assert.same({}, caller.words)
    assert.equal("completed", ending.state)
    assert.equal("CUSTOMER_HANGUP", ending.reason)
    assert.equal(1, #caller:facts "clean-up")
    assert.equal(0, #caller:facts "never")
  end)

  it("is not outlived by one that catches every error", function()
    local caller, ending, log = after_hang_up [[local ok = pcall(function() call:sleep "1h" end)
      call:fact("caught", { ok = ok })
      call:say "I am still here."
      call:fact "never"]]
    assert.equal("", log)
    assert.equal("CUSTOMER_HANGUP", ending.reason)
    assert.same({}, caller.words)
    assert.same({ ok = false }, caller:fact "caught")
    assert.equal(0, #caller:facts "never")
  end)

  it("can wait for nothing more, start nothing and become nothing", function()
    local caller, ending, log = after_hang_up [[local verbs = {
        listen = function() call:listen { choices = { a = "yes" } } end, ask = function() call:ask { "Well?" } end,
        tone = function() call:tone("beep", "1s") end, become = function() call:become "steady" end,
        spawn = function() call:spawn(function() call:fact "never" end) end,
        fetch = function() http.fetch { url = "https://x.example" } end,
      }
      task.finally(function() call:sleep "1h" end, function()
        for name, verb in pairs(verbs) do call:fact("verb", { name = name, ok = (pcall(verb)) }) end
      end)]]
    assert.equal("", log)
    assert.equal("CUSTOMER_HANGUP", ending.reason)
    assert.equal(6, #caller:facts "verb")
    for _, each in ipairs(caller:facts "verb") do assert.is_false(each.ok, each.name) end
    assert.equal(0, #caller:facts "never")
  end)

  it("is stopped when its clean-up loops", function()
    local caller, ending, log = after_hang_up "task.finally(function() call:sleep '1h' end, function() while true do end end)"
    assert.matches("templates.bad:4: time budget of 300 ms used up", log)
    assert.equal("failed", ending.state)
    assert.same({}, caller.words)
  end)

  it("ends once, however often it is finished", function()
    local caller, beside = neighbour.call { body = [[call:spawn(function() call:finish("SECOND", "Second goodbye.") end)
      call:finish("FIRST", "First goodbye.")]] }
    caller:hears "First goodbye."
    assert.equal("FIRST", caller:ended().outcome)
    assert.equal("first goodbye.", table.concat({ caller.words[1].word, caller.words[2].word }, " "):lower())
    assert.equal(2, #caller.words)
    assert_undisturbed(beside)
  end)
end)

describe("a file that is not a template", function()
  for _, case in ipairs {
    { "does not return one", "return 42", "templates.bad:1: template is not what the file returns" },
    { "returns a bare table", "return { name = 'bad', on_call = print }",
      "templates.bad:1: template is not what the file returns" },
    { "does not compile", "return {", "templates.bad:1: unexpected symbol" },
    { "fails while it is loaded", "\nerror 'at load'", "templates.bad:2: at load" },
    { "waits while it is loaded", "require('callisto.task').sleep(1)",
      "templates.bad:1: this function waits and must be called inside a task" },
    { "opens a file while it is loaded", "local f = io.open 'x'", "templates.bad:1: scripts have no io" },
    { "takes the service's events", "require('callisto.core').handler(print)",
      "templates.bad:1: core.handler acts while the file loads" },
    { "takes the service's errors", "require('callisto.task').on_error(print)",
      "templates.bad:1: task.on_error acts while the file loads" },
    { "writes a global", "found = true", "templates.bad:1: assignment to global 'found': declare it with 'local'" },
    { "has a misspelled field", "return require('callisto.template') { nme = 'x', on_call = print }",
      "templates.bad:1: template: unknown field 'nme'; did you mean 'name'?" },
    { "names a voice that is not there", [[return require "callisto.template" { name = "x", on_call = print,
      voice = { tts = "acme" } }]],
      "template 'x': voice: 'tts' is 'acme', and providers/tts has no such file; there are: azure" },
    { "misspells what a voice may be told", [[return require "callisto.template" { name = "x", on_call = print,
      voice = { tts = { "elevenlabs", sped = 1.1 } } }]],
      "template 'x': voice: options of 'elevenlabs': unknown field 'sped'; did you mean 'speed'?" },
    { "names an id that no voice of the vendor can have", [[return require "callisto.template" { name = "x", on_call = print,
      voice = { tts = { "local", { "elevenlabs", voice = "not an id" } } } }]],
      "'voice' is 'not an id', which tts 'elevenlabs' does not have; there are: 21m00Tcm4TlvDq8ikWAM" },
    { "names a voice twice", [[return require "callisto.template" { name = "x", on_call = print,
      voice = { tts = { "local", "local" } } }]], "template: voice: 'tts' names 'local' twice" },
    { "has a menu with no way out", [[local menu = require "callisto.menu"
      return require("callisto.template") { name = "x", menu = menu.set("a", { a = { options = { { label = "again",
        go = "a" } } } }) }]], "menu 'a': no end can be reached from it" },
    { "has a keypad whose target is not there", [[local keypad = require "callisto.keypad"
      return require("callisto.template") { name = "x", keypad = keypad { initial = "a", nodes = { a = { prompt = "?",
        options = { { digit = "1", label = "b", go = "b" } } } } } }]],
      "keypad: node 'a': option 1: 'go' leads to 'b', which is not there" },
  } do
    it(case[1] .. " is told, and the others serve", function()
      local world = neighbour.open { file = case[2] }
      local log = neighbour.errors(world)
      assert.is_truthy(log:find(case[3], 1, true), log)
      local beside = neighbour.of(world)
      local refused = world:ring { template = "bad", number = "+14150000007", may_be_refused = true }
      assert.equal(404, refused.refusal.status)
      assert.equal("there is no agent 'bad'", refused.refusal.detail)
      assert_undisturbed(beside)
    end)
  end

  it("never ends while it is loaded is left out, and named in the log with its line", function()
    local worse = { ["templates.worse"] = "while true do pcall(error) end" }
    local world = neighbour.open { file = "\nwhile true do end", sources = worse }
    local log = neighbour.errors(world)
    assert.matches("templates.bad:2: time budget of %d+ ms used up", log)
    assert.matches("templates.worse:1: time budget of %d+ ms used up", log)
    neighbour.assert_undisturbed(neighbour.of(world))
  end)
end)
