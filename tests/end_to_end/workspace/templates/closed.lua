-- Takes no calls from outside.

local template = require "callisto.template"

return template {
  name = "closed",
  inbound = { enabled = false },
  on_call = function(call) call:finish "DONE" end,
}
