local later = require "callisto.util.later"

describe("callisto.util.later", function()
  after_each(function() package.loaded["spec.made_up"], package.preload["spec.made_up"] = nil, nil end)

  it("loads a module when something of it is first used, and once", function()
    local loads = 0
    package.preload["spec.made_up"] = function()
      loads = loads + 1
      return { answer = function() return 42 end }
    end
    local made_up = later "spec.made_up"
    assert.equal(0, loads)
    assert.equal(42, made_up.answer())
    assert.equal(42, made_up.answer())
    assert.is_nil(made_up.nothing)
    assert.equal(1, loads)
  end)

  it("raises what is wrong with the module where it is used", function()
    package.preload["spec.made_up"] = function() error("not today", 0) end
    local made_up = later "spec.made_up"
    assert.has_error(function() made_up.answer() end, "not today")
  end)
end)
