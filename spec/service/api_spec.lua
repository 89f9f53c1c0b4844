-- The HTTP API: who may use it, and what is said to requests that are wrong. What the routes do is in the other specs.

local exchange = require "callisto.spec"
local json = require "callisto.json"
local twilio = require "spec.support.twilio"

local function read(answer) return (json.decode(answer.body)) end

describe("without API keys", function()
  local world
  before_each(function()
    world = exchange.open { env = { CALLISTO_API_KEYS = "", PUBLIC_BASE_URL = "http://localhost:8080" } }
  end)

  -- A program on this machine, with these headers above the usual ones.
  local function ask(headers, method, path)
    local all = { host = "localhost:8080" }
    for name, value in pairs(headers or {}) do all[name] = value end
    return assert(world:fetch {
      method = method or "GET", url = "https://app.test" .. (path or "/api/agents"), headers = all,
    })
  end

  for _, headers in ipairs {
    {}, { host = "127.0.0.1:8080" }, { host = "[::1]:8080" }, { host = "LOCALHOST" }, { host = "voice.localhost:8080" },
    { host = "localhost:8080", origin = "http://localhost:8080" },
  } do
    it(("a program on this machine is served (%s)"):format(headers.origin or headers.host or "as usual"), function()
      assert.equal(200, ask(headers).status)
    end)
  end

  for _, name in ipairs {
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-something-new", "forwarded", "via", "x-real-ip", "cf-connecting-ip",
    "cf-ray", "true-client-ip",
  } do
    it(("what came through a proxy is not, even when %s is empty"):format(name), function()
      for _, value in ipairs { "", "127.0.0.1", "203.0.113.9" } do
        local answer = ask { [name] = value }
        assert.equal(403, answer.status)
        assert.is_truthy(answer.body:find("has the header " .. name, 1, true), answer.body)
      end
    end)
  end

  for _, host in ipairs { "voice.example.com", "localhost.example.com", "127.0.0.1.example.com", "", "203.0.113.9:8080" } do
    it(("a name that leads here by a trick is not (Host: %s)"):format(host), function()
      local answer = ask { host = host }
      assert.equal(403, answer.status)
      assert.matches("Host of this one is not localhost", answer.body)
    end)
  end

  for _, origin in ipairs { "https://evil.example", "null", "http://localhost:3000", "http://localhost:8080.evil.example" } do
    it(("a page of another site is not (Origin: %s)"):format(origin), function()
      local answer = ask({ origin = origin }, "POST", "/api/code/reload")
      assert.equal(403, answer.status)
      assert.matches("page of another site", answer.body)
    end)
  end
end)

