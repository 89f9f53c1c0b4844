local core = require "callisto.core"

-- A tool has no planes, so of callisto.core only what needs none.
describe("core of a tool", function()
  it("knows what it is", function() assert.equal("tool", core.kind) end)

  it("tells the time: one clock that never runs back, and the calendar's", function()
    local before = core.now()
    assert.is_true(core.now() >= before)
    assert.is_true(math.abs(core.wall() - os.time()) <= 2)
  end)

  it("writes points in time, in UTC", function()
    assert.equal("1970-01-01T00:00:00Z", core.date("%Y-%m-%dT%H:%M:%SZ", 0))
    assert.equal("2026-03-03 10:15 Tue", core.date("%Y-%m-%d %H:%M %a", 1772532900.9))
    assert.equal("1969-12-31", core.date("%Y-%m-%d", -0.5))
  end)

  it("makes ids of 130 bits that do not repeat", function()
    local seen = {}
    for _ = 1, 200 do
      local id = core.id "c"
      assert.matches("^c[a-z2-7]+$", id)
      assert.equal(27, #id)
      assert.is_nil(seen[id])
      seen[id] = true
    end
    assert.error_matches(function() core.id(("x"):rep(200)) end, "prefix")
  end)

  it("makes random bytes", function()
    assert.equal(16, #core.random(16))
    assert.not_equal(core.random(16), core.random(16))
    assert.error_matches(function() core.random(0) end, "1 to 1024")
    assert.error_matches(function() core.random(1025) end, "1 to 1024")
  end)

  it("has nothing that needs an engine", function()
    for _, name in ipairs { "say", "listen", "http_fetch", "http_reply", "store", "wake_at", "handler", "tell" } do
      assert.is_nil(core[name], name)
    end
  end)
end)

describe("the machine", function()
  local vm = require "callisto.vm"

  it("is told of scripts", function()
    assert.equal("tool", vm.kind)
    assert.is_true(vm.memory_bytes() > 10000)
    assert.is_true(vm.generation >= 1)
  end)

  it("writes tracebacks", function()
    local text = vm.traceback "here"
    assert.matches("^here", text)
    assert.matches("core_spec.lua", text)
  end)

  it("compiles nothing to machine code, so that a runaway script can be stopped", function()
    assert.is_false((require("jit").status()))
  end)
end)
