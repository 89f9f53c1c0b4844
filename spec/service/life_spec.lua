-- The lives of inbound calls, on the real engine. A call has three ends, the script's, the socket's and the carrier's word:
-- they come in any order, late, twice, or not at all. A disk in trouble: tests/end_to_end/test_store.lua; a script that breaks:
-- spec/flow/bad_input_spec.lua; orders: outbound_spec.lua.

local exchange = require "callisto.spec"
local twilio = require "spec.support.twilio"

local CARRIER = "https://carrier.test"
local INBOUND = "/telephony/twilio/inbound/hello"

local function template(flow)
  return ([[return require "callisto.template" { name = "hello", on_call = function(call) %s end }]]):format(flow)
end

local CONFIRMS = template [[call:finish("CONFIRMED", "Goodbye.")]]
local WAITS = template [[call:sleep "10m"]]

-- Somebody calls in, and the exchange is the carrier.
local function call(source, faults)
  return exchange.call { source = source, inbound = true, subscriber = { faults = faults } }
end

-- A carrier that does what the spec says: `answers` has what is asked of its interface, `find`, `fetch` and `hangup`.
local function open(source, answers)
  return exchange.open {
    sources = { ["templates.hello"] = source }, env = { TWILIO_API_BASE = CARRIER },
    hosts = {
      [CARRIER] = function(request)
        local key = request.method == "POST" and "hangup" or request.path:find "/Calls%.json" and "find" or "fetch"
        local answer = answers[key]
        if type(answer) == "function" then return answer() end
        return answer
      end,
    },
  }
end

-- The call of such a carrier; `record` reads what is written of it.
local function begin(world)
  local document = twilio.webhook(world, INBOUND, twilio.caller "CA1").body
  local id = world:ask_app("GET", "/api/calls").calls[1].id
  local function record() return (world:ask_app("GET", "/api/calls/" .. id)) end
  return record, document
end

local function over(world, record, seconds)
  assert(world:until_true(seconds, function() return record().state ~= "in_progress" end, 0.5), "the call does not end")
  return record()
end

local function hang_ups(world, origin)
  local count = 0
  for _, request in ipairs(world:requests(origin or "https://exchange.test")) do
    if request.method == "POST" and request.path:find "/Calls/CA%w+%.json$" then count = count + 1 end
  end
  return count
end

describe("an inbound call", function()
  it("that the agent ends is hung up, and is over with the carrier's word", function()
    local caller = call(CONFIRMS, { delay = { completed = 4 } })
    caller:hears "Goodbye."
    caller.world:until_true(10, function() return hang_ups(caller.world) == 1 end)
    caller.world:advance(1)
    assert.equal("in_progress", caller:record().state)
    local ending = caller:ended()
    assert.same({ "completed", "CONFIRMED" }, { ending.state, ending.outcome })
    assert.same({ "ANSWERED", "AGENT_ENDED", "CONFIRMED" },
      { ending.facts.provider.status, ending.facts.session_end, (ending.facts.agent or {}).word })
    assert.equal(1, hang_ups(caller.world))
  end)

  it("has its leg written, with its times", function()
    local caller = call(WAITS)
    caller:silence(5)
    caller:hangs_up()
    local legs = caller:ended().call.legs
    assert.equal(1, #legs)
    local leg = legs[1]
    assert.same({ 1, "caller", "hangup", 0 }, { leg.party, leg.role, leg.end_reason, leg.malformed })
    assert.is_true(leg.frames_in > 0)
    assert.is_true(leg.started_at_ms <= leg.up_at_ms)
    assert.near(5000, leg.ended_at_ms - leg.up_at_ms, 500)
  end)

  it("whose leg never came up says so", function()
    local world = open(WAITS, {})
    local record = begin(world)
    twilio.over(world, "CA1")
    local leg = over(world, record, 60).legs[1]
    assert.same({ "absent", nil }, { leg.end_reason, leg.up_at_ms })
  end)

  it("pitfall 4: is not changed by repeated and late callbacks", function()
    local caller = call(WAITS, { double = { "all" } })
    caller:hangs_up()
    local before = caller:ended().call
    assert.equal("BUSY", before.outcome)
    for sequence, status in ipairs { "ringing", "completed", "busy" } do
      local about = { CallSid = caller.carrier_call, CallStatus = status, SequenceNumber = tostring(sequence + 4) }
      assert.equal(204, twilio.webhook(caller.world, "/twilio/callback/status", about).status)
    end
    caller.world:advance(20)
    assert.same(before, caller:record())
  end)

  it("pitfall 6: asks the carrier when its word does not come", function()
    local caller = call(WAITS, { lose = { "completed" } })
    caller:hangs_up()
    caller.world:advance(9)
    assert.equal("in_progress", caller:record().state)
    local ending = caller:ended()
    assert.same({ "completed", "CUSTOMER_HANGUP" }, { ending.state, ending.reason })
    assert.equal(0, hang_ups(caller.world))
  end)

  it("pitfall 15: is hung up when the phone stays connected without a socket", function()
    local state = "in-progress"
    local world = open(WAITS, {
      fetch = function() return { body = ('{"sid":"CA1","status":"%s"}'):format(state) } end,
      hangup = function()
        state = "completed"
        return { body = "{}" }
      end,
    })
    local record, document = begin(world)
    twilio.stream(world, document, "CA1").socket:close(1001)
    assert.equal("completed", over(world, record, 60).state)
    assert.is_true(hang_ups(world, CARRIER) >= 1)
  end)

  it("pitfall 26: counts as hung up when the carrier knows that it is over already", function()
    local world = open(template "", { -- the flow ends without a word
      hangup = { status = 404, body = '{"code":20404,"message":"gone"}' },
      fetch = { body = '{"sid":"CA1","status":"completed"}' },
    })
    local record, document = begin(world)
    twilio.stream(world, document, "CA1")
    local written = over(world, record, 60)
    assert.same({ "completed", "" }, { written.state, written.outcome })
    assert.equal(1, hang_ups(world, CARRIER))
  end)

  it("ends as unknown when the carrier never answers", function()
    local world = open(CONFIRMS, { hangup = { fault = "silent" }, fetch = { fault = "silent" } })
    local record, document = begin(world)
    local line = twilio.stream(world, document, "CA1")
    local written = over(world, record, 600)
    assert.same({ "failed", "UNKNOWN" }, { written.state, written.facts.provider_status })
    assert.is_truthy(line.code, "the socket is still open")
  end)
end)
