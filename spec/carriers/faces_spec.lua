-- Faces in the exchange: what one must be, and which are served.

local accounts = require "callisto.exchange.accounts"
local exchange = require "callisto.spec"
local face = require "callisto.exchange.face"

local function nothing() end

local function given(change)
  local about = { name = "tinyline", start = nothing, handle = nothing, inbound = nothing, call_in = nothing }
  for name, value in pairs(change or {}) do about[name] = value or nil end
  return about
end

describe("the contract of a face", function()
  it("makes a face of its five fields", function()
    local made = face(given())
    assert.is_true(face.is(made))
    assert.is_false(face.is(given()))
  end)

  for _, case in ipairs {
    { "an unknown field", { call_inn = nothing }, "face 'tinyline': unknown field 'call_inn'; did you mean 'call_in'?" },
    { "a missing one", { inbound = false }, "face 'tinyline': 'inbound' is missing (function)" },
    { "a value of another type", { start = 7 }, "face 'tinyline': 'start' must be function, not number" },
  } do
    it("refuses " .. case[1], function()
      local ok, why = pcall(face, given(case[2]))
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
    end)
  end
end)

describe("the exchange", function()
  local OWN = [[
    local face, network = require "callisto.exchange.face", require "callisto.exchange.network"
    local function nothing() end
    return face { name = "%s", start = function() return true end, call_in = nothing, handle = nothing,
      inbound = function(from, to)
        return network.add { id = "own1", from = from, to = to, party = from, direction = "inbound" }
      end }
  ]]

  -- Places a call with these more fields, and gives the answer.
  local function call(world, more)
    world:puppet "+14150000001"
    local order = { from = "+14150000001", to = "+14150000002", voice_url = "https://app.test/none" }
    for name, value in pairs(more or {}) do order[name] = value end
    return world:ask_exchange("POST", "/exchange/calls", order)
  end

  it("has a face for every carrier that is shipped", function()
    local env = {}
    for _, carrier in ipairs(accounts.carriers()) do
      for name, value in pairs(accounts.of(carrier)) do env[name] = value end
    end
    local world = exchange.open { env = env }
    for _, carrier in ipairs(accounts.carriers()) do
      local placed, status = call(world, { carrier = carrier, voice_url = "wss://nobody.test/x" })
      assert.equal(201, status, carrier .. ": " .. tostring(placed.title))
    end
  end)

  it("does not serve a carrier whose account is not set, and says so", function()
    local problem, status = call(exchange.open {}, { carrier = "plivo" })
    assert.equal(422, status)
    assert.matches("does not serve plivo: its account is not set", problem.title)
  end)

  it("takes a face of the workspace instead of ours", function()
    local world = exchange.open { sources = { ["exchange.own"] = OWN:format "twilio" } }
    assert.equal("own1", call(world).id)
  end)

  it("says what to write instead of a face in the old form", function()
    local old = "return { name = 'own', start = function() return true end, handle = function() end }"
    local ok, why = pcall(exchange.open, { sources = { ["exchange.own"] = old } })
    assert.is_false(ok)
    assert.is_truthy(tostring(why):find("exchange/own.lua is a face in an old form: end it with return face { … }", 1, true), why)
  end)
end)
