-- A made-up voice and a made-up ear of a workspace's providers/, on the real engine: they speak and listen over sockets, in calls
-- whose flows know nothing of it.

local exchange = require "callisto.spec"
local json = require "callisto.json"
local lab = require "callisto.lab"

local VOICE = [[
local tts = require "callisto.provider.tts"
return tts {
  name = "parrot", engine = "socket", languages = { "en", "hi" }, voices = { "aria", "bruno" },
  account = { key = "PARROT_KEY" }, required = { "key" }, connect_timeout = 2, patience = 3,
  media = {
    ["l16/24000"] = {
      encoding = "l16le", rate = 24000, event = "type",
      audio_in = { event = "sound", payload = "data" }, mark_in = { event = "done", name = "id" },
      error_in = { event = "error", text = "why" }, stop_in = { event = "bye" },
      say_out = '{"type":"say","text":"$text","id":"$mark","voice":"$voice"}', clear = '{"type":"stop"}',
    },
  },
  connect = function(account, about)
    return {
      url = "wss://voice.test/v1?voice=" .. about.voice .. "&lang=" .. about.language,
      headers = { Authorization = "Token " .. account.key },
      opening = { '{"type":"hello","call":"' .. about.call .. '"}' },
      closing = '{"type":"goodbye"}',
      keepalive = { '{"type":"alive"}', every = "4s" },
    }
  end,
}
]]

local EAR = [[
local stt = require "callisto.provider.stt"
return stt {
  name = "owl", engine = "socket", languages = { "en", "hi" }, account = { key = "OWL_KEY" }, required = { "key" },
  media = {
    ["pcmu/8000"] = {
      encoding = "pcmu", rate = 8000, frame_ms = 40, event = "type", binary_out = true,
      words_in = { event = "words", text = "alternatives.0.text", final = "is_final", from = "start", to = "end" },
      error_in = { event = "error", text = "why" },
    },
  },
  connect = function(account) return { url = "wss://ear.test/listen", headers = { ["x-key"] = account.key } } end,
}
]]

local KEYS = { PARROT_KEY = "parrot-secret-1", OWL_KEY = "owl-secret-2" }

-- The vendor's own side of the wire.
local VOICE_THERE = {
  name = "parrot, there", encoding = "l16le", rate = 24000, frame_ms = 100,
  audio_out = '{"type":"sound","data":"$audio"}', mark_out = '{"type":"done","id":"$mark"}',
}
local EAR_THERE = { name = "owl, there", encoding = "pcmu", rate = 8000, binary_in = true, audio_out = '{"$audio":1}' }

