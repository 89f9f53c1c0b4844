-- Arguments of tools: what authors declare, what models are told, and what is refused.

local json = require "callisto.json"
local schema = require "callisto.schema"
local tool = require "callisto.tool"

local function nothing() end

describe("a declaration", function()
  it("becomes JSON Schema", function()
    assert.equal(json.encode {
      type = "object", additionalProperties = false, required = json.array { "address", "when" },
      properties = {
        address = { type = "string" }, floor = { type = "integer" }, when = { type = "string", enum = { "today", "tomorrow" } },
        note = { type = "string", maxLength = 5 },
      },
    }, json.encode(schema.of {
      address = "string", floor = "integer?", when = { "today", "tomorrow" },
      note = { type = "string", maxLength = 5, optional = true },
    }))
  end)

  it("without fields is an object without fields", function()
    assert.equal('{"additionalProperties":false,"properties":{},"required":[],"type":"object"}', json.encode(schema.of {}))
  end)

  it("that is JSON Schema is taken as it is", function()
    local given = { type = "object", properties = { a = { type = "string" } } }
    assert.equal(given, schema.of(given))
  end)

  for _, case in ipairs {
    { { a = "strng" }, "'a': unknown type 'strng'; did you mean 'string'?" },
    { { a = 7 }, "'a' must be a type, a list of texts or JSON Schema, not number" },
    { { a = { 1, 2 } }, "'a': a list has the texts the field may be" },
    { { a = { description = "x" } }, "'a': 'type' is missing (string)" },
    { { "string" }, "a field has no name" },
  } do
    it("is refused: " .. case[2], function()
      local ok, why = pcall(schema.of, case[1])
      assert.is_false(ok)
      assert(why:find(case[2], 1, true), why)
    end)
  end
end)

describe("arguments", function()
  local about = schema.of {
    id = { type = "integer", minimum = 1, maximum = 9 }, name = { type = "string", minLength = 2, maxLength = 4 },
    tags = { type = "array", items = { type = "string" }, maxItems = 2, optional = true },
    to = { type = "object", properties = { city = { type = "string" } }, required = { "city" }, optional = true },
    any = { type = { "string", "number" }, optional = true }, is_new = "boolean?",
  }

  for _, case in ipairs {
    { '{"id":1,"name":"Ann"}' },
    { '{"id":9,"name":"Käthe"}', "'name' is longer than 4" },
    { '{"id":9,"name":"Käth","is_new":false,"tags":[],"any":"x"}' },
    { '{"id":9,"name":"Ann","any":7,"to":{"city":"Pune","zip":1}}' },
    { '{"name":"Ann"}', "'id' is missing (integer)" },
    { '{"id":1.5,"name":"Ann"}', "'id' must be integer, not number" },
    { '{"id":"1","name":"Ann"}', "'id' must be integer, not string" },
    { '{"id":0,"name":"Ann"}', "'id' must be at least 1" },
    { '{"id":10,"name":"Ann"}', "'id' must be at most 9" },
    { '{"id":1,"name":"A"}', "'name' is shorter than 2" },
    { '{"id":1,"name":null}', "'name' is missing (string)" },
    { '{"id":1,"name":"Ann","tags":["a",7]}', "'tags[2]' must be string, not number" },
    { '{"id":1,"name":"Ann","tags":["a","b","c"]}', "'tags' is longer than 2" },
    { '{"id":1,"name":"Ann","tags":{"a":1}}', "'tags' must be array, not table" },
    { '{"id":1,"name":"Ann","to":{}}', "'to.city' is missing (string)" },
    { '{"id":1,"name":"Ann","any":true}', "'any' must be string or number, not boolean" },
    { '{"id":1,"nam":"Ann","name":"Ann"}', "unknown field 'nam'; did you mean 'name'?" },
    { "[]", "the arguments must be an object" },
    { '"x"', "the arguments must be an object" },
  } do
    it((case[2] and "are refused: " or "may be: ") .. case[1], function()
      local why = schema.fault(about, json.decode(case[1]))
      if not case[2] then return assert.is_nil(why) end
      assert(why and why:find(case[2], 1, true), why)
    end)
  end
end)

describe("a tool", function()
  it("is declared by place or by name", function()
    local by_place = tool { "look", "Looks.", { id = "string" }, nothing, timeout = "2s" }
    local by_name = tool { name = "look", description = "Looks.", parameters = { id = "string" }, fn = nothing, timeout = 2 }
    assert.same({ "look", "Looks.", 2, nothing }, { by_place.name, by_place.description, by_place.timeout, by_place.fn })
    assert.same(by_place.parameters, by_name.parameters)
    assert.is_true(tool.is(by_name))
  end)

  for _, case in ipairs {
    { { [2] = "x", [4] = nothing }, "'name' is missing (string)" },
    { { "a b", "x", {}, nothing }, "'name' must be letters, digits, '_' and '-', at most 64" },
    { { "look", "x", {} }, "tool 'look': 'fn' is missing (function)" },
    { { "look", nil, {}, nothing }, "tool 'look': 'description' is missing (string)" },
    { { "look", "x", { id = "strng" }, nothing }, "tool 'look': 'id': unknown type 'strng'; did you mean 'string'?" },
    { { "look", "x", {}, nothing, timout = 3 }, "did you mean 'timeout'?" },
    { { "look", "x", {}, nothing, timeout = "soon" }, "'timeout'" },
  } do
    it("is refused: " .. case[2], function()
      local ok, why = pcall(tool.new, case[1])
      assert.is_false(ok)
      assert(why:find(case[2], 1, true), why)
    end)
  end

  it("ends a conversation with a word and a sentence", function()
    assert.is_true(tool.is_done(tool.done("BOOKED", "Goodbye.")))
    assert.has_error(function() tool.done "two words" end, "tool.done needs an outcome of letters, digits, '_' and '-'")
    assert.has_error(function() tool.done("A", 7) end, "tool.done: the last sentence must be text, not number")
  end)
end)
