-- Media sockets that come before their call: who gets one, who is turned away and in which words, and what the carrier hears
-- at the end. The carrier is Genesys, with an API key alone; its signatures have specs of their own.

local support = require "spec.support.service"

local describe_if = support.is_possible and describe or pending

local SESSION, ORGANIZATION = "5f5f5f5f-6060-4717-8828-939393939393", "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
local AGENT = [[return require "callisto.template" { name = "appointment", on_call = function() end, %s }]]

describe_if("a socket that comes first", function()
  local service, number

  local function start(env, template)
    env = env or {}
    env.GENESYS_API_KEY = env.GENESYS_API_KEY == nil and "key" or env.GENESYS_API_KEY
    service = support.start(env, nil, template and { ["templates.appointment"] = AGENT:format(template) })
    number = 0
  end

  before_each(function() start() end)

  local function come(options)
    options = options or {}
    number = number + 1
    local open = {
      version = "2", id = options.session or SESSION, type = "open", seq = 1, serverseq = 0, position = "PT0S", parameters = {
        organizationId = ORGANIZATION, conversationId = "c0c0c0c0-1111-4222-8333-444444444444",
        participant = options.participant or { id = "d1", ani = "+14150000001", dnis = options.to or "+14155550100" },
        media = { { type = "audio", format = "PCMU", channels = options.channels or { "external" }, rate = 8000 } },
        inputVariables = options.variables or { queue = "sales" },
      },
    }
    if options.probe then
      open.parameters.conversationId = "00000000-0000-0000-0000-000000000000"
      open.parameters.participant = { id = "00000000-0000-0000-0000-000000000000" }
    end
    service.vm:event("socket", number, {
      method = "GET", path = options.path or "/ws/genesys/appointment", query = options.query or "",
      peer = "203.0.113.9", first = { options.first or service.json.encode(open) }, headers = {
        ["x-api-key"] = options.key or "key", ["audiohook-session-id"] = options.session or SESSION,
        ["audiohook-organization-id"] = ORGANIZATION,
      },
    })
    service.world:advance(options.wait or 0.1)
    return service.turned_away[number]
  end

  local function disconnect_of(refusal)
    local text = service.json.decode(refusal.text)
    assert.equal("disconnect", text.type)
    return text.parameters
  end

  it("is expected at the carrier's paths, and no other carrier's", function()
    local paths = {}
    for _, each in ipairs(service.declared) do
      paths[each.path] = each.most
      assert.is_true(each.most >= 10)
    end
    assert.is_truthy(paths["/ws/genesys"])
    assert.is_truthy(paths["/agent/voice/breeze-buddy/ws/genesys"])
    for path in pairs(paths) do assert.matches("genesys", path) end
  end)

  it("gets a call of the agent in its path", function()
    assert.is_nil(come())
    local opened = service.order[1]
    assert.equal(1, opened.socket)
    assert.is_nil(opened.path)
    assert.equal(SESSION, opened.carrier_call)
    assert.equal("error", service.json.decode(opened.bye).reason)
    assert.equal(1, opened.wire.media.channels)
    local begin = opened.begin
    assert.equal("templates.appointment", begin.template)
    assert.equal("+14150000001", begin.from)
    assert.equal("sales", begin.payload.queue)
    assert.equal("IN_PROGRESS", service:row(opened.id).state)
  end)

  it("gets the agent of its query or of its number when the path names none", function()
    assert.is_nil(come { path = "/ws/genesys", query = "agent=appointment" })
    assert.is_nil(come { path = "/ws/genesys/", session = "s2" })
    assert.equal(2, #service.order)
    assert.matches("no agent", come({ path = "/ws/genesys", session = "s3", to = "+19990000000" }).reason)
  end)

  it("gets the format the carrier offers", function()
    come { channels = { "external", "internal" } }
    assert.equal(2, service.order[1].wire.media.channels)
  end)

  it("of an unknown agent hears so", function()
    local refusal = come { path = "/ws/genesys/nobody" }
    assert.matches("there is no agent 'nobody'", refusal.reason)
    assert.equal("error", disconnect_of(refusal).reason)
    assert.is_table(refusal.wire)
    assert.same({}, service.order)
  end)

  it("with another token than ours, or at a path of nobody, is closed", function()
    assert.equal(1008, come({ path = "/ws/genesys/appointment/abcdef" }).code)
    assert.equal(1008, come({ path = "/ws/genesysx" }).code)
    assert.is_nil(service.turned_away[1].text)
    assert.same({}, service.order)
  end)

  it("that is forged waits for its refusal", function()
    assert.is_nil(come { key = "guess" })
    service.world:advance(0.5)
    assert.equal("unauthorized", disconnect_of(service.turned_away[1]).reason)
    assert.equal(1, service.world.counts['webhooks_refused_total{carrier="genesys",status="401"}'])
    start { GENESYS_API_KEY = false }
    come { wait = 1 }
    assert.equal("unauthorized", disconnect_of(service.turned_away[1]).reason)
    assert.same({}, service.order)
  end)

  it("with a first message that makes no sense is closed", function()
    local refusal = come { first = "{{" }
    assert.equal(1008, refusal.code)
    assert.is_nil(refusal.text)
  end)

  it("that only probes gets its answer and no call", function()
    local refusal = come { probe = true }
    assert.equal("opened", service.json.decode(refusal.text).type)
    assert.equal(1000, refusal.code)
    assert.is_table(refusal.wire)
    assert.same({}, service.order)
  end)

  it("is turned away when there is no room, and when the service drains", function()
    start { GENESYS_MAX_CONCURRENT = "1" }
    assert.is_nil(come())
    assert.matches("in use", disconnect_of(come { session = "s2" }).info)
    assert.equal("CAPACITY_REJECTED", service.db("SELECT outcome FROM calls WHERE carrier_call_id = 's2'")[1].outcome)
    service:drain()
    assert.matches("no new calls", disconnect_of(come { session = "s3" }).info)
  end)

  it("of an agent that takes no calls hears what the flow shall say", function()
    start(nil, [[inbound = { enabled = false, block_message = "We are closed." }]])
    local parameters = disconnect_of(come())
    assert.equal("completed", parameters.reason)
    assert.same({ outcome = "blocked", message = "We are closed." }, parameters.outputVariables)
    assert.equal("BLOCKED_REJECT", service.db("SELECT outcome FROM calls")[1].outcome)
    start(nil, [[inbound = { enabled = false, block_action = "REDIRECT", redirect_number = "+1777" }]])
    assert.equal("+1777", disconnect_of(come()).outputVariables.redirect)
  end)

  it("without what the agent needs to know is refused", function()
    start(nil, [[payload = { order_id = "string" }]])
    assert.matches("order_id", disconnect_of(come()).info)
    assert.is_nil(come { session = "s2", variables = { order_id = "42" } })
  end)

  it("whose session is known already gets no second call", function()
    come()
    come()
    service.world:advance(1)
    assert.equal(1, service.closed[service.order[2].id])
    assert.is_nil(service.closed[service.order[1].id])
  end)

  describe("and its call", function()
    local id
    before_each(function()
      come()
      id = service.order[1].id
      service:leg(id, "started")
      service.world:advance(5)
    end)

    local function bye() return service.json.decode(service.byes[id]) end

    it("tells the flow what came of it, and ends with the stream", function()
      service:told(id, { what = "agent_outcome", word = "agent", source = "FLOW" })
      service:told(id, { what = "ended", reason = "AGENT_ENDED", outcome = "agent", outputs = { queue = "billing" } })
      assert.same({ reason = "completed", outputVariables = { outcome = "agent", queue = "billing" } }, bye())
      service.world:advance(0.1)
      assert.equal("now", service.legs_ended[id]) -- there is nothing else to hang up with
      service:leg(id, "ended", "closed")
      service.world:advance(1)
      assert.equal("COMPLETED", service:row(id).state)
      assert.equal("agent", service:row(id).outcome)
      assert.equal("ANSWERED", service:row(id).provider_status)
    end)

    it("leaves out what is too long", function()
      service:told(id, { what = "ended", reason = "AGENT_ENDED", outcome = "agent", outputs = { text = ("x"):rep(5000) } })
      assert.same({ outcome = "agent" }, bye().outputVariables)
    end)

    it("tells the flow that the agent failed", function()
      service:told(id, { what = "agent_outcome", word = "agent", source = "FLOW" })
      service.vm:event("broken", id, "EINVAL", "boom")
      assert.equal("error", bye().reason)
    end)

    it("ends when the other side closes, with its reason", function()
      service:leg(id, "ended", "hangup", { message = '{"type":"close","parameters":{"reason":"error"}}' })
      service:told(id, { what = "ended", reason = "CUSTOMER_HANGUP" })
      service.world:advance(3)
      assert.equal("COMPLETED", service:row(id).state)
      assert.equal("FAILED", service:row(id).provider_reason)
      assert.is_nil(service.byes[id])
    end)
  end)
end)
