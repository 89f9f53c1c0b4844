-- Values that change in silence: what comes from elsewhere is said as it is, or not at all, and never as another value.

local exchange = require "callisto.spec"
local flows = require "spec.support.flows"
local json = require "callisto.json"
local text = require "callisto.text"
local words = require "callisto.words"

local function said(sentence, values)
  local filled, warnings = text.interpolate(sentence, values)
  return filled, warnings[1]
end

local function logged(caller, part)
  for _, line in ipairs(caller.world.lab:log()) do
    if line.text:find(part, 1, true) then return true end
  end
  return false
end

describe("what a shop answers", function()
  local function shop(body, flow)
    return flows.call([[
      local http = require "callisto.http"
      local order = assert(http.fetch_json { url = "https://shop.example/order" })
    ]] .. flow, { hosts = { ["https://shop.example"] = function() return { status = 200, body = body } end } })
  end

  it("is not there where it is null", function()
    local caller = shop('{"coupon":null,"address":{"street":null}}', [[
      if order.coupon or order.address.street then call:say("You have " .. order.coupon) end
      call:finish("DONE", "Thank you.")
    ]])
    caller:hears "Thank you."
    assert.equal("DONE", caller:ended().outcome)
  end)

  it("keeps every digit of a whole number", function()
    local caller = shop('{"id":1234567890123456789}', [[
      call.payload.id = order.id
      call:fact("id", { id = order.id })
      call:say "Order {id|digits}."
      call:finish "DONE"
    ]])
    caller:hears "Order one two three four five six seven eight nine zero one two three four five six seven eight nine."
    assert.equal("1234567890123456789", caller:fact("id").id)
    assert.equal("DONE", caller:ended().outcome)
  end)
end)

describe("JSON", function()
  for _, case in ipairs {
    { "9007199254740991", 9007199254740991 }, { "-9007199254740991", -9007199254740991 },
    { "9007199254740992", "9007199254740992" }, { "9007199254740993", "9007199254740993" },
    { "-1234567890123456789", "-1234567890123456789" },
    { "1000000000000000000", "1000000000000000000" }, { ("9"):rep(400), ("9"):rep(400) },
    { "12345678.25", 12345678.25 }, { "1e3", 1000 },
  } do
    it("reads " .. case[1]:sub(1, 24) .. " as a " .. type(case[2]), function()
      assert.equal(case[2], json.decode(case[1]))
      assert.equal(case[2], json.decode("[" .. case[1] .. "]")[1])
    end)
  end

  it("reads the nearest number where it is asked to", function()
    assert.equal(1234567890123456789, json.decode("1234567890123456789", { rounds = true }))
  end)
end)

describe("a payload", function()
  local LONG = " of so many digits; a number of more than 15 is declared as string"
  local template = require "callisto.template"
  local agent = template { name = "x", on_call = function() end, payload = { n = "integer?", r = "number?", s = "string?" } }
  for _, case in ipairs {
    { { n = "1234567890123456789" }, "'n' must be integer, not string" .. LONG },
    { { n = 2 ^ 60 }, "'n' must be integer, not number" .. LONG },
    { { n = "12" }, "'n' must be integer, not string; send it without quotes" },
    { { r = "1.5" }, "'r' must be number, not string; send it without quotes" },
    { { r = math.huge }, "'r' must be number, not number" .. LONG },
    { { n = math.huge }, "'n' must be integer, not number" .. LONG },
    { { s = 12 }, "'s' must be string, not number" },
    { { n = 1.5 }, "'n' must be integer, not number" },
  } do
    it("is refused: " .. case[2], function()
      local ok, why = agent:accepts(case[1])
      assert.is_nil(ok)
      assert.equal(case[2], why)
    end)
  end

  it("that is too large for the template's field is refused at the door", function()
    local source = flows.template("call:say 'Hello.'", "payload = { n = 'integer' },")
    local world = exchange.open { sources = { ["templates.x"] = source } }
    local response = world:fetch { method = "POST", url = "https://app.test/api/calls/outbound",
      headers = { ["content-type"] = "application/json" },
      body = '{"agent_name":"under-test","to":"+14155550199","payload":{"n":1234567890123456789}}' }
    local answer, status = json.decode(response.body), response.status
    assert.equal(422, status)
    assert.matches("declared as string", answer.detail)
    world:close()
  end)
end)

