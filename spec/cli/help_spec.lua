-- The help of every verb and docs/command-line.md say the same.

local binary = require "spec.support.binary"
local files = require "callisto.cli.files"

local page = assert(files.read "docs/command-line.md")

local function section(verb) return (page .. "\n## "):match("\n## callisto " .. verb .. "\n(.-)\n## ") end

local function options_of(text)
  local found = {}
  for option in text:gmatch "[^%w%-]%-%-(%l[%l-]*%l)" do found[option] = true end
  found.help = nil
  return found
end

describe("the page about the command line", function()
  local help = binary.run({ "--help" }).out
  local verbs = {}
  for verb, what in help:gmatch "\n  (%l+) +([^\n]+)" do verbs[#verbs + 1] = { verb, what } end

  it("lists every verb, in the words of the help", function()
    assert.is_true(#verbs >= 7)
    for _, each in ipairs(verbs) do
      assert(page:find(("| `%s` | %s |"):format(each[1], each[2]), 1, true), "not in the table: " .. each[1])
      assert(section(each[1]), "no section about callisto " .. each[1])
    end
    local _, sections = page:gsub("\n## callisto ", "")
    assert.equal(#verbs, sections)
  end)

  for _, each in ipairs(verbs) do
    local verb = each[1]
    if verb ~= "version" and verb ~= "exchange" then
      it("has the options of callisto " .. verb, function()
        local result = binary.run { verb, "--help" }
        assert.equal(0, result.code)
        assert.equal("", result.err)
        local given, told = options_of(result.out), options_of(section(verb))
        if verb == "test" then given["filter-out"], given.shuffle = true, true end -- busted's own
        assert.same(given, told)
      end)
    end
  end
end)
