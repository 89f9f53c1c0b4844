-- What Twilio tells besides the usual: recordings that failed, who answered, numbers that lead to nobody.

local exchange = require "callisto.spec"
local twilio = require "spec.support.twilio"

local SOURCE = [[return require "callisto.template" { name = "desk", on_call = function(call)
  call:on("answered_by", function(_, who) call:fact("who", { who = who, field = call.answered_by }) end)
  call:say "Hello, this is the desk." call:sleep "1m"
end }]]

local function open(routing)
  return exchange.open { sources = { ["templates.desk"] = SOURCE, routing = routing } }
end

describe("a recording of Twilio", function()
  for _, status in ipairs { "failed", "absent" } do
    it("that is " .. status .. " is written down without a file", function()
      local world = open()
      local caller = world:call { template = "desk" }
      caller:hears "the desk."
      local answer = twilio.webhook(world, "/twilio/callback/details?call=" .. caller.call, {
        CallSid = caller.carrier_call, RecordingSid = "RE1", RecordingUrl = "", RecordingStatus = status, ErrorCode = "16100",
      })
      assert.equal(204, answer.status)
      local about = caller:fact "carrier.recording"
      assert.same({ status, "RE1", "error 16100" }, { about.status, about.id, about.cause })
      assert.is_nil(about.url)
      caller:hangs_up()
    end)
  end

  it("that is there and has no URL is bad input", function()
    local world = open()
    local answer = twilio.webhook(world, "/twilio/callback/details",
      { CallSid = "CA1", RecordingSid = "RE1", RecordingUrl = "", RecordingStatus = "completed" })
    assert.equal(400, answer.status)
    assert.matches("RecordingUrl is missing", answer.body)
  end)
end)

describe("who answered", function()
  for word, who in pairs {
    human = "human", machine_start = "machine", machine_end_beep = "machine", fax = "fax", unknown = "unknown",
  } do
    it(("is on the call and told to its flow: %s"):format(word), function()
      local world = open()
      local caller = world:call { template = "desk" }
      caller:hears "the desk."
      for _ = 1, 2 do
        assert.equal(204, twilio.webhook(world, "/twilio/callback/status?call=" .. caller.call,
          { CallSid = caller.carrier_call, AnsweredBy = word, MachineDetectionDuration = "2400" }).status)
      end
      world:advance(0.5)
      assert.same({ { who = who, word = word } }, caller:facts "answered_by")
      assert.same({ { who = who, field = who } }, caller:facts "who")
      caller:hangs_up()
    end)
  end

  it("is kept when the last status says it", function()
    local world = open()
    local caller = world:call { template = "desk" }
    caller:hears "the desk."
    twilio.webhook(world, "/twilio/callback/status?call=" .. caller.call,
      { CallSid = caller.carrier_call, CallStatus = "completed", AnsweredBy = "machine_start" })
    assert.same({ { who = "machine", word = "machine_start" } }, caller:facts "answered_by")
    caller:hangs_up()
  end)

  for _, case in ipairs {
    { "plivo", "machine", "POST", "CallUUID=u&CallStatus=in-progress&Event=MachineDetection&Machine=true" },
    { "plivo", "human", "POST", "CallUUID=u&CallStatus=in-progress&Machine=False" },
    { "telnyx", "machine", "POST", "CallSid=v3:a&AnsweredBy=machine" },
    { "vonage", "machine", "GET", "status=machine&uuid=u-1" },
    { "exotel", "human", "POST", "CallSid=c&EventType=answered&Status=in-progress&AnsweredBy=Human" },
    { "exotel", nil, "POST", "CallSid=c&EventType=answered&Status=in-progress&AnsweredBy=NA" },
  } do
    it(("is read of %s: %s"):format(case[1], case[4]), function()
      local is_get = case[3] == "GET"
      local status = assert(require("providers.carriers." .. case[1]).webhook.status {
        method = case[3], query = is_get and case[4] or "", body = not is_get and case[4] or "",
        headers = { ["content-type"] = "application/x-www-form-urlencoded" },
      })
      assert.equal(case[2], (status.answered_by or {}).who)
    end)
  end
end)

describe("a number that leads to nobody", function()
  for _, case in ipairs {
    { "is rejected, which costs nothing", "return {}", '<Reject reason="rejected"' },
    { "is sent on, if routing.lua says so", [[return { unknown = { redirect = "+15550100" } }]], "<Number>%+15550100" },
    { "hears a sentence, if routing.lua has one", [[return { unknown = { say = "Nobody is here." } }]], "Nobody is here%." },
  } do
    it(case[1], function()
      local world = open(case[2])
      local answer = twilio.webhook(world, "/twilio/answer", twilio.caller "CA1").body
      assert.matches(case[3], answer)
      assert.equal(answer, twilio.webhook(world, "/twilio/answer", twilio.caller "CA1").body)
      assert.same({}, world:ask_app("GET", "/api/calls").calls)
    end)
  end

  it("cannot be misspelled in routing.lua", function()
    local routes = { module = "routing", path = "routing.lua", value = { unknown = { redirct = "+1" } } }
    assert.matches("redirect", require("callisto.judge").verdict({ routes }).problems[1].message)
  end)
end)
