-- Vonage's adapter: signatures, webhooks, documents, requests and what their answers prove.

local clock = require "spec.support.clock"
local crypto = require "callisto.crypto"
local http = require "callisto.http"
local json = require "callisto.json"
local vonage = require "providers.carriers.vonage"

local function base64url(bytes) return (crypto.base64(bytes):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" })) end

local function token_of(secret, claims, header)
  local signed = base64url(header or '{"alg":"HS256","typ":"JWT"}') .. "." .. base64url(json.encode(claims))
  return signed .. "." .. base64url(crypto.hmac("sha256", secret, signed))
end

local SECRET = "example-signature-secret-for-tests-0001"
local APPLICATION = "99999999-8888-4777-8666-555555555555"
local NOW = 1760000000
local account = { application = APPLICATION, secret = SECRET, api_key = "abcd1234", number = "+918000000002" }

local body = '{"status":"completed","uuid":"0f1e2d3c-4b5a-4697-8877-665544332211",'
  .. '"conversation_uuid":"CON-11112222-3333-4444-8555-666677778888","direction":"inbound","from":"919800000001",'
  .. '"to":"918000000002","duration":"42"}'
local token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjAwMDAwMDAsImp0aSI6IjExMTExMTExLTIyMjItNDMzMy04NDQ0LTU1NTU1"
  .. "NTU1NTU1NSIsImlzcyI6IlZvbmFnZSIsInBheWxvYWRfaGFzaCI6ImEyODY4Yzg4OTYxZThkNjhjNDBhY2MyMTk0MDU4MDA3ODIyODJjMGJkZTVjODM0MG"
  .. "VlYzAyYzI3NzhlZWQ4YjkiLCJhcGlfa2V5IjoiYWJjZDEyMzQiLCJhcHBsaWNhdGlvbl9pZCI6Ijk5OTk5OTk5LTg4ODgtNDc3Ny04NjY2LTU1NTU1NTU1"
  .. "NTU1NSJ9.CjJq51czBHHBSie7rdE9LOw0mIi7BXMWu_zoHk_xwUg"

local function message(method, path, text, signed, query)
  return {
    method = method, path = path, query = query or "", body = text or "",
    headers = { authorization = signed and "Bearer " .. signed or nil, ["content-type"] = "application/json" },
  }
end

local jtis = 0

-- Claims as Vonage makes them, changed as the case likes.
local function claims_of(text, changes)
  jtis = jtis + 1
  local claims = {
    iat = NOW, jti = "jti-" .. jtis, iss = "Vonage", api_key = "abcd1234", application_id = APPLICATION,
    payload_hash = text ~= "" and crypto.hex(crypto.digest("sha256", text)) or nil,
  }
  for name, value in pairs(changes or {}) do claims[name] = value ~= "none" and value or nil end
  return claims
end

local function verify(...) return vonage.webhook.verify(message(...), "https://voice.example.com", account) end

describe("Vonage's signature", function()
  before_each(function() clock.shows(NOW + 2) end)
  after_each(clock.runs)

  it("of the published kind is right", function()
    assert.is_true(verify("POST", "/vonage/callback/status", body, token))
  end)

  it("is one for one request: the same again is harmless, another is refused", function()
    local signed = token_of(SECRET, claims_of "")
    assert.is_true(verify("GET", "/vonage/answer", "", signed, "uuid=a&to=1"))
    assert.is_true(verify("GET", "/vonage/answer", "", signed, "uuid=a&to=1"))
    local ok, why, status = verify("GET", "/vonage/answer", "", signed, "uuid=b&to=1")
    assert.is_nil(ok)
    assert.matches("another request", why)
    assert.equal(403, status)
  end)

  for name, case in pairs {
    ["another body"] = { text = body .. " ", why = "not the one that was signed" },
    ["no body"] = { text = "", why = "not the one that was signed" },
    ["another secret"] = { signed = token_of("other", claims_of(body)), why = "signature is wrong.*VONAGE_SIGNATURE_SECRET" },
    ["alg none"] = { signed = token_of(SECRET, claims_of(body), '{"alg":"none"}'), why = "alg is none" },
    ["alg RS256"] = { signed = token_of(SECRET, claims_of(body), '{"alg":"RS256"}'), why = "alg is RS256" },
    ["two parts"] = { signed = token:match "^[^.]+%.[^.]+", why = "three parts" },
    ["the other alphabet"] = { signed = token:gsub("_", "/"), why = "three parts" },
    ["another issuer"] = { claims = { iss = "Online JWT Builder" }, why = "not issued by Vonage" },
    ["another application"] = { claims = { application_id = "a" }, why = "VONAGE_APPLICATION_ID" },
    ["another account"] = { claims = { api_key = "zzzz" }, why = "VONAGE_API_KEY" },
    ["a time ten minutes ago"] = { claims = { iat = NOW - 600 }, why = "too old" },
    ["a time to come"] = { claims = { iat = NOW + 600 }, why = "future" },
    ["no time"] = { claims = { iat = "none" }, why = "no iat" },
    ["a time that is over"] = { claims = { exp = NOW - 100 }, why = "expired" },
    ["no number of its own"] = { claims = { jti = "none" }, why = "no jti" },
    ["no hash of the body"] = { claims = { payload_hash = "none" }, why = "not the one that was signed" },
  } do
    it("is refused with " .. name, function()
      local signed = case.signed or (case.claims and token_of(SECRET, claims_of(body, case.claims))) or token
      local ok, why, status = verify("POST", "/vonage/callback/status", case.text or body, signed)
      assert.is_nil(ok)
      assert.matches(case.why, why)
      assert.equal(403, status)
    end)
  end

  it("of a request without a body may hash nothing, or leave it out", function()
    assert.is_true(verify("GET", "/vonage/answer", "", token_of(SECRET, claims_of "")))
    local empty = crypto.hex(crypto.digest("sha256", ""))
    assert.is_true(verify("GET", "/vonage/answer", "", token_of(SECRET, claims_of("", { payload_hash = empty }))))
    assert.is_nil(verify("GET", "/vonage/answer", "", token_of(SECRET, claims_of(body))))
  end)

  it("may name neither account nor application", function()
    local signed = token_of(SECRET, claims_of("", { api_key = "none", application_id = "none" }))
    assert.is_true(verify("GET", "/vonage/answer", "", signed))
  end)

  it("that is missing is refused, so that the carrier sends the webhook again", function()
    assert.equal(401, select(3, verify("GET", "/vonage/answer", "")))
  end)
end)

describe("A webhook of Vonage", function()
  it("asks for a document, by GET or POST", function()
    local about = vonage.webhook.read(message("GET", "/vonage/answer", "", nil,
      "to=918000000002&from=919800000001&uuid=0f1e2d3c-4b5a&conversation_uuid=CON-1"))
    assert.same({ carrier_call = "0f1e2d3c-4b5a", from = "+919800000001", to = "+918000000002", direction = "INBOUND" }, about)
    local text = json.encode { to = "918000000002", from = "anonymous", uuid = "0f1e2d3c-4b5a" }
    assert.equal("anonymous", vonage.webhook.read(message("POST", "/vonage/answer", text)).from)
  end)

  for name, case in pairs {
    ["nothing"] = { "POST", "" }, ["rubbish"] = { "POST", "{{" }, ["a list"] = { "POST", "[1]" },
    ["a uuid of another type"] = { "POST", '{"uuid":{"a":1}}' }, ["a uuid with a path in it"] = { "POST", '{"uuid":"../a"}' },
    ["a uuid without end"] = { "POST", json and json.encode { uuid = ("a"):rep(65) } or "" },
    ["no uuid in the query"] = { "GET", "", "to=1&from=2" },
  } do
    it("says what is missing in " .. name, function()
      local about, why = vonage.webhook.read(message(case[1], "/vonage/answer", case[2], nil, case[3]))
      assert.is_nil(about)
      assert.equal("uuid is missing", why)
    end)
  end

  for _, case in ipairs {
    { "started", nil, nil, false, false }, { "ringing", nil, nil, false, false }, { "answered", nil, nil, false, true },
    { "completed", "ANSWERED", "COMPLETED", true, true }, { "busy", "NOT_ANSWERED", "BUSY", true, false },
    { "unanswered", "NOT_ANSWERED", "NO_ANSWER", true, false }, { "timeout", "NOT_ANSWERED", "NO_ANSWER", true, false },
    { "rejected", "NOT_ANSWERED", "FAILED", true, false, "restricted" },
    { "rejected", "NOT_ANSWERED", "BUSY", true, false, "declined" },
    { "failed", "NOT_ANSWERED", "FAILED", true, false, "cannot_route" },
    { "cancelled", "NOT_ANSWERED", "CANCELED", true, false },
    { "disconnected", nil, nil, false, false }, { "something_new", nil, nil, false, false },
  } do
    it("tells the status " .. case[1] .. (case[6] and " because of " .. case[6] or ""), function()
      local text = json.encode { uuid = "u-1", status = case[1], detail = case[6], duration = "7", to = "1", from = "2" }
      local status = vonage.webhook.status(message("POST", "/vonage/callback/status", text, nil, "call=cabc"))
      assert.same({ case[2], case[3], case[4], case[5] }, { status.status, status.reason, status.is_terminal,
        status.is_answered })
      assert.same({ "u-1", "cabc", 7, case[6] }, { status.carrier_call, status.call, status.seconds, status.cause })
    end)
  end

  it("about the socket's leg does not end the call", function()
    for _, field in ipairs { "to", "from" } do
      local status = vonage.webhook.status(message("POST", "/vonage/callback/status", json.encode {
        uuid = "u-2", status = "completed", [field] = "wss://voice.example.com/ws/vonage/sales/abc",
      }, nil, "call=cabc"))
      assert.same({ word = "socket-completed", call = "cabc", is_terminal = false, is_answered = false }, status)
    end
  end)

  it("about a voice names the call in its own way", function()
    local s = vonage.webhook.status(message("POST", "/x", '{"call_uuid":"u-1","status":"machine","sub_state":"beep_start"}'))
    assert.same({ "u-1", true, false, "beep_start" }, { s.carrier_call, s.is_answered, s.is_terminal, s.cause })
  end)

  for name, text in pairs {
    record = '{"recording_url":"https://api.nexmo.com/v1/files/1"}', input = '{"dtmf":{"digits":"1"},"uuid":"u"}',
    transfer = '{"conversation_uuid_from":"a","conversation_uuid_to":"b"}', error = '{"reason":"no such thing"}',
  } do
    it("without a status is understood: " .. name, function()
      local status = vonage.webhook.status(message("POST", "/x", text))
      assert.same({ name, false, false }, { status.word, status.is_terminal, status.is_answered })
    end)
  end

  it("without anything is refused in words", function()
    assert.equal("status is missing", select(2, vonage.webhook.status(message("POST", "/x", "{}"))))
    assert.equal("recording_url is missing", select(2, vonage.webhook.recording(message("POST", "/x", "{}"))))
  end)

  it("brings a recording", function()
    assert.same({ carrier_call = "u-1", url = "https://api.nexmo.com/v1/files/1", id = "r-1" }, vonage.webhook.recording(
      message("POST", "/x", '{"call_uuid":"u-1","recording_url":"https://api.nexmo.com/v1/files/1","recording_uuid":"r-1"}')))
  end)
end)

describe("An NCCO", function()
  local function write(document)
    local text, kind = vonage.webhook.answer(document)
    assert.equal("application/json", kind)
    return json.decode(text)
  end

  it("connects the media socket, then speaks when that failed, and ends", function()
    local list = write {
      { "stream", url = "wss://v.example.com/ws/vonage/a/b", format = "l16/8000", parameters = { { "call_id", "c1" } } },
      { "say", "Sorry <you>." },
      { "hangup" },
      { "say", "never" },
    }
    assert.same({
      { action = "connect", endpoint = { {
        type = "websocket", uri = "wss://v.example.com/ws/vonage/a/b", ["content-type"] = "audio/l16;rate=8000",
        headers = { call_id = "c1" },
      } } },
      { action = "talk", text = "Sorry <you>." },
    }, list)
  end)

  it("gives the socket no more than 512 bytes to say of itself", function()
    local parameters = { { "call_id", "c1" }, { "long", ("x"):rep(600) }, { "agent", "sales" } }
    local headers = write({ { "stream", url = "wss://v", parameters = parameters } })[1].endpoint[1].headers
    assert.same({ call_id = "c1", agent = "sales" }, headers)
  end)

  for _, case in ipairs {
    { { { "play", "https://x/a.mp3", loop = 2 } }, { { action = "stream", streamUrl = { "https://x/a.mp3" }, loop = 2 } } },
    { { { "pause", seconds = 2 } }, { { action = "talk", text = '<speak><break time="2s"/></speak>' } } },
    { { { "dial", to = "+15550001", caller_id = "+15550002", timeout = 25, action = "https://x/n" } }, { {
      action = "connect", from = "15550002", timeout = 25, eventType = "synchronous", eventUrl = { "https://x/n" },
      endpoint = { { type = "phone", number = "15550001" } },
    } } },
    { { { "gather", { "say", "Hi" }, digits = 1, timeout = 5, action = "https://x/k" } }, {
      { action = "talk", text = "Hi", bargeIn = true },
      { action = "input", type = { "dtmf" }, dtmf = { maxDigits = 1, timeOut = 5, submitOnHash = true },
        eventUrl = { "https://x/k" } },
    } },
    { { { "conference", room = "room-42", start_on_enter = true, end_on_exit = false } },
      { { action = "conversation", name = "room-42", startOnEnter = true, endOnExit = false } } },
    { { { "redirect", url = "https://x/n" } },
      { { action = "notify", payload = { redirect = true }, eventUrl = { "https://x/n" }, eventMethod = "POST" } } },
    { { { "record", status_url = "https://x/r", longest = 120, silence = 3 } },
      { { action = "record", eventUrl = { "https://x/r" }, timeOut = 120, endOnSilence = 3 } } },
    { { { "reject", reason = "busy" } }, {} },
    { { { "hangup" } }, {} },
  } do
    it("writes " .. case[1][1][1], function() assert.same(case[2], write(case[1])) end)
  end

  it("is a list, also when it is empty", function() assert.equal("[]", (vonage.webhook.answer { { "hangup" } })) end)

  it("records a dialled call from before it is dialled", function()
    local list = write { { "dial", to = "+15550001", record = true } }
    assert.equal("record", list[1].action)
    assert.equal("connect", list[2].action)
  end)
end)

describe("Vonage's REST interface", function()
  local key
  setup(function()
    local pipe = assert(io.popen "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null")
    key = pipe:read "*a"
    pipe:close()
  end)

  local function own() return { application = APPLICATION, key = key, secret = SECRET } end

  it("is asked with a token of the application's own key, good for a quarter of an hour", function()
    clock.shows(NOW)
    finally(clock.runs)
    local request = vonage.requests.fetch[1]("u-1", own())
    assert.equal("https://api.nexmo.com/v1/calls/u-1", request.url)
    local header, payload, signature = request.headers.authorization:match "^Bearer ([%w_-]+)%.([%w_-]+)%.([%w_-]+)$"
    local function read(text)
      return json.decode(crypto.unbase64(text:gsub("[-_]", { ["-"] = "+", ["_"] = "/" }) .. ("="):rep(-#text % 4)))
    end
    assert.same({ alg = "RS256", typ = "JWT" }, read(header))
    local claims = read(payload)
    assert.same({ APPLICATION, NOW, NOW + 900 }, { claims.application_id, claims.iat, claims.exp })
    assert.is_string(claims.jti)
    assert.equal(base64url(crypto.rs256_sign(key, header .. "." .. payload)), signature)
    assert.not_equal(request.headers.authorization, vonage.requests.fetch[1]("u-1", own()).headers.authorization)
  end)

  it("takes a key whose lines are written \\n", function()
    local flat = own()
    flat.key = key:gsub("\n", "\\n")
    assert.matches("^Bearer ", vonage.requests.fetch[1]("u-1", flat).headers.authorization)
  end)

  it("names the variable when the key is none", function()
    assert.error_matches(function() vonage.requests.fetch[1]("u-1", { application = "a", key = "x" }) end,
      "VONAGE_PRIVATE_KEY: .*RSA")
  end)

  it("places a call by document or by URL, never both", function()
    local order = { to = "+919800000001", from = "+918000000002", ring = 300, longest = 9000, status_url = "https://v/e",
      document = { { "stream", url = "wss://v/ws" }, { "hangup" } }, url = "https://v/a" }
    local request = vonage.requests.place[1](order, own())
    assert.equal("https://api.nexmo.com/v1/calls", request.url)
    assert.equal("application/json", request.headers["content-type"])
    local sent = json.decode(request.body)
    assert.same({ { type = "phone", number = "919800000001" } }, sent.to)
    assert.same({ type = "phone", number = "918000000002" }, sent.from)
    assert.equal("connect", sent.ncco[1].action)
    assert.is_nil(sent.answer_url)
    assert.same({ 120, 7200 }, { sent.ringing_timer, sent.length_timer })
    assert.same({ { "https://v/e" }, "POST" }, { sent.event_url, sent.event_method })
    order.document = nil
    sent = json.decode(vonage.requests.place[1](order, own()).body)
    assert.same({ { "https://v/a" }, "POST" }, { sent.answer_url, sent.answer_method })
    assert.is_nil(sent.ncco)
  end)

  for _, case in ipairs {
    { "201 with a uuid", { status = 201, body = '{"uuid":"u-1","status":"started"}' }, nil, "placed" },
    { "201 without one", { status = 201, body = "{}" }, nil, "unknown" },
    { "201 with rubbish", { status = 201, body = "<html>" }, nil, "unknown" },
    { "500", { status = 500, body = "" }, nil, "unknown" },
    { "503", { status = 503, body = "" }, nil, "unknown" },
    { "a redirect", { status = 302, body = "" }, nil, "unknown" },
    { "400", { status = 400, body = '{"title":"Bad Request","detail":"to is wrong"}' }, nil, "not_placed", "HTTP 400", false },
    { "401", { status = 401, body = '{"error_title":"Unauthorized"}' }, nil, "not_placed", "HTTP 401", false },
    { "429", { status = 429, body = "" }, nil, "not_placed", "HTTP 429", true },
    { "no answer", nil, { "ETIMEDOUT: x", "ETIMEDOUT", true }, "unknown", "ETIMEDOUT" },
    { "no connection", nil, { "ECONNREFUSED: x", "ECONNREFUSED", false }, "not_placed", "ECONNREFUSED", true },
    { "a reset", nil, { "ECONNRESET: x", "ECONNRESET", true }, "unknown", "ECONNRESET" },
  } do
    it("says whether the phone may ring: " .. case[1], function()
      local class, id, why = vonage.requests.place[2](case[2], unpack(case[3] or {}))
      assert.equal(case[4], class)
      assert.equal(case[4] == "placed" and "u-1" or nil, id)
      if case[5] then assert.equal(case[5], why.code) end
      if case[6] ~= nil then assert.equal(case[6], why.retryable) end
    end)
  end

  it("says in words what was wrong", function()
    local _, _, why = vonage.requests.place[2]({ status = 400, body =
      '{"error_title":"Bad Request","invalid_parameters":[{"name":"to[0].number","reason":"must be E.164"}]}' })
    assert.equal("HTTP 400: Bad Request: to[0].number: must be E.164", tostring(why))
    assert.is_true(why.is_about_number)
  end)

  for _, case in ipairs {
    { "204", { status = 204, body = "" }, true },
    { "pitfall 26: 404", { status = 404, body = '{"error_title":"Not Found"}' }, true },
    { "401", { status = 401, body = "" }, nil },
    { "500", { status = 500, body = "" }, nil },
    { "no answer", nil, nil },
  } do
    it("knows when a call was hung up: " .. case[1], function() assert.equal(case[3], (vonage.requests.hangup[2](case[2]))) end)
  end

  it("hangs up, redirects and presses keys", function()
    local function sent(request)
      assert.equal("PUT", request.method)
      return request.url:match "/v1/calls/(.*)$", json.decode(request.body)
    end
    local _
    local where, what = sent(vonage.requests.hangup[1]("u-1", own()))
    assert.same({ "u-1", { action = "hangup" } }, { where, what })
    where, what = sent(vonage.requests.redirect[1]("u-1", own(), { document = { { "say", "Hi" } } }))
    assert.same({ "u-1", { action = "transfer", destination = { type = "ncco", ncco = { { action = "talk",
      text = "Hi" } } } } },
      { where, what })
    _, what = sent(vonage.requests.redirect[1]("u-1", own(), { url = "https://x/n" }))
    assert.same({ type = "ncco", url = { "https://x/n" } }, what.destination)
    where, what = sent(vonage.requests.send_digits[1]("u-1", own(), "1w2"))
    assert.same({ "u-1/dtmf", { digits = "1p2" } }, { where, what })
    assert.is_true(vonage.requests.redirect[2] { status = 200, body = "{}" })
    assert.is_nil((vonage.requests.redirect[2] { status = 404, body = "" }))
  end)

  it("reads a call that was asked for", function()
    local status = vonage.requests.fetch[2] { status = 200, body = '{"uuid":"u-1","status":"completed","duration":"7"}' }
    assert.same({ "u-1", "COMPLETED", 7 }, { status.carrier_call, status.reason, status.seconds })
    assert.equal("UNKNOWN", vonage.requests.fetch[2]({ status = 404, body = "" }).status)
    assert.is_nil(vonage.requests.fetch[2] { status = 500, body = "" })
    assert.is_nil(vonage.requests.fetch[2](nil, "ETIMEDOUT: x", "ETIMEDOUT"))
  end)

  it("finds the call it is not sure about", function()
    local order = { to = "+1", from = "+2", placed_at = NOW }
    local since = http.read_query(vonage.requests.find[1](order, own()).url:match "%?(.*)$").date_start
    assert.equal("2025-10-09T08:53:15Z", since)
    local function call(uuid, to, direction)
      return { uuid = uuid, direction = direction or "outbound", to = { type = "phone", number = to }, from = { number = "2" } }
    end
    local list = { call("u-0", "9"), call("u-1", "1", "inbound"), call("u-2", "1"), call("u-3", "1") }
    local answer = { status = 200, body = json.encode { _embedded = { calls = json.array(list) } } }
    local found = vonage.requests.find[2](answer, nil, nil, nil, order)
    assert.equal("u-2", found)
    assert.is_nil(vonage.requests.find[2]({ status = 200, body = "{}" }, nil, nil, nil, order))
    assert.is_nil(vonage.requests.find[2](nil, nil, nil, nil, order))
  end)

  it("is found in the account's own region", function()
    local local_account = own()
    local_account.api = "https://api-eu-1.nexmo.com/"
    assert.equal("https://api-eu-1.nexmo.com/v1/calls/u-1", vonage.requests.fetch[1]("u-1", local_account).url)
  end)
end)

describe("Vonage's media socket", function()
  for rate, bytes in pairs { [8000] = 320, [16000] = 640, [24000] = 960 } do
    it(("has frames of %d bytes at %d Hz"):format(bytes, rate), function()
      local media = vonage.media["l16/" .. rate]
      assert.same({ rate, 20, bytes, bytes, true, true },
        { media.rate, media.frame_ms, media.chunk_min, media.chunk_multiple, media.binary_in, media.binary_out })
      assert.same({ "content-type", ("audio/l16;rate=%d"):format(rate) }, media.start_in.encoding)
    end)
  end
end)
