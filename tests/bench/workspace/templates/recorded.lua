-- The same call as "held", and both sides of it are recorded.

local held = require "templates.held"
local template = require "callisto.template"

return template {
  name = "recorded",
  greeting = held.greeting,
  record = true,
  on_call = held.on_call,
}
