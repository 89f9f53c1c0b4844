-- callisto.converse.tools: the tools of a conversation while they run.
--
--   calls of an answer ─► arguments right? ─► approved? ─► function, in a task of its own ─► a text for the model
--
-- Each call gets one result, whatever becomes of it: a text that says what went wrong is one. What comes later than that is
-- dropped. All of it is a fact of the call.

local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"
local options = require "callisto.options"
local schema = require "callisto.schema"
local secrets = require "callisto.secrets"
local task = require "callisto.task"
local tool = require "callisto.tool"
local utf8 = require "callisto.util.utf8"

local tools = {}

-- Of a result the model is told so much, and a fact holds so much.
local MOST_BYTES, MOST_FACT_BYTES = 8 * 1024, 4 * 1024
-- Names of tools are shorter; a longer one is not repeated to the model that made it up.
local MOST_NAME_BYTES = 64

---@class callisto.RunningTool
---@field tool callisto.Tool|nil  nil: there is none of that name
---@field call callisto.LlmCall
---@field entry callisto.HistoryEntry
---@field args table|nil
---@field task callisto.Task|nil
---@field started_at number

---@class callisto.ToolResult
---@field state "ok"|"failed"|"refused"|"timeout"|"cancelled"
---@field text string
---@field value any  what the function returned, where that is more than a text for the model

---@class callisto.Tools
---@field open table<callisto.RunningTool, true>
local Tools = {}
Tools.__index = Tools

---@param call callisto.Call
---@param on_ended fun(running: callisto.RunningTool, result: callisto.ToolResult)
---@return callisto.Tools
function tools.new(call, on_ended)
  return setmetatable({ call = call, on_ended = on_ended, by_name = {}, list = {}, open = {} }, Tools)
end

---The tools from now on.
---@param list callisto.Tool[]
function Tools:use(list)
  self.list, self.by_name = list, {}
  for _, each in ipairs(list) do self.by_name[each.name] = each end
end

---@return string[]
function Tools:names()
  local names = {}
  for i, each in ipairs(self.list) do names[i] = each.name end
  return names
end

---As a model is told of them.
---@return callisto.LlmTool[]
function Tools:declared()
  local declared = {}
  for i, each in ipairs(self.list) do
    declared[i] = { name = each.name, description = each.description, parameters = each.parameters }
  end
  return json.array(declared)
end

---Whether one is still running.
---@return boolean
function Tools:is_running() return next(self.open) ~= nil end

-- Results ------------------------------------------------------------------------------------------------------------

