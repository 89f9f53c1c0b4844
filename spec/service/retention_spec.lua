-- What is older than `retention` says is deleted, on the real engine: rows and files; nothing else is.

local exchange = require "callisto.spec"

local HOUR, DAY = 3600, 24 * 3600

local TEMPLATE = [[return require "callisto.template" { name = "hello", record = true,
  on_call = function(call) call:finish("DONE", "Hello.") end }]]

local function open(env) return exchange.open { env = env, sources = { ["templates.hello"] = TEMPLATE } } end

local function call(world)
  local caller = world:call { template = "hello" }
  caller:hears "Hello."
  caller:ended()
  return caller:record().id
end

local function ids(world)
  local list = {}
  for i, each in ipairs(world:ask_app("GET", "/api/calls").calls) do list[i] = each.id end
  return list
end

local function file_of(world, id) return ("%s/recordings/%s.wav"):format(world.app:folder(), id) end

local function is_there(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

describe("retention", function()
  it("deletes calls that ended long ago, whole, and their recordings", function()
    local world = open { RETENTION_CALLS = "2d" }
    local old = call(world)
    local path = file_of(world, old)
    assert.is_true(is_there(path))
    world:advance(DAY + 12 * HOUR)
    local young = call(world)
    assert.same({ young, old }, ids(world))
    world:advance(DAY)
    assert.same({ young }, ids(world))
    assert.is_false(is_there(path))
    assert.is_true(is_there(file_of(world, young)))
  end)

  it("deletes recordings sooner than calls, if that is wanted", function()
    local world = open { RETENTION_CALLS = "9d", RETENTION_RECORDINGS = "1d" }
    local id = call(world)
    local path = file_of(world, id)
    world:advance(DAY + 2 * HOUR)
    assert.same({ id }, ids(world))
    assert.is_false(is_there(path))
  end)

  it("keeps everything when nothing is set", function()
    local world = open {}
    local id = call(world)
    world:advance(100 * DAY)
    assert.same({ id }, ids(world))
  end)

  for value, why in pairs { ["2 weeks"] = "must be a duration", ["5m"] = "must be an hour or more" } do
    it(("is refused at start when it is %s"):format(value), function()
      local ok, failure = pcall(open, { RETENTION_CALLS = value })
      assert.is_false(ok)
      local named = "RETENTION_CALLS (or retention_calls of callisto.lua) " .. why
      assert.is_truthy(tostring(failure):find(named, 1, true), tostring(failure))
    end)
  end
end)
