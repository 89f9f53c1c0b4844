-- Plivo's adapter: signatures, webhooks, documents, requests and what their answers prove.

local crypto = require "callisto.crypto"
local formats = require "callisto.provider.media"
local http = require "callisto.http"
local json = require "callisto.json"
local plivo = require "providers.carriers.plivo"
local plivo_api = require "providers.shared.plivo_api"
local shared = require "callisto.shared"
local xml = require "callisto.xml"

local TOKEN, NONCE = "pl_demo_token_01", "88112233445566778899"
local BASE = "https://voice.example.com"
local ACCOUNT = { account = "MA1", secret = TOKEN }

local fetched = plivo.requests.fetch[2]

local serial = 0
local function fresh_nonce()
  serial = serial + 1
  return ("%020d"):format(serial)
end

-- The pairs that Plivo's own libraries are tested with.
local OFFICIAL_TOKEN, OFFICIAL_NONCE = "Y2Q2ZDgxZmY5YWRiOTI5YmQ1Njg0MTAxZWIyOTc4", "31627761595286130198"
local OFFICIAL = {
  { "Direction", "outbound" }, { "From", "19792014278" }, { "ALegUUID", "3e82ae9d-2c78-4d85-b1a4-6eae7dbafb36" },
  { "ALegRequestUUID", "3e82ae9d-2c78-4d85-b1a4-6eae7dbafb36" }, { "CallUUID", "3e82ae9d-2c78-4d85-b1a4-6eae7dbafb36" },
  { "RequestUUID", "3e82ae9d-2c78-4d85-b1a4-6eae7dbafb36" }, { "CallStatus", "in-progress" }, { "BillRate", "0.002" },
  { "ParentAuthID", "MANWVLYTK4ZWU1YTY4QA" },
  { "To", "sip:PlivoSignature382029104058171078704104@phone-qa.voice.plivodev.com" },
  { "SIP-H-To", "<sip:PlivoSignature382029104058171078704104@52.9.11.55;transport=udp>;tag=1" },
  { "SessionStart", "2020-04-08 11:34:33.238707" }, { "Event", "StartApp" },
}
local SITE = "https://plivobin.non-prod.plivops.com"

local function post(path, params, headers, query)
  headers["content-type"] = "application/x-www-form-urlencoded"
  return { method = "POST", path = path, query = query or "", headers = headers, body = http.form(params) }
end

local function verify(message, base, token)
  return plivo.webhook.verify(message, base or BASE, { account = "MA1", secret = token or TOKEN })
end

local function v3(signature, nonce)
  return { ["x-plivo-signature-v3"] = signature, ["x-plivo-signature-v3-nonce"] = nonce or NONCE }
end

