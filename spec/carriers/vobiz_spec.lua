-- Vobiz's adapter: what it has of its own. What it shares with Plivo's is in plivo_spec.lua.

local formats = require "callisto.provider.media"
local http = require "callisto.http"
local json = require "callisto.json"
local plivo_api = require "providers.shared.plivo_api"
local vobiz = require "providers.carriers.vobiz"
local xml = require "callisto.xml"

local NONCE = "12345678901234567890"
local ACCOUNT = { account = "MA_1", secret = "vobiz-auth-token" }

local function post(path, params, headers, query)
  headers["content-type"] = "application/x-www-form-urlencoded"
  return { method = "POST", path = path, query = query or "", headers = headers, body = http.form(params) }
end

local function v3(signature, nonce)
  return { ["x-vobiz-signature-v3"] = signature, ["x-vobiz-signature-v3-nonce"] = nonce or NONCE }
end

local serial = 0
local function fresh_nonce()
  serial = serial + 1
  return ("9%019d"):format(serial)
end

describe("Vobiz's signature", function()
  local N8N, DOGRAH = "https://n8n.example.com", "https://example.test"
  local HOOK, CALLBACK = "/webhook/0f1e2d3c/call-answered", "/api/v1/telephony/vobiz/hangup-callback/123"

  it("of both versions is that of the documented rule", function()
    assert.equal("p59MxPClfqqZDmJJqN+PKOkNbbE/7q3ozplF6xWtdck=",
      plivo_api.signature("test-token-not-real", N8N .. HOOK .. "." .. NONCE))
    assert.equal("de1eXR5L96bthUhUxRjTbhSgtHMWJ7FoE3uoRIh879I=",
      plivo_api.signature("test-token-not-real", N8N .. HOOK .. NONCE))
  end)

  it("does not cover the query", function()
    local message = post(CALLBACK, {}, v3 "xGdTHRoqX4WVHmJJQo6qArotmWVIDqQqSUIq08+0MV8=", "foo=bar")
    assert.is_true(vobiz.webhook.verify(message, DOGRAH, ACCOUNT))
  end)

  it("of another URL is refused", function()
    local message = post(CALLBACK, {}, v3 "p59MxPClfqqZDmJJqN+PKOkNbbE/7q3ozplF6xWtdck=")
    assert.equal(403, select(3, vobiz.webhook.verify(message, DOGRAH, ACCOUNT)))
  end)

  local function signed(params, nonce, text)
    return post(CALLBACK, params, v3(plivo_api.signature(ACCOUNT.secret, text or DOGRAH .. CALLBACK .. "." .. nonce), nonce))
  end

  it("is good for one request: its nonce is refused with other parameters", function()
    local once = fresh_nonce()
    local first = signed({ { "CallStatus", "completed" } }, once)
    assert.is_true(vobiz.webhook.verify(first, DOGRAH, ACCOUNT))
    assert.is_true(vobiz.webhook.verify(first, DOGRAH, ACCOUNT))
    local _, why, status = vobiz.webhook.verify(signed({ { "CallStatus", "failed" } }, once), DOGRAH, ACCOUNT)
    assert.equal(403, status)
    assert.matches("nonce", why)
  end)

  it("may be Plivo's, as Vobiz's own libraries have it", function()
    local once, params = fresh_nonce(), { { "CallUUID", "u1" } }
    local text = plivo_api.text_v3("POST", DOGRAH .. CALLBACK, {}, params, once)
    assert.is_true(vobiz.webhook.verify(signed(params, once, text), DOGRAH, ACCOUNT))
  end)

  it("is needed unless it is optional; a wrong one is refused all the same", function()
    local optional = { account = "MA_1", secret = ACCOUNT.secret, signature = "optional" }
    local bare = post(CALLBACK, {}, {})
    assert.equal(401, select(3, vobiz.webhook.verify(bare, DOGRAH, ACCOUNT)))
    assert.is_true(vobiz.webhook.verify(bare, DOGRAH, optional))
    assert.equal(403, select(3, vobiz.webhook.verify(post(CALLBACK, {}, v3 "AAAA"), DOGRAH, optional)))
  end)
end)

