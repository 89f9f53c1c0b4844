#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Exotel over real sockets.

local http = require "callisto.http"
local json = require "callisto.json"
local conformance = dofile "tests/end_to_end/conformance.lua"

local kit = conformance.kit

local SECRET = kit.TOKEN
local ENV = {
  EXOTEL_ACCOUNT_SID = "acme1", EXOTEL_API_KEY = "exkey0001", EXOTEL_API_TOKEN = "extoken0001",
  EXOTEL_WEBHOOK_SECRET = SECRET, EXOTEL_PHONE_NUMBER = kit.NUMBER,
}

local function with_token(url, secret) return url .. "?token=" .. http.escape(secret or SECRET) end

-- Of a flow nobody tells how it ended, but for a step behind the Voicebot applet.
local function inbound(call, server)
  call.voice_url, call.status_callback = with_token(call.voice_url), nil
  call.passthru_url = with_token(server.url .. "/exotel/callback/status")
end

local function webhook(url, about)
  local query = http.form {
    { "CallSid", about.carrier_call }, { "CallFrom", about.from }, { "CallTo", about.to }, { "Direction", "incoming" },
  }
  return { method = "GET", url = with_token(url, about.secret) .. "&" .. query }
end

local function opening(about)
  return {
    { event = "connected" },
    { event = "start", sequence_number = "1", stream_sid = "st1", start = {
      stream_sid = "st1", call_sid = about.carrier_call, account_sid = "acme1", from = about.from, to = about.to,
      custom_parameters = "", media_format = { encoding = "audio/x-raw", sample_rate = "8000", bit_rate = "16" },
    } },
  }
end

-- Numbers with which the test's subscribers are called.
local HOLDER, TALKER, LISTENER = "+14155551008", "+14155551001", "+14155551099"

local function test_passthru(self)
  kit.test("exotel: the step behind the applet tells how the stream ended", function()
    local _, report = kit.json("POST", self.exchange.url .. "/exchange/calls", {
      carrier = "exotel", from = HOLDER, to = kit.NUMBER,
      voice_url = with_token(self.server.url .. "/telephony/exotel/inbound/quick"),
      passthru_url = with_token(self.server.url .. "/exotel/callback/status"),
    })
    local call = kit.wait_for("the call's record", 30, function()
      local found = kit.calls_with(self.server, "carrier_call_id", report.id)[1]
      return found and found.state ~= "in_progress" and kit.show(self.server, found.id)
    end)
    kit.equal("DONE", call.outcome, "outcome")
    kit.equal(1, kit.count_events(call, "carrier.stream-completed"), "words about the stream")
  end)
end

local function ring(self, voice_url)
  local _, report = kit.json("POST", self.exchange.url .. "/exchange/calls", {
    carrier = "exotel", from = HOLDER, to = kit.NUMBER, voice_url = voice_url,
  })
  return report
end

