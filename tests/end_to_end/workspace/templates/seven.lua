-- Says seven sentences.

local template = require "callisto.template"

return template {
  name = "seven",
  on_call = function(call)
    for _, number in ipairs { "one", "two", "three", "four", "five", "six", "seven" } do
      call:say(("This is sentence number %s."):format(number), { barge_in = false })
    end
    call:finish "SAID"
  end,
}