describe("Vobiz's webhooks", function()
  it("write numbers without a plus, Indian ones perhaps with a 0", function()
    local function number(text) return vobiz.webhook.read(post("/x", { { "CallUUID", "u" }, { "To", text } }, {})).to end
    assert.equal("+912271264296", number "02271264296")
    assert.equal("+912271264296", number "912271264296")
    assert.equal("+912271264296", number "+912271264296")
    assert.equal("sip:a@b", number "sip:a@b")
    assert.equal("100", number "100")
  end)

  it("tell how a call ended, as seen in the field", function()
    local status = vobiz.webhook.status(post("/x", {
      { "ALegRequestUUID", "u" }, { "ALegUUID", "u" }, { "CallStatus", "completed" }, { "CallUUID", "u" }, { "Duration", "31" },
      { "Event", "Hangup" }, { "HangupCause", "NORMAL_CLEARING" }, { "HangupCauseCode", "4000" }, { "HangupSource", "Callee" },
    }, {}))
    assert.equal("COMPLETED", status.reason)
    assert.equal(31, status.seconds)
    assert.equal("NORMAL_CLEARING 4000, by Callee", status.cause)
  end)
end)

describe("Vobiz's documents", function()
  local function written(verb) return xml.parse((vobiz.webhook.answer { verb }))[1] end

  it("collect keys with <Gather> and send no extraHeaders, which would not arrive", function()
    local gather = written { "gather", digits = 1, action = "https://h/x", { "say", "Press one" } }
    assert.equal("Gather", gather.name)
    assert.is_nil(gather.attrs.timeout)
    assert.is_nil(written { "stream", url = "wss://h/x", parameters = { { "call_id", "c1" } } }.attrs.extraHeaders)
  end)

  it("say whether a room beeps, since it does by itself", function()
    assert.equal("false", written { "conference", room = "r" }.attrs.beep)
    assert.equal("4", written { "conference", room = "r", most = 4 }.attrs.maxParticipants)
  end)

  it("name every format", function()
    for _, name in ipairs(formats.names(vobiz.media)) do
      local media = vobiz.media[name]
      local kind = name:find "^pcmu" and "audio/x-mulaw;rate=8000" or "audio/x-l16;rate=" .. media.rate
      assert.equal(kind, written { "stream", url = "wss://h/x", format = name }.attrs.contentType)
      assert.equal(name:find("+tones", 1, true) == nil, media.dtmf_in ~= nil)
    end
    assert.equal("l16be", vobiz.media["l16/8000"].encoding)
    assert.equal("l16le", vobiz.media["l16/8000"].encoding_out)
    assert.is_nil(vobiz.media["l16le/8000"].encoding_out)
  end)
end)

describe("Vobiz's REST interface", function()
  it("is told who asks by two headers, at paths whose slashes count", function()
    local request = vobiz.requests.place[1]({ to = "+919800000001", from = "+912271264296", url = "https://h/a" }, ACCOUNT)
    assert.equal("https://api.vobiz.ai/api/v1/Account/MA_1/Call/", request.url)
    assert.equal("MA_1", request.headers["X-Auth-ID"])
    assert.equal("vobiz-auth-token", request.headers["X-Auth-Token"])
    assert.is_nil(request.user)
    assert.equal("https://api.vobiz.ai/api/v1/Account/MA_1/Call/u1/", vobiz.requests.hangup[1]("u1", ACCOUNT).url)
    assert.equal("https://api.vobiz.ai/api/v1/Account/MA_1/Call/u1", vobiz.requests.fetch[1]("u1", ACCOUNT).url)
  end)

  it("names the call that it placed in one of several ways", function()
    for _, body in ipairs {
      '{"request_uuid":"u1"}', '{"call_uuid":"u1","request_uuid":"other"}', '{"CallUUID":"u1"}', '{"RequestUUID":"u1"}',
    } do
      local class, id = vobiz.requests.place[2] { status = 201, body = body }
      assert.equal("placed", class)
      assert.equal("u1", id)
    end
  end)

  it("refuses in two shapes", function()
    local body = { status = "error", error = { code = "RATE_LIMIT_EXCEEDED", message = "too fast" } }
    local class, _, why = vobiz.requests.place[2] { status = 429, body = json.encode(body) }
    assert.equal("not_placed", class)
    assert.equal("RATE_LIMIT_EXCEEDED", why.code)
    assert.is_true(why.retryable)
    class, _, why = vobiz.requests.place[2] { status = 402, body = '{"error":"no money"}' }
    assert.equal("not_placed", class)
    assert.equal("no money", why.message)
    assert.is_false(why.retryable)
  end)
end)
