-- What carriers' webhooks are answered, and what else is served without a key, on the real engine. Text that is not UTF-8, and
-- what is given back when a call cannot begin: reception_spec.lua.

local exchange = require "callisto.spec"
local twilio = require "spec.support.twilio"
local xml = require "callisto.xml"

local INBOUND = "/telephony/twilio/inbound/hello"

local function template(more)
  return ([[return require "callisto.template" { name = "hello", %s
    on_call = function(call) call:finish("DONE", "Hello.") end }]]):format(more and more .. "," or "")
end

local function open(options)
  options = options or {}
  options.sources = options.sources or {}
  options.sources["templates.hello"] = options.sources["templates.hello"] or template()
  return exchange.open(options)
end

local function ring(world, sid, more) return twilio.webhook(world, INBOUND, twilio.caller(sid, more)) end

local function calls_of(world) return world:ask_app("GET", "/api/calls").calls end

local function get(world, path, method)
  return assert(world:fetch { method = method or "GET", url = "https://app.test" .. path })
end

local function metric(world, name)
  local _, _, value = get(world, "/metrics").body:find("\n" .. name:gsub("%p", "%%%0") .. " (%d+)")
  return tonumber(value) or 0
end

describe("the service", function()
  it("says that it is up and ready, and what it counts", function()
    local world = open()
    assert.equal(200, get(world, "/healthz").status)
    assert.equal(200, get(world, "/readyz").status)
    assert.matches("callisto_vm_pool_warm %d", get(world, "/metrics").body)
  end)

  it("knows what is not there, and the methods of what is", function()
    local world = open()
    local answer = get(world, "/nothing")
    assert.equal(404, answer.status)
    assert.equal("application/problem+json", answer.headers["content-type"])
    answer = get(world, "/healthz", "DELETE")
    assert.equal(405, answer.status)
    assert.equal("GET, HEAD", answer.headers.allow)
    answer = get(world, "/openapi.json", "DELETE")
    assert.equal(405, answer.status)
    assert.equal("GET", answer.headers.allow)
    assert.equal(426, get(world, "/agent/voice/breeze-buddy/ws/twilio").status)
  end)
end)

