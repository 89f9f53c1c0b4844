-- Talks about an order with a language model: says where it is, takes a new address, ends when all is said.

local template = require "callisto.template"
local tool = require "callisto.tool"

local PROMPT = "You are the telephone assistant of Blue Shop and talk with {customer_name} about the order {order_id}. Say short "
  .. "sentences. Look the order up before you say where it is. End the call when the customer wants nothing more."

local function tools_of(call)
  local order = { id = call.payload.order_id, state = call.payload.order_state, address = call.payload.address }
  local outcome = "INFORMED"
  local find_order = tool { "find_order", "Where the order is.", {}, function() return order end }
  local change_address = tool { "change_address", "The order is to go to another address.", { address = "string" }, function(args)
    order.address, outcome = args.address, "CHANGED"
    call:fact("order.address_changed", { address = args.address })
    return order
  end }
  local end_call = tool { "end_call", "All is said.", { is_satisfied = "boolean" }, function(args)
    return tool.done(args.is_satisfied and outcome or "CALL_BACK", "Thank you. Goodbye.")
  end }
  return { find_order, change_address, end_call }
end

return template {
  name = "order-update",
  description = "Says where an order is and takes a new address, in a conversation with a language model.",
  payload = { customer_name = "string", order_id = "string", order_state = "string", address = "string" },
  greeting = "Hello {customer_name}, this is Blue Shop. What can I do for you?",
  record = true,
  llm = { "openai/gpt-4.1-mini", "groq/llama-3.3-70b-versatile" },
  on_call = function(call)
    local result = call:converse { prompt = PROMPT, tools = tools_of(call), filler = { after = "3s" } }
    if not result then call:finish("CALL_BACK", "We will call you back. Goodbye.") end
  end,
}
