-- Messages of vendors whose roles must alternate: what one side says in a row, results of tools among it, is one turn.

-- Their first turn must be the user's, and in a call it is mostly the agent who speaks first.
local function begun(field, parts_of)
  return { role = "user", [field] = parts_of { role = "user", text = "(The call begins.)" } }
end

---@param messages callisto.LlmMessage[]
---@param model string  what the vendor calls the assistant
---@param field string  what it calls the list of a turn's parts
---@param parts_of fun(message: callisto.LlmMessage): table[]
---@return table[]
return function(messages, model, field, parts_of)
  local turns = {}
  if messages[1] and messages[1].role == "assistant" then turns[1] = begun(field, parts_of) end
  for _, message in ipairs(messages) do
    local role = message.role == "assistant" and model or "user"
    local last = turns[#turns]
    if not last or last.role ~= role then
      last = { role = role, [field] = {} }
      turns[#turns + 1] = last
    end
    for _, part in ipairs(parts_of(message)) do table.insert(last[field], part) end
  end
  return turns
end
