local binary = require "spec.support.binary"

describe("callisto lua", function()
  local folder
  before_each(function()
    folder = binary.folder {
      ["words.lua"] = [[print(arg[0], #arg, ...)]],
      ["code.lua"] = [[return 3]],
      ["table.lua"] = [[return {}]],
      ["fails.lua"] = "local x\n\nerror 'no'",
      ["broken.lua"] = "local =",
      ["exits.lua"] = [[os.exit(7)]],
      ["modules.lua"] = [[
        local json, xml, crypto = require "callisto.json", require "callisto.xml", require "callisto.crypto"
        print(json.encode { ok = true }, xml.build { "A" }:match "<A/>", crypto.hex "x")
        print(require("callisto.template").is {}, require("callisto.hours") ~= nil, require("callisto.retry") ~= nil)
      ]],
    }
  end)
  after_each(function() binary.remove(folder) end)
  local function lua(...) return binary.run({ "lua", ... }, { folder = folder }) end

  it("gives a file its words", function()
    local result = lua("words.lua", "a", "b c")
    assert.equal(0, result.code, result.err)
    assert.equal("words.lua\t2\ta\tb c\n", result.out)
  end)

  it("has every module that needs no engine", function()
    assert.equal('{"ok":true}\t<A/>\t78\nfalse\ttrue\ttrue\n', lua("modules.lua").out)
  end)

  it("runs a text", function()
    local result = lua("-e", "print(...) return #arg", "one", "two")
    assert.equal("one\ttwo\n", result.out)
    assert.equal(2, result.code)
  end)

  it("ends with what the file returns, when that is a number", function()
    assert.equal(3, lua("code.lua").code)
    assert.equal(0, lua("table.lua").code)
    assert.equal(7, lua("exits.lua").code)
  end)

  it("ends with 1 after an error, and says where", function()
    local result = lua "fails.lua"
    assert.equal(1, result.code)
    assert.matches("fails.lua:3: no", result.err)
    assert.matches("\n.*fails.lua:3: in chunk", result.err)
    assert.equal("", result.out)
  end)

  it("ends with 2 when there is nothing to run", function()
    assert.matches("broken.lua:1:", lua("broken.lua").err)
    assert.equal(2, lua("broken.lua").code)
    assert.equal(2, lua("nothing.lua").code)
    assert.equal(2, lua().code)
    assert.equal(2, lua("-e").code)
  end)

  it("says how it is used", function() assert.matches("usage: callisto lua", lua("--help").out) end)
end)

describe("callisto", function()
  it("lists its verbs", function()
    local result = binary.run { "--help" }
    assert.equal(0, result.code)
    for _, verb in ipairs { "serve", "exchange", "call", "test", "check", "lua", "version" } do
      assert.matches("\n  " .. verb, result.out)
    end
  end)

  it("names a verb it does not have", function()
    local result = binary.run { "dance" }
    assert.equal(2, result.code)
    assert.matches("dance", result.err)
    assert.equal(2, binary.run({}).code)
  end)

  it("has a version", function() assert.matches("^callisto %d+%.%d+%.%d+\n$", binary.run({ "version" }).out) end)
end)
