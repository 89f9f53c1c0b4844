local phone = require "spec.support.phone"

-- A template whose on_call is this text.
local function agent(body, more)
  return ([[
    local template = require "callisto.template"
    return template { name = "under-test", %s on_call = function(call) %s end }
  ]]):format(more or "", body)
end

local function call(body, options)
  options = options or {}
  options.source = agent(body, options.more)
  return phone.call(options)
end

local function broken_by(body)
  local message
  call(body, { on_broken = function(text) message = text end })
  return message
end

describe("a question for a number", function()
  local how_many = [[
    local count, about = call:ask { "How many?", number = { min = 1, max = 20 }, choices = { none = "none, nothing" },
      no_match = "A number, please.", tries = 2 }
    call:fact("answer", { value = count, by = count and about.by or about })
    call:finish "DONE"
  ]]

  for _, is_plain in ipairs { false, true } do
    describe(is_plain and "with a recogniser that brings any text" or "with a recogniser that knows the answers", function()
      for said, value in pairs { twelve = 12, ["nothing"] = "none" } do
        it("understands " .. said, function()
          local caller = call(how_many, { plain_ear = is_plain })
          caller:hears("How many?"):listens()
          caller:says(said)
          assert.same({ value = value, by = "speech" }, caller.vm.facts[1].data)
          assert.same("caller: " .. said, caller:transcript()[2])
        end)
      end

      it("asks again for what is out of range or no number", function()
        local caller = call(how_many, { plain_ear = is_plain })
        caller:hears("How many?"):listens()
        caller:says "ninety"
        caller:hears("A number, please."):listens()
        caller:says "bananas"
        assert.same({ by = "no_match" }, caller.vm.facts[1].data)
      end)
    end)
  end

  it("takes keys, which are written down together", function()
    local caller = call(how_many)
    caller:hears "How many?"
    caller:presses "7#"
    assert.same({ value = 7, by = "digit" }, caller.vm.facts[1].data)
    assert.same("caller: Pressed 7", caller:transcript()[2])
  end)

  it("takes keys without a terminator, after a pause or when there are enough", function()
    local caller = call(how_many)
    caller:hears "How many?"
    caller:presses "7"
    caller:silence(2.1)
    assert.equal(7, caller.vm.facts[1].data.value)
    caller = call(how_many)
    caller:hears "How many?"
    caller:presses "18"
    caller:silence(0.7)
    assert.equal(18, caller.vm.facts[1].data.value)
  end)

  it("without limits hears digits and text", function()
    local caller = call([[call:fact("n", { value = call:ask { "Your number?", number = true } })]])
    caller:hears("Your number?"):listens()
    assert.same({ min = 1, max = 9 }, caller.listening.digits)
    caller:says "four two seven"
    assert.equal(427, caller.vm.facts[1].data.value)
  end)
end)

describe("a question for a date", function()
  local when = [[
    local day, about = call:ask { "Which day?", date = { from = 1, to = "30d", keys = "ddmm" }, tries = 2,
      no_match = "Within a month, please." }
    call:finish(day or about)
  ]]

  for said, day in pairs { ["tomorrow"] = "2026-03-04", ["next friday"] = "2026-03-13", ["the first of april"] = "2026-04-01" } do
    it("understands " .. said, function()
      for _, is_plain in ipairs { false, true } do
        local caller = call(when, { plain_ear = is_plain })
        caller:hears("Which day?"):listens()
        caller:says(said)
        assert.equal(day, caller:ended().outcome)
      end
    end)
  end

  it("takes keys", function()
    local caller = call(when)
    caller:hears "Which day?"
    caller:presses "2503"
    assert.equal("2026-03-25", caller:ended().outcome)
  end)

  it("refuses what is not in the span", function()
    local caller = call(when)
    caller:hears("Which day?"):listens()
    caller:says "the third of may"
    caller:hears "Within a month"
    caller:presses "0303"
    assert.equal("no_match", caller:ended().outcome)
  end)
end)

describe("a question for free text", function()
  it("takes the words, unless they are a choice", function()
    local body = [[
      local text = call:ask { "What is it about?", free_text = true, choices = { person = "operator, a person" } }
      call:fact("said", { text = text })
    ]]
    local caller = call(body)
    caller:hears("What is it about?"):listens()
    caller:says "my parcel is late"
    assert.equal("my parcel is late", caller.vm.facts[1].data.text)
    caller = call(body, { plain_ear = true })
    caller:hears("What is it about?"):listens()
    caller:says "I want a person"
    assert.equal("person", caller.vm.facts[1].data.text)
  end)
end)

