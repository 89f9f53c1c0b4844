-- callisto.flow.becoming: how a call goes on as another template. A method of the call object, loaded at its first call.

local core = require "callisto.core"
local json = require "callisto.json"
local task = require "callisto.task"
local templates = require "callisto.template"

---@class callisto.Call
local Call = {}

local function forget_outcome(self)
  if not self.outcome then return end
  self.outcome = nil
  core.fact("agent_outcome", json.encode { source = "FLOW" })
  core.tell(nil, { what = "agent_outcome", source = "FLOW" })
end

local function find_template(agent)
  if type(agent) ~= "string" then return agent end
  local name = agent:find(".", 1, true) and agent or "templates." .. agent:gsub("-", "_")
  local ok, value = pcall(require, name)
  if not ok then error(("call:become: the template '%s' cannot be loaded: %s"):format(agent, tostring(value)), 3) end
  return value
end

---Goes on as another template, in the same call: its greeting, its flow. What was said stays in the transcript; everything that
---the flow until now had started ends, and a word it decided is forgotten. The fallback, the recording, the longest duration and
---a vendor's voice and ear remain those of the first. Never returns.
---@param agent callisto.Template|string  the template, or the name of its file
---@param payload table|nil  fields to add to the payload
function Call:become(agent, payload)
  agent = find_template(agent)
  if not templates.is(agent) then error("call:become needs a template, not " .. type(agent), 2) end
  if self.ending or self.is_over then task.leave() end
  for name, value in pairs(payload or {}) do self.payload[name] = value end
  local ok, why = agent:accepts(self.payload)
  if not ok then error(("call:become: template '%s': %s"):format(agent.name, why), 2) end
  forget_outcome(self)
  core.fact("template", json.encode { name = agent.name })
  local before = self._root
  self:_take(agent)
  self:_start()
  task.cancel(before)
  if task.current() then task.leave() end
end

return { methods = Call }
