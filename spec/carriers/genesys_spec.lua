-- Genesys's adapter: signatures of upgrades, sessions, and what a flow hears at their end.

local clock = require "spec.support.clock"
local crypto = require "callisto.crypto"
local genesys = require "providers.carriers.genesys"
local http_signature = require "providers.shared.http_signature"
local json = require "callisto.json"
local shared = require "callisto.shared"

local BASE = "https://voice.example.org"
local KEY = "b3duLWFwaS1rZXktMDAwMQ=="
local SECRET = "b3duLWV4YW1wbGUtY2xpZW50LXNlY3JldC0zMmJ5dGU="
local SIX = '("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" '
  .. '"x-api-key")'
local SESSION, ORGANIZATION = "5f5f5f5f-6060-4717-8828-939393939393", "0a0a0a0a-1b1b-4c2c-8d3d-4e4e4e4e4e4e"
local CONVERSATION = "c0c0c0c0-1111-4222-8333-444444444444"
local NOBODY = "00000000-0000-0000-0000-000000000000"
local NOON = 1760000000

local account = { key = KEY, secret = SECRET }

local function parameters(change)
  local p = { keyid = KEY, nonce = "bm9uY2UtMDAwMS1ub25jZS0wMDAx", alg = "hmac-sha256", created = NOON, expires = NOON + 30 }
  for name, value in pairs(change or {}) do p[name] = value ~= "none" and value or nil end
  return p
end

-- The request of the carrier's page. `change`: parameters, components, signature, and fields of the message.
local function upgrade(change)
  change = change or {}
  local p, text = parameters(change.parameters), change.components or SIX
  for _, name in ipairs { "keyid", "nonce", "alg", "created", "expires" } do
    local value = p[name]
    if type(value) == "number" then
      text = text .. (";%s=%d"):format(name, value)
    elseif value then
      text = text .. (';%s="%s"'):format(name, value)
    end
  end
  local message = {
    method = "GET", path = change.path or "/audiohook/v1/bot-7", query = change.query or "lang=en-IN",
    peer = "203.0.113.9", headers = {
      host = "voice.example.org",
      ["audiohook-organization-id"] = ORGANIZATION, ["audiohook-session-id"] = SESSION,
      ["audiohook-correlation-id"] = "a4a4a4a4-b5b5-4c6c-8d7d-e8e8e8e8e8e8", ["x-api-key"] = change.key or KEY,
      ["signature-input"] = "sig1=" .. text,
      signature = "sig1=:" .. (change.signature or "AlMfYdP2hP/PU3YkCzMipCaNGWUJaGUU5IS/YWBxNMM=") .. ":",
    },
  }
  if change.resign then
    local signed = http_signature.parse(message.headers["signature-input"], message.headers.signature)
    local function value(name)
      return ({ ["@request-target"] = "/audiohook/v1/bot-7?lang=en-IN", ["@authority"] = "voice.example.org" })[name]
        or message.headers[name]
    end
    local line = http_signature.params(signed.components, signed.parameters, signed.order)
    local base = assert(http_signature.base(signed.components, value, line))
    message.headers.signature = "sig1=:" .. crypto.base64(http_signature.sign(crypto.unbase64(SECRET), base)) .. ":"
  end
  return message
end

local function fresh()
  clock.shows(NOON)
  for _, name in ipairs { "bm9uY2UtMDAwMS1ub25jZS0wMDAx" } do
    shared.remove("genesys nonce " .. name)
  end
end