describe("the API", function()
  local world
  before_each(function() world = exchange.open { env = { TWILIO_MAX_CONCURRENT = "1" } } end)

  local function ask(method, path, body, headers)
    headers = headers or { ["content-type"] = body and "application/json" or nil }
    return assert(world:fetch { method = method, url = "https://app.test" .. path, body = body, headers = headers })
  end

  it("names the methods there are for another one", function()
    local answer = ask("DELETE", "/api/calls")
    assert.equal(405, answer.status)
    assert.equal("GET", answer.headers.allow)
  end)

  for _, case in ipairs {
    { "POST", "/api/calls/outbound", [[{"agent_name":"appointment"}]], "to", "is missing" },
    { "POST", "/api/calls/outbound", [[{"to":"+14150000001"}]], "agent_name", "is missing" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"","to":"+14150000001"}]], "agent_name", "is empty" },
    { "POST", "/api/calls/outbound", [[{"agent_name":7,"to":"+14150000001"}]], "agent_name", "must be string, not number" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"appointment","to":"call me"}]], "to", "must be a number such as" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"appointment","to":"+14150000001","paylod":{}}]], "paylod",
      "did you mean 'payload'?" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"appointment","to":"+14150000001","payload":[1]}]], "payload",
      "must be an object" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"appointment","to":"+14150000001","settings":"five"}]], "settings",
      "must be map, not string" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"order-confirmation","to":"+14150000001"}]], "payload", "is missing" },
    { "POST", "/api/calls/outbound", [[{"agent_name":"appointment","to":"+14150000001","provider":"pigeon"}]], "provider",
      "there is no carrier 'pigeon'" },
    { "POST", "/api/code/reload", [[{"canary":0}]], "canary", "must be at least 1" },
    { "POST", "/api/code/reload", [[{"canary":"ten"}]], "canary", "must be integer, not string" },
    { "GET", "/api/calls?limit=0", nil, "limit", "must be at least 1" },
    { "GET", "/api/calls?limit=many", nil, "limit", "must be integer" },
    { "GET", "/api/calls?state=lost", nil, "state", "there are: completed, failed, in_progress" },
    { "GET", "/api/calls?agent=x", nil, "agent", "unknown field 'agent'" },
    { "GET", "/api/calls?state=%FF", nil, "state", "unknown value" },
  } do
    it(("pitfall 27: refuses %s %s %s and names the field"):format(case[1], case[2], case[3] or ""), function()
      local answer = ask(case[1], case[2], case[3])
      local problem = read(answer)
      assert.equal(422, answer.status, answer.body)
      assert.equal("application/problem+json", answer.headers["content-type"])
      assert.equal(case[4], problem.field)
      assert.is_truthy(problem.detail:find(case[5], 1, true), problem.detail)
      assert.same({}, read(ask("GET", "/api/calls")).calls)
    end)
  end

  for _, case in ipairs {
    { "a list", "[1]", 400 }, { "a text", [["x"]], 400 }, { "cut off", "{", 400 }, { "not JSON by its type", "{}", 415, {} },
  } do
    it(("refuses a body that is %s"):format(case[1]), function()
      assert.equal(case[3], ask("POST", "/api/calls/outbound", case[2], case[4]).status)
    end)
  end

  it("knows no agent of another name, and shows no call that is not there", function()
    assert.equal(404, ask("POST", "/api/calls/outbound", [[{"agent_name":"nobody","to":"+14150000001"}]]).status)
    assert.equal(404, ask("GET", "/api/calls/cnothing").status)
    assert.equal(404, ask("POST", "/api/calls/cnothing/hangup").status)
  end)

  it("lists calls, the latest first, a page at a time", function()
    twilio.webhook(world, "/telephony/twilio/inbound/appointment", twilio.caller "CA1")
    world:advance(1)
    twilio.webhook(world, "/telephony/twilio/inbound/appointment", twilio.caller "CA2") -- no line is left for it
    local page = read(ask("GET", "/api/calls?limit=1"))
    assert.same({ 1, "CA2" }, { #page.calls, page.calls[1].carrier_call_id })
    page = read(ask("GET", "/api/calls?limit=2&before_ms=" .. page.before_ms))
    assert.same({ 1, "CA1", nil }, { #page.calls, page.calls[1].carrier_call_id, page.before_ms })
    local failed = read(ask("GET", "/api/calls?state=failed&direction=inbound&agent_name=appointment")).calls
    assert.same({ 1, "CA2" }, { #failed, failed[1].carrier_call_id })
    twilio.over(world, "CA1")
  end)

  it("takes the other names of fields, and null for nothing", function()
    local answer = ask("POST", "/api/calls/outbound",
      [[{"template":"appointment","to":"+1 (415) 000-0001","variables":null,"settings":null,"from":null,"provider":"twilio"}]])
    assert.equal(201, answer.status, answer.body)
    assert.equal("+14150000001", read(answer).to)
    assert.equal("appointment", read(answer).agent_name)
  end)

  it("describes itself", function()
    local document = read(ask("GET", "/openapi.json"))
    assert.equal("3.1.0", document.openapi)
    local order = document.paths["/api/calls/outbound"].post.requestBody.content["application/json"].schema
    assert.same({ "agent_name", "to" }, { unpack(order.required) })
    for path, methods in pairs(document.paths) do
      for method in pairs(methods) do
        local status = ask(method:upper(), (path:gsub("{%w+}", "cnothing"))).status
        assert.is_true(status ~= 405 and status ~= 401, ("%s %s: %d"):format(method, path, status))
      end
    end
  end)
end)