describe("money", function()
  for _, case in ipairs {
    { "1.234,50", "one thousand two hundred and thirty-four euros and fifty cents" },
    { "1.234.567", "one million two hundred and thirty-four thousand five hundred and sixty-seven euros" },
    { "12,5", "twelve euros and fifty cents" }, { "0,99", "ninety-nine cents" },
    { "1,234.50", "one thousand two hundred and thirty-four euros and fifty cents" },
    { "1 234,50", "one thousand two hundred and thirty-four euros and fifty cents" },
    { "1,25,000", "one hundred and twenty-five thousand euros" }, { "-3.10", "minus three euros and ten cents" },
    { "1,234", "one thousand two hundred and thirty-four euros" }, { " 7 ", "seven euros" },
    { "1.2300", "one euro and twenty-three cents" },
  } do
    it(case[1] .. " is " .. case[2], function() assert.equal(case[2], words.money(case[1], "euros")) end)
  end
  for _, given in ipairs { "1.234", "1,23,4", "1,2345", "12,34,50", "1.23.45", "1,234.567,8", "12.34.567",
    "1234567890123456", "1,,234", "", "-", ".", ",", "12e3", "0x10", "inf", "nan", "1 2", "(12)" } do
    it(("'%s' could mean anything, so it is said as it is"):format(given), function()
      assert.is_nil(words.money(given, "euros"))
      local sentence, warning = said("{n|money:euros}", { n = given })
      assert.equal(given, sentence)
      assert.equal("'n' is not something for 'money' and is said as it is", warning)
    end)
  end
end)

describe("dates and times", function()
  for _, case in ipairs { { "date", "2026-02-31" }, { "date", "2026-02-29" }, { "date", "2026-00-10" }, { "date", "2026-13-01" },
    { "date", "2026-04-31" }, { "date", "2026-03-031" }, { "date", "03.03.2026" }, { "date", "20260303" }, { "time", "25:00" },
    { "time", "12:60" }, { "time", "123:45" }, { "time", "12:345" }, { "datetime", "2026-02-30T12:00" },
    { "datetime", "2026-02-03T24:30" } } do
    it(("%s is no %s and is said as it is"):format(case[2], case[1]), function()
      local sentence, warning = said("{x|" .. case[1] .. "}", { x = case[2] })
      assert.equal(case[2], sentence)
      assert.matches("is said as it is", warning)
    end)
  end
  it("of a leap year are there", function() assert.equal("Tuesday, the twenty-ninth of February", words.date "2028-02-29") end)
end)

describe("a number", function()
  for _, case in ipairs { { 12.5, "{n|digits}", "one two point five" }, { 12.5, "{n}", "12.5" }, { 0.1 + 0.2, "{n}", "0.3" },
    { 123456789.123456, "{n}", "123456789.123456" }, { 1e15, "{n}", "1e+15" }, { -0.5, "{n|number}", "minus zero point five" },
    { 999999999999999, "{n}", "999999999999999" } } do
    it(("%s is said as '%s'"):format(case[2], case[3]), function() assert.equal(case[3], (said(case[2], { n = case[1] }))) end)
  end
  for _, number in ipairs { 1234567890123456789, 2 ^ 53, -1e300, math.huge, 0 / 0 } do
    it(("%g is not known exactly, so none of its digits is said"):format(number), function()
      local sentence, warning = said("{n}{n|digits}", { n = number })
      assert.equal("", sentence)
      assert.equal("'n' is a number that is not known exactly; keep it as text", warning)
    end)
  end
end)

