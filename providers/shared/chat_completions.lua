-- The interface /chat/completions, which many vendors and local servers speak, each with fields of its own that it refuses.

local json = require "callisto.json"
local llm_errors = require "providers.shared.llm_errors"
local provider = require "callisto.provider"

local chat_completions = {}

local REASONS = {
  stop = "stop", tool_calls = "tools", function_call = "tools", length = "length", content_filter = "filtered",
}

local function calls_of(message)
  if not message.calls or #message.calls == 0 then return nil end
  local list = {}
  for i, call in ipairs(message.calls) do
    list[i] = { id = call.id, type = "function", ["function"] = { name = call.name, arguments = call.arguments } }
  end
  return list
end

local function message_of(message)
  if message.role == "tool" then return { role = "tool", tool_call_id = message.id, content = message.text or "" } end
  local calls = calls_of(message)
  return { role = message.role, content = message.text or (calls and json.null or ""), tool_calls = calls }
end

local function messages_of(ask)
  local list = {}
  if ask.system then list[1] = { role = "system", content = ask.system } end
  for _, message in ipairs(ask.messages) do list[#list + 1] = message_of(message) end
  return list
end

local function tools_of(ask)
  if #ask.tools == 0 then return nil end
  local list = {}
  for i, tool in ipairs(ask.tools) do
    list[i] = { type = "function",
      ["function"] = { name = tool.name, description = tool.description, parameters = tool.parameters } }
  end
  return list
end

---What asks such a server.
---@param tokens "max_tokens"|"max_completion_tokens"  what it calls the limit of an answer
---@return fun(ask: callisto.LlmAsk, account: table): table
function chat_completions.request(tokens)
  return function(ask, account)
    local body = {
      model = ask.model, stream = true, stream_options = { include_usage = true }, messages = messages_of(ask),
      tools = tools_of(ask), temperature = ask.temperature, [tokens] = ask.max_tokens,
    }
    for name, value in pairs(ask.more) do body[name] = value end
    return {
      url = account.base .. "/chat/completions",
      headers = { authorization = account.key and "Bearer " .. account.key or nil },
      json = body,
    }
  end
end

local function failure_in(failure)
  if type(failure) ~= "table" then return provider.error("EPROTO", tostring(failure), true) end
  local code = failure.code or failure.type
  local text = tostring(failure.message or "the vendor reports an error")
  return provider.error(code or "EPROTO", text, code ~= "insufficient_quota")
end

-- The calls of an answer are told apart by their index; a server that gives every one the same is told by a new id.
local function key_of(answer, piece, place)
  local index = piece.index or place
  local known = answer.memory[index]
  local is_new = not known or (piece.id and piece.id ~= "" and known.id and piece.id ~= known.id)
  if is_new then
    known = { id = piece.id }
    answer.memory[index] = known
  end
  return known
end

local function read_calls(answer, pieces)
  for place, piece in ipairs(pieces) do
    local fn = piece["function"] or piece.custom or {}
    answer:tool(key_of(answer, piece, place - 1), piece.id, fn.name, fn.arguments or fn.input)
  end
end

local function read_usage(answer, usage)
  if not usage or not usage.prompt_tokens then return end
  answer:used {
    input = usage.prompt_tokens, output = usage.completion_tokens or 0,
    cached = (usage.prompt_tokens_details or {}).cached_tokens or 0,
  }
end

---What an event says.
---@param answer callisto.LlmReading
---@param event callisto.SseEvent
function chat_completions.read(answer, event)
  if event.data == "[DONE]" then return answer:over() end
  local record = json.decode(event.data)
  if type(record) ~= "table" then return answer:failed(provider.error("EBADMSG", "an event that is not JSON", true)) end
  if record.error or event.name == "error" then return answer:failed(failure_in(record.error or record)) end
  read_usage(answer, record.usage or (record.x_groq or {}).usage)
  local choice = (record.choices or {})[1]
  if not choice then return end
  local delta = choice.delta or {}
  if type(delta.content) == "string" then answer:text(delta.content) end
  if type(delta.refusal) == "string" then answer:text(delta.refusal) end
  if delta.tool_calls then read_calls(answer, delta.tool_calls) end
  if choice.finish_reason == "error" then return answer:failed(failure_in(choice.error or "the model failed")) end
  if choice.finish_reason then answer:ended(REASONS[choice.finish_reason] or "stop") end
end

---What a refusal says.
---@param message {status: integer, headers: table<string, string>, body: string}
---@return callisto.ProviderError
function chat_completions.failure(message)
  local body = llm_errors.body(message.body)
  local failure = type(body.error) == "table" and body.error or body
  local text = failure.message or (type(body.error) == "string" and body.error or nil)
  return llm_errors.of(message, failure.code or failure.type, text)
end

return chat_completions
