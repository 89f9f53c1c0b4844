-- What a workspace's files must return, one by one and together.

local judge = require "callisto.judge"
local template = require "callisto.template"
local tts = require "callisto.provider.tts"

local function agent(voice, name)
  return template { name = name or "order", voice = voice, on_call = function() end }
end

local function with_voices()
  local made = judge.new()
  assert.is_nil(made:module("providers.stt.local", "providers/stt/local.lua", require "providers.stt.local"))
  assert.is_nil(made:module("providers.tts.local", "providers/tts/local.lua", require "providers.tts.local"))
  assert.is_nil(made:module("providers.tts.parrot", "providers/tts/parrot.lua", tts {
    name = "parrot", engine = "local", languages = { "en", "pt-BR" }, voices = { "ara" },
  }))
  return made
end

local function problem_of(voice) return with_voices():module("templates.order", "templates/order.lua", agent(voice)) end

describe("the voice of a template", function()
  for _, voice in ipairs {
    {}, { stt = "local", tts = "local", voice = "rms", language = "en" }, { language = "en-IN" }, { language = "en_GB" },
    { tts = "parrot" }, { tts = "parrot", voice = "ara" },
  } do
    it("may be what is there: " .. (voice.tts or voice.language or "nothing"), function() assert.is_nil(problem_of(voice)) end)
  end

  for _, case in ipairs {
    { "an ear that is not there", { stt = "locl" },
      "'stt' is 'locl', and providers/stt has no such file; did you mean 'local'?" },
    { "a speaker that is not there", { tts = "elevenlabs" },
      "'tts' is 'elevenlabs', and providers/tts has no such file; there are: local, parrot" },
    { "a voice of another speaker", { voice = "ara" },
      "'voice' is 'ara', which tts 'local' does not have; there are: kal, rms, slt" },
    { "a misspelled voice", { tts = "parrot", voice = "arra" },
      "'voice' is 'arra', which tts 'parrot' does not have; did you mean 'ara'?" },
    { "a language the ear does not have", { language = "hi" },
      "'language' is 'hi', which stt 'local' does not have; there are: en" },
  } do
    it("cannot be " .. case[1], function() assert.equal("template 'order': voice: " .. case[3], problem_of(case[2])) end)
  end
end)

describe("a workspace's files", function()
  it("must be what their folders hold", function()
    local made = judge.new()
    for module, word in pairs {
      ["templates.a"] = "template", ["providers.carriers.a"] = "carrier", ["providers.stt.a"] = "stt",
      ["providers.tts.a"] = "tts",
    } do
      local why = made:module(module, module, {})
      assert.matches("^" .. word .. " is not what the file returns: end it with return " .. word, why)
    end
    assert.matches("^menu is not what the file returns", made:module("menus.a", "menus/a.lua", true))
    assert.is_nil(made:module("providers.shared.a", "providers/shared/a.lua", {}))
  end)

  it("are no two templates of one name, however it is written", function()
    local made = with_voices()
    assert.is_nil(made:module("templates.a", "templates/a.lua", agent(nil, "late-order")))
    assert.equal("template: 'name' is also the name of templates/a.lua",
      made:module("templates.b", "templates/b.lua", agent(nil, "Late_Order")))
    assert.is_nil(made:module("templates.a", "templates/a.lua", agent(nil, "late-order")))
  end)

  it("have routes that lead to agents, by the name of a template or of its file", function()
    local made = with_voices()
    made:module("templates.file", "templates/file.lua", agent(nil, "order"))
    made:file "templates.file"
    assert.same({}, made:routing { numbers = { ["+1"] = "order", ["+2"] = "file" }, default = "Order" })
    assert.same({
      "return: '+1' leads to the agent ordr, which is not there; did you mean order?",
      "return: 'default' leads to the agent nobody, which is not there",
    }, made:routing { numbers = { ["+1"] = "ordr" }, default = "nobody" })
    assert.matches("unknown field 'nmbers'; did you mean 'numbers'", made:routing({ nmbers = {} })[1])
  end)
end)
