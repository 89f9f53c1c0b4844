-- Exotel's adapter: who may ask, webhooks, documents, requests and what their answers prove.

local crypto = require "callisto.crypto"
local exotel = require "providers.carriers.exotel"
local formats = require "callisto.provider.media"
local http = require "callisto.http"
local json = require "callisto.json"

local account = { account = "acme1", key = "exkey0001", token = "extoken0001", secret = "s3cret/+&", number = "08000000002" }

local function message(method, query, body, kind, headers)
  local all = { ["content-type"] = kind }
  for name, value in pairs(headers or {}) do all[name] = value end
  return {
    method = method, path = "/telephony/exotel/inbound/sales", query = query or "", body = body or "",
      headers = all,
    peer = "203.0.113.77:4711",
  }
end

local function multipart(fields)
  local parts = {}
  for _, pair in ipairs(fields) do
    parts[#parts + 1] = ('--xYz\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'):format(pair[1], pair[2])
  end
  return table.concat(parts) .. "--xYz--\r\n", "multipart/form-data; boundary=xYz"
end

describe("Exotel's requests", function()
  local base = "https://voice.example.com"

  it("are known by the secret in their URL", function()
    assert.is_true(exotel.webhook.verify(message("GET", "CallSid=1&token=s3cret%2F%2B%26"), base, account))
  end)

  it("are known by the password of their URL", function()
    local basic = "Basic " .. crypto.base64 "exotel:s3cret/+&"
    assert.is_true(exotel.webhook.verify(message("GET", "CallSid=1", "", nil, { authorization = basic }), base, account))
    -- The example of the carrier's page.
    local example = { secret = "extoken0001" }
    assert.is_true(exotel.webhook.verify(message("GET", "", "", nil, { authorization = "Basic ZXhrZXkwMDAxOmV4dG9rZW4wMDAx" }),
      base, example))
  end)

  for name, case in pairs {
    ["no secret"] = { "CallSid=1", nil, 401 }, ["another secret"] = { "token=guess", nil, 403 },
    ["an empty secret"] = { "token=", nil, 403 }, ["a longer secret"] = { "token=s3cret%2F%2B%26x", nil, 403 },
    ["another password"] = { "", "Basic ZXhvdGVsOm5v", 403 }, ["rubbish for a password"] = { "", "Basic ****", 401 },
    ["a scheme that is not known"] = { "", "Bearer s3cret/+&", 401 },
  } do
    it("are refused with " .. name, function()
      local ok, why, status = exotel.webhook.verify(message("GET", case[1], "", nil, { authorization = case[2] }), base, account)
      assert.is_nil(ok)
      assert.matches("EXOTEL_WEBHOOK_SECRET", why)
      assert.equal(case[3], status)
    end)
  end

  for list, is_good in pairs {
    ["203.0.113.77"] = true, ["198.51.100.1, 203.0.113.0/24"] = true, ["203.0.112.0/23"] = true, ["0.0.0.0/0"] = true,
    ["203.0.113.78"] = false, ["203.0.113.0/26"] = false, ["rubbish"] = false, ["2001:db8::/32"] = false,
  } do
    it("come from a listed address: " .. list, function()
      local listed = { secret = "s", addresses = list }
      local ok, why, status = exotel.webhook.verify(message("GET", "token=s"), base, listed)
      assert.equal(is_good or nil, ok)
      if not is_good then
        assert.matches("203.0.113.77:4711 is not in EXOTEL_ADDRESSES", why)
        assert.equal(403, status)
      end
    end)
  end

  it("of an address that cannot be read are not from the list", function()
    local about = message("GET", "token=s")
    about.peer = "[2001:db8::1]:99"
    assert.is_nil(exotel.webhook.verify(about, base, { secret = "s", addresses = "203.0.113.0/24" }))
    about.peer = "::ffff:203.0.113.9"
    assert.is_true(exotel.webhook.verify(about, base, { secret = "s", addresses = "203.0.113.0/24" }))
  end)

  local form = {
    { "CallSid", "ca-1" }, { "CallFrom", "09800000001" }, { "CallTo", "08000000002" }, { "Direction", "incoming" },
  }
  local body, kind = multipart(form)
  for name, given in pairs {
    ["a query"] = { "GET", http and http.form(form) },
    ["a form"] = { "POST", "", http and http.form(form), "application/x-www-form-urlencoded" },
    ["multipart"] = { "POST", "", body, kind },
    ["JSON"] = { "POST", "", '{"CallSid":"ca-1","CallFrom":"09800000001","CallTo":"08000000002"}', "application/json" },
    ["JSON without a type"] = { "POST", "", '{"CallSid":"ca-1","From":"+919800000001","To":"918000000002"}' },
    ["both query and form"] = { "POST", "CallSid=ca-1&From=09800000001", "DialWhomNumber=08000000002",
      "application/x-www-form-urlencoded" },
  } do
    it("ask for a socket in " .. name, function()
      assert.same({ carrier_call = "ca-1", from = "+919800000001", to = "+918000000002", direction = "INBOUND" },
        exotel.webhook.read(message(unpack(given))))
    end)
  end

  it("of our own outbound call bring our id back", function()
    local about = exotel.webhook.read(message("GET", "CallSid=ca-1&Direction=outbound-dial&CustomField=cabc"))
    assert.same({ "OUTBOUND", "cabc" }, { about.direction, about.call })
  end)

  for name, given in pairs {
    ["nothing"] = { "GET", "" }, ["rubbish"] = { "POST", "", "{{", "application/json" },
    ["an id with a path in it"] = { "GET", "CallSid=../x" }, ["an id without end"] = { "GET", "CallSid=" .. ("a"):rep(65) },
    ["an id of another type"] = { "POST", "", '{"CallSid":{"a":1}}' },
    ["multipart without a boundary"] = { "POST", "", body, "multipart/form-data" },
    ["multipart of another boundary"] = { "POST", "", body, "multipart/form-data; boundary=zzz" },
  } do
    it("say what is missing in " .. name, function()
      local about, why = exotel.webhook.read(message(unpack(given)))
      assert.is_nil(about)
      assert.equal("CallSid is missing", why)
    end)
  end
end)

describe("Exotel's status", function()
  local json_body = '{"CallSid":"ca-2","EventType":"terminal","Status":"completed","To":"08000000002","From":"09800000001",'
    .. '"ConversationDuration":170,"Direction":"outbound-api","CustomField":"cabc",'
    .. '"RecordingUrl":"https://recordings.example/1.mp3",'
    .. '"Legs":[{"OnCallDuration":170,"Status":"completed","AnsweredBy":"NA"},{"OnCallDuration":0,"Status":"","AnsweredBy":""}]}'

  it("comes as JSON", function()
    local status = exotel.webhook.status(message("POST", "token=s", json_body, "application/json"))
    assert.same({ word = "completed", status = "ANSWERED", reason = "COMPLETED", is_terminal = true, is_answered = true,
      carrier_call = "ca-2", call = "cabc", seconds = 170 }, status)
  end)

  for _, case in ipairs {
    { "completed", "ANSWERED", "COMPLETED", true, true }, { "busy", "NOT_ANSWERED", "BUSY", true, false },
    { "no-answer", "NOT_ANSWERED", "NO_ANSWER", true, false }, { "failed", "NOT_ANSWERED", "FAILED", true, false },
    { "canceled", "NOT_ANSWERED", "CANCELED", true, false }, { "queued", nil, nil, false, false },
    { "ringing", nil, nil, false, false }, { "in-progress", nil, nil, false, false }, { "something-new", nil, nil, false,
      false },
  } do
    it("is understood: " .. case[1], function()
      local body, kind = multipart { { "CallSid", "ca-2" }, { "Status", case[1] }, { "DateUpdated", "2026-03-01 10:18:10" } }
      for _, given in ipairs {
        { "POST", "call=cabc", body, kind }, { "POST", "call=cabc", "Sid=ca-2&CallStatus=" .. case[1] },
        { "GET", "call=cabc&CallSid=ca-2&Status=" .. case[1] },
      } do
        local status = exotel.webhook.status(message(unpack(given)))
        assert.same({ case[2], case[3], case[4], case[5] }, { status.status, status.reason, status.is_terminal,
          status.is_answered })
        assert.same({ "ca-2", "cabc" }, { status.carrier_call, status.call })
      end
    end)
  end

  it("in-progress proves nothing, the event of the answer does", function()
    local status = exotel.webhook.status(message("POST", "", '{"CallSid":"ca-2","EventType":"answered","Status":"in-progress"}'))
    assert.same({ "answered", true, false }, { status.word, status.is_answered, status.is_terminal })
  end)

  it("of a stream tells how it ended, in either spelling", function()
    local list = http.form { { "CallSid", "ca-1" }, { "Stream[Status]", "completed" }, { "Stream[DisconnectedBy]", "bot" } }
    local whole = http.form { { "CallSid", "ca-1" }, { "Stream", '{"Status":"completed","DisconnectedBy":"bot"}' } }
    for _, query in ipairs { list, whole } do
      local status = exotel.webhook.status(message("GET", query))
      assert.same({ "stream-completed", "bot", false, true }, { status.word, status.cause, status.is_terminal,
        status.is_answered })
    end
    assert.equal("passthru", exotel.webhook.status(message("GET", "CallSid=ca-1")).word)
  end)

  it("of no call is refused in words", function()
    assert.equal("CallSid is missing", select(2, exotel.webhook.status(message("POST", "", "Status=completed"))))
    assert.equal("RecordingUrl is missing", select(2, exotel.webhook.recording(message("POST", "", "CallSid=1"))))
  end)

  it("brings a recording", function()
    assert.same({ carrier_call = "ca-2", url = "https://recordings.example/1.mp3" }, exotel.webhook.recording(message("POST", "",
      json_body)))
    local query = http.form { { "CallSid", "ca-1" }, { "Stream[RecordingUrl]", "https://x/1.mp3" } }
    assert.equal("https://x/1.mp3", exotel.webhook.recording(message("GET", query)).url)
  end)
end)

describe("Exotel's documents", function()
  local function write(document)
    local text, kind = exotel.webhook.answer(document)
    assert.equal("application/json", kind)
    return json.decode(text)
  end

  it("name the socket, and with it the rate; what is said afterwards is the flow's", function()
    local url = "wss://voice.example.com/ws/exotel/sales/abc"
    assert.same({ url = url }, write { { "stream", url = url, format = "l16/8000" }, { "say", "Sorry." }, { "hangup" } })
    assert.same({ url = url .. "?sample-rate=16000" }, write { { "stream", url = url, format = "l16/16000" } })
    assert.same({ url = url .. "?sample-rate=24000" }, write { { "stream", url = url, format = "l16/24000/960" } })
  end)

  it("name both, for a caller who hears something before", function()
    assert.same({ url = "wss://v/ws", fetch_after_attempt = false, destination = { numbers = { "+919800000009" } } },
      write { { "stream", url = "wss://v/ws" }, { "dial", to = "+919800000009" } })
  end)

  it("name whom to dial", function()
    assert.same({
      fetch_after_attempt = false, destination = { numbers = { "+919800000009" } }, outgoing_phone_number = "08000000002",
      max_ringing_duration = 45, record = true, recording_channels = "dual",
    }, write { { "say", "One moment" }, { "dial", to = "+919800000009", caller_id = "08000000002", timeout = 45,
      record = true } })
  end)

  for name, document in pairs {
    hangup = { { "hangup" } }, reject = { { "reject" } }, words = { { "say", "Closed." }, { "hangup" } },
      refusal = exotel and exotel.webhook.refuse "busy",
  } do
    it("dial nobody: " .. name, function() assert.same({ destination = { numbers = {} } }, write(document)) end)
  end

  for _, verb in ipairs { "play", "gather", "conference", "redirect", "record", "pause" } do
    it("cannot be told to " .. verb, function()
      assert.error_matches(function() exotel.webhook.answer { { verb } } end,
        ("Exotel's applets cannot be told to '%s'"):format(verb))
    end)
  end
end)

describe("Exotel's REST interface", function()
  local order = {
    call = "cabc", to = "+919800000001", from = "08000000002", ring = 30, longest = 20000,
    socket_url = "wss://voice.example.com/ws/exotel/sales/abc",
      status_url = "https://voice.example.com/exotel/callback/status?call=cabc",
  }

  it("places a call on our socket", function()
    local request = exotel.requests.place[1](order, account)
    assert.equal("https://api.in.exotel.com/v1/Accounts/acme1/Calls/connect.json", request.url)
    assert.same({ "POST", "exkey0001", "extoken0001" }, { request.method, request.user, request.password })
    assert.same({
      From = "+919800000001", CallerId = "08000000002", StreamType = "bidirectional", StreamUrl = order.socket_url,
        TimeLimit = "14400",
      CustomField = "cabc", StatusCallback = order.status_url .. "&token=s3cret%2F%2B%26",
        ["StatusCallbackEvents[0]"] = "answered",
      ["StatusCallbackEvents[1]"] = "terminal", StatusCallbackContentType = "application/json",
    }, (http.read_form(request.body)))
  end)

  it("places a call of a flow", function()
    local flow = { account = "acme1", key = "k", token = "t", secret = "s", flow = "4711", audio = "l16/16000" }
    local form = http.read_form(exotel.requests.place[1](order, flow).body)
    assert.equal("https://my.exotel.com/acme1/exoml/start_voice/4711", form.Url)
    assert.same({ "trans", "30" }, { form.CallType, form.TimeOut })
    assert.is_nil(form.StreamUrl)
    assert.is_nil(form.To)
  end)

  it("asks for the rate that is set", function()
    local form = http.read_form(exotel.requests.place[1](order, { account = "a", key = "k", token = "t", secret = "s",
      audio = "l16/24000" }).body)
    assert.equal(order.socket_url .. "?sample-rate=24000", form.StreamUrl)
  end)

  it("is the region's", function()
    local function url_of(more)
      local given = { account = "a", key = "k", token = "t" }
      for name, value in pairs(more) do given[name] = value end
      return exotel.requests.fetch[1]("ca-1", given).url
    end
    assert.equal("https://api.exotel.com/v1/Accounts/a/Calls/ca-1.json?details=true", url_of { subdomain = "api.exotel.com" })
    assert.equal("http://127.0.0.1:8090/v1/Accounts/a/Calls/ca-1.json?details=true", url_of { api = "http://127.0.0.1:8090/" })
  end)

  for _, case in ipairs {
    { "200 with an id", { status = 200, body = '{"Call":{"Sid":"ca-1","Status":"in-progress"}}' }, nil, "placed" },
    { "200 without one", { status = 200, body = '{"Call":{}}' }, nil, "unknown" },
    { "200 with rubbish", { status = 200, body = "<html>" }, nil, "unknown" },
    { "500", { status = 500, body = "" }, nil, "unknown" },
    { "a redirect", { status = 302, body = "" }, nil, "unknown" },
    { "400", { status = 400, body = '{"RestException":{"Status":400,"Message":"m","Code":34001}}' }, nil, "not_placed",
      "34001", false },
    { "401", { status = 401, body = "" }, nil, "not_placed", "HTTP 401", false },
    { "403", { status = 403, body = '{"RestException":{"Message":"m"}}' }, nil, "not_placed", "HTTP 403", false },
    { "429", { status = 429, body = "" }, nil, "not_placed", "HTTP 429", true },
    { "no answer", nil, { "ETIMEDOUT: x", "ETIMEDOUT", true }, "unknown", "ETIMEDOUT" },
    { "no connection", nil, { "ECONNREFUSED: x", "ECONNREFUSED", false }, "not_placed", "ECONNREFUSED", true },
  } do
    it("says whether the phone may ring: " .. case[1], function()
      local class, id, why = exotel.requests.place[2](case[2], unpack(case[3] or {}))
      assert.equal(case[4], class)
      assert.equal(case[4] == "placed" and "ca-1" or nil, id)
      if case[5] then assert.equal(case[5], why.code) end
      if case[6] ~= nil then assert.equal(case[6], why.retryable) end
    end)
  end

  it("has no hang-up: the socket's end is the call's", function() assert.is_nil(exotel.requests.hangup) end)

  it("reads a call that was asked for", function()
    local function ask(status, body) return exotel.requests.fetch[2] { status = status, body = body } end
    local over = ask(200, '{"Call":{"Sid":"ca-1","Status":"completed","Duration":"7","Details":{"Leg1Status":"completed"}}}')
    assert.same({ "ca-1", "COMPLETED", 7 }, { over.carrier_call, over.reason, over.seconds })
    assert.is_false(ask(200, '{"Call":{"Sid":"ca-1","Status":"in-progress","Duration":null}}').is_answered)
    assert.equal("UNKNOWN", ask(404, "").status)
    assert.is_nil(ask(200, "[]"))
    assert.is_nil(ask(500, ""))
    assert.is_nil(exotel.requests.fetch[2](nil, "ETIMEDOUT: x", "ETIMEDOUT"))
  end)

  it("finds the one live call between the numbers, and none when there are several", function()
    local wanted = { to = "+919800000001", from = "08000000002", placed_at = 1 }
    local function call(sid, more)
      local each = { Sid = sid, Direction = "outbound-api", Status = "in-progress", From = "09800000001",
        PhoneNumberSid = "08000000002" }
      for name, value in pairs(more or {}) do each[name] = value end
      return each
    end
    local function found(...)
      return exotel.requests.find[2]({ status = 200, body = json.encode { Calls = json.array { ... } } }, nil, nil, nil, wanted)
    end
    assert.equal("ca-1", found(call("ca-0", { Status = "completed" }), call "ca-1", call("ca-2", { From = "09800000009" }),
      call("ca-3", { Direction = "inbound" }), call("ca-4", { PhoneNumberSid = "08000000009" })))
    assert.is_nil(found(call "ca-1", call "ca-2"))
    assert.is_nil(found())
    assert.is_nil(exotel.requests.find[2](nil, nil, nil, nil, wanted))
    assert.matches("Calls%.json%?From=%%2B919800000001", exotel.requests.find[1](wanted, account).url)
  end)
end)

describe("Exotel's media socket", function()
  local start = '{"event":"start","sequence_number":"1","stream_sid":"st0001","start":{"stream_sid":"st0001","call_sid":"ca0001",'
    .. '"account_sid":"acme1","from":"09800000001","to":"08000000002","custom_parameters":{"lead":"42"},'
    .. '"media_format":{"encoding":"audio/x-raw","sample_rate":"8000","bit_rate":"16"}}}'

  local function come(...) return exotel.socket.read({ first = { ... } }, account) end

  it("that asks nobody says in its start who calls", function()
    assert.same({
      carrier_call = "ca0001", from = "+919800000001", to = "+918000000002", direction = "INBOUND", format = "l16/8000",
      payload = { lead = "42" },
    }, come('{"event":"connected"}', start))
    assert.equal("l16/24000", come((start:gsub('"8000"', "24000"))).format)
    assert.equal("ca0001", come((start:gsub("call_sid", "callSid"))).carrier_call)
    local fine = exotel.socket.read({ first = { start } }, { audio = "l16/8000/640" })
    assert.equal("l16/8000/640", fine.format)
    assert.equal("l16/8000", exotel.socket.read({ first = { start } }, { audio = "l16/16000" }).format)
  end)

  for name, case in pairs {
    ["no start"] = { '{"event":"connected"}', "no call_sid" }, ["rubbish"] = { "{{", "no call_sid" },
    ["a start of another type"] = { '{"event":"start","start":7}', "no call_sid" },
    ["a call of another type"] = { '{"event":"start","start":{"call_sid":{}}}', "no call_sid" },
    ["a rate that is not spoken (pitfall 21)"] = { (start:gsub('"8000"', '"44100"')), "l16/44100" },
  } do
    it("that asks nobody is refused with " .. name, function()
      local about, why = come(case[1])
      assert.is_nil(about)
      assert.matches(case[2], why)
    end)
  end

  for _, name in ipairs(exotel and formats.names(exotel.media) or {}) do
    local format = exotel.media[name]
    it("sends portions of the size that is named: " .. name, function()
      local rate, portion = name:match "^l16/(%d+)/?(%d*)$"
      assert.equal(tonumber(rate), format.rate)
      assert.equal(0, format.chunk_min % 320)
      assert.equal(320, format.chunk_multiple)
      if portion ~= "" then assert.equal(tonumber(portion), format.chunk_min) else assert.is_true(format.chunk_min >= 3200) end
    end)
  end
end)
