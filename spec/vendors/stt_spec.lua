-- Ears of vendors on the real engine, against wires as they come (recorded/): where each is reached and with what, how sound goes
-- there, what is told of its messages, and what becomes of its errors and closes.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local names = { "deepgram", "deepgram_flux", "soniox", "assemblyai", "sarvam", "gladia", "openai", "elevenlabs" }

local FLOW = [[return require "callisto.template" {
  name = "listener", voice = VOICE,
  on_call = function(call)
    local finals = 0
    call:on("words", function(_, words)
      call:fact("words", { text = words.kind .. " " .. words.text, language = words.language, from_ms = words.from_ms })
      if words.kind == "final" then finals = finals + 1 end
    end)
    call:on("heard", function(_, heard) call:fact("heard", { text = heard.text }) end)
    while finals < FINALS do call:sleep "0.2s" end
    call:sleep "1s"
    call:finish "DONE"
  end,
}]]

-- As Lua source.
local function source_of(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for name, each in pairs(value) do
    parts[#parts + 1] = (type(name) == "number" and "" or name .. " = ") .. source_of(each)
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function flow_of(recorded, finals)
  local voice = source_of { stt = recorded.stt, stt_options = recorded.stt_options, language = recorded.language, tts = "many" }
  return (FLOW:gsub("VOICE", function() return voice end):gsub("FINALS", tostring(finals or #recorded.turns)))
end

-- A speaker of any language, so that only the ear is in question.
local MANY = [[
return require "callisto.provider.tts" { name = "many", engine = "local", languages = { "*" }, voices = { "slt" } }]]

-- The vendor's server: greets, and after each second of sound sends what comes next. `act(double, socket)` stands for a turn.
local function server(recorded, acts)
  local double = { sockets = 0, upgrades = {}, texts = {}, sounds = 0, asked = {} }
  function double.request(request)
    table.insert(double.asked, request)
    return { status = 201, body = recorded.asked.answer }
  end
  function double.socket(request)
    table.insert(double.upgrades, request)
    double.sockets = double.sockets + 1
    if double.refuses then return double.refuses end
    local here = 0
    return {
      open = function(socket)
        for _, text in ipairs(recorded.greeting or {}) do socket:send(text) end
      end,
      message = function(socket, data, is_binary)
        local is_sound = is_binary
        if not is_binary and recorded.sound then is_sound = data:find(recorded.sound) ~= nil end
        if not is_sound then return table.insert(double.texts, data) end
        double.sounds, here = double.sounds + 1, here + 1
        if here % 8 == 0 and acts[1] then table.remove(acts, 1)(socket, double) end
      end,
    }
  end
  return double
end

local function sends(messages)
  return function(socket)
    for _, text in ipairs(messages) do socket:send(text) end
  end
end

local function turns_of(recorded)
  local acts = {}
  for i, messages in ipairs(recorded.turns) do acts[i] = sends(messages) end
  return acts
end

local function call(recorded, double, options)
  options = options or {}
  local hosts = options.hosts or {}
  hosts[recorded.host] = recorded.asked and double or { socket = double.socket }
  return exchange.call {
    source = flow_of(options.stt and { stt = options.stt, language = "en", turns = recorded.turns } or recorded, options.finals),
    template = "listener", env = options.env or recorded.env, hosts = hosts,
    sources = options.sources or { ["providers.tts.many"] = MANY },
  }
end

local function told(caller)
  local list = {}
  for _, fact in ipairs(caller:facts "words") do list[#list + 1] = fact.text end
  return list
end

local function story(caller)
  local lines = {}
  for _, line in ipairs(caller.world.lab:log()) do lines[#lines + 1] = line.text end
  return table.concat(lines, "\n")
end

local function check_keys(recorded, caller)
  local all = story(caller) .. json.encode(caller:facts()) .. caller.world:story()
  for _, key in pairs(recorded.env) do assert.is_nil(all:find(key, 1, true), all) end
end

local function last_words(list)
  local finals = {}
  for _, text in ipairs(list) do finals[#finals + 1] = text:match "^final (.*)" end
  return finals
end

local function first_opening(double)
  return assert(double.texts[1] and json.decode(double.texts[1]), "nothing was said first")
end

for _, name in ipairs(names) do
  local recorded = require("spec.vendors.recorded." .. name)

  describe(name, function()
    it("is reached with its key and what the template wants, and its messages are understood", function()
      local double = server(recorded, turns_of(recorded))
      local caller = call(recorded, double)
      caller:ended()
      local request = double.upgrades[1]
      assert.equal(recorded.path, request.path)
      if recorded.query then assert.equal(recorded.query, request.query) end
      for header, value in pairs(recorded.headers or {}) do assert.equal(value, request.headers[header]) end
      if recorded.asked then
        assert.same(recorded.asked.body, json.decode(double.asked[1].body))
        assert.equal(recorded.env.GLADIA_API_KEY, double.asked[1].headers[recorded.asked.key])
      end
      if recorded.opening then
        local opening = first_opening(double)
        opening.client_reference_id = nil
        assert.same(recorded.opening, opening)
      end
      assert.same(recorded.told, told(caller))
      local heard = {}
      for i, fact in ipairs(caller:facts "heard") do heard[i] = fact.text end
      assert.same(last_words(recorded.told), heard)
      if recorded.said_back then assert.equal(recorded.said_back, double.texts[1]) end
      if recorded.closing then assert.equal(recorded.closing, double.texts[#double.texts]) end
      assert.equal(1, double.sockets)
      check_keys(recorded, caller)
    end)

    for _, case in ipairs(recorded.errors or {}) do
      it(("tells an error: %s → %s"):format(case[1], case[2]), function()
        local acts = turns_of(recorded)
        table.insert(acts, 1, function(socket)
          socket:send(case[1])
          if case[3] then socket:close(case[3], "See Error message for details") end
        end)
        local double = server(recorded, acts)
        local caller = call(recorded, double, { finals = case[2] == "refused" and 0 or nil })
        if case[2] == "refused" then caller:silence "3s" end
        caller:ended()
        assert.equal(case[2] == "again" and 2 or 1, double.sockets)
        if case[2] ~= "refused" then assert.same(last_words(recorded.told), last_words(told(caller))) end
        check_keys(recorded, caller)
      end)
    end

    for _, case in ipairs(recorded.closes or {}) do
      it(("closes with %d '%s' → %s"):format(case[1], case[2], case[3]), function()
        local acts = turns_of(recorded)
        table.insert(acts, 1, function(socket) socket:close(case[1], case[2]) end)
        local double = server(recorded, acts)
        local caller = call(recorded, double, { finals = case[3] == "refused" and 0 or nil })
        caller:ended()
        assert.equal(case[3] == "again" and 2 or 1, double.sockets)
        check_keys(recorded, caller)
      end)
    end
  end)
end

describe("ears in a list", function()
  local deepgram, soniox = require "spec.vendors.recorded.deepgram", require "spec.vendors.recorded.soniox"
  local KEYS = { DEEPGRAM_API_KEY = "key-deepgram-1", SONIOX_API_KEY = "key-soniox-1" }

  local function both(first, second, env)
    return call(deepgram, first, {
      stt = { { "deepgram", model = "nova-2" }, "soniox", "local" }, env = env or KEYS, finals = 2,
      hosts = { [soniox.host] = { socket = second.socket } },
    })
  end

  for _, case in ipairs { { "refuses its key", 401 }, { "has no room", 429 }, { "has no room", 503 } } do
    it(("go on with the second when the first %s (%d)"):format(case[1], case[2]), function()
      local first, second = server(deepgram, {}), server(soniox, turns_of(soniox))
      first.refuses = case[2]
      local caller = both(first, second)
      caller:ended()
      assert.same(last_words(soniox.told), last_words(told(caller)))
      assert.equal(1, first.sockets)
      local fact = caller:fact "vendor_ended"
      assert.equal("deepgram", fact.name)
      assert.equal("soniox", fact.next)
    end)
  end

  it("go on with the second where the first has no key", function()
    local first, second = server(deepgram, {}), server(soniox, turns_of(soniox))
    local caller = both(first, second, { SONIOX_API_KEY = "key-soniox-1" })
    caller:ended()
    assert.same(last_words(soniox.told), last_words(told(caller)))
    assert(story(caller):find("stt 'deepgram' is not used: DEEPGRAM_API_KEY is not set", 1, true), story(caller))
  end)

  it("go on with the second in the middle of a turn, of which nothing is lost", function()
    local acts = turns_of(deepgram)
    acts[2] = function(socket)
      socket:send('{"type":"Results","is_final":true,"channel":{"alternatives":[{"transcript":"Take",'
        .. '"words":[{"start":1.6,"end":1.8}]}]}}')
      socket:close(1008, "DATA-0000")
    end
    local first, second = server(deepgram, acts), server(soniox, { sends { soniox.turns[2][1] } })
    local caller = both(first, second)
    caller:ended()
    assert.same({ "I want to pay my bill.", "Take Yes" }, last_words(told(caller)))
  end)
end)

describe("an ear that does not do what it should", function()
  local deepgram = require "spec.vendors.recorded.deepgram"
  local PIECE = '{"type":"Results","is_final":true,"channel":{"alternatives":[{"transcript":"I will think",'
    .. '"words":[{"start":0.2,"end":0.4}]}]}}'

  it("gives no last word: what it told is the turn", function()
    local double = server(deepgram, { sends { PIECE } })
    local caller = call(deepgram, double, { finals = 1 })
    caller:ended()
    assert.same({ "I will think" }, last_words(told(caller)))
  end)

  it("sends garbage, half a text and what has the wrong types, and is understood all the same", function()
    local acts = turns_of(deepgram)
    table.insert(acts, 1, sends {
      "", "\1\2", '{"type":"Results","channel":{"alter', "[]", "null", '{"type":7}', '{"type":"Results"}',
      '{"type":"Results","channel":{"alternatives":[]}}', '{"type":"Results","channel":{"alternatives":[{"transcript":{}}]}}',
      '{"type":"Results","is_final":"yes","channel":{"alternatives":[{"transcript":"","words":7}]}}',
      '{"type":"UtteranceEnd"}', '{"type":"New","x":1}',
    })
    local double = server(deepgram, acts)
    local caller = call(deepgram, double)
    caller:ended()
    assert.same(last_words(deepgram.told), last_words(told(caller)))
    assert.equal(1, double.sockets)
  end)

  it("hears nothing of what is said, and is reached anew before that is believed", function()
    local heard = {}
    local double = server(deepgram, {})
    local plain = double.socket
    function double.socket(request)
      local handlers = plain(request)
      if double.sockets == 2 then
        handlers.message = function(socket, data)
          heard[#heard + 1] = data
          if #heard == 20 then sends(deepgram.turns[1])(socket) end
        end
      end
      return handlers
    end
    local caller = call(deepgram, double, { finals = 1 })
    caller:says "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    caller:ended()
    assert.equal(2, double.sockets)
    assert(story(caller):find("deepgram is reached again: not a word came for", 1, true), story(caller))
    assert.same({ "I want to pay my bill." }, last_words(told(caller)))
  end)
end)

describe("languages of a template", function()
  local deepgram = require "spec.vendors.recorded.deepgram"
  local sarvam = require "spec.vendors.recorded.sarvam"

  local function query_with(recorded, language)
    local again = setmetatable({ language = language }, { __index = recorded })
    local double = server(recorded, turns_of(recorded))
    local caller = call(again, double)
    caller:ended()
    return double.upgrades[1].query
  end

  for _, case in ipairs {
    { deepgram, "hi-IN", "language=hi-IN&" }, { deepgram, { "en", "hi" }, "language=multi&" },
    { deepgram, "detect", "language=multi&" },
    { sarvam, "ta", "language-code=ta-IN&" }, { sarvam, { "hi", "en" }, "language-code=unknown&" },
  } do
    it(("reach the vendor as it wants them: %s → %s"):format(json.encode(case[2]), case[3]), function()
      local query = query_with(case[1], case[2])
      assert(query:find(case[3], 1, true), query)
    end)
  end
end)
