-- What the service declares of the paths on which calls begin and news of them comes. What the engine makes of it:
-- tests/engine/test_arrivals.c.

local carrier = require "callisto.provider.carrier"
local doors = require "callisto.service.doors"
local twilio = require "providers.carriers.twilio"

-- By "KIND PATH", what is declared of a carrier.
local function doors_of(adapter)
  local found = {}
  for _, door in ipairs(doors.of_carrier(adapter)) do found[door.kind .. " " .. door.path] = door end
  return found
end

describe("the doors of a carrier", function()
  it("say on which paths calls begin, how long who asks there waits, and what he is told", function()
    local found = doors_of(twilio)
    local inbound = found["begins /telephony/twilio/inbound/{agent}"]
    assert.equal(15, inbound.patience)
    assert.equal(200, inbound.status)
    assert.matches('<Reject reason="busy"/>', inbound.body, 1, true)
    assert.equal(503, found["begins /twilio/answer"].status) -- our own calls ask there, too
    assert.equal(200, found["begins /twilio/callback/twiml-fallback"].status) -- nothing is asked after it
  end)

  it("say on which paths news comes, which is never turned away for good", function()
    local found = doors_of(twilio)
    for _, path in ipairs { "/twilio/callback/status", "/telephony/twilio/status/{call}", "/twilio/callback/details" } do
      assert.equal(503, found["tells " .. path].status, path)
    end
  end)

  it("say by what the end of a call is known that comes where its beginning came", function()
    local found = doors_of(twilio)
    for _, path in ipairs { "/telephony/twilio/inbound/{agent}", "/twilio/answer" } do
      assert.same(twilio.webhook.ends, found["begins " .. path].news)
    end
  end)

  it("turn away with 503 where a busy document is too long, or cannot be written", function()
    local long = function() return ("x"):rep(1025), "text/plain" end
    for _, answer in ipairs { long, function() error "no" end } do
      local copy, webhook = {}, {}
      for name, value in pairs(twilio) do copy[name] = value end
      for name, value in pairs(twilio.webhook) do webhook[name] = value end
      copy.name, copy.webhook, webhook.answer = "longline", webhook, answer
      assert.equal(503, doors_of(carrier(copy))["begins /telephony/twilio/inbound/{agent}"].status)
    end
  end)

  it("are those of news alone where sockets come first", function()
    for _, door in ipairs(doors.of_carrier(require "providers.carriers.genesys")) do assert.equal("tells", door.kind) end
  end)
end)

describe("the door of an order", function()
  it("asks to come again", function()
    local door = doors.of_order("POST", "/api/calls/outbound")[1]
    assert.equal("begins", door.kind)
    assert.equal("POST", door.method)
    assert.equal(503, door.status)
  end)
end)
