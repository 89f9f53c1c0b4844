-- Scripts that take more than their share, on the real engine: what they are told, and that a call beside them hears every
-- word at its time. (A script takes more than its share.)

local neighbour = require "spec.support.neighbour"

local HERE, assert_breaks = neighbour.HERE, neighbour.assert_breaks

local BUDGET = "time budget of 100 ms used up"
local LIST = "local t = {} for i = 1, 1e5 do t[i] = i end "
local TWICE = "local t = {} for _ = 1, 60 do t = { t, t } end "

describe("C that would run for long is stopped, or refuses:", function()
  for _, case in ipairs {
    { "table.insert far below the first place", "table.insert({}, -2147483648, 1)",
      HERE .. ": table.insert: the position must be 1 or more" },
    { "table.insert far behind the last", "table.insert({}, 2147483648, 1)",
      HERE .. ": table.insert: the position must be 1 or more" },
    { "unpack of everything there could be", "unpack({}, -2147483648, 2147483647)", "too many results to unpack" },
    { "the making of an RSA key", "require('callisto.crypto').rsa_new(4096)",
      HERE .. ": attempt to call field 'rsa_new' (a nil value)" },
    { "a digest of more than a request's body",
      "local s = ('x'):rep(1048576) require('callisto.crypto').digest('md5', s .. s .. s .. s .. s)", "at most 4 MiB" },
    { "texts in texts in texts (__tostring)", [[local t
      t = setmetatable({}, { __tostring = function() return string.format("%s", t) end })
      while true do pcall(tostring, t) end]], BUDGET, code = "ETIMEDOUT" },
    { "sorts in comparisons of sorts", [[local function f() table.sort({ 2, 1, 3 }, f) return true end
      while true do pcall(f) end]], BUDGET, code = "ETIMEDOUT" },
    { "coroutines in coroutines that format", [[local function nest(n) return coroutine.wrap(function()
        if n > 0 then pcall(nest(n - 1)) end
        while true do string.format("%s %d", ("x"):rep(1000), n) end
      end)() end nest(1000)]], BUDGET, code = "ETIMEDOUT" },
    { "pcalls in hundreds of coroutines", [[
      local function f(n) if n == 0 then return coroutine.yield() end return pcall(f, n - 1) end
      local function deep(n)
        local co = coroutine.create(function() f(5000) end)
        coroutine.resume(co)
        if n > 0 then deep(n - 1) end
        coroutine.resume(co)
        while true do string.format("%d", n) end
      end deep(100)]], BUDGET, code = "ETIMEDOUT" },
    { "JSON of a table that holds a table twice, sixty times over", TWICE .. "require('callisto.json').encode(t)", BUDGET,
      code = "ETIMEDOUT" },
    { "JSON of one text a hundred thousand times", "local s, t = ('x'):rep(1048576), {} for i = 1, 1e5 do t[i] = s end "
      .. "require('callisto.json').encode(t)", HERE .. ": json.encode: the text has more than 8388608 bytes" },
    { "JSON that is read, of half a million numbers", "local s = '[' .. ('1,'):rep(5e5) .. '1]' while true do "
      .. "require('callisto.json').decode(s) end", BUDGET, code = "ETIMEDOUT" },
    { "XML of such a table", "local t = { 'a' } for _ = 1, 30 do t = { 'a', t, t } end require('callisto.xml').build(t)",
      HERE .. ": xml.build: a document has more than 10000 nodes" },
    { "a message of such a table", TWICE .. "require('callisto.core').tell(nil, t)",
      HERE .. ": the message has more than 65536 bytes" },
    { "taking the first of a long list, again and again", LIST .. "while #t > 0 do table.remove(t, 1) end", BUDGET,
      code = "ETIMEDOUT" },
    { "putting before the first of a long list", LIST .. "while true do table.insert(t, 1, 1) end", BUDGET, code = "ETIMEDOUT" },
    { "joining a long list", LIST .. "while true do pcall(table.concat, t, 'yyyyyyyy') end", BUDGET, code = "ETIMEDOUT" },
    { "a number of a million digits", "local s = ('1'):rep(1048576) while true do tonumber(s) tonumber(s, 36) end", BUDGET,
      code = "ETIMEDOUT" },
    { "names of time zones without end",
      "local i = 0 while true do i = i + 1 require('callisto.zone').offset('Asia/X' .. i, 0) end", BUDGET, code = "ETIMEDOUT" },
    { "grammars without end", [[local core, choices = require "callisto.core", {}
      for i = 1, 60 do choices["c" .. i] = { ("number " .. i .. " "):rep(10) } end
      while true do core.listen(1, { choices = choices }) end]], BUDGET, code = "ETIMEDOUT" },
  } do
    it(case[1], function() assert_breaks { body = case[2], code = case.code, budget = 0.1, unpack(case, 3) } end)
  end

  it("options are read as they stand, not through a metatable", function()
    local caller, beside = neighbour.call { body = [[local core = require "callisto.core"
      core.say(1, 1, "All is well.", setmetatable({}, { __index = function() error "asked" end }))
      call:sleep "3s"]] }
    caller:hears "All is well."
    neighbour.assert_undisturbed(beside)
  end)
end)

