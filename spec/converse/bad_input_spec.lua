-- What models and tools may do to a conversation: the caller hears something sensible in time, the call goes on or ends by the
-- template's rule, and no key is written down.

local assert = require "luassert"
local json = require "callisto.json"
local talks = require "spec.support.talks"

local SSE = { ["content-type"] = "text/event-stream" }

local function answer(body, headers) return { status = 200, headers = headers or SSE, body = body } end

local function pieces_of(body, size, every)
  local pieces = {}
  for i = 1, #body, size do pieces[#pieces + 1] = { after = every or 0, text = body:sub(i, i + size - 1) } end
  return { status = 200, headers = SSE, pieces = pieces }
end

-- The first answer of a model is the case's, all others are good.
local function hold(first, fields, more)
  local model = talks.model { first, "I am here again." }
  local caller = talks.call { model = model, fields = (fields or "") .. [[sorry = "Please say it again.",
    filler = { say = "One moment.", after = "1.5s" },]], more = more }
  caller:says "hello there"
  return caller, model, caller.world.lab:now()
end

describe("a model that answers", function()
  for _, case in ipairs {
    { "nothing at all", answer "" },
    { "a page", answer("<html><body>Sign in</body></html>", { ["content-type"] = "text/html" }) },
    { "one object, with an error", answer('{"error":{"message":"no such model","code":"model_not_found"}}') },
    { "an error that names the key", answer(talks.stream { error = { message = "key " .. talks.KEY, code = 401 } }) },
    { "an error whose parts are not text", answer(talks.stream { error = { message = { 1 }, code = { a = { 2 } }, type = 7 } }) },
    { "an error that is only true", answer(talks.stream { error = true }) },
    { "an error of megabytes", answer(talks.stream { error = { message = ("no "):rep(500000) } }) },
    { "half an object", answer 'data: {"choices":[{"delta":{"content":"Hel' },
    { "numbers for texts", answer(talks.stream(talks.delta { content = 7 }, "[DONE]")) },
    { "text of bytes that are not text", answer(talks.stream('{"choices":[{"delta":{"content":"\255\254\0"}}]}')) },
    { "a line without an end", answer("data: " .. ("x"):rep(2 * 1024 * 1024)) },
    { "calls that are not calls", answer(talks.stream(talks.delta { tool_calls = "find" }, talks.delta({}, "tool_calls"))) },
    { "calls without a function", answer(talks.stream(talks.delta { tool_calls = { {} , 7 } }, talks.delta({}, "tool_calls"))) },
    { "a redirection", { status = 302, headers = { location = "https://elsewhere.example/" }, body = "" } },
    { "no content", { status = 204, headers = {}, body = "" } },
    { "a refusal with a body of megabytes", { status = 500, headers = {}, body = ("\0\255"):rep(500000) } },
    { "an odd time to wait", { status = 429, headers = { ["retry-after"] = "-1e99 soon" }, body = "{" } },
    { "a refusal that quotes the request", function(asked)
      return { status = 401, headers = {}, body = json.encode { error = { message = asked.authorization } } }
    end },
  } do
    it(case[1] .. " is heard of within two seconds, and the call goes on", function()
      local caller, _, at = hold(case[2])
      caller:hears "Please say it again."
      assert.is_true(caller.words[1].at - at <= 2)
      caller:listens():says("hello again"):hears("I am here again."):hangs_up():ended()
      talks.check_keys(caller)
    end)
  end

  it("without an end is replaced by a filler, and given up", function()
    local caller, _, at = hold(pieces_of((": wait\r\n\r\n"):rep(400), 10, 0.1), [[patience = "3s",]])
    caller:hears "One moment."
    assert.is_true(caller.words[1].at - at <= 2.5)
    caller:hears("Please say it again."):hangs_up():ended()
  end)

  it("in pieces of any size, with comments and other ends of lines, says the same", function()
    local body = ": begin\r\n\r\n" .. talks.says("Your tea is ready, olá नमस्ते.").body:gsub("\n", "\r\n")
    for size = 1, 7, 3 do
      local caller, model = hold(pieces_of(body, size))
      caller:hears("Your tea is ready"):listens():says("hello again"):hears("I am here again."):hangs_up():ended()
      assert.equal("assistant: Your tea is ready, olá नमस्ते.", talks.lines_of(model.requests[2])[3])
    end
  end)
end)

local TOOLS = [[ tools = { tool { "find", "Finds.", { id = "integer" }, function(args, call) %s end %s } }, ]]

