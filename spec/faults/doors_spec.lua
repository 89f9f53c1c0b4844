-- Trust that rests on something absent: who may use the API, see metrics, and move the exchange's telephones when no key is
-- asked for. Real proxies are in tests/end_to_end/test_proxies.lua; what is said to each header is in spec/service/api_spec.lua.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local PROXIES = {
  "x-forwarded-for", "x-forwarded-by", "forwarded", "via", "x-real-ip", "cf-connecting-ip", "cf-ray", "cdn-loop",
  "true-client-ip",
}

describe("the API's door", function()
  local core = require "callisto.core"
  local status, settings = core.status, core.settings

  local function forget()
    package.loaded["callisto.settings"], package.loaded["callisto.service.api.door"] = nil, nil
  end

  -- As a service finds it that listens so and has this environment.
  local function door_of(is_local, env)
    core.status = function() return { is_local = is_local } end -- luacheck: ignore
    core.settings = function() return { env = env, file = {}, cli = {} } end -- luacheck: ignore
    forget()
    return require "callisto.service.api.door"
  end

  after_each(function()
    core.status, core.settings = status, settings -- luacheck: ignore
    forget()
  end)

  local from_here = { peer = "127.0.0.1:4711", headers = { host = "127.0.0.1:8080" } }

  it("is closed without keys where other machines reach the listener, whoever asks, and the start says so", function()
    local door = door_of(false, {})
    local refusal = assert(door.refusal_of(from_here))
    assert.equal(403, refusal.status)
    assert.matches("the server listens to other machines, too", refusal.body)
    assert.matches("set CALLISTO_API_KEYS", refusal.body)
    assert.matches("the API serves nobody: .*set CALLISTO_API_KEYS", door.notice())
  end)

  it("is open without keys on a loopback listener, and the start says so", function()
    for _, url in ipairs { "", "http://127.0.0.1:8080", "http://localhost", "https://[::1]:8443/voice" } do
      local door = door_of(true, { PUBLIC_BASE_URL = url })
      assert.is_nil(door.refusal_of(from_here), url)
      assert.equal("the API is open to every program on this machine: no api_keys are configured", door.notice())
    end
  end)

  it("is closed without keys where the public URL is elsewhere: a proxy that adds nothing is between", function()
    for _, url in ipairs {
      "https://voice.example.com", "https://localhost.example.com", "http://203.0.113.9:8080", "https://a.tunnel.example/x",
    } do
      local door = door_of(true, { PUBLIC_BASE_URL = url })
      local refusal = assert(door.refusal_of(from_here), url)
      assert.equal(403, refusal.status)
      assert.is_truthy(refusal.body:find(url, 1, true), refusal.body)
      assert.matches("the API serves nobody", door.notice())
    end
  end)

  it("wants a key where there are keys, from this machine too", function()
    for _, is_local in ipairs { true, false } do
      local door = door_of(is_local, { CALLISTO_API_KEYS = "secret" })
      assert.equal(401, door.refusal_of(from_here).status)
      assert.is_nil(door.refusal_of { peer = "203.0.113.9", headers = { authorization = "Bearer secret" } })
      assert.is_nil(door.notice())
    end
  end)
end)

describe("without a key", function()
  local world
  before_each(function() world = exchange.open {} end)

  local function status_of(url, headers, method, body)
    return assert(world:fetch { url = url, headers = headers, method = method or "GET", json = body }).status
  end

  it("metrics are shown to programs on this machine that ask directly, and to no others", function()
    assert.equal(200, status_of "https://app.test/metrics")
    for _, name in ipairs(PROXIES) do
      for _, value in ipairs { "", "127.0.0.1" } do
        assert.equal(403, status_of("https://app.test/metrics", { [name] = value }), name)
      end
    end
  end)

  it("health is told to everybody", function()
    for _, path in ipairs { "/healthz", "/readyz" } do
      assert.equal(200, status_of("https://app.test" .. path, { ["x-forwarded-for"] = "203.0.113.9" }))
    end
  end)

  for _, case in ipairs {
    { "through a proxy", { via = "1.1 proxy" }, "has the header via" },
    { "under a name that leads here by a trick", { host = "rebound.example" }, "Host" },
    { "for a page of another site", { host = "localhost", origin = "https://evil.example" }, "page of another site" },
  } do
    it(("nobody moves the exchange's telephones %s"):format(case[1]), function()
      for _, path in ipairs { "/exchange/calls", "/exchange/puppets/+14155550199", "/exchange/faults" } do
        local url = "https://exchange.test" .. path
        local answer = assert(world:fetch { method = "PUT", url = url, headers = case[2], json = { busy = true } })
        assert.equal(403, answer.status, path)
        assert.is_truthy(json.decode(answer.body).title:find(case[3], 1, true), answer.body)
      end
      assert.equal(403, status_of("https://exchange.test/exchange", case[2]))
    end)
  end
end)

