-- Messages of vendors whose roles must alternate: what one side says in a row, results of tools among it, is one turn.

---@param messages callisto.LlmMessage[]
---@param model string  what the vendor calls the assistant
---@param field string  what it calls the list of a turn's parts
---@param parts_of fun(message: callisto.LlmMessage): table[]
---@return table[]
return function(messages, model, field, parts_of)
  local turns = {}
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
