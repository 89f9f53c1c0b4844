-- Answers questions about orders, with a language model and the shop's own interface: finds an order, changes its address, and
-- has a person call back for what it cannot do.
--
--   callisto.lua: settings = { shop_url = "https://api.shop.example" }, secrets = { shop_key = env.SHOP_KEY }

local http = require "callisto.http"
local template = require "callisto.template"
local tool = require "callisto.tool"
local tools = require "callisto.tools"

local PROMPT = [[
You answer the telephone of Blue Shop. You help with orders, and with nothing else.
- Short spoken sentences, one question at a time. No lists, no symbols.
- Never say anything about an order that find_order has not told you. Ask for its number when you do not have it.
- Read a new address back before you change it.
- What you cannot do, or do not know, a person can: offer to have the caller called back.]]

-- Asks the shop. An answer that is none is told to the model as a sentence it can use.
local function ask_shop(call, method, path, body)
  local answer, status = http.fetch_json {
    url = call.settings.shop_url .. path, method = method, json = body, timeout = 8,
    headers = { authorization = "Bearer " .. call.secrets.shop_key },
  }
  if answer == nil then return nil, "The shop's computer does not answer. Offer to have the caller called back." end
  if status == 404 then return nil, "There is no such order. Ask for the number again." end
  if status >= 400 then return nil, "The shop refused. Offer to have the caller called back." end
  return answer
end

local find_order = tool { "find_order", "State, arrival and address of an order.",
  { id = { type = "string", description = "the number of the order, digits only", maxLength = 20 } },
  function(args, call)
    local order, why = ask_shop(call, "GET", "/orders/" .. args.id:gsub("%W", ""))
    if not order then return nil, why end
    call.payload.order_id = args.id
    return { state = order.state, arrives = order.arrives, address = order.address }
  end,
  filler = "Let me look that up.",
}

local change_address = tool { "change_address", "Changes where an order is brought. Only after the caller has agreed to it.",
  { id = "string", address = { type = "string", minLength = 5, maxLength = 200 } },
  function(args, call)
    local changed, why = ask_shop(call, "PUT", "/orders/" .. args.id:gsub("%W", "") .. "/address", { address = args.address })
    if not changed then return nil, why end
    call:decide "ADDRESS_CHANGED"
    return "The address is changed."
  end,
  filler = "One moment, I am changing it.",
}

local call_back = tool { "call_back", "A person of the shop calls back. Ends the call.",
  { about = { type = "string", description = "what the caller wants, in a sentence" } },
  function(args, call)
    call:fact("callback.wanted", { number = call.direction == "INBOUND" and call.from or call.to, about = args.about })
    return tool.done("CALL_BACK", "One of us will call you back today. Goodbye.")
  end,
}

local function answer(call)
  local result, why = call:converse {
    prompt = PROMPT,
    tools = {
      find_order, change_address, call_back, tools.current_time {},
      tools.end_call { goodbye = "Thank you for calling Blue Shop. Goodbye.", revocable = true },
    },
    idle = { after = "8s", say = "Are you still there?", tries = 2 },
  }
  if result then call:bye() end
  call:finish(why == "silence" and "SILENT" or "CALL_BACK", why == "silence" and "Goodbye." or nil)
end

return template {
  name = "order-support",
  description = "Answers questions about orders with a language model.",
  payload = { order_id = "string?" },
  greeting = "Hello, this is Blue Shop. How can I help you?",
  llm = { "openai/gpt-4.1-mini", "anthropic/claude-3-5-haiku-latest" },
  secrets = { "shop_key" },
  settings = { shop_url = "https://api.shop.example" },
  fallback = "We are sorry, something went wrong. We will call you back. Goodbye.",
  on_call = answer,
}
