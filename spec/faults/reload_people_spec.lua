-- Reload serves people: what a person decided (a rollback, a canary) is not undone by the next file or the next request.
-- Real engines on simulated time; the watcher's side is in tests/end_to_end/test_reload.lua.

local binary = require "spec.support.binary"
local exchange = require "callisto.spec"

local function version(word, breaks)
  return ([[return require "callisto.template" { name = "versioned", greeting = "This is %s.", on_call = function(call)
  call:digits { min = 1, max = 1, timeout = "10m", terminator = "" }
  %s
  call:finish("%s", "Goodbye.")
end }
]]):format(word, breaks and "error 'on purpose'" or "", word)
end

local folder, world

local function write(word, breaks)
  local file = assert(io.open(folder .. "/templates/versioned.lua", "wb"))
  file:write(version(word, breaks))
  file:close()
end

local calls
local function call()
  calls = calls + 1
  return world:call { template = "versioned", number = ("+141500003%02d"):format(calls) }
end

local function says(word) call():hears("This is " .. word .. ".") end
local function reload(body) return world:ask_app("POST", "/api/code/reload", body or {}) end
local function rollback() return world:ask_app("POST", "/api/code/rollback", {}) end
local function code() return (world:ask_app("GET", "/api/code")) end

before_each(function()
  calls = 0
  folder = binary.folder { ["templates/versioned.lua"] = version "zero" }
  world = exchange.open { workspace = folder, env = { TWILIO_MAX_CONCURRENT = "100" } }
end)
after_each(function() binary.remove(folder) end)

describe("a rollback", function()
  before_each(function()
    write "one"
    assert.equal(200, select(2, reload()))
    assert.equal(200, select(2, rollback()))
  end)

  it("is told by whoever asks which code runs, until a reload is asked for", function()
    assert.is_true(code().held)
    says "zero"
    assert.equal(200, select(2, reload()))
    assert.is_nil(code().held)
    says "one"
  end)

  it("is not undone by a second one", function()
    local report, status = rollback()
    assert.equal(409, status)
    assert.equal("there is no earlier code to go back to", report.what)
    assert.is_true(code().held)
    says "zero"
  end)

  it("holds when the reload that was asked for is refused", function()
    local file = assert(io.open(folder .. "/templates/versioned.lua", "wb"))
    file:write "return {"
    file:close()
    assert.equal(422, select(2, reload()))
    assert.is_true(code().held)
    says "zero"
  end)
end)

describe("while a canary runs,", function()
  before_each(function()
    write "one"
    assert.equal(200, select(2, reload { canary = 50 }))
  end)

  for _, body in ipairs { {}, { canary = 20 }, { force = false } } do
    it("a third version is not taken: " .. require("callisto.json").encode(body), function()
      write "two"
      local report, status = reload(body)
      assert.equal(409, status)
      assert.is_false(report.ok)
      assert.matches("callisto rollback ends the canary, callisto reload %-%-force ends it", report.what)
      assert.equal(50, code().canary.share)
    end)
  end

  it("a third version is taken by force, and the canary has ended", function()
    write "two"
    assert.equal(200, select(2, reload { force = true }))
    assert.is_nil(code().canary)
    for _ = 1, 4 do says "two" end
  end)

  it("the code of before on disk does not end it unasked", function()
    write "zero"
    assert.equal(409, select(2, reload()))
    assert.equal(50, code().canary.share)
    assert.equal(200, select(2, reload { force = true }))
    assert.is_nil(code().canary)
    for _ = 1, 4 do says "zero" end
  end)

  it("its share is changed by a reload of the same code", function()
    assert.equal(200, select(2, reload { canary = 99 }))
    assert.equal(99, code().canary.share)
  end)

  it("a rollback of it holds like any other", function()
    assert.equal(200, select(2, rollback()))
    assert.is_true(code().held)
    says "zero"
  end)
end)

it("a canary whose calls break at the same moment takes only itself back", function()
  write "one"
  assert.equal(200, select(2, reload()))
  local digest = code().digest
  write("two", true)
  assert.equal(200, select(2, reload { canary = 99 }))
  local live = {}
  for i = 1, 8 do live[i] = call() end
  for _, each in ipairs(live) do
    world.lab:fetch({ method = "POST", url = ("https://exchange.test/exchange/calls/%s/keys"):format(each.carrier_call),
      body = '{"keys":"5"}', headers = { host = "localhost", ["content-type"] = "application/json" } }, function() end)
  end
  world:until_true(60, function() return not code().canary end, 0.5)
  world:advance(5)
  assert.equal(digest, code().digest)
  assert.is_true(code().held)
  says "one"
end)