-- times(n, f): how often f was refused, and why, is in the record as "refused".
local TIMES = [[local core, log = require "callisto.core", require "callisto.log"
  local metrics, shared = require "callisto.metrics", require "callisto.shared"
  local function times(n, fn)
    local count, why = 0, nil
    for i = 1, n do
      local ok, message, code = fn(i)
      if not ok and code == "EDQUOT" then count, why = count + 1, message end
    end
    call:sleep "5s"
    call:fact("refused", { count = count, why = why })
  end ]]

local BIG = "('x'):rep(60000)"

describe("what a script causes outside its VM is refused beyond its share:", function()
  for _, case in ipairs {
    { "messages", "times(2000, function() return core.tell(nil, { n = 1 }) end)", 1936, "64 messages to the service at once" },
    { "large messages", "times(500, function() return core.tell(nil, " .. BIG .. ") end)", 496, "256 KiB" },
    { "facts", "times(2000, function(i) return call:fact('step', { i = i }) end)", 1790, "200 facts and lines at once" },
    { "large facts", "times(500, function() return call:fact('step', { x = " .. BIG .. " }) end)", 490, "64 KiB a second" },
    { "lines of the conversation", "times(2000, function() return core.line('caller', 'I said this.') end)", 1790,
      "200 facts and lines" },
    { "lines of the log", "times(2000, function() return log.info 'Again and again.' end)", 1950, "50 lines of the log at once" },
    { "long lines of the log", "times(200, function() return log.warn(('x'):rep(4000)) end)", 180, "64 KiB" },
    { "orders to its leg", "times(2000, function() return core.stop(1) end)", 1744, "256 orders to its legs at once" },
    { "messages on its socket", "times(500, function() return core.send_text(1, " .. BIG .. ") end)", 490, "512 KiB" },
    { "keys", "times(2000, function() return call:send_digits '1' end)", 1744, "orders to its legs" },
    { "pauses of its recording", "times(2000, function(i) return core.recording(1, i % 2 == 0) end)", 1744,
      "orders to its legs" },
    { "sounds in the background", "times(2000, function() return call:background(nil) end)", 1744, "orders to its legs" },
    { "what it listens for", "times(2000, function() return core.listen(1, {}) end)", 1744, "orders to its legs" },
    { "tones", "times(100, function(i) return core.tone(1, 5000 + i, 'ringback', 60) end) core.stop(1)", 92,
      "letters of this call wait to be heard" },
    { "values it shares", "times(2000, function(i) return shared.set('k' .. i, 'v') end)", 1000,
      "1000 values in callisto.shared" },
    { "large values it shares", "times(500, function(i) return shared.set('k' .. i, " .. BIG .. ") end)", 496, "256 KiB" },
    { "counters it shares", "times(2000, function(i) return shared.increment('n' .. i) end)", 1000, "values in callisto.shared" },
    { "sets and paces", "times(500, function(i) return shared.pace('p' .. i, 1) end)", 468, "32 sets and paces" },
    { "metrics", "times(500, function(i) return metrics.gauge('greedy_' .. i, i) end)", 484, "16 metrics of its own" },
    { "labels of a metric", "times(500, function(i) return metrics.count(('greedy_total{n=\"%d\"}'):format(i)) end)", 484,
      "16 metrics of its own" },
    { "requests to who never answers",
      "times(500, function(i) return core.http_fetch { url = 'https://slow.example/' .. i } end)", 484,
      "a call waits for at most 16 answers at a time" },
    { "room for answers",
      "times(100, function(i) return core.http_fetch { url = 'https://slow.example/' .. i, answer_ceiling = 8388608 } end)", 98,
      "at most 24576 KiB" },
    { "bodies of requests", [[local body = ('x'):rep(1048576) body = body .. body .. body
      times(20, function() return core.http_fetch { url = 'https://slow.example/', body = body, answer_ceiling = 1 } end)]], 13,
      "at most 24576 KiB" },
    { "streams", "times(500, function(i) return core.http_fetch { url = 'https://slow.example/' .. i, stream = true } end)", 468,
      "answers that are read as they come" },
    { "tones that are stopped at once",
      "times(2000, function(i) core.tone(1, 5000 + i, 'busy', 1) return core.stop(1) end)", 1872, "orders to its legs" },
  } do
    it(case[1], function()
      local caller, beside = neighbour.call { body = TIMES .. case[2] .. " call:finish('DONE', 'Thank you.')" }
      caller:hears "Thank you."
      assert.equal("DONE", caller:ended().outcome)
      local refused = caller:fact "refused"
      assert.is_true(refused.count >= case[3], ("%s were refused"):format(refused.count))
      assert.is_truthy(refused.why:find(case[4], 1, true), refused.why)
      neighbour.assert_undisturbed(beside)
    end)
  end

  it("sentences of sixty tasks: what waits to be heard is bounded, and the others end with why", function()
    local caller, beside = neighbour.call { body = [[local refused = 0
      for i = 1, 60 do
        call:spawn(function()
          local said = call:say("Sentence number " .. i .. ".")
          if said.error == "EDQUOT" then refused = refused + 1 end
        end)
      end
      call:sleep "5s"
      call:fact("refused", { count = refused })
      call:hangup()]] }
    caller:hears "Sentence number 1. Sentence number 2."
    caller:ended()
    assert.equal(28, caller:fact "refused".count)
    neighbour.assert_undisturbed(beside)
  end)

  it("long texts: a third one of four thousand letters does not wait", function()
    local caller, beside = neighbour.call { body = [[local errors = {}
      for i = 1, 6 do
        errors[i] = "none"
        call:spawn(function() errors[i] = call:say(("9"):rep(3900)).error end)
      end
      call:sleep "1s"
      call:fact("errors", errors)
      call:hangup()]] }
    caller:ended()
    assert.same({ "none", "none", "EDQUOT", "EDQUOT", "EDQUOT", "EDQUOT" }, caller:fact "errors")
    neighbour.assert_undisturbed(beside)
  end)

  it("what it prints is written once a second as refused, and the end of the flow is told all the same", function()
    local caller, beside, world = neighbour.call { body = TIMES .. [[
      for i = 1, 500 do print("Line " .. i) end
      for _ = 1, 100 do core.tell(nil, "noise") end
      call:finish("DONE", "Thank you.")]] }
    caller:hears "Thank you."
    local ending = caller:ended()
    assert.equal("DONE", ending.outcome)
    assert.equal("AGENT_ENDED", ending.reason)
    local printed, refused = 0, 0
    for _, line in ipairs(world.lab:log()) do
      if line.text:find("Line %d+$") then printed = printed + 1 end
      if line.text:find "refused %d+ times: a call may have" then refused = refused + 1 end
    end
    assert.equal(50, printed)
    assert.is_true(refused >= 1 and refused <= 3, refused .. " lines about it")
    neighbour.assert_undisturbed(beside)
  end)
end)

