-- A script that never ends. It must be stopped, and nobody else may notice.

local template = require "callisto.template"

return template {
  name = "spin",
  greeting = "This one runs in circles.",
  fallback = "Goodbye.",
  on_call = function() while true do end end, -- luacheck: ignore 542
}
