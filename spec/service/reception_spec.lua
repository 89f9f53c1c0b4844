-- Who comes in, on the real engine: webhooks that carry what they should not, and what is given back when a call cannot begin.

local exchange = require "callisto.spec"
local twilio = require "spec.support.twilio"

local APP = "https://app.test"

local HELLO = [[return require "callisto.template" { name = "hello",
  on_call = function(call) call:finish("DONE", "Hello.") end }]]

-- Twilio's twin whose media sockets cannot be signed, because the adapter raises.
local BREAKING = [[
local carrier = require "callisto.provider.carrier"
local copy = {}
for name, value in pairs(require "providers.carriers.twilio") do copy[name] = value end
copy.name, copy.routes = "breaking", carrier.routes "breaking"
copy.account = { account = "BREAKING_ACCOUNT", secret = "BREAKING_SECRET", number = "BREAKING_NUMBER" }
copy.socket = { signature = function() error "no signature today" end }
return carrier(copy)]]

local function log_of(world)
  local list = {}
  for _, line in ipairs(world.lab:log()) do list[#list + 1] = line.text end
  return table.concat(list, "\n")
end

local function open(env, sources)
  sources = sources or {}
  sources["templates.hello"] = HELLO
  return exchange.open { sources = sources, env = env }
end

describe("a webhook", function()
  it("whose caller has a name that is not UTF-8 gets its document; the log names the field", function()
    local world = open { TWILIO_MAX_CONCURRENT = "2" }
    local answer = twilio.webhook(world, "/telephony/twilio/inbound/hello", twilio.caller("CA1", { From = "Jos\233" }))
    assert.equal(200, answer.status)
    assert.matches("<Connect>", answer.body)
    assert.matches("twilio sent text that is not UTF%-8.*: from", log_of(world))
    local calls = world:ask_app("GET", "/api/calls").calls
    assert.equal("Jos\239\191\189", calls[1].from)
    twilio.webhook(world, "/twilio/callback/status", { CallSid = "CA1", CallStatus = "completed" })
  end)

  it("about a status whose cause is not UTF-8 counts the first time", function()
    local world = open()
    twilio.webhook(world, "/telephony/twilio/inbound/hello", twilio.caller "CA1")
    local status = { CallSid = "CA1", CallStatus = "completed", SequenceNumber = "9", ErrorCode = "\252" }
    for _ = 1, 2 do assert.equal(204, twilio.webhook(world, "/twilio/callback/status", status).status) end
    local call = world:ask_app("GET", "/api/calls/" .. world:ask_app("GET", "/api/calls").calls[1].id)
    assert.equal("ANSWERED", call.facts.provider_status)
    assert.equal("error \239\191\189", call.facts.provider_hangup_cause)
  end)

  it("for an agent whose name is not UTF-8 finds nothing", function()
    local world = open()
    assert.equal(404, twilio.webhook(world, "/telephony/twilio/inbound/Jos%E9", twilio.caller "CA1").status)
  end)

  it("is answered at a path that ends in a slash, too", function()
    local world = open()
    assert.equal(204, twilio.webhook(world, "/twilio/callback/status/", { CallSid = "CA1", CallStatus = "completed" }).status)
    assert.equal(200, world:fetch({ method = "GET", url = APP .. "/healthz/" }).status)
  end)

  it("about a recording finds its call by the carrier's id, while it is live and when it is over", function()
    local world = open()
    twilio.webhook(world, "/telephony/twilio/inbound/hello", twilio.caller "CA1")
    local function recorded(id)
      local about = { CallSid = "CA1", RecordingSid = id, RecordingUrl = "https://api.twilio.com/" .. id }
      assert.equal(204, twilio.webhook(world, "/twilio/callback/details", about).status)
    end
    recorded "RE1"
    twilio.webhook(world, "/twilio/callback/status", { CallSid = "CA1", CallStatus = "completed" })
    world:until_true(60, function() return world:ask_app("GET", "/api/calls").calls[1].state ~= "in_progress" end, 1)
    recorded "RE2"
    local seen = {}
    for _, event in ipairs(world:ask_app("GET", "/api/calls/" .. world:ask_app("GET", "/api/calls").calls[1].id).events) do
      if event.kind == "carrier.recording" then seen[#seen + 1] = event.data.id end
    end
    assert.same({ "RE1", "RE2" }, seen)
  end)
end)

describe("a call that cannot begin because the adapter fails", function()
  local order = { agent_name = "hello", to = "+14150000001", provider = "breaking" }

  it("holds no line, however often it is tried, and the reason is for the log alone", function()
    local world = open({
      BREAKING_MAX_CONCURRENT = "1", BREAKING_ACCOUNT = "AC1", BREAKING_SECRET = "s", BREAKING_NUMBER = "+14150000003",
    }, { ["providers.carriers.breaking"] = BREAKING })
    for _ = 1, 3 do
      local problem, status = world:ask_app("POST", "/api/calls/outbound", order)
      assert.same({ 500, "the request could not be served" }, { status, problem.detail })
    end
    assert.matches("no signature today", log_of(world))
    assert.equal(0, world.lab:left().calls)
  end)
end)

describe("an order", function()
  it("with a number that JSON cannot hold is refused, and holds no line", function()
    local world = open { TWILIO_MAX_CONCURRENT = "1" }
    for _ = 1, 2 do
      local answer = world:fetch { method = "POST", url = APP .. "/api/calls/outbound",
        headers = { ["content-type"] = "application/json" },
        body = [[{"agent_name":"hello","to":"+14150000001","payload":{"n":1e400}}]] }
      assert.equal(400, answer.status)
      assert.matches("a number is too large", answer.body)
    end
  end)
end)
