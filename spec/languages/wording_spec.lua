-- Sentences that are given by language, and what the engine says by itself, in the language of the call.

local flows = require "spec.support.flows"
local language = require "callisto.language"
local listening = require "callisto.flow.listening"
local menu = require "callisto.menu"
local template = require "callisto.template"
local wording = require "callisto.wording"

local function problem_of(fields)
  local given = { name = "x", on_call = function() end }
  for name, value in pairs(fields) do given[name] = value end
  local ok, why = pcall(template.new, given)
  return not ok and why:match "template.*" or nil
end

describe("a sentence in several languages", function()
  local hello = { en = "Hello.", ["en-GB"] = "Good day.", hi = "नमस्ते।" }

  it("is that of the region, else of the language, else of another one", function()
    for _, case in ipairs {
      { "en", "Hello." }, { "en-GB", "Good day." }, { "en-US", "Hello." }, { "hi-IN", "नमस्ते।" }, { "es", "नमस्ते।", true },
      { "multi", "नमस्ते।", true },
    } do
      local found, is_other = wording.pick(hello, case[1], { "hi-IN" })
      assert.equal(case[2], found, case[1])
      assert.equal(case[3], is_other)
    end
    assert.equal("Hello.", (wording.pick({ en = "Hello.", te = "x" }, "fr")))
    assert.equal("One for all.", wording.pick("One for all.", "hi"))
    assert.is_nil((wording.pick({ 1 }, "hi")))
    assert.is_nil((wording.pick({}, "hi")))
    assert.is_nil((wording.pick(5, "hi")))
  end)
end)

describe("our own voice", function()
  it("says a sentence in a language it knows", function()
    for _, case in ipairs {
      { "Hello.", "en", "Hello." }, { "¿Qué tal? – 5 € “ok”…", "es", "¿Qué tal? – 5 € “ok”…" }, { "नमस्ते।", "hi", nil },
      { { hi = "नमस्ते।", en = "Hello." }, "hi-IN", "Hello." }, { { hi = "नमस्ते।", de = "Hallo." }, "hi", "Hallo." },
      { { hi = "नमस्ते।", ta = "வணக்கம்." }, "hi", nil },
    } do
      assert.equal(case[3], (wording.for_our_voice(case[1], case[2])))
    end
    assert.equal("नमस्ते", language.unsayable("Hello नमस्ते!"):match "नमस्ते")
    assert.is_nil(language.unsayable "Señor Müller pays ₹5 – “now”…")
  end)
end)

describe("a template", function()
  it("may give its sentences by language", function()
    local both = { en = "Hello.", hi = "नमस्ते।" }
    assert.is_nil(problem_of {
      voice = { language = { "hi-IN", "en-IN" } }, greeting = both, fallback = both, idle = { say = both, goodbye = both },
      inbound = { block_message = both },
    })
  end)

  it("has its languages in order, and begins with the first", function()
    local made = template.new { name = "x", on_call = function() end, voice = { language = { "hi-IN", "en" } } }
    assert.equal("hi-IN", made.voice.language)
    assert.same({ "hi-IN", "en" }, made.voice.languages)
    assert.same(made.voice, template.of_data({ name = "x", voice = made.voice }).voice)
    assert.same({ "en" }, wording.languages(template.new { name = "x", on_call = function() end }.voice))
    assert.same({ "hi" }, wording.languages { language = "hi", languages = { "hi", "detect" } })
  end)

  it("says its fallback in its language", function()
    local function fallback(voice, given)
      local made = template.new { name = "x", on_call = function() end, voice = voice, fallback = given }
      return wording.of_template(made, made.fallback)
    end
    assert.matches("^We are sorry", fallback {})
    assert.matches("^Lo sentimos", fallback { language = "es-MX" })
    assert.matches("^We are sorry", fallback { language = "sw" })
    assert.equal("Oh.", fallback({ language = { "hi", "en" } }, { en = "Oh.", hi = "Oh." }))
    assert.equal("ओह।", fallback({ language = "hi-IN" }, { en = "Oh.", hi = "ओह।" }))
  end)

  for name, case in pairs {
    ["a language that is missing"] = {
      { voice = { language = { "hi-IN", "en" } }, greeting = { en = "Hello." } },
      "'greeting' is not given in \"hi-IN\", a language of the template; there are: en",
    },
    ["one that is missing in English"] = {
      { fallback = { hi = "ओह।" } }, "'fallback' is not given in \"en\", a language of the template; there are: hi",
    },
    ["no language at all"] = { { greeting = {} }, "'greeting' is empty; write a text, or { en = \"…\", hi = \"…\" }" },
    ["a list"] = { { greeting = { "Hello." } }, "'greeting' has \"1\", which is not a language such as \"hi\" or \"hi-IN\"" },
    ["what is not a language"] = {
      { greeting = { hindi = "Hello." } }, "'greeting' has \"hindi\", which is not a language such as \"hi\" or \"hi-IN\"",
    },
    ["what is not a text"] = {
      { greeting = { en = 5 } },
      "'greeting' must be a text, or texts by language such as { en = \"…\", hi = \"…\" }; \"en\" is not one",
    },
    ["a place that cannot be read, in one language"] = {
      { greeting = { en = "Hello.", hi = "{amount|mony}" } }, "in \"hi\" cannot be said: '{amount|mony}': unknown transformation",
    },
    ["a place the payload does not have, in one language"] = {
      { voice = { language = { "en", "hi" } }, payload = { name = "string" }, greeting = { en = "Hello {name}.", hi = "{nam}" } },
      "'greeting' uses {nam}, which 'payload' does not have; did you mean {name}?",
    },
    ["words for numbers that a language does not have"] = {
      { voice = { language = "bn" }, greeting = "{n|number}" },
      "'greeting' has '|number', but .*'bn'; leave it out, and the voice reads the figures",
    },
    ["a list of languages with something else in it"] = {
      { voice = { language = { "hi", 5 } } }, "voice: 'language' must be a language such as \"hi%-IN\", or a list of them",
    },
    ["an empty list of languages"] = { { voice = { language = {} } }, "voice: 'language' must name a language" },
    ["a menu without one of the languages"] = {
      { voice = { language = { "hi", "en" } }, menu = menu.new { name = "main", options = {
        { label = "a", say = { en = "One.", hi = "एक।" }, outcome = "A", closing = { en = "Bye." } },
      } }, on_call = false },
      "menu 'main': option 1: 'closing' is not given in \"hi\"",
    },
  } do
    it("is refused with " .. name, function()
      local fields = case[1]
      local given = { name = "x", on_call = fields.on_call == nil and function() end or nil }
      for field, value in pairs(fields) do given[field] = value or nil end
      local ok, why = pcall(template.new, given)
      assert.is_false(ok)
      local wanted = case[2]
      assert.is_truthy(why:find(wanted, 1, true) or why:find(wanted), why)
    end)
  end
end)