local function test_fixed_socket(self)
  local base = self.server.url:gsub("^http", "ws")
  kit.test("exotel: an applet with the socket's own URL asks nobody, and is answered", function()
    local report = ring(self, with_token(base .. "/ws/exotel/quick") .. "&sample-rate=16000")
    local call = kit.wait_for("the call's record", 30, function()
      local found = kit.calls_with(self.server, "carrier_call_id", report.id)[1]
      return found and found.state ~= "in_progress" and kit.show(self.server, found.id)
    end)
    kit.equal("DONE", call.outcome, "outcome")
    kit.equal(HOLDER, call.from, "caller")
    kit.equal("inbound", call.direction, "direction")
  end)
  kit.test("exotel: such a socket without the secret gets no call", function()
    local report = ring(self, with_token(base .. "/ws/exotel/quick", "guess"))
    kit.wait_for("the call's end", 30, function() return kit.report(self.exchange, report.id).ended end)
    kit.equal(0, #kit.calls_with(self.server, "carrier_call_id", report.id), "records")
  end)
end

local SHUT = [[
local template = require "callisto.template"
return template {
  name = "shut",
  inbound = {
    enabled = false, block_message = "We are closed, but somebody will talk to you.", block_action = "REDIRECT",
    redirect_number = "+14155551008",
  },
  on_call = function(call) call:finish "DONE" end,
}
]]

-- Somebody calls an agent that takes no calls; a Connect applet behind the Voicebot applet asks the same URL.
local function test_shut(server, exchange)
  kit.test("exotel: a caller of an agent that is closed hears why, on the socket, and is put through by the flow", function()
    local url = with_token(server.url .. "/telephony/exotel/inbound/shut")
    kit.equal(204, (kit.json("PUT", exchange.url .. "/exchange/puppets/" .. LISTENER, { answers_after = 0 })), "status")
    local _, report = kit.json("POST", exchange.url .. "/exchange/calls", {
      carrier = "exotel", from = LISTENER, to = kit.NUMBER, voice_url = url, dial_url = url,
    })
    local function does(verb) return kit.json("POST", ("%s/exchange/calls/%s/does"):format(exchange.url, report.id), verb) end
    kit.wait_for("the answer", 20, function() return kit.report(exchange, report.id).streaming end)
    local _, heard = does { verb = "hears", with = { 20 } }
    kit.equal(true, heard.result, "whether the caller heard something")
    kit.wait_for("the call to the other number", 20, function()
      local _, all = kit.json("GET", exchange.url .. "/exchange/calls")
      for _, call in ipairs(all.calls) do
        if call.parent == report.id and call.answered then return call.to == HOLDER end
      end
    end)
    kit.equal(1, #kit.calls_with(server, "outcome", "BLOCKED_REDIRECT"), "calls written down as refused")
    does { verb = "hangs_up" }
    kit.wait_for("its end", 20, function() return kit.report(exchange, report.id).ended end)
  end)
end

-- A second pair, whose outbound calls go through a flow; the flow's applet asks for the socket.
local function test_flow(self)
  local port = kit.free_port()
  local url = "http://127.0.0.1:" .. port
  local workspace = kit.scratch .. "/flows"
  os.execute(("cp -r %s %s"):format(kit.quote(kit.here .. "/conformance"), kit.quote(workspace)))
  local numbers = ("{ [%q] = { carrier = %q, voice_url = %q } }"):format(kit.NUMBER, "exotel",
    with_token(url .. "/telephony/exotel/inbound/order"))
  kit.write(workspace .. "/callisto.lua", ("return { exchange = { numbers = %s } }"):format(numbers))
  local exchange = kit.exchange { workspace = workspace, env = ENV, words = { "--data", kit.scratch .. "/flow-exchange" } }
  local env = {
    TELEPHONY_PROVIDER = "exotel", EXOTEL_API_BASE = exchange.url, EXOTEL_FLOW_ID = "4711", EXOTEL_AUDIO = "l16/16000/640",
  }
  for name, value in pairs(ENV) do env[name] = value end
  kit.write(workspace .. "/templates/shut.lua", SHUT)
  local server = kit.server(exchange, {
    workspace = workspace, data = kit.scratch .. "/flow-server", port = port, env = env,
  })
  kit.test("exotel: a call of a flow finds its own record when the flow asks for the socket, at 16 kHz", function()
    local call = kit.wait_over(server, kit.call(server, "order", TALKER), 60)
    kit.equal("UNDERSTOOD", call.outcome, "outcome")
    kit.equal(1, kit.count_events(call, "leg.started"), "media sockets")
    local started
    for _, event in ipairs(call.events) do started = event.kind == "leg.started" and event or started end
    kit.ok(json.encode(started):find "16000", json.encode(started))
    kit.equal(1, #kit.calls_with(server, "from", kit.NUMBER), "records")
  end)
  test_shut(server, exchange)
end

return conformance.run {
  name = "exotel",
  env = ENV,
  api = "EXOTEL_API_BASE",
  number = kit.NUMBER,
  new_id = function(number) return ("%032x"):format(0xabc000 + number) end,
  inbound = inbound,
  webhook = webhook,
  opening = opening,
  turned_away = "completed",
  cannot = { canceled = "a call cannot be taken back by REST" },
  more = function(self)
    test_passthru(self)
    test_fixed_socket(self)
    test_flow(self)
  end,
}
