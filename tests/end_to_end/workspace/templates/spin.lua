-- Says a word and then computes for ever.

local template = require "callisto.template"

return template {
  name = "spin",
  greeting = "Good day.",
  fallback = "Something is broken. Goodbye.",
  on_call = function(call)
    call:say "One moment."
    while true do end
  end,
}
