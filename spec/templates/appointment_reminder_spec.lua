local exchange = require "callisto.spec"

describe("appointment-reminder", function()
  local function call()
    return exchange.call {
      template = "appointment-reminder",
      payload = { patient_name = "Ann", doctor = "doctor Brown", at = "2026-03-05T15:30" },
    }
  end

  it("is confirmed", function()
    local caller = call()
    caller:hears "Good day Ann, this is the practice of doctor Brown."
    caller:hears("on Thursday, the fifth of March at three thirty p m. Will you come?"):listens()
    caller:says "i will come"
    assert.equal("CONFIRMED", caller:ended().outcome)
  end)

  it("is moved to another day and time", function()
    local caller = call()
    caller:hears("Will you come?"):listens()
    caller:says "another time"
    caller:hears("Which day would suit you?"):listens()
    caller:says "next friday"
    caller:hears("On Friday, the thirteenth of March there is"):listens()
    caller:says "in the afternoon"
    caller:hears("Friday, the thirteenth of March at four p m. Is that right?"):listens()
    caller:says "yes"
    caller:hears "We have written it down"
    assert.equal("MOVED", caller:ended().outcome)
    assert.equal("2026-03-13T16:00", caller:fact("appointment.moved").at)
  end)

  it("is moved with keys, after a change of mind", function()
    local caller = call()
    caller:hears "Will you come?"
    caller:presses "2"
    caller:hears "Which day"
    caller:presses "2003"
    caller:hears "On Friday, the twentieth of March"
    caller:presses "3"
    caller:hears "Which day"
    caller:presses "2303"
    caller:hears "On Monday, the twenty-third of March"
    caller:presses "1"
    caller:hears "Monday, the twenty-third of March at nine thirty a m"
    caller:presses "1"
    assert.equal("MOVED", caller:ended().outcome)
  end)

  it("is cancelled", function()
    local caller = call()
    caller:hears "Will you come?"
    caller:presses "3"
    assert.equal("CANCELLED", caller:ended().outcome)
  end)

  it("asks for a day within two months, and gives up", function()
    local caller = call()
    caller:hears "Will you come?"
    caller:presses "2"
    caller:hears("Which day"):listens()
    for _ = 1, 2 do
      caller:says "the third of december"
      caller:hears("within two months"):listens()
    end
    caller:says "bananas"
    caller:hears "call you to find a time"
    assert.equal("CALL_BACK", caller:ended().outcome)
  end)
end)
