-- Says one long sentence, in which it may be interrupted.

local template = require "callisto.template"

return template {
  name = "talk",
  ring = "10s",
  on_call = function(call)
    local said = call:say("We are open on Monday, on Tuesday, on Wednesday, on Thursday, on Friday, on Saturday and on Sunday, "
      .. "from early in the morning until late in the evening, in summer and in winter.")
    call:finish(said.interrupted and "INTERRUPTED" or "HEARD_OUT", "All right.")
  end,
}