-- Ours, as if they knew Spanish: what is said is compared as text.
local SOURCES = {
  ["providers.tts.parrot"] = [[return require "callisto.provider.tts" {
    name = "parrot", engine = "local", languages = { "en", "es" }, voices = { "slt" } }]],
  ["providers.stt.parrot"] = [[return require "callisto.provider.stt" {
    name = "parrot", engine = "local", languages = { "en", "es" } }]],
}

local function call(body, fields) return flows.call(body, { fields = fields, payload = { n = 21 }, sources = SOURCES }) end

describe("a call", function()
  local FIELDS = [[
    voice = { language = { "es-MX", "en" }, tts = "parrot", stt = "parrot" }, payload = { n = "integer" },
    greeting = { en = "Hello.", es = "Hola." }, idle = { after = "2s", tries = 1, goodbye = { en = "Bye.", es = "Chao." } },
  ]]

  it("says its own sentences and those of the engine in its language, values too", function()
    local caller = call([[
      call:say { en = "You have {n|number}.", es = "Tiene {n|number}." }
      call:listen()
    ]], FIELDS)
    for _, sentence in ipairs { "Hola.", "Tiene veintiuno.", "¿Sigue usted ahí?", "Chao." } do caller:hears(sentence) end
    assert.equal("USER_IDLE_TIMEOUT", caller:ended().reason)
  end)

  it("goes on in another of its languages", function()
    local caller = call([[
      call:speak_in "en"
      call:say { en = "You have {n|number}.", es = "Tiene {n|number}." }
      local ok, why = pcall(call.speak_in, call, "fr")
      call:fact("refused", { text = why })
      call:speak_in "es"
      call:finish("DONE", { en = "Bye.", es = "Adiós." })
    ]], FIELDS)
    for _, sentence in ipairs { "Hola.", "You have twenty-one.", "Adiós." } do caller:hears(sentence) end
    assert.equal("DONE", caller:ended().outcome)
    assert.matches("call:speak_in: the template does not speak 'fr'; voice.language has: es%-MX, en", caller:fact("refused").text)
  end)

  it("asks in its language", function()
    local caller = call([[
      local answer = call:ask { { en = "Again?", es = "¿Otra vez?" }, digits = { ["1"] = "yes" }, tries = 2, timeout = "1s",
        reprompt = { en = "Well?", es = "¿Y bien?" } }
      call:finish(answer and "YES" or "NO")
    ]], FIELDS)
    caller:hears "¿Otra vez?"
    caller:hears "¿Y bien?"
    caller:presses "1"
    assert.equal("YES", caller:ended().outcome)
  end)

  it("takes the yes of its language for one", function()
    local asked
    local in_spanish = { language = "es", ask = function(_, question) asked = question return "yes" end }
    assert.is_true(listening.methods.confirm(in_spanish, { en = "Sure?", es = "¿Seguro?" }))
    assert.same({ en = "Sure?", es = "¿Seguro?" }, asked[1])
    assert.same(language.of("es").yes, asked.choices.yes)
  end)

  it("reads out a menu in its language", function()
    local caller = call([[
      local menu = require "callisto.menu"
      call:menu(menu.new { greeting = { en = "Hi.", es = "Buenas." }, wait = "1s", attempts = 1, options = {
        { label = "ventas", choice = "sales" },
        { digit = "*", label = "otra", say = { en = "Press star.", es = "Pulse asterisco." }, choice = "b" },
      } })
    ]], FIELDS)
    caller:hears "Buenas. Para ventas, pulse 1. Pulse asterisco."
    caller:presses "7"
    caller:hears "Esa no es una de las opciones. Para ventas, pulse 1. Pulse asterisco."
    caller:hears "Adiós."
    caller:ended()
  end)
end)
