local exchange = require "callisto.spec"

local TUESDAY_NOON = 1772519400 -- 2026-03-03 12:00 in Kolkata
local TUESDAY_NIGHT = TUESDAY_NOON + 10 * 3600

describe("after-hours", function()
  local function call(at) return exchange.call { template = "after-hours", inbound = true, at = at } end

  it("takes the number of the caller", function()
    local caller = call(TUESDAY_NIGHT)
    caller:hears("We are closed now."):listens()
    caller:says "yes please"
    caller:hears("call you back at plus one four one five"):listens()
    caller:says "yes"
    caller:hears "We will call you tomorrow"
    assert.equal("CALL_BACK", caller:ended().outcome)
    assert.equal("+14150000001", caller:fact("callback.wanted").number)
  end)

  it("takes another number", function()
    local caller = call(TUESDAY_NIGHT)
    caller:hears "We are closed now."
    caller:presses "1"
    caller:hears "call you back at"
    caller:presses "2"
    caller:hears "Please enter the number"
    caller:presses "4155550123#"
    assert.equal("CALL_BACK", caller:ended().outcome)
    assert.equal("4155550123", caller:fact("callback.wanted").number)
  end)

  it("only informs", function()
    local caller = call(TUESDAY_NIGHT)
    caller:hears "We are closed now."
    caller:presses "2"
    caller:hears "until tomorrow"
    assert.equal("INFORMED", caller:ended().outcome)
  end)

  it("goes on as another template while the shop is open", function()
    local caller = call(TUESDAY_NOON)
    caller:hears "Welcome to Blue Shop."
    caller:hears "For English, press 1."
  end)
end)
