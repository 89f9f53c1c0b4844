local outcome = require "callisto.outcome"
local retry = require "callisto.retry"

local answered = { status = "ANSWERED", reason = "COMPLETED" }
local dialled = { status = "INITIATED", reason = "DIALED" }
local llm = { word = "CONFIRMED", source = "LLM" }
local observer = { word = "ABUSE", source = "OBSERVER" }

local function not_answered(reason) return { status = "NOT_ANSWERED", reason = reason } end

-- The golden table: what is known, and the word. A fifth value is the evaluation after the call.
local situations = {}

local function situation(name, word, platform, provider, session_end, agent, eval)
  situations[#situations + 1] = { name = name, word = word,
    facts = { platform = platform, provider = provider, session_end = session_end, agent = agent, eval = eval } }
end

for _, reason in ipairs { "PRECHECK_FAILED", "BLACKLISTED", "NUMBER_UNAVAILABLE", "INVALID_PHONE", "NO_CONFIG",
  "CALL_LIMIT_REACHED", "ABORT", "BLOCKED_REJECT", "BLOCKED_REDIRECT", "CAPACITY_REJECTED" } do
  situation("not dialled: " .. reason, reason, { status = "NOT_INITIATED", reason = reason })
end
for _, reason in ipairs { "NO_ANSWER", "BUSY", "FAILED", "CANCELED", "TIMEOUT" } do
  situation("not answered: " .. reason, "NO_ANSWER", dialled, not_answered(reason))
  situation("not answered, with a word: " .. reason, "NO_ANSWER", dialled, not_answered(reason), "AGENT_ENDED", llm)
end
for _, case in ipairs {
  -- ending, without a word, with the model's word, with an observer's word
  { "TRANSFERRED", "TRANSFERRED", "TRANSFERRED", "TRANSFERRED" },
  { "USER_IDLE_TIMEOUT", "BUSY", "BUSY", "BUSY" },
  { "PIPELINE_ERROR", "UNKNOWN", "UNKNOWN", "UNKNOWN" },
  { "IVR_ERROR", "IVR_ERROR", "IVR_ERROR", "IVR_ERROR" },
  { "IVR_LOOP_GUARD", "IVR_LOOP_GUARD", "IVR_LOOP_GUARD", "IVR_LOOP_GUARD" },
  { "IVR_NODE_MISSING", "IVR_NODE_MISSING", "IVR_NODE_MISSING", "IVR_NODE_MISSING" },
  { "AGENT_ENDED", "", "CONFIRMED", "ABUSE" },
  { "CUSTOMER_HANGUP", "BUSY", "CONFIRMED", "ABUSE" },
  { "IDLE_TIMEOUT", "BUSY", "CONFIRMED", "ABUSE" },
  { "GLOBAL_END", "BUSY", "CONFIRMED", "ABUSE" },
  { "WIDGET_ENDED", "BUSY", "CONFIRMED", "ABUSE" },
  { "IVR_ENDED", "BUSY", "CONFIRMED", "ABUSE" },
  { "IVR_NO_INPUT", "BUSY", "CONFIRMED", "ABUSE" },
  { "IVR_EXCEPTION", "BUSY", "CONFIRMED", "ABUSE" },
  { "EARLY_HANGUP", "EARLY_HANGUP", "CONFIRMED", "ABUSE" },
  { "REAPED", "UNKNOWN", "CONFIRMED", "ABUSE" },
} do
  situation("answered, " .. case[1], case[2], dialled, answered, case[1])
  situation("answered, " .. case[1] .. ", a word", case[3], dialled, answered, case[1], llm)
  situation("answered, " .. case[1] .. ", an observer's word", case[4], dialled, answered, case[1], observer)
  situation("answered, " .. case[1] .. ", judged afterwards", "GOOD", dialled, answered, case[1], llm, "GOOD")
end
situation("unknown to the carrier", "UNKNOWN", dialled, { status = "UNKNOWN" })
situation("unknown to the carrier, with a word", "UNKNOWN", dialled, { status = "UNKNOWN" }, "AGENT_ENDED", llm)
situation("answered, nothing else", "UNKNOWN", dialled, answered)
situation("answered, a word, no ending", "CONFIRMED", dialled, answered, nil, llm)
situation("an unheard-of ending", "UNKNOWN", dialled, answered, "SOMETHING_NEW")
situation("nothing is known", "UNKNOWN")
situation("browser: ended by the agent", "", { status = "INITIATED", reason = "WEB_SESSION" }, nil, "AGENT_ENDED")
situation("browser: closed", "BUSY", { status = "INITIATED", reason = "WEB_SESSION" }, nil, "WIDGET_ENDED")
situation("browser: a word", "CONFIRMED", { status = "INITIATED", reason = "WEB_SESSION" }, nil, "WIDGET_ENDED", llm)
situation("judged although not dialled", "GOOD", { status = "NOT_INITIATED", reason = "ABORT" }, nil, nil, nil, "GOOD")
situation("not dialled, without a reason", "UNKNOWN", { status = "NOT_INITIATED" })

