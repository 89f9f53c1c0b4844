-- Missing proof is no proof: where a carrier is to give marks back and does not, nothing is said to have been heard.

local exchange = require "callisto.spec"
local flows = require "spec.support.flows"

local SENTENCES = 30

local monologue = flows.template(([[
  for i = 1, %d do
    local said = call:say("Sentence " .. i .. ".")
    call:fact("said", { heard = said.heard, known_by = said.known_by, interrupted = said.interrupted })
  end
  call:finish "DONE"
]]):format(SENTENCES))

local function hold(faults, carrier)
  local world = exchange.open { sources = { ["templates.x"] = monologue } }
  world:set_callback_faults(faults)
  local caller = world:call { template = "under-test", carrier = carrier }
  local ending = caller:ended(600)
  return caller, ending
end

describe("a peer that gives no mark back", function()
  it("has heard nothing that anybody could prove, and the flow goes on", function()
    local caller, ending = hold { swallow_marks = true }
    assert.equal("DONE", ending.outcome)
    local said = caller:facts "said"
    assert.equal(SENTENCES, #said)
    for _, each in ipairs(said) do assert.same({ heard = "", known_by = "nothing", interrupted = false }, each) end
    for _, line in ipairs(caller:record().transcript) do
      assert.same({ "agent", "", "nothing", false }, { line.who, line.heard, line.known_by, line.interrupted })
    end
  end)
end)

describe("what was heard", function()
  it("is known by the marks of a carrier that gives them back", function()
    local caller = hold {}
    for i, each in ipairs(caller:facts "said") do
      assert.same({ heard = "Sentence " .. i .. ".", known_by = "mark", interrupted = false }, each)
    end
  end)

  it("of a sentence that was cut is known by the clock", function()
    local caller = flows.call [[
      local said = call:say "This is a rather long sentence, which the caller does not want to hear to its end."
      call:fact("said", { heard = said.heard, known_by = said.known_by, interrupted = said.interrupted })
      call:sleep "1s"
    ]]
    caller:hears("rather long"):says "stop"
    caller:ended()
    local said = caller:fact "said"
    assert.is_true(said.interrupted)
    assert.equal("clock", said.known_by)
    assert.matches("^This is", said.heard)
  end)
end)
