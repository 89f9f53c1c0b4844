-- callisto.converse.context: what a model is told of what was before: of the conversation before this one in the same call, and
-- of the beginning of one that has become long.

local summaries = require "callisto.converse.summary"
local task = require "callisto.task"

local contexts = {}

-- So long the caller waits for a summary between two conversations; without one all is kept.
local PATIENCE_S = 4
-- The newest entries are never summarised while the conversation goes on.
local KEPT_ENTRIES = 6

local policies = {}

function policies.append() end

function policies.reset(history) history:fold(#history.entries) end

function policies.summarise(history, models)
  local count = #history.entries
  local summary = count > 0 and task.with_timeout(PATIENCE_S, summaries.of, models, history:text())
  if summary then history:fold(count, summary) end
end

---How the history of the conversation before is told.
contexts.policies = { append = true, reset = true, summarise = true }

---The history of the conversation before, as this one wants it.
---@param history callisto.History
---@param policy "append"|"reset"|"summarise"
---@param models callisto.Models
function contexts.take_over(history, policy, models)
  policies[policy](history, models)
  if history.is_open and #history.entries == 0 then history:note "(Go on.)" end
end

---The model is to speak although nobody has said anything that wants an answer.
---@param history callisto.History
function contexts.prompt(history)
  if history.is_open then return end
  history:note(#history.entries == 0 and "(The call begins.)" or "(Go on.)")
  history.is_open = true
end

---Summarises the beginning of what has become too long, in a task of its own.
---@param history callisto.History
---@param models callisto.Models
---@param longest integer  bytes
---@return callisto.Task|nil task  nil: it is not too long
function contexts.shorten(history, models, longest)
  local count = #history.entries - KEPT_ENTRIES
  if count <= 0 or #history:text() <= longest then return nil end
  return task.spawn(function()
    local summary = summaries.of(models, history:text(count))
    if summary then history:fold(count, summary) end
  end)
end

return contexts
