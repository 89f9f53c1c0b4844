-- Telnyx's adapter: signatures, webhooks, documents, requests and what their answers prove.

local clock = require "spec.support.clock"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local telnyx = require "providers.carriers.telnyx"
local xml = require "callisto.xml"

-- The first test key of RFC 8032.
local KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
local OTHER_KEY = "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="
local AT = 1735689600

local initiated = '{"data":{"event_type":"call.initiated","id":"0ccc7b54-4df3-4bca-a65a-3da1ecc777f0",'
  .. '"occurred_at":"2026-01-01T00:00:00.000000Z","payload":{"call_control_id":"v3:abc","direction":"incoming",'
  .. '"from":"+919800000001","to":"+918000000002","state":"parked"},"record_type":"event"},'
  .. '"meta":{"attempt":1,"delivered_to":"https://voice.example.com/telnyx/voice"}}'
local hangup = '{"data":{"event_type":"call.hangup","id":"e2","payload":{"call_control_id":"v3:abc",'
  .. '"hangup_cause":"normal_clearing","hangup_source":"callee","state":"hangup"},"record_type":"event"}}'
local SIGNED = "KO3dy0nohHkFPT/j3ubem0JeSslvQTNugqVwxCgNJf0xM2wY2utUrMRo3dmvzYqj+KrnTL1H6zkS/7eQsPYcAQ=="

local function message(body, signature, time, more)
  local given = {
    method = "POST", path = "/telnyx/answer", query = "", body = body,
    headers = { ["telnyx-signature-ed25519"] = signature, ["telnyx-timestamp"] = time or tostring(AT),
      ["content-type"] = "application/x-www-form-urlencoded" },
  }
  for name, value in pairs(more or {}) do given[name] = value end
  return given
end

local function verify(given, key)
  return telnyx.webhook.verify(given, "https://voice.example.com", { public_key = key or KEY, secret = "KEY1" })
end

describe("Telnyx's signature", function()
  before_each(function() clock.shows(AT) end)
  after_each(clock.runs)

  for _, case in ipairs {
    { "1", KEY, AT, initiated, SIGNED },
    { "2", KEY, AT + 60, hangup,
      "yPKnGlfwXqRzMrGmnLipZXgKJXYT402Jo71dIAObKJLAJvcp8A6oahiO2uG4O8SnBpiNsC5zm4C0DihaDuJzCg==" },
    { "3: an empty body", OTHER_KEY, AT, "",
      "iloc2DjETY3RwYrxUNE+ff2oZyCi9tme7kIaPLieLSBcgfCwV0gKi/hpyyHvcAvss0dcNA/pmvz5YsCKO8emAw==" },
  } do
    it("accepts vector " .. case[1], function()
      clock.shows(case[3])
      assert.is_true(verify(message(case[4], case[5], tostring(case[3])), case[2]))
    end)
  end

  it("refuses vector 4: another body", function() assert.equal(403, select(3, verify(message(hangup, SIGNED)))) end)

  it("refuses vector 5: 301 seconds old, or 301 ahead; 300 are well", function()
    for offset, is_good in pairs { [300] = true, [-300] = true, [301] = false, [-301] = false } do
      clock.shows(AT + offset)
      local ok, why, status = verify(message(initiated, SIGNED))
      assert.equal(is_good or nil, ok)
      if not is_good then
        assert.equal(403, status)
        assert.matches("300 seconds", why)
      end
    end
  end)

  for _, case in ipairs {
    { "no signature", message(initiated, nil), 401, "no Telnyx%-Signature%-Ed25519" },
    { "an empty signature", message(initiated, ""), 401, "no Telnyx%-Signature%-Ed25519" },
    { "no time", message(initiated, SIGNED, ""), 403, "Timestamp" },
    { "a time that is not a number", message(initiated, SIGNED, "1735689600.0"), 403, "Timestamp" },
    { "a time of a hundred digits", message(initiated, SIGNED, ("9"):rep(100)), 403, "Timestamp" },
    { "a signature that is not base64", message(initiated, "***"), 403, "TELNYX_PUBLIC_KEY" },
    { "a signature that is too short", message(initiated, SIGNED:sub(1, 84)), 403, "TELNYX_PUBLIC_KEY" },
    { "a changed signature", message(initiated, "L" .. SIGNED:sub(2)), 403, "TELNYX_PUBLIC_KEY" },
    { "another time", message(initiated, SIGNED, tostring(AT + 1)), 403, "TELNYX_PUBLIC_KEY" },
    { "another body", message(initiated .. " ", SIGNED), 403, "TELNYX_PUBLIC_KEY" },
    { "a GET, which is not covered", message("", SIGNED, nil, { method = "GET", query = "CallSid=v3:a" }), 403, "POST" },
  } do
    it("refuses " .. case[1], function()
      local ok, why, status = verify(case[2])
      assert.is_nil(ok)
      assert.equal(case[3], status)
      assert.matches(case[4], why)
    end)
  end

  it("needs the right key, and names one that is none", function()
    assert.equal(403, select(3, verify(message(initiated, SIGNED), OTHER_KEY)))
    for _, key in ipairs { "", "no base64!", "c2hvcnQ=" } do
      assert.matches("TELNYX_PUBLIC_KEY is not a key", (select(2, verify(message(initiated, SIGNED), key))))
    end
  end)
end)

