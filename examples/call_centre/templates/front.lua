-- The front desk: a menu, and behind it the queue.

local template = require "callisto.template"

return template {
  name = "front",
  description = "The menu of the front desk.",
  menu = require "menus.front",
}
