-- Asks for a word and for keys, sends keys, and says goodbye to its end.

local template = require "callisto.template"

return template {
  name = "order",
  ring = "10s",
  on_call = function(call)
    local answer = call:ask {
      "Shall we bring your order tomorrow?", choices = { yes = "yes, yes please", no = "no, not tomorrow" }, tries = 3,
    }
    local keys = call:digits { "Please enter the four digits of your order.", max = 4, tries = 2 }
    call:send_digits "42"
    call:sleep "1s"
    call:finish(answer == "yes" and keys == "4711" and "UNDERSTOOD" or "NOT_UNDERSTOOD", "Thank you very much, and goodbye.")
  end,
}
