-- The double of a recogniser, over each vendor's wire as its documents have it: it is sent sound, and tells the words.

local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local json = require "callisto.json"
local sound = require "callisto.spec.sound"

local FRAME_S = 0.1

-- A client: what it got, in order; `says` sends sound in real time, `format` { encoding, rate, wrap }.
local function dial(ear, url, headers, format)
  local world = exchange.open { hosts = { stt = ear } }
  local stage, client = sound.stage(world.lab), { got = {}, world = world }
  client.socket = world.lab:dial({ url = url, headers = headers }, {
    message = function(_, data) client.got[#client.got + 1] = (json.decode(data)) end,
    close = function(_, code, reason, status) client.closed, client.reason, client.status = code, reason, status end,
  })
  world:advance(0.01)
  local function send(samples)
    local bytes = stage.packed(format[1], format[2], samples)
    if format[3] then client.socket:send(format[3](bytes)) else client.socket:send(bytes, true) end
    world:advance(FRAME_S)
  end
  local frame = math.floor(format and 2 * format[2] * FRAME_S or 0)
  function client.says(text)
    local samples = stage.spoken(text, format[2])
    samples = samples .. ("\0"):rep(frame - #samples % frame)
    for at = 1, #samples, frame do send(samples:sub(at, at + frame - 1)) end
  end
  function client.silence(seconds)
    for _ = 1, seconds / FRAME_S do send(("\0"):rep(frame)) end
  end
  function client.tell(message)
    client.socket:send(json.encode(message))
    world:advance(0.3)
  end
  function client.of(kind)
    local list = {}
    for _, each in ipairs(client.got) do
      if each.type == kind then list[#list + 1] = each end
    end
    return list
  end
  return client
end

local function text_of(results) return results.channel.alternatives[1].transcript end

describe("the double of Deepgram's ear", function()
  local URL = "wss://api.deepgram.com/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true"
    .. "&endpointing=300&utterance_end_ms=1000&vad_events=true"
  local KEY, FORMAT = { authorization = "Token k" }, { "pcmu", 8000 }

  it("tells words while they are said, the end of an utterance, and the gap behind it", function()
    local ear = exchange.ear()
    local client = dial(ear, URL, KEY, FORMAT)
    client.says "I want to pay."
    client.silence(2)
    local results = client.of "Results"
    assert.equal("SpeechStarted", client.got[1].type)
    assert.is_false(results[1].is_final)
    local final = results[#results]
    assert.is_true(final.is_final and final.speech_final)
    assert.equal("I want to pay.", text_of(final))
    assert.equal("pay", final.channel.alternatives[1].words[4].word)
    assert.equal(1, #client.of "UtteranceEnd")
    assert.same({ text = "I want to pay.", vendor = "deepgram" }, ear:heard(-1))
    client.says "Yes."
    client.silence(1)
    assert.equal("Yes.", ear:heard(2).text)
    client.tell { type = "CloseStream" }
    assert.equal(1, #client.of "Metadata")
    assert.equal(1000, client.closed)
  end)

  it("flushes when it is told to, and closes when it hears nothing", function()
    local client = dial(exchange.ear(), URL, KEY, FORMAT)
    client.says "forty two"
    client.tell { type = "Finalize" }
    local results = client.of "Results"
    assert.is_true(results[#results].from_finalize)
    assert.equal("forty two", text_of(results[#results]))
    client.world:advance(8)
    client.tell { type = "KeepAlive" }
    client.world:advance(9)
    assert.is_nil(client.closed)
    client.world:advance(11)
    assert.equal(1011, client.closed)
    assert.is_true(client.reason:find "net0001" ~= nil)
  end)

  it("refuses a wrong key and what it does not know", function()
    assert.equal(401, dial(exchange.ear { key = "right" }, URL, KEY).status)
    assert.equal(400, dial(exchange.ear(), "wss://api.deepgram.com/v1/listen?encoding=mulaw&sample_rate=8000", KEY).status)
    assert.equal(429, dial(exchange.ear { busy = 1 }, URL, KEY).status)
    local client = dial(exchange.ear(), URL, KEY, FORMAT)
    client.tell { type = "Sing" }
    assert.equal(1008, client.closed)
  end)
end)

describe("the double of AssemblyAI", function()
  local URL = "wss://streaming.assemblyai.com/v3/ws?sample_rate=8000&encoding=pcm_mulaw&format_turns=true"
  local KEY, FORMAT = { authorization = "k" }, { "pcmu", 8000 }

  it("tells the whole turn each time, and its end twice when turns are formatted", function()
    local client = dial(exchange.ear(), URL, KEY, FORMAT)
    client.says "I want to pay."
    client.silence(1)
    assert.equal("Begin", client.got[1].type)
    local turns = client.of "Turn"
    assert.is_false(turns[1].end_of_turn)
    local first, second = turns[#turns - 1], turns[#turns]
    assert.same({ true, false, "i want to pay" }, { first.end_of_turn, first.turn_is_formatted, first.transcript })
    assert.same({ true, true, "I want to pay." }, { second.end_of_turn, second.turn_is_formatted, second.transcript })
    client.says "no"
    client.tell { type = "ForceEndpoint" }
    assert.equal(1, client.got[#client.got].turn_order)
    client.tell { type = "Terminate" }
    assert.equal("Termination", client.got[#client.got].type)
    assert.equal(1000, client.closed)
  end)

  it("says in the socket that a key is wrong, and that pieces are too short", function()
    local client = dial(exchange.ear { key = "right" }, URL, KEY)
    assert.is_true(client.got[1].error:find "Unauthorized" ~= nil)
    assert.equal(1008, client.closed)
    client = dial(exchange.ear(), URL, KEY, FORMAT)
    client.socket:send(("\255"):rep(160), true)
    client.world:advance(0.1)
    assert.equal(3007, client.closed)
  end)
end)

describe("the double of Sarvam's ear", function()
  local URL = "wss://api.sarvam.ai/speech-to-text/ws?language-code=hi-IN&model=saaras:v3&vad_signals=true&sample_rate=16000"
  local KEY = { ["api-subscription-key"] = "k" }
  local function wrap(rate)
    return function(bytes)
      return json.encode { audio = { data = crypto.base64(bytes), encoding = "audio/wav", sample_rate = rate } }
    end
  end

  it("tells one transcript for an utterance, after its end", function()
    local ear = exchange.ear()
    local client = dial(ear, URL, KEY, { "l16le", 16000, wrap(16000) })
    client.says "mera bill"
    client.silence(2)
    local kinds = {}
    for i, each in ipairs(client.got) do kinds[i] = each.data.signal_type or each.data.transcript end
    assert.same({ "START_SPEECH", "END_SPEECH", "mera bill" }, kinds)
    assert.same({ text = "mera bill", vendor = "sarvam", language = "hi-IN" }, ear:heard(1))
    client.socket:close()
  end)

  it("closes at 8 kHz, and says 403 to a wrong key", function()
    local client = dial(exchange.ear(), URL, KEY, { "l16le", 16000, wrap(8000) })
    client.silence(0.2)
    assert.is_number(client.closed)
    assert.equal(403, dial(exchange.ear { key = "right" }, URL, KEY).status)
  end)
end)

describe("what befalls an utterance", function()
  local URL = "wss://api.deepgram.com/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
  local KEY, FORMAT = { authorization = "Token k" }, { "l16le", 16000 }

  local function after(reply)
    local client = dial(exchange.ear { replies = { reply } }, URL, KEY, FORMAT)
    client.says "cancel it"
    client.silence(1)
    client.says "please"
    client.silence(1)
    local texts = {}
    for i, each in ipairs(client.of "Results") do texts[i] = text_of(each) end
    if not client.closed then client.socket:close() end
    return texts, client
  end

  it("is told late, not, often, wrongly, or is the last thing that is understood", function()
    assert.same({ "cancel it", "please" }, (after {}))
    assert.same({ "please" }, (after { "cancel", finals = 0 }))
    assert.same({ "cancel it", "cancel it", "cancel it", "please" }, (after { "cancel", finals = 3 }))
    assert.same({ "candle lit", "please" }, (after { "cancel", says = "candle lit" }))
    assert.same({ "please", "cancel it" }, (after { "cancel", delay = 1.7 }))
    assert.same({}, (after { "cancel", deaf = true }))
  end)

  it("closes the socket, with the code it is given", function()
    local texts, client = after { "cancel", close = 1011, reason = "net0000" }
    assert.same({}, texts)
    assert.same({ 1011, "net0000" }, { client.closed, client.reason })
  end)
end)
