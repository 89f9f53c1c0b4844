-- callisto calls, show and logs, against a server that answers as the spec wants. The real one is in
-- tests/end_to_end/test_tutorial.

local calls = require "callisto.cli.calls"
local json = require "callisto.json"
local server = require "callisto.cli.server"

local AT_MS = 1772532900000

local function call(more)
  local about = {
    id = "c1", direction = "outbound", carrier = "twilio", agent_name = "hello", from = "+14155550100", to = "+15550100",
    state = "completed", outcome = "BUSY", result = "HUNG_UP", why = "the caller hung up", created_at_ms = AT_MS,
    answered_at_ms = AT_MS + 1000, duration_ms = 4200, payload = { name = "Asha" }, digest = "9094f7",
    transcript = { { at_ms = AT_MS + 2000, who = "agent", text = "Hello.", interrupted = false } },
    events = { { at_ms = AT_MS + 1000, kind = "provider", data = { status = "ANSWERED", cause = "SIP 200" } } },
    recording = { path = "recordings/c1.wav", state = "complete", channels = { "caller", "agent" } },
  }
  for name, value in pairs(more or {}) do about[name] = value end
  return about
end

describe("the verbs about calls", function()
  local globals = getfenv(calls.run) -- busted gives specs their own
  local request, print_out, stderr = server.request, globals.print, io.stderr
  local asked, printed

  local function answers(status, body)
    asked, printed = {}, {}
    server.request = function(_, method, path)
      asked[#asked + 1] = method .. " " .. path
      return status, json.encode(body)
    end
    globals.print = function(text) printed[#printed + 1] = text end
    io.stderr = { write = function(_, ...) printed[#printed + 1] = table.concat { ... } end } -- luacheck: ignore
  end
  after_each(function()
    server.request, globals.print = request, print_out
    io.stderr = stderr -- luacheck: ignore
  end)

  local function text() return table.concat(printed, "\n") end

  it("list calls, and ask for what is wanted", function()
    answers(200, { calls = { call(), call { id = "c2", state = "failed", result = "BUSY", why = "the line was busy" } } })
    assert.equal(0, calls.run("calls", "--state", "failed", "--agent=a b", "--limit", "2"))
    assert.same({ "GET /api/calls?limit=2&state=failed&agent_name=a%20b" }, asked)
    assert.same({
      "c1  2026-03-03 10:15:00Z  outbound  +14155550100 → +15550100  hello  completed HUNG_UP",
      "c2  2026-03-03 10:15:00Z  outbound  +14155550100 → +15550100  hello  failed BUSY: the line was busy",
    }, printed)
  end)

  it("show one, with the place of its recording and who is on which channel", function()
    answers(200, call())
    assert.equal(0, calls.run("show", "c1"))
    assert.same({ "GET /api/calls/c1" }, asked)
    for _, line in ipairs {
      "recording   recordings/c1.wav (complete; left channel: caller, right channel: agent)", "state       completed HUNG_UP",
      "outcome     BUSY", "why         the caller hung up", 'payload     {"name":"Asha"}', "spoke       4.2 s", "agent   Hello.",
    } do
      assert(("\n" .. text() .. "\n"):find("\n" .. line .. "\n", 1, true), line .. " is missing in\n" .. text())
    end
  end)

  it("show what happened, by time, for people and for programs", function()
    answers(200, call())
    assert.equal(0, calls.run("logs", "c1"))
    assert.same({
      "10:15:01.000  provider           cause=SIP 200 status=ANSWERED", "10:15:02.000  said.agent         Hello.",
    }, printed)
    answers(200, call())
    assert.equal(0, calls.run("logs", "c1", "--json"))
    assert.same({ at_ms = AT_MS + 2000, kind = "said.agent", text = "Hello." }, json.decode(printed[2]))
  end)

  it("take the one that began last", function()
    local lists = { { calls = { call() } }, { calls = {} } }
    for i, list in ipairs(lists) do
      answers(200, call())
      local one = server.request
      server.request = function(where, method, path)
        local status, body = one(where, method, path)
        return status, path:find("?", 1, true) and json.encode(list) or body
      end
      assert.equal(i == 1 and 0 or 1, calls.run("show", "last"))
      assert.equal("GET /api/calls?limit=1", asked[1])
      assert.equal(i == 1 and "GET /api/calls/c1" or nil, asked[2])
    end
    assert.equal("callisto show: there has been no call yet\n", text())
  end)

  it("say what is wrong", function()
    answers(404, { detail = "there is no such call" })
    assert.equal(1, calls.run("show", "c9"))
    assert.equal("callisto show: there is no such call\n", text())
    for _, words in ipairs { { "show" }, { "logs", "a", "b" }, { "show", "../x" }, { "calls", "c1" }, { "calls", "--limit", "0" },
      { "logs", "c1", "--jsn" } } do
      answers(200, call())
      assert.equal(2, calls.run(unpack(words)), table.concat(words, " "))
      assert.same({}, asked)
      assert.matches("callisto " .. words[1] .. " %-%-help says more\n$", text())
    end
  end)
end)
