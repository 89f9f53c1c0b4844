-- What a flow tells the recogniser, and what the recogniser's answers mean: numbers in words, free text.

local answers = require "callisto.flow.answers"
local flows = require "spec.support.flows"

local call = flows.call

-- What the recogniser is told of a question.
local function listening_of(question) return answers.read("call:ask", question, 1).listen end

describe("a question for a number", function()
  it("tells each number when they are few", function()
    local listening = listening_of { number = { min = 1, max = 20 } }
    assert.same({ "nineteen" }, { listening.choices["=19"][1] })
    assert.is_nil(listening.numbers)
    assert.is_nil(listening.free_text)
  end)

  for name, case in pairs {
    ["any"] = { { number = true }, { fraction = false, minus = false }, { min = 1, max = 9 } },
    ["to a ceiling"] = { { number = { max = 50000 } }, { max = 50000, fraction = false, minus = false }, { min = 1, max = 5 } },
    ["with a fraction"] = { { number = { max = 100, whole = false } }, { max = 100, fraction = true, minus = false } },
    ["below zero"] = { { number = { min = -400, max = 9 } }, { max = 400, fraction = false, minus = true },
      { min = 1, max = 3 } },
    ["far above"] = { { number = { max = 1e12 } }, { max = 9999999, fraction = false, minus = false }, { min = 1, max = 13 } },
  } do
    it("tells how numbers may look: " .. name, function()
      local listening = listening_of(case[1])
      assert.same(case[2], listening.numbers)
      assert.same(case[3], listening.digits)
      assert.is_nil(listening.choices)
      assert.is_nil(listening.free_text)
    end)
  end

  it("takes the number the recogniser made of the words", function()
    local caller = call [[call:finish(tostring(call:ask { "How many?", number = { max = 50000 } }))]]
    caller:hears("How many?"):listens()
    caller:says "twelve thousand and five please"
    assert.equal("12005", caller:ended().outcome)
  end)

  it("refuses one that is out of range", function()
    local caller = call [[call:finish(tostring(call:ask { "How many?", number = { max = 50000 }, tries = 1 }))]]
    caller:hears("How many?"):listens()
    caller:says "sixty thousand"
    assert.equal("nil", caller:ended().outcome)
  end)
end)

describe("free text", function()
  it("is asked for only where any words are welcome", function()
    assert.is_true(listening_of({ free_text = true }).free_text)
    assert.is_nil(listening_of({ date = true }).free_text)
    assert.is_nil(listening_of({ choices = { yes = "yes" } }).free_text)
  end)

  it("is an error of the script where the recogniser does not take it", function()
    local caller = call([[call:listen { timeout = "5s" }]], { real_voice = true })
    assert.matches("the built%-in ear does not listen to free text", flows.error_of(caller))
  end)
end)

describe("over the telephone", function()
  for said, number in pairs {
    ["twelve thousand three hundred and forty five"] = "12345",
    ["It's four zero seven, please."] = "407",
    ["2500"] = "2500",
    ["forty two"] = "42",
  } do
    it("the number is understood: " .. said, function()
      local caller = call [[
        call:fact("number", { value = call:ask { "How many do you want?", number = { max = 99999 } } })
        call:finish("DONE", "Goodbye.")
      ]]
      caller:hears("How many do you want?"):listens()
      caller:says(said)
      caller:hears "Goodbye."
      assert.equal(tonumber(number), caller:fact("number").value)
    end)
  end

  it("free text comes as it was said", function()
    local caller = call [[
      call:fact("about", { text = call:ask { "What is it about?", free_text = true } })
      call:finish("DONE", "Goodbye.")
    ]]
    caller:hears("What is it about?"):listens()
    caller:says "My parcel never came, and I am angry!"
    caller:hears "Goodbye."
    assert.equal("My parcel never came, and I am angry!", caller:fact("about").text)
  end)
end)