describe("an inbound webhook", function()
  it("gets a document with a single-use socket, then a spoken fallback and a hang-up", function()
    local world = open()
    local answer = ring(world, "CA1")
    assert.equal(200, answer.status)
    assert.equal("text/xml", answer.headers["content-type"])
    local document = assert(xml.parse(answer.body))
    assert.same({ "Connect", "Say", "Hangup" }, { document[1].name, document[2].name, document[3].name })
    local stream = document[1][1]
    local token = stream.attrs.url:match "^wss://app%.test/ws/twilio/hello/([a-z2-7]+)$"
    assert.equal(26, #token)
    local call, parameters = calls_of(world)[1], {}
    for _, each in ipairs(stream) do parameters[each.attrs.name] = each.attrs.value end
    assert.same({
      call_id = call.id, lead_id = call.id, agent_name = "hello", direction = "inbound", from_number = "+14150000001",
      to_number = "+14155550100",
    }, parameters)
    assert.same({ "CA1", "in_progress" }, { call.carrier_call_id, call.state })
    twilio.over(world, "CA1")
  end)

  it("that is forged opens nothing", function()
    local world = open()
    local name = 'callisto_webhooks_refused_total{carrier="twilio",status="403"}'
    local before = metric(world, name)
    assert.equal(403, twilio.webhook(world, INBOUND, twilio.caller "CA1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=").status)
    assert.equal(401, twilio.webhook(world, INBOUND, twilio.caller "CA1", false).status)
    assert.same({}, calls_of(world))
    assert.equal(before + 1, metric(world, name))
  end)

  it("that comes again gets the same answer and no second call, also when the call is over", function()
    local world = open()
    local first = ring(world, "CA1").body
    assert.equal(first, ring(world, "CA1").body)
    twilio.over(world, "CA1")
    world:until_true(60, function() return calls_of(world)[1].state ~= "in_progress" end, 1)
    assert.equal(first, ring(world, "CA1").body)
    assert.equal(1, #calls_of(world))
  end)

  it("finds its agent with '-' or '_', and no other", function()
    local world = open { sources = { ["templates.two_words"] = template():gsub('"hello"', '"two-words"') } }
    assert.equal(404, twilio.webhook(world, "/telephony/twilio/inbound/nobody", twilio.caller "CA1").status)
    assert.matches("<Connect", twilio.webhook(world, "/telephony/twilio/inbound/two_words", twilio.caller "CA2").body)
    twilio.over(world, "CA2")
  end)

  it("is routed by its number when it names no agent", function()
    local world = open { sources = { routing = [[return { numbers = { ["+14155550100"] = "hello" } }]] } }
    assert.matches("<Connect", twilio.webhook(world, "/twilio/answer", twilio.caller "CA1").body)
    assert.equal("hello", calls_of(world)[1].agent_name)
    assert.matches('<Reject reason="rejected"',
      twilio.webhook(world, "/twilio/answer", twilio.caller("CA2", { To = "+19990000000" })).body)
    twilio.over(world, "CA1")
  end)

  it("is turned away politely when there is no room", function()
    local world = open { env = { TWILIO_MAX_CONCURRENT = "1" } }
    ring(world, "CA1")
    local answer = ring(world, "CA2").body
    assert.matches('<Reject reason="busy"', answer)
    assert.equal(answer, ring(world, "CA2").body)
    local outcomes = {}
    for _, call in ipairs(calls_of(world)) do outcomes[call.carrier_call_id] = call.outcome or call.state end
    assert.same({ CA1 = "in_progress", CA2 = "CAPACITY_REJECTED" }, outcomes)
    twilio.over(world, "CA1")
  end)

  it("without the secret is refused, and the variable is named", function()
    local world = open()
    local answer = twilio.webhook(world, "/telephony/plivo/inbound/hello", twilio.caller "CA1")
    assert.equal(401, answer.status)
    assert.matches("PLIVO_AUTH_", answer.body)
  end)

  for _, case in ipairs {
    { "hears so outside the hours", [[inbound = { hours = { sun = "10:00-11:00" }, outside_hours_message = "We are closed." }]],
      "We are closed", "BLOCKED_REJECT" },
    { "is rejected by an agent that is switched off", "inbound = { enabled = false }", '<Reject reason="rejected"',
      "BLOCKED_REJECT" },
    { "is sent on by one that says so",
      [[inbound = { enabled = false, block_action = "REDIRECT", redirect_number = "+1777" }]], "<Number>%+1777",
      "BLOCKED_REDIRECT" },
  } do
    it(case[1], function()
      local world = open { sources = { ["templates.hello"] = template(case[2]) } }
      assert.matches(case[3], ring(world, "CA1").body)
      local calls = calls_of(world)
      assert.same({ 1, "failed", case[4] }, { #calls, calls[1].state, calls[1].outcome })
    end)
  end

  it("is answered within the hours", function()
    local world = open { sources = { ["templates.hello"] = template [[inbound = { hours = { tue = "10:00-11:00" } }]] } }
    assert.matches("<Connect", ring(world, "CA1").body)
    twilio.over(world, "CA1")
  end)

  it("pitfall 7: with missing fields does not crash", function()
    local world = open()
    for _, case in ipairs {
      { INBOUND, { From = "+1" }, 400 },
      { "/twilio/callback/status", { CallSid = "CA1" }, 400 },
      { "/twilio/callback/status", { CallStatus = "completed" }, 204 },
      { "/twilio/callback/details", { CallSid = "CA1" }, 400 },
      { "/twilio/callback/twiml-fallback", { ErrorCode = "11200" }, 200 },
    } do
      assert.equal(case[3], twilio.webhook(world, case[1], case[2]).status, case[1])
    end
  end)
end)
