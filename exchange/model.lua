-- What the language models say that the exchange plays: those of order-update. `make demo` holds this conversation by sound, and
-- sound is not always understood, so it is led by how often the caller has spoken.

local function turns_of(asked)
  local count = 0
  for _, message in ipairs(asked.messages) do
    if message.role == "user" then count = count + 1 end
  end
  return count
end

local function turn(number, model)
  return function(asked) return turns_of(asked) == number and (not model or asked.model == model) end
end

return {
  replies = {
    { on_result = "find_order", say = "Your order left our house yesterday, and the driver is on the way to you. It will arrive "
      .. "tomorrow between nine in the morning and noon. If nobody opens, it stays with a neighbour on your floor." },
    { on_result = "change_address", say = "I have changed the address. Is there anything else?" },
    { when = turn(1), tools = { { "find_order" } } },
    -- The first vendor has no room just now: the next one goes on.
    { when = turn(2, "gpt-4.1-mini"), status = 503, retry_after = 30, message = "The model is overloaded." },
    { when = turn(2), say = "Of course.", tools = { { "change_address", { address = "twenty two Harbour Road" } } } },
    { tools = { { "end_call", { is_satisfied = true } } } },
  },
}
