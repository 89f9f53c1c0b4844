local json = require "callisto.json"

describe("json", function()
  it("writes what it reads", function()
    local text = '{"a":[1,2.5,-3],"b":{"c":true,"d":null},"e":"\\u00fc\\n\\"","f":[],"g":{}}'
    local value = assert(json.decode(text, { nulls = true }))
    assert.same({ 1, 2.5, -3 }, { unpack(value.a) })
    assert.equal("ü\n\"", value.e)
    assert.equal(json.null, value.b.d)
    local again = json.decode(json.encode(value), { nulls = true })
    assert.same(value, again)
  end)

  describe("writes", function()
    for _, case in ipairs {
      { "a whole number without a point", 3, "3" },
      { "a negative number", -17, "-17" },
      { "a large whole number", 1772532900123, "1772532900123" },
      { "a fraction as short as it can be", 0.1, "0.1" },
      { "the largest exact integer", 9007199254740992, "9007199254740992" },
      { "true", true, "true" },
      { "null", json.null, "null" },
      { "text with quotes", 'say "hi"\\', [["say \"hi\"\\"]] },
      { "control characters", "a\0b\1", [["a\u0000b\u0001"]] },
      { "an empty table as an object", {}, "{}" },
      { "an empty array", json.array {}, "[]" },
      { "a list", { 1, "x", false }, '[1,"x",false]' },
      { "a list of lists", { { 1 }, { 2 } }, "[[1],[2]]" },
      { "one field", { name = "Ann" }, '{"name":"Ann"}' },
    } do
      it(case[1], function() assert.equal(case[3], json.encode(case[2])) end)
    end

    it("every number so that it reads back the same", function()
      for _, number in ipairs { 1 / 3, 1e300, 5e-324, 123456.789, -0.1, 2 ^ 53 - 1 } do
        assert.equal(number, json.decode(json.encode(number)))
      end
    end)

    it("the fields of an object in a stable order", function()
      local text = json.encode { b = 1, a = 2, c = 3 }
      for _ = 1, 5 do assert.equal(text, json.encode { c = 3, b = 1, a = 2 }) end
    end)
  end)

  describe("refuses to write", function()
    local circle = {}
    circle.self = circle
    for _, case in ipairs {
      { "infinity", math.huge, "not a JSON number" },
      { "what is not a number", 0 / 0, "not a JSON number" },
      { "text that is not UTF-8", "\255\254", "not UTF%-8" },
      { "a function", print, "function" },
      { "a circle", circle, "nested deeper" },
    } do
      it(case[1], function() assert.error_matches(function() json.encode(case[2]) end, case[3]) end)
    end
    it("nothing", function() assert.has_error(function() json.encode() end) end)
  end)

  describe("reads", function()
    it("values that are not tables", function()
      assert.equal("x", json.decode '"x"')
      assert.equal(false, json.decode "false")
      assert.equal(json.null, json.decode "null")
      assert.equal(-2.5e3, json.decode " -2.5e3 ")
    end)

    it("an empty array as an array", function()
      assert.equal(json.array_mt, getmetatable(json.decode "[]"))
      assert.equal("[]", json.encode(json.decode "[]"))
      assert.is_nil(getmetatable(json.decode "{}"))
    end)

    it("letters beyond the basic plane", function() assert.equal("😀", json.decode '"\\ud83d\\ude00"') end)

    it("nesting of 64 levels and not one more", function()
      assert.is_table(json.decode(("["):rep(64) .. ("]"):rep(64)))
      local value, why = json.decode(("["):rep(65) .. ("]"):rep(65))
      assert.is_nil(value)
      assert.matches("deep", why)
    end)

    for _, text in ipairs { "", "{", "[1,]", "{'a':1}", "nul", "1 2", '{"a":1}x', '"\255"', "[01]", "NaN", '{"a" 1}', "1e400",
      '{"n":-1e999}' } do
      it(("nothing from %q, and says why"):format(text), function()
        local value, why = json.decode(text)
        assert.is_nil(value)
        assert.is_string(why)
      end)
    end
  end)

  it("takes null for absence, but for the places of a list", function()
    local value = json.decode '{"here":null,"list":[1,null,3],"in":{"side":null}}'
    assert.is_nil(value.here)
    assert.is_nil(value["in"].side)
    assert.same({ 1, json.null, 3 }, { unpack(value.list) })
  end)

  it("keeps null apart from absence when it is asked to", function()
    local value = json.decode('{"here":null}', { nulls = true })
    assert.equal(json.null, value.here)
    assert.is_nil(value.absent)
    assert.equal('{"here":null}', json.encode(value))
  end)

  it("survives many documents that fail half-way, and the collector", function()
    for i = 1, 200 do
      json.decode(('{"a":[1,2,{"b":"%d"'):format(i))
      pcall(json.encode, { list = { i, print } })
    end
    collectgarbage()
    assert.equal("[1]", json.encode { 1 })
  end)
end)