describe("braces in a text from elsewhere", function()
  it("are not filled in when the text comes by a place", function()
    assert.equal("For {amount}.", (said("For {name}.", { name = "{amount}", amount = 12 })))
    assert.equal("For { a m o u n t }.", (said("For {name|spell}.", { name = "{amount}", amount = 12 })))
  end)

  it("are said as they are by text.literal, alone and inside a sentence", function()
    for _, each in ipairs { "{amount}", "{{amount}}", "{", "}", "}{", "{amount", "a {b|money} c", "" } do
      assert.same({ each, {} }, { text.interpolate(text.literal(each), { amount = "secret", b = 2 }) })
      assert.equal("For " .. each .. ", 5.", (said("For " .. text.literal(each) .. ", {n}.", { n = 5, amount = "secret" })))
    end
  end)

  it("do not read the payload out in a call", function()
    local caller = flows.call([[
      local text = require "callisto.text"
      call:say("It is for " .. text.literal(call.payload.name) .. ".")
      call:finish("DONE", "Thank you, {name}.")
    ]], { fields = "payload = { name = 'string', amount = 'integer' },", payload = { name = "{amount}", amount = 42 } })
    caller:hears "It is for {amount}."
    caller:hears "Thank you, {amount}."
    assert.equal("DONE", caller:ended().outcome)
  end)
end)

describe("a place that cannot be filled", function()
  it("is in the log of the call, and a value is said as it is", function()
    local caller = flows.call([[call:say "On {day|date}." call:finish "DONE"]],
      { fields = "payload = { day = 'string' },", payload = { day = "2026-02-31" } })
    caller:hears "On"
    caller:ended()
    assert.is_true(logged(caller, "a sentence is not said as it is written: 'day' is not something for 'date'"))
  end)

  local MONYE = "cannot be said: '{x|monye}': unknown transformation 'monye'; did you mean 'money'?"
  local OPEN = "cannot be said: '{name, hello.' is not closed; write {{ for a brace"
  for _, case in ipairs {
    { "a greeting", [[greeting = "{x|monye}", on_call = nothing]], "template 'bad': 'greeting' " .. MONYE },
    { "an open greeting", [[greeting = "{name, hello.", on_call = nothing]], "template 'bad': 'greeting' " .. OPEN },
    { "a greeting with a sentence between braces", [[greeting = "Hello {your name}.", on_call = nothing]],
      "template 'bad': 'greeting' cannot be said: '{your name}' cannot be read" },
    { "an option of a menu", [[menu = menu { options = { { label = "a", say = "{x|monye}", outcome = "A" } } }]],
      "menu: option 1: 'say' " .. MONYE },
    { "a menu", [[menu = menu { greeting = "{name, hello.", options = { { label = "a", outcome = "A" } } }]],
      "menu: 'greeting' " .. OPEN },
    { "the last sentence of a menu", [[menu = menu { options = { { label = "a", outcome = "A", closing = "{x|monye}" } } }]],
      "menu: option 1: 'closing' " .. MONYE },
    { "a node of a keypad tree", [[keypad = keypad { initial = "a", nodes = { a = { prompt = "{x|monye}", options = {
      { digit = "1", label = "a", outcome = "A" } } } } }]], "keypad: node 'a': 'prompt' " .. MONYE },
    { "a reminder", [[idle = { say = "{x|monye}" }, on_call = nothing]], "template: idle: 'say' " .. MONYE },
  } do
    it("is found when the file is loaded: in " .. case[1], function()
      local load = assert(loadstring([[local template, menu, keypad = require "callisto.template", require "callisto.menu",
        require "callisto.keypad" local function nothing() end return template { name = "bad", ]] .. case[2] .. "}"))
      local ok, why = pcall(load)
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
    end)
  end
end)
