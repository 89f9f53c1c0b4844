-- Twilio's adapter: signatures, documents, requests and what their answers prove.

local http = require "callisto.http"
local json = require "callisto.json"
local twilio = require "providers.carriers.twilio"
local xml = require "callisto.xml"

local place, placed = unpack(twilio.requests.place)
local fetched = twilio.requests.fetch[2]

local url = "https://mycompany.com/myapp.php?foo=1&bar=2"
local caller = {
  { "CallSid", "CA1234567890ABCDE" }, { "Caller", "+14158675309" }, { "Digits", "1234" }, { "From", "+14158675309" },
  { "To", "+18005551212" },
}

local function with(list, more)
  local all = {}
  for i, pair in ipairs(list) do all[i] = pair end
  for _, pair in ipairs(more) do all[#all + 1] = pair end
  return all
end

-- Whether a request to a URL, with a form or a body, is let in with this signature.
local function holds(secret, given, to, list, body)
  local base, path, query = to:match "^(%a+://[^/]+)([^?]*)%??(.*)$"
  return twilio.webhook.verify({
    method = "POST", path = path, query = query, body = list and http.form(list) or body or "",
    headers = {
      ["x-twilio-signature"] = given, ["content-type"] = list and "application/x-www-form-urlencoded" or "application/json",
    },
  }, base, { secret = secret }) == true
end

describe("Twilio's signature", function()
  local hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
  local body = '{"property": "value", "boolean": true}'
  local conference = with(caller, { { "ReasonConferenceEnded", "test" }, { "Reason", "Participant" } })
  local login = "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2"

  for _, case in ipairs {
    { "1: a form", url, caller, "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
    { "2: the port is left out", "https://mycompany.com:1234/myapp.php?foo=1&bar=2", caller, "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
    { "3: the port is kept", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", caller, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=" },
    { "4: 443 is added", url, caller, "kvajT1Ptam85bY51eRf/AJRuM3w=" },
    { "5: 80 is added", "http://mycompany.com/myapp.php?foo=1&bar=2", caller, "0ZXoZLH/DfblKGATFgpif+LLRf4=" },
    { "6: JSON", url .. "&bodySHA256=" .. hash, nil, "a9nBmqA0ju/hNViExpshrM61xv4=", body },
    { "7: JSON, an empty query", "https://mycompany.com/myapp.php?bodySHA256=" .. hash, nil,
      "y77kIzt2vzLz71DgmJGsen2scGs=", body },
    { "8: several values", url, { { "Sid", "CA123" }, { "SidAccount", "AC123" }, { "Digits", "5678" }, { "Digits", "1234" },
      { "Digits", "1234" } }, "IK+Dwps556ElfBT0I3Rgjkr1wJU=" },
    { "9: sorted by name alone", url, conference, "vOEb5UThFn24KEfnOFLQY2AE5FY=" },
    { "11: a login", login, caller, "CukzLTc1tT5dXEDIHm/tKBanW10=" },
    { "11: a login, with a port", login, caller, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=" },
    { "12: case counts", url, { { "callSid", "lowercase" }, { "CallSid", "uppercase" }, { "CALLSID", "allcaps" } },
      "jDK7WKT8wiNrwggd4ceTv4e1MJ4=" },
    { "13: empty values count", url, { { "Digits", "" }, { "CallSid", "CA1234567890ABCDE" }, { "EmptyParam", "" } },
      "9HHp/OqQMEwdrVebHDdA/+tqjX8=" },
  } do
    it("accepts vector " .. case[1], function()
      assert.is_true(holds("12345", case[4], case[2], case[3], case[5]))
    end)
  end

  it("refuses vector 10: sorted by the joined text", function()
    assert.is_false(holds("12345", "95+Bu0JVPi0r/SsESZCVf0dWAjw=", url, conference))
  end)

  it("refuses another body, parameter, secret or URL", function()
    local good = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert.is_false(holds("12346", good, url, caller))
    assert.is_false(holds("12345", good, url .. "&x=1", caller))
    assert.is_false(holds("12345", good, url, with(caller, { { "More", "1" } })))
    assert.is_false(holds("12345", "a9nBmqA0ju/hNViExpshrM61xv4=", url .. "&bodySHA256=" .. hash, nil, body .. " "))
  end)

  it("of a media socket is that of the wss URL, with and without port and slash", function()
    local account = { secret = "twilio_demo_token_01" }
    local signature = twilio.socket.signature("wss://voice.example.com/media/twilio/9f3c1e7a", account)
    assert.equal("x-twilio-signature", signature.header)
    assert.equal("x6S5C9rNjhAl2K7oTSSQsTsrv8k=", signature.values[1])
    assert.equal(4, #signature.values)
  end)

  it("of a webhook is checked against the public URL", function()
    local message = {
      method = "POST", path = "/telephony/twilio/inbound/agent-7", query = "", body = "",
      headers = { ["x-twilio-signature"] = "L5pQ5bWMaYlvyddKdzjiLl2A32Q=" },
    }
    assert.is_true(twilio.webhook.verify(message, "https://voice.example.com", { secret = "twilio_demo_token_01" }))
    local ok, why, status = twilio.webhook.verify(message, "https://other.example.com", { secret = "twilio_demo_token_01" })
    assert.is_nil(ok)
    assert.equal(403, status)
    assert.matches("PUBLIC_BASE_URL", why)
    message.headers = {}
    assert.equal(401, select(3, twilio.webhook.verify(message, "https://voice.example.com", { secret = "twilio_demo_token_01" })))
  end)

  it("does not cover a body that is neither form nor hashed", function()
    local message = {
      method = "POST", path = "/telephony/twilio/inbound/agent-7", query = "", body = '{"CallSid":"CA1"}',
      headers = { ["x-twilio-signature"] = "L5pQ5bWMaYlvyddKdzjiLl2A32Q=", ["content-type"] = "application/json" },
    }
    assert.equal(403, select(3, twilio.webhook.verify(message, "https://voice.example.com", { secret = "twilio_demo_token_01" })))
  end)

  for _, target in ipairs {
    "/twilio/answer?foo=hello%20world", "/twilio/answer?From=%2B14155550100&To=client:a@b,'c'", "/twilio/answer?a=1&&b=J+S&",
    "/twilio/answer?", "/twilio//answer", "/twilio/answer/", "/twilio/a%2Fb",
  } do
    it("covers the URL as it was sent: " .. target, function()
      local message = {
        method = "GET", target = target, path = target:match "^[^?]*", query = target:match "%?(.*)$" or "", body = "",
        headers = {},
      }
      local signature = twilio.socket.signature("https://v.example.com" .. target, { secret = "secret" })
      message.headers["x-twilio-signature"] = signature.values[1]
      assert.is_true(twilio.webhook.verify(message, "https://v.example.com", { secret = "secret" }))
    end)
  end

  it("of a GET covers its query and nothing else", function()
    local query = "CallSid=CA1&From=a"
    local message = { method = "GET", path = "/twilio/answer", query = query, body = "", headers = {} }
    local url_signature = twilio.socket.signature("https://v.example.com/twilio/answer?" .. query, { secret = "secret" })
    message.headers["x-twilio-signature"] = url_signature.values[1]
    assert.is_true(twilio.webhook.verify(message, "https://v.example.com", { secret = "secret" }))
    assert.equal("CA1", twilio.webhook.read(message).carrier_call)
  end)
end)

describe("TwiML", function()
  local function write(document) return (twilio.webhook.answer(document):gsub("^<%?xml.-%?>%s*", ""):gsub("%s+$", "")) end

  it("connects a stream, with parameters, and speaks when that fails", function()
    local root = xml.parse((twilio.webhook.answer {
      { "stream", url = "wss://v.example.com/ws/twilio/a/b", parameters = { { "lead_id", "a&b" }, { "agent_name", "x" } } },
      { "say", "Sorry <you>.", language = "en-IN" },
      { "hangup" },
    }))
    assert.equal("Response", root.name)
    assert.equal("wss://v.example.com/ws/twilio/a/b", root[1][1].attrs.url)
    assert.same({ name = "lead_id", value = "a&b" }, root[1][1][1].attrs)
    assert.equal("Sorry <you>.", root[2].text)
    assert.equal("en-IN", root[2].attrs.language)
    assert.equal("Hangup", root[3].name)
  end)

  for _, case in ipairs {
    { { { "reject", reason = "busy" } }, '<Response><Reject reason="busy"/></Response>' },
    { { { "pause", seconds = 2 } }, '<Response><Pause length="2"/></Response>' },
    { { { "play", "https://x/a.mp3", loop = 1 } }, '<Response><Play loop="1">https://x/a.mp3</Play></Response>' },
    { { { "redirect", url = "https://x/n" } }, '<Response><Redirect method="POST">https://x/n</Redirect></Response>' },
    { { { "gather", { "say", "Hi" }, digits = 1, timeout = 5, finish_on = "" } },
      '<Response><Gather input="dtmf" numDigits="1" timeout="5" finishOnKey=""><Say>Hi</Say></Gather></Response>' },
    { { { "dial", to = "+15550001", caller_id = "+15550002", timeout = 25 } },
      '<Response><Dial callerId="+15550002" timeout="25"><Number>+15550001</Number></Dial></Response>' },
    { { { "conference", room = "r-1", label = "agent", end_on_exit = true, beep = false } },
      '<Response><Dial><Conference participantLabel="agent" endConferenceOnExit="true" beep="false">r-1</Conference></Dial>' ..
      "</Response>" },
    { { { "record", action = "/rec", longest = 120 } }, '<Response><Record action="/rec" maxLength="120"/></Response>' },
  } do
    it("writes " .. case[1][1][1], function() assert.equal(case[2], write(case[1])) end)
  end

  it("names the verb that was meant", function()
    assert.error_matches(function() twilio.webhook.answer { { "steam", url = "x" } } end, "did you mean 'stream'")
    assert.error_matches(function() twilio.webhook.answer { { "say", "x", laguage = "en" } } end, "did you mean 'language'")
  end)
end)

describe("Twilio's REST interface", function()
  local account = { account = "AC0011", secret = "s3cret", number = "+14150000002" }

  it("places a call by document or by URL, never both", function()
    local request = place({ to = "+1", from = "+2", document = { { "hangup" } }, url = "https://x", ring = 30 }, account)
    assert.equal("https://api.twilio.com/2010-04-01/Accounts/AC0011/Calls.json", request.url)
    assert.equal("POST", request.method)
    assert.equal("AC0011", request.user)
    assert.equal("s3cret", request.password)
    local form = http.read_form(request.body)
    assert.matches("<Hangup/>", form.Twiml)
    assert.is_nil(form.Url)
    assert.equal("30", form.Timeout)
    form = http.read_form(place({ to = "+1", from = "+2", url = "https://x", fallback_url = "https://f" }, account).body)
    assert.equal("https://x", form.Url)
    assert.equal("https://f", form.FallbackUrl)
    assert.is_nil(form.Twiml)
  end)

  it("is found elsewhere when the settings say so", function()
    local request = twilio.requests.fetch[1]("CA1", { account = "AC1", secret = "s", api = "http://127.0.0.1:8090/" })
    assert.equal("http://127.0.0.1:8090/2010-04-01/Accounts/AC1/Calls/CA1.json", request.url)
  end)

  for _, case in ipairs {
    { "201 with an id", { status = 201, body = '{"sid":"CA1"}' }, nil, "placed" },
    { "200 with an id", { status = 200, body = '{"sid":"CA1"}' }, nil, "placed" },
    { "201 without an id", { status = 201, body = "{}" }, nil, "unknown" },
    { "201 with rubbish", { status = 201, body = "<html>" }, nil, "unknown" },
    { "500", { status = 500, body = "" }, nil, "unknown" },
    { "503", { status = 503, body = "" }, nil, "unknown" },
    { "a redirect", { status = 302, body = "" }, nil, "unknown" },
    { "400", { status = 400, body = '{"code":21211,"message":"m"}' }, nil, "not_placed", "21211", false },
    { "401", { status = 401, body = '{"code":20003,"message":"m"}' }, nil, "not_placed", "20003", false },
    { "404 without a body", { status = 404, body = "" }, nil, "not_placed", "HTTP 404", false },
    { "429", { status = 429, body = '{"code":20429,"message":"m"}' }, nil, "not_placed", "20429", true },
    { "no answer", nil, { "ETIMEDOUT: x", "ETIMEDOUT", true }, "unknown", "ETIMEDOUT" },
    { "no connection", nil, { "ECONNREFUSED: x", "ECONNREFUSED", false }, "not_placed", "ECONNREFUSED", true },
    { "a reset", nil, { "ECONNRESET: x", "ECONNRESET", true }, "unknown", "ECONNRESET" },
  } do
    it("says whether the phone may ring: " .. case[1], function()
      local class, id, why = placed(case[2], unpack(case[3] or {}))
      assert.equal(case[4], class)
      assert.equal(case[4] == "placed" and "CA1" or nil, id)
      if case[5] then assert.equal(case[5], why.code) end
      if case[6] ~= nil then assert.equal(case[6], why.retryable) end
    end)
  end

  for _, case in ipairs {
    { "200", { status = 200, body = "{}" }, true },
    { "pitfall 26: 404", { status = 404, body = '{"code":20404,"message":"m"}' }, true },
    { "pitfall 26: 21220", { status = 400, body = '{"code":21220,"message":"m"}' }, true },
    { "401", { status = 401, body = '{"code":20003,"message":"m"}' }, nil },
    { "500", { status = 500, body = "" }, nil },
  } do
    it("knows when a call was hung up: " .. case[1], function() assert.equal(case[3], (twilio.requests.hangup[2](case[2]))) end)
  end

  it("hangs up with a status", function()
    local request = twilio.requests.hangup[1]("CA1", account)
    assert.equal("Status=completed", request.body)
    assert.equal("https://api.twilio.com/2010-04-01/Accounts/AC0011/Calls/CA1.json", request.url)
  end)

  for _, case in ipairs {
    { "completed", "ANSWERED", "COMPLETED", true, true },
    { "busy", "NOT_ANSWERED", "BUSY", true, false },
    { "no-answer", "NOT_ANSWERED", "NO_ANSWER", true, false },
    { "failed", "NOT_ANSWERED", "FAILED", true, false },
    { "canceled", "NOT_ANSWERED", "CANCELED", true, false },
    { "queued", nil, nil, false, false },
    { "initiated", nil, nil, false, false },
    { "ringing", nil, nil, false, false },
    { "in-progress", nil, nil, false, true },
    { "something-new", nil, nil, false, false },
  } do
    it("understands the status " .. case[1], function()
      local status = twilio.webhook.status {
        method = "POST", query = "call=cabc", headers = {},
        body = ("CallSid=CA1&CallStatus=%s&SequenceNumber=2&SipResponseCode=486"):format(case[1]),
      }
      assert.equal(case[2], status.status)
      assert.equal(case[3], status.reason)
      assert.equal(case[4], status.is_terminal)
      assert.equal(case[5], status.is_answered)
      assert.equal(2, status.sequence)
      assert.equal("cabc", status.call)
      assert.equal("SIP 486", status.cause)
    end)
  end

  it("reads a call that was asked for", function()
    assert.equal("COMPLETED", fetched({ status = 200, body = '{"sid":"CA1","status":"completed","duration":"7"}' }).reason)
    assert.equal("UNKNOWN", fetched({ status = 404, body = "" }).status)
    assert.is_nil(fetched({ status = 500, body = "" }))
    assert.is_nil(fetched(nil, "ETIMEDOUT: x", "ETIMEDOUT"))
  end)

  it("finds the call it is not sure about", function()
    local order = { to = "+1", from = "+2", placed_at = 1772532900 }
    local function list(calls) return { status = 200, body = json.encode { calls = json.array(calls) } } end
    local function call(sid, date, to)
      return { sid = sid, to = to or "+1", from = "+2", direction = "outbound-api", date_created = date }
    end
    assert.equal("CA2", twilio.requests.find[2](list {
      call("CA3", "Tue, 03 Mar 2026 10:20:00 +0000"), call("CA2", "Tue, 03 Mar 2026 10:15:01 +0000"),
      call("CA1", "Tue, 03 Mar 2026 10:05:00 +0000"), call("CA0", "Tue, 03 Mar 2026 10:15:00 +0000", "+9"),
    }, nil, nil, nil, order))
    assert.is_nil(twilio.requests.find[2](list {}, nil, nil, nil, order))
    assert.is_nil(twilio.requests.find[2](nil, nil, nil, nil, order))
  end)
end)

describe("Twilio's requests about a live call", function()
  local account = { account = "AC0011", secret = "s3cret" }
  local base = "https://api.twilio.com/2010-04-01/Accounts/AC0011"

  it("give it another document, by URL or inline, never both", function()
    local request = twilio.requests.redirect[1]("CA1", account, { url = "https://x/next?a=1" })
    assert.equal(base .. "/Calls/CA1.json", request.url)
    local form = http.read_form(request.body)
    assert.same({ Url = "https://x/next?a=1", Method = "POST" }, form)
    form = http.read_form(twilio.requests.redirect[1]("CA1", account, { document = { { "dial", to = "+15550001" } } }).body)
    assert.matches("<Dial><Number>%+15550001</Number></Dial>", form.Twiml)
    assert.is_nil(form.Url)
  end)

  it("refuse a document that is too long to travel inside", function()
    local long = { { "say", ("x"):rep(4000) } }
    assert.error_matches(function() twilio.requests.redirect[1]("CA1", account, { document = long }) end, "use a url")
    assert.error_matches(function() place({ to = "+1", from = "+2", document = long }, account) end, "use a url")
  end)

  it("record it and stop that", function()
    local request = twilio.requests.record[1]("CA1", account, { status_url = "https://x/details?call=c1" })
    assert.equal(base .. "/Calls/CA1/Recordings.json", request.url)
    assert.same({ RecordingChannels = "dual", RecordingStatusCallback = "https://x/details?call=c1",
      RecordingStatusCallbackEvent = "completed" }, (http.read_form(request.body)))
    assert.same({ RecordingChannels = "dual" }, (http.read_form(twilio.requests.record[1]("CA1", account, {}).body)))
    request = twilio.requests.stop_recording[1]("CA1", account, "RE1")
    assert.equal(base .. "/Calls/CA1/Recordings/RE1.json", request.url)
    assert.equal("Status=stopped", request.body)
    assert.equal(base .. "/Calls/CA1/Recordings/Twilio.CURRENT.json", twilio.requests.stop_recording[1]("CA1", account).url)
  end)

  it("cannot send keys: that is done in sound", function() assert.is_nil(twilio.requests.send_digits) end)

  it("are done, or the carrier says why not", function()
    assert.is_true(twilio.requests.redirect[2] { status = 200, body = "{}" })
    assert.is_true(twilio.requests.redirect[2] { status = 201, body = "{}" })
    local ok, why = twilio.requests.redirect[2] { status = 400, body = '{"code":21220,"message":"not in progress"}' }
    assert.is_nil(ok)
    assert.equal("21220", why.code)
    assert.is_false(why.retryable)
    ok, why = twilio.requests.redirect[2] { status = 429, body = '{"code":20429,"message":"m"}' }
    assert.is_nil(ok)
    assert.is_true(why.retryable)
    ok, why = twilio.requests.redirect[2](nil, "ETIMEDOUT: x", "ETIMEDOUT")
    assert.is_nil(ok)
    assert.equal("ETIMEDOUT", why.code)
  end)

  local function recording(body) return twilio.webhook.recording { method = "POST", headers = {}, query = "", body = body } end

  it("are followed by news of the recording", function()
    assert.same({ carrier_call = "CA1", id = "RE1", url = "https://api.twilio.com/x/Recordings/RE1", seconds = 12,
      status = "completed" },
      (recording(http.form { { "CallSid", "CA1" }, { "RecordingSid", "RE1" }, { "RecordingStatus", "completed" },
        { "RecordingUrl", "https://api.twilio.com/x/Recordings/RE1" }, { "RecordingDuration", "12" } })))
    assert.equal("RecordingSid is missing", select(2, recording "CallSid=CA1"))
    assert.matches("RecordingUrl", select(2, recording "RecordingSid=RE1&RecordingStatus=completed"))
    assert.matches("RecordingUrl", select(2, recording "RecordingSid=RE1&RecordingUrl=file:///etc/passwd"))
  end)
end)
