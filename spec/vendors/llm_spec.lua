-- Language models: what vendors are asked, and what their streams say, from wires as they come, cut anywhere.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local HOST = "https://model.example"

local TEMPLATE = [[local llm = require "callisto.llm"
local function asker(call)
  local ask = require("callisto.json").decode(call.payload.ask)
  ask.key, ask.base = call.secrets.model_key, "https://model.example/v1"
  local list = {}
  local answer, why = llm.ask(ask)
  local text = ""
  for event in answer and answer:events() or function() end do
    if event.kind == "text" then text = text .. event.text
    else list[#list + 1] = event end
  end
  local failure = why or answer.failure
  call:fact("answer", { text = text, events = list, failure = failure and {
    code = failure.code, message = failure.message, retryable = failure.retryable, retry_after = failure.retry_after } })
end
return require "callisto.template" { name = "asker", payload = { ask = "string" }, secrets = { "model_key" }, on_call = asker }]]

-- Asks on the real engine; what came of it, and the request as the vendor saw it.
local function ask(about, answer, fault)
  local seen
  local world = exchange.open {
    sources = { ["templates.asker"] = TEMPLATE },
    secrets = { model_key = "sk-secret-123" },
    hosts = { [HOST] = function(request)
      seen = request
      if type(answer) == "table" then return answer end
      return { status = 200, headers = { ["content-type"] = "text/event-stream" }, body = answer }
    end },
  }
  if fault then world:fault(HOST, fault) end
  about.messages = about.messages or { { role = "user", text = "Hello?" } }
  local caller = world:call { template = "asker", payload = { ask = json.encode(about) } }
  caller:ended()
  return assert(caller:fact "answer"), seen, world
end

local function body_of(request) return (json.decode(request.body)) end

local function chat(...)
  local lines = {}
  for i, record in ipairs { ... } do lines[i] = "data: " .. (type(record) == "string" and record or json.encode(record)) end
  return table.concat(lines, "\n\n") .. "\n\n"
end

local function delta(fields, reason) return { choices = { { index = 0, delta = fields, finish_reason = reason } } } end

local USAGE = {
  choices = json.array {},
  usage = { prompt_tokens = 80, completion_tokens = 12, prompt_tokens_details = { cached_tokens = 64 } },
}

local BALANCE = {
  name = "get_balance", description = "Balance of an account",
  parameters = { type = "object", properties = { account = { type = "string" } }, required = { "account" } },
}

-- The same conversation for all: the model has asked for a tool, and its result is there.
local CONVERSATION = {
  { role = "user", text = "What is my balance?" },
  { role = "assistant", text = "One moment.",
    calls = { { id = "call_1", name = "get_balance", arguments = '{"account":"42"}', seal = "S1" } } },
  { role = "tool", id = "call_1", name = "get_balance", text = '{"balance":40}' },
}

describe("a language model over chat completions", function()
  local TEXT = chat(delta { role = "assistant", content = "" }, delta { content = "Your balance " },
    delta { content = "is 40 €." }, delta({}, "stop"), USAGE, "[DONE]", delta { content = "not any more" })

  it("is asked as OpenAI wants it, and the key is not seen in between", function()
    local _, request, world = ask({
      model = "openai/gpt-4.1-mini", system = "Short.", messages = CONVERSATION, tools = { BALANCE }, temperature = 0.3,
      more = { seed = 7 },
    }, TEXT)
    assert.equal("/v1/chat/completions", request.path)
    assert.equal("Bearer sk-secret-123", request.headers.authorization)
    assert.same({
      model = "gpt-4.1-mini", stream = true, stream_options = { include_usage = true }, temperature = 0.3, seed = 7,
      max_completion_tokens = 300,
      messages = {
        { role = "system", content = "Short." },
        { role = "user", content = "What is my balance?" },
        { role = "assistant", content = "One moment.", tool_calls = { { id = "call_1", type = "function",
          ["function"] = { name = "get_balance", arguments = '{"account":"42"}' } } } },
        { role = "tool", tool_call_id = "call_1", content = '{"balance":40}' },
      },
      tools = { { type = "function", ["function"] = BALANCE } },
    }, body_of(request))
    assert.is_nil(json.encode(world.lab:log()):find("sk-secret", 1, true))
  end)

  it("is limited by the name that a server knows", function()
    assert.equal(50, body_of((select(2, ask({ model = "ollama/llama3.2", max_tokens = 50 }, TEXT)))).max_tokens)
    assert.equal(50, body_of((select(2, ask({ model = "groq/llama", max_tokens = 50 }, TEXT)))).max_completion_tokens)
  end)

  for _, piece in ipairs { 1, 7, 4096 } do
    it(("says its text, why it ended and what it used, in pieces of %d bytes"):format(piece), function()
      local answer = ask({ model = "openai/x" }, TEXT, { piece = piece, piece_every = 0.001 })
      assert.same({
        text = "Your balance is 40 €.",
        events = { { kind = "end", reason = "stop", usage = { input = 80, output = 12, cached = 64 } } },
      }, answer)
    end)
  end

  it("asks for tools whose pieces interleave, behind what it says", function()
    local answer = ask({ model = "openai/x", tools = { BALANCE } }, chat(
      delta { content = "One moment." },
      delta { tool_calls = { { index = 1, id = "a", type = "function",
        ["function"] = { name = "get_balance", arguments = "" } } } },
      delta { tool_calls = { { index = 2, id = "b", ["function"] = { name = "hang_up" } } } },
      delta { tool_calls = { { index = 1, ["function"] = { name = "", arguments = '{"acc' } } } },
      delta { tool_calls = { { index = 1, id = "", ["function"] = { arguments = 'ount":"42"}' } } } },
      delta({}, "tool_calls"), "[DONE]"))
    assert.equal("One moment.", answer.text)
    assert.same({
      { kind = "tool", id = "a", name = "get_balance", arguments = '{"account":"42"}' },
      { kind = "tool", id = "b", name = "hang_up", arguments = "{}" },
      { kind = "end", reason = "tools" },
    }, answer.events)
  end)

  it("may give every call the same index, and stop with \"stop\"", function()
    local answer = ask({ model = "ollama/x", tools = { BALANCE } }, chat(
      delta { tool_calls = { { index = 0, id = "a", ["function"] = { name = "one", arguments = "{}" } },
        { index = 0, id = "b", ["function"] = { name = "two", arguments = "{}" } } } },
      delta({}, "stop"), "[DONE]"))
    assert.same({ "one", "two" }, { answer.events[1].name, answer.events[2].name })
    assert.equal("tools", answer.events[3].reason)
  end)

  it("does not ask for a tool when it was cut off", function()
    local answer = ask({ model = "openai/x", tools = { BALANCE } }, chat(
      delta { tool_calls = { { index = 0, id = "a", ["function"] = { name = "get_balance", arguments = '{"acc' } } } },
      delta({}, "length"), "[DONE]"))
    assert.same({ { kind = "end", reason = "length" } }, answer.events)
  end)

  it("gives its usage on Groq's last choice", function()
    local last = delta({}, "stop")
    last.x_groq = { usage = { prompt_tokens = 5, completion_tokens = 2 } }
    local answer = ask({ model = "groq/x" }, chat(delta { content = "Hi." }, last, "[DONE]"))
    assert.same({ input = 5, output = 2, cached = 0 }, answer.events[1].usage)
  end)

  for name, case in pairs {
    ["stops without a word"] = { chat(delta { content = "Your bal" }), "EPROTO", true },
    ["says [DONE] and no reason"] = { chat(delta { content = "Your bal" }, "[DONE]"), "EPROTO", true },
    ["reports an error under 200"] = { chat(delta { content = "Your bal" }, { error = { code = 502 } }), "502", true },
    ["reports a finish of error"] = { chat(delta({}, "error")), "EPROTO", true },
    ["sends what is not JSON"] = { chat(delta { content = "Your bal" }, "{oops"), "EBADMSG", true },
    ["has no credit"] = { chat { error = { type = "insufficient_quota", message = "pay" } }, "insufficient_quota", false },
  } do
    it(("that %s has failed, and no tool is run"):format(name), function()
      local answer = ask({ model = "openai/x" }, case[1])
      assert.same({}, answer.events)
      assert.equal(case[2], answer.failure.code)
      assert.equal(case[3], answer.failure.retryable)
    end)
  end

  it("that breaks off has failed", function()
    local answer = ask({ model = "openai/x" }, TEXT, { cut_after = 200 })
    assert.equal("ECONNRESET", answer.failure.code)
    assert.same({}, answer.events)
  end)

  it("that falls silent is given up", function()
    local answer = ask({ model = "openai/x" }, TEXT, { piece = 30, piece_every = 20 })
    assert.equal("ETIMEDOUT", answer.failure.code)
  end)

  for name, case in pairs {
    ["too many requests, with how long to wait"] = { { status = 429, headers = { ["retry-after"] = "2" },
      body = '{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}' },
      { code = "rate_limit_exceeded", message = "slow down", retryable = true, retry_after = 2 } },
    ["no quota, which waiting does not change"] = { { status = 429,
      body = '{"error":{"code":"insufficient_quota","message":"pay"}}' },
      { code = "insufficient_quota", message = "pay", retryable = false } },
    ["a wrong key"] = { { status = 401, body = '{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}' },
      { code = "invalid_api_key", message = "Incorrect API key", retryable = false } },
    ["a vendor that says what to do"] = { { status = 500, headers = { ["x-should-retry"] = "false" }, body = "<html>" },
      { code = "HTTP 500", message = "the vendor answered with status 500", retryable = false } },
    ["a body that is none"] = { { status = 503, headers = { ["retry-after-ms"] = "250" }, body = "" },
      { code = "HTTP 503", message = "the vendor answered with status 503", retryable = true, retry_after = 0.25 } },
  } do
    it("is refused: " .. name, function() assert.same(case[2], ask({ model = "openai/x" }, case[1]).failure) end)
  end

  it("that cannot be reached is a failure that may be tried again", function()
    local failure = ask({ model = "openai/x" }, TEXT, { refuse = "ECONNREFUSED" }).failure
    assert.same({ "ECONNREFUSED", true }, { failure.code, failure.retryable })
  end)
end)

describe("a language model of Anthropic's", function()
  local function messages(...)
    local list = {}
    for i, record in ipairs { ... } do list[i] = ("event: %s\ndata: %s  "):format(record.type, json.encode(record)) end
    return table.concat(list, "\n\n") .. "\n\n"
  end

  local START = { type = "message_start", message = { id = "msg_1",
    usage = { input_tokens = 16, cache_read_input_tokens = 64, output_tokens = 1 } } }
  local function block(index, content) return { type = "content_block_start", index = index, content_block = content } end
  local function text(piece) return { type = "content_block_delta", index = 0, delta = { type = "text_delta", text = piece } } end
  local function input(index, piece)
    return { type = "content_block_delta", index = index, delta = { type = "input_json_delta", partial_json = piece } }
  end
  local function ending(reason)
    return { type = "message_delta", delta = { stop_reason = reason }, usage = { output_tokens = 48 } }
  end
  local STOP = { type = "message_stop" }

  it("is asked in its own words: results are the user's, the prompt is cached", function()
    local conversation = { unpack(CONVERSATION) }
    conversation[4] = { role = "tool", id = "call_2", name = "x", text = "cancelled", is_error = true }
    conversation[5] = { role = "user", text = "And now?" }
    local about = { model = "anthropic/claude-haiku-4-5", system = "Short.", messages = conversation, tools = { BALANCE } }
    local _, request = ask(about, messages(START, ending "end_turn", STOP))
    assert.equal("/v1/v1/messages", request.path)
    assert.equal("sk-secret-123", request.headers["x-api-key"])
    assert.equal("2023-06-01", request.headers["anthropic-version"])
    assert.same({
      model = "claude-haiku-4-5", max_tokens = 300, stream = true,
      system = { { type = "text", text = "Short.", cache_control = { type = "ephemeral" } } },
      messages = {
        { role = "user", content = { { type = "text", text = "What is my balance?" } } },
        { role = "assistant", content = { { type = "text", text = "One moment." },
          { type = "tool_use", id = "call_1", name = "get_balance", input = { account = "42" } } } },
        { role = "user", content = {
          { type = "tool_result", tool_use_id = "call_1", content = '{"balance":40}' },
          { type = "tool_result", tool_use_id = "call_2", content = "cancelled", is_error = true },
          { type = "text", text = "And now?" } } },
      },
      tools = { { name = "get_balance", description = "Balance of an account", input_schema = BALANCE.parameters } },
    }, body_of(request))
  end)

  it("says text and tools; thinking, pings and its own tools are not ours", function()
    local wire = messages(START, { type = "ping" }, block(0, { type = "text", text = "" }), text "One ", text "moment.",
      block(1, { type = "thinking", thinking = "hm" }),
      block(2, { type = "server_tool_use", id = "s", name = "web_search" }), input(2, '{"q":1}'),
      block(3, { type = "tool_use", id = "toolu_1", name = "get_balance", input = {} }),
      input(3, ""), input(3, '{"account":'), input(3, '"42"}'),
      block(4, { type = "tool_use", id = "toolu_2", name = "hang_up", input = {} }),
      { type = "something_new" }, ending "tool_use", STOP)
    for _, piece in ipairs { 5, 65536 } do
      local answer = ask({ model = "anthropic/x", tools = { BALANCE } }, wire, { piece = piece, piece_every = 0.001 })
      assert.same({
        text = "One moment.",
        events = {
          { kind = "tool", id = "toolu_1", name = "get_balance", arguments = '{"account":"42"}' },
          { kind = "tool", id = "toolu_2", name = "hang_up", arguments = "{}" },
          { kind = "end", reason = "tools", usage = { input = 80, output = 48, cached = 64 } },
        },
      }, answer)
    end
  end)

  it("may begin anew: the calls of the first attempt do not count", function()
    local again = { type = "message_start", message = { id = "msg_2" } }
    local answer = ask({ model = "anthropic/x" }, messages(START,
      block(0, { type = "tool_use", id = "a", name = "one" }), again,
      block(0, { type = "tool_use", id = "b", name = "two" }), ending "tool_use", STOP))
    assert.same({ "b", "end" }, { answer.events[1].id, answer.events[2].kind })
  end)

  for reason, word in pairs { end_turn = "stop", max_tokens = "length", refusal = "filtered", stop_sequence = "stop" } do
    it(("that stops with %s has %s"):format(reason, word), function()
      assert.equal(word, ask({ model = "anthropic/x" }, messages(START, ending(reason), STOP)).events[1].reason)
    end)
  end

  it("fails inside its stream, and with a status", function()
    local wire = messages(START, text "One", { type = "error", error = { type = "overloaded_error", message = "Overloaded" } })
    local function failure_of(what) return ask({ model = "anthropic/x" }, what).failure end
    assert.same({ code = "overloaded_error", message = "Overloaded", retryable = true }, failure_of(wire))
    local refusal = { status = 401, body = '{"type":"error","error":{"type":"authentication_error","message":"no"}}' }
    assert.same({ code = "authentication_error", message = "no", retryable = false }, failure_of(refusal))
    assert.equal("EPROTO", failure_of(messages(START, text "One")).code)
  end)
end)

describe("a language model of Google's", function()
  local function records(...)
    local list = {}
    for i, record in ipairs { ... } do list[i] = "data: " .. json.encode(record) end
    return table.concat(list, "\r\n\r\n") .. "\r\n\r\n"
  end
  local function candidate(parts, reason)
    return { candidates = { { content = { role = "model", parts = parts }, finishReason = reason, index = 0 } } }
  end

  it("is asked in its own words, and gets its signature back", function()
    local _, request = ask({ model = "gemini/gemini-2.5-flash", system = "Short.", messages = CONVERSATION, tools = { BALANCE } },
      records(candidate({ { text = "" } }, "STOP")))
    assert.equal("/v1/models/gemini-2.5-flash:streamGenerateContent", request.path)
    assert.equal("alt=sse", request.query)
    assert.equal("sk-secret-123", request.headers["x-goog-api-key"])
    assert.same({
      systemInstruction = { parts = { { text = "Short." } } },
      contents = {
        { role = "user", parts = { { text = "What is my balance?" } } },
        { role = "model", parts = { { text = "One moment." },
          { thoughtSignature = "S1", functionCall = { id = "call_1", name = "get_balance", args = { account = "42" } } } } },
        { role = "user", parts = { { functionResponse = { id = "call_1", name = "get_balance",
          response = { output = { balance = 40 } } } } } },
      },
      tools = { { functionDeclarations = { { name = "get_balance", description = "Balance of an account",
        parametersJsonSchema = BALANCE.parameters } } } },
      generationConfig = { maxOutputTokens = 300 },
    }, body_of(request))
  end)

  it("says text and tools, and keeps its thoughts", function()
    local last = candidate({ { text = "" } }, "STOP")
    last.usageMetadata = { promptTokenCount = 80, candidatesTokenCount = 10, thoughtsTokenCount = 2, cachedContentTokenCount = 8 }
    local answer = ask({ model = "gemini/x", tools = { BALANCE } }, records(
      candidate { { text = "hm", thought = true }, { text = "One " } }, candidate { { text = "moment." } },
      candidate { { functionCall = { name = "get_balance", args = { account = "42" } }, thoughtSignature = "S1" },
        { functionCall = { name = "hang_up" } } }, last), { piece = 9, piece_every = 0.001 })
    assert.same({
      text = "One moment.",
      events = {
        { kind = "tool", id = "call_1", name = "get_balance", arguments = '{"account":"42"}', seal = "S1" },
        { kind = "tool", id = "call_2", name = "hang_up", arguments = "{}" },
        { kind = "end", reason = "tools", usage = { input = 80, output = 12, cached = 8 } },
      },
    }, answer)
  end)

  it("that was blocked says so", function()
    local function reason_of(record) return ask({ model = "gemini/x" }, records(record)).events[1].reason end
    assert.equal("filtered", reason_of { promptFeedback = { blockReason = "SAFETY" } })
    assert.equal("filtered", reason_of(candidate(nil, "SAFETY")))
    assert.equal("length", reason_of(candidate({ { text = "a" } }, "MAX_TOKENS")))
  end)

  it("says how long to wait, in its own place", function()
    local failure = { error = { code = 429, message = "quota", status = "RESOURCE_EXHAUSTED",
      details = { { ["@type"] = "x" }, { retryDelay = "34.4s" } } } }
    local wanted = { code = "RESOURCE_EXHAUSTED", message = "quota", retryable = true, retry_after = 34.4 }
    assert.same(wanted, ask({ model = "gemini/x" }, { status = 429, body = json.encode(failure) }).failure)
    assert.same(wanted, ask({ model = "gemini/x" }, { status = 429, body = json.encode { failure } }).failure)
    assert.same(wanted, ask({ model = "gemini/x" }, records(candidate { { text = "a" } }, failure)).failure)
  end)
end)

describe("asking a language model", function()
  local function error_of(more)
    local about = { model = "openai/x", messages = { { role = "user", text = "Hello?" } } }
    for name, value in pairs(more) do about[name] = value end
    local world = exchange.open { sources = { ["templates.asker"] = TEMPLATE }, secrets = { model_key = "sk-secret-123" } }
    world:call({ template = "asker", payload = { ask = json.encode(about) } }):ended()
    for _, line in ipairs(world.lab:log()) do
      if line.text:find("llm.ask", 1, true) then return line.text end
    end
    return "no error"
  end

  for why, more in pairs {
    ["'model' must be \"vendor/model\""] = { model = "gpt-4" },
    ["providers/llm has no such file"] = { model = "nobody/x" },
    ["unknown field 'mesages'; did you mean 'messages'?"] = { mesages = {} },
    ["'role' unknown value 'system'"] = { messages = { { role = "system", text = "x" } } },
    ["'max_tokens' must be at least 1"] = { max_tokens = 0 },
  } do
    it("says what is wrong: " .. why, function() assert.is_truthy(error_of(more):find(why, 1, true), error_of(more)) end)
  end
end)