describe("message signatures", function()
  -- The vendor's builder test, and the example of the draft.
  local vectors = {
    {
      key = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=", signature = "zupMJUMfd/kMuvKc5zhRyfJPE3jTROuz1S1hn8SCTpE=",
      input = 'sig1=("@request-target" "host" "audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" '
        .. '"x-api-key");keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256"'
        .. ";created=1641013200;expires=3282026430",
      values = {
        ["@request-target"] = "/api/v1/voicebiometrics/ws", host = "audiohook.example.com",
        ["audiohook-organization-id"] = "d7934305-0972-4844-938e-9060eef73d05",
        ["audiohook-session-id"] = "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        ["audiohook-correlation-id"] = "e160e428-53e2-487c-977d-96989bf5c99d", ["x-api-key"] = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh",
      },
    },
    {
      key = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
      signature = "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
      input = 'sig1=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      values = { date = "Tue, 20 Apr 2021 02:07:55 GMT", ["@authority"] = "example.com", ["content-type"] = "application/json" },
    },
  }
  for number, each in ipairs(vectors) do
    it("are made as in the published example " .. number, function()
      local signed = assert(http_signature.parse(each.input, "sig1=:" .. each.signature .. ":"))
      local line = http_signature.params(signed.components, signed.parameters, signed.order)
      assert.equal(each.input, "sig1=" .. line)
      local base = http_signature.base(signed.components, function(name) return each.values[name] end, line)
      assert.equal(each.signature, crypto.base64(http_signature.sign(crypto.unbase64(each.key), base)))
      assert.equal(each.signature, crypto.base64(signed.given))
    end)
  end

  it("join values without the space around them", function()
    local base = http_signature.base({ "a", "b" }, function(name) return name == "a" and "  x y " or "" end, "()")
    assert.equal('"a": x y\n"b": \n"@signature-params": ()', base)
  end)

  for name, case in pairs {
    ["nothing"] = { "", "" }, ["no list"] = { 'sig1="x"', "sig1=:AAAA:" }, ["an open list"] = { 'sig1=("a"', "sig1=:AAAA:" },
    ["a component twice"] = { 'sig1=("a" "a")', "sig1=:AAAA:" }, ["capitals"] = { 'sig1=("Host")', "sig1=:AAAA:" },
    ["a component with parameters"] = { 'sig1=("a";bs)', "sig1=:AAAA:" }, ["a word"] = { "sig1=(a)", "sig1=:AAAA:" },
    ["a parameter twice"] = { 'sig1=("a");x=1;x=1', "sig1=:AAAA:" },
    ["a parameter without value"] = { 'sig1=("a");x', "sig1=:AAAA:" },
    ["two signatures"] = { 'sig1=("a"), sig2=("a")', "sig1=:AAAA:" }, ["another label"] = { 'sig1=("a")', "sig2=:AAAA:" },
    ["a signature that is text"] = { 'sig1=("a")', 'sig1="AAAA"' }, ["no base64"] = { 'sig1=("a")', "sig1=:A:" },
    ["something behind it"] = { 'sig1=("a")', "sig1=:AAAA:;x=1" },
    ["a huge number"] = { 'sig1=("a");x=99999999999999999', "sig1=:AAAA:" },
    ["an escape"] = { 'sig1=("a");x="\\""', "sig1=:AAAA:" }, ["much"] = { 'sig1=("' .. ("a"):rep(5000) .. '")', "sig1=:AAAA:" },
    ["no space between"] = { 'sig1=("a""b")', "sig1=:AAAA:" },
  } do
    it("are not read with " .. name, function()
      local signed, why = http_signature.parse(case[1], case[2])
      assert.is_nil(signed)
      assert.matches("Signature", why)
    end)
  end
end)

