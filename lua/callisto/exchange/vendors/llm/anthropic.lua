-- callisto.exchange.vendors.llm.anthropic: the wire of Anthropic's messages, as its server speaks it.

local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local FIELDS = reading.names [[
  model messages max_tokens stream system tools tool_choice temperature top_p top_k stop_sequences thinking metadata
  service_tier output_config cache_control
]]

local REASONS = { stop = "end_turn", tools = "tool_use", length = "max_tokens", filtered = "refusal" }

local FAILURES = {
  overloaded = { type = "overloaded_error", message = "Overloaded" },
  rate_limited = { type = "rate_limit_error", message = "This request would exceed your rate limit." },
  internal = { type = "api_error", message = "Internal server error" },
  quota = { type = "billing_error", message = "Your credit balance is too low." },
}

local TYPES = {
  [400] = "invalid_request_error", [401] = "authentication_error", [402] = "billing_error", [403] = "permission_error",
  [404] = "not_found_error", [413] = "request_too_large", [429] = "rate_limit_error", [500] = "api_error",
  [504] = "timeout_error", [529] = "overloaded_error",
}

local function serves(request) return request.method == "POST" and request.path:find "/v1/messages$" ~= nil end

local function key(request) return reading.header(request, "x-api-key") or reading.bearer(request) end

-- Refusing ----------------------------------------------------------------------------------------------------------------

local function refusal(status, message, param, retry_after)
  local failure = { type = TYPES[status] or "api_error", message = param and param .. ": " .. message or message }
  return reading.json(status, { type = "error", error = failure, request_id = "req_double" },
    { ["request-id"] = "req_double", ["retry-after"] = retry_after and tostring(retry_after) or nil })
end

local function unauthorized(given)
  return refusal(401, given and "invalid x-api-key" or "x-api-key header is required")
end

local function record(value) return ("event: %s\ndata: %s\n\n"):format(value.type, json.encode(value)) end

local function failing(name) return record { type = "error", error = FAILURES[name] } end

-- Reading -----------------------------------------------------------------------------------------------------------------

