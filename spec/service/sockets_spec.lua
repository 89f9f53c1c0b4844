-- Media sockets that come before their call, on the real engine: who gets one, who is turned away and in which words, and what
-- the carrier hears at the end. The carrier is Genesys, with an API key alone; its signatures have specs of their own, and what
-- its flow does in the exchange is in spec/carriers/genesys_calls_spec.lua.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local SESSION, ORGANIZATION = "5f5f5f5f-6060-4717-8828-939393939393", "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
local AGENT = [[return require "callisto.template" { name = "desk", %s on_call = function(call) %s end }]]
local NOBODY = "00000000-0000-0000-0000-000000000000"

describe("a socket that comes first", function()
  local world

  local function start(options)
    options = options or {}
    local env = { GENESYS_API_KEY = "key", GENESYS_CLIENT_SECRET = "" }
    for name, value in pairs(options.env or {}) do env[name] = value end
    world = exchange.open { env = env, sources = {
      ["templates.desk"] = AGENT:format(options.fields or "", options.flow or [[call:sleep "1m"]]),
      routing = [[return { numbers = { ["+14155550100"] = "desk" } }]],
    } }
  end

  local function open_of(about)
    local parameters = {
      organizationId = ORGANIZATION, conversationId = "c0c0c0c0-1111-4222-8333-444444444444",
      participant = { id = "d1", ani = "+14150000001", dnis = about.to or "+14155550100" },
      media = { { type = "audio", format = "PCMU", channels = about.channels or { "external" }, rate = 8000 } },
      inputVariables = about.variables or { queue = "sales" },
    }
    if about.probe then parameters.conversationId, parameters.participant = NOBODY, { id = NOBODY } end
    return {
      version = "2", id = about.session or SESSION, type = "open", seq = 1, serverseq = 0, position = "PT0S",
      parameters = parameters,
    }
  end

  -- A socket of the carrier's that has said its first message; what comes back is collected in it.
  local function come(about)
    about = about or {}
    local line = { heard = {}, about = about }
    line.socket = world.lab:dial({
      url = "wss://app.test" .. (about.path or "/ws/genesys/desk"),
      headers = {
        ["X-API-KEY"] = about.key or "key", ["Audiohook-Session-Id"] = about.session or SESSION,
        ["Audiohook-Organization-Id"] = ORGANIZATION,
      },
    }, {
      open = function(socket) socket:send(about.first or json.encode(open_of(about))) end,
      message = function(_, text, is_binary)
        if not is_binary then table.insert(line.heard, (json.decode(text))) end
      end,
      close = function(_, code, reason, status) line.code, line.reason, line.status = code, reason, status end,
    })
    world:advance(about.wait or 0.1)
    return line
  end

  local function heard(line, kind)
    for _, message in ipairs(line.heard) do
      if message.type == kind then return message.parameters end
    end
  end

  local function disconnect_of(line) return assert(heard(line, "disconnect"), "nothing was said: " .. tostring(line.reason)) end

  local function leave(line)
    line.socket:send(json.encode {
      version = "2", id = line.about.session or SESSION, type = "close", seq = 2, serverseq = #line.heard, position = "PT1S",
      parameters = { reason = "end" },
    })
    world:advance(1)
    line.socket:close()
  end

  local function calls() return world:ask_app("GET", "/api/calls").calls end

  before_each(function() start() end)

  it("is expected at the carrier's paths, and no other carrier's", function()
    for _, path in ipairs { "/ws/genesys", "/agent/voice/breeze-buddy/ws/genesys/desk" } do
      local line = come { path = path, probe = true }
      assert.is_table(heard(line, "opened"), path)
    end
    assert.is_true(come({ path = "/ws/twilio/desk" }).status >= 400)
  end)

  it("gets a call of the agent in its path", function()
    local line = come()
    assert.is_table(heard(line, "opened"))
    local call = world:ask_app("GET", "/api/calls/" .. calls()[1].id)
    assert.same({ "desk", SESSION, "+14150000001", "sales", "in_progress" },
      { call.agent_name, call.carrier_call_id, call.from, call.payload.queue, call.state })
    leave(line)
  end)

  it("gets the agent of its query or of its number when the path names none", function()
    local lines = { come { path = "/ws/genesys?agent=desk" }, come { path = "/ws/genesys/", session = "s2" } }
    assert.equal(2, #calls())
    assert.matches("no agent", disconnect_of(come { path = "/ws/genesys", session = "s3", to = "+19990000000" }).info)
    for _, line in ipairs(lines) do leave(line) end
  end)

  it("gets the format the carrier offers", function()
    local line = come { channels = { "external", "internal" } }
    assert.same({ "external", "internal" }, { unpack(heard(line, "opened").media[1].channels) })
    leave(line)
  end)

  it("of an unknown agent hears so", function()
    local line = come { path = "/ws/genesys/nobody" }
    assert.same({ reason = "error", info = "there is no agent 'nobody'" }, disconnect_of(line))
    assert.same({}, calls())
  end)

  it("with another token than ours, or at a path of nobody, is closed", function()
    local line = come { path = "/ws/genesys/desk/abcdef" }
    assert.equal(1008, line.code)
    assert.same({}, line.heard)
    assert.equal(1008, come({ path = "/ws/genesysx" }).code)
    assert.same({}, calls())
  end)

  it("that is forged waits for its refusal", function()
    local function refused() -- so far; metrics are of the whole process
      local text = world:fetch({ url = "https://app.test/metrics" }).body
      return tonumber(text:match 'webhooks_refused_total{carrier="genesys",status="401"} (%d+)') or 0
    end
    local before = refused()
    local line = come { key = "guess" }
    assert.same({}, line.heard)
    world:advance(0.5)
    assert.equal("unauthorized", disconnect_of(line).reason)
    assert.equal(before + 1, refused())
    start { env = { GENESYS_API_KEY = "" } }
    assert.equal("unauthorized", disconnect_of(come { wait = 1 }).reason)
    assert.same({}, calls())
  end)

  it("with a first message that makes no sense is closed", function()
    local line = come { first = "{{" }
    assert.equal(1008, line.code)
    assert.same({}, line.heard)
  end)

  it("that only probes gets its answer and no call", function()
    local line = come { probe = true }
    assert.is_table(heard(line, "opened"))
    leave(line)
    assert.is_table(heard(line, "closed"))
    assert.same({}, calls())
  end)

  it("is turned away when there is no room, and when the service drains", function()
    start { env = { GENESYS_MAX_CONCURRENT = "1" } }
    local first = come()
    assert.matches("in use", disconnect_of(come { session = "s2" }).info)
    local outcomes = {}
    for _, call in ipairs(calls()) do outcomes[call.carrier_call_id] = call.outcome or call.state end
    assert.same({ [SESSION] = "in_progress", s2 = "CAPACITY_REJECTED" }, outcomes)
    world.app:drain()
    local late = come { session = "s3" }
    assert.equal(503, late.status)
    leave(first)
  end)

  it("of an agent that takes no calls hears what the flow shall say", function()
    start { fields = [[inbound = { enabled = false, block_message = "We are closed." },]] }
    local parameters = disconnect_of(come())
    assert.equal("completed", parameters.reason)
    assert.same({ outcome = "blocked", message = "We are closed." }, parameters.outputVariables)
    assert.equal("BLOCKED_REJECT", calls()[1].outcome)
    start { fields = [[inbound = { enabled = false, block_action = "REDIRECT", redirect_number = "+1777" },]] }
    assert.equal("+1777", disconnect_of(come()).outputVariables.redirect)
  end)

  it("without what the agent needs to know is refused", function()
    start { fields = [[payload = { order_id = "string" },]] }
    assert.matches("order_id", disconnect_of(come()).info)
    local line = come { session = "s2", variables = { order_id = "42" } }
    assert.is_table(heard(line, "opened"))
    leave(line)
  end)

  it("whose session is known already gets no second call", function()
    local line = come()
    assert.matches("has its socket already", disconnect_of(come()).info)
    assert.equal(1, #calls())
    assert.equal("in_progress", calls()[1].state)
    leave(line)
  end)

  it("leaves out what is too long of what the flow is to know", function()
    start { flow = [[call:output { text = ('"'):rep(2900) } call:finish "agent"]] } -- each is two bytes in the message
    local line = come { wait = 3 }
    assert.same({ outcome = "agent" }, disconnect_of(line).outputVariables)
    leave(line)
  end)
end)
