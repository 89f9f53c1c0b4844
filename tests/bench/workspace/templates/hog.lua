-- A script that takes all the memory it can get.

local template = require "callisto.template"

return template {
  name = "hog",
  greeting = "This one wants everything.",
  fallback = "Goodbye.",
  on_call = function()
    local heap = {}
    while true do heap[#heap + 1] = ("x"):rep(100000) .. #heap end
  end,
}
