-- What a workspace's files must be, one by one and together. From the files themselves: spec/faults/one_judge_spec.lua.

local judge = require "callisto.judge"

local function speaker(name, voices, languages)
  return { name = name, engine = "local", languages = languages or { "en" }, voices = voices, functions = {} }
end

local function file(module, value) return { module = module, path = module:gsub("%.", "/") .. ".lua", value = value } end

local voices = {
  file("providers.stt.local", { name = "local", engine = "local", languages = { "en" }, functions = {} }),
  file("providers.tts.local", speaker("local", { "slt", "rms", "kal" })),
  file("providers.tts.parrot", speaker("parrot", { "ara" }, { "en", "pt-BR" })),
  file("providers.stt.owl", {
    name = "owl", engine = "socket", languages = { "*", "detect" }, functions = { "connect" },
    options = { model = { "string", default = "barn" }, endpointing = { "integer", min = 10, max = 500 } },
    media = { one = {
      encoding = "pcmu", rate = 8000, event = "type", binary_out = true, words_in = { event = "words", text = "text" },
    } },
  }),
}

local function verdict(files)
  local all = { unpack(voices) }
  for _, each in ipairs(files) do all[#all + 1] = each end
  return judge.verdict(all)
end

local function problems(files)
  local list = {}
  for i, each in ipairs(verdict(files).problems) do list[i] = ("%s: %s"):format(each.file, each.message) end
  return list
end

local function agent(module, name, voice) return file("templates." .. module, { name = name, voice = voice }) end
local function problem_of(voice) return problems({ agent("order", "order", voice) })[1] end

describe("the models of a template", function()
  local functions = { "request", "read", "failure" }
  local parrot = file("providers.llm.parrot", { name = "parrot", base = "https://parrot.test", functions = functions,
    account = { key = "PARROT_KEY" } })
  local function problem_with(llm, vendor)
    return problems({ vendor or parrot, file("templates.order", { name = "order", llm = llm }) })[1]
  end

  it("may be those of vendors that are there", function()
    assert.is_nil(problem_with "parrot/one")
    assert.is_nil(problem_with { "parrot/one", "parrot/two/large" })
  end)

  for _, case in ipairs {
    { "of a vendor that is not there", "parot/one",
      "templates/order.lua: template 'order': 'llm' is 'parot/one', and providers/llm has no such file; did you mean 'parrot'?" },
    { "without a vendor", "one", [[templates/order.lua: template: 'llm' must be "vendor/model", such as]] },
  } do
    it("are refused: " .. case[1], function()
      local why = problem_with(case[2])
      assert(why and why:find(case[3], 1, true), why)
    end)
  end

  it("are refused when their vendor's file is not what it must be", function()
    local why = problem_with("parrot/one", file("providers.llm.parrot", { name = "parrot", functions = functions }))
    assert(why and why:find("llm 'parrot': 'base' is missing", 1, true), why)
  end)
end)

describe("the ears of a template", function()
  for _, case in ipairs {
    { "a name", { stt = "owl" } }, { "a name with options", { stt = "owl", stt_options = { model = "eagle" } } },
    { "a list of one", { stt = { "owl" } } }, { "a list", { stt = { "owl", "local" } } },
    { "a list with options", { stt = { { "owl", endpointing = 20 }, "local" } } },
  } do
    it("may be " .. case[1], function() assert.is_nil(problem_of(case[2])) end)
  end

  it("may hear what our own one does not, which comes last", function()
    assert.is_nil(problem_of { tts = "parrot", stt = { "owl", "local" }, language = { "pt-BR", "hi", "detect" } })
  end)

  for _, case in ipairs {
    { "one that is not there, behind one that is", { stt = { "owl", "oul" } },
      "'stt' is 'oul', and providers/stt has no such file; did you mean 'owl'?" },
    { "a misspelled option", { stt = "owl", stt_options = { modell = "barn" } },
      "options of 'owl': unknown field 'modell'; did you mean 'model'?" },
    { "an option out of range", { stt = { { "owl", endpointing = 5000 }, "local" } },
      "options of 'owl': 'endpointing' must be at most 500, not 5000" },
    { "an option of one that has none", { stt_options = { model = "x" } }, "options of 'local': unknown field 'model'" },
    { "languages that cannot be told apart", { language = { "en", "detect" } },
      "'language' is 'detect', and stt 'local' cannot tell languages apart" },
    { "a language of several that is not there", { language = { "en", "hi" } },
      "'language' is 'hi', which stt 'local' does not have" },
  } do
    it("are refused: " .. case[1], function()
      local why = problem_of(case[2])
      assert(why and why:find("templates/order.lua: template 'order': voice: " .. case[3], 1, true), why)
    end)
  end

  for _, case in ipairs {
    { "none", { stt = {} }, "'stt' must name an ear, at most 4" },
    { "too many", { stt = { "a", "b", "c", "d", "e" } }, "'stt' must name an ear, at most 4" },
    { "one twice", { stt = { "owl", "owl" } }, "'stt' names 'owl' twice" },
    { "a number", { stt = { "owl", 7 } }, "'stt' must be a list of names and of { name, option = value, … }" },
    { "options of a list", { stt = { "owl", "local", model = "x" } }, "'stt' is a list and cannot have 'model'" },
    { "options of several at once", { stt = { "owl", "local" }, stt_options = { model = "x" } }, "'stt_options' is for one ear" },
  } do
    it("are refused: " .. case[1], function()
      local why = problem_of(case[2])
      assert(why and why:find(case[3], 1, true), why)
    end)
  end
end)

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
    { "a language in its list that the ear does not have", { language = { "en-IN", "hi-IN" } },
      "'language' is 'hi-IN', which stt 'local' does not have; there are: en" },
    { "a voice of another speaker", { voice = "ara" },
      "'voice' is 'ara', which tts 'local' does not have; there are: kal, rms, slt" },
    { "a misspelled voice", { tts = "parrot", voice = "arra" },
      "'voice' is 'arra', which tts 'parrot' does not have; did you mean 'ara'?" },
    { "a language the ear does not have", { language = "hi" },
      "'language' is 'hi', which stt 'local' does not have; there are: en" },
  } do
    it("cannot be " .. case[1], function()
      assert.equal("templates/order.lua: template 'order': voice: " .. case[3], problem_of(case[2]))
    end)
  end
