-- Tables that people write, checked against what they may contain.

local options = require "callisto.options"

describe("options of tables inside tables", function()
  local fields = { limits = { "map", fields = { most = { "integer", max = 9 } } }, each = { "map", each = { "duration" } } }

  it("are read to any depth", function()
    assert.same({ limits = { most = 3 }, each = { a = 60 } },
      options.try("x", { limits = { most = 3 }, each = { a = "1m" } }, fields))
  end)

  it("name the place of what is wrong", function()
    assert.equal("x: limits: 'most' must be at most 9, not 10", select(2, options.try("x", { limits = { most = 10 } }, fields)))
    assert.matches("^x: each: 'a' ", select(2, options.try("x", { each = { a = "soon" } }, fields)))
  end)
end)
