-- Checks an order that is paid on delivery before it is sent: is it wanted, is the address right, will there be money.

local retry = require "callisto.retry"
local template = require "callisto.template"

local check_address, check_money, correct_address

local function check_order(call)
  local wanted = call:confirm {
    "You ordered {item} for {amount|money:rupees:indian}, to be paid on delivery. Do you still want it?",
    reprompt = "Do you still want {item}? Say yes or no, or press one for yes and two for no.",
    no_match = "Sorry, I did not get that. Say yes or no, or press one for yes and two for no.",
  }
  if wanted == nil then call:finish("NO_DECISION", "We will call you again. Goodbye.") end
  if not wanted then call:finish("CANCELLED", "Understood, we cancel the order. Goodbye.") end
  return check_address
end

function check_address(call)
  local right = call:confirm { "We would bring it to {address}. Is that right?", reprompt = "Is {address} the right address?" }
  if right == nil then call:finish("NO_DECISION", "We will call you again. Goodbye.") end
  return right and check_money or correct_address
end

function correct_address(call)
  local code = call:digits { "Please enter the six digits of the right postal code.", min = 6, max = 6, tries = 2 }
  call:fact("address.wrong", { postal_code = code })
  call:finish("ADDRESS_WRONG", "Thank you. One of us will call you about the address. Goodbye.")
end

function check_money(call)
  local ready = call:confirm "Please have {amount|money:rupees:indian} ready when we come. Is that all right?"
  if ready == false then call:finish("CALL_BACK", "One of us will call you about another way to pay. Goodbye.") end
  call:finish("CONFIRMED", "Thank you. We will send it today. Goodbye.")
end

return template {
  name = "cash-on-delivery",
  description = "Checks an order that is paid on delivery: wanted, address, money.",
  payload = { customer_name = "string", item = "string", amount = "number", address = "string" },
  greeting = "Hello {customer_name}, this is Blue Shop about your order.",
  retry = retry.policy { attempts = 3, no_answer = "30m", busy = "10m", failed = "5m", undecided = "2h" },
  hours = { zone = "Asia/Kolkata", ["mon-sat"] = "10:00-19:00" },
  ring = "25s",
  start = check_order,
}
