-- callisto.converse.models: the models of a conversation, asked one after the other until one answers.
--
--   ask ─► first model ─► useful output in time? ─► its text, as it is written ─► its end
--               └─ refused, silent, broke off ─► the next one …        all within one budget of time
--
-- A model that has no room (429, 503) has not failed: others are asked, and it is asked again when it said, or soon. One that
-- fails again and again is left alone for a while. Both are known to all calls of the process.

local core = require "callisto.core"
local llm = require "callisto.llm"
local log = require "callisto.log"
local provider = require "callisto.provider"
local secrets = require "callisto.secrets"
local shared = require "callisto.shared"

local models = {}

-- So many failures in so long, and a model is left alone for so long.
local FAILURES, WITHIN_S, ALONE_S = 3, 60, 30
-- One without room is asked again after what it said, within these.
local ROOM_S, MOST_ROOM_S = 2, 60
-- An answer may ask for so many tools; the others of a model that has lost its way are not run, and were never asked for.
local MOST_CALLS = 16

---@class callisto.Models
---@field list {name: string, adapter: callisto.Llm, account: table}[]  in the order in which they are asked
local Models = {}
Models.__index = Models

-- What a model of the workspace is asked with: its vendor's account came with the call.
local function account_of(call, adapter)
  local account = {}
  for field, variable in pairs(adapter.account) do
    local value = call._given_secrets[("llm.%s.%s"):format(adapter.name, field)]
    if value then account[field] = field == "base" and value or secrets.new(variable, value) end
  end
  return account
end

local function missing(adapter, account)
  for _, field in ipairs(adapter.required) do
    if not account[field] then return adapter.account[field] end
  end
end

local function find(what, call, name)
  local vendor = name:match "^([%l%d_-]+)/."
  if not vendor then
    error(('%s: \'llm\' must be "vendor/model", such as "openai/gpt-4.1-mini", not %q'):format(what, name), 0)
  end
  local ok, adapter = pcall(require, "providers.llm." .. vendor)
  if not ok then error(("%s: 'llm' names the vendor '%s', and providers/llm has no such file"):format(what, vendor), 0) end
  return { name = name, adapter = adapter, account = account_of(call, adapter) }
end

---@param what string  for messages
---@param call callisto.Call
---@param names string[]  "vendor/model", in the order in which they are asked
---@param how {patience: number, budget: number, temperature: number|nil, max_tokens: integer, more: table}
---@return callisto.Models
function models.new(what, call, names, how)
  local list = {}
  for i, name in ipairs(names) do list[i] = find(what, call, name) end
  return setmetatable({ call = call, list = list, how = how }, Models)
end

-- Those that are left alone ------------------------------------------------------------------------------------------

local function is_left_alone(model) return shared.get("llm.alone " .. model.name) ~= nil end

local function leave_alone(model, why, seconds)
  shared.set("llm.alone " .. model.name, why, seconds)
end

local NO_ROOM = {
  [429] = true, [503] = true, [529] = true, overloaded_error = true, rate_limit_error = true, rate_limit_exceeded = true,
  UNAVAILABLE = true, RESOURCE_EXHAUSTED = true,
}

-- What comes again with the same request, such as an empty account, is a failure whatever its status.
local function has_no_room(failure)
  return failure.retryable and (NO_ROOM[failure.status] or NO_ROOM[failure.code]) or false
end

-- What is ours to mend says nothing about the model: a key that is not set, a call that has used up its share.
local OURS = { ENOKEY = true, EDQUOT = true }

local function note(model, failure)
  if OURS[failure.code] then return end
  if has_no_room(failure) then
    return leave_alone(model, "no room", math.min(failure.retry_after or ROOM_S, MOST_ROOM_S))
  end
  local count = shared.increment("llm.failures " .. model.name, 1, WITHIN_S)
  if count and count >= FAILURES then leave_alone(model, "failing", ALONE_S) end
end

-- Those that may be asked; when all are left alone, all are.
local function in_order(self)
  local list = {}
  for _, model in ipairs(self.list) do
    if not is_left_alone(model) then list[#list + 1] = model end
  end
  return #list > 0 and list or self.list
end

-- Asking -------------------------------------------------------------------------------------------------------------

---@class callisto.ModelAnswer
---@field model string
---@field calls callisto.LlmCall[]
---@field usage callisto.LlmUsage|nil
---@field reason string|nil
---@field asked_at number
---@field first_at number  of the first useful output

local function request_of(self, model, request, patience)
  return {
    model = model.name, key = model.account.key, base = model.account.base,
    system = request.system(), messages = request.messages(), tools = request.tools,
    max_tokens = self.how.max_tokens, temperature = self.how.temperature, more = self.how.more,
    patience = math.max(0.1, patience),
  }
end

local function read_all(answer, request, result)
  for event in answer:events() do
    if event.kind == "text" then
      if not request.on_text(event.text) then
        answer:close()
        return result
      end
    elseif event.kind == "tool" then
      if #result.calls < MOST_CALLS then result.calls[#result.calls + 1] = event end
    else
      result.reason, result.usage = event.reason, event.usage
    end
  end
  return result
end

local function no_output() return provider.error("ENODATA", "no useful output", true) end

-- Asks one. Returns nil and why when the next one is to be asked.
local function try(self, model, request, left)
  local variable = missing(model.adapter, model.account)
  if variable then return nil, provider.error("ENOKEY", variable .. " is not set") end
  local result = { model = model.name, calls = {}, asked_at = core.now() }
  local patience = math.min(self.how.patience, left)
  local answer, why = llm.ask(request_of(self, model, request, patience))
  if not answer then return nil, why.code == "ETIMEDOUT" and no_output() or why end
  request.opened(answer)
  if not answer:until_useful(patience - (core.now() - result.asked_at)) then
    return nil, answer.failure or no_output()
  end
  result.first_at = core.now()
  read_all(answer, request, result)
  if answer.failure then return nil, answer.failure end
  if not request.on_end() and #result.calls == 0 then
    return nil, provider.error("ENODATA", "no useful output: nothing of the answer can be said", true)
  end
  return result
end

local function tell(self, model, failure, asked_at)
  local ms = math.floor((core.now() - asked_at) * 1000 + 0.5)
  log.warn(("call %s: the model %s did not answer: %s"):format(self.call.id, model.name, secrets.redact(tostring(failure))))
  self.call:fact("llm_failed", { model = model.name, code = failure.code, cause = failure.message, ms = ms })
end

---@class callisto.ModelRequest
---@field system fun(): string|nil
---@field messages fun(): callisto.LlmMessage[]
---@field tools callisto.LlmTool[]
---@field on_text fun(text: string): boolean  false: that is enough
---@field on_end fun(): boolean  all is written; whether anything of it is said
---@field on_broken fun()  a model broke off, and the next one is asked
---@field opened fun(answer: callisto.LlmAnswer)  to be closed when nobody waits any more

---Asks until one model has answered, or the budget is used up.
---@param request callisto.ModelRequest
---@return callisto.ModelAnswer|nil answer, callisto.ProviderError? failure  of the last one
function Models:ask(request)
  local by, failure = core.now() + self.how.budget, nil
  for _, model in ipairs(in_order(self)) do
    local asked_at = core.now()
    if asked_at >= by then break end
    local result
    result, failure = try(self, model, request, by - asked_at)
    if result then return result end
    note(model, failure)
    tell(self, model, failure, asked_at)
    request.on_broken()
  end
  return nil, failure
end

return models