local function text_of(content)
  if type(content) ~= "table" then return content end
  local parts = {}
  for _, block in ipairs(content) do
    if block.type == "text" then parts[#parts + 1] = block.text end
  end
  return #parts > 0 and table.concat(parts) or nil
end

local function blocks_of(message)
  if type(message.content) == "string" then return { { type = "text", text = message.content } } end
  return message.content
end

local function unanswered(open)
  local missing = next(open)
  return missing and "`tool_use` ids were found without `tool_result` blocks immediately after: " .. missing or nil
end

-- Results are messages of their own, as elsewhere.
local function read_results(asked, blocks, open, names)
  for _, block in ipairs(blocks) do
    if block.type == "tool_result" then
      if not open[block.tool_use_id or ""] then
        return ("unexpected `tool_use_id` found in `tool_result` blocks: %s"):format(tostring(block.tool_use_id))
      end
      open[block.tool_use_id] = nil
      asked.messages[#asked.messages + 1] = {
        role = "tool", id = block.tool_use_id, name = names[block.tool_use_id], text = text_of(block.content),
        is_error = block.is_error,
      }
    end
  end
  return unanswered(open)
end

local function read_calls(blocks, open, names)
  local calls
  for _, block in ipairs(blocks) do
    if block.type == "tool_use" then
      calls = calls or {}
      calls[#calls + 1] = { id = block.id, name = block.name, arguments = block.input }
      open[block.id or ""], names[block.id or ""] = true, block.name
    end
  end
  return calls
end

local function has_empty_text(blocks)
  for _, block in ipairs(blocks) do
    if block.type == "text" and (block.text or "") == "" then return true end
  end
  return false
end

local function read_message(asked, message, open, names)
  local blocks = blocks_of(message)
  if type(blocks) ~= "table" then return "content: Input should be a valid list" end
  if has_empty_text(blocks) then return "text content blocks must be non-empty" end
  if message.role == "user" then
    local why = read_results(asked, blocks, open, names)
    if why then return why end
    local text = text_of(blocks)
    if text then asked.messages[#asked.messages + 1] = { role = "user", text = text } end
  elseif message.role == "assistant" then
    local calls = read_calls(blocks, open, names)
    asked.messages[#asked.messages + 1] = { role = "assistant", text = text_of(blocks), calls = calls }
  else
    return "role: Input should be 'user' or 'assistant'"
  end
end

local function read_messages(asked, given)
  local open, names = {}, {}
  if given[1].role ~= "user" then return "first message must use the \"user\" role", "messages" end
  for i, message in ipairs(given) do
    local why = read_message(asked, message, open, names)
    if why then return why, ("messages.%d"):format(i - 1) end
  end
  return unanswered(open), "messages"
end

local function read_tools(given)
  local list = {}
  for i, tool in ipairs(given or {}) do
    if type(tool.name) ~= "string" or not tool.name:find "^[%w_-]+$" or type(tool.input_schema) ~= "table" then
      return nil, ("tools.%d"):format(i - 1)
    end
    list[i] = { name = tool.name, description = tool.description, parameters = tool.input_schema }
  end
  return list
end

local function first_wrong(body)
  if type(body.model) ~= "string" then return "Field required", "model" end
  if type(body.max_tokens) ~= "number" then return "Field required", "max_tokens" end
  if type(body.messages) ~= "table" or #body.messages == 0 then return "at least one message is required", "messages" end
  local stranger = reading.stranger(body, FIELDS)
  if stranger then return "Extra inputs are not permitted", stranger end
end

local function read(body, request)
  if not reading.header(request, "anthropic-version") then return nil, "header is required", "anthropic-version" end
  local message, param = first_wrong(body)
  if message then return nil, message, param end
  local tools, place = read_tools(body.tools)
  if not tools then return nil, "a name of letters, digits, '_' and '-', and an input_schema are required", place end
  local asked = {
    model = body.model, system = text_of(body.system), messages = {}, tools = tools, max_tokens = body.max_tokens,
    temperature = body.temperature, is_streamed = body.stream == true,
  }
  message, param = read_messages(asked, body.messages)
  if message then return nil, message, param end
  return asked
end

-- Writing -----------------------------------------------------------------------------------------------------------------

local function message_of(asked, said, content, reason)
  return {
    id = "msg_" .. said.id, type = "message", role = "assistant", model = asked.model, content = content,
    stop_reason = reason or json.null, stop_sequence = json.null,
    usage = {
      input_tokens = said.usage.input, cache_creation_input_tokens = 0, cache_read_input_tokens = 0,
      output_tokens = reason and said.usage.output or 1,
    },
  }
end

local STARTS = { text = { type = "text", text = "" }, thinking = { type = "thinking", thinking = "", signature = "" } }

-- Blocks follow each other: one ends where the next begins.
local Writer = {}
Writer.__index = Writer

function Writer:_open(kind, block)
  if self.kind == kind and kind ~= "call" then return "" end
  local before = self:_close()
  self.kind, self.index = kind, self.index + 1
  return before .. record { type = "content_block_start", index = self.index, content_block = block }
end

function Writer:_close()
  if not self.kind then return "" end
  self.kind = nil
  return record { type = "content_block_stop", index = self.index }
end

function Writer:_delta(delta) return record { type = "content_block_delta", index = self.index, delta = delta } end

local tokens = {}

function tokens.text(blocks, token)
  return blocks:_open("text", STARTS.text) .. blocks:_delta { type = "text_delta", text = token.text }
end

function tokens.thinking(blocks, token)
  return blocks:_open("thinking", STARTS.thinking) .. blocks:_delta { type = "thinking_delta", thinking = token.text }
end

function tokens.call(blocks, token)
  return blocks:_open("call", { type = "tool_use", id = token.call.id, name = token.call.name, input = {} })
    .. blocks:_delta { type = "input_json_delta", partial_json = "" }
end

function tokens.arguments(blocks, token) return blocks:_delta { type = "input_json_delta", partial_json = token.text } end
function tokens.call_end(blocks) return blocks:_close() end

local function writer(asked, said)
  local blocks = setmetatable({ index = -1 }, Writer)
  return {
    empty = function() return record { type = "ping" } end,
    begin = function() return record { type = "message_start", message = message_of(asked, said, json.array {}) } end,
    token = function(token) return tokens[token.kind](blocks, token) end,
    ending = function()
      return blocks:_close() .. record {
        type = "message_delta", delta = { stop_reason = REASONS[said.reason], stop_sequence = json.null },
        usage = { output_tokens = said.usage.output },
      } .. record { type = "message_stop" }
    end,
  }
end

local function whole(asked, said)
  local content = json.array {}
  if said.text ~= "" then content[1] = { type = "text", text = said.text } end
  for _, call in ipairs(said.calls) do
    content[#content + 1] = { type = "tool_use", id = call.id, name = call.name, input = json.decode(call.arguments) or {} }
  end
  return message_of(asked, said, content, REASONS[said.reason])
end

return {
  name = "anthropic", serves = serves, key = key, refusal = refusal, unauthorized = unauthorized, failing = failing, read = read,
  writer = writer, whole = whole,
}