local function cut(text, most)
  if #text <= most then return text end
  local head = utf8.valid(text:sub(1, most)):gsub("\239\191\189+$", "")
  return ("%s … (cut off: %d bytes in all)"):format(head, #text)
end

local function shown(name) return cut(utf8.valid(name), MOST_NAME_BYTES) end

local function readable(text)
  local valid, is_changed = utf8.valid(text)
  if is_changed or text:find "%z" then
    local _, wrong = valid:gsub("\239\191\189", "")
    if text:find "%z" or wrong * 10 > #text then return ("The result is not text: %d bytes."):format(#text) end
  end
  return cut(valid, MOST_BYTES)
end

local function failed(text, state) return { state = state or "failed", text = text } end

local show = {}
show["nil"] = function() return { state = "ok", text = "Done." } end
function show.string(text) return { state = "ok", text = readable(text) } end
function show.number(value) return { state = "ok", text = tostring(value) } end
show.boolean = show.number

function show.table(value)
  if tool.is_done(value) then return { state = "ok", text = "The conversation ends.", value = value } end
  local ok, text = pcall(json.encode, value)
  if not ok then return failed("The result cannot be told.") end
  return { state = "ok", text = readable(text) }
end

-- The next step of a flow.
show["function"] = function(step) return { state = "ok", text = "Done.", value = step } end

local function result_of(value, message)
  if value == nil and message ~= nil then return failed(readable(tostring(message))) end
  local fn = show[type(value)]
  return fn and fn(value) or failed "The result cannot be told."
end

-- Running ------------------------------------------------------------------------------------------------------------

local function arguments_of(about, call)
  local args, why = json.decode(call.arguments)
  if args == nil then
    return nil, ("The arguments are not one JSON object (%s). Ask for %s again, with one whole object."):format(
      why or "?", call.name)
  end
  local fault = schema.fault(about.parameters, args)
  if fault then return nil, ("The arguments are wrong: %s. Correct them, or ask the caller."):format(fault) end
  return args
end

local function approved(self, about, args)
  if not about.approve then return true end
  local is_approved, why = about.approve(self.call, args)
  if is_approved then return true end
  return false, why or "It was not approved."
end

-- The outcome of the function; an error of it is ours to tell, the end of the call is not.
local function run(self, running)
  local about = running.tool
  local ok, value, message, code = task.try(task.with_timeout, about.timeout, function()
    local is_approved, why = approved(self, about, running.args)
    if not is_approved then return failed(why, "refused"), nil, "REFUSED" end
    return about.fn(running.args, self.call)
  end)
  if not ok then
    if task.is_cancel(value) then error(value, 0) end
    log.error(("call %s: the tool '%s' failed: %s"):format(self.call.id, about.name, secrets.redact(tostring(value))))
    return failed "The tool failed."
  end
  if code == "REFUSED" then return value end
  if value == nil and code == "ETIMEDOUT" then
    return failed(("The tool did not answer within %s seconds."):format(about.timeout), "timeout")
  end
  return result_of(value, message)
end

local function write_fact(self, running, result)
  self.call:fact("tool", {
    name = shown(running.call.name), arguments = cut(utf8.valid(running.call.arguments), MOST_FACT_BYTES), state = result.state,
    result = cut(result.text, MOST_FACT_BYTES), ms = math.floor((core.now() - running.started_at) * 1000 + 0.5),
  })
end

local function conclude(self, running, result)
  if not self.open[running] then return end
  self.open[running] = nil
  write_fact(self, running, result)
  self.on_ended(running, result)
end

local function unknown(self, call)
  local known = {}
  for name in pairs(self.by_name) do known[name] = true end
  local name = shown(call.name)
  return ("There is no tool '%s': %s."):format(name, (options.unknown(name, known):gsub("field", "tool")))
end

-- Asked for once more in the same answer, word by word. A booking is made once.
local function is_double(seen, call)
  local key = call.name .. "\0" .. call.arguments
  if seen[key] then return true end
  seen[key] = true
  return false
end

local function start(self, running, seen)
  local call = running.call
  if not running.tool then return conclude(self, running, failed(unknown(self, call), "refused")) end
  if is_double(seen, call) then
    return conclude(self, running, failed("This was asked for twice in one answer, and is done once.", "refused"))
  end
  local args, why = arguments_of(running.tool, call)
  if not args then return conclude(self, running, failed(why, "refused")) end
  running.args = args
  running.task = task.spawn(function() conclude(self, running, run(self, running)) end)
end

---Runs what an answer asks for. Each call is told of by `on_ended`, once.
---@param entry callisto.HistoryEntry
---@param calls callisto.LlmCall[]
---@return callisto.RunningTool[]
function Tools:run(entry, calls)
  local list, seen = {}, {}
  for i, call in ipairs(calls) do
    local running = { tool = self.by_name[call.name], call = call, entry = entry, started_at = core.now() }
    list[i], self.open[running] = running, true
  end
  for _, running in ipairs(list) do start(self, running, seen) end
  return list
end

local function give_up(self, running, why)
  local text = why
  conclude(self, running, { state = "cancelled", text = text })
  if running.task then task.cancel(running.task) end
end

---The caller has said something: tools that are not worth it any more are given up.
function Tools:interrupted()
  local list = {}
  for running in pairs(self.open) do
    if running.tool and running.tool.cancel_on_interruption then list[#list + 1] = running end
  end
  for _, running in ipairs(list) do give_up(self, running, "It was given up because the caller spoke.") end
end

---Ends all of them.
function Tools:stop()
  local list = {}
  for running in pairs(self.open) do list[#list + 1] = running end
  for _, running in ipairs(list) do give_up(self, running, "The conversation was over before it had ended.") end
end

return tools
