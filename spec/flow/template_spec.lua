local duration = require "callisto.duration"
local hours = require "callisto.hours"
local options = require "callisto.options"
local phrases = require "callisto.flow.phrases"
local routes = require "callisto.service.routes"
local template = require "callisto.template"
local text = require "callisto.text"
local words = require "callisto.words"

local function nothing() end

describe("a template", function()
  it("is checked when it is loaded, and has its defaults", function()
    local agent = template { name = "x", on_call = nothing, longest = "10m" }
    assert.is_true(template.is(agent))
    assert.is_false(template.is {})
    assert.equal(600, agent.longest)
    assert.is_true(agent.barge_in)
    assert.is_false(agent.record)
    assert.equal("en", agent.voice.language)
    assert.is_true(agent.inbound.enabled)
  end)

  for _, case in ipairs {
    { "a misspelled field", { greting = "Hello" }, "template 'x': unknown field 'greting'; did you mean 'greeting'?" },
    { "an unknown field", { zzz = 1 }, "unknown field 'zzz'; there are: answering_machine, barge_in" },
    { "a wrong type", { record = "yes" }, "'record' must be boolean, not string" },
    { "no on_call", { on_call = false }, "'on_call' must be function, not boolean" },
    { "a bad name", { name = "a b" }, "'name' must be letters" },
    { "a bad duration", { longest = "ten" }, "'longest' must be a duration such as" },
    { "a misspelled type", { payload = { a = "strng" } }, "payload 'a': unknown type 'strng'; did you mean 'string'?" },
    { "a place that is not in the payload", { greeting = "Hi {nme}", payload = { name = "string" } },
      "'greeting' uses {nme}, which 'payload' does not have; did you mean {name}?" },
    { "a misspelled voice field", { voice = { langage = "en" } }, "voice: unknown field 'langage'; did you mean 'language'?" },
    { "a redirect without a number", { inbound = { block_action = "REDIRECT" } }, "'redirect_number' is missing" },
    { "a misspelled day", { hours = { mno = "10:00-11:00" } }, "hours: unknown field 'mno'" },
    { "a bad window", { hours = { mon = "10-11" } }, "'10-11' is not a window" },
    { "a misspelled retry", { retry = { attempts = 3, bussy = "1m" } }, "did you mean 'busy'?" },
  } do
    it("refuses " .. case[1], function()
      local given = { name = "x", on_call = nothing }
      for name, value in pairs(case[2]) do given[name] = value end
      local ok, why = pcall(template, given)
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
    end)
  end

  it("names the line", function()
    local ok, why = pcall(function()
      local agent = template { nme = "x" }
      return agent
    end)
    assert.is_false(ok)
    assert.matches("template_spec.lua:%d+: ", why)
  end)

  it("says whether it accepts a payload", function()
    local agent = template { name = "x", on_call = nothing, payload = { a = "string", n = "integer?", l = "array?", z = "any" } }
    assert.is_true(agent:accepts { a = "b" })
    assert.is_true(agent:accepts { a = "b", n = 3, more = true })
    assert.equal("'a' is missing (string)", select(2, agent:accepts {}))
    assert.equal("'n' must be integer, not number", select(2, agent:accepts { a = "b", n = 1.5 }))
    assert.equal("'l' must be array, not string", select(2, agent:accepts { a = "b", l = "x" }))
  end)
end)