describe("a webhook that nobody signed, while signatures are not enforced,", function()
  local world

  local function start(url)
    world = exchange.open {
      env = { ENFORCE_TELEPHONY_WEBHOOK_SIGNATURES = "false", PUBLIC_BASE_URL = url },
      source = [[return require "callisto.template" { name = "desk", on_call = function(call) call:finish("DONE") end }]],
    }
  end

  local function status_with(headers)
    headers.host, headers["content-type"] = headers.host or "localhost:8080", "application/x-www-form-urlencoded"
    return assert(world:fetch {
      method = "POST", url = "https://app.test/twilio/callback/status", headers = headers,
      body = "CallSid=CA1&CallStatus=completed",
    }).status
  end

  it("is taken from a program on this machine that sends it directly", function()
    start "http://localhost:8080"
    assert.equal(204, status_with {})
  end)

  it("is refused when it came through a proxy on this machine, even one that says nothing", function()
    start "http://localhost:8080"
    for _, name in ipairs(PROXIES) do assert.equal(401, status_with { [name] = "" }, name) end
    assert.equal(401, status_with { origin = "https://evil.example" })
    start "https://voice.example.com"
    assert.equal(401, status_with {})
  end)
end)

describe("thirty sockets a second that prove nothing", function()
  local SESSION, ORGANIZATION = "5f5f5f5f-6060-4717-8828-939393939393", "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"

  local function dial(world, about)
    local line = {}
    line.socket = world.lab:dial({
      url = "wss://app.test/ws/genesys/desk",
      headers = { ["X-API-KEY"] = about.key, ["Audiohook-Session-Id"] = SESSION, ["Audiohook-Organization-Id"] = ORGANIZATION },
    }, {
      open = function(socket)
        if about.says then socket:send(about.says) end
      end,
      message = function(_, text, is_binary)
        if not is_binary then line.heard = text end
      end,
      close = function(_, code, reason, status) line.code, line.reason, line.status = code, reason, status end,
    })
    return line
  end

  local open = json.encode {
    version = "2", id = SESSION, type = "open", seq = 1, serverseq = 0, position = "PT0S", parameters = {
      organizationId = ORGANIZATION, conversationId = "c0c0c0c0-1111-4222-8333-444444444444",
      participant = { id = "d1", ani = "+14150000001", dnis = "+14155550100" },
      media = { { type = "audio", format = "PCMU", channels = { "external" }, rate = 8000 } },
    },
  }

  for _, case in ipairs {
    { "and say nothing", {} }, { "and speak", { says = open } }, { "with another key", { key = "guess", says = open } },
  } do
    it(("do not keep the real one out, %s"):format(case[1]), function()
      local world = exchange.open {
        env = { GENESYS_API_KEY = "key", GENESYS_CLIENT_SECRET = "", GENESYS_MAX_CONCURRENT = "2" },
        source = [[return require "callisto.template" { name = "desk", on_call = function(call) call:sleep "1m" end }]],
      }
      local forged = {}
      for i = 1, 30 do forged[i] = dial(world, case[2]) end
      world:advance(0.1)
      local real = dial(world, { key = "key", says = open })
      world:advance(0.2)
      assert.is_nil(real.status)
      assert.matches('"type":"opened"', real.heard)
      world:advance(2)
      for _, line in ipairs(forged) do assert.is_truthy(line.code or line.heard:find "unauthorized") end
      for _, line in ipairs(forged) do line.socket:close() end
      real.socket:close()
      world:advance(1)
    end)
  end
end)