describe("TeXML", function()
  local function write(document) return (telnyx.webhook.answer(document):gsub("^<%?xml.-%?>%s*", ""):gsub("%s+$", "")) end

  it("asks for a two-way stream of raw audio that is not opened again", function()
    local root = xml.parse((telnyx.webhook.answer {
      { "stream", url = "wss://v.example.com/ws/telnyx/a/b", format = "pcmu/8000", parameters = { { "lead_id", "a&b" } } },
      { "say", "Sorry." }, { "hangup" },
    }))
    local stream = root[1][1]
    assert.same({
      url = "wss://v.example.com/ws/telnyx/a/b", track = "inbound_track", codec = "PCMU", bidirectionalMode = "rtp",
      bidirectionalCodec = "PCMU", enableReconnect = "false",
    }, stream.attrs)
    assert.same({ name = "lead_id", value = "a&b" }, stream[1].attrs)
    assert.equal("Sorry.", root[2].text)
    assert.equal("Hangup", root[3].name)
  end)

  for format, case in pairs {
    ["pcmu/8000"] = { "PCMU", nil, "pcmu" }, ["pcma/8000"] = { "PCMA", nil, "pcma" },
    ["l16/16000"] = { "L16", "16000", "l16be" }, ["l16le/16000"] = { "L16", "16000", "l16le" },
  } do
    it("asks for what the format " .. format .. " reads", function()
      local stream = xml.parse((telnyx.webhook.answer { { "stream", url = "wss://x/y", format = format } }))[1][1]
      assert.equal(case[1], stream.attrs.codec)
      assert.equal(case[1], stream.attrs.bidirectionalCodec)
      assert.equal(case[2], stream.attrs.bidirectionalSamplingRate)
      local media = telnyx.media[format]
      assert.equal(case[3], media.encoding)
      assert.same({ "start.media_format.encoding", case[1] }, media.start_in.encoding)
      assert.equal(media.rate, media.start_in.rate[2])
      assert.equal(media.rate / 50 * (media.encoding:find "l16" and 2 or 1), media.chunk_min)
    end)
  end

  for _, case in ipairs {
    { { { "reject", reason = "busy" } }, '<Response><Reject reason="busy"/></Response>' },
    { { { "gather", { "say", "Hi" }, digits = 1, timeout = 5 } },
      '<Response><Gather input="dtmf" numDigits="1" timeout="5"><Say>Hi</Say></Gather></Response>' },
    { { { "dial", to = "+15550001", caller_id = "+15550002", timeout = 25, action = "/dialed" } },
      '<Response><Dial callerId="+15550002" timeout="25" action="/dialed"><Number>+15550001</Number></Dial></Response>' },
    { { { "conference", room = "r-1", label = "agent", end_on_exit = true } },
      '<Response><Dial><Conference participantLabel="agent" endConferenceOnExit="true">r-1</Conference></Dial></Response>' },
    { { { "record", action = "/rec", longest = 120 } }, '<Response><Record action="/rec" maxLength="120"/></Response>' },
  } do
    it("writes " .. case[1][1][1], function() assert.equal(case[2], write(case[1])) end)
  end

  it("refuses what it has no word for", function()
    for field, document in pairs {
      action = { { "stream", url = "wss://x/y", action = "/next" } },
      on_empty = { { "gather", on_empty = true } },
      coach = { { "conference", room = "r", coach = "v3:a" } },
    } do
      assert.error_matches(function() telnyx.webhook.answer(document) end, "TeXML has no word for '" .. field .. "'")
    end
    assert.error_matches(function() telnyx.webhook.answer { { "steam", url = "x" } } end, "did you mean 'stream'")
  end)
end)

