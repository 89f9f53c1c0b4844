-- Called before an order is sent: is it still wanted? The answer goes to the shop at once.

local http = require "callisto.http"
local retry = require "callisto.retry"
local template = require "callisto.template"

local function tell_shop(call, state)
  local _, status = http.fetch_json {
    url = ("%s/orders/%s"):format(call.settings.shop_url, http.escape(call.payload.order_id)),
    method = "PUT",
    headers = { authorization = "Bearer " .. call.secrets.shop_key },
    json = { state = state },
    timeout = 5,
  }
  call:fact("shop.told", { state = state, status = status })
  return status == 200
end

local function check(call)
  local wanted = call:confirm { "Your order of {item} is ready. Shall we send it?", tries = 2 }
  if wanted == nil then call:finish("NO_DECISION", "We will call you again. Goodbye.") end
  local told = call:hold("audio/hold.wav", tell_shop, call, wanted and "send" or "cancel")
  if not told then call:finish("CALL_BACK", "Something does not work here. One of us will call you. Goodbye.") end
  call:finish(wanted and "CONFIRMED" or "CANCELLED", wanted and "It is on its way. Goodbye." or "It is cancelled. Goodbye.")
end

return template {
  name = "order-check",
  description = "Asks whether an order shall be sent, and tells the shop.",
  payload = { customer_name = "string", order_id = "string", item = "string" },
  greeting = "Hello {customer_name}, this is Blue Shop.",
  secrets = { "shop_key" },
  retry = retry.policy { attempts = 3, no_answer = "30m", busy = "10m", undecided = "2h" },
  hours = { zone = "Asia/Kolkata", ["mon-sat"] = "10:00-19:00" },
  on_call = check,
}
