#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- The exchange by itself: documents obeyed, subscribers' scripts, queueing. Its REST is tried with the carrier's own SDK
-- (tests/sdk).

local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local kit = dofile "tests/end_to_end/kit.lua"

local exchange

-- Creates a call as an application does. Returns the carrier's id.
local function create(to, twiml, more)
  local form = { { "To", to }, { "From", kit.NUMBER }, { "Twiml", "<Response>" .. twiml .. "</Response>" } }
  for name, value in pairs(more or {}) do form[#form + 1] = { name, value } end
  local status, body = kit.http("POST", ("%s/2010-04-01/Accounts/%s/Calls.json"):format(exchange.url, kit.SID), {
    body = http.form(form),
    headers = {
      authorization = "Basic " .. crypto.base64(kit.SID .. ":" .. kit.TOKEN),
      ["content-type"] = "application/x-www-form-urlencoded",
    },
  })
  kit.equal(201, status, "status of " .. body)
  return json.decode(body).sid
end

local function wait_status(sid, status, seconds)
  return kit.wait_for("status " .. status, seconds or 20, function()
    local report = kit.report(exchange, sid)
    return report.status == status and report
  end)
end

-- The times at which something was noted.
local function noted(report, what)
  local times = {}
  for _, note in ipairs(report.log) do
    if note.what:find(what, 1, true) then times[#times + 1] = note.at end
  end
  return times
end

local function expect(report, what)
  kit.ok(#noted(report, what) > 0, ("'%s' is not in %s"):format(what, json.encode(report.log)))
end

local function test_documents()
  kit.test("verbs are obeyed in order, and the end of the document ends the call", function()
    local document = "<Say>Good day</Say><Pause length='1'/><Play>https://a/b.mp3</Play>"
    local report = wait_status(create("+15551021", document), "completed")
    local said, played = noted(report, "carrier says: Good day")[1], noted(report, "carrier plays https://a/b.mp3")[1]
    kit.ok(said and played and played - said > 1, "the order is wrong")
    expect(report, "heard the carrier")
    expect(report, "subscriber says: hello")
  end)
  kit.test("<Hangup> ends the call at once", function()
    local report = wait_status(create("+15551001", "<Hangup/><Say>never</Say>"), "completed")
    kit.equal(0, #noted(report, "never"), "sentences after it")
  end)
  kit.test("<Gather> takes keys up to the finish key", function()
    local document = "<Gather timeout='10'><Say>Your number please, then hash</Say></Gather>"
    expect(wait_status(create("+15551027", document), "completed"), "gathered '4711'")
  end)
  kit.test("<Gather> without keys goes on with the next verb", function()
    local document = "<Gather timeout='1'/><Say>Nothing came</Say>"
    local report = wait_status(create("+15551001", document), "completed")
    expect(report, "gathered ''")
    expect(report, "carrier says: Nothing came")
  end)
  kit.test("<Dial> joins two subscribers, who hear each other", function()
    local sid = create("+15551023", "<Dial><Number>+15551022</Number></Dial><Say>Back again</Say>")
    local report = wait_status(sid, "completed", 30)
    expect(report, "carrier says: Back again")
    local _, all = kit.json("GET", exchange.url .. "/exchange/calls")
    local leg
    for _, call in ipairs(all.calls) do leg = call.parent == sid and call or leg end
    kit.equal("+15551022", leg.to, "the number dialled")
    local other = kit.report(exchange, leg.id)
    expect(other, "subscriber says: this is the office")
    expect(other, "heard the caller")
  end)
  kit.test("in a <Conference> everybody hears the others, until one who may end it leaves", function()
    local first = create("+15551023", "<Dial><Conference>room</Conference></Dial><Say>Back again</Say>")
    local second = create("+15551022", "<Dial><Conference endConferenceOnExit='true'>room</Conference></Dial>")
    expect(wait_status(second, "completed", 30), "heard the caller")
    local report = wait_status(first, "completed", 30)
    expect(report, "subscriber says: good day")
    expect(report, "has left the room room: ended")
    expect(report, "carrier says: Back again")
  end)
  kit.test("who is muted is not heard in a <Conference>", function()
    local first = create("+15551021", "<Say>Wait</Say><Dial><Conference muted='true'>silent</Conference></Dial>")
    local document = "<Dial><Conference endConferenceOnExit='true'>silent</Conference></Dial>"
    local second = create("+15551023", document, { TimeLimit = "4" })
    expect(wait_status(first, "completed", 30), "subscriber says: hello")
    local report = wait_status(second, "completed", 30)
    kit.equal(0, #noted(report, "subscriber says: good day"), "answers to what was not heard")
  end)
  kit.test("<Dial> rings several numbers, and the first who answers is joined", function()
    local numbers = "<Number>+15551003</Number><Number>+15551022</Number><Number>+15551004</Number>"
    local sid = create("+15551023", "<Dial>" .. numbers .. "</Dial><Say>Back again</Say>")
    expect(wait_status(sid, "completed", 30), "carrier says: Back again")
    local _, all = kit.json("GET", exchange.url .. "/exchange/calls")
    local statuses = {}
    for _, call in ipairs(all.calls) do
      if call.parent == sid then statuses[call.to] = call.status end
    end
    kit.equal("completed", statuses["+15551022"], "who answered")
    kit.equal("canceled", statuses["+15551004"], "who had not answered yet")
    kit.ok(statuses["+15551003"] == "busy" or statuses["+15551003"] == "canceled", "the busy one is " .. statuses["+15551003"])
  end)
  kit.test("<Dial> of a busy line goes on with the next verb", function()
    expect(wait_status(create("+15551001", "<Dial>+15551003</Dial><Say>They are busy</Say>"), "completed"), "They are busy")
  end)
  kit.test("a document that is not XML is an application error", function()
    expect(wait_status(create("+15551001", "<Say>&nbsp;</Say"), "completed"), "12100")
  end)
end

local function test_subscribers(server)
  kit.test("somebody who hangs up as soon as he answers", function()
    local ids = {}
    for index = 1, 20 do ids[index] = kit.call(server, "long", "+15551024") end
    for _, id in ipairs(ids) do
      local call = kit.wait_over(server, id, 60)
      kit.equal("COMPLETED", call.facts.provider_reason, "reason")
    end
    kit.equal(200, (kit.http("GET", exchange.url .. "/healthz")), "health of the exchange")
  end)
  kit.test("a file is played, and a beep", function()
    local id = kit.call(server, "long", "+15551025")
    local sid = kit.show(server, id).carrier_call_id
    kit.wait_for("the beep", 20, function() return #noted(kit.report(exchange, sid), "beeped") == 1 end)
    expect(kit.report(exchange, sid), "played the file")
  end)
  kit.test("somebody hangs up while he is heard", function()
    local call = kit.wait_over(server, kit.call(server, "choice", "+15551026"))
    kit.equal("CUSTOMER_HANGUP", call.facts.session_end_reason, "end of the session")
  end)
  kit.test("a mistake in a subscriber's script hangs up and is reported", function()
    local report = wait_status(create("+15551028", "<Pause length='30'/>"), "completed")
    kit.ok(report.failure and report.failure:find("a mistake in this script", 1, true), tostring(report.failure))
  end)
  kit.test("<Reject> of an inbound call ends it unanswered", function()
    local report = wait_status(kit.ring(exchange, server, "+15551001", "closed").id, "no-answer")
    kit.equal(nil, report.answered, "time of the answer")
  end)
  kit.test("an application without a document for the call, nor a fallback, loses it", function()
    local status, call = kit.json("POST", exchange.url .. "/exchange/calls",
      { from = "+15551001", to = kit.NUMBER, voice_url = server.url .. "/telephony/twilio/inbound/nobody" })
    kit.equal(201, status, "status")
    expect(wait_status(call.id, "failed"), "11200 HTTP 404")
  end)
end

local function test_queue()
  kit.test("calls start one by one, as many a second as the account may", function()
    local slow = kit.start("exchange", {
      "--host", "127.0.0.1", "--port", "0", "--data", kit.scratch .. "/slow", "--script-threads", "1",
      "--workspace", kit.here .. "/workspace", env = { TWILIO_ACCOUNT_SID = kit.SID, TWILIO_AUTH_TOKEN = kit.TOKEN },
    })
    kit.wait_ready(slow)
    local fast = exchange
    exchange = slow
    local ids = {}
    for index = 1, 3 do ids[index] = create("+15551003", "<Hangup/>") end
    local starts = {}
    for index, sid in ipairs(ids) do starts[index] = noted(wait_status(sid, "busy"), "status initiated")[1] end
    exchange = fast
    kit.ok(starts[2] - starts[1] > 0.9 and starts[3] - starts[2] > 0.9, json.encode(starts))
  end)
end

-- A second of a tone: 8 kHz, 16 bit, mono.
local function write_tone(path)
  local samples = {}
  for index = 0, 7999 do
    local value = math.floor(8000 * math.sin(index * 2 * math.pi * 440 / 8000)) % 65536
    samples[#samples + 1] = string.char(value % 256, math.floor(value / 256))
  end
  local function le(value, bytes)
    local out = {}
    for index = 1, bytes do
      out[index] = string.char(value % 256)
      value = math.floor(value / 256)
    end
    return table.concat(out)
  end
  local data = table.concat(samples)
  kit.write(path, "RIFF" .. le(36 + #data, 4) .. "WAVEfmt " .. le(16, 4) .. le(1, 2) .. le(1, 2) .. le(8000, 4) .. le(16000, 4)
    .. le(2, 2) .. le(16, 2) .. "data" .. le(#data, 4) .. data)
end

return kit.run(function()
  local workspace = kit.scratch .. "/workspace"
  os.execute(("cp -r %s %s"):format(kit.quote(kit.here .. "/workspace"), kit.quote(workspace)))
  write_tone(workspace .. "/audio/tone.wav")
  exchange = kit.exchange { workspace = workspace }
  local server = kit.server(exchange)
  test_documents()
  test_subscribers(server)
  test_queue()
end)