describe("Telnyx's webhooks", function()
  local function form(list, more)
    local given = { method = "POST", query = "", headers = {}, body = http.form(list) }
    for name, value in pairs(more or {}) do given[name] = value end
    return given
  end

  it("name a call by its call control id", function()
    local about = telnyx.webhook.read(form {
      { "CallSid", "v3:9X2vxP-DF_Y2" }, { "From", "+919800000001" }, { "To", "+918000000002" },
      { "CallStatus", "ringing" }, { "AccountSid", "a1" } })
    assert.equal("v3:9X2vxP-DF_Y2", about.carrier_call)
    assert.equal("+919800000001", about.from)
    assert.equal("+918000000002", about.to)
    assert.equal("INBOUND", about.direction)
  end)

  for name, list in pairs {
    ["no id"] = { { "From", "+1" } }, ["an empty id"] = { { "CallSid", "" } },
    ["an id that is none"] = { { "CallSid", "../v3:a" } }, ["a huge id"] = { { "CallSid", "v3:" .. ("a"):rep(300) } },
  } do
    it("with " .. name .. " are refused", function()
      local about, why = telnyx.webhook.read(form(list))
      assert.is_nil(about)
      assert.matches("CallSid", why)
    end)
  end

  it("with fields that come twice, or that nobody knows, are read", function()
    local about = telnyx.webhook.read(form { { "CallSid", "v3:a" }, { "From", "+1" }, { "From", "+2" }, { "NewThing", "x" } })
    assert.equal("+2", about.from)
  end)

  for _, case in ipairs {
    { "completed", "ANSWERED", "COMPLETED", true, true },
    { "busy", "NOT_ANSWERED", "BUSY", true, false },
    { "no-answer", "NOT_ANSWERED", "NO_ANSWER", true, false },
    { "failed", "NOT_ANSWERED", "FAILED", true, false },
    { "canceled", "NOT_ANSWERED", "CANCELED", true, false },
    { "initiated", nil, nil, false, false },
    { "ringing", nil, nil, false, false },
    { "answered", nil, nil, false, true },
    { "in-progress", nil, nil, false, true },
    { "something-new", nil, nil, false, false },
  } do
    it("have the status " .. case[1], function()
      local status = telnyx.webhook.status(form({
        { "CallSid", "v3:a" }, { "CallStatus", case[1] }, { "SequenceNumber", "3" }, { "CallDuration", "12" },
        { "HangupSource", "callee" }, { "SipResponseCode", "486" },
      }, { query = "call=cabc" }))
      assert.equal(case[2], status.status)
      assert.equal(case[3], status.reason)
      assert.equal(case[4], status.is_terminal)
      assert.equal(case[5], status.is_answered)
      assert.equal(3, status.sequence)
      assert.equal(12, status.seconds)
      assert.equal("cabc", status.call)
      assert.equal("v3:a", status.carrier_call)
      assert.equal("hung up by callee, SIP 486", status.cause)
    end)
  end

  it("without a status are not statuses", function() assert.is_nil(telnyx.webhook.status(form { { "CallSid", "v3:a" } })) end)

  it("tell of a recording", function()
    assert.same({ carrier_call = "v3:a", id = "r1", url = "https://files.example.com/r1.mp3?sig=1", seconds = 9 },
      (telnyx.webhook.recording(form { { "CallSid", "v3:a" }, { "RecordingSid", "r1" }, { "RecordingDuration", "9" },
        { "RecordingUrl", "https://files.example.com/r1.mp3?sig=1" } })))
    assert.is_nil(telnyx.webhook.recording(form { { "RecordingSid", "r1" } }))
  end)
end)