describe("a question", function()
  it("may have a sentence for each further try", function()
    local caller = call [[call:finish(call:ask { "One?",
      choices = { yes = "yes" }, reprompt = { "Two?", "Three?" }, tries = 4 } or "NO")]]
    for _, words in ipairs { "One?", "Two?", "Three?", "Three?" } do
      caller:hears(words):listens()
      caller:silence(7)
    end
    assert.equal("NO", caller:ended().outcome)
  end)

  it("for yes or no is short", function()
    local caller = call [[
      local yes, about = call:confirm "Is that right?"
      call:finish(yes == nil and about or tostring(yes))
    ]]
    caller:hears("Is that right?"):listens()
    caller:says "that is wrong"
    assert.equal("false", caller:ended().outcome)
  end)

  for _, case in ipairs {
    { [[call:ask { "?" }]], "call:ask needs choices, digits or both, or a number" },
    { [[call:ask { "?", number = true, date = true }]], "of 'number', 'date' and 'free_text' only one" },
    { [[call:ask { "?", number = { mni = 1 } }]], "number: unknown field 'mni'; did you mean 'min'?" },
    { [[call:ask { "?", number = { min = 3, max = 2 } }]], "number: 'min' is more than 'max'" },
    { [[call:ask { "?", date = { to = "soon" } }]], "date: 'to' must be a date such as" },
    { [[call:ask { "?", date = { zone = "Mars/Base" } }]], "date: ENOENT: there is no time zone Mars/Base" },
    { [[call:ask { "?", date = { from = "5d", to = "2d" } }]], "date: 'from' is after 'to'" },
    { [[call:ask { "?", choices = { yes = "" } }]], "choice 'yes' has no phrases" },
    { [[call:ask { "?", digits = { [1] = "yes" } }]], "digits map single keys, as text" },
    { [[call:ask { "?", choices = { yes = 3 } }]], "choice 'yes': phrases are a text with commas" },
  } do
    it("is refused: " .. case[1], function()
      local message = broken_by(case[1])
      assert.is_truthy(message and message:find(case[2], 1, true), message)
      assert.matches("^templates.under_test:%d+: ", message)
    end)
  end
end)

describe("listening", function()
  it("asks whether the caller is there, and gives up", function()
    local caller = call [[
      local heard, why = call:listen { idle = { after = "5s", say = "Hello?", tries = 2 } }
      call:finish(heard and "HEARD" or why)
    ]]
    for _ = 1, 2 do
      caller:hears_nothing(4.9)
      caller:hears("Hello?"):listens()
    end
    caller:hears_nothing(4.9)
    caller:silence(0.2)
    assert.equal("silence", caller:ended().outcome)
  end)

  it("goes on when the caller answers to that", function()
    local caller = call [[
      local heard = call:listen { idle = { after = "5s" }, number = true }
      call:fact("heard", { value = heard.value })
    ]]
    caller:hears "Are you still there?"
    caller:says "forty two"
    assert.equal(42, caller.vm.facts[1].data.value)
  end)

  it("follows the template, which ends the call", function()
    local caller = call("call:listen() call:finish 'NEVER'",
      { more = [[idle = { after = "5s", tries = 1, goodbye = "Goodbye." },]] })
    caller:hears("Are you still there?"):listens()
    caller:silence(5)
    caller:hears("Goodbye."):listens()
    assert.same({ what = "ended", reason = "USER_IDLE_TIMEOUT" }, caller:ended())
  end)

  it("gives the choice as its value", function()
    local caller = call([[
      local heard = call:listen { choices = { yes = "yes, sure" }, timeout = "5s" }
      call:finish(heard.value)
    ]], { plain_ear = true })
    caller:says "sure"
    assert.equal("yes", caller:ended().outcome)
  end)
end)

describe("hold music", function()
  it("plays until the work is done, with a sentence now and then", function()
    local caller = call [[
      local result = call:hold({ "audio/hold.wav", say = "Please hold.", every = "5s" },
        function() call:sleep "9s" return "done" end)
      call:finish(result)
    ]]
    caller:silence(9.1)
    assert.same({ "[audio/hold.wav]", "[audio/hold.wav]", "[audio/hold.wav]", "Please hold.", "[audio/hold.wav]",
      "[audio/hold.wav]" }, caller.heard)
    assert.is_nil(caller.playing)
    assert.equal("done", caller:ended().outcome)
  end)
end)
