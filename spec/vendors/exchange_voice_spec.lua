-- The voices that the exchange plays over HTTP, with the voice of its process.

local exchange = require "callisto.spec"
local json = require "callisto.json"
local lab = require "callisto.lab"

local TEXT = "Your balance is forty dollars."

local function speech(world, body, headers)
  return world:fetch {
    url = "https://exchange.test/v1/audio/speech", headers = headers or { authorization = "Bearer x" }, json = body, timeout = 20,
  }
end

local function wanted(input)
  return { model = "gpt-4o-mini-tts", voice = "marin", input = input, response_format = "pcm" }
end

describe("the exchange's voices", function()
  it("say the text, as they are asked", function()
    local world = exchange.open {}
    local response = speech(world, wanted(TEXT))
    assert.equal("audio/pcm", response.headers["content-type"])
    local words = lab.ear(24000):put(response.body .. ("\0"):rep(4800))
    assert.equal(TEXT, table.concat(words, " "))
  end)

  it("take the time that exchange/voice.lua says", function()
    local world = exchange.open { sources = { ["exchange.voice"] = "return { first_audio = 3, key = 'right' }" } }
    local from = world.lab:now()
    assert.equal(200, speech(world, wanted(TEXT), { authorization = "Bearer right" }).status)
    assert.is_true(world.lab:now() - from > 3)
    assert.equal(401, speech(world, wanted(TEXT)).status)
  end)

  it("refuse what they do not make, and what nobody can say", function()
    local world = exchange.open {}
    local other = wanted(TEXT)
    other.response_format = "mp3"
    local refused = speech(world, other)
    assert.equal(400, refused.status)
    assert.is_string((json.decode(refused.body)).error.message)
    assert.equal(500, speech(world, wanted "").status)
  end)
end)
