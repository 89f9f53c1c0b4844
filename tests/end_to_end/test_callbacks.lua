#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- Callbacks that are lost, doubled, delayed, reordered or repeated by somebody: every call ends once, with the right outcome.

local json = require "callisto.json"
local kit = dofile "tests/end_to_end/kit.lua"

local CASES = {
  { "lost, all of them (pitfall 6: the carrier is asked)", "+15551011", "DONE", asked = true },
  { "doubled, all of them (pitfall 4)", "+15551012", "DONE" },
  { "delayed until after the end", "+15551013", "DONE" },
  { "reordered", "+15551014", "DONE" },
  { "lost, doubled and reordered at once", "+15551015", "DONE", asked = true },
  { "of a busy line, lost (pitfall 6)", "+15551016", "NO_ANSWER", reason = "BUSY", asked = true },
  { "the last one delayed until after the carrier was asked (pitfall 5)", "+15551017", "DONE", asked = true },
}

local function check(call, case)
  kit.equal(case[3], call.outcome, "outcome")
  kit.equal(case.reason or "COMPLETED", call.facts.provider_reason, "reason of the carrier")
  kit.equal(1, kit.count_events(call, "provider"), "last words of the carrier")
  kit.equal(1, kit.count_events(call, "platform"), "facts about dialling")
  kit.ok(kit.count_events(call, "carrier.completed") <= 1, "the end was written down twice")
  kit.ok(kit.count_events(call, "leg.ended") <= 1, "the leg ended twice")
end

local function test_faults(server)
  for _, case in ipairs(CASES) do case.id = kit.call(server, "quick", case[2]) end
  for _, case in ipairs(CASES) do
    kit.test("callbacks " .. case[1], function() check(kit.wait_over(server, case.id, 60), case) end)
  end
end

local function status_of(call, word, sequence)
  return {
    CallSid = call.carrier_call_id, AccountSid = kit.SID, From = call.from, To = call.to, CallStatus = word,
    SequenceNumber = tostring(sequence), Direction = "outbound-api", ApiVersion = "2010-04-01",
  }
end

-- Every callback three times, in an order no carrier would choose, while the call is up and after its end.
local function send_all(server, call, words)
  for round = 1, 3 do
    for index = #words, 1, -1 do
      local status = kit.webhook(server, "/twilio/callback/status?call=" .. call.id, status_of(call, words[index], index + 10))
      kit.equal(204, status, ("status of callback %s, round %d"):format(words[index], round))
    end
  end
end

local function test_repeated(server)
  kit.test("callbacks three times each in any order change nothing (pitfall 4)", function()
    local id = kit.call(server, "choice", "+15551001")
    kit.wait_for("the stream", 20, function() return kit.count_events(kit.show(server, id), "leg.started") == 1 end)
    send_all(server, kit.show(server, id), { "initiated", "ringing", "in-progress" })
    local up = kit.show(server, id)
    kit.equal("in_progress", up.state, "state")
    local over = kit.wait_over(server, id, 60)
    kit.equal("NOT_CHOSEN", over.outcome, "outcome")
    send_all(server, over, { "initiated", "ringing", "in-progress", "completed", "failed", "busy" })
    local after = kit.show(server, id)
    kit.equal("NOT_CHOSEN", after.outcome, "outcome after late callbacks")
    kit.equal("completed", after.state, "state after late callbacks")
    kit.equal(1, kit.count_events(after, "provider"), "last words of the carrier")
    kit.equal(#over.events, #after.events, "events")
  end)
end

local function test_unclear(server, exchange)
  kit.test("a request to place a call that fails with 500 is not repeated, and the call is found", function()
    local id = kit.call(server, "quick", "+15551019")
    kit.equal("DONE", kit.wait_over(server, id, 60).outcome, "outcome")
    local _, answer = kit.json("GET", exchange.url .. "/exchange/calls")
    local placed = 0
    for _, call in ipairs(answer.calls) do placed = placed + (call.to == "+15551019" and 1 or 0) end
    kit.equal(1, placed, "calls to that number")
  end)
end

-- Callbacks that name only the carrier's id, and come to a thread that does not have the call.
local function test_by_carrier_id(server, exchange)
  kit.test("callbacks of inbound calls find them by the carrier's id, on whatever thread", function()
    local calls = {}
    for i = 1, 8 do calls[i] = kit.ring(exchange, server, "+15551001", "quick").sid end
    for _, sid in ipairs(calls) do
      local id = kit.wait_for("call " .. sid, 20, function()
        local found = kit.calls_with(server, "carrier_call_id", sid)[1]
        return found and found.id
      end)
      local call = kit.wait_over(server, id)
      kit.equal("DONE", call.outcome, "outcome")
      kit.equal(1, kit.count_events(call, "carrier.completed"), "the carrier's last word, as a callback")
      kit.equal(204, (kit.webhook(server, "/twilio/callback/details", {
        CallSid = sid, RecordingSid = "RE" .. sid, RecordingUrl = "https://api.twilio.com/recording",
      })), "status of the recording's webhook")
      kit.equal(1, kit.count_events(kit.show(server, id), "carrier.recording"), "recordings")
    end
  end)
end

local function test_faults_of_all(server, exchange)
  kit.test("faults set for all calls hold until they are taken back", function()
    local function set(faults) kit.equal(200, (kit.json("PUT", exchange.url .. "/exchange/faults", faults)), "status") end
    set { lose = { "ringing" }, double = { "completed" } }
    local call = kit.wait_over(server, kit.call(server, "quick", "+15551001"))
    set {}
    local clean = kit.wait_over(server, kit.call(server, "quick", "+15551001"))
    kit.equal(0, kit.count_events(call, "carrier.ringing"), "callbacks that were to be lost")
    kit.equal(1, kit.count_events(clean, "carrier.ringing"), "callbacks without faults")
    local noted = json.encode(kit.report(exchange, call.carrier_call_id).log)
    kit.ok(noted:find("callback completed again: 204", 1, true), noted)
  end)
end

local function test_nothing_left(server, sent_late)
  kit.test("afterwards no line is held (pitfall 5)", function()
    kit.wait_for("the late callback", 30, function()
      local at = kit.show(server, sent_late)
      return at.ended_at_ms and kit.metric(server, "callisto_status_of_unknown_calls_total") >= 1
    end)
    kit.equal(0, kit.gauge(server, "callisto_calls_live"), "live calls")
    kit.equal(0, kit.gauge(server, "callisto_legs"), "legs")
  end)
end

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)
  test_faults(server)
  test_repeated(server)
  test_unclear(server, exchange)
  test_by_carrier_id(server, exchange)
  test_faults_of_all(server, exchange)
  test_nothing_left(server, CASES[7].id)
end)
