-- callisto.exchange.vendors.llm.chat_completions: the wire of OpenAI's chat completions, as its server speaks it.

local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local FIELDS = reading.names [[
  model messages stream stream_options tools tool_choice parallel_tool_calls temperature top_p max_tokens max_completion_tokens
  stop seed frequency_penalty presence_penalty response_format reasoning_effort verbosity service_tier metadata store n user
  safety_identifier prompt_cache_key prompt_cache_options prompt_cache_retention logprobs top_logprobs logit_bias
  chat_template_kwargs include_reasoning reasoning_format
]]

local CREATED = 1767600000

local REASONS = { stop = "stop", tools = "tool_calls", length = "length", filtered = "content_filter" }

local FAILURES = {
  overloaded = { type = "server_error", code = "server_error", message = "The server is overloaded or not ready yet." },
  rate_limited = { type = "requests", code = "rate_limit_exceeded", message = "Rate limit reached for requests." },
  internal = { type = "server_error", code = "server_error", message = "The server had an error while processing your request." },
  quota = { type = "insufficient_quota", code = "insufficient_quota", message = "You exceeded your current quota." },
}

local TYPES = { [401] = "invalid_request_error", [429] = "requests", [500] = "server_error", [503] = "server_error" }
local CODES = { [401] = "invalid_api_key", [404] = "model_not_found", [429] = "rate_limit_exceeded" }

local function serves(request) return request.method == "POST" and request.path:find "/chat/completions$" ~= nil end

local function key(request) return reading.bearer(request) or reading.header(request, "api-key") end

-- Refusing ----------------------------------------------------------------------------------------------------------------

local function refusal(status, message, param, retry_after)
  local failure = {
    message = message, type = TYPES[status] or "invalid_request_error", param = param or json.null,
    code = CODES[status] or json.null,
  }
  return reading.json(status, { error = failure }, { ["retry-after"] = retry_after and tostring(retry_after) or nil })
end

local function unauthorized(given)
  local message = given and "Incorrect API key provided: see https://platform.openai.com/account/api-keys."
    or "You didn't provide an API key. Provide it in an Authorization header using Bearer auth."
  return refusal(401, message)
end

local function failing(name) return "data: " .. json.encode { error = FAILURES[name] } .. "\n\n" end

-- Reading -----------------------------------------------------------------------------------------------------------------

