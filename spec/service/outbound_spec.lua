-- Orders, on the real engine: how a call is asked for at the carrier, and what becomes of it however the carrier answers. A disk
-- in trouble: tests/end_to_end/test_store.lua.

local exchange = require "callisto.spec"
local http = require "callisto.http"
local json = require "callisto.json"
local twilio = require "spec.support.twilio"

local CARRIER = "https://carrier.test"
local NUMBER = "+14150000009"

local FLOW = [[return require "callisto.template" { name = "order", payload = { customer_name = "string" },
  on_call = function(call)
    call:fact("settings", call.settings)
    call:finish("CONFIRMED", "Hello " .. call.payload.customer_name)
  end }]]

local function options_of(more)
  local options = {
    sources = { ["templates.order"] = FLOW }, template = "order", number = NUMBER, payload = { customer_name = "Ann" },
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return options
end

local function call(more) return exchange.call(options_of(more)) end
local function ring(more) return exchange.ring(options_of(more)) end

local ALL_LOST = { lose = { "all" } }

-- A carrier that does what the spec says. Returns the world, and the requests to place a call.
local function open(env)
  local placed = {}
  local all = { TWILIO_API_BASE = CARRIER }
  for name, value in pairs(env or {}) do all[name] = value end
  local function place(request)
    if request.method ~= "POST" or not request.path:find "/Calls%.json$" then return nil end
    placed[#placed + 1] = request
    return { status = 201, body = json.encode { sid = "CA" .. #placed, status = "queued" } }
  end
  return exchange.open(options_of { env = all, hosts = { [CARRIER] = place } }), placed
end

local function order(world, more)
  local body = { agent_name = "order", to = NUMBER, payload = { customer_name = "Ann" } }
  for name, value in pairs(more or {}) do body[name] = value end
  return world:ask_app("POST", "/api/calls/outbound", body)
end

-- The carrier says what became of a call.
local function report(world, id, sid, status)
  twilio.webhook(world, "/twilio/callback/status?call=" .. id, { CallSid = sid, CallStatus = status, SequenceNumber = "3" })
end

local function over(world, id)
  local function record() return (world:ask_app("GET", "/api/calls/" .. id)) end
  assert(world:until_true(120, function() return record().state ~= "in_progress" end, 0.5), "the call does not end")
  return record()
end

local function forms(caller)
  local list = {}
  for _, request in ipairs(caller:requests "https://exchange.test") do
    if request.method == "POST" and request.path:find "/Calls%.json$" then list[#list + 1] = http.read_form(request.body) end
  end
  return list
end

describe("an order", function()
  it("is written down, dialled, answered and finished", function()
    local caller = call()
    local id, form = caller.call, forms(caller)[1]
    assert.same({ NUMBER, "+14150000002" }, { form.To, form.From })
    assert.matches("<Connect>", form.Twiml)
    assert.is_nil(form.Url)
    assert.equal("https://app.test/twilio/callback/status?call=" .. id, form.StatusCallback)
    caller:hears "Hello Ann"
    local record = caller:ended().call
    assert.same({ "completed", "CONFIRMED", "INITIATED", "Ann" },
      { record.state, record.outcome, record.facts.platform_status, record.payload.customer_name })
    assert.equal(caller.carrier_call, record.carrier_call_id)
    local kinds = {}
    for _, event in ipairs(record.events) do kinds[event.kind] = true end
    for _, kind in ipairs { "dial.placed", "carrier.completed", "leg.started", "platform" } do
      assert.is_true(kinds[kind], kind)
    end
  end)

  it("that the carrier refuses is over at once", function()
    local refusal = { status = 400, code = 21211, message = "Invalid 'To'" }
    local caller = ring { subscriber = { refuse = refusal }, may_be_refused = true }
    assert.matches("refused the call: Invalid 'To'", caller.refusal.detail)
    local record = caller.world:ask_app("GET", "/api/calls").calls[1]
    assert.same({ "failed", "INVALID_PHONE" }, { record.state, record.outcome })
  end)

  it("that the carrier is too busy for is asked for again", function()
    local caller = call { subscriber = { refuse = { status = 429, code = 20429, message = "Too many requests", times = 2 } } }
    assert.equal(3, #forms(caller))
    caller:hears "Hello Ann"
  end)

  it("with an unclear answer is never dialled again; the webhook tells what became of it", function()
    local caller = ring { subscriber = { create_fault = "no answer", no_answer = true } }
    local record = caller:ended().call
    assert.same({ "failed", "NO_ANSWER" }, { record.state, record.outcome })
    assert.matches("^CA", record.carrier_call_id)
    assert.equal(1, #forms(caller))
  end)

  it("with an unclear answer is known by its socket, too", function()
    local caller = call { subscriber = { create_fault = "error", faults = ALL_LOST } }
    caller:hears "Hello Ann"
    local record = caller:ended().call
    assert.same({ "completed", "CONFIRMED", 1 }, { record.state, record.outcome, #forms(caller) })
    assert.matches("^CA", record.carrier_call_id)
  end)

  it("with an unclear answer and no webhook is looked for at the carrier", function()
    local caller = ring { subscriber = { create_fault = "error", busy = true, faults = ALL_LOST } }
    local record = caller:ended().call
    assert.matches("^CA", record.carrier_call_id)
    assert.equal("BUSY", record.facts.provider_reason)
  end)

  it("may have settings of its own, above those of callisto.lua", function()
    local world = exchange.open(options_of { settings = { shop = "Blue Shop", tries = 3 } })
    world:puppet(NUMBER)
    local placed = order(world, { settings = { tries = 5, note = json.null } })
    for _, event in ipairs(over(world, placed.id).events) do
      if event.kind == "settings" then return assert.same({ shop = "Blue Shop", tries = 5 }, event.data) end
    end
    error "the flow did not run"
  end)

  it("that is one too many for the carrier's account is refused with the limit and the count", function()
    local world = open { TWILIO_MAX_CONCURRENT = "1" }
    local first = order(world)
    local problem, status = order(world)
    assert.equal(503, status)
    assert.matches("twilio has 1 of 1 calls", problem.detail)
    report(world, first.id, "CA1", "canceled")
    over(world, first.id)
  end)

  for status, outcome in pairs { ["no-answer"] = "NO_ANSWER", busy = "NO_ANSWER", completed = "EARLY_HANGUP" } do
    it(("that is %s before its socket came is %s"):format(status, outcome), function()
      local world = open()
      local placed = order(world)
      report(world, placed.id, placed.carrier_call_id, status)
      assert.equal(outcome, over(world, placed.id).outcome)
    end)
  end

  it("asks for its document by URL when the settings say so, and gets one socket however often it is asked", function()
    local world, placed = open { TELEPHONY_DOCUMENT = "url" }
    local given = order(world)
    local form = http.read_form(placed[1].body)
    assert.is_nil(form.Twiml)
    assert.equal("https://app.test/twilio/answer?call=" .. given.id, form.Url)
    assert.equal("https://app.test/twilio/callback/twiml-fallback?call=" .. given.id, form.FallbackUrl)
    local about = { CallSid = "CA1", CallStatus = "in-progress" }
    local first = twilio.webhook(world, "/twilio/answer?call=" .. given.id, about).body
    assert.matches("wss://app%.test/ws/twilio/order/", first)
    assert.equal(first, twilio.webhook(world, "/twilio/answer?call=" .. given.id, about).body)
    report(world, given.id, "CA1", "completed")
    over(world, given.id)
  end)
end)
