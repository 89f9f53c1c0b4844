-- Greets somebody, asks one question, and ends with what was answered.

local template = require "callisto.template"

local function talk(call)
  local answer = call:ask {
    "Shall we call you again next week?",
    choices = { yes = "yes, yes please, sure", no = "no, no thanks, not now" },
    digits = { ["1"] = "yes", ["2"] = "no" },
    tries = 2,
  }
  if answer == "yes" then call:finish("AGREED", "Thank you. Until next week. Goodbye.") end
  if answer == "no" then call:finish("DECLINED", "Understood. Goodbye.") end
  call:finish("NO_DECISION", "We will try again another time. Goodbye.")
end

return template {
  name = "hello",
  description = "Asks whether we may call again.",
  payload = { customer_name = "string" },
  greeting = "Hello {customer_name}, this is the skeleton team.",
  on_call = talk,
}
