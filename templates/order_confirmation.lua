-- Confirms an order that is paid on delivery, by voice or by keys.

local retry = require "callisto.retry"
local template = require "callisto.template"

local function confirm(call)
  local answer = call:ask {
    "Shall we bring order {order_id|digits} to {address} tomorrow?",
    choices = {
      yes = "yes, sure, yes please, please do, okay, correct",
      no = "no, no thanks, not now, cancel, cancel it",
      person = "a person, operator, help",
    },
    digits = { ["1"] = "yes", ["2"] = "no", ["0"] = "person" },
    reprompt = "Shall we bring it tomorrow? Say yes or no, or press one for yes and two for no.",
    no_match = "Sorry, I did not get that. Say yes or no, or press one for yes and two for no.",
    timeout = "7s",
    tries = 3,
  }
  if answer == "yes" then call:finish("CONFIRMED", "Thank you. Your order comes tomorrow. Goodbye.") end
  if answer == "no" then call:finish("DECLINED", "Understood, we will not send it. Goodbye.") end
  if answer == "person" then call:finish("CALL_BACK", "One of us will call you back. Goodbye.") end
  call:finish("NO_DECISION", "We will call you again. Goodbye.")
end

return template {
  name = "order-confirmation",
  description = "Confirms an order that is paid on delivery.",
  payload = { customer_name = "string", order_id = "string", address = "string" },
  greeting = "Hello {customer_name}, this is Blue Shop about your order.",
  voice = { stt = "local", tts = "local", language = "en" },
  retry = retry.policy { attempts = 3, no_answer = "30m", busy = "10m", failed = "5m", undecided = "2h" },
  hours = { zone = "Asia/Kolkata", ["mon-sat"] = "10:00-19:00" },
  ring = "25s",
  record = true,
  fallback = "We are sorry, something went wrong. We will call you again. Goodbye.",
  on_call = confirm,
}
