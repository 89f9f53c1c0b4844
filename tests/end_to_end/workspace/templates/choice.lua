-- Asks for a key.

local template = require "callisto.template"

return template {
  name = "choice",
  ring = "5s",
  greeting = "Good day.",
  on_call = function(call)
    local answer = call:ask { "Press one.", digits = { ["1"] = "one" }, timeout = "5s", tries = 2 }
    call:finish(answer == "one" and "CHOSEN" or "NOT_CHOSEN", "Goodbye.")
  end,
}
