-- A conversation whose models fail: the next one is asked, the caller hears something in time, and nothing is said twice.

local exchange = require "callisto.spec"
local talks = require "spec.support.talks"

local GOOD = "Our shop is open until six."

-- Two models: what the first does, and a second that answers.
local function hold(first, options)
  options = options or {}
  local bad = exchange.model { replies = { first } }
  local good = exchange.model { replies = { { say = GOOD } } }
  local caller = talks.call {
    fields = options.fields or "", more = { llm = options.llm or [[{ "openai/one", "groq/two" }]] },
    hosts = { ["https://api.openai.com"] = bad, ["https://api.groq.com"] = options.no_other and bad or good },
    env = { OPENAI_API_KEY = talks.KEY, GROQ_API_KEY = "gsk-of-the-spec" },
  }
  caller:says "when do you close"
  return caller, bad, good, caller.world.lab:now()
end

local function text_of(caller)
  local list = {}
  for i, each in ipairs(caller.words) do list[i] = each.word end
  return table.concat(list, " ")
end

describe("a model that fails", function()
  for _, case in ipairs {
    { "because its key is wrong", { status = 401, message = "wrong key " .. talks.KEY }, "wrong key ***" },
    { "because it has no room", { status = 429, retry_after = 5 }, "" },
    { "because it has no room and does not say for how long", { status = 429 }, "" },
    { "because it is down", { status = 500 }, "" },
    { "because it is overloaded", { status = 503 }, "" },
    { "by an error in its stream", { fails = "internal" }, "" },
    { "by an error about its account in its stream", { fails = "quota" }, "" },
    { "by garbage", { garbage = 'data: {"choices":[{"delta":' .. "\n\n" }, "" },
    { "by JSON of another shape", { garbage = 'data: {"choices":"no","usage":7}' .. "\n\n" }, "" },
    { "by breaking off before a word", { say = "One two three", cut_after = 0 }, "" },
    { "by never saying that it is over, without a word", { hangs = true }, "no useful output" },
    { "by an answer without a word", { say = " " }, "no useful output" },
    { "by a call of a tool that is written as text", { say = '{"name":"book","arguments":{}}' }, "nothing of the answer" },
  } do
    it(case[1] .. " is replaced by the next one, in the same turn", function()
      local caller, _, good, at = hold(case[2])
      caller:hears "until six."
      assert.is_true(caller.words[1].at - at <= 2.5)
      assert.equal(1, #good:asked())
      local failed = caller:facts "llm_failed"
      assert.equal(1, #failed)
      assert.equal("openai/one", failed[1].model)
      assert(failed[1].cause:find(case[3], 1, true) or tostring(failed[1].code):find(case[3], 1, true), failed[1].cause)
      assert.is_number(failed[1].ms)
      talks.check_keys(caller)
    end)
  end

  it("in the middle of a sentence leaves what was said, and the next one goes on from there", function()
    local first = "You asked when we close. Let me tell you about it. And then"
    local caller, _, good = hold { say = first, cut_after = 11, per_token = 0.2 }
    caller:hears "until six."
    assert.equal(1, select(2, text_of(caller):gsub("You asked when", "")))
    local asked = good:asked(1)
    assert.matches("Go on from there", asked.system, 1, true)
    assert.same({ "user", "assistant" }, { asked.messages[1].role, asked.messages[2].role })
    assert.is_nil(asked.messages[2].text:find("And then", 1, true))
  end)
end)

describe("report A 5: a stream that opens and says nothing useful", function()
  it("is given up at the deadline, and the caller has heard a filler by then", function()
    local caller, bad, good, at = hold({ empty_records_for = 20, say = "Too late." }, {
      fields = [[patience = "3s", filler = { say = "One moment.", after = "1.5s" },]] })
    caller:hears "One moment."
    assert.is_true(caller.world.lab:now() - at < 3)
    caller:hears "until six."
    assert.equal(1, #good:asked())
    local failed = caller:fact "llm_failed"
    assert.same({ "openai/one", "no useful output" }, { failed.model, failed.cause })
    assert.is_true(failed.ms >= 2900 and failed.ms <= 3500)
    caller:silence(25)
    assert.is_true(bad:asked(1).has_left)
    assert.is_nil(text_of(caller):find("Too late", 1, true))
  end)
end)

describe("a conversation of which no model answers", function()
  it("asks the caller to say it again, and goes on", function()
    local caller = hold({ status = 500, times = 2 }, { no_other = true, fields = [[sorry = "Please say it again.",]] })
    caller:hears "Please say it again.":listens():says "when do you close"
    caller:hears "I have no answer to that."
    assert.equal(2, #caller:facts "llm_failed")
  end)

  it("is over the second time in a row, after the template's fallback", function()
    local caller = hold({ status = 500 }, { no_other = true, fields = [[sorry = "Please say it again.",]] })
    caller:hears "Please say it again.":listens():says "when do you close"
    caller:hears "something went wrong"
    caller:ended()
    assert.same({ reason = "failed" }, caller:fact "result")
    talks.check_keys(caller)
  end)

  it("is not held up for longer than its budget", function()
    local caller, _, _, at = hold({ hangs = true }, { no_other = true,
      fields = [[patience = "3s", budget = "5s", sorry = "Please say it again.",]] })
    caller:hears "Please say it again."
    assert.is_true(caller.world.lab:now() - at <= 8)
  end)
end)

describe("a model that never stops", function()
  it("is cut off, and the caller may interrupt what it had written", function()
    local endless = { "talk", say = ("And so on it goes. "):rep(1000) }
    local model = exchange.model { per_token = 0.001, replies = { endless, { say = "Yes?" } } }
    local caller = talks.call { hosts = { llm = model }, fields = "" }
    caller:says("talk to me"):hears("And so on"):silence(8)
    assert.is_true(model:asked(1).has_left)
    caller:interrupts("that is enough", 0.5):hears "Yes?"
    assert.equal(2, #model:asked())
  end)
end)

describe("a model that fails again and again", function()
  it("is left alone by the calls after it, one without room only as long as it said (pitfall 23)", function()
    local bad = exchange.model { replies = { { status = 500 } } }
    local full = exchange.model { replies = { { status = 429, retry_after = 20, times = 1 }, { say = "There is room." } } }
    local good = exchange.model { replies = { { say = GOOD } } }
    local source = talks.template("", { llm = [[{ "openai/one", "anthropic/two", "groq/three" }]] })
    local world = exchange.open { source = source,
      hosts = { ["https://api.openai.com"] = bad, ["https://api.anthropic.com"] = full, ["https://api.groq.com"] = good },
      env = { OPENAI_API_KEY = talks.KEY, GROQ_API_KEY = "gsk-of-the-spec", ANTHROPIC_API_KEY = "ant-of-the-spec" } }
    for i = 1, 4 do
      local caller = world:call { template = "under_test", number = "+1415000020" .. i }
      caller:says "when do you close"
      caller:hears(GOOD):hangs_up():ended()
    end
    assert.equal(3, #bad:asked())
    assert.equal(1, #full:asked())
    world:advance(20)
    local caller = world:call { template = "under_test", number = "+14150000209" }
    caller:says "when do you close"
    caller:hears "There is room."
  end)
end)
