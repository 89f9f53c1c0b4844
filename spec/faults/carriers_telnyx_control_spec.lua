-- Telnyx's Call Control, which most of its users have: events as JSON, commands instead of documents. What every carrier must be
-- able to do over it is in spec/carriers/conformance_spec.lua.

local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local json = require "callisto.json"

local telnyx = require "providers.carriers.telnyx"

local CONNECTION = "1494404757140276705"
local SOURCE = [[return require "callisto.template" { name = "desk", %s on_call = function(call)
  call:say "Hello, this is the desk." call:sleep "1m"
end }]]

local function open(fields, env)
  local all = { TELNYX_CONNECTION_ID = CONNECTION, TELNYX_ACCOUNT_SID = "only the exchange needs it" }
  for name, value in pairs(env or {}) do all[name] = value end
  return exchange.open { carrier = "telnyx", sources = { ["templates.desk"] = SOURCE:format(fields or "") }, env = all }
end

local function report(world, caller)
  return (world:ask_exchange("GET", "/exchange/calls/" .. (caller.line or caller.carrier_call)))
end

local function log_of(world, caller)
  local text = {}
  for _, note in ipairs(report(world, caller).log) do text[#text + 1] = note.what end
  return table.concat(text, "\n")
end

local function commands_of(world)
  local names = {}
  for _, request in ipairs(world:requests "https://exchange.test") do
    local name = request.path:match "^/v2/calls/[^/]+/actions/([%w_]+)$"
    if name then names[#names + 1] = name end
  end
  return names
end

local function event(kind, payload)
  payload.call_control_id = payload.call_control_id or "v3:abc"
  return {
    method = "POST", query = "", headers = { ["content-type"] = "application/json; charset=utf-8" },
    body = json.encode { data = { event_type = kind, payload = payload } },
  }
end

describe("a call of Call Control", function()
  it("that comes in is answered by one command, and hung up by one", function()
    local world = open()
    local caller = world:call { template = "desk", inbound = true }
    caller:hears "the desk."
    world:ask_app("POST", ("/api/calls/%s/hangup"):format(caller:record().id))
    assert.equal("COMPLETED", caller:ended().facts.provider.reason)
    assert.same({ "answer", "hangup" }, commands_of(world))
  end)

  it("that is ordered streams when it is answered", function()
    local world = open()
    local caller = world:call { template = "desk" }
    caller:hears("the desk."):hangs_up()
    assert.equal("CUSTOMER_HANGUP", caller:ended().reason)
    assert.same({ "streaming_start" }, commands_of(world))
    assert.equal(1, #caller:facts "carrier.hangup")
  end)

  it("is told of twice, and answered once", function()
    local world = open()
    world:set_callback_faults { double = { "all" } }
    local caller = world:call { template = "desk", inbound = true }
    caller:hears("the desk."):hangs_up():ended()
    assert.same({ "answer" }, commands_of(world))
  end)

  it("is rejected as busy when all lines are taken", function()
    local world = open(nil, { TELNYX_MAX_CONCURRENT = "1" })
    local first = world:call { template = "desk", inbound = true }
    local second = world:ring { template = "desk", inbound = true, number = "+14150000009" }
    world:advance(2)
    assert.equal("busy", report(world, second).status)
    assert.matches("user_busy", json.encode(world:requests "https://app.test"))
    first:hangs_up()
  end)

  it("to an agent that is closed hears why, and is hung up", function()
    local world = open [[inbound = { enabled = false, block_message = "We are closed." },]]
    local caller = world:ring { template = "desk", inbound = true }
    world:advance(10)
    assert.equal("completed", report(world, caller).status)
    assert.matches("carrier says: We are closed%.", log_of(world, caller))
    assert.same({ "answer", "speak", "hangup" }, commands_of(world))
  end)

  it("to an agent that sends its callers on is transferred", function()
    local world = open [[inbound = { enabled = false, block_action = "REDIRECT", redirect_number = "+15550100" },]]
    world:puppet("+15550100", { answers_after = 1 })
    local caller = world:ring { template = "desk", inbound = true }
    world:advance(5)
    assert.same({ "transfer" }, commands_of(world))
    assert.is_truthy(report(world, caller).status == "in-progress")
    local path = ("/exchange/calls/%s/does"):format(report(world, caller).line)
    world:ask_exchange("POST", path, { verb = "hangs_up", with = json.array {} })
  end)

  it("whose command fails is brought to its end", function()
    local world = open()
    world:ask_exchange("PUT", "/exchange/faults", { too_many = 9 })
    local caller = world:ring { template = "desk", inbound = true }
    local ending = caller:ended()
    assert.equal("failed", ending.state)
  end)

  it("is ordered with the connection alone, and without either application the order says what to set", function()
    local needs = telnyx.requests.place.needs
    assert.matches("set TELNYX_CONNECTION_ID", needs {})
    assert.matches("TELNYX_APPLICATION_SID", needs { account = "a" })
    assert.is_nil(needs { connection = "1" })
    assert.is_nil(needs { account = "a", application = "1" })
  end)
end)

describe("an event of Call Control", function()
  for _, case in ipairs {
    { "normal_clearing", "ANSWERED", "COMPLETED" }, { "user_busy", "NOT_ANSWERED", "BUSY" },
    { "no_answer", "NOT_ANSWERED", "NO_ANSWER" }, { "timeout", "NOT_ANSWERED", "NO_ANSWER" },
    { "call_rejected", "NOT_ANSWERED", "BUSY" },
    { "originator_cancel", "NOT_ANSWERED", "CANCELED" }, { "not_found", "NOT_ANSWERED", "FAILED" },
    { "something_new", "NOT_ANSWERED", "FAILED" },
  } do
    it("ends a call: " .. case[1], function()
      local status = telnyx.webhook.status(event("call.hangup", { hangup_cause = case[1], client_state = crypto.base64 "cabc" }))
      assert.same({ case[2], case[3], true, "cabc", "v3:abc" },
        { status.status, status.reason, status.is_terminal, status.call, status.carrier_call })
    end)
  end

  for result, who in pairs { human_residence = "human", machine = "machine", fax_detected = "fax", not_sure = "unknown" } do
    it("says who answered: " .. result, function()
      local status = telnyx.webhook.status(event("call.machine.premium.detection.ended", { result = result }))
      assert.same({ who = who, word = result }, status.answered_by)
    end)
  end

  for _, name in ipairs { "call.recording.saved", "call.recording_saved" } do
    it("brings a recording: " .. name, function()
      local status = telnyx.webhook.status(event(name, { recording_id = "r1", recording_urls = { wav = "https://x/r1.wav" } }))
      assert.same({ "https://x/r1.wav", "r1" }, { status.recording.url, status.recording.id })
    end)
  end

  for name, message in pairs {
    ["without data"] = { body = "{}" }, ["that is no JSON"] = { body = "{{" },
    ["without a call"] = { body = '{"data":{"event_type":"call.hangup","payload":{}}}' },
    ["with a path for an id"] = { body = '{"data":{"event_type":"call.initiated","payload":{"call_control_id":"../x"}}}' },
  } do
    it(name .. " is refused in words (pitfall 7)", function()
      message.method, message.query, message.headers = "POST", "", { ["content-type"] = "application/json" }
      for _, read in ipairs { telnyx.webhook.read, telnyx.webhook.status, telnyx.webhook.recording } do
        local about, why = read(message)
        assert.is_nil(about)
        assert.equal("string", type(why))
      end
      assert.is_nil(telnyx.webhook.follow_up(message, { secret = "k" }))
    end)
  end
end)

describe("the exchange's Call Control", function()
  it("refuses what it does not play", function()
    local world = open()
    local function ask(method, path, body)
      local key = require("callisto.exchange.accounts").of("telnyx").TELNYX_API_KEY
      local answer = world:fetch {
        method = method, url = "https://exchange.test/v2" .. path, json = body, headers = { authorization = "Bearer " .. key },
      }
      return answer.status, answer.body
    end
    local status, body = ask("POST", "/calls", { connection_id = CONNECTION, to = "+14150000001", from = "+14150000002",
      webhook_url = "https://app.test/x", answering_machine_detection = "premium" })
    assert.equal(422, status)
    assert.matches("does not play 'answering_machine_detection'", body)
    local caller = world:call { template = "desk", inbound = true }
    local speak = ("/calls/%s/actions/speak"):format(caller.carrier_call)
    status, body = ask("POST", speak, { payload = "x", service_level = "basic" })
    assert.equal(422, status)
    assert.matches("service_level", body)
    assert.equal(404, (ask("POST", ("/calls/%s/actions/enqueue"):format(caller.carrier_call), { queue = "q" })))
    caller:hangs_up()
  end)
end)
