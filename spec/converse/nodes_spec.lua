-- Conversations that follow one another in a call: steps of a flow, each with its own prompt and tools, over one history.

local exchange = require "callisto.spec"
local talks = require "spec.support.talks"

local FLOW = [[
local template, tool = require "callisto.template", require "callisto.tool"
local confirm
local function ask_day(call)
  local result = call:converse { prompt = "Ask for the day.", tools = {
    tool { "day_known", "The day is known.", { day = "string" }, function(args)
      call.payload.day = args.day
      return confirm
    end } } }
  return result.next
end
function confirm(call)
  local result = call:converse { prompt = "Confirm {day}.", context = %q, tools = {
    tool { "confirm", "Agreed.", {}, function() return tool.done("BOOKED", "See you then.") end },
    tool { "other_day", "Another day.", {}, function() return ask_day end } } }
  return result.next
end
return template { name = "under-test", llm = "openai/gpt-4.1-mini", payload = { day = "string?" },
  greeting = "Hello, this is the bistro at the river, do you want a table?",
  on_call = ask_day }
]]

local function hold(policy, replies)
  local model = exchange.model { replies = replies }
  local caller = exchange.call { source = FLOW:format(policy), hosts = { llm = model }, env = { OPENAI_API_KEY = talks.KEY } }
  return caller, model
end

local function text_of(request)
  local list = {}
  for i, message in ipairs(request.messages) do list[i] = message.role .. ": " .. (message.text or "") end
  return table.concat(list, "\n")
end

local REPLIES = {
  { when = function(request) return request.system:find "^You write down" ~= nil end, say = "A table on Friday is wanted." },
  { "yes", tools = { { "confirm" } } },
  { "friday", say = "Let me see.", tools = { { "day_known", { day = "Friday" } } } },
  { when = function(request) return request.system:find "Confirm" ~= nil end, say = "Friday then?" },
  { say = "Which day?" },
}

local function talk(policy)
  local caller, model = hold(policy, REPLIES)
  caller:hears("a table?"):listens():says "on friday please"
  caller:hears("Let me see."):hears("Friday then?"):listens():says "yes"
  caller:hears "See you then."
  assert.equal("BOOKED", caller:ended().outcome)
  return caller, model
end

describe("a flow of conversations", function()
  it("goes from step to step with one history", function()
    local _, model = talk "append"
    local asked = model:asked(2)
    assert.equal("Confirm Friday.", asked.system)
    assert.same({ "confirm", "other_day" }, { asked.tools[1].name, asked.tools[2].name })
    assert.equal(table.concat({
      "assistant: Hello, this is the bistro at the river, do you want a table?", "user: on friday please",
      "assistant: Let me see.", "tool: Done.",
    }, "\n"), text_of(asked))
  end)

  it("may forget what was before", function()
    local _, model = talk "reset"
    assert.equal("user: (Go on.)", text_of(model:asked(2)))
  end)

  it("may have it summarised", function()
    local _, model = talk "summarise"
    assert.matches("Caller: on friday please\n", model:asked(2).messages[1].text, 1, true)
    assert.equal("user: What was said before: A table on Friday is wanted.", text_of(model:asked(3)))
  end)

  it("keeps all when the summary does not come", function()
    local replies = { { when = REPLIES[1].when, status = 500 }, unpack(REPLIES, 2) }
    local caller, model = hold("summarise", replies)
    caller:hears("a table?"):listens():says("on friday please"):hears "Friday then?"
    assert.matches("user: on friday please", text_of(model:asked(-1)), 1, true)
  end)
end)

describe("a conversation", function()
  it("that has become long is summarised while nobody waits, and its newest part is kept", function()
    local long = ("This is a rather long answer with many words in it. "):rep(6) .. "That is all."
    local model = exchange.model { replies = { REPLIES[1], { "last", say = "Good." }, { say = long } } }
    local caller = talks.call { hosts = { llm = model }, fields = "longest_context = 1000, filler = false," }
    for i = 1, 5 do caller:says("question number " .. i):hears("That is all."):silence(2) end
    caller:says("the last one"):hears "Good."
    local text = text_of(model:asked(-1))
    assert.matches("^user: What was said before: A table on Friday is wanted%.", text)
    assert.matches("user: question number 5", text, 1, true)
    assert.is_nil(text:find("question number 1", 1, true))
  end)

  it("may be begun by the model", function()
    local model = exchange.model { replies = { { "call begins", say = "Good morning, this is the shop." } } }
    local caller = talks.call { hosts = { llm = model }, fields = "speaks_first = true," }
    caller:hears "Good morning"
  end)

  it("may have one answer only", function()
    local model = exchange.model { replies = { { say = "Goodbye, and thank you." } } }
    local caller = talks.call { hosts = { llm = model }, fields = "once = true,", more = { after = 'call:finish "OVER"' } }
    caller:hears "Goodbye, and thank you."
    assert.equal("OVER", caller:ended().outcome)
    assert.equal(1, #model:asked())
  end)
end)