-- What the old word calls the same, told apart.
local told_apart = {
  { "BUSY", dialled, not_answered "BUSY" },
  { "NO_ANSWER", dialled, not_answered "NO_ANSWER" },
  { "NO_ANSWER", dialled, not_answered "TIMEOUT" },
  { "UNREACHABLE", dialled, not_answered "FAILED" },
  { "CANCELED", dialled, not_answered "CANCELED" },
  { "HUNG_UP", dialled, answered, "CUSTOMER_HANGUP" },
  { "SILENT", dialled, answered, "USER_IDLE_TIMEOUT", llm },
  { "SILENT", dialled, answered, "IDLE_TIMEOUT" },
  { "TOO_LONG", dialled, answered, "GLOBAL_END" },
  { "NO_INPUT", dialled, answered, "IVR_NO_INPUT" },
  { "ENDED", dialled, answered, "AGENT_ENDED" },
  { "ERROR", dialled, answered, "PIPELINE_ERROR", llm },
  { "LOST", dialled, answered, "REAPED" },
  { "CONFIRMED", dialled, answered, "CUSTOMER_HANGUP", llm },
  { "ABUSE", dialled, answered, "CUSTOMER_HANGUP", observer },
  { "INVALID_PHONE", { status = "NOT_INITIATED", reason = "INVALID_PHONE" } },
  { "UNKNOWN", dialled, { status = "UNKNOWN" } },
}

describe("what came of a call, told apart", function()
  for _, case in ipairs(told_apart) do
    it(("is %s for %s"):format(case[1], case[4] or (case[3] or case[2]).reason or "an unknown end"), function()
      assert.equal(case[1], outcome.result { platform = case[2], provider = case[3], session_end = case[4], agent = case[5] })
    end)
  end
end)

describe("the outcome", function()
  it("has a golden table of at least 52 situations", function() assert.is_true(#situations >= 52, tostring(#situations)) end)

  for _, each in ipairs(situations) do
    it("is " .. (each.word == "" and "empty" or each.word) .. ": " .. each.name, function()
      assert.equal(each.word, outcome.word(each.facts))
    end)
  end

  it("comes from facts in the order of their recording", function()
    local facts = outcome.fold {
      { kind = "platform", data = { status = "INITIATED", reason = "DIALED" } },
      { kind = "leg.started", data = {} },
      { kind = "agent_outcome", data = { word = "A", source = "FLOW" } },
      { kind = "agent_outcome", data = { word = "B", source = "FLOW" } },
      { kind = "session_end", data = { reason = "AGENT_ENDED" } },
      { kind = "session_end", data = { reason = "CUSTOMER_HANGUP" } },
      { kind = "provider", data = { status = "UNKNOWN" } },
      { kind = "provider", data = { status = "ANSWERED", reason = "COMPLETED" } },
      { kind = "provider", data = { status = "NOT_ANSWERED", reason = "BUSY" } },
    }
    assert.equal("B", outcome.word(facts))
    assert.equal("AGENT_ENDED", facts.session_end)
  end)

  it("lets a transfer override an ending, and nothing a transfer", function()
    local facts = {}
    assert.is_true(outcome.add(facts, "session_end", { reason = "CUSTOMER_HANGUP" }))
    assert.is_true(outcome.add(facts, "session_end", { reason = "TRANSFERRED" }))
    assert.is_false(outcome.add(facts, "session_end", { reason = "PIPELINE_ERROR" }))
    assert.equal("TRANSFERRED", facts.session_end)
  end)

  it("keeps an observer's word", function()
    local facts = {}
    outcome.add(facts, "agent_outcome", { word = "ABUSE", source = "OBSERVER" })
    outcome.add(facts, "agent_outcome", { word = "CONFIRMED", source = "LLM" })
    assert.equal("ABUSE", facts.agent.word)
  end)

  it("knows what a socket's end means", function()
    assert.equal("CUSTOMER_HANGUP", outcome.ending_of_leg "hangup")
    assert.equal("PIPELINE_ERROR", outcome.ending_of_leg "wrong_start")
    assert.equal("GLOBAL_END", outcome.ending_of_leg "too_long")
  end)
end)

describe("retry", function()
  local policy = retry.policy { attempts = 3, no_answer = "30m", busy = "10m", undecided = 7200, jitter = "2s" }

  for _, case in ipairs {
    { "no answer", { provider = not_answered "NO_ANSWER" }, "NO_ANSWER", 0, 1800 },
    { "busy, the second time", { provider = not_answered "BUSY" }, "NO_ANSWER", 1, 600 },
    { "the last attempt", { provider = not_answered "BUSY" }, "NO_ANSWER", 2, nil },
    { "no wait for this way", { provider = not_answered "FAILED" }, "NO_ANSWER", 0, nil },
    { "answered, nothing decided", { provider = answered }, "BUSY", 0, 7200 },
    { "answered, a business word", { provider = answered }, "CONFIRMED", 0, nil },
    { "transferred", { provider = answered }, "TRANSFERRED", 0, nil },
    { "never dialled", { platform = { status = "NOT_INITIATED" } }, "BLACKLISTED", 0, nil },
  } do
    it("waits after " .. case[1], function()
      assert.equal(case[5], retry.delay(policy, retry.way(case[2], case[3]), case[4]))
    end)
  end

  it("spreads", function() assert.equal(1801, retry.delay(policy, "no_answer", 0, 0.5)) end)
  it("names what was meant", function()
    assert.error_matches(function() retry.policy { attemps = 3 } end, "did you mean 'attempts'")
    assert.error_matches(function() retry.policy { busy = "soon" } end, "must be a duration")
  end)
end)
