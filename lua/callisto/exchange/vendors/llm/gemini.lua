-- callisto.exchange.vendors.llm.gemini: the wire of Google's generateContent, as its server speaks it.

local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local FIELDS = reading.names [[
  contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent model labels
]]

local REASONS = { stop = "STOP", tools = "STOP", length = "MAX_TOKENS", filtered = "SAFETY" }

local FAILURES = {
  overloaded = { 503, "UNAVAILABLE", "The model is overloaded. Please try again later." },
  rate_limited = { 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)." },
  internal = { 500, "INTERNAL", "An internal error has occurred." },
  quota = { 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota." },
}

local STATUSES = {
  [400] = "INVALID_ARGUMENT", [401] = "UNAUTHENTICATED", [403] = "PERMISSION_DENIED", [404] = "NOT_FOUND",
  [429] = "RESOURCE_EXHAUSTED", [500] = "INTERNAL", [503] = "UNAVAILABLE", [504] = "DEADLINE_EXCEEDED",
}

local function order_of(request) return request.path:match "/models/([^/:]+):(%a+)$" end

local function serves(request)
  local _, verb = order_of(request)
  return request.method == "POST" and (verb == "generateContent" or verb == "streamGenerateContent")
end

local function key(request)
  return reading.header(request, "x-goog-api-key") or (request.query or ""):match "key=([^&]+)" or reading.bearer(request)
end

-- Refusing ----------------------------------------------------------------------------------------------------------------

local function refusal(status, message, param, retry_after)
  local details = json.array {}
  if retry_after then
    details[1] = { ["@type"] = "type.googleapis.com/google.rpc.RetryInfo", retryDelay = ("%gs"):format(retry_after) }
  end
  return reading.json(status, { error = {
    code = status, message = param and ("Invalid value at '%s': %s"):format(param, message) or message,
    status = STATUSES[status] or "UNKNOWN", details = details,
  } })
end

local function unauthorized(given)
  if given then return refusal(400, "API key not valid. Please pass a valid API key.") end
  return refusal(403, "Method doesn't allow unregistered callers (callers without established identity).")
end

local function record(value) return "data: " .. json.encode(value) .. "\r\n\r\n" end

local function failing(name)
  local failure = FAILURES[name]
  return record { error = { code = failure[1], message = failure[3], status = failure[2] } }
end

-- Reading -----------------------------------------------------------------------------------------------------------------

local function text_of(parts)
  local list = {}
  for _, part in ipairs(parts or {}) do
    if part.text and not part.thought then list[#list + 1] = part.text end
  end
  return #list > 0 and table.concat(list) or nil
end

local function read_calls(parts)
  local calls
  for _, part in ipairs(parts) do
    local call = part.functionCall
    if call then
      calls = calls or {}
      calls[#calls + 1] = { id = call.id, name = call.name, arguments = call.args or {} }
    end
  end
  return calls
end

-- A result says its value, or that of its only field.
local function result_of(response)
  local value = response.output
  if value == nil then value = response.error end
  if value == nil then value = response end
  return type(value) == "string" and value or json.encode(value)
end

local function read_results(asked, parts)
  local count = 0
  for _, part in ipairs(parts) do
    local result = part.functionResponse
    if result then
      count = count + 1
      asked.messages[#asked.messages + 1] = {
        role = "tool", id = result.id, name = result.name, text = result_of(result.response or {}),
        is_error = (result.response or {}).error ~= nil or nil,
      }
    end
  end
  return count
end

local function read_content(asked, content, waiting)
  local parts = content.parts
  if type(parts) ~= "table" or #parts == 0 then return "contents.parts must not be empty." end
  if content.role == "model" then
    local calls = read_calls(parts)
    asked.messages[#asked.messages + 1] = { role = "assistant", text = text_of(parts), calls = calls }
    return nil, calls and #calls or 0
  end
  if content.role and content.role ~= "user" then return "Please use a valid role: user, model." end
  if read_results(asked, parts) ~= waiting then
    return "Please ensure that the number of function response parts is equal to the number of function call parts of the "
      .. "function call turn."
  end
  local text = text_of(parts)
  if text then asked.messages[#asked.messages + 1] = { role = "user", text = text } end
  return nil, 0
end

local function read_contents(asked, given)
  local waiting = 0
  for _, content in ipairs(given) do
    local why, more = read_content(asked, content, waiting)
    if why then return why end
    waiting = more
  end
end

local function read_tools(given)
  local list = {}
  for _, group in ipairs(given or {}) do
    for _, tool in ipairs(group.functionDeclarations or {}) do
      if type(tool.name) ~= "string" or not tool.name:find "^[%a_][%w_.-]*$" then
        return nil, "Invalid function name. Must start with a letter or an underscore."
      end
      list[#list + 1] = {
        name = tool.name, description = tool.description, parameters = tool.parametersJsonSchema or tool.parameters,
      }
    end
  end
  return list
end

local function read(body, request)
  local stranger = reading.stranger(body, FIELDS)
  if stranger then return nil, ('Invalid JSON payload received. Unknown name "%s": Cannot find field.'):format(stranger) end
  if type(body.contents) ~= "table" or #body.contents == 0 then
    return nil, "* GenerateContentRequest.contents: contents is not specified"
  end
  local tools, why = read_tools(body.tools)
  if not tools then return nil, why end
  local model, verb = order_of(request)
  local config = body.generationConfig or {}
  local asked = {
    model = model, system = text_of((body.systemInstruction or {}).parts), messages = {}, tools = tools,
    max_tokens = config.maxOutputTokens, temperature = config.temperature, is_streamed = verb == "streamGenerateContent",
  }
  if asked.is_streamed and not (request.query or ""):find "alt=sse" then
    return nil, "The double streams with alt=sse only."
  end
  why = read_contents(asked, body.contents)
  if why then return nil, why end
  return asked
end

-- Writing -----------------------------------------------------------------------------------------------------------------

local function usage_of(said, is_over)
  local output = is_over and said.usage.output or nil
  local input = said.usage.input
  return { promptTokenCount = input, candidatesTokenCount = output, totalTokenCount = input + (output or 0) }
end

local function response(asked, said, parts, reason)
  return {
    candidates = { { content = { role = "model", parts = json.array(parts) }, finishReason = reason, index = 0 } },
    usageMetadata = usage_of(said, reason), modelVersion = asked.model, responseId = said.id,
  }
end

local function call_part(call)
  local arguments = json.decode(call.arguments) or {}
  return { functionCall = { id = call.id, name = call.name, args = arguments }, thoughtSignature = "c2VhbA==" }
end

local parts = {}

function parts.text(token) return { text = token.text } end
function parts.thinking(token) return { text = token.text, thought = true } end
function parts.call_end(token) return call_part(token.call) end -- a call comes whole

local function writer(asked, said)
  return {
    empty = function() return record(response(asked, said, { { text = "" } })) end,
    begin = function() return "" end,
    token = function(token)
      local part = parts[token.kind]
      return part and record(response(asked, said, { part(token) })) or ""
    end,
    ending = function() return record(response(asked, said, { { text = "" } }, REASONS[said.reason])) end,
  }
end

local function whole(asked, said)
  local list = {}
  if said.text ~= "" then list[1] = { text = said.text } end
  for _, call in ipairs(said.calls) do list[#list + 1] = call_part(call) end
  return response(asked, said, list, REASONS[said.reason])
end

return {
  name = "gemini", serves = serves, key = key, refusal = refusal, unauthorized = unauthorized, failing = failing, read = read,
  writer = writer, whole = whole,
}