describe("what is the engine's is out of a flow's reach:", function()
  local ENGINES = [[local metrics, shared = require "callisto.metrics", require "callisto.shared"
  ]]

  it("lines and paces of a carrier, and what adapters keep", function()
    local caller, beside, world = neighbour.call { body = ENGINES .. [[
      for i = 1, 10 do shared.hold("lines of twilio", "fake" .. i, 200) end
      for i = 1, 20 do shared.pace("calls of twilio", 0.01, 1) end
      shared.set("genesys nonce 1", "1")
      call:fact("seen", { holders = shared.holders "lines of twilio", flows = shared.flows ~= nil })
      call:finish("DONE", "Thank you.")]] }
    caller:hears "Thank you."
    assert.equal("DONE", caller:ended().outcome)
    assert.same({ holders = 10, flows = false }, caller:fact "seen") -- ten of its own making
    local next_one = world:call { template = "steady", number = "+14150000009" }
    next_one:hears "Line 1 is fine."
    neighbour.assert_undisturbed(beside)
  end)

  it("its metrics, and names that no scrape can read", function()
    local caller, beside = neighbour.call { body = ENGINES .. [[
      metrics.gauge("generation", 99999)
      metrics.gauge("calls_live", -5)
      local refused = {}
      for _, name in ipairs { "a{", "a}", "a{}", "a{b}", 'a{b="c}', 'a{b="c"}d', 'a{B="c"}', 'a{b="\\"}', "a b", "9a", "a{b='c'}",
          'a{b="c",}' } do
        if not pcall(metrics.gauge, name, 1) then refused[#refused + 1] = name end
      end
      call:fact("refused", { count = #refused })
      call:finish("DONE", "Thank you.")]] }
    caller:hears "Thank you."
    assert.equal(12, caller:ended() and caller:fact "refused".count)
    local text = caller.world:fetch({ url = caller.world:url "/metrics" }).body
    assert.matches("\ncallisto_flow_generation 99999\n", text)
    assert.not_matches("\ncallisto_generation 99999\n", text)
    assert.not_matches("\ncallisto_calls_live %-5\n", text)
    neighbour.assert_undisturbed(beside)
  end)

  it("what flows share ends after a day, or after a week at most", function()
    local caller = neighbour.call { body = ENGINES .. [[shared.set("kept", "1")
      local week, more = pcall(shared.set, "a", "1", 7 * 24 * 3600), pcall(shared.set, "a", "1", 8 * 24 * 3600)
      call:fact("longest", { week = week, more = more })
      call:finish("DONE", "Thank you.")]] }
    caller:hears "Thank you."
    assert.same({ week = true, more = false }, caller:ended() and caller:fact "longest")
    assert.equal("1", caller.world.app:shared "kept")
    caller.world:advance(24 * 3600 + 1)
    assert.is_nil(caller.world.app:shared "kept")
  end)
end)

-- What was found, and more: each does its worst for as long as it is let.
local HOSTILE = {
  "while true do end",
  "while true do pcall(function() while true do end end) end",
  "table.insert({}, -2147483648, 1)",
  "require('callisto.crypto').rsa_new(4096)",
  "while true do for _ = 1, 100 do core.tell(nil, BIG) end call:sleep '250ms' end",
  "while true do for i = 1, 100 do core.fact('step', '{}') end call:sleep '250ms' end",
  "while true do for i = 1, 100 do core.line('caller', 'Never said.') end call:sleep '250ms' end",
  "while true do call:spawn(function() call:say 'Me too.' end) call:sleep '250ms' end",
  "while true do for i = 1, 100 do log.info 'Again and again.' end call:sleep '250ms' end",
  "while true do for i = 1, 100 do print 'Again and again.' end call:sleep '250ms' end",
  "for _ = 1, 6 do call:spawn(function() call:say(('9'):rep(3900)) end) end call:sleep '8s'",
  "for _ = 1, 60 do call:spawn(function() call:say 'One of sixty sentences.' end) end call:sleep '8s'",
  "while true do for i = 1, 100 do shared.set('k' .. math.random(1e9), BIG) end call:sleep '250ms' end",
  "while true do for i = 1, 300 do shared.hold('lines of twilio', 'fake' .. i, 400) end call:sleep '1s' end",
  "while true do for i = 1, 60 do shared.pace('calls of twilio', 0.001, 1) end call:sleep '1s' end",
  "for i = 1, 500 do metrics.gauge('generation', 99999) metrics.gauge('g' .. math.random(1e9), 1) end call:sleep '8s'",
  "for i = 1, 500 do pcall(metrics.gauge, 'a{b=\"c\\n\"}', 1) pcall(metrics.gauge, '} 1', 1) end call:sleep '8s'",
  "while true do call:sleep '20ms' local n = 0 for i = 1, 1e4 do n = n + i end end",
  "while true do for i = 1, 64 do core.http_fetch { url = 'https://slow.example/' .. i } end call:sleep '250ms' end",
  "while true do core.http_fetch { url = 'https://slow.example/', body = BIG, answer_ceiling = 8e6 } call:sleep '250ms' end",
  "while true do for _ = 1, 100 do core.stop(1) end call:sleep '250ms' end",
  "while true do for _ = 1, 100 do core.send_text(1, BIG) end call:sleep '250ms' end",
  "while true do for _ = 1, 100 do core.listen(1, { choices = { a = { 'yes' } } }) end call:sleep '250ms' end",
  "while true do for _ = 1, 100 do core.recording(1, false) core.recording(1, true) end call:sleep '250ms' end",
  "while true do for i = 1, 10 do core.tone(1, 1000 + i, 'ringback', 60) end core.stop(1) call:sleep '250ms' end",
  "while true do call:send_digits '1234567890' call:sleep '250ms' end",
  "while true do call:background(nil) call:sleep '250ms' end",
  "local t = {} while true do t[#t + 1] = {} end",
  "local t = {} for _ = 1, 60 do t = { t, t } end require('callisto.json').encode(t)",
  "local t = { 'a' } for _ = 1, 30 do t = { 'a', t, t } end require('callisto.xml').build(t)",
  "local t = {} for _ = 1, 60 do t = { t, t } end core.tell(nil, t)",
  "local t t = setmetatable({}, { __tostring = function() return ('%s'):format(t) end }) while true do pcall(tostring, t) end",
  "(('a'):rep(200000)):find(('.-'):rep(20) .. 'b')",
  "while true do call:spawn(function() call:sleep '1h' end) end",
  "core.tell(nil, { what = 'ended', reason = {}, outcome = {} }) call:sleep '8s'",
  "while true do core.tell(nil, { what = 'keys', keys = {} }) call:sleep '250ms' end",
  "for i = 1, 1e6 do shared.increment('n' .. i) end",
  "while true do for _ = 1, 100 do core.party_close(1, true) end call:sleep '250ms' end",
  "for _ = 1, 2000 do core.wake_at(core.now()) call:sleep(0) end",
}

local TOOLS = [[local core, log = require "callisto.core", require "callisto.log"
  local metrics, shared = require "callisto.metrics", require "callisto.shared"
  local BIG = ("x"):rep(60000)
  ]]

local SEVEN = [[for _, number in ipairs { "one", "two", "three", "four", "five", "six", "seven" } do
    call:say("This is number " .. number .. ".")
  end
  call:finish "SAID"]]

-- What the caller of seven sentences hears, and when, beside so many others.
local function heard_beside(count)
  local sources = { ["templates.seven"] = neighbour.template("seven", SEVEN) }
  for i, body in ipairs(HOSTILE) do
    sources["templates.hostile" .. i] = neighbour.template("hostile" .. i, TOOLS .. body)
  end
  local world = neighbour.open { body = "", sources = sources, budget = 0.05, env = { TWILIO_MAX_CONCURRENT = "200" } }
  local caller = world:call { template = "seven" }
  for n = 1, count do
    local agent = ("hostile%d"):format((n - 1) % #HOSTILE + 1)
    world:ring { template = agent, number = ("+1415100%04d"):format(n), inbound = true }
  end
  assert.equal("SAID", caller:ended().outcome)
  local words = {}
  for i, word in ipairs(caller.words) do words[i] = ("%.3f %s"):format(word.at, word.word) end
  local lines = caller:lines()
  world:close()
  return words, lines
end

describe("a call beside a hundred and ten that do their worst", function()
  it("hears the same words, in the same order, at the same times", function()
    local words, lines = heard_beside(0)
    local words_beside, lines_beside = heard_beside(110)
    assert.equal(7 * 4, #words)
    assert.same(words, words_beside)
    assert.same(lines, lines_beside)
  end)
end)
