local shared = require "callisto.shared"

describe("shared", function()
  local used = 0
  local key
  before_each(function()
    used = used + 1
    key = ("spec:%d"):format(used)
  end)

  it("keeps bytes under keys", function()
    assert.is_nil(shared.get(key))
    assert.is_true(shared.set(key, "a\0b"))
    assert.equal("a\0b", shared.get(key))
    assert.is_true(shared.set(key, ""))
    assert.equal("", shared.get(key))
    assert.is_true(shared.remove(key))
    assert.is_false(shared.remove(key))
    assert.is_nil(shared.get(key))
  end)

  it("adds only what is absent", function()
    assert.is_true(shared.add(key, "first"))
    assert.is_false(shared.add(key, "second"))
    assert.equal("first", shared.get(key))
  end)

  it("counts", function()
    assert.equal(1, shared.increment(key))
    assert.equal(6, shared.increment(key, 5))
    assert.equal(4, shared.increment(key, -2))
    assert.equal("4", shared.get(key))
  end)

  it("does not count anything that is not a number", function()
    shared.set(key, "many")
    local value, why, code = shared.increment(key)
    assert.is_nil(value)
    assert.is_string(why)
    assert.is_string(code)
    assert.equal("many", shared.get(key))
  end)

  it("refuses a value that is too large, and says so", function()
    local ok, why, code = shared.set(key, ("x"):rep(1024 * 1024))
    assert.is_nil(ok)
    assert.is_string(why)
    assert.is_string(code)
    assert.is_nil(shared.get(key))
  end)

  it("refuses a time to live that is negative", function()
    assert.error_matches(function() shared.set(key, "x", -1) end, "time to live")
  end)

  it("keeps what has time left", function()
    shared.set(key, "x", 3600)
    assert.equal("x", shared.get(key))
  end)
end)
