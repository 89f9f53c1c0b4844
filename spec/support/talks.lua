-- Conversations as specs write them: a model that answers from a list, and a template that talks with it.

local assert = require "luassert"
local exchange = require "callisto.spec"
local json = require "callisto.json"

local talks = {}

talks.HOST = "https://api.openai.com"
talks.KEY = "sk-secret-of-the-spec"

---A stream of chat completions.
---@param ... table|string  records
---@return string
function talks.stream(...)
  local lines = {}
  for i, record in ipairs { ... } do lines[i] = "data: " .. (type(record) == "string" and record or json.encode(record)) end
  return table.concat(lines, "\n\n") .. "\n\n"
end

---@param fields table
---@param reason string|nil
function talks.delta(fields, reason) return { choices = { { index = 0, delta = fields, finish_reason = reason } } } end

---An answer: what the model says, and the tools it asks for: { name, arguments }.
---@param text string|nil
---@param ... table
---@return table
function talks.says(text, ...)
  local records = {}
  if text then records[1] = talks.delta { content = text } end
  for i, call in ipairs { ... } do
    local arguments = type(call[2]) == "string" and call[2] or json.encode(call[2] or {})
    records[#records + 1] = talks.delta { tool_calls = { { index = i - 1, id = "call_" .. call[1] .. i, type = "function",
      ["function"] = { name = call[1], arguments = arguments } } } }
  end
  records[#records + 1] = talks.delta({}, select("#", ...) > 0 and "tool_calls" or "stop")
  records[#records + 1] = { choices = json.array {}, usage = { prompt_tokens = 100, completion_tokens = 10 } }
  records[#records + 1] = "[DONE]"
  return { status = 200, headers = { ["content-type"] = "text/event-stream" }, body = talks.stream(unpack(records)) }
end

---A model that gives these answers, one a request; the last again and again. An answer may be a function of the request.
---@param answers table[]
---@return table double  `requests`: what it was asked
function talks.model(answers)
  local double = { requests = {} }
  function double.request(request)
    local asked = json.decode(request.body)
    asked.authorization, asked.at = request.headers.authorization, double.now and double.now()
    double.requests[#double.requests + 1] = asked
    local answer = answers[math.min(#double.requests, #answers)]
    if type(answer) == "function" then answer = answer(asked, #double.requests) end
    return type(answer) == "string" and talks.says(answer) or answer
  end
  return double
end

---The text of a template that talks.
---@param fields string  of call:converse, after `llm` and `prompt`
---@param more {before: string|nil, after: string|nil, template: string|nil, llm: string|nil}|nil
---@return string
function talks.template(fields, more)
  more = more or {}
  return ([[
    local template, tool = require "callisto.template", require "callisto.tool"
    local http, task = require "callisto.http", require "callisto.task"
    local done = tool.done
    return template { name = "under-test", payload = { name = "string?" }, %s on_call = function(call)
      %s
      local result, reason = call:converse { llm = %s, prompt = "You help {name}.", %s }
      call:fact("result", { outcome = result and result.outcome, data = result and result.data, reason = reason })
      %s
    end }
  ]]):format(more.template or "", more.before or "", more.llm or '"openai/gpt-4.1-mini"', fields, more.after or "")
end

---A call of it, answered.
---@param options table  those of callisto.spec; `fields` and `more` as for talks.template, `model`
---@return callisto.spec.Caller
function talks.call(options)
  local all = {}
  for name, value in pairs(options) do all[name] = value end
  all.source = all.source or talks.template(all.fields or "", all.more)
  all.hosts = all.hosts or { [talks.HOST] = options.model }
  all.env = all.env or { OPENAI_API_KEY = talks.KEY }
  all.fields, all.more, all.model = nil, nil, nil
  local caller = exchange.call(all)
  if options.model then options.model.now = function() return caller.world.lab:now() end end
  return caller
end

---What a request says, message by message: "user: …", "assistant: …", "tool: …".
---@param request table
---@return string[]
function talks.lines_of(request)
  local lines = {}
  for i, message in ipairs(request.messages) do
    local calls = {}
    for _, call in ipairs(message.tool_calls or {}) do
      calls[#calls + 1] = ("[%s %s]"):format(call["function"].name, call["function"].arguments)
    end
    local content = type(message.content) == "string" and message.content or ""
    lines[i] = message.role .. ": " .. content .. (content ~= "" and calls[1] and " " or "") .. table.concat(calls, " ")
  end
  return lines
end

---No key is written down: not in the log, the record, or the story.
---@param caller callisto.spec.Caller
function talks.check_keys(caller)
  local log = {}
  for _, line in ipairs(caller.world.lab:log()) do log[#log + 1] = line.text end
  local story = table.concat(log, "\n") .. json.encode(caller:record()) .. caller.world:story()
  assert.is_nil(story:find(talks.KEY, 1, true), story)
end

return talks
