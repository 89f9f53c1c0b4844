local binary = require "spec.support.binary"

local function logged(body)
  return binary.run { "lua", "-e", "local log = require 'callisto.log'\n" .. body }
end

describe("log", function()
  it("writes a line a text, with its level, to standard error", function()
    local result = logged "log.info 'one' log.warn 'two' log.error 'three'"
    assert.equal(0, result.code)
    assert.equal("", result.out)
    for _, words in ipairs { "one", "two", "three" } do assert.matches(words, result.err) end
    assert.matches("[Ww][Aa][Rr][Nn].*two", result.err)
    assert.matches("[Ee][Rr][Rr].*three", result.err)
  end)

  it("masks telephone numbers", function()
    local result = logged "log.info 'calling +14155550123 now'"
    assert.is_nil(result.err:find("4155550123", 1, true))
    assert.matches("calling", result.err)
    assert.matches("now", result.err)
  end)

  it("indents further lines, so that each text is told from the next", function()
    local result = logged [[log.info "first\nsecond"]]
    assert.matches("^[^\n]*first\n +second\n$", result.err)
  end)

  it("wants text", function()
    assert.error_matches(function() require("callisto.log").info {} end, "string expected")
    assert.error_matches(function() require("callisto.log").warn() end, "string expected")
  end)
end)
