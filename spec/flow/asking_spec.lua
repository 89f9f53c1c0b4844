local flows = require "spec.support.flows"

local call = flows.call

-- What a question makes of the text of a recogniser that brings any text; "nil" when it understands nothing.
local function reading(question, said)
  return ([[
    local answers = require "callisto.flow.answers"
    call:fact("read", { value = answers.of_speech(answers.read("call:ask", %s, 1), { text = "%s" }) or "nil" })
  ]]):format(question, said)
end

local function read_as_text(question, said)
  local caller = call(reading(question, said))
  caller:ended()
  return caller:fact("read").value
end

describe("a question for a number", function()
  local how_many = [[
    local count, about = call:ask { "How many?", number = { min = 1, max = 20 }, choices = { none = "none, nothing" },
      no_match = "A number, please.", tries = 2 }
    call:fact("answer", { value = count, by = count and about.by or about })
    call:finish "DONE"
  ]]

  describe("with a recogniser that knows the answers", function()
    for said, value in pairs { twelve = 12, ["nothing"] = "none" } do
      it("understands " .. said, function()
        local caller = call(how_many)
        caller:hears("How many?"):listens()
        caller:says(said):ended()
        assert.same({ value = value, by = "speech" }, caller:fact "answer")
        assert.same("caller: " .. said, caller:lines()[2])
      end)
    end

    it("asks again for what is out of range or no number", function()
      local caller = call(how_many)
      caller:hears("How many?"):listens()
      caller:says "ninety"
      caller:hears("A number, please."):listens()
      caller:says("bananas"):ended()
      assert.same({ by = "no_match" }, caller:fact "answer")
    end)
  end)

  describe("with a recogniser that brings any text", function()
    local question = [[{ number = { min = 1, max = 20, whole = true }, choices = { none = "none, nothing" } }]]

    for said, value in pairs { twelve = 12, ["nothing"] = "none" } do
      it("understands " .. said, function() assert.equal(value, read_as_text(question, said)) end)
    end

    it("takes nothing that is out of range or no number", function()
      assert.equal("nil", read_as_text(question, "ninety"))
      assert.equal("nil", read_as_text(question, "bananas"))
    end)
  end)

  it("takes keys, which are written down together", function()
    local caller = call(how_many)
    caller:hears "How many?"
    caller:presses("7#"):ended()
    assert.same({ value = 7, by = "digit" }, caller:fact "answer")
    assert.same("caller: Pressed 7", caller:lines()[2])
  end)

  it("takes keys without a terminator, after a pause or when there are enough", function()
    local caller = call(how_many)
    caller:hears "How many?"
    caller:presses "7"
    caller:silence(2.1)
    assert.equal(7, caller:fact("answer").value)
    caller = call(how_many)
    caller:hears "How many?"
    caller:presses "18"
    caller:silence(0.7)
    assert.equal(18, caller:fact("answer").value)
  end)

  it("without limits hears digits and text", function()
    local caller = call([[call:fact("n", { value = call:ask { "Your number?", number = true } })]])
    caller:hears("Your number?"):listens()
    caller:says("four two seven"):ended()
    assert.equal(427, caller:fact("n").value)
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
      local caller = call(when)
      caller:hears("Which day?"):listens()
      caller:says(said)
      assert.equal(day, caller:ended().outcome)
      assert.equal(day, read_as_text([[{ date = { from = 1, to = "30d" } }]], said))
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
    caller:says("my parcel is late"):ended()
    assert.equal("my parcel is late", caller:fact("said").text)
    caller = call(body)
    caller:hears("What is it about?"):listens()
    caller:says("I want a person"):ended()
    assert.equal("person", caller:fact("said").text)
  end)
end)

describe("a question", function()
  it("may have a sentence for each further try", function()
    local caller = call [[call:finish(call:ask { "One?",
      choices = { yes = "yes" }, reprompt = { "Two?", "Three?" }, tries = 4 } or "NO")]]
    for _, words in ipairs { "One?", "Two?", "Three?", "Three?" } do
      caller:hears(words):listens()
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

  local refused = {
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
  }
  local bodies = {}
  for i, case in ipairs(refused) do bodies[i] = case[1] end
  local refusal_of = flows.refusals(bodies)
  for i, case in ipairs(refused) do
    it("is refused: " .. case[1], function()
      local message = refusal_of(i)
      assert.is_truthy(message:find(case[2], 1, true), message)
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
    caller:hears_nothing(4.9)
    for _ = 1, 2 do
      caller:hears("Hello?", 2):listens()
      caller:hears_nothing(4)
    end
    assert.equal("silence", caller:ended().outcome)
  end)

  it("goes on when the caller answers to that", function()
    local caller = call [[
      local heard = call:listen { idle = { after = "5s" }, number = true }
      call:fact("heard", { value = heard.value })
    ]]
    caller:hears "Are you still there?"
    caller:says("forty two"):ended()
    assert.equal(42, caller:fact("heard").value)
  end)

  it("follows the template, which ends the call", function()
    local caller = call("call:listen() call:finish 'NEVER'",
      { fields = [[idle = { after = "5s", tries = 1, goodbye = "Goodbye." },]] })
    caller:hears("Are you still there?"):listens()
    caller:hears("Goodbye.", 6)
    assert.equal("USER_IDLE_TIMEOUT", caller:ended().reason)
    assert.is_nil(caller:ended().facts.agent)
  end)

  it("gives the choice as its value", function()
    local caller = call [[
      local heard = call:listen { choices = { yes = "yes, sure" }, timeout = "5s" }
      call:finish(heard.value)
    ]]
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
    assert.equal("done", caller:ended().outcome)
    assert.same({ "agent: [audio/hold.wav]", "agent: Please hold.", "agent: [audio/hold.wav] --" }, caller:lines())
  end)
end)