describe("Telnyx's interface", function()
  local account = { account = "acc-1", application = "1494", secret = "KEY1", public_key = KEY }
  local calls = "https://api.telnyx.com/v2/texml/Accounts/acc-1/Calls"

  it("places a call by URL, fetched with POST so that its signature covers it", function()
    local request = telnyx.requests.place[1]({
      to = "+15550001", from = "+15550002", ring = 200, longest = 20, url = "https://x/answer?call=c1",
      fallback_url = "https://x/fallback?call=c1", status_url = "https://x/status?call=c1",
    }, account)
    assert.equal("POST", request.method)
    assert.equal(calls, request.url)
    assert.equal("Bearer KEY1", request.headers.authorization)
    assert.same({
      ApplicationSid = "1494", To = "+15550001", From = "+15550002", Url = "https://x/answer?call=c1", UrlMethod = "POST",
      FallbackUrl = "https://x/fallback?call=c1", StatusCallback = "https://x/status?call=c1", StatusCallbackMethod = "POST",
      StatusCallbackEvent = "initiated ringing answered completed", Timeout = 120, TimeLimit = 30,
    }, (json.decode(request.body)))
  end)

  it("places a call with its document", function()
    local request = telnyx.requests.place[1]({ to = "+1", from = "+2", url = "https://x", document = { { "hangup" } } }, account)
    local order = json.decode(request.body)
    assert.matches("<Hangup/>", order.Texml)
    assert.is_nil(order.Url)
    assert.is_nil(order.UrlMethod)
  end)

  it("is found elsewhere when the settings say so", function()
    local request = telnyx.requests.fetch[1]("v3:a", { account = "acc-1", secret = "s", api = "http://127.0.0.1:8090/" })
    assert.equal("http://127.0.0.1:8090/v2/texml/Accounts/acc-1/Calls/v3:a", request.url)
    assert.equal("GET", request.method)
  end)

  local function errors(code, pointer)
    local source = pointer and { pointer = pointer } or nil
    return json.encode { errors = { { code = code, title = "t", detail = "d", source = source } } }
  end

  for _, case in ipairs {
    { "200 with an id", { status = 200, body = '{"sid":"v3:a"}' }, nil, "placed" },
    { "200 with an id inside", { status = 200, body = '{"data":{"call_control_id":"v3:a"}}' }, nil, "placed" },
    { "200 as documented, naming none", { status = 200, body = '{"from":"+2","to":"+1","status":"queued"}' }, nil, "placed" },
    { "200 with rubbish", { status = 200, body = "<html>" }, nil, "unknown", "EBADMSG" },
    { "500", { status = 500, body = "" }, nil, "unknown", "HTTP 500", true },
    { "a redirect", { status = 302, body = "" }, nil, "unknown" },
    { "401", { status = 401, body = errors "10009" }, nil, "not_placed", "10009", false },
    { "422", { status = 422, body = errors("10015", "/Url") }, nil, "not_placed", "10015", false },
    { "the limit of calls at once", { status = 422, body = errors "90041" }, nil, "not_placed", "90041", true },
    { "429", { status = 429, body = errors "10011" }, nil, "not_placed", "10011", true },
    { "a code that is a number", { status = 403, body = '{"errors":[{"code":10039}]}' }, nil, "not_placed", "10039", false },
    { "errors that are none", { status = 422, body = '{"errors":"x"}' }, nil, "not_placed", "HTTP 422", false },
    { "no answer", nil, { "ETIMEDOUT: x", "ETIMEDOUT", true }, "unknown", "ETIMEDOUT" },
    { "no connection", nil, { "ECONNREFUSED: x", "ECONNREFUSED", false }, "not_placed", "ECONNREFUSED", true },
  } do
    it("says whether the phone may ring: " .. case[1], function()
      local class, id, why = telnyx.requests.place[2](case[2], unpack(case[3] or {}))
      assert.equal(case[4], class)
      assert.equal(case[1]:find "with an id" and "v3:a" or nil, id)
      if case[5] then assert.equal(case[5], why.code) end
      if case[6] ~= nil then assert.equal(case[6], why.retryable) end
    end)
  end

  it("knows an error that is about the number called from one about ours", function()
    local function about(pointer)
      return select(3, telnyx.requests.place[2] { status = 422, body = errors("10016", pointer) }).is_about_number
    end
    assert.is_true(about "/To")
    assert.is_true(about(nil))
    assert.is_nil(about "/From")
  end)

  it("hangs up with a command of the voice interface", function()
    local request = telnyx.requests.hangup[1]("v3:a", account)
    assert.equal("https://api.telnyx.com/v2/calls/v3:a/actions/hangup", request.url)
    assert.equal("{}", request.body)
    assert.equal("Bearer KEY1", request.headers.authorization)
  end)

  for _, case in ipairs {
    { "200", { status = 200, body = '{"data":{"result":"ok"}}' }, true },
    { "pitfall 26: 90018", { status = 422, body = errors "90018" }, true },
    { "pitfall 26: 404", { status = 404, body = errors "10005" }, true },
    { "401", { status = 401, body = errors "10009" }, nil },
    { "500", { status = 500, body = "" }, nil },
    { "no answer", nil, nil },
  } do
    it("knows when a call was hung up: " .. case[1], function() assert.equal(case[3], (telnyx.requests.hangup[2](case[2]))) end)
  end

  it("reads a call that was asked for", function()
    local body = '{"sid":"v3:a","status":"completed","duration":"7"}'
    assert.equal("COMPLETED", telnyx.requests.fetch[2]({ status = 200, body = body }).reason)
    assert.equal("UNKNOWN", telnyx.requests.fetch[2]({ status = 404, body = "" }).status)
    assert.is_nil(telnyx.requests.fetch[2]({ status = 500, body = "" }))
    assert.is_nil(telnyx.requests.fetch[2](nil, "ETIMEDOUT: x", "ETIMEDOUT"))
  end)

  it("finds the call whose id it does not know", function()
    local order = { to = "+1", from = "+2", placed_at = 1772532900 }
    assert.equal(calls .. "?To=%2B1&From=%2B2&PageSize=20", telnyx.requests.find[1](order, account).url)
    local function call(sid, date, to, direction)
      return { sid = sid, to = to or "+1", from = "+2", direction = direction or "outbound", date_created = date }
    end
    assert.equal("v3:2", telnyx.requests.find[2]({ status = 200, body = json.encode { calls = {
      call("v3:3", "2026-03-03T10:20:00Z"), call("v3:2", "2026-03-03T10:15:01Z"), call("v3:1", "2026-03-03T10:05:00Z"),
      call("v3:0", "2026-03-03T10:15:00Z", "+9"), call("v3:i", "2026-03-03T10:15:00Z", "+1", "inbound"),
    } } }, nil, nil, nil, order))
    assert.equal("v3:2", telnyx.requests.find[2]({ status = 200,
      body = json.encode { calls = { call("v3:2", "Tue, 03 Mar 2026 10:15:01 +0000") } } }, nil, nil, nil, order))
    assert.is_nil(telnyx.requests.find[2]({ status = 200, body = '{"calls":[]}' }, nil, nil, nil, order))
    assert.is_nil(telnyx.requests.find[2](nil, nil, nil, nil, order))
  end)

  it("gives a live call another document", function()
    local request = telnyx.requests.redirect[1]("v3:a", account, { url = "https://x/next" })
    assert.equal(calls .. "/v3:a", request.url)
    assert.same({ Url = "https://x/next", Method = "POST" }, (http.read_form(request.body)))
    local inline = telnyx.requests.redirect[1]("v3:a", account, { document = { { "hangup" } } })
    assert.matches("<Hangup/>", http.read_form(inline.body).Texml)
  end)

  it("sends keys beside the stream", function()
    local request = telnyx.requests.send_digits[1]("v3:a", account, "1w2#")
    assert.equal("https://api.telnyx.com/v2/calls/v3:a/actions/send_dtmf", request.url)
    assert.same({ digits = "1w2#" }, (json.decode(request.body)))
  end)

  it("starts and stops a recording", function()
    local request = telnyx.requests.record[1]("v3:a", account, { status_url = "https://x/details" })
    assert.equal(calls .. "/v3:a/Recordings.json", request.url)
    assert.equal("https://x/details", http.read_form(request.body).RecordingStatusCallback)
    request = telnyx.requests.stop_recording[1]("v3:a", account, "r-1")
    assert.equal(calls .. "/v3:a/Recordings/r-1.json", request.url)
    assert.equal("Status=stopped", request.body)
    assert.equal("https://api.telnyx.com/v2/calls/v3:a/actions/record_stop",
      telnyx.requests.stop_recording[1]("v3:a", account).url)
  end)

  it("says what came of it", function()
    assert.is_true(telnyx.requests.redirect[2] { status = 200, body = "{}" })
    local ok, why = telnyx.requests.redirect[2] { status = 422, body = errors "90018" }
    assert.is_nil(ok)
    assert.equal("90018", why.code)
    ok, why = telnyx.requests.redirect[2](nil, "ETIMEDOUT: x", "ETIMEDOUT")
    assert.is_nil(ok)
    assert.is_true(why.retryable)
  end)
end)

describe("Telnyx's key at the exchange", function()
  it("is one the adapter takes", function()
    local seed = crypto.digest("sha256", "callisto exchange KEY1")
    clock.shows(AT)
    finally(clock.runs)
    local signature = crypto.base64(crypto.ed25519_sign(seed, AT .. "|CallSid=v3%3Aa"))
    local key = crypto.base64(crypto.ed25519_public(seed))
    assert.is_true(verify(message("CallSid=v3%3Aa", signature), key))
  end)
end)