describe("Plivo's signature", function()
  before_each(function() -- several of these vectors have the same nonce
    for _, nonce in ipairs { NONCE, OFFICIAL_NONCE } do shared.remove("plivo nonce " .. nonce) end
  end)

  it("is that of the carrier's own test of a POST with a query", function()
    local message = post("/api/v1/validate_signature03.xml/", OFFICIAL,
      v3("k7Pusd4OxCIjR5IfA9iedDNu/h/gbdYqdzG/MiYtd1c=", OFFICIAL_NONCE), "a=b&c=d")
    assert.is_true(verify(message, SITE, OFFICIAL_TOKEN))
  end)

  it("is that of the carrier's own test of a GET", function()
    local message = {
      method = "GET", path = "/api/v1/validate_signature03.xml", query = http.form(OFFICIAL), body = "",
      headers = v3("i/MQsaQSAd6fiKhOh2qeeeLHZ9faldADSb3/7+Akfbc=", OFFICIAL_NONCE),
    }
    assert.is_true(verify(message, SITE, OFFICIAL_TOKEN))
  end)

  it("sorts the values of a name that stands twice", function()
    local params = { { "CallUUID", "u1" }, { "Digits", "12" }, { "To", "b" }, { "To", "a" } }
    assert.equal("https://voice.example.com/plivo/gather?CallUUIDu1Digits12ToaTob." .. NONCE,
      plivo_api.text_v3("POST", BASE .. "/plivo/gather", {}, params, NONCE))
    assert.is_true(verify(post("/plivo/gather", params, v3 "XQWOB9YBUG1Mfplru/xrnNYGfePIbRkFICQx8emVUig=")))
  end)

  it("covers the query of a POST without parameters", function()
    assert.is_true(verify(post("/plivo/answer", {}, v3 "8xs4MQSYF1JFcCe+6YUCUJ0we39Gup5gGkQZyuuxhl4=", "lead=42")))
  end)

  for _, case in ipairs {
    { "https://answer.url", "12345", "my_auth_token", "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc=" },
    { "https://answer.url/", "12345", "my_auth_token", "do1CXv+k99A6+B+eTcyqbxWlezFIxJ/1vz72787r37g=" },
    { BASE .. "/plivo/hangup", NONCE, TOKEN, "YCf+VF/TC4UN/VH5Lt7IWybccjG39kX3O2jlTMhplXg=" },
  } do
    it("of the second version is over the URL without query: " .. case[1], function()
      assert.equal(case[4], plivo_api.signature(case[3], case[1] .. case[2]))
    end)
  end

  it("of the second version is taken, and that of another token is not", function()
    local once = fresh_nonce()
    local function given(token)
      return post("/plivo/hangup", { { "CallUUID", "u1" } }, {
        ["x-plivo-signature-v2"] = plivo_api.signature(token, BASE .. "/plivo/hangup" .. once),
        ["x-plivo-signature-v2-nonce"] = once,
      }, "lead=42")
    end
    assert.equal(403, select(3, verify(given "my_auth_tokens")))
    assert.is_true(verify(given(TOKEN)))
  end)

  local function signed(params, header, separator)
    local once = fresh_nonce()
    local right = plivo_api.signature(TOKEN, plivo_api.text_v3("POST", BASE .. "/plivo/answer", {}, params, once))
    local headers = { ["x-plivo-signature-v3-nonce"] = once }
    headers[header or "x-plivo-signature-v3"] = separator and "AAAA" .. separator .. right or right
    return post("/plivo/answer", params, headers)
  end

  it("may be that of the main account, and one of several", function()
    local params = { { "CallUUID", "u1" } }
    assert.is_true(verify(signed(params, "x-plivo-signature-ma-v3")))
    assert.is_true(verify(signed(params, nil, ",")))
    assert.is_true(verify(signed(params, nil, ", ")))
  end)

  it("keeps values without text and decodes what is encoded", function()
    assert.is_true(verify(signed { { "CallerName", "" }, { "Name", "Zoë & sons + co" } }))
  end)

  it("is refused when it is missing, wrong, or for something else", function()
    local params = { { "CallUUID", "u1" }, { "From", "14155550100" } }
    local without = post("/plivo/answer", params, {})
    assert.equal(401, select(3, verify(without)))
    assert.equal(401, select(3, verify(post("/plivo/answer", params, v3 ""))))
    assert.equal(403, select(3, verify(post("/plivo/answer", params, v3 "bm9uc2Vuc2U="))))
    local changed = signed(params)
    changed.body = changed.body .. "&More=1"
    assert.equal(403, select(3, verify(changed)))
    local elsewhere = signed(params)
    elsewhere.path = "/plivo/answer2"
    assert.equal(403, select(3, verify(elsewhere)))
    assert.equal(403, select(3, verify(signed(params), "https://other.example.com")))
    assert.equal(403, select(3, verify(signed(params), BASE, "another token")))
    local no_nonce = signed(params)
    no_nonce.headers["x-plivo-signature-v3-nonce"] = nil
    assert.equal(403, select(3, verify(no_nonce)))
  end)

  it("lets the same request in again, but its nonce with no other", function()
    local first = signed { { "CallUUID", "u1" } }
    assert.is_true(verify(first))
    assert.is_true(verify(first))
    local once = first.headers["x-plivo-signature-v3-nonce"]
    local other = post("/plivo/answer", { { "CallUUID", "u2" } },
      v3(plivo_api.signature(TOKEN, BASE .. "/plivo/answer?CallUUIDu2." .. once), once))
    local ok, why, status = verify(other)
    assert.is_nil(ok)
    assert.equal(403, status)
    assert.matches("nonce", why)
  end)

  it("is refused for a form with too many fields", function()
    local params = {}
    for index = 1, 600 do params[index] = { "p" .. index, "x" } end
    assert.equal(403, select(3, verify(post("/plivo/answer", params, v3 "AAAA"))))
  end)
end)

