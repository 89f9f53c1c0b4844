-- Says hello, and asks for one word.

local template = require "callisto.template"

return template {
  name = "hello",
  payload = { name = "string?" },
  greeting = "Hello {name}, this is a call over Larkline.",
  on_call = function(call)
    local answer = call:ask {
      "Does it work? Press 1 for yes and 2 for no.",
      choices = { yes = "yes, it does", no = "no, it does not" },
      digits = { ["1"] = "yes", ["2"] = "no" },
    }
    return call:finish(answer == "yes" and "WORKS" or "BROKEN", "Thank you. Goodbye.")
  end,
}
