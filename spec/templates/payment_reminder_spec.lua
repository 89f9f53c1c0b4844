local exchange = require "callisto.spec"

describe("payment-reminder", function()
  local function call()
    return exchange.call {
      template = "payment-reminder",
      payload = { customer_name = "Ann", amount = 123456.5, due = "2026-02-27" },
    }
  end

  local function identified()
    local caller = call()
    caller:hears "Am I speaking with Ann?"
    caller:presses "1"
    caller:hears "one lakh twenty-three thousand four hundred and fifty-six rupees and fifty paise"
    return caller
  end

  it("takes a promise", function()
    local caller = identified():listens()
    caller:says "i will pay"
    caller:hears("On which day"):listens()
    caller:says "next monday"
    caller:hears "fifty paise on Monday, the ninth of March"
    assert.equal("PROMISED", caller:ended().outcome)
    assert.same({ day = "2026-03-09", amount = 123456.5 }, caller:fact "payment.promised")
  end)

  it("does not take a promise of a far day", function()
    local caller = identified()
    caller:presses "1"
    caller:hears("On which day"):listens()
    caller:says "the third of may"
    caller:hears "within two weeks"
  end)

  for key, word in pairs { ["2"] = "ALREADY_PAID", ["3"] = "DISPUTED" } do
    it("hears " .. word, function()
      local caller = identified()
      caller:presses(key)
      assert.equal(word, caller:ended().outcome)
    end)
  end

  it("tells nobody else of the bill", function()
    local caller = call()
    caller:hears("Am I speaking with Ann?"):listens()
    caller:says "wrong"
    caller:hears "excuse the call"
    assert.equal("WRONG_PERSON", caller:ended().outcome)
    assert.is_nil(table.concat(caller:lines()):find "rupees")
  end)
end)