local function form(params) return post("/plivo/answer", params, {}) end

local RINGING = {
  { "CallUUID", "30852c23-1111" }, { "From", "14155550100" }, { "To", "912271264296" }, { "CallStatus", "ringing" },
  { "Direction", "inbound" }, { "Event", "StartApp" }, { "ParentAuthID", "MA1" },
}

describe("Plivo's webhooks", function()
  it("name a call, with numbers as we write them", function()
    local about = plivo.webhook.read(form(RINGING))
    assert.equal("30852c23-1111", about.carrier_call)
    assert.equal("+14155550100", about.from)
    assert.equal("+912271264296", about.to)
    assert.equal("INBOUND", about.direction)
    assert.is_false(about.status.is_terminal)
  end)

  it("may come as GET", function()
    local about = plivo.webhook.read { method = "GET", query = http.form(RINGING), headers = {}, body = "" }
    assert.equal("30852c23-1111", about.carrier_call)
  end)

  it("leave anything that is not a number as it is", function()
    for _, number in ipairs { "sip:asha@phone.plivo.com", "anonymous", "12345", "", "+14155550100" } do
      assert.equal(number, plivo.webhook.read(form { { "CallUUID", "u" }, { "From", number } }).from)
    end
  end)

  it("without a call are refused (pitfall 7)", function()
    for _, id in ipairs { "", "../x", ("a"):rep(65), "a b", "a\0b" } do
      assert.is_nil((plivo.webhook.read(form { { "CallUUID", id } })))
    end
    assert.is_nil((plivo.webhook.read(form {})))
    assert.is_nil((plivo.webhook.status(form { { "CallUUID", "u" } })))
  end)

  local CASES = {
    completed = { "ANSWERED", "COMPLETED" }, busy = { "NOT_ANSWERED", "BUSY" }, failed = { "NOT_ANSWERED", "FAILED" },
    timeout = { "NOT_ANSWERED", "NO_ANSWER" }, ["no-answer"] = { "NOT_ANSWERED", "NO_ANSWER" },
    cancel = { "NOT_ANSWERED", "CANCELED" },
  }
  for word, expected in pairs(CASES) do
    it("end a call with the word " .. word, function()
      local status = plivo.webhook.status(post("/plivo/callback/status", {
        { "CallUUID", "u" }, { "CallStatus", word }, { "Event", "Hangup" }, { "Duration", "7" }, { "HangupCauseCode", "4000" },
        { "HangupCauseName", "Normal Hangup" }, { "HangupSource", "Callee" },
      }, {}, "call=c7"))
      assert.equal(expected[1], status.status)
      assert.equal(expected[2], status.reason)
      assert.is_true(status.is_terminal)
      assert.equal("c7", status.call)
      assert.equal(7, status.seconds)
      assert.equal("Normal Hangup 4000, by Callee", status.cause)
    end)
  end

  it("tell of progress, each step once", function()
    local ring = plivo.webhook.status(form { { "CallUUID", "u" }, { "CallStatus", "ringing" }, { "Event", "Ring" } })
    local up = plivo.webhook.status(form { { "CallUUID", "u" }, { "CallStatus", "in-progress" }, { "Event", "StartApp" } })
    assert.is_false(ring.is_answered)
    assert.is_true(up.is_answered)
    assert.is_true(ring.sequence < up.sequence)
    assert.is_nil(plivo.webhook.status(form { { "CallStatus", "in-progress" }, { "Event", "Redirect" } }).sequence)
  end)

  it("tell of recordings in every shape that is seen", function()
    local expected = { carrier_call = "u1", url = "https://media.plivo.com/r.mp3", id = "r1", seconds = 12 }
    local fields = {
      { "RecordUrl", expected.url }, { "RecordingID", "r1" }, { "CallUUID", "u1" }, { "RecordingDuration", "12" },
    }
    assert.same(expected, plivo.webhook.recording(form(fields)))
    local lower = { record_url = expected.url, recording_id = "r1", call_uuid = "u1", recording_duration = 12 }
    assert.same(expected, plivo.webhook.recording(form { { "response", json.encode(lower) } }))
    assert.same(expected, plivo.webhook.recording {
      method = "POST", headers = { ["content-type"] = "application/json" }, body = json.encode(lower),
    })
    fields[4][2] = "-1"
    assert.is_nil(plivo.webhook.recording(form(fields)).seconds)
    for _, url in ipairs { "", "file:///etc/passwd" } do
      assert.is_nil((plivo.webhook.recording(form { { "RecordUrl", url } })))
    end
    assert.is_nil((plivo.webhook.recording(form { { "response", "no json" } })))
  end)
end)

