-- A call with two parties, joined in C: what one says the other hears, whatever the script does, and each is recorded apart.

local lab = require "callisto.lab"

local WIRE = [[
local core = require "callisto.core"
return function(is_agent)
  return core.wire {
    name = "both ways", encoding = "pcmu", rate = 8000, frame_ms = 20, event = "event",
    audio_in = { event = "media", payload = "media.payload" }, mark_in = { event = "mark", name = "name" },
    start_in = is_agent and { event = "start", stream = "stream", call = "call" } or nil,
    stop_in = { event = "stop" }, clear_in = not is_agent and { event = "clear" } or nil,
    audio_out = '{"event":"media","media":{"payload":"$audio"}}', mark_out = '{"event":"mark","name":"$mark"}',
    clear = is_agent and '{"event":"clear"}' or nil,
  }
end
]]

local WARM = [[
local core = require "callisto.core"
return function(on) core.handler(function(kind, ...) if on[kind] then on[kind](...) end end) end
]]

-- The application: one call, two parties, who are joined before either has come.
local APP = {
  ["parties.wire"] = WIRE, ["parties.warm"] = WARM,
  ["parties.service"] = [[
local core, json, shared = require "callisto.core", require "callisto.json", require "callisto.shared"
local on, left, legs = {}, 2, {}
function on.start()
  local wire = require "parties.wire" (true)
  assert(core.call_open {
    id = "c1", entry = "parties.flow", begin = { joined = JOINED }, wire = wire, role = "agent", path = "/media/one",
    recording = "recordings/one.wav",
  })
  local second = assert(core.party_open("c1", {
    wire = wire, role = "agent", path = "/media/two", recording = "recordings/two.wav",
  }))
  shared.set("second", tostring(second))
  local none, _, code = core.party_open("c2", { wire = wire, role = "agent", path = "/media/three" })
  shared.set("nobody", tostring(none) .. " " .. code)
  core.started()
end
function on.leg(call, party, state, about)
  legs[#legs + 1] = party .. " " .. state .. " " .. (about.stream or about.reason)
  shared.set("legs", table.concat(legs, ", "))
  if state == "ended" then left = left - 1 end
  if left == 0 then core.call_close(call) end
end
function on.stop() core.stopped() end
require "parties.warm" (on)
return true
]],
  ["parties.flow"] = [[
local core = require "callisto.core"
local on, HOW = {}, {
  both = function() assert(core.join(1, 2)) end,
  whisper = function() assert(core.join(2, 1, { whisper = 2 })) end,
  hold = function() assert(core.join(1, 2)) assert(core.join(1, 2, { hold = true })) end,
  parted = function() assert(core.join(1, 2)) core.part(2, 1) core.part(2, 1) end,
}
function on.begin(about)
  assert(not pcall(core.join, 1, 3))
  assert(not pcall(core.join, 1, 1))
  assert(not pcall(core.say, 3, 1, "hello"))
  HOW[about.joined]()
end
function on.leg(party, state)
  if state == "started" and party == 2 then core.say(2, 1, "welcome") end
  if state == "ended" and party == 2 then core.party_close(1, true, 1000) end
end
require "parties.warm" (on)
return true
]],
}

-- Two telephones: Anna speaks first, Bob four seconds later and then hangs up.
local PHONES = {
  ["parties.wire"] = WIRE, ["parties.warm"] = WARM,
  ["phones.service"] = [[
local core, json = require "callisto.core", require "callisto.json"
local on = {}
local function dial(name, path, begin)
  local wire = require "parties.wire" (false)
  assert(core.call_open { id = name, entry = "phones.flow", begin = begin, wire = wire, role = "carrier" })
  assert(core.leg_dial(name, {
    url = "wss://app.test/media/" .. path, stream = "s-" .. name, carrier_call = "k-" .. name,
    opening = { json.encode { event = "start", stream = "s-" .. name, call = "k-" .. name } },
    closing = json.encode { event = "stop" },
  }))
end
function on.start()
  dial("anna", "one", { after = 2, says = "good morning" })
  dial("bob", "two", { after = 6, says = "thank you", hangs_up = true })
  core.started()
end
function on.leg(name, _, state) if state == "ended" then core.call_close(name) end end
function on.stop() core.stopped() end
require "parties.warm" (on)
return true
]],
  ["phones.flow"] = [[
local core = require "callisto.core"
local on, about = {}, nil
function on.begin(given) about = given end
function on.leg(_, state) if state == "started" then core.wake_at(core.now() + about.after) end end
function on.wake() core.say(1, 1, about.says) end
function on.utterance(_, _, state) if state == "ended" and about.hangs_up then core.party_close(1, true, 1000) end end
require "parties.warm" (on)
return true
]],
}

-- What was heard, by whom, and the application's engine.
local function run(joined)
  local world = lab.new { seed = 1, wall = 1772532900 }
  local sources = {}
  for name, text in pairs(APP) do sources[name] = text:gsub("JOINED", ("%q"):format(joined)) end
  local app = assert(world:engine { host = "app.test", service = "parties.service", warm = "parties.warm", sources = sources })
  assert(world:engine { host = "phones.test", service = "phones.service", warm = "parties.warm", sources = PHONES })
  world:advance(15)
  local heard = { anna = {}, bob = {} }
  for _, word in ipairs(world:words()) do table.insert(heard[word.line], word.word) end
  return table.concat(heard.anna, " "), table.concat(heard.bob, " "), app, world
end

-- Seconds after which each side of a recording is loud for the first time; nil: never.
local function first_sounds(path)
  local file = assert(io.open(path, "rb"))
  local data = file:read("*a"):sub(45)
  file:close()
  local first = {}
  for at = 1, #data - 3, 4 do
    for side = 1, 2 do
      local low, high = data:byte(at + side * 2 - 2, at + side * 2 - 1)
      local sample = high * 256 + low
      if sample >= 32768 then sample = 65536 - sample end
      if sample > 1000 and not first[side] then first[side] = (at - 1) / 4 / 8000 end
    end
  end
  return first[1], first[2]
end

describe("a call with two parties", function()
  it("joins them in C, each recorded apart", function()
    local anna, bob, app, world = run "both"
    assert.equal("thank you", anna)
    assert.equal("welcome good morning", bob)
    assert.equal("2", app:shared "second")
    assert.equal("1 started s-anna, 2 started s-bob, 2 ended hangup, 1 ended closed", app:shared "legs")
    world:advance(1)
    local said, heard = first_sounds(app:folder() .. "/recordings/one.wav")
    assert.is_true(said > 1.5 and said < 3 and heard > 5.5 and heard < 7, "Anna speaks, then hears Bob")
    said, heard = first_sounds(app:folder() .. "/recordings/two.wav")
    assert.is_true(heard < 1.5 and said > 5.5 and said < 7, "Bob is welcomed, and speaks later")
    local left = world:left()
    assert.equal(0, left.calls + left.legs + left.vms + left.sockets)
    assert.equal(0, world:close())
  end)

  it("lets one whisper to the other", function()
    local anna, bob, _, world = run "whisper"
    assert.equal("", anna)
    assert.equal("welcome good morning", bob)
    world:close()
  end)

  it("is silent between them on hold", function()
    local anna, bob, _, world = run "hold"
    assert.equal("", anna)
    assert.equal("welcome", bob)
    world:close()
  end)

  it("is silent between them when they are parted", function()
    local anna, bob, _, world = run "parted"
    assert.equal("", anna)
    assert.equal("welcome", bob)
    world:close()
  end)

  it("opens no party of a call that is not there", function()
    local _, _, app, world = run "both"
    assert.equal("nil ENOENT", app:shared "nobody")
    world:close()
  end)
end)
