-- callisto.importer.talk: nodes of other systems that a language model leads through, as conversations (call:converse). For
-- callisto.importer.
--
-- The words of a node are the prompt, its functions are the tools. The model chooses one, and the conversation is over: what the
-- function does and where it leads is the flow's business. The history goes on from node to node.

local tool = require "callisto.tool"

local talk = {}

-- What other systems call the vendors of providers/llm.
local VENDORS = {
  openai = "openai", anthropic = "anthropic", google = "gemini", gemini = "gemini", groq = "groq", ollama = "ollama",
}

---The model that `configurations.llm` names, and how it is asked.
---@param value any
---@return {llm: string, temperature: number|nil, max_tokens: integer|nil}|nil model  nil: not one of ours
function talk.model_of(value)
  if type(value) ~= "table" or type(value.provider) ~= "string" or type(value.model) ~= "string" then return nil end
  local vendor = VENDORS[value.provider:lower()]
  if not vendor then return nil end
  return {
    llm = vendor .. "/" .. value.model, temperature = tonumber(value.temperature), max_tokens = tonumber(value.max_tokens),
  }
end

local function add_words(reader, at, parts, messages)
  for i, message in ipairs(type(messages) == "table" and messages or {}) do
    local words = type(message) == "table" and message.content or message
    local place = ("%s[%d]"):format(at, i - 1)
    if words ~= nil then parts[#parts + 1] = reader:sentence(place, words) end
  end
end

---The prompt of a node: who the model is, and what it is to do here.
---@param reader table  callisto.importer's
---@param at string
---@param node table
---@return string
function talk.prompt_of(reader, at, node)
  local parts = {}
  local has_role = type(node.role_messages) == "table" and #node.role_messages > 0
  add_words(reader, at .. ".role_messages", parts, has_role and node.role_messages or reader.role)
  if has_role and not reader.role then reader.role = node.role_messages end
  add_words(reader, at .. ".task_messages", parts, node.task_messages)
  return table.concat(parts, "\n")
end

local function parameters_of(fn)
  local given = type(fn.parameters) == "table" and fn.parameters or {}
  local properties, required = given.properties or fn.properties, given.required or fn.required
  return {
    type = "object", properties = type(properties) == "table" and properties or {},
    required = type(required) == "table" and required or {},
  }
end

---A function of a node as a tool.
---@param reader table  callisto.importer's
---@param at string
---@param fn table  of the document
---@param run fun(args: table, call: callisto.Call): any
---@return callisto.Tool|nil
function talk.tool_of(reader, at, fn, run)
  local ok, made = pcall(tool.new, {
    name = fn.name, description = type(fn.description) == "string" and fn.description or tostring(fn.name),
    parameters = parameters_of(fn), fn = run, timeout = tonumber(fn.timeout_secs),
  })
  if ok then return made end
  reader:problem(at, (tostring(made):gsub("^[^\n]-:%d+: ", "")))
end

---What is given to call:converse besides prompt and tools.
---@param reader table  callisto.importer's
---@param more table
---@return table
function talk.options_of(reader, more)
  local given = { temperature = reader.model and reader.model.temperature, max_tokens = reader.model and reader.model.max_tokens }
  for name, value in pairs(more) do given[name] = value end
  return given
end

---Chooses a function of a node by a conversation.
---@param reader table  callisto.importer's
---@param at string
---@param node table
---@param list table[]  its functions
---@return fun(call: callisto.Call): string, table
function talk.chooser(reader, at, node, list)
  local prompt, tools = talk.prompt_of(reader, at, node), {}
  for _, fn in ipairs(list) do
    local place = ("%s.functions.%s"):format(at, tostring(fn.name))
    tools[#tools + 1] = talk.tool_of(reader, place, fn, function(args)
      return function() return fn.name, args end
    end)
  end
  return function(call)
    local speaks_first = not call.template.greeting
    local result = call:converse(talk.options_of(reader, { prompt = prompt, tools = tools, speaks_first = speaks_first }))
    if not result then call:bye() end
    return result.next()
  end
end

---Says the last words of a node without functions.
---@param reader table  callisto.importer's
---@param at string
---@param node table
---@return fun(call: callisto.Call)
function talk.last_words(reader, at, node)
  local prompt = talk.prompt_of(reader, at, node)
  return function(call) call:converse(talk.options_of(reader, { prompt = prompt, once = true })) end
end

local function words_of(given)
  if type(given.system_prompt) == "string" then return given.system_prompt end
  if type(given.prompt) == "string" then return given.prompt end
end

---One prompt with functions, which is the whole flow.
---@param reader table  callisto.importer's
---@param given table  the document's `flow`
---@param hooks table  callisto.importer.hooks
---@return fun(call: callisto.Call)|nil
function talk.direct(reader, given, hooks)
  local words = words_of(given)
  local prompt = words and reader:sentence("flow.prompt", words) or talk.prompt_of(reader, "flow", given)
  if prompt == "" then return reader:problem("flow", "'prompt' is missing (string)") end
  local tools = {}
  for key, fn in pairs(type(given.functions) == "table" and given.functions or {}) do
    fn.name = fn.name or (type(key) == "string" and key or nil)
    local place = "flow.functions." .. tostring(fn.name)
    local run = hooks.read(reader, place, fn.hooks)
    tools[#tools + 1] = talk.tool_of(reader, place, fn, function(args, call) run(call, args) end)
  end
  table.sort(tools, function(a, b) return a.name < b.name end)
  return function(call)
    call:converse(talk.options_of(reader, { prompt = prompt, tools = tools, speaks_first = not call.template.greeting }))
  end
end

return talk