local function written(document)
  local text, kind = plivo.webhook.answer(document)
  assert.equal("text/xml", kind)
  return xml.parse(text), text
end

describe("Plivo's documents", function()
  it("open a stream whose URL is the element's text, and keep the call alive", function()
    local root = written { { "stream", url = "wss://voice.example.com/ws/a/b?x=1&y=2", parameters = { { "call_id", "c12" },
      { "agent_name", "order-check" } } } }
    local stream = root[1]
    assert.equal("wss://voice.example.com/ws/a/b?x=1&y=2", stream.text)
    assert.is_nil(stream.attrs.url)
    assert.equal("true", stream.attrs.bidirectional)
    assert.equal("true", stream.attrs.keepCallAlive)
    assert.equal("inbound", stream.attrs.audioTrack)
    assert.equal("audio/x-mulaw;rate=8000", stream.attrs.contentType)
    assert.equal("86400", stream.attrs.streamTimeout)
    assert.equal("callid=c12", stream.attrs.extraHeaders)
  end)

  it("name every format as Plivo does", function()
    local types = {
      ["pcmu/8000"] = "audio/x-mulaw;rate=8000", ["l16/8000"] = "audio/x-l16;rate=8000", ["l16/16000"] = "audio/x-l16;rate=16000",
      ["l16be/8000"] = "audio/x-l16;rate=8000", ["l16be/16000"] = "audio/x-l16;rate=16000",
    }
    local count = 0
    for _, format in ipairs(formats.names(plivo.media)) do
      count = count + 1
      assert.equal(types[format], written({ { "stream", url = "wss://h/x", format = format } })[1].attrs.contentType)
    end
    assert.equal(5, count)
  end)

  it("send nothing in extraHeaders that may not stand there", function()
    local parameters = { { "to", "sip:x@y" }, { "a", "with blank" }, { "b", "" } }
    local root = written { { "stream", url = "wss://h/x", parameters = parameters } }
    assert.is_nil(root[1].attrs.extraHeaders)
  end)

  it("send several parameters in extraHeaders, up to 512 bytes, separated as the account says", function()
    local parameters = { { "lead_id", "c12" }, { "from_number", "+14155550100" }, { "long", ("x"):rep(600) }, { "last", 3 } }
    local function headers(account)
      local body = plivo.webhook.answer({ { "stream", url = "wss://h/x", parameters = parameters } }, account)
      return xml.parse(body)[1].attrs.extraHeaders
    end
    assert.equal("leadid=c12,fromnumber=14155550100,last=3", headers())
    assert.equal("leadid=c12,fromnumber=14155550100,last=3", headers {})
    assert.equal("leadid=c12;fromnumber=14155550100;last=3", headers { separator = ";" })
    for i = 1, 60 do parameters[i] = { "name" .. i, ("y"):rep(20) } end
    assert.is_true(#headers() <= 512)
  end)

  it("say, play, wait, press, collect, record and hang up", function()
    local root = written {
      { "say", "Fish & chips <now>", voice = "WOMAN", language = "en-US", loop = 2 }, { "play", "https://h/a.mp3", loop = 0 },
      { "pause", seconds = 5 }, { "play", "", digits = "1w2" },
      { "gather", digits = 1, timeout = 3, action = "https://h/keys?a=1&b=2", finish_on = "#", { "say", "Press one" } },
      { "record", action = "https://h/rec", longest = 60, finish_on = "*", beep = false, silence = 4 }, { "hangup" },
    }
    assert.equal("Fish & chips <now>", root[1].text)
    assert.equal("Speak", root[1].name)
    assert.equal("Wait", root[3].name)
    assert.equal("1w2", root[4].text)
    assert.equal("GetInput", root[5].name)
    assert.equal("5", root[5].attrs.executionTimeout) -- the least there is
    assert.equal("https://h/keys?a=1&b=2", root[5].attrs.action)
    assert.equal("Press one", root[5][1].text)
    assert.equal("60", root[6].attrs.maxLength)
    assert.equal("Hangup", root[7].name)
    assert.is_nil(root[7].attrs.reason)
  end)

  it("dial with digits, and record what was dialled", function()
    local root = written { { "dial", to = "+919800000001", caller_id = "+14150000002", timeout = 25, limit = 60,
      action = "https://h/dialed", whisper = "https://h/brief", record = true } }
    assert.equal("Record", root[1].name)
    assert.equal("true", root[1].attrs.startOnDialAnswer)
    local dial = root[2]
    assert.equal("14150000002", dial.attrs.callerId)
    assert.equal("https://h/brief", dial.attrs.confirmSound)
    assert.equal("1", dial.attrs.confirmKey)
    assert.equal("919800000001", dial[1].text)
    assert.equal("User", written({ { "dial", to = "sip:asha@phone.plivo.com" } })[1][1].name)
  end)

  it("join a room, and say what Plivo has no word for", function()
    local room = written({ { "conference", room = "room-42", end_on_exit = true, beep = true, most = 3 } })[1]
    assert.equal("room-42", room.text)
    assert.equal("true", room.attrs.endConferenceOnExit)
    assert.equal("3", room.attrs.maxMembers)
    assert.equal("beep:1", room.attrs.enterSound)
    assert.has_error(function() plivo.webhook.answer { { "conference", room = "r", coach = "u1" } } end,
      "Plivo has no word for 'coach' of the verb 'conference'")
  end)

  it("turn a call away", function()
    assert.equal("busy", written(plivo.webhook.refuse "busy")[1].attrs.reason)
    assert.equal("rejected", written({ { "reject" } })[1].attrs.reason)
    assert.equal("Closed.", written(plivo.webhook.refuse "Closed.")[1].text)
  end)
end)

local ORDER = {
  call = "c1", to = "+15550100", from = "+14155550100", ring = 25, longest = 600, url = BASE .. "/plivo/answer?call=c1",
  fallback_url = BASE .. "/plivo/callback/fallback?call=c1", status_url = BASE .. "/plivo/callback/status?call=c1",
}

describe("Plivo's REST interface", function()
  it("is asked to call somebody", function()
    local request = plivo.requests.place[1](ORDER, ACCOUNT)
    assert.equal("https://api.plivo.com/v1/Account/MA1/Call/", request.url)
    assert.equal("MA1", request.user)
    assert.equal(TOKEN, request.password)
    assert.same({
      from = "14155550100", to = "15550100", answer_url = ORDER.url, answer_method = "POST", fallback_url = ORDER.fallback_url,
      fallback_method = "POST", ring_url = ORDER.status_url, ring_method = "POST", hangup_url = ORDER.status_url,
      hangup_method = "POST", ring_timeout = 25, time_limit = 600,
    }, json.decode(request.body))
  end)

  it("withdraws a request before there is a call, and a call afterwards", function()
    assert.equal("https://api.plivo.com/v1/Account/MA1/Request/r1/", plivo.requests.hangup[1]("r1", ACCOUNT, true).url)
    assert.equal("https://api.plivo.com/v1/Account/MA1/Call/u1/", plivo.requests.hangup[1]("u1", ACCOUNT).url)
    assert.equal("DELETE", plivo.requests.hangup[1]("u1", ACCOUNT).method)
  end)

  it("can be somewhere else", function()
    assert.equal("http://127.0.0.1:9/v1/Account/MA1/Call/u1/",
      plivo.requests.fetch[1]("u1", { account = "MA1", secret = "x", api = "http://127.0.0.1:9/" }).url)
  end)

  it("moves, records and sends keys on a live call", function()
    local moved = plivo.requests.redirect[1]("u1", ACCOUNT, { url = "https://h/x" })
    assert.same({ legs = "aleg", aleg_url = "https://h/x", aleg_method = "POST" }, json.decode(moved.body))
    assert.has_error(function() plivo.requests.redirect[1]("u1", ACCOUNT, { document = {} }) end)
    assert.same({ digits = "12#", leg = "aleg" }, json.decode(plivo.requests.send_digits[1]("u1", ACCOUNT, "12#").body))
    assert.equal(14400, json.decode(plivo.requests.record[1]("u1", ACCOUNT, { status_url = "https://h/r" }).body).time_limit)
    assert.equal("DELETE", plivo.requests.stop_recording[1]("u1", ACCOUNT, "r1").method)
  end)

  local PLACED = {
    { "call fired", { status = 201, body = '{"message":"call fired","request_uuid":"r1","api_id":"a"}' }, "placed", "r1" },
    { "queued", { status = 201, body = '{"message":"call queued","request_uuid":"r1"}' }, "placed", "r1" },
    { "several", { status = 201, body = '{"message":"calls fired","request_uuid":["r1","r2"]}' }, "placed", "r1" },
    { "an answer that names no call", { status = 201, body = "{}" }, "unknown" },
    { "an answer that is not JSON", { status = 200, body = "<html>" }, "unknown" },
    { "an id of another type", { status = 201, body = '{"request_uuid":{"a":1}}' }, "unknown" },
    { "a number that is none", { status = 400, body = '{"error":"to parameter is not valid"}' }, "not_placed", nil, true },
    { "bad credentials", { status = 401, body = '{"error":"auth"}' }, "not_placed" },
    { "too many requests", { status = 429, body = '{"error":"slow down"}' }, "not_placed" },
    { "a carrier that fails", { status = 500, body = "" }, "unknown" },
    { "an error of another shape", { status = 403, body = '{"error":{"code":7,"message":[]}}' }, "not_placed" },
  }
  for _, case in ipairs(PLACED) do
    it("says whether a call was placed: " .. case[1], function()
      local class, id, why = plivo.requests.place[2](case[2])
      assert.equal(case[3], class)
      assert.equal(case[4], id)
      if class ~= "placed" then
        assert.equal(case[5] or false, why.is_about_number or false)
        assert.equal(case[2].status == 429 or case[2].status >= 500, why.retryable)
      end
    end)
  end

  it("says whether a request that had no answer may have placed a call", function()
    assert.equal("not_placed", (plivo.requests.place[2](nil, "refused", "ECONNREFUSED", false)))
    assert.equal("unknown", (plivo.requests.place[2](nil, "time-out", "ETIMEDOUT", true)))
    assert.equal("unknown", (plivo.requests.place[2](nil, "time-out", "ETIMEDOUT")))
  end)

  it("hangs up once or twice (pitfall 26)", function()
    assert.is_true(plivo.requests.hangup[2] { status = 204, body = "" })
    assert.is_true(plivo.requests.hangup[2] { status = 404, body = '{"error":"not found"}' })
    assert.is_true(select(2, plivo.requests.hangup[2] { status = 503, body = "" }).retryable)
    assert.is_true(select(2, plivo.requests.hangup[2](nil, "time-out", "ETIMEDOUT")).retryable)
    assert.is_false(select(2, plivo.requests.hangup[2] { status = 401, body = "" }).retryable)
  end)

  local function record(more)
    local body = { call_uuid = "u1", end_time = "2026-03-03 10:15:00+00:00", answer_time = json.null, bill_duration = 0 }
    for name, value in pairs(more) do body[name] = value end
    return { status = 200, body = json.encode(body) }
  end

  it("tells of a call by its record, which there is when it is over", function()
    local answered = fetched(record { answer_time = "2026-03-03 10:14:00+00:00", call_duration = 60, bill_duration = 60,
      hangup_cause_code = 4000, hangup_cause_name = "Normal Hangup" })
    assert.equal("COMPLETED", answered.reason)
    assert.equal(60, answered.seconds)
    assert.equal("Normal Hangup 4000", answered.cause)
    for code, reason in pairs { [3000] = "NO_ANSWER", [6010] = "NO_ANSWER", [3010] = "BUSY", [3100] = "BUSY", [1000] = "CANCELED",
      [2000] = "FAILED", [5010] = "FAILED" } do
      assert.equal(reason, fetched(record { hangup_cause_code = code }).reason)
    end
    assert.equal("FAILED", fetched(record {}).reason)
    assert.is_false(fetched({ status = 404, body = '{"error":"not found"}' }).is_terminal)
    assert.is_false(fetched(record { end_time = json.null }).is_terminal)
    assert.is_false(fetched({ status = 200, body = '{"call_uuid":"u1","call_status":"in-progress"}' }).is_terminal)
    assert.is_nil((plivo.requests.fetch[2] { status = 200, body = "[]" }))
    assert.is_nil((plivo.requests.fetch[2] { status = 500, body = "" }))
    assert.is_nil((fetched(nil, "time-out", "ETIMEDOUT")))
  end)

  it("finds a call by its numbers and its time", function()
    local call = { to = "+15550100", from = "+14155550100", placed_at = 1772532900 } -- 2026-03-03 10:15:00 UTC
    local request = plivo.requests.find[1](call, ACCOUNT)
    assert.matches("to_number=15550100", request.url, 1, true)
    local function row(id, time, more)
      local one = { call_uuid = id, initiation_time = time, call_direction = "outbound", to_number = "15550100",
        from_number = "+14155550100" }
      for name, value in pairs(more or {}) do one[name] = value end
      return one
    end
    local function found(...)
      local answer = { status = 200, body = json.encode { objects = { ... } } }
      return plivo.requests.find[2](answer, nil, nil, nil, call)
    end
    assert.equal("mine", found(row("later", "2026-03-03 15:47:00+05:30"), row("mine", "2026-03-03 15:45:01+05:30"),
      row("before", "2026-03-03 15:40:00+05:30")))
    assert.equal("mine", found(row("mine", "2026-03-03 10:15:00.123456")))
    assert.is_nil(found(row("mine", "2026-03-03 10:15:01+00:00", { to_number = "15550101" })))
    assert.is_nil(found(row("mine", "2026-03-03 10:15:01+00:00", { call_direction = "inbound" })))
    assert.is_nil(found(row("mine", "no time")))
    assert.is_nil((plivo.requests.find[2]({ status = 200, body = '{"objects":[7,"x",{}]}' }, nil, nil, nil, call)))
    assert.is_nil((plivo.requests.find[2](nil, nil, nil, nil, call)))
  end)
end)

it("Plivo's signature is of SHA-256", function()
  assert.equal(crypto.base64(crypto.hmac("sha256", "k", "t")), plivo_api.signature("k", "t"))
end)
