-- Voices of vendors: what each is told, what it answers, and what the caller hears of it, from wires as their documents have
-- them (spec/vendors/recorded/voices.lua), on the real engine.

local exchange = require "callisto.spec"
local json = require "callisto.json"
local lab = require "callisto.lab"

local recorded = dofile "spec/vendors/recorded/voices.lua"

local PIECE = 1600 -- bytes: 100 ms of 16 bits at 8,000 Hz

local function template_of(name, about)
  return ([[
return require "callisto.template" {
  name = "under-test", greeting = "Hello from the vendor",
  voice = { tts = %s, %s },
  on_call = function(call)
    call:say "One two three four five six seven eight nine ten"
    call:finish("DONE", "Goodbye then")
  end,
}]]):format(name, about.voice)
end

local function base64(samples)
  return lab.wire({ name = "base64", encoding = "pcmu", rate = 8000, audio_out = '"$audio"' }):write("audio", samples):sub(2, -2)
end

local function binary(samples)
  return lab.wire({ name = "binary", encoding = "pcmu", rate = 8000, binary_out = true }):write("audio", samples)
end

-- Words and letters with their times: every word lasts as long as the others.
local function times_of(text, ms)
  local words, chars = {}, {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  local each, times = ms / #words, { WORDS = words, BEGINS = {}, ENDS = {}, CHARS = chars, STARTS = {}, LASTS = {} }
  for i, word in ipairs(words) do
    times.BEGINS[i], times.ENDS[i] = (i - 1) * each / 1000, i * each / 1000
    for at = 1, #word + 1 do
      chars[#chars + 1] = at <= #word and word:sub(at, at) or " "
      times.STARTS[#chars] = (i - 1) * each + (at - 1) * each / (#word + 1)
      times.LASTS[#chars] = each / (#word + 1)
    end
  end
  return times
end

-- A vendor's double: takes its texts as recorded, and answers as recorded.
local function double_of(about, answer)
  local double = { told = {}, upgrades = {}, texts = {}, closed = 0 }
  local function speak(socket, text, mark)
    local samples = lab.spoken(text, 8000)
    local times = times_of(text, #samples / 16)
    for _, message in ipairs(about.answers) do
      local filled = message:gsub("%u+", function(word)
        if word == "MARK" then return mark end
        return times[word] and json.encode(times[word])
      end)
      if message == "BINARY" then
        for at = 1, #samples, PIECE do socket:send(binary(samples:sub(at, at + PIECE - 1)), true) end
      elseif filled:find("SOUND", 1, true) then
        socket:send((filled:gsub("SOUND", function() return base64(samples) end)))
      else
        socket:send(filled)
      end
    end
  end
  function double.socket(request)
    double.upgrades[#double.upgrades + 1] = request
    if double.refuses then return double.refuses end
    return {
      open = function(socket) double.here = socket end,
      message = function(socket, data)
        double.told[#double.told + 1] = data
        local text = data:match '"t[er][xa][tn][^"]*":"([^"]+)"'
        if text and text ~= " " then double.text = text:gsub(" $", "") end
        double.mark = data:match '"context_?[iI]d":"([^"]+)"' or double.mark or "none"
        local last = about.said[#about.said]:gsub("MARK", double.mark):gsub("TEXT", double.text or "")
        if not double.text or json.encode(json.decode(data)) ~= json.encode(json.decode(last)) then return end
        text, double.text = double.text, nil
        double.texts[#double.texts + 1] = text
        if answer then return answer(double, socket, text, double.mark, speak) end
        speak(socket, text, double.mark)
      end,
      close = function() double.closed = double.closed + 1 end,
    }
  end
  return double
end

local function call(name, about, double, source)
  return exchange.call {
    source = source or template_of(json.encode(name), about), template = "under-test", env = about.env,
    hosts = { [about.host] = double },
  }
end

local function log_of(caller)
  local lines = {}
  for _, line in ipairs(caller.world.lab:log()) do lines[#lines + 1] = line.text end
  return table.concat(lines, "\n")
end

local function decoded(list, text, mark)
  local values = {}
  for i, each in ipairs(list) do
    values[i] = json.decode((each:gsub("MARK", mark or "MARK"):gsub("TEXT", text or "TEXT")))
  end
  return values
end

for name, about in pairs(recorded) do
  describe("the voice of " .. name, function()
    it("is reached and told as its interface says, and heard", function()
      local double = double_of(about)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      assert.equal("DONE", caller:ended().outcome)
      local request = double.upgrades[1]
      assert.equal(about.path, request.path)
      assert.equal(about.query, request.query)
      assert.equal(about.header[2], request.headers[about.header[1]])
      local told, opening = decoded(double.told), decoded(about.opening)
      for i, message in ipairs(opening) do assert.same(message, told[i]) end
      local said = decoded(about.said, "Hello from the vendor", "u1")
      for i, message in ipairs(said) do assert.same(message, told[#opening + i]) end
      assert.equal(1, #double.upgrades)
      assert.equal(1, double.closed)
      assert.equal(0, #caller:facts "vendor_ended")
    end)

    it("is cut where the caller interrupts, and nothing is written down that was not heard", function()
      local double = double_of(about)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:interrupts("stop it", 2.5)
      caller:hears "Goodbye then"
      caller:ended()
      local line = caller:lines()[2]
      local whole = "One two three four five six seven eight nine ten"
      local heard = line:match "^agent: (.-)%s*[—(%[-]" or line:sub(8)
      assert.is_truthy(whole:find(heard, 1, true), line)
      assert.is_true(#heard < #whole, line)
    end)

    it("tells an error, and its sentence is said by our own voice", function()
      local double = double_of(about, function(double, socket, text, mark, speak)
        if #double.texts > 1 then return speak(socket, text, mark) end
        socket:send((about.error:gsub("MARK", mark)))
      end)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      caller:ended()
      local log = log_of(caller)
      assert.is_truthy(log:find(about.error_log, 1, true), log)
      for _, key in pairs(about.env) do assert.is_nil((log .. caller.world:story()):find(key, 1, true)) end
    end)

    it("may send what nobody knows", function()
      local double = double_of(about, function(_, socket, text, mark, speak)
        socket:send '{"type":"novelty","value":[1,2,{"a":null}]}'
        socket:send '{"type":7}'
        socket:send "[]"
        speak(socket, text, mark)
      end)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      caller:ended()
    end)
  end)
end

-- Voices over requests -----------------------------------------------------------------------------------------------

local requested = dofile "spec/vendors/recorded/voices_http.lua"

local function le(value, bytes)
  local out = {}
  for i = 1, bytes do out[i] = string.char(math.floor(value / 256 ^ (i - 1)) % 256) end
  return table.concat(out)
end

-- A WAV file as streams have it: it does not know how long it is.
local function wav(kind, rate, data)
  local sample = kind == 1 and 2 or 1
  return "RIFF" .. ("\255"):rep(4) .. "WAVEfmt " .. le(16, 4) .. le(kind, 2) .. le(1, 2) .. le(rate, 4) .. le(rate * sample, 4)
    .. le(sample, 2) .. le(8 * sample, 2) .. "LIST" .. le(4, 4) .. "INFO" .. "data" .. ("\255"):rep(4) .. data
end

local function encoded(samples, how)
  local data = samples
  if how.encoding then
    data = lab.wire({ name = "raw", encoding = how.encoding, rate = how.rate, binary_out = true }):write("audio", samples)
  end
  if how.wav then data = wav(how.wav, how.rate, data) end
  if how.json then data = how.json:gsub("SOUND", (require("callisto.crypto").base64(data))) end
  return data
end

local function text_of(request)
  return request.body:match '"text":"([^"]+)"' or request.body:match '"input":"([^"]+)"'
    or request.body:match ">([^<>]+)</"
end

-- A vendor's double that answers requests as recorded.
local function host_of(about, answer)
  local double = { requests = {}, texts = {} }
  return double, function(request)
    double.requests[#double.requests + 1] = request
    double.texts[#double.texts + 1] = text_of(request)
    if answer then
      local given = answer(double, request)
      if given then return given end
    end
    local how = about.answer
    return {
      status = 200, headers = { ["content-type"] = how.type }, body = encoded(lab.spoken(text_of(request), how.rate), how),
    }
  end
end

local function http_call(about, host, source)
  return exchange.call {
    source = source or template_of(about.tts, { voice = "" }), template = "under-test", env = about.env,
    hosts = { [about.host] = host },
  }
end

for name, about in pairs(requested) do
  describe("the voice of " .. name, function()
    it("is asked as its interface says, and heard", function()
      local double, host = host_of(about)
      local caller = http_call(about, host)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      assert.equal("DONE", caller:ended().outcome)
      local request = double.requests[1]
      assert.equal("POST", request.method)
      assert.equal(about.path, request.path)
      assert.equal(about.header[2], request.headers[about.header[1]])
      local body = about.body:gsub("TEXT", "Hello from the vendor")
      if body:sub(1, 1) == "{" then
        assert.same(json.decode(body), json.decode(request.body))
      else
        assert.equal(body, request.body)
      end
      assert.equal(3, #double.requests)
      assert.equal(0, #caller:facts "vendor_ended")
    end)

    it("refuses, and its sentences are said by our own voice", function()
      local double, host = host_of(about, function() return about.error end)
      local caller = http_call(about, host)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      assert.equal("DONE", caller:ended().outcome)
      local is_busy = about.error.status == 429 or about.error.status == 503
      assert.is_true(#double.requests <= (is_busy and 3 or 2))
      assert.equal(is_busy and 0 or 1, #caller:facts "vendor_ended")
      local log = log_of(caller)
      assert.is_truthy(log:find("HTTP " .. about.error.status, 1, true), log)
      for _, key in pairs(about.env) do
        if key:find "secret" then assert.is_nil((log .. caller.world:story()):find(key, 1, true)) end
      end
    end)
  end)
end

describe("a voice over requests", function()
  local about = requested.openai

  local function says_all(answer)
    local double, host = host_of(about, answer)
    local caller = http_call(about, host)
    caller:hears "Hello from the vendor"
    caller:hears "One two three four five six seven eight nine ten"
    caller:hears "Goodbye then"
    assert.equal("DONE", caller:ended().outcome)
    return caller, double
  end

  local function answering(body, kind)
    return function() return { status = 200, headers = { ["content-type"] = kind or "audio/pcm" }, body = body } end
  end

  for _, case in ipairs {
    { "an error inside a 200", answering('{"error":{"message":"no such voice"}}', "application/json"), "no such voice" },
    { "an error that calls itself sound", answering '{"error":"no such voice"}', "something else than the sound" },
    { "another format", answering(("OggS"):rep(100)), "something else than the sound" },
    { "a page", answering("<!DOCTYPE html><p>Hello", "text/html"), "something else than the sound" },
    { "half a header", answering "RIFF\1\1\1\1WAVEfmt \16", "its WAV header has no end" },
    { "a header of a format nobody reads", answering("RIFF\1\1\1\1WAVEfmt " .. le(16, 4) .. le(85, 2) .. le(1, 2) .. le(8000, 4)
      .. le(1, 4) .. le(1, 2) .. le(0, 2) .. "data" .. le(9, 4) .. "mp3"), "WAV format 85" },
    { "nothing", answering "", "it sent no sound" },
  } do
    it("that answers with " .. case[1] .. " is replaced by our own", function()
      local caller = says_all(case[2])
      local log = log_of(caller)
      assert.is_truthy(log:find(case[3], 1, true), log)
    end)
  end

  it("that fails once is asked again for the next sentence", function()
    local _, double = says_all(function(double)
      if #double.requests == 1 then return { status = 500, body = "x" } end
    end)
    assert.equal(3, #double.requests)
  end)

  it("is cut where the caller interrupts", function()
    local double, host = host_of(about)
    local caller = http_call(about, host)
    caller:hears "Hello from the vendor"
    caller:interrupts("stop it", 2)
    caller:hears "Goodbye then"
    caller:ended()
    assert.is_truthy(caller:lines()[2]:find "^agent: One", caller:lines()[2])
    assert.is_nil(caller:lines()[2]:find("ten", 1, true))
    assert.equal(3, #double.requests)
  end)
end)

-- Several voices -----------------------------------------------------------------------------------------------------

describe("of several voices the next one", function()
  local TWO = '{ { "cartesia", voice = "f786b574-0000", speed = 1.2 }, { "elevenlabs", voice = "second" } }'
  local two = { env = {}, voice = "" }
  for _, name in ipairs { "cartesia", "elevenlabs" } do
    for key, value in pairs(recorded[name].env) do two.env[key] = value end
  end

  local function call_two(first, second)
    return exchange.call {
      source = template_of(TWO, two), template = "under-test",
      env = two.env, hosts = { [recorded.cartesia.host] = first, [recorded.elevenlabs.host] = second },
    }
  end

  it("says the sentence that the first accepts and does not sound (report A 6)", function()
    local first = double_of(recorded.cartesia, function(_, socket, _, mark)
      socket:send((recorded.cartesia.answers[5]:gsub("MARK", mark)))
    end)
    local second = double_of(recorded.elevenlabs)
    local caller = call_two(first, second)
    caller:hears "Hello from the vendor"
    caller:hears "One two three four five six seven eight nine ten"
    caller:hears "Goodbye then"
    caller:ended()
    assert.equal("Hello from the vendor", second.texts[1])
    assert.equal(3, #second.texts)
    assert.same({
      "agent: Hello from the vendor", "agent: One two three four five six seven eight nine ten", "agent: Goodbye then",
    }, caller:lines())
    assert.is_true(#first.texts <= 2)
  end)

  it("says it when the first refuses the socket (report A 6)", function()
    local first, second = double_of(recorded.cartesia), double_of(recorded.elevenlabs)
    first.refuses = 401
    local caller = call_two(first, second)
    caller:hears "Hello from the vendor"
    caller:hears "One two three four five six seven eight nine ten"
    caller:hears "Goodbye then"
    caller:ended()
    assert.equal(3, #second.texts)
    assert.equal("cartesia", caller:facts("vendor_ended")[1].name)
  end)

  it("is not needed when a half-dead socket is opened anew, and nothing is lost (report A 7)", function()
    local first, second = double_of(recorded.cartesia, function(double, socket, text, mark, speak)
      if #double.texts == 2 then return end
      speak(socket, text, mark)
    end), double_of(recorded.elevenlabs)
    local caller = call_two(first, second)
    caller:hears "Hello from the vendor"
    caller:hears "One two three four five six seven eight nine ten"
    caller:hears "Goodbye then"
    caller:ended()
    assert.equal(2, #first.upgrades)
    assert.equal(0, #second.texts)
    local fact = caller:facts("vendor_ended")[1]
    assert.is_truthy(fact.text:find("no sound came for 3000 ms", 1, true), fact.text)
  end)

  it("goes on with the first word that was not heard, when the first falls silent for good (report A 7)", function()
    local first = double_of(recorded.cartesia, function(double, socket, text, mark, speak)
      if #double.texts == 1 then return speak(socket, text, mark) end
      if #double.texts > 2 then return end
      local samples = lab.spoken("One two three", 8000)
      local times = times_of("One two three", #samples / 16)
      socket:send(json.encode { type = "timestamps", context_id = mark, word_timestamps = {
        words = times.WORDS, start = times.BEGINS, ["end"] = times.ENDS } })
      socket:send(json.encode { type = "chunk", context_id = mark, data = base64(samples) })
    end)
    local second = double_of(recorded.elevenlabs)
    local caller = call_two(first, second)
    caller:hears "Hello from the vendor"
    caller:hears "One two three four five six seven eight nine ten"
    caller:hears "Goodbye then"
    caller:ended()
    assert.equal("four five six seven eight nine ten", second.texts[1])
    assert.equal("agent: One two three four five six seven eight nine ten", caller:lines()[2])
  end)

  it("is not needed when an idle socket is closed: it is opened again", function()
    local first, second = double_of(recorded.cartesia), double_of(recorded.elevenlabs)
    local source = template_of(TWO, two)
      :gsub('call:say "One two', 'call:listen { timeout = "20s" } call:say "One two')
    local caller = exchange.call {
      source = source, template = "under-test", env = two.env,
      hosts = { [recorded.cartesia.host] = first, [recorded.elevenlabs.host] = second },
    }
    caller:hears "Hello from the vendor"
    caller:silence "12s"
    first.here:close(1000)
    caller:hears "One two three four five six seven eight nine ten"
    caller:hears "Goodbye then"
    caller:ended()
    assert.equal(2, #first.upgrades)
    assert.equal(0, #second.texts)
    assert.equal(0, #caller:facts "vendor_ended")
  end)
end)
