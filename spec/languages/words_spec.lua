-- What the engine knows of each language.

local language = require "callisto.language"
local numbers = require "callisto.numbers"
local phrases = require "callisto.flow.phrases"

describe("the words of a language", function()
  it("tell an acknowledgement from an answer", function()
    for _, case in ipairs {
      { "en-US", "Uh-huh, yeah. Okay!", true }, { "en", "okay but wait", false }, { "hi-IN", "जी हाँ, ठीक है।", true },
      { "hi", "haan ji", true }, { "es", "SÍ, claro", true }, { "pt-BR", "Tá bom", true }, { "fr", "d’accord", true },
      { "de", "Ach so, ja", true }, { "ar", "نعم، تمام", true }, { "id", "oh ya, oke", true }, { "ta", "சரிங்க", true },
      { "te", "సరేనండి", true }, { "te", "వద్దు", false }, { "sw", "ndiyo", false }, { "en", "", false },
    } do
      assert.equal(case[3], language.is_acknowledgement(case[2], case[1]), case[2])
    end
  end)

  it("are complete for each language", function()
    for tag, name in pairs(language.known) do
      local known = assert(language.of(tag))
      assert.equal(name, known.name)
      for _, list in ipairs { "yes", "no", "acknowledgements", "fillers" } do assert.is_true(#known[list] > 2, tag .. list) end
      for _, field in ipairs { "still_there", "again", "fallback", "goodbye" } do assert.is_string(known[field]) end
      for _, mark in ipairs { "dot", "slash", "at", "dash", "underscore", "times" } do assert.is_string(known.says[mark]) end
      for _, word in ipairs { "yes", "no" } do
        assert.is_true(language.is_all(known.is[word], tag, word))
      end
    end
  end)

  it("are refused for a language that is not there, and for what is not a tag", function()
    assert.same({ nil, "there are no words for the language 'sw'" }, { language.of "sw" })
    assert.is_nil((language.of "hindi"))
    assert.equal("id", language.of("in_ID").tag)
  end)
end)

describe("what a caller says in another script", function()
  it("is compared without its marks, and its digits are digits", function()
    assert.same({ "जी हाँ" }, phrases.of { "जी हाँ।" })
    assert.same({ "sí claro" }, phrases.of { "¡SÍ claro!" })
    assert.same({ "état" }, phrases.of { "ÉTAT." })
    for written, number in pairs {
      ["२१"] = 21, ["٤٢"] = 42, ["۷"] = 7, ["１５"] = 15, ["௧௨"] = 12, ["౩.౫"] = 3.5, ["×"] = false,
    } do
      assert.equal(number or nil, numbers.parse(written), written)
    end
    assert.equal("98", numbers.digits "९ ८")
  end)
end)
