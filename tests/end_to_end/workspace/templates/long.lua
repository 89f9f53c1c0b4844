-- Talks for a minute; a key is answered and ends the call when it is 9.

local template = require "callisto.template"

return template {
  name = "long",
  greeting = "Good day.",
  record = true,
  on_call = function(call)
    call:on("digit", function(_, key)
      if key == "9" then call:finish("STOPPED", "Stopped.") end
    end)
    for number = 1, 30 do call:say(("This is sentence number %d."):format(number), { barge_in = false }) end
    call:finish("TALKED", "Goodbye.")
  end,
}