-- A voice: what it was told, and what it does with a text; by default it says it.
local function parrot(on_say)
  local double = { sockets = 0, said = {}, voices = {}, upgrades = {}, closed = 0, alive = 0 }
  function double.socket(request)
    local wire, here = lab.wire(VOICE_THERE), nil
    double.sockets = double.sockets + 1
    double.upgrades[#double.upgrades + 1] = request
    if double.refuses then return double.refuses end
    local function speak(text, id, without_mark)
      local samples = lab.spoken(text, 24000)
      for at = 1, #samples, 4800 do here:send(wire:write("audio", samples:sub(at, at + 4799))) end
      if not without_mark then here:send(wire:write("mark", id)) end
    end
    return {
      open = function(socket) here, double.here = socket, socket end,
      message = function(_, data)
        local message = json.decode(data)
        double.last = message.type
        if message.type == "alive" then double.alive = double.alive + 1 end
        if message.type == "stop" then double.stops = (double.stops or 0) + 1 end
        if message.type ~= "say" then return end
        double.said[#double.said + 1] = message.text
        double.voices[#double.voices + 1] = message.voice
        if on_say then on_say(double, here, message, speak) else speak(message.text, message.id) end
      end,
      close = function() double.closed = double.closed + 1 end,
    }
  end
  return double
end

-- An ear: hands on every word as partial, and all of them as final when nothing was said for half a second.
local function owl(on_turn)
  local double = { heard_ms = 0, turns = {} }
  function double.socket(request)
    local wire, ear, words, quiet_ms = lab.wire(EAR_THERE), lab.ear(8000), {}, 0
    double.key = request.headers["x-key"]
    if double.refuses then return double.refuses end
    local function tell(socket, is_final)
      local text = table.concat(words, " ")
      socket:send(json.encode {
        type = "words", alternatives = { { text = text } }, is_final = is_final, start = 0.5, ["end"] = double.heard_ms / 1000,
      })
    end
    return {
      open = function(socket) double.here = socket end,
      message = function(socket, data, is_binary)
        local kind, about = wire:read(data, is_binary)
        assert(kind == "audio", kind)
        double.heard_ms = double.heard_ms + #data / 8
        local new = ear:put(about.samples)
        quiet_ms = #new > 0 and 0 or quiet_ms + #data / 8
        for _, word in ipairs(new) do words[#words + 1] = word end
        if #new > 0 then tell(socket, false) end
        if #words == 0 or quiet_ms < 500 then return end
        double.turns[#double.turns + 1] = table.concat(words, " ")
        if on_turn then on_turn(double, socket, words) else tell(socket, true) end
        words = {}
      end,
      close = function() double.closed = (double.closed or 0) + 1 end,
    }
  end
  return double
end

local FLOW = [[
local template = require "callisto.template"
return template {
  name = "under-test", greeting = "Hello from the parrot",
  voice = { tts = "parrot", stt = "owl", language = "en", voice = "bruno" },
  on_call = function(call)
    call:on("words", function(_, words) call:fact("partial", { text = words.text }) end)
    local answer = call:ask { "Do you like birds", choices = { yes = "yes, of course", no = "no" }, timeout = "5s", tries = 2 }
    call:finish(answer and answer:upper() or "NOTHING", answer == "yes" and "So do we" or "What a pity")
  end,
}
]]

local function call(options)
  local sources = { ["providers.tts.parrot"] = VOICE, ["providers.stt.owl"] = EAR }
  for name, text in pairs(options.sources or {}) do sources[name] = text end
  return exchange.call {
    source = options.source or FLOW, template = "under-test", sources = sources, env = options.env or KEYS,
    hosts = { ["https://voice.test"] = options.voice or parrot(), ["https://ear.test"] = options.ear or owl() },
    payload = options.payload,
  }
end

local function log_of(caller)
  local lines = {}
  for _, line in ipairs(caller.world.lab:log()) do lines[#lines + 1] = line.text end
  return table.concat(lines, "\n")
end


-- No key is written down, whatever the vendor says.
local function check_keys(caller)
  local story = log_of(caller) .. json.encode(caller:lines()) .. caller.world:story()
  for _, key in pairs(KEYS) do assert.is_nil(story:find(key, 1, true), story) end
end

describe("a vendor's voice and ear", function()
  it("hold a conversation", function()
    local voice, ear = parrot(), owl()
    local caller = call { voice = voice, ear = ear }
    caller:hears "Hello from the parrot"
    caller:hears "Do you like birds"
    caller:listens()
    caller:says "yes of course I do"
    caller:hears "So do we"
    assert.equal("YES", caller:ended().outcome)
    assert.same({ "Hello from the parrot", "Do you like birds", "So do we" }, voice.said)
    assert.same({ "yes of course I do" }, ear.turns)
    assert.same({
      "agent: Hello from the parrot", "agent: Do you like birds", "caller: yes of course I do", "agent: So do we",
    }, caller:lines())
    check_keys(caller)
  end)

  it("are reached as the provider says, with its account, once a call", function()
    local voice, ear = parrot(), owl()
    local caller = call { voice = voice, ear = ear }
    caller:hears "Do you like birds"
    local request = voice.upgrades[1]
    assert.equal("/v1", request.path)
    assert.equal("voice=bruno&lang=en", request.query)
    assert.equal("Token parrot-secret-1", request.headers.authorization)
    assert.equal("owl-secret-2", ear.key)
    caller:says "no"
    caller:ended()
    assert.equal(1, voice.sockets)
    assert.equal("goodbye", voice.last)
    assert.equal(1, voice.closed)
    assert.equal(1, ear.closed)
  end)

  it("speak in the voice that a sentence, the flow or the template asks for", function()
    local voice = parrot()
    local source = FLOW:gsub("local answer = ", [[
      call:say("One", { voice = "aria" })
      call:speak_with "aria"
      call:say "Two"
      call:speak_with(nil)
      local answer = ]])
    local caller = call { voice = voice, source = source }
    caller:hears "Do you like birds"
    caller:listens()
    caller:says "no"
    caller:ended()
    assert.same({ "bruno", "aria", "aria", "bruno", "bruno" }, voice.voices)
    voice = parrot()
    caller = call { voice = voice, source = FLOW:gsub(', voice = "bruno"', "") }
    caller:hears "Do you like birds"
    assert.equal("aria", voice.voices[1])
    assert.equal("voice=aria&lang=en", voice.upgrades[1].query)
    caller:hangs_up()
  end)

  it("are taken down more closely once it is known how fast they speak", function()
    local caller = call {}
    caller:hears "Do you like birds"
    caller:says "yes"
    caller:ended()
    assert(caller:lines()[2]:find("^agent: Do you like"), caller:lines()[2])
  end)

  it("tell words before they are final", function()
    local caller = call {}
    caller:hears "Do you like birds"
    caller:says "no thanks"
    assert.equal("NO", caller:ended().outcome)
    local partial = caller:facts "partial"
    assert.equal("no", partial[1].text)
    assert.equal("no thanks", partial[2].text)
  end)

  it("are kept alive while nobody speaks", function()
    local voice = parrot()
    local caller = call { voice = voice, source = FLOW:gsub('timeout = "5s"', 'timeout = "30s"') }
    caller:hears "Do you like birds"
    caller:silence "20s"
    assert.is_true(voice.alive >= 4, voice.alive .. " messages")
    caller:hangs_up()
  end)

  it("stop when the caller interrupts, and only what was heard is written down", function()
    local long = "Our birds are many and they sing all day long and all night too until the sun comes up"
    local voice = parrot(function(double, _, message, speak) speak(message.text, message.id, double.said[2] ~= nil) end)
    local caller = call { voice = voice, source = FLOW:gsub("Do you like birds", long) }
    caller:hears "Hello from the parrot"
    caller:interrupts("no", 1.5)
    assert.equal("NO", caller:ended().outcome)
    assert.equal(1, voice.stops)
    local line = caller:lines()[2]
    local heard = line:match "^agent: (.-)%s*[—(%[]" or line:sub(8)
    assert.equal(1, (long:find(heard:gsub("[%s—…-]+$", ""), 1, true)), line)
  end)
end)

describe("a vendor's voice that fails", function()
  local function says_all(caller)
    caller:hears "Hello from the parrot"
    caller:hears "Do you like birds"
    caller:says "yes"
    caller:hears "So do we"
    assert.equal("YES", caller:ended().outcome)
    check_keys(caller)
  end

  local cases = {
    { "because it refuses the socket", refuses = 503, log = "parrot is gone" },
    {
      "because it closes the socket before it has said a thing", log = "parrot is gone: it closed the socket",
      say = function(_, here) here:close(1011) end,
    },
    {
      "because it closes the socket in the middle",
      say = function(_, here, message, speak)
        speak(message.text:match "^%S+", message.id, true)
        here:close(1008)
      end,
      log = "parrot is gone",
    },
    { "because it says no more", say = function() end, log = "no sound came for 3000 ms" },
    {
      "because it stops in the middle", log = "no sound came for 3000 ms",
      say = function(_, _, message, speak) speak(message.text:match "^%S+", message.id, true) end,
    },
    {
      "because it tells an error that repeats the key", log = "wrong key ***",
      say = function(_, here) here:send '{"type":"error","why":"wrong key parrot-secret-1"}' end,
    },
    {
      "because it says goodbye", log = "parrot is gone",
      say = function(_, here) here:send '{"type":"bye","why":"no credit on parrot-secret-1"}' end,
    },
    {
      "because it sends garbage", log = "too many messages in a row make no sense",
      say = function(_, here) for i = 1, 60 do here:send(i % 2 == 0 and "{\"type\":" or ("\1\2"):rep(i)) end end,
    },
    {
      "because its sound is not what it was said to be", log = "too many messages in a row make no sense",
      say = function(_, here) for _ = 1, 60 do here:send('{"type":"sound","data":"%%%"}') end end,
    },
    { "because it says that it is done and has sent nothing", log = "parrot sent no sound",
      say = function(_, here, message) here:send(json.encode { type = "done", id = message.id }) end },
  }
  for _, case in ipairs(cases) do
    it(case[1] .. " is replaced by our own", function()
      local voice = parrot(case.say)
      voice.refuses = case.refuses
      local caller = call { voice = voice }
      says_all(caller)
      assert(log_of(caller):find(case.log, 1, true), log_of(caller))
    end)
  end

  it("because its key is not set is named with the variable", function()
    local caller = call { env = { OWL_KEY = KEYS.OWL_KEY } }
    says_all(caller)
    assert(log_of(caller):find("tts 'parrot' is not used: PARROT_KEY is not set", 1, true), log_of(caller))
  end)

  for _, case in ipairs {
    { "an error", 'error("who takes " .. account.key)', "who takes ***" },
    { "a URL that is none", 'return { url = "voice.test" }', "connect: 'url' must begin with wss:// or ws://" },
    { "a header of two lines", 'return { url = "wss://voice.test", headers = { a = "b\\nc: d" } }', "has a control character" },
    { "a misspelled field", 'return { url = "wss://voice.test", header = {} }', "did you mean 'headers'?" },
  } do
    it(("because its connect gives %s is named with the fault"):format(case[1]), function()
      local broken = VOICE:gsub("connect = function%(account, about%).*$",
        (("connect = function(account) %s end }"):format(case[2]):gsub("%%", "%%%%")))
      local caller = call { sources = { ["providers.tts.parrot"] = broken } }
      says_all(caller)
      assert(log_of(caller):find(case[3], 1, true), log_of(caller))
    end)
  end

  it("may recover from an error, and speaks on", function()
    local voice = parrot(function(double, here, message, speak)
      if #double.said == 1 then return here:send '{"type":"error","why":"busy"}' end
      speak(message.text, message.id)
    end)
    local caller = call { voice = voice }
    says_all(caller)
    assert.equal(3, #voice.said)
    assert.equal(1, voice.sockets)
  end)
end)

describe("a vendor's ear that fails", function()
  it("because it refuses the socket is replaced by our own", function()
    local ear = owl()
    ear.refuses = 401
    local caller = call { ear = ear }
    caller:hears "Do you like birds"
    caller:says "yes"
    caller:hears "So do we"
    assert.equal("YES", caller:ended().outcome)
    check_keys(caller)
  end)

  it("in the middle of a question leaves the answer to our own", function()
    local ear = owl(function(_, socket) socket:close(1011) end)
    local caller = call { ear = ear }
    caller:hears "Do you like birds"
    caller:says "yes"
    caller:hears "So do we"
    assert.equal("YES", caller:ended().outcome)
    assert(log_of(caller):find("owl is gone: it closed the socket", 1, true), log_of(caller))
  end)

  it("does not disturb a call by what it sends", function()
    local ear = owl(function(_, socket, words)
      socket:send '{"type":"words","alternatives":[]}'
      socket:send '{"type":"words","alternatives":[{"text":7}],"is_final":true}'
      socket:send(json.encode { type = "words", alternatives = { { text = ("x"):rep(5000) } }, is_final = true })
      for i = 1, 5000 do
        socket:send(('{"type":"words","alternatives":[{"text":"word %d"}],"is_final":false}'):format(i))
      end
      socket:send(json.encode { type = "words", alternatives = { { text = table.concat(words, " ") } }, is_final = true })
    end)
    local caller = call { ear = ear }
    caller:hears "Do you like birds"
    caller:says "yes"
    caller:hears "So do we"
    assert.equal("YES", caller:ended().outcome)
  end)
end)

describe("a provider of a voice or an ear", function()
  local stt, tts = require "callisto.provider.stt", require "callisto.provider.tts"
  local function connect() return { url = "wss://x.test" } end
  local say = { encoding = "pcmu", rate = 8000, event = "type", binary_in = true }

  local function voice_media(more)
    local format = {}
    for _, set in ipairs { say, more } do
      for name, value in pairs(set) do format[name] = value end
    end
    return { one = format }
  end

  for _, case in ipairs {
    { tts, { voices = {} }, "tts 'x': 'connect' is missing; engine 'socket' needs it" },
    { tts, { voices = {}, connect = connect }, "tts 'x': 'media' is missing; engine 'socket' needs it" },
    { tts, { voices = {}, connect = connect, media = voice_media {} }, "tts 'x': media: one: 'say_out' is missing" },
    {
      tts, { voices = {}, connect = connect, media = voice_media { say_out = '{"a":"$text"}' } },
      "tts 'x': media: one: 'mark_in' is missing",
    },
    { stt, { connect = connect, media = voice_media {} }, "stt 'x': media: one: 'words_in' is missing" },
    {
      stt, { connect = connect, media = voice_media { words_in = { event = "words", text = "text" } } },
      "stt 'x': media: one: 'binary_out' or 'audio_out' is missing",
    },
    { stt, { engine = "local", connect = connect }, "stt 'x': 'connect' is for engine 'socket', not for 'local'" },
    { stt, { engine = "sockets" }, "did you mean 'socket'?" },
    { stt, { conect = connect }, "did you mean 'connect'?" },
  } do
    it("is refused: " .. case[3], function()
      local given = { name = "x", engine = "socket", languages = { "en" } }
      for name, value in pairs(case[2]) do given[name] = value end
      local ok, why = pcall(case[1], given)
      assert.is_false(ok)
      assert(why:find(case[3], 1, true), why)
    end)
  end
end)
