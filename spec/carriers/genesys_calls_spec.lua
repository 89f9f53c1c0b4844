-- Calls over Genesys on virtual time: the shipping adapter, the real engine, and the carrier's face in the exchange.

local exchange = require "callisto.spec"

local TEMPLATE = [[return require "callisto.template" { name = "desk", %s on_call = function(call) %s end }]]
local NUMBER, OURS = "+14150000077", "+14150000002"

describe("a call over Genesys", function()
  local function open(flow, options)
    options = options or {}
    return exchange.open {
      carrier = "genesys", env = options.env,
      sources = { ["templates.desk"] = TEMPLATE:format(options.fields or "", flow) },
    }
  end

  -- Somebody calls a flow that calls the connector. Returns the call's id at the exchange.
  local function ring(world, more)
    world:puppet(NUMBER)
    local order = { from = NUMBER, to = OURS, carrier = "genesys", voice_url = "wss://app.test/ws/genesys/desk" }
    for name, value in pairs(more or {}) do order[name] = value end
    local placed, status = world:ask_exchange("POST", "/exchange/calls", order)
    assert.equal(201, status)
    return placed.id
  end

  local function report_of(world, id) return (world:ask_exchange("GET", "/exchange/calls/" .. id)) end

  local function log_of(report)
    local text = {}
    for _, note in ipairs(report.log) do text[#text + 1] = note.what end
    return table.concat(text, "\n")
  end

  -- The report of the call when it is over.
  local function over(world, id)
    local report = world:until_true(60, function()
      local now = report_of(world, id)
      return now.ended and now
    end, 0.5)
    assert(report, "the call did not end: " .. log_of(report_of(world, id)))
    world:advance(1)
    return report_of(world, id)
  end

  local function record(world, id)
    for _, each in ipairs(world:ask_app("GET", "/api/calls").calls) do
      if each.carrier_call_id == id then return (world:ask_app("GET", "/api/calls/" .. each.id)) end
    end
  end

  local function says(world, id, kind, parameters)
    local path = ("/exchange/genesys/%s/says"):format(id)
    local _, status = world:ask_exchange("POST", path, { type = kind, parameters = parameters })
    assert.equal(204, status)
  end

  it("gives the flow the outcome, and what the agent wants it to know", function()
    local world = open [[
      call:output { queue = call.payload.queue, tries = 2 }
      call:finish("agent", "One moment please.")]]
    local report = over(world, ring(world, { input_variables = { queue = "billing" } }))
    assert.equal("completed", report.status)
    assert.matches('"outcome":"agent"', log_of(report))
    assert.matches('"queue":"billing"', log_of(report))
    assert.matches('"tries":"2"', log_of(report))
    local call = record(world, report.id)
    assert.equal("agent", call.outcome)
    assert.equal("billing", call.payload.queue)
    assert.equal(NUMBER, call.from)
    assert.equal("COMPLETED", call.facts.provider_reason)
    assert.equal(0, report.stream.too_much)
    assert.equal(0, report.stream.unplayed_ms)
  end)

  it("with two channels is heard on the caller's", function()
    local world = open [[
      local answer = call:ask { "Yes or no?", choices = { yes = "yes, yes please", no = "no, not today" }, tries = 3 }
      call:finish(answer or "nothing")]]
    local id = ring(world, { offers = { { "external", "internal" } } })
    world:until_true(20, function() return report_of(world, id).streaming end, 0.2)
    world:ask_exchange("POST", ("/exchange/calls/%s/does"):format(id), { verb = "hears", with = { 20 } })
    world:ask_exchange("POST", ("/exchange/calls/%s/does"):format(id), { verb = "says", with = { "yes please" } })
    assert.equal("yes", record(world, over(world, id).id).outcome)
  end)

  it("fails the flow when the script fails", function()
    local world = open [[error "boom"]]
    local report = over(world, ring(world))
    assert.equal("failed", report.status)
    assert.matches('disconnect .*"reason":"error"', log_of(report))
    assert.equal("UNKNOWN", record(world, report.id).outcome)
  end)

  it("is told apart from a probe, which gets its answer and no agent", function()
    local world = open [[call:finish "DONE"]]
    local probe, status = world:ask_exchange("POST", "/exchange/genesys/probes", { url = "wss://app.test/ws/genesys/desk" })
    assert.equal(201, status)
    local report = over(world, probe.id)
    assert.equal("completed", report.status)
    assert.matches('"media":%[%]', report.stream.message)
    assert.same({}, world:ask_app("GET", "/api/calls").calls)
  end)

  it("whose signature is too old fails with a reason", function()
    local world = open([[call:finish "DONE"]], { env = { GENESYS_SIGNATURE_AGE = "-100" } })
    local report = over(world, ring(world))
    assert.equal("failed", report.status)
    assert.matches('"reason":"unauthorized"', log_of(report))
    assert.same({}, world:ask_app("GET", "/api/calls").calls)
  end)

  it("for which no line is free, or no agent is there, fails with a reason", function()
    local world = open([[call:sleep "1m"]], { env = { GENESYS_MAX_CONCURRENT = "1" } })
    local first = ring(world)
    world:until_true(10, function() return record(world, first) end, 0.5)
    assert.matches("all lines are in use", log_of(over(world, ring(world))))
    local nobody = over(world, ring(world, { voice_url = "wss://app.test/ws/genesys/nobody" }))
    assert.matches("there is no agent 'nobody'", log_of(nobody))
    assert.equal("failed", nobody.status)
    world:ask_exchange("POST", ("/exchange/calls/%s/does"):format(first), { verb = "hangs_up" })
    over(world, first)
  end)

  it("holds its words back for as long as the carrier had enough of them", function()
    local world = open [[
      call:say "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve."
      call:finish "SAID"]]
    local id = ring(world)
    world:until_true(20, function() return log_of(report_of(world, id)):find "stream started" end, 0.1)
    world:advance(1)
    local began = world.lab:now()
    says(world, id, "error", { code = 429, message = "too many messages", retryAfter = "PT8S" })
    local report = over(world, id)
    assert.is_true(world.lab:now() - began > 8)
    assert.equal("completed", report.status)
    assert.equal("SAID", record(world, id).outcome)
  end)

  it("goes on after a pause", function()
    local world = open [[
      local keys = call:digits { "Your number?", max = 1, tries = 3 }
      call:finish(keys or "nothing")]]
    local id = ring(world)
    world:until_true(20, function() return log_of(report_of(world, id)):find "stream started" end, 0.1)
    says(world, id, "paused")
    world:advance(1)
    says(world, id, "resumed", { start = "PT1S", discarded = "PT1S" })
    says(world, id, "discarded", { start = "PT1S", discarded = "PT0.5S" })
    says(world, id, "update", { language = "hi-IN" })
    says(world, id, "dtmf", { digit = "7" })
    local report = over(world, id)
    assert.equal("7", record(world, id).outcome)
    assert.matches("agent says updated", log_of(report))
  end)

  it("that the carrier closes ends with the carrier's reason", function()
    local world = open [[call:sleep "1m"]]
    local id = ring(world)
    world:until_true(10, function() return record(world, id) end, 0.5)
    says(world, id, "close", { reason = "error" })
    world:until_true(30, function() return record(world, id).state ~= "in_progress" end, 0.5)
    local call = record(world, id)
    assert.equal("FAILED", call.facts.provider_reason)
    assert.equal("CUSTOMER_HANGUP", call.facts.session_end_reason)
    over(world, id)
  end)

  it("lives as long as its pings are answered", function()
    local world = open [[call:sleep "40s" call:finish "DONE"]]
    local report = over(world, ring(world))
    assert.equal("completed", report.status)
    assert.is_nil(log_of(report):find("no pong", 1, true))
  end)
end)
