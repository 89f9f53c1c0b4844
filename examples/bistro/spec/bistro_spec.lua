local exchange = require "callisto.spec"

local function in_confirmation(asked) return asked.system:find "back to the caller" ~= nil end

local REPLIES = {
  { on_result = "table_wanted", when = function(asked) return not in_confirmation(asked) end,
    say = "I am afraid that does not work. What else?" },
  { "for four", tools = { { "table_wanted", { day = "2026-03-06", time = "19:30", people = 4 } } } },
  { "for forty", tools = { { "table_wanted", { day = "2026-03-06", time = "19:30", people = 40 } } } },
  { "another day", tools = { { "change" } } },
  { "miller", when = in_confirmation, tools = { { "book", { name = "Miller" } } } },
  { when = in_confirmation, say = "Friday at half past seven for four. On which name?" },
  { "never mind", tools = { { "end_call" } } },
  { say = "For which day, please?" },
}

local function call()
  local model = exchange.model { replies = REPLIES }
  local caller = exchange.call { template = "bistro", inbound = true, settings = { zone = "Europe/Berlin" },
    env = { OPENAI_API_KEY = "sk-of-the-spec" }, hosts = { llm = model } }
  caller:hears "How may I help you?":silence(3)
  return caller, model
end

describe("the bistro", function()
  it("books a table in two steps", function()
    local caller, model = call()
    caller:says("a table please"):hears("For which day"):listens()
    caller:says("friday evening for four"):hears("On which name?"):listens()
    caller:says("miller"):hears "Your table for 4 is booked, Miller."
    assert.equal("BOOKED", caller:ended().outcome)
    assert.same({ day = "2026-03-06", time = "19:30", people = 4, name = "Miller" }, caller:fact "table.booked")
    assert.matches("Say Friday, the sixth of March at seven thirty p m for 4 people back", model:asked(-1).system, 1, true)
  end)

  it("has no table for forty", function()
    local caller = call()
    caller:says("tonight for forty"):hears "I am afraid that does not work."
    assert.equal("failed", caller:fact("tool").state)
  end)

  it("goes back when something else is wanted", function()
    local caller, model = call()
    caller:says("friday for four"):hears("On which name?"):listens()
    caller:says("no, another day"):hears "For which day"
    assert.matches("Find out for which day", model:asked(-1).system, 1, true)
  end)

  it("books nothing for those who do not want it", function()
    local caller = call()
    caller:says("never mind"):hears "Goodbye."
    assert.equal("NOT_BOOKED", caller:ended().outcome)
  end)
end)