-- A call as a vendor sends it.
local function call(id, name, arguments)
  return { id = id, type = "function", ["function"] = { name = name, arguments = arguments } }
end

local function asks(...)
  local calls = { ... }
  for i, each in ipairs(calls) do each.index = i - 1 end
  return answer(talks.stream(talks.delta { tool_calls = calls }, talks.delta({}, "tool_calls"), "[DONE]"))
end

-- As strict as the vendors are: names and arguments they would refuse, and ids that are there twice.
local function check_request(asked)
  local ids = {}
  for _, message in ipairs(asked.messages) do
    for _, each in ipairs(message.tool_calls or {}) do
      assert.is_nil(ids[each.id], "twice: " .. each.id)
      ids[each.id] = true
      assert.matches("^[%w_-]+$", each["function"].name)
      assert.is_true(#each["function"].name <= 64)
      assert.is_table(json.decode(each["function"].arguments), each["function"].arguments)
      assert.is_true(#each["function"].arguments <= 64 * 1024)
    end
    if message.role == "tool" then assert.is_true(ids[message.tool_call_id]) end
  end
end

describe("a model that asks for tools", function()
  for _, case in ipairs {
    { "without a name", asks(call("a", nil, "{}")), 0 },
    { "by a name no vendor takes back", asks(call("a", "find order!", '{"id":7}')), 0 },
    { "by a name of kilobytes", asks(call("a", ("find"):rep(1000), '{"id":7}')), 0 },
    { "of one id", asks(call("a", "find", '{"id":7}'), call("a", "find", '{"id":8}')), 2 },
    { "without ids", asks(call(nil, "find", '{"id":7}'), call(nil, "find", '{"id":8}')), 2 },
    { "with half an object", asks(call("a", "find", '{"id":7')), 0 },
    { "with two objects", asks(call("a", "find", '{"id":7}{"id":7}')), 0 },
    { "with a list", asks(call("a", "find", "[7]")), 0 },
    { "with null", asks(call("a", "find", "null")), 0 },
    { "with megabytes", asks(call("a", "find", '{"id":7,"x":"' .. ("x"):rep(200000) .. '"}')), 0 },
    { "with bytes that are not text", asks(call("a", "fi\1nd", "\1\2")), 0 },
    { "hundreds of times in one answer", (function()
      local calls = {}
      for i = 1, 400 do calls[i] = call("c" .. i, "find", ('{"id":%d}'):format(i)) end
      return asks(unpack(calls))
    end)(), 16 },
  } do
    it(case[1] .. " is told what is wrong in words it can be told again", function()
      local caller, model, at = hold(case[2], TOOLS:format('call:fact("ran", args) return "found"', ""))
      caller:hears "I am here again."
      assert.is_true(caller.words[1].at - at <= 2)
      assert.equal(case[3], #caller:facts "ran")
      check_request(model.requests[2])
      caller:hangs_up():ended()
    end)
  end
end)

describe("a tool", function()
  for _, case in ipairs {
    { "that raises what is not a text", "error({})" },
    { "that raises a key", 'error("Bearer " .. "KEY")' },
    { "that returns a key", 'return "Bearer " .. "KEY"' },
    { "that returns itself", "local t = {} t.t = t return t" },
    { "that has hundreds of levels", "local t = {} for _ = 1, 500 do t = { t } end return t" },
    { "that says megabytes went wrong", "return nil, ('no '):rep(1000000)" },
    { "whose reason is not a text", "return nil, {}" },
  } do
    it(case[1] .. " does not end the conversation", function()
      local caller = hold(asks(call("a", "find", '{"id":7}')),
        TOOLS:format((case[2]:gsub('"KEY"', ("%q"):format(talks.KEY))), ""))
      caller:hears("I am here again."):hangs_up():ended()
      talks.check_keys(caller)
    end)
  end

  it("that never gives the processor back ends the call, with the template's fallback", function()
    local caller = hold(asks(call("a", "find", '{"id":7}')), TOOLS:format("while true do end", ""))
    caller:hears("something went wrong"):ended()
  end)

  it("that hangs is filled in for, and given up", function()
    local caller, model, at = hold(asks(call("a", "find", '{"id":7}')), TOOLS:format("task.sleep(600)", ', timeout = "4s"'))
    caller:hears "One moment."
    assert.is_true(caller.words[1].at - at <= 2.5)
    caller:hears("I am here again."):hangs_up():ended()
    assert.matches("did not answer within 4", json.encode(model.requests[2].messages), 1, true)
  end)
end)
