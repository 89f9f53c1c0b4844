-- Asks a question in a vendor's voice and listens with a vendor's ear.

local template = require "callisto.template"

return template {
  name = "birds",
  ring = "5s",
  voice = { tts = "parrot", stt = "owl", voice = "aria" },
  on_call = function(call)
    call:on("words", function() call:decide "HALF_HEARD" end)
    local answer = call:ask { "Do you like birds?", choices = { yes = "yes", no = "no" }, timeout = "8s", tries = 3 }
    call:finish(answer and answer:upper() or "NOTHING", "Thank you.")
  end,
}
