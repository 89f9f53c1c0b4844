local binary = require "spec.support.binary"

describe("callisto test", function()
  local folder
  local function workspace(texts) folder = binary.folder(texts) end
  local function test(...) return binary.run({ "test", ... }, { folder = folder }) end
  after_each(function() binary.remove(folder) end)

  local passing = [[describe("a door", function()
    it("opens", function() assert.equal("tool", require("callisto.core").kind) end)
    it("shuts", function() end)
  end)]]
  local failing = [[describe("a wall", function() it("opens", function() assert.equal(1, 2) end) end)]]

  it("ends with 0 when all pass", function()
    workspace { ["spec/door_spec.lua"] = passing }
    local result = test()
    assert.equal(0, result.code, result.out .. result.err)
    assert.matches("2 successes / 0 failures / 0 errors", result.out)
  end)

  it("ends with 1 when one fails, and says where", function()
    workspace { ["spec/door_spec.lua"] = passing, ["spec/deep/wall_spec.lua"] = failing }
    local result = test()
    assert.equal(1, result.code)
    assert.matches("2 successes / 1 failure", result.out)
    assert.matches("spec/deep/wall_spec.lua:1", result.out)
  end)

  it("has the mistake of a call's script, and all that happened, in the summary of a plain assertion", function()
    workspace { ["spec/order_spec.lua"] = [[it("is sent", function()
      local caller = require("callisto.spec").call { source = "return require('callisto.template') { name = 'order',\n"
        .. "on_call = function(call) call:say(call.payload.address.street) end }" }
      assert.equal("SENT", caller:ended().outcome)
    end)]] }
    local result = test()
    assert.equal(1, result.code)
    local summary = result.out:match "0 successes / 1 failure / 0 errors.*"
    assert(summary, result.out .. result.err)
    assert.matches("'SENT'", summary)
    assert.matches("the script has broken: templates.under_test:2: attempt to index field 'address' %(a nil value%)", summary)
    local _, stories = (result.out .. result.err):gsub("what happened:", "")
    assert.equal(1, stories)
    assert.matches("what happened:\n.*agent +We are sorry", summary)
  end)

  it("ends with 1, not with 0, when 256 fail", function()
    workspace { ["spec/many_spec.lua"] = [[for i = 1, 256 do it("number " .. i, function() error "x" end) end]] }
    assert.equal(1, test("-o", "TAP").code)
  end)

  it("ends with 1 when a file cannot be loaded, fails outside of a spec, or has a bad set-up", function()
    local bad_set_up = "describe('x', function() setup(function() error 'no' end) it('y', function() end) end)"
    for _, text in ipairs { "it(", "error 'at once'", bad_set_up } do
      workspace { ["spec/bad_spec.lua"] = text }
      assert.equal(1, test().code, text)
      binary.remove(folder)
    end
    workspace {}
  end)

  it("ends with 1 when there is nothing to run", function()
    workspace {}
    local result = test()
    assert.equal(1, result.code)
    assert.matches("spec", result.out)
    assert.equal(1, test("spec/nothing_spec.lua").code)
    workspace { ["spec/door_spec.lua"] = passing }
    for _, words in ipairs { { "--filter", "nothing_of_this" }, { "--filter-out", "." }, { "-t", "none", "-o", "TAP" } } do
      result = test(unpack(words))
      assert.equal(1, result.code)
      assert.matches("no spec was found", result.err)
    end
  end)

  it("ends with 1 for an option busted does not know", function()
    workspace { ["spec/door_spec.lua"] = passing }
    local result = test "--nonsense"
    assert.equal(1, result.code)
    assert.matches("nonsense", result.err)
  end)

  it("speaks TAP", function()
    workspace { ["spec/door_spec.lua"] = passing, ["spec/wall_spec.lua"] = failing }
    local result = test("-o", "TAP")
    assert.equal(1, result.code)
    assert.matches("ok 1 %- a door opens", result.out)
    assert.matches("not ok %d %- a wall opens", result.out)
    assert.matches("1%.%.3", result.out)
  end)

  it("runs one file, or what a filter picks", function()
    workspace { ["spec/door_spec.lua"] = passing, ["spec/wall_spec.lua"] = failing }
    assert.equal(0, test("spec/door_spec.lua").code)
    assert.matches("1 success / 0", test("--filter", "shuts").out)
    assert.equal(0, test("--filter-out", "a wall").code)
    assert.matches("door_spec.lua:%d+: a door opens", test("--list").out)
  end)

  it("ends the VM also when a spec leaves the process", function()
    workspace { ["spec/exit_spec.lua"] = [[it("leaves", function() os.exit(0) end)]] }
    assert.equal(1, test().code)
  end)

  it("says how it is used", function()
    workspace {}
    local result = test "--help"
    assert.equal(0, result.code)
    assert.matches("usage: callisto test", result.out)
  end)
end)