describe("an upgrade of Genesys", function()
  before_each(fresh)
  after_each(clock.runs)

  it("is let in with the right signature, once", function()
    assert.is_true(genesys.webhook.verify(upgrade(), BASE, account))
    local ok, why, status = genesys.webhook.verify(upgrade(), BASE, account)
    assert.is_nil(ok)
    assert.matches("used before", why)
    assert.equal(401, status)
  end)

  it("is signed for the public address, whatever the port is written as", function()
    assert.is_true(genesys.webhook.verify(upgrade(), "https://VOICE.example.org:443", account))
    fresh()
    assert.is_true(genesys.webhook.verify(upgrade { path = "/v1/bot-7" }, "https://voice.example.org/audiohook", account))
  end)

  local function refused(says, message, base, who)
    local ok, why, status = genesys.webhook.verify(message, base or BASE, who or account)
    assert.is_nil(ok)
    assert.matches(says, why)
    assert.is_true(status == 401 or status == 403)
  end

  for name, case in pairs {
    ["another path"] = { "signature is wrong", { path = "/audiohook/v1/bot-8" } },
    ["another query"] = { "signature is wrong", { query = "lang=en-US" } },
    ["a component left out"] = { "does not cover 'x%-api%-key'", { components = '("@request-target" "@authority" '
      .. '"audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id")', resign = true } },
    ["components in another order"] = { "signature is wrong", { components = '("@authority" "@request-target" '
      .. '"audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" "x-api-key")' } },
    ["a signature of before"] = { "too old", { parameters = { created = NOON - 11 }, resign = true } },
    ["a signature of the future"] = { "clocks", { parameters = { created = NOON + 4 }, resign = true } },
    ["a signature that has expired"] = { "expired", { parameters = { created = NOON - 5, expires = NOON - 1 }, resign = true } },
    ["a short nonce"] = { "nonce", { parameters = { nonce = ("n"):rep(21) }, resign = true } },
    ["no nonce"] = { "nonce", { parameters = { nonce = "none" }, resign = true } },
    ["another algorithm"] = { "algorithm", { parameters = { alg = "hmac-sha512" }, resign = true } },
    ["another key's id"] = { "another key", { parameters = { keyid = "x" }, resign = true } },
    ["no time"] = { "when it was made", { parameters = { created = "none" }, resign = true } },
    ["another API key"] = { "X%-API%-KEY", { key = "other" } },
    ["another signature"] = { "signature is wrong", { signature = "zupMJUMfd/kMuvKc5zhRyfJPE3jTROuz1S1hn8SCTpE=" } },
  } do
    it("is refused with " .. name, function() refused(case[1], upgrade(case[2])) end)
  end

  it("is refused for another port, without a key, and when the secret is not decoded", function()
    refused("signature is wrong", upgrade(), "https://voice.example.org:8443")
    local message = upgrade()
    message.headers["x-api-key"] = nil
    refused("no X%-API%-KEY", message)
    refused("not base64", upgrade(), nil, { key = KEY, secret = "not base64!" })
    refused("signature is wrong", upgrade(), nil, { key = KEY, secret = crypto.base64(SECRET) })
  end)

  it("without a client secret needs the API key alone", function()
    local message = upgrade()
    message.headers.signature = nil
    assert.is_true(genesys.webhook.verify(message, BASE, { key = KEY }))
    message.headers["x-api-key"] = "guess"
    refused("X%-API%-KEY", message, nil, { key = KEY })
  end)

  it("keeps to other clocks when it is told to", function()
    local old = upgrade { parameters = { created = NOON - 60 }, resign = true }
    assert.is_true(genesys.webhook.verify(old, BASE, { key = KEY, secret = SECRET, age = "120" }))
  end)
end)

local function offer(...) return { type = "audio", format = "PCMU", channels = { ... }, rate = 8000 } end

local function odd_offer(format, rate, channel)
  return { media = { { type = "audio", format = format, channels = { channel }, rate = rate } } }
end

local function open(change)
  local p = {
    organizationId = ORGANIZATION, conversationId = CONVERSATION, language = "en-IN", customConfig = {},
    participant = {
      id = "d1d1d1d1-1111-4222-8333-444444444444", ani = "+919800000001", aniName = "Asha", dnis = "+918000000002",
    },
    media = { offer "external" }, inputVariables = { lead = "42", queue = "sales" },
  }
  local message = { version = "2", id = SESSION, type = "open", seq = 1, serverseq = 0, position = "PT0S", parameters = p }
  for name, value in pairs(change or {}) do
    if message[name] ~= nil then message[name] = value else p[name] = value ~= "none" and value or nil end
  end
  return json.encode(message)
end

local function come(text, query, who)
  local message = upgrade()
  message.query, message.first = query or "", { text }
  return genesys.socket.read(message, who or account)
end