end)

describe("a greeting", function()
  local function warnings_of(greeting)
    local value = file("templates.order", { name = "order", greeting = greeting })
    local list = {}
    for i, each in ipairs(verdict({ value }).warnings) do list[i] = each.message end
    return list
  end

  it("is warned of when it has letters our own voice has no sound for", function()
    local warning = "template 'order': 'greeting' has \"नमस्ते\", which tts 'local' cannot say"
    assert.same({ warning }, warnings_of "Hello, नमस्ते there")
    assert.same({}, warnings_of "Señor Müller: 5 € – “now”…")
  end)
end)

describe("a workspace's files", function()
  it("must be what their folders hold", function()
    for module, word in pairs {
      ["templates.a"] = "template", ["providers.carriers.a"] = "carrier", ["providers.stt.a"] = "stt",
      ["providers.tts.a"] = "tts", ["menus.a"] = "menu",
    } do
      assert.matches(word .. " is not what the file returns: end it with return " .. word, problems({ file(module) })[1])
    end
    assert.same({}, problems { file "providers.shared.a" })
  end)

  it("are checked once more, because what they say of themselves may be made up", function()
    for field, value in pairs { longest = "soon", payload = { id = "strng" }, inbound = { enabled = "yes" }, secrets = { 1 } } do
      local data = { name = "order" }
      data[field] = value
      assert.matches("template", problems({ file("templates.order", data) })[1])
      assert.same({}, verdict({ file("templates.order", data) }).catalog.templates)
    end
  end)

  it("are no two templates of one name, however it is written; the file of that name keeps it", function()
    local found = verdict { agent("a", "late-order"), agent("late_order", "Late_Order") }
    assert.equal("template: 'name' is also the name of templates/late_order.lua", found.problems[1].message)
    assert.equal("templates/a.lua", found.problems[1].file)
    assert.equal("templates.late_order", found.catalog.templates[1].module)
    assert.same({ "templates/b.lua: template: 'name' is also the name of templates/a.lua" },
      problems { agent("a", "order"), agent("b", "order") })
  end)

  it("have routes that lead to agents, by the name of a template or of its file", function()
    local function routes(value) return problems { agent("file", "order"), file("routing", value) } end
    assert.same({}, routes { numbers = { ["+1"] = "order", ["+2"] = "file" }, default = "Order" })
    assert.same({
      "routing.lua: return: '+1' leads to the agent ordr, which is not there; did you mean order?",
      "routing.lua: return: 'default' leads to the agent nobody, which is not there",
    }, routes { numbers = { ["+1"] = "ordr" }, default = "nobody" })
    assert.matches("unknown field 'nmbers'; did you mean 'numbers'", routes({ nmbers = {} })[1])
  end)

  it("cannot stop the judge by nonsense, and good ones beside it stay", function()
    for _, value in ipairs {
      { name = 1 }, { name = "a", functions = 3 }, { name = {}, functions = { {} } }, { functions = { "x.y" } },
    } do
      for _, module in ipairs { "templates.a", "providers.carriers.a", "providers.stt.a", "providers.tts.a" } do
        local found = verdict { file(module, value), agent("good", "good") }
        assert.equal(1, #found.problems, module)
        assert.equal("good", found.catalog.templates[1].name)
      end
    end
  end)

  it("warn of what nothing carries out yet", function()
    local found = verdict { file("templates.a", { name = "a", retry = { attempts = 2 }, hours = {} }) }
    assert.same({}, found.problems)
    assert.equal("template 'a': 'retry' is read, and nothing carries it out yet", found.warnings[1].message)
    assert.equal(2, #found.warnings)
  end)
end)
