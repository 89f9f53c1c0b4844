local exchange = require "callisto.spec"

local OPEN = 1772519400 -- Tuesday 2026-03-03, noon in Kolkata
local CLOSED = OPEN + 10 * 3600

local function call(at)
  return exchange.call {
    template = "reception", inbound = true, at = at,
    settings = { zone = "Asia/Kolkata", opening = { zone = "Asia/Kolkata", ["mon-fri"] = "08:00-18:00" } },
  }
end

describe("reception", function()
  it("books an appointment, by voice", function()
    local caller = call(OPEN)
    caller:hears "This is the clinic."
    caller:hears("For an appointment, press 1."):listens()
    caller:says "a visit"
    caller:hears("For which day"):listens()
    caller:says "next monday"
    caller:hears("At which hour"):listens()
    caller:says "three"
    caller:hears("Monday, the ninth of March at three p m?"):listens()
    caller:says "yes"
    assert.equal("BOOKED", caller:ended().outcome)
    assert.equal("2026-03-09T15:00", caller:fact("appointment.booked").at)
  end)

  it("does not book the night, and takes another day", function()
    local caller = call(OPEN)
    caller:hears "For an appointment"
    caller:presses "1"
    caller:hears("For which day"):listens()
    caller:says "tomorrow"
    caller:hears("At which hour"):listens()
    caller:says "seven"
    caller:hears "from nine to five."
    caller:hears("At which hour"):listens()
    caller:says "another day"
    caller:hears "For which day"
  end)

  it("says its hours", function()
    local caller = call(OPEN)
    caller:hears "For an appointment"
    caller:presses "2"
    assert.equal("INFORMED", caller:ended().outcome)
  end)

  it("is closed at night", function()
    local caller = call(CLOSED)
    caller:hears "one one two"
    assert.equal("CLOSED", caller:ended().outcome)
  end)
end)
