-- Text from outside that is not UTF-8, and values that no encoder takes: whoever sends them, the call goes on or is refused in
-- words, no line is lost by it, and what was written down can be read.

local exchange = require "callisto.spec"
local flows = require "spec.support.flows"
local json = require "callisto.json"
local twilio = require "spec.support.twilio"
local utf8 = require "callisto.util.utf8"

local HELLO = flows.template("call:say 'Hello.' call:finish 'DONE'", "payload = { n = 'number?', name = 'string?' },")

-- The record of a call, whose text is UTF-8 throughout.
local function record_of(world, id)
  local response = world:fetch { url = "https://app.test/api/calls/" .. id }
  assert.equal(200, response.status)
  local _, is_changed = utf8.valid(response.body)
  assert.is_false(is_changed)
  return json.decode(response.body)
end

local function assert_list_is_readable(world)
  assert.equal(200, world:fetch({ url = "https://app.test/api/calls" }).status)
end

describe("an order whose payload no encoder takes", function()
  for name, case in pairs {
    ["a number too large"] = { '{"n":1e400}', 400 },
    ["a number without measure"] = { '{"n":1e99999999999999999999}', 400 },
    ["a text that is not UTF-8"] = { '{"name":"Jos\233"}', 400 },
    ["a text in an overlong form"] = { '{"name":"\192\175"}', 400 },
    ["a key that is not UTF-8"] = { '{"\255":1}', 400 },
    ["a number of another type"] = { '{"n":"12"}', 422 },
  } do
    it("is refused, ten times, and takes no line: " .. name, function()
      local world = exchange.open { sources = { ["templates.x"] = HELLO }, env = { TWILIO_MAX_CONCURRENT = "1" } }
      for _ = 1, 10 do
        local answer = world:fetch { method = "POST", url = "https://app.test/api/calls/outbound",
          headers = { ["content-type"] = "application/json" },
          body = ('{"agent_name":"under-test","to":"+14155550199","payload":%s}'):format(case[1]) }
        assert.equal(case[2], answer.status)
        assert.is_string(json.decode(answer.body).detail)
      end
      local caller = world:call { template = "under-test" }
      caller:hears "Hello."
      caller:ended()
      assert_list_is_readable(world)
    end)
  end

  it("is taken with half a pair of surrogates, which is U+FFFD", function()
    local world = exchange.open { sources = { ["templates.x"] = HELLO } }
    local answer = world:fetch { method = "POST", url = "https://app.test/api/calls/outbound",
      headers = { ["content-type"] = "application/json" },
      body = [[{"agent_name":"under-test","to":"+14155550199","payload":{"name":"x\ud83dy"}}]] }
    assert.equal(201, answer.status)
    assert.equal("x\239\191\189y", record_of(world, json.decode(answer.body).id).payload.name)
  end)
end)

describe("webhooks whose caller is not UTF-8", function()
  it("take a line only while their call is up, however many come", function()
    local world = exchange.open { sources = { ["templates.x"] = HELLO }, env = { TWILIO_MAX_CONCURRENT = "1" } }
    for i = 1, 5 do
      local caller = twilio.caller("CA" .. i, { From = "\255\254", CallerName = "Jos\233" })
      local answer = twilio.webhook(world, "/telephony/twilio/inbound/under-test", caller)
      assert.equal(200, answer.status)
      assert.matches("<Connect>", answer.body)
      twilio.over(world, "CA" .. i)
      world:advance(30)
    end
    assert_list_is_readable(world)
  end)
end)

describe("what a flow says", function()
  for name, case in pairs {
    ["a name with an accent, spelled"] = { [[call:say "{name|spell}."]], "J o s é.", "José" },
    ["a name with an accent, as digits"] = { [[call:say "{name|digits}."]], "J O S é.", "José" },
    ["a name in small letters"] = { [[call:say "{name|lower}."]], "josé.", "José" },
    ["bytes that are not UTF-8"] = { [[call:say "Jos\233."]], "Jos\239\191\189." },
    ["bytes that are not UTF-8, filled in"] = { [[call.payload.name = "Jos\233" call:say "Hello {name}."]],
      "Hello Jos\239\191\189." },
    ["half a letter, cut off"] = { [[call:say(("José"):sub(1, 4) .. ".")]], "Jos\239\191\189." },
  } do
    it("can be read afterwards: " .. name, function()
      local caller = flows.call(case[1] .. " call:finish 'DONE'",
        { fields = "payload = { name = 'string?' },", payload = case[3] and { name = case[3] } or nil })
      assert.equal("DONE", caller:ended().outcome)
      assert.equal("agent: " .. case[2], caller:lines()[1])
      record_of(caller.world, caller.call)
      assert_list_is_readable(caller.world)
    end)
  end

  it("last, with bytes that are not UTF-8, ends the call as it should", function()
    local caller = flows.call [[call:finish("DONE", "Good\255bye.")]]
    assert.equal("DONE", caller:ended().outcome)
    record_of(caller.world, caller.call)
  end)

  it("to the carrier and to the record is refused where it cannot be written", function()
    local caller = flows.call [[
      call:fact("tried", { why = select(2, pcall(call.fact, call, "bytes", { text = "\255" })) })
      call:output { name = "Jos\233" }
      call:finish "DONE"
    ]]
    assert.equal("DONE", caller:ended().outcome)
    assert.matches("not UTF%-8", caller:fact("tried").why)
    record_of(caller.world, caller.call)
  end)
end)
