-- Text in UTF-8: what comes from outside is made valid, and what is spelled is spelled by characters.

local text = require "callisto.text"
local utf8 = require "callisto.util.utf8"
local words = require "callisto.words"

describe("text from outside", function()
  for _, case in ipairs {
    { "plain", "plain" },
    { "José ₹ 🙂 \239\191\189", "José ₹ 🙂 \239\191\189" },
    { "Jos\233", "Jos\239\191\189" },
    { "\233\233x", "\239\191\189\239\191\189x" },
    { "cut \226\130", "cut \239\191\189\239\191\189" },
    { "overlong \192\175", "overlong \239\191\189\239\191\189" },
    { "half a pair \237\160\128", "half a pair " .. ("\239\191\189"):rep(3) },
    { "past the end \244\144\128\128", "past the end " .. ("\239\191\189"):rep(4) },
    { "\0 and é", "\0 and é" },
  } do
    it(("is made valid UTF-8: %q"):format(case[1]), function()
      local valid, is_changed = utf8.valid(case[1])
      assert.equal(case[2], valid)
      assert.equal(case[1] ~= case[2], is_changed)
    end)
  end
end)

describe("a name with an accent", function()
  it("is spelled letter by letter", function()
    assert.equal("J o s é", text.interpolate("{name|spell}", { name = "José" }))
    assert.equal("J O S é", words.digits "José")
  end)
end)