describe("a sentence", function()
  for _, case in ipairs {
    { "Hi {name}.", { name = "Ann" }, "Hi Ann." },
    { "{a.b}", { a = { b = 3 } }, "3" },
    { "{n|digits}", { n = "40-7" }, "four zero seven" },
    { "{n|money:rupees}", { n = "1,250.50" }, "one thousand two hundred and fifty rupees and fifty paise" },
    { "{n|money}", { n = 12.5 }, "twelve point five zero" },
    { "{n|ordinal}", { n = 22 }, "twenty-second" },
    { "{d|date}", { d = "2026-03-03" }, "Tuesday, the third of March" },
    { "{t|time}", { t = "15:05" }, "three oh five p m" },
    { "{s|spell}", { s = "AB 1" }, "A B 1" },
    { "{ok}", { ok = true }, "yes" },
    { "{{name}} and }", {}, "{name} and }" },
    { "no places", {}, "no places" },
  } do
    it(("fills %q"):format(case[1]), function()
      local filled, warnings = text.interpolate(case[1], case[2])
      assert.equal(case[3], filled)
      assert.same({}, warnings)
    end)
  end

  it("says nothing for what is missing, a value as it is where it does not suit, and warns", function()
    local filled, warnings = text.interpolate("A {b} {c|mony} {t} {n|ordinal} {c", { c = 1, t = {}, n = "x" })
    assert.equal("A  1  x {c", filled)
    assert.same({ "'b' is missing", "'{c|mony}': unknown transformation 'mony'; did you mean 'money'?",
      "'t' is a table and cannot be spoken", "'n' is not something for 'ordinal' and is said as it is",
      "'{c' is not closed; write {{ for a brace" }, warnings)
  end)

  it("does not fill in what was filled in", function()
    assert.equal("{b}", (text.interpolate("{a}", { a = "{b}", b = "secret" })))
  end)
end)

it("phrases are split, cleaned and kept once", function()
  assert.same({ "yes", "sure", "please do", "it's" }, phrases.of "Yes, sure | please  do!, yes, it's")
  assert.same({ "no" }, phrases.of { "No.", "no" })
end)

describe("numbers as words", function()
  for given, expected in pairs {
    [0] = "zero", [19] = "nineteen", [80] = "eighty", [105] = "one hundred and five", [1001] = "one thousand and one",
    [-3] = "minus three", [1e6] = "one million", ["2.05"] = "two point zero five",
  } do
    it(tostring(given), function() assert.equal(expected, words.number(given)) end)
  end
  it("ordinals", function()
    for given, expected in pairs { [1] = "first", [12] = "twelfth", [20] = "twentieth", [100] = "one hundredth" } do
      assert.equal(expected, words.ordinal(given))
    end
    assert.is_nil(words.ordinal "x")
  end)
end)

describe("a duration", function()
  for given, expected in pairs { ["30s"] = 30, ["5m"] = 300, ["1h"] = 3600, ["1h30m"] = 5400, ["250ms"] = 0.25, ["2d"] = 172800,
    [7] = 7, ["1.5s"] = 1.5 } do
    it(tostring(given), function() assert.equal(expected, duration.parse(given)) end)
  end
  for _, given in ipairs { "", "30", "s", "5x", "1h foo", "-3s", -1, 0 / 0, {}, true } do
    it("refuses " .. tostring(given), function() assert.is_nil((duration.parse(given))) end)
  end
  it("is written back", function()
    for seconds, expected in pairs { [0] = "0s", [90] = "1m30s", [0.25] = "250ms", [90000] = "1d1h" } do
      assert.equal(expected, duration.text(seconds))
    end
  end)
end)

