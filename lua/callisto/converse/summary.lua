-- callisto.converse.summary: a long conversation in a few sentences, for the model that goes on with it.

local summaries = {}

local TASK = "You write down, for a colleague who takes over a telephone call, what was said in it until now. Keep names, "
  .. "numbers, dates, addresses, what was agreed, and what tools have done, exactly. At most eight short sentences, in the "
  .. "language of the conversation."

---@param models callisto.Models
---@param text string  what was said (callisto.converse.history)
---@return string|nil summary  nil: no model answers
function summaries.of(models, text)
  local parts = {}
  local answer = models:ask {
    system = function() return TASK end,
    messages = function() return { { role = "user", text = text } } end,
    tools = {},
    opened = function() end,
    on_text = function(written)
      parts[#parts + 1] = written
      return true
    end,
    on_end = function() return table.concat(parts):find "%S" ~= nil end,
    on_broken = function() parts = {} end,
  }
  if not answer then return nil end
  return "What was said before: " .. table.concat(parts):match "^%s*(.-)%s*$"
end

return summaries
