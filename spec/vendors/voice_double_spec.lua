-- The double of a voice, over each vendor's wire as its documents have it: what is sent back is sound, and says the text.

local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local json = require "callisto.json"
local lab = require "callisto.lab"
local sound = require "callisto.spec.sound"

local function world_of(voice)
  local world = exchange.open { hosts = { tts = voice } }
  local stage = sound.stage(world.lab)
  return world, function(encoding, rate)
    local ear, words = lab.ear(rate), {}
    return {
      put = function(bytes)
        for _, word in ipairs(ear:put(stage.unpacked(encoding, rate, bytes))) do words[#words + 1] = word end
      end,
      words = function()
        for _, word in ipairs(ear:put(("\0\0"):rep(rate / 10))) do words[#words + 1] = word end
        return table.concat(words, " ")
      end,
    }
  end
end

-- A client: what it got, in order.
local function dial(world, url, headers)
  local client = { got = {}, bytes = {} }
  client.socket = world.lab:dial({ url = url, headers = headers }, {
    open = function() client.is_open = true end,
    message = function(_, data, is_binary)
      if is_binary then client.bytes[#client.bytes + 1] = data else client.got[#client.got + 1] = (json.decode(data)) end
    end,
    close = function(_, code, reason, status) client.closed, client.reason, client.status = code, reason, status end,
  })
  function client.send(...)
    for _, each in ipairs { ... } do client.socket:send(type(each) == "string" and each or json.encode(each)) end
  end
  function client.of(kind)
    local list = {}
    for _, each in ipairs(client.got) do
      if each.type == kind then list[#list + 1] = each end
    end
    return list
  end
  world:advance(0.01)
  return client
end

describe("the double of Deepgram's voice", function()
  local URL = "wss://api.deepgram.com/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"
  local KEY = { authorization = "Token k" }

  it("speaks what was flushed, and says when it is over", function()
    local voice = exchange.voice { first_audio = 0.3 }
    local world, hearer = world_of(voice)
    local client = dial(world, URL, KEY)
    client.send({ type = "Speak", text = "Your balance" }, { type = "Speak", text = "is forty." }, { type = "Flush" })
    world:advance(0.29)
    assert.equal(0, #client.bytes)
    world:advance(5)
    local ear = hearer("pcmu", 8000)
    for _, bytes in ipairs(client.bytes) do ear.put(bytes) end
    assert.equal("Your balance is forty.", ear.words())
    assert.equal("Flushed", client.got[#client.got].type)
    assert.same({ text = "Your balance is forty.", vendor = "deepgram", voice = "aura-2-thalia-en" }, voice:said(-1))
    client.send { type = "Close" }
    world:advance(0.1)
    assert.equal(1000, client.closed)
  end)

  it("stops when it is cleared", function()
    local voice = exchange.voice { pace = 1 }
    local world = world_of(voice)
    local client = dial(world, URL, KEY)
    client.send({ type = "Speak", text = "one two three four five six" }, { type = "Flush" })
    world:advance(0.5)
    client.send { type = "Clear" }
    world:advance(0.1)
    local count = #client.bytes
    world:advance(5)
    assert.equal(count, #client.bytes)
    assert.equal(0, #client.of "Flushed")
    assert.equal(1, #client.of "Cleared")
    assert.is_true(voice:said(1).cancelled)
    client.socket:close()
  end)

  it("refuses wrong keys, bad JSON, long texts and many flushes", function()
    local world = world_of(exchange.voice { key = "right" })
    assert.equal(401, dial(world, URL, KEY).status)
    local right = { authorization = "Token right" }
    for text, code in pairs { ["{"] = 1003, ['{"type":"Sing"}'] = 1008 } do
      local client = dial(world, URL, right)
      client.send(text)
      world:advance(0.1)
      assert.equal(code, client.closed)
    end
    local client = dial(world, URL, right)
    for _ = 1, 21 do client.send { type = "Flush" } end
    world:advance(0.1)
    assert.equal(1, #client.of "Warning")
    client.send { type = "Speak", text = ("x"):rep(2001) }
    world:advance(0.1)
    assert.equal(1009, client.closed)
  end)
end)

describe("the double of ElevenLabs", function()
  local URL = "wss://api.elevenlabs.io/v1/text-to-speech/anna/multi-stream-input?output_format=ulaw_8000&auto_mode=true"
  local KEY = { ["xi-api-key"] = "k" }

  it("speaks in contexts, with the times of letters", function()
    local world, hearer = world_of(exchange.voice())
    local client = dial(world, URL .. "&sync_alignment=true", KEY)
    client.send({ text = " ", context_id = "t1" }, { text = "Your balance ", context_id = "t1", flush = true },
      { text = "is forty. ", context_id = "t2" }, { context_id = "t1", close_context = true },
      { context_id = "t2", close_context = true })
    world:advance(5)
    local ear, letters, ended = hearer("pcmu", 8000), {}, {}
    for _, each in ipairs(client.got) do
      if each.isFinal then ended[#ended + 1] = each.contextId end
      if each.audio then ear.put(crypto.unbase64(each.audio)) end
      if each.alignment and each.contextId == "t1" then letters[#letters + 1] = table.concat(each.alignment.chars) end
    end
    assert.equal("Your balance is forty.", ear.words())
    assert.equal("Your balance ", table.concat(letters))
    assert.same({ "t1", "t2" }, ended)
    client.send { close_socket = true }
    world:advance(0.1)
    assert.equal(1000, client.closed)
  end)

  it("goes on with what was flushed when a context is closed, and drops the rest", function()
    local voice = exchange.voice()
    local world = world_of(voice)
    local client = dial(world, (URL:gsub("&auto_mode=true", "")), KEY)
    client.send({ text = " ", context_id = "t" }, { text = "one ", context_id = "t", flush = true },
      { text = "two ", context_id = "t" }, { context_id = "t", close_context = true })
    world:advance(5)
    assert.same({ "one " }, { voice:said(1).text:match "%S+ ", voice:said(2) })
    client.socket:close()
  end)

  it("closes for the sixth context, and for voice settings that come late", function()
    local world = world_of(exchange.voice())
    local client = dial(world, URL, KEY)
    for i = 1, 6 do client.send { text = " ", context_id = "t" .. i } end
    world:advance(0.1)
    assert.equal("max_active_conversations", client.got[#client.got].error)
    assert.equal(1008, client.closed)
    client = dial(world, URL, KEY)
    client.send({ text = " ", context_id = "t" }, { text = "x ", context_id = "t", voice_settings = { speed = 1.1 } })
    world:advance(0.1)
    assert.equal(1008, client.closed)
  end)
end)

describe("the double of Cartesia", function()
  local URL, KEY = "wss://api.cartesia.ai/tts/websocket", { authorization = "Bearer k" }
  local function text(id, transcript, more)
    local message = {
      model_id = "sonic-3", transcript = transcript, voice = { mode = "id", id = "v" }, context_id = id, continue = true,
      output_format = { container = "raw", encoding = "pcm_s16le", sample_rate = 16000 }, add_timestamps = true,
    }
    for name, value in pairs(more or {}) do message[name] = value end
    return message
  end

  it("speaks a context in pieces, with the times of words", function()
    local world, hearer = world_of(exchange.voice())
    local client = dial(world, URL, KEY)
    client.send(text("t", "Your ", { max_buffer_delay_ms = 0 }), text("t", "balance is "),
      text("t", "forty.", { continue = false }))
    world:advance(5)
    local ear, words = hearer("l16le", 16000), {}
    for _, each in ipairs(client.of "chunk") do ear.put(crypto.unbase64(each.data)) end
    for _, each in ipairs(client.of "timestamps") do
      for _, word in ipairs(each.word_timestamps.words) do words[#words + 1] = word end
    end
    assert.equal("Your balance is forty.", ear.words())
    assert.equal("Your balance is forty.", table.concat(words, " "))
    assert.equal(1, #client.of "flush_done")
    assert.equal("done", client.got[#client.got].type)
    client.socket:close()
  end)

  it("says no more of a context that was cancelled, and refuses another voice in one", function()
    local world = world_of(exchange.voice { pace = 1 })
    local client = dial(world, URL, KEY)
    client.send(text("t", "one two three four five", { continue = false }))
    world:advance(0.5)
    client.send { context_id = "t", cancel = true }
    world:advance(0.1)
    local count = #client.got
    world:advance(5)
    assert.equal(count, #client.got)
    client.send(text("u", "one "), text("u", "two ", { voice = { mode = "id", id = "w" } }))
    world:advance(1)
    assert.equal(400, client.got[#client.got].status_code)
    client.socket:close()
  end)
end)

describe("the double of Sarvam's voice", function()
  local URL = "wss://api.sarvam.ai/text-to-speech/ws?model=bulbul:v2&send_completion_event=true"
  local KEY = { ["api-subscription-key"] = "k" }
  local CONFIG = { type = "config", data = {
    target_language_code = "hi-IN", speaker = "anushka", speech_sample_rate = "8000", output_audio_codec = "mulaw",
  } }

  it("speaks after its configuration, and says when it is over", function()
    local world, hearer = world_of(exchange.voice())
    local client = dial(world, URL, KEY)
    client.send(CONFIG, { type = "text", data = { text = "Namaste ji" } }, { type = "ping" }, { type = "flush" })
    world:advance(5)
    local ear = hearer("pcmu", 8000)
    for _, each in ipairs(client.of "audio") do ear.put(crypto.unbase64(each.data.audio)) end
    assert.equal("Namaste ji", ear.words())
    assert.equal("final", client.got[#client.got].data.event_type)
    client.socket:close()
  end)

  it("wants the configuration first, and says 403 to a wrong key", function()
    local world = world_of(exchange.voice { key = "right" })
    assert.equal(403, dial(world, URL, KEY).status)
    local client = dial(world, URL, { ["api-subscription-key"] = "right" })
    client.send { type = "text", data = { text = "Namaste" } }
    world:advance(0.1)
    assert.equal(422, client.got[1].data.code)
    assert.is_number(client.closed)
  end)
end)

describe("voices over HTTP", function()
  local function post(world, url, headers, body)
    return world:fetch { method = "POST", url = url, headers = headers, json = body, timeout = 20 }
  end
  local TEXT = "Your balance is forty."
  local CASES = {
    { "https://api.openai.com/v1/audio/speech", { authorization = "Bearer k" },
      { model = "gpt-4o-mini-tts", input = TEXT, voice = "marin", response_format = "pcm" }, "l16le", 24000 },
    { "https://api.deepgram.com/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000&container=none",
      { authorization = "Token k" }, { text = TEXT }, "pcmu", 8000 },
    { "https://api.elevenlabs.io/v1/text-to-speech/anna/stream?output_format=alaw_8000", { ["xi-api-key"] = "k" },
      { text = TEXT, model_id = "eleven_flash_v2_5" }, "pcma", 8000 },
    { "https://api.cartesia.ai/tts/bytes", { ["x-api-key"] = "k" },
      { model_id = "sonic-3", transcript = TEXT, voice = { mode = "id", id = "v" },
        output_format = { container = "raw", encoding = "pcm_mulaw", sample_rate = 8000 } }, "pcmu", 8000 },
    { "https://api.sarvam.ai/text-to-speech", { ["api-subscription-key"] = "k" },
      { text = TEXT, target_language_code = "en-IN", speaker = "anushka", sample_rate = 8000, output_audio_codec = "mulaw" },
      "pcmu", 8000, function(body) return crypto.unbase64((json.decode(body)).audios[1]) end },
  }
  for _, case in ipairs(CASES) do
    it("are " .. case[1]:match "//([%w.]+)" .. "'s, and refused without a key", function()
      local world, hearer = world_of(exchange.voice())
      local response = assert(post(world, case[1], case[2], case[3]))
      assert.equal(200, response.status, response.body)
      local ear = hearer(case[4], case[5])
      ear.put(case[6] and case[6](response.body) or response.body)
      assert.equal(TEXT, ear.words())
      local refused = post(world, case[1], {}, case[3])
      assert.is_true(refused.status == 401 or refused.status == 403)
      assert.is_table((json.decode(refused.body)))
      assert.equal(400, post(world, case[1], case[2], { nothing = true }).status)
    end)
  end
end)

describe("what befalls a text", function()
  local URL = "wss://api.deepgram.com/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"

  it("happens in the middle of its sound, once or always", function()
    local world = world_of(exchange.voice { busy = 1, replies = {
      { "close", sound = 0.3, close = 1011, reason = "net0000", times = 1 }, { "mute", silent = true },
    } })
    assert.equal(429, dial(world, URL, { authorization = "Token k" }).status)
    local client = dial(world, URL, { authorization = "Token k" })
    client.send({ type = "Speak", text = "please close here now" }, { type = "Flush" })
    world:advance(3)
    assert.same({ 1011, "net0000", 3 }, { client.closed, client.reason, #client.bytes })
    client = dial(world, URL, { authorization = "Token k" })
    client.send({ type = "Speak", text = "please close here now" }, { type = "Flush" })
    client.send({ type = "Speak", text = "mute" }, { type = "Flush" })
    world:advance(5)
    assert.equal(1, #client.of "Flushed")
    client.socket:close()
  end)
end)
