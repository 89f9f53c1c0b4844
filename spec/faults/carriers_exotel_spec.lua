-- Exotel as its own samples speak: a start message without all its ids, parameters for the flow, the login of its interface in
-- the URL, and callers beyond the limit.

local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local json = require "callisto.json"

local ACCOUNT = require("callisto.exchange.accounts").of "exotel"
local SECRET = ACCOUNT.EXOTEL_WEBHOOK_SECRET
local DESK = [[return require "callisto.template" { name = "desk", payload = { lead = "string?", tries = "integer?" },
  on_call = function(call)
    call:fact("payload", call.payload)
    call:say "Hello, this is the desk." call:sleep "1m"
  end }]]

local function open(env) return exchange.open { carrier = "exotel", sources = { ["templates.desk"] = DESK }, env = env } end

-- Somebody rings a flow whose Voicebot applet has this URL.
local function ring(world, voice_url, number)
  world:puppet(number or "+919800000001")
  local placed, status = world:ask_exchange("POST", "/exchange/calls", {
    from = number or "+919800000001", to = "+14150000002", carrier = "exotel", voice_url = voice_url,
  })
  assert.equal(201, status)
  return placed.id
end

local function record(world, id)
  for _, each in ipairs(world:ask_app("GET", "/api/calls").calls) do
    if each.carrier_call_id == id then return (world:ask_app("GET", "/api/calls/" .. each.id)) end
  end
end

local function report(world, id) return (world:ask_exchange("GET", "/exchange/calls/" .. id)) end

local function payload_of(world, id)
  return world:until_true(20, function()
    for _, event in ipairs((record(world, id) or { events = {} }).events) do
      if event.kind == "payload" then return event.data end
    end
  end, 0.5)
end

local function hang_up(world, id)
  local path = ("/exchange/calls/%s/does"):format(report(world, id).line)
  world:ask_exchange("POST", path, { verb = "hangs_up", with = json.array {} })
end

describe("a socket of Exotel that comes first", function()
  for name, texts in pairs {
    ["in snake_case, the stream's id beside the start"] = {
      '{"event":"connected"}',
      '{"event":"start","stream_sid":"s1","start":{"call_sid":"c1","media_format":{"sample_rate":"8000"}}}',
    },
    ["in camelCase"] = {
      '{"event":"connected"}',
      '{"event":"start","streamSid":"s1","start":{"callSid":"c1","mediaFormat":{"sampleRate":"16000"}}}',
    },
    ["with all ids beside the start"] = {
      '{"event":"connected"}', '{"event":"start","stream_sid":"s1","call_sid":"c1","start":{"custom_parameters":""}}',
    },
  } do
    it("is read " .. name, function()
      local adapter = require "providers.carriers.exotel"
      local about = assert(adapter.socket.read({ first = texts, query = "" }, {}))
      assert.equal("c1", about.carrier_call)
      local wire = require("callisto.lab").wire(adapter.media[about.format])
      local kind, start = wire:read(texts[2])
      assert.same({ "start", "s1", "c1" }, { kind, start.stream, start.call })
    end)
  end

  it("gives the flow the parameters of its URL and those the carrier read from it, as the template wants them", function()
    local world = open()
    local id = ring(world, ("wss://app.test/ws/exotel/desk?token=%s&lead=42&tries=3&sample-rate=16000"):format(SECRET))
    assert.same({ lead = "42", tries = 3 }, payload_of(world, id))
    hang_up(world, id)
  end)

  it("gives it those of an applet that asks first, too", function()
    local world = open()
    local id = ring(world, ("https://app.test/telephony/exotel/inbound/desk?token=%s&lead=42"):format(SECRET))
    assert.same({ lead = "42" }, payload_of(world, id))
    hang_up(world, id)
  end)

  it("is known by the login of the carrier's interface, as its pages write the URL", function()
    local world = open { EXOTEL_WEBHOOK_SECRET = "another one" }
    local login = "wss://%s:%s@app.test/ws/exotel/desk"
    local forged = ring(world, login:format(ACCOUNT.EXOTEL_API_KEY, "guess"))
    local id = ring(world, login:format(ACCOUNT.EXOTEL_API_KEY, ACCOUNT.EXOTEL_API_TOKEN), "+919800000002")
    assert(payload_of(world, id))
    assert.is_nil(record(world, forged))
    hang_up(world, id)
  end)

  it("is let in with a slash at the end of its path", function()
    local world = open()
    local id = ring(world, ("wss://app.test/ws/exotel/desk/?token=%s"):format(SECRET))
    assert(payload_of(world, id))
    hang_up(world, id)
  end)

  it("is refused with 503 and Retry-After while all lines are held", function()
    local world = open { EXOTEL_MAX_CONCURRENT = "1" }
    local url = ("wss://app.test/ws/exotel/desk?token=%s"):format(SECRET)
    local first = ring(world, url)
    assert(payload_of(world, first))
    local second = ring(world, url, "+919800000002")
    local over = world:until_true(30, function()
      local now = report(world, second)
      return now.ended and now
    end, 0.5)
    assert.is_nil(record(world, second))
    assert.matches("could not be opened", json.encode(over.log))
    local answer = world:fetch { url = "https://app.test/metrics" }
    assert.matches('callisto_sockets_refused_total{status="503"} %d', answer.body)
    hang_up(world, first)
    world:advance(1) -- its line is free at once, though nobody tells how the call ended
    assert(payload_of(world, ring(world, url, "+919800000003")))
  end)
end)

describe("a step of Exotel's flow that tells something", function()
  for _, path in ipairs { "/exotel/callback/status", "/agent/voice/breeze-buddy/exotel/callback/details" } do
    it("is answered 200: " .. path, function()
      local world = open()
      local answer = world:fetch { url = ("https://app.test%s?CallSid=c1&RecordingUrl=&token=%s"):format(path, SECRET) }
      assert.same({ 200, "" }, { answer.status, answer.body })
      answer = world:fetch {
        url = ("https://app.test%s?CallSid=c1&RecordingUrl="):format(path),
        headers = { authorization = "Basic " .. crypto.base64("exotel:" .. SECRET) },
      }
      assert.equal(200, answer.status)
    end)
  end
end)
