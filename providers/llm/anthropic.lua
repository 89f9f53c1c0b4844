-- Anthropic, Messages. The system prompt and the tools are marked for the vendor's cache, as they are the same in every turn.

local json = require "callisto.json"
local llm = require "callisto.provider.llm"
local llm_errors = require "providers.shared.llm_errors"
local llm_turns = require "providers.shared.llm_turns"
local provider = require "callisto.provider"

local VERSION = "2023-06-01"

local REASONS = {
  end_turn = "stop", stop_sequence = "stop", pause_turn = "stop", tool_use = "tools", max_tokens = "length",
  model_context_window_exceeded = "length", refusal = "filtered",
}

-- Inside a stream there is no status; these may be asked again.
local PASSING = { overloaded_error = true, api_error = true, timeout_error = true, rate_limit_error = true }

-- Asking ----------------------------------------------------------------------------------------------------------------

local function blocks_of(message)
  if message.role == "tool" then
    return { { type = "tool_result", tool_use_id = message.id, content = message.text or "", is_error = message.is_error } }
  end
  local list = {}
  if message.text and message.text ~= "" then list[1] = { type = "text", text = message.text } end
  for _, call in ipairs(message.calls or {}) do
    list[#list + 1] = { type = "tool_use", id = call.id, name = call.name, input = json.decode(call.arguments) or {} }
  end
  return list
end

local function tools_of(ask)
  if #ask.tools == 0 then return nil end
  local list = {}
  for i, tool in ipairs(ask.tools) do
    list[i] = { name = tool.name, description = tool.description, input_schema = tool.parameters }
  end
  return list
end

local function request(ask, account)
  local body = {
    model = ask.model, max_tokens = ask.max_tokens, stream = true, tools = tools_of(ask),
    messages = llm_turns(ask.messages, "assistant", "content", blocks_of),
    temperature = ask.temperature,
    system = ask.system and { { type = "text", text = ask.system, cache_control = { type = "ephemeral" } } } or nil,
  }
  for name, value in pairs(ask.more) do body[name] = value end
  return {
    url = account.base .. "/v1/messages",
    headers = { ["x-api-key"] = account.key, ["anthropic-version"] = VERSION },
    json = body,
  }
end

-- Reading ---------------------------------------------------------------------------------------------------------------

-- Later numbers replace earlier ones.
local function read_usage(answer, usage)
  local all = answer.memory.tokens or {}
  for name, value in pairs(usage or {}) do all[name] = value end
  answer.memory.tokens = all
  local cached = all.cache_read_input_tokens or 0
  answer:used {
    input = (all.input_tokens or 0) + (all.cache_creation_input_tokens or 0) + cached,
    output = all.output_tokens or 0, cached = cached,
  }
end

local read = {}

-- A gateway may begin anew in mid-stream: what the first attempt left open does not count.
function read.message_start(answer, record)
  local message = record.message or {}
  if answer.memory.id and answer.memory.id ~= message.id then answer:forget_calls() end
  answer.memory.id = message.id
  read_usage(answer, message.usage)
end

-- Blocks of tools that the vendor runs itself are not ours.
function read.content_block_start(answer, record)
  local block = record.content_block or {}
  if block.type == "tool_use" then answer:tool(record.index, block.id, block.name) end
  if block.type == "text" then answer:text(block.text or "") end
end

function read.content_block_delta(answer, record)
  local delta = record.delta or {}
  if delta.type == "text_delta" then answer:text(delta.text or "") end
  if delta.type == "input_json_delta" and answer:has_tool(record.index) then
    answer:tool(record.index, nil, nil, delta.partial_json)
  end
end

function read.message_delta(answer, record)
  local reason = (record.delta or {}).stop_reason
  if reason then answer:ended(REASONS[reason] or "stop") end
  read_usage(answer, record.usage)
end

function read.message_stop(answer) answer:over() end

function read.error(answer, record)
  local failure = record.error or {}
  answer:failed(provider.error(failure.type or "error", failure.message or "the vendor reports an error", PASSING[failure.type]))
end

return llm {
  name = "anthropic",
  account = { key = "ANTHROPIC_API_KEY", base = "ANTHROPIC_BASE_URL" },
  required = { "key" },
  base = "https://api.anthropic.com",
  request = request,

  read = function(answer, event)
    local record = json.decode(event.data)
    if type(record) ~= "table" then return answer:failed(provider.error("EBADMSG", "an event that is not JSON", true)) end
    local fn = read[record.type or event.name]
    if fn then fn(answer, record) end
  end,

  failure = function(message)
    local failure = llm_errors.body(message.body).error or {}
    return llm_errors.of(message, failure.type, failure.message)
  end,
}