describe("a session of Genesys", function()
  it("says who calls whom, and what the flow gave along", function()
    assert.same({
      carrier_call = SESSION, from = "+919800000001", to = "+918000000002", direction = "INBOUND", format = "pcmu/1",
      payload = { lead = "42", queue = "sales", conversation_id = CONVERSATION, language = "en-IN" },
    }, come(open()))
    assert.equal("front-desk", come(open(), "agent=front-desk").agent)
    assert.equal("+919800000001", come(open { participant = { id = "d", ani = "tel:+919800000001" } }).from)
    assert.equal("asha", come(open { participant = { ani = "sip:asha@example.org" } }).from)
    assert.equal("", come(open { participant = "none" }).from)
  end)

  it("chooses the caller alone, or of two channels the caller's", function()
    assert.equal("pcmu/1", come(open { media = { offer("external", "internal"), offer "external", offer "internal" } }).format)
    assert.equal("pcmu/2", come(open { media = { offer("external", "internal"), offer "internal" } }).format)
  end)

  for name, case in pairs {
    ["no message"] = { nil, "not an 'open'" }, ["rubbish"] = { "{{", "not an 'open'" }, ["a list"] = { "[]", "not an 'open'" },
    ["another message"] = { open { type = "ping" }, "not an 'open'" },
    ["another version"] = { open { version = "3" }, "version" },
    ["another session"] = { open { id = "6a6a" }, "session" }, ["a session of another type"] = { open { id = 7 }, "session" },
    ["another number"] = { open { seq = 2 }, "numbered" },
    ["another organization"] = { open { organizationId = NOBODY }, "organization" },
    ["no media"] = { open { media = "none" }, "media" }, ["media that are none"] = { open { media = { 7, {}, "x" } }, "media" },
    ["the agent's channel first"] = { open { media = { offer("internal", "external") } }, "media" },
    ["another format"] = { open(odd_offer("L16", 8000, "external")), "media" },
    ["another rate"] = { open(odd_offer("PCMU", 16000, "external")), "media" },
    ["channels of another type"] = { open(odd_offer("PCMU", 8000, {})), "media" },
  } do
    it("is refused with " .. name, function()
      local about, why = come(case[1])
      assert.is_nil(about)
      assert.matches(case[2], why)
    end)
  end

  it("of another organization than ours is refused", function()
    local about, why = come(open(), nil, { key = KEY, organization = NOBODY })
    assert.is_nil(about)
    assert.matches("GENESYS_ORGANIZATION_ID", why)
    assert.is_table(come(open(), nil, { key = KEY, organization = ORGANIZATION }))
  end)

  it("that is a probe gets its answer and no agent", function()
    local about = come(open { conversationId = NOBODY, participant = { id = NOBODY, ani = "", dnis = "" } })
    assert.same({
      version = "2", id = SESSION, type = "opened", seq = 1, clientseq = 1, parameters = { startPaused = false, media = {} },
    }, json.decode(about.goodbye))
    assert.matches('"media":%[%]', about.goodbye)
    assert.is_nil(about.carrier_call)
  end)

  it("survives rubbish in what is optional", function()
    local about = come(open {
      inputVariables = { name = "x", nothing = json.null }, participant = 7, conversationId = 7, language = {}, customConfig = 7,
    })
    assert.same({ name = "x" }, about.payload)
    assert.is_table(come(open { inputVariables = "x", participant = { ani = 7, dnis = {} } }))
  end)
end)

describe("the end of a session of Genesys", function()
  local function refusal(about)
    return json.decode(genesys.socket.refuse({ first = { open() } }, about))
  end

  it("that never began has a reason", function()
    local text = refusal { reason = "unauthorized", why = "no" }
    assert.same({ version = "2", id = SESSION, type = "disconnect", seq = 1, clientseq = 1,
      parameters = { reason = "unauthorized", info = "no" } }, text)
    assert.equal("error", refusal({ reason = "busy", why = "all lines are in use" }).parameters.reason)
    assert.same({ outcome = "blocked", message = "We are closed.", redirect = "+1777" },
      refusal({ reason = "blocked", why = "closed", sentence = "We are closed.", redirect = "+1777" }).parameters.outputVariables)
    for _, first in ipairs { "{{", "[]", '{"id":7,"seq":1}', '{"id":"x"}' } do
      assert.is_nil(genesys.socket.refuse({ first = { first } }, { reason = "busy", why = "x" }))
    end
    assert.is_nil(genesys.socket.refuse({}, { reason = "busy", why = "x" }))
  end)

  it("tells the flow what came of it", function()
    assert.same({ reason = "completed", outputVariables = { outcome = "agent", queue = "billing" } },
      json.decode(genesys.socket.bye { outcome = "agent", outputs = { queue = "billing" } }))
    assert.same({ reason = "completed", outputVariables = { outcome = "" } }, json.decode(genesys.socket.bye {}))
    local word = json.decode(genesys.socket.bye { outcome = "x", outputs = { outcome = "chosen" } })
    assert.equal("chosen", word.outputVariables.outcome)
    assert.equal("error", json.decode(genesys.socket.bye { is_failed = true }).reason)
  end)

  it("is read off the other side's last message", function()
    local function close(reason) return json.encode { type = "close", parameters = { reason = reason } } end
    assert.same({ status = "ANSWERED", reason = "COMPLETED", cause = "close: end" }, genesys.socket.ended(close "end"))
    assert.equal("COMPLETED", genesys.socket.ended(close "disconnect").reason)
    assert.equal("FAILED", genesys.socket.ended(close "error").reason)
    for _, text in ipairs { "", "{}", "[1]", '{"parameters":7}', '{"parameters":{"reason":{}}}' } do
      assert.is_nil(genesys.socket.ended(text))
    end
  end)
end)
