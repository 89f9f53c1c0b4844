-- Is connected and silent.

local template = require "callisto.template"

return template {
  name = "wait",
  ring = "30s",
  on_call = function(call)
    call:sleep "2m"
    call:finish "WAITED"
  end,
}