describe("hours", function()
  local function at(schedule, moment) return hours.is_open(assert(hours.check(schedule)), moment) end
  local monday = 1772409600 -- 2026-03-02 00:00 UTC

  it("are inclusive at both ends", function()
    local schedule = { ["mon-sat"] = "10:00-19:00" }
    assert.is_false(at(schedule, monday + 9 * 3600 + 3599))
    assert.is_true(at(schedule, monday + 10 * 3600))
    assert.is_true(at(schedule, monday + 19 * 3600 + 59))
    assert.is_false(at(schedule, monday + 19 * 3600 + 60))
    assert.is_false(at(schedule, monday - 12 * 3600)) -- Sunday
  end)
  it("know their zone", function()
    assert.is_true(at({ zone = "Asia/Kolkata", mon = "10:00-11:00" }, monday + 4.5 * 3600))
    assert.is_false(at({ zone = "Asia/Kolkata", mon = "10:00-11:00" }, monday + 10 * 3600))
  end)
  it("pass midnight", function()
    local schedule = { mon = "22:00-06:00" }
    assert.is_true(at(schedule, monday + 23 * 3600))
    assert.is_true(at(schedule, monday + 29 * 3600))
    assert.is_false(at(schedule, monday + 31 * 3600))
    assert.is_false(at(schedule, monday + 5 * 3600))
  end)
  it("have several windows and closed days", function()
    local schedule = { daily = { "10:00-12:00", "14:00-16:00" }, closed = { "2026-03-03" } }
    assert.is_true(at(schedule, monday + 15 * 3600))
    assert.is_false(at(schedule, monday + 13 * 3600))
    assert.is_false(at(schedule, monday + (24 + 15) * 3600))
  end)
  it("keep summer time", function()
    local schedule = { zone = "Europe/Berlin", daily = "10:00-11:00" }
    assert.is_true(at(schedule, monday + 9.5 * 3600))
    assert.is_false(at(schedule, monday + 8.5 * 3600))
    local july = monday + 122 * 86400 -- 2026-07-02
    assert.is_true(at(schedule, july + 8.5 * 3600))
    assert.is_false(at(schedule, july + 9.5 * 3600))
  end)
  it("are those of the clock on the wall in the night it is put forward or back", function()
    local schedule = { zone = "Europe/Berlin", sun = "02:00-03:30" }
    local spring, autumn = 1774746000, 1792886400 -- 2026-03-29 and 2026-10-25, 01:00 and 00:00 UTC
    assert.is_false(at(schedule, spring - 1)) -- 01:59
    assert.is_true(at(schedule, spring)) -- 03:00
    assert.is_false(at(schedule, spring + 31 * 60))
    assert.is_true(at(schedule, autumn + 30 * 60)) -- 02:30, for the first time
    assert.is_true(at(schedule, autumn + 90 * 60)) -- and once more
    assert.is_false(at(schedule, autumn + 151 * 60)) -- 03:31
  end)
  it("refuse a zone there is not", function()
    assert.matches("^hours: 'zone': ENOENT: there is no time zone Mars/Base", (select(2, hours.check { zone = "Mars/Base" })))
    assert.matches("is not the name of a time zone", (select(2, hours.check { zone = "../etc/passwd" })))
    assert.matches("must be the name of a time zone", (select(2, hours.check { zone = 5 })))
  end)
end)

describe("names that are almost right", function()
  it("are found by the fewest changes", function()
    assert.equal(1, options.distance("greting", "greeting"))
    assert.equal(1, options.distance("recrod", "record"))
    assert.equal("record", options.nearest("recrod", { record = 1, retry = 1 }))
    assert.is_nil(options.nearest("zzzz", { record = 1, retry = 1 }))
  end)
end)

describe("a route", function()
  local table_of_routes = routes.new()
  table_of_routes:add("GET", "/a", function() return "a" end)
  table_of_routes:add("GET|POST", "/a/{x}", function() return "x" end)
  table_of_routes:add("POST", "/a/{x}/b", function() return "b" end)

  for _, case in ipairs {
    { "GET", "/a", "a", {} },
    { "GET", "/a/1", "x", { x = "1" } },
    { "POST", "/a/1/b", "b", { x = "1" } },
    { "GET", "/a/", "a", {} },
    { "GET", "/a/J%C3%B6rg+%2Fx/", "x", { x = "Jörg+/x" } },
  } do
    it(case[1] .. " " .. case[2], function()
      local fn, params = table_of_routes:find(case[1], case[2])
      assert.equal(case[3], fn())
      assert.same(case[4], params)
    end)
  end

  it("that is not there, or not so", function()
    for _, path in ipairs { "/", "/b", "/a/{x}/c", "/a/1/2/3", "//a", "/a//", "/a//b", "/%61", "/a%2F1" } do
      assert.is_nil((table_of_routes:find("GET", path)))
      assert.is_nil((select(2, table_of_routes:find("GET", path))))
    end
    local fn, params, allow = table_of_routes:find("GET", "/a/1/b")
    assert.is_nil(fn)
    assert.same({ x = "1" }, params)
    assert.equal("POST", allow)
  end)

  it("cannot be added twice", function()
    assert.error_matches(function() table_of_routes:add("GET", "/a", nothing) end, "taken already")
  end)
end)
