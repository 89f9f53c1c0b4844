-- Forms and queries of messages: read once, though a message crosses to an adapter's VM anew for each function.

local http = require "callisto.http"

describe("the form of a message", function()
  it("is read once, also of a copy", function()
    local map, list = http.form_of { body = "a=1&b=x+y&a=%32" }
    assert.same({ a = "2", b = "x y" }, map)
    assert.same({ { "a", "1" }, { "b", "x y" }, { "a", "2" } }, list)
    local again, same = http.form_of { body = "a=1&b=x+y&a=%32" }
    assert.equal(map, again)
    assert.equal(list, same)
  end)

  it("is not that of the message before", function()
    http.form_of { body = "a=1" }
    assert.same({ a = "2" }, (http.form_of { body = "a=2" }))
    assert.same({}, (http.form_of {}))
    assert.same({ a = "1" }, (http.form_of { body = "a=1" }))
  end)

  it("of too many fields is refused each time", function()
    local body = ("a=1&"):rep(600)
    for _ = 1, 2 do
      local map, why = http.form_of { body = body }
      assert.is_nil(map)
      assert.equal("the form has too many fields", why)
    end
  end)

  it("is not its query", function()
    local message = { body = "a=1", query = "a=2" }
    assert.same({ a = "1" }, (http.form_of(message)))
    assert.same({ a = "2" }, (http.query_of(message)))
    assert.same({}, (http.query_of { query = ("a=1&"):rep(600) }))
  end)
end)
