local exchange = require "callisto.spec"

describe("satisfaction-survey", function()
  local function call()
    return exchange.call { template = "satisfaction-survey", payload = { customer_name = "Ann", product = "the kettle" } }
  end

  it("takes two numbers and a few words", function()
    local caller = call()
    caller:hears("Do you have a minute"):listens()
    caller:says "sure"
    caller:hears("our service"):listens()
    caller:says "five"
    caller:hears "with the kettle"
    caller:presses "4"
    caller:hears("Is there anything"):listens()
    caller:says "deliver faster"
    caller:hears "Thank you very much"
    assert.equal("ANSWERED", caller:ended().outcome)
    assert.equal(5, caller:fact("survey.service").value)
    assert.equal(4, caller:fact("survey.product").value)
    assert.equal("deliver faster", caller:fact("survey.words").text)
  end)

  it("hears that somebody is unhappy", function()
    local caller = call()
    caller:hears "a minute"
    caller:presses "1"
    caller:hears("our service"):listens()
    caller:says "one"
    caller:hears("with the kettle"):listens()
    caller:says "skip it"
    caller:hears "Is there anything"
    caller:presses "#"
    caller:hears "sorry to hear that"
    assert.equal("UNHAPPY", caller:ended().outcome)
  end)

  it("insists on one to five, once", function()
    local caller = call()
    caller:hears "a minute"
    caller:presses "1"
    caller:hears "our service"
    caller:presses "9"
    caller:hears "A number from one to five"
    caller:presses "3"
    caller:hears "with the kettle"
  end)

  it("may be refused", function()
    local caller = call()
    caller:hears "a minute"
    caller:presses "2"
    assert.equal("REFUSED", caller:ended().outcome)
  end)
end)