local function text_of(content)
  if type(content) ~= "table" then return content end
  local parts = {}
  for _, part in ipairs(content) do parts[#parts + 1] = part.text end
  return table.concat(parts)
end

local function calls_of(message)
  if not message.tool_calls then return nil end
  local list = {}
  for i, call in ipairs(message.tool_calls) do
    local fn = call["function"] or {}
    list[i] = { id = call.id, name = fn.name, arguments = reading.value(fn.arguments or "") }
  end
  return list
end

local readers = {}

function readers.user(message) return { role = "user", text = text_of(message.content) } end

function readers.assistant(message)
  return { role = "assistant", text = text_of(message.content), calls = calls_of(message) }
end

function readers.tool(message, names)
  return { role = "tool", id = message.tool_call_id, name = names[message.tool_call_id or ""], text = text_of(message.content) }
end

-- Every call needs its result before anything else is said, and a result its call.
local function check_results(messages)
  local open, count = {}, 0
  for i, message in ipairs(messages) do
    if message.role == "tool" then
      if not open[message.id or ""] then
        return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
          ("messages.[%d].role"):format(i - 1)
      end
      open[message.id], count = nil, count - 1
    elseif count > 0 then
      break
    end
    for _, call in ipairs(message.calls or {}) do open[call.id or ""], count = true, count + 1 end
  end
  if count == 0 then return nil end
  return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
    .. "The following tool_call_ids did not have response messages: " .. next(open), "messages"
end

local function read_messages(asked, given)
  local names = {}
  for i, message in ipairs(given) do
    local role = message.role
    if role == "system" or role == "developer" then
      asked.system = (asked.system and asked.system .. "\n" or "") .. (text_of(message.content) or "")
    elseif readers[role] then
      local read = readers[role](message, names)
      for _, call in ipairs(read.calls or {}) do names[call.id or ""] = call.name end
      asked.messages[#asked.messages + 1] = read
    else
      return ("Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'tool' and 'developer'."):format(
        tostring(role)), ("messages[%d].role"):format(i - 1)
    end
  end
  return check_results(asked.messages)
end

local function read_tools(given)
  local list = {}
  for i, tool in ipairs(given or {}) do
    local fn = tool["function"]
    if tool.type ~= "function" or type(fn) ~= "table" or type(fn.name) ~= "string" or not fn.name:find "^[%w_-]+$" then
      return nil, ("Invalid value for tools[%d]: a function with a name of letters, digits, '_' and '-' is needed."):format(i - 1)
    end
    list[i] = { name = fn.name, description = fn.description, parameters = fn.parameters }
  end
  return list
end

local function read(body)
  local stranger = reading.stranger(body, FIELDS)
  if stranger then return nil, "Unrecognized request argument supplied: " .. stranger end
  if type(body.model) ~= "string" then return nil, "you must provide a model parameter", "model" end
  if type(body.messages) ~= "table" or #body.messages == 0 then
    return nil, "Missing required parameter: 'messages'.", "messages"
  end
  local tools, why = read_tools(body.tools)
  if not tools then return nil, why, "tools" end
  local asked = {
    model = body.model, messages = {}, tools = tools, max_tokens = body.max_completion_tokens or body.max_tokens,
    temperature = body.temperature, is_streamed = body.stream == true,
  }
  local message, param = read_messages(asked, body.messages)
  if message then return nil, message, param end
  return asked
end

-- Writing -----------------------------------------------------------------------------------------------------------------

local function usage_of(said)
  return {
    prompt_tokens = said.usage.input, completion_tokens = said.usage.output, total_tokens = said.usage.input + said.usage.output,
    prompt_tokens_details = { cached_tokens = 0, audio_tokens = 0 }, completion_tokens_details = { reasoning_tokens = 0 },
  }
end

local function call_of(call, index, arguments)
  return { index = index, id = call.id, type = "function", ["function"] = { name = call.name, arguments = arguments } }
end

local deltas = {}

function deltas.text(token) return { content = token.text } end
function deltas.thinking(token) return { reasoning_content = token.text } end
function deltas.call(token) return { tool_calls = { call_of(token.call, token.index - 1, "") } } end

function deltas.arguments(token)
  return { tool_calls = { { index = token.index - 1, ["function"] = { arguments = token.text } } } }
end

local function writer(asked, said)
  local has_usage = (asked.body.stream_options or {}).include_usage
  local function record(delta, reason, usage)
    local choices = json.array {}
    if delta then choices[1] = { index = 0, delta = delta, logprobs = json.null, finish_reason = reason or json.null } end
    return "data: " .. json.encode {
      id = "chatcmpl-" .. said.id, object = "chat.completion.chunk", created = CREATED, model = asked.model,
      system_fingerprint = "fp_double", choices = choices, usage = has_usage and (usage or json.null) or nil,
    } .. "\n\n"
  end
  return {
    empty = function() return record { content = "" } end,
    begin = function() return record { role = "assistant", content = said.text == "" and json.null or "" } end,
    token = function(token) return deltas[token.kind] and record(deltas[token.kind](token)) or "" end,
    ending = function()
      return record({}, REASONS[said.reason]) .. (has_usage and record(nil, nil, usage_of(said)) or "") .. "data: [DONE]\n\n"
    end,
  }
end

local function whole(asked, said)
  local calls
  for i, call in ipairs(said.calls) do
    calls = calls or {}
    calls[i] = call_of(call, nil, call.arguments)
  end
  local message = {
    role = "assistant", content = said.text ~= "" and said.text or json.null, refusal = json.null, tool_calls = calls,
  }
  return {
    id = "chatcmpl-" .. said.id, object = "chat.completion", created = CREATED, model = asked.model, usage = usage_of(said),
    choices = { { index = 0, message = message, logprobs = json.null, finish_reason = REASONS[said.reason] } },
  }
end

return {
  name = "chat_completions", serves = serves, key = key, refusal = refusal, unauthorized = unauthorized, failing = failing,
  read = read, writer = writer, whole = whole,
}
