-- Google's Gemini, streamGenerateContent. A tool's call comes whole; its signature goes back with it unchanged.

local json = require "callisto.json"
local llm = require "callisto.provider.llm"
local llm_errors = require "providers.shared.llm_errors"
local llm_turns = require "providers.shared.llm_turns"
local provider = require "callisto.provider"

local REASONS = { STOP = "stop", MAX_TOKENS = "length" }

local PASSING = { RESOURCE_EXHAUSTED = true, INTERNAL = true, UNAVAILABLE = true, DEADLINE_EXCEEDED = true }

-- Asking ----------------------------------------------------------------------------------------------------------------

local function result_of(message)
  local value = json.decode(message.text or "")
  return { functionResponse = { id = message.id, name = message.name,
    response = { [message.is_error and "error" or "output"] = value == nil and message.text or value } } }
end

local function parts_of(message)
  if message.role == "tool" then return { result_of(message) } end
  local list = {}
  if message.text and message.text ~= "" then list[1] = { text = message.text } end
  for _, call in ipairs(message.calls or {}) do
    list[#list + 1] = { thoughtSignature = call.seal,
      functionCall = { id = call.id, name = call.name, args = json.decode(call.arguments) or {} } }
  end
  return list
end

local function tools_of(ask)
  if #ask.tools == 0 then return nil end
  local list = {}
  for i, tool in ipairs(ask.tools) do
    list[i] = { name = tool.name, description = tool.description, parametersJsonSchema = tool.parameters }
  end
  return { { functionDeclarations = list } }
end

local function request(ask, account)
  local body = {
    systemInstruction = ask.system and { parts = { { text = ask.system } } } or nil,
    contents = llm_turns(ask.messages, "model", "parts", parts_of),
    tools = tools_of(ask),
    generationConfig = { temperature = ask.temperature, maxOutputTokens = ask.max_tokens },
  }
  for name, value in pairs(ask.more) do body[name] = value end
  return {
    url = ("%s/models/%s:streamGenerateContent?alt=sse"):format(account.base, ask.model),
    headers = { ["x-goog-api-key"] = account.key },
    json = body,
  }
end

-- Reading ---------------------------------------------------------------------------------------------------------------

local function failure_of(failure, message)
  local code, text = failure.status or failure.code, failure.message
  local made = message and llm_errors.of(message, code, text)
    or provider.error(code or "error", text or "the vendor reports an error", PASSING[failure.status])
  for _, detail in ipairs(failure.details or {}) do
    local seconds = tostring(detail.retryDelay or ""):match "^([%d.]+)s$"
    made.retry_after = made.retry_after or tonumber(seconds)
  end
  return made
end

local function read_part(answer, part)
  if part.thought then return end
  if type(part.text) == "string" then answer:text(part.text) end
  local call = part.functionCall
  if not call or not call.name then return end
  answer:tool({}, call.id, call.name, json.encode(call.args or {}), part.thoughtSignature)
end

local function read_usage(answer, usage)
  if not usage or not usage.promptTokenCount then return end
  answer:used {
    input = usage.promptTokenCount + (usage.toolUsePromptTokenCount or 0),
    output = (usage.candidatesTokenCount or 0) + (usage.thoughtsTokenCount or 0),
    cached = usage.cachedContentTokenCount or 0,
  }
end

local function read(answer, event)
  local record = json.decode(event.data)
  if type(record) ~= "table" then return answer:failed(provider.error("EBADMSG", "an event that is not JSON", true)) end
  if record.error then return answer:failed(failure_of(record.error)) end
  read_usage(answer, record.usageMetadata)
  if (record.promptFeedback or {}).blockReason then answer:ended "filtered" end
  local candidate = (record.candidates or {})[1]
  if not candidate then return end
  for _, part in ipairs((candidate.content or {}).parts or {}) do read_part(answer, part) end
  if candidate.finishReason then answer:ended(REASONS[candidate.finishReason] or "filtered") end
end

return llm {
  name = "gemini",
  account = { key = "GEMINI_API_KEY", base = "GEMINI_BASE_URL" },
  required = { "key" },
  base = "https://generativelanguage.googleapis.com/v1beta",
  request = request,
  read = read,

  failure = function(message)
    local body = llm_errors.body(message.body)
    return failure_of((body[1] or body).error or {}, message)
  end,
}
