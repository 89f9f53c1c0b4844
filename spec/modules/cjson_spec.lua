-- The face of lua-cjson, beside lua-cjson itself: what is the same, and each thing that differs.

local flows = require "spec.support.flows"
local json = require "callisto.json"
local oracle = require "spec.support.oracle"

-- Both without what the other was told before.
local function both() return require("callisto.cjson").new(false), oracle.cjson.new() end

-- Ours writes keys in order and theirs does not, so texts are compared by what they mean; those without keys as they are.
local function assert_same_text(value)
  local ours, theirs = both()
  local text, other = ours.encode(value), theirs.encode(value)
  if not other:find ":" then return assert.equal(other, text) end
  assert.same(json.decode(other), json.decode(text))
end

describe("cjson writes as lua-cjson does:", function()
  for name, value in pairs {
    ["an empty table"] = {}, ["a list"] = { 1, 2, 3 }, ["a list in a list"] = { { 1 }, { { 2 } } },
    ["an object"] = { a = 1, b = { c = "x" } },
    ["a list with a hole"] = { 1, nil, 3 },
    ["a list with one place"] = { [3] = "x" }, ["a list and names"] = { 1, 2, a = 3 },
    ["numbers as keys"] = { [0] = 1 }, ["half numbers as keys"] = { [1.5] = 1 }, ["a slash"] = "http://x/y",
    ["quotes"] = 'a"b\\c',
    ["control characters"] = "\0\1\n\t", ["letters"] = "José ₹ 😀", ["whole numbers"] = { 0, -1, 42, 1e10 },
    ["fractions"] = { 0.5, -1.25 },
    ["true"] = true, ["a text"] = "x",
  } do
    it(name, function() assert_same_text(value) end)
  end
  it("null", function() assert.equal("null", require("cjson").encode(require("cjson").null)) end)
  it("nothing as null", function() assert.equal("null", require("cjson").encode(nil)) end)
end)

describe("cjson refuses to write as lua-cjson does:", function()
  for name, value in pairs { ["a function"] = print, ["a far hole"] = { [1] = 1, [100] = 2 },
    ["a key of another type"] = { [true] = 1 },
    ["infinity"] = math.huge, ["not a number"] = 0 / 0 } do
    it(name, function()
      local ours, theirs = both()
      assert.is_false(pcall(theirs.encode, value))
      local ok, why = pcall(function() local text = ours.encode(value) return text end)
      assert.is_false(ok)
      assert.matches("cjson_spec.lua:%d+: cjson.encode: ", why)
    end)
  end
  it("a circle", function()
    local circle = {}
    circle[1] = circle
    assert.error_matches(function() require("cjson").encode(circle) end, "excessive depth")
  end)
end)

describe("cjson", function()
  local cjson, safe = require "cjson", require "cjson.safe"

  it("reads as lua-cjson does", function()
    local text = '{"a":[1,2.5,null,true],"b":{"c":null},"d":"x","n":1234567890123456789}'
    local ours, theirs = cjson.decode(text), oracle.cjson.decode(text)
    assert.equal(cjson.null, ours.a[3])
    assert.equal(cjson.null, ours.b.c)
    assert.equal(theirs.n, ours.n)
    assert.equal(json.null, cjson.null)
    assert.equal(oracle.cjson.null, cjson.null) -- a light userdata of NULL in both
  end)

  it("raises where the author called it, and cjson.safe returns what is wrong", function()
    local _, raised = pcall(function() local value = cjson.decode "{" return value end)
    assert.matches("cjson_spec.lua:%d+: cjson.decode: not JSON", raised)
    local value, why = safe.decode "{"
    assert.is_nil(value)
    assert.matches("^cjson.decode: not JSON at byte", why)
    value, why = safe.encode(print)
    assert.is_nil(value)
    assert.equal("cjson.encode: cannot write a function", why)
    assert.equal(false, safe.decode "false")
    assert.equal(cjson.null, safe.decode "null")
    value, why = safe.decode(7)
    assert.same({ nil, "cjson.decode: a text is needed, not number" }, { value, why })
  end)

  it("has empty lists, as OpenResty's", function()
    assert.equal("[]", cjson.encode(cjson.empty_array))
    assert.equal('{"a":[]}', cjson.encode { a = cjson.empty_array })
    assert.equal("[]", cjson.encode(setmetatable({}, cjson.empty_array_mt)))
    assert.equal("[1]", cjson.encode(setmetatable({ 1 }, cjson.array_mt)))
    assert.equal("[]", cjson.encode(cjson.decode "[]")) -- lua-cjson forgets that it was a list
    assert.equal("{}", oracle.cjson.encode(oracle.cjson.decode "[]"))
  end)

  it("has settings of its own in each module", function()
    local mine = cjson.new()
    mine.encode_empty_table_as_object(false)
    mine.encode_escape_forward_slash "off"
    assert.same({ "[]", '"/"' }, { mine.encode {}, mine.encode "/" })
    assert.same({ "{}", '"\\/"' }, { cjson.encode {}, cjson.encode "/" })
    mine.encode_sparse_array(true)
    assert.equal('{"1":1,"100":2}', mine.encode { [1] = 1, [100] = 2 })
    assert.same({ true, 2, 10 }, { mine.encode_sparse_array() })
    mine.encode_max_depth(2)
    assert.is_true(pcall(mine.encode, { { 1 } }))
    assert.is_false(pcall(mine.encode, { { { 1 } } }))
  end)

  for _, case in ipairs {
    { "decode_max_depth", 1000, "64 levels" }, { "encode_number_precision", 14, "read back the same" },
    { "encode_invalid_numbers", true, "not JSON" }, { "decode_invalid_numbers", true, "not JSON" },
    { "encode_keep_buffer", true, "buffer" },
    { "decode_array_with_array_mt", false, "array_mt" }, { "encode_skip_unsupported_value_types", true, "an error" },
    { "decode_allow_comment", true, "not JSON" },
    { "encode_indent", "  ", "indentation" }, { "encode_max_depth", 1000, "64 levels" },
  } do
    it("says what it does not have: " .. case[1], function()
      local ok, why = pcall(function() cjson[case[1]](case[2]) end)
      assert.is_false(ok)
      assert.matches("cjson_spec.lua:%d+: cjson%." .. case[1], why)
      assert.matches(case[3], why)
      assert.is_true((pcall(cjson[case[1]]))) -- what it is may be asked
    end)
  end

  it("is there for flows", function()
    local caller = flows.call [[
      local cjson, safe = require "cjson", require "cjson.safe"
      local order = cjson.decode '{"coupon":null,"items":[]}'
      call:fact("seen", { is_null = order.coupon == cjson.null, text = cjson.encode(order), why = select(2, safe.decode "x") })
      call:finish "DONE"
    ]]
    caller:ended()
    assert.same({ true, '{"coupon":null,"items":[]}' }, { caller:fact("seen").is_null, caller:fact("seen").text })
    assert.matches("not JSON", caller:fact("seen").why)
  end)
end)
