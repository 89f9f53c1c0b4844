#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Genesys AudioHook over real sockets. It places no calls and has no webhooks: the media socket comes first.

local crypto = require "callisto.crypto"
local json = require "callisto.json"
local conformance = dofile "tests/end_to_end/conformance.lua"

local kit = conformance.kit

local KEY, SECRET = "key-for-the-tests", crypto.base64(kit.TOKEN)
local CALLER = "+14155551002"

local function socket_of(server, agent) return ("%s/ws/genesys/%s"):format(server.url:gsub("^http", "ws"), agent) end

local function ring(self, server, agent)
  local status, report = kit.json("POST", self.exchange.url .. "/exchange/calls", {
    carrier = "genesys", from = CALLER, to = kit.NUMBER, voice_url = socket_of(server, agent),
  })
  kit.equal(201, status, "status of POST /exchange/calls")
  return report.id
end

local function over(self, id)
  return kit.wait_for("the end of " .. id, 30, function()
    local report = kit.report(self.exchange, id)
    return report.ended and report.stream and report
  end)
end

local function has(report, what)
  for _, note in ipairs(report.log) do
    if note.what:find(what, 1, true) then return true end
  end
  return false
end

local function test_flow(self)
  kit.test("genesys: the flow hears what came of the call, and nothing was too much", function()
    local report = over(self, ring(self, self.server, "quick"))
    kit.equal("completed", report.status, "status")
    kit.ok(has(report, '"outcome":"DONE"'), "the flow did not hear the outcome")
    kit.equal(0, report.stream.too_much, "messages that were too much")
  end)
  kit.test("genesys: a probe gets its answer and no agent", function()
    local before = #kit.calls_with(self.server, "direction", "inbound")
    local url = socket_of(self.server, "quick")
    local status, probe = kit.json("POST", self.exchange.url .. "/exchange/genesys/probes", { url = url })
    kit.equal(201, status, "status of the probe")
    local report = over(self, probe.id)
    kit.equal("completed", report.status, "status")
    kit.equal(before, #kit.calls_with(self.server, "direction", "inbound"), "calls")
  end)
  kit.test("genesys: an agent that is not there", function()
    local report = over(self, ring(self, self.server, "nobody"))
    kit.equal("failed", report.status, "status")
    kit.ok(has(report, "there is no agent"), "the flow did not hear why")
  end)
end

local function test_forged(self)
  local env = { TELEPHONY_PROVIDER = "genesys", GENESYS_API_KEY = KEY, GENESYS_CLIENT_SECRET = crypto.base64 "another" }
  local other = kit.server(self.exchange,
    { workspace = kit.here .. "/conformance", data = kit.scratch .. "/other", env = env })
  kit.test("genesys: a socket signed with another secret is let go with a reason, and opens nothing", function()
    local report = over(self, ring(self, other, "quick"))
    kit.equal("failed", report.status, "status")
    kit.ok(has(report, '"reason":"unauthorized"'), "the flow did not hear why")
    kit.equal(0, #kit.calls_with(other, "direction", "inbound"), "calls")
  end)
end

-- A conversation as it is on the wire, with an agent that says nothing; the API key alone lets in.
local function test_recorded(self)
  local env = { TELEPHONY_PROVIDER = "genesys", GENESYS_API_KEY = KEY }
  local open_to_all = kit.server(self.exchange,
    { workspace = kit.here .. "/conformance", data = kit.scratch .. "/recorded", env = env })
  local messages, expected = {}, {}
  for _, each in ipairs(dofile "spec/carriers/recorded/genesys.lua") do
    if each.format == "pcmu/2" then break end -- the conversation is over
    if not each.is_binary then messages[#messages + 1] = json.decode(each.read) end
    if each.reply then expected[#expected + 1] = json.decode(each.reply) end
  end
  kit.test("genesys: a recorded conversation is answered message by message", function()
    local headers = {
      ["X-API-KEY"] = KEY, ["Audiohook-Session-Id"] = messages[1].id,
      ["Audiohook-Organization-Id"] = messages[1].parameters.organizationId,
    }
    local text = kit.shell(("HEADERS=%s MESSAGES=%s node %s/hostile.mjs %s messages 2>&1"):format(
      kit.quote(json.encode(headers)), kit.quote(json.encode(messages)), kit.here, kit.quote(socket_of(open_to_all, "wait"))))
    local seen = json.decode(text)
    kit.equal("table", type(seen), "what the client saw: " .. text)
    for i, message in ipairs(expected) do
      local came = json.decode(seen.texts[i] or "") or {}
      for name, value in pairs(message) do
        kit.equal(type(value) == "table" and json.encode(value) or value,
          type(came[name]) == "table" and json.encode(came[name]) or came[name], ("%s of message %d"):format(name, i))
      end
    end
    kit.equal(#expected, #seen.texts, "messages")
    local call = kit.wait_over(open_to_all, kit.calls_with(open_to_all, "carrier_call_id", messages[1].id)[1].id)
    kit.equal("42", call.payload.lead, "lead of the payload")
    kit.equal("COMPLETED", call.facts.provider_reason, "reason of the carrier")
    kit.equal("CUSTOMER_HANGUP", call.facts.session_end_reason, "end of the session")
  end)
end

local function without(why)
  local cannot = {}
  for _, name in ipairs {
    "busy", "no_answer", "failed", "unknown", "lost", "lost_busy", "doubled", "reordered", "canceled", "outbound",
  } do cannot[name] = why end
  cannot.webhook = "there are no webhooks"
  return cannot
end

return conformance.run {
  name = "genesys",
  env = { GENESYS_API_KEY = KEY, GENESYS_CLIENT_SECRET = SECRET },
  number = kit.NUMBER,
  inbound = function(call, server, agent) call.voice_url, call.status_callback = socket_of(server, agent), nil end,
  turned_away = "failed",
  cannot = without "calls are placed by the contact centre",
  more = function(self)
    test_flow(self)
    test_forged(self)
    test_recorded(self)
  end,
}
