-- A call that stays: the agent speaks without a pause, so that 50 frames a second go each way. Two tasks say the same in
-- turn: while one sentence is heard the next one waits behind it.

local template = require "callisto.template"

local text = "Thank you for waiting. All our people are talking to other callers at the moment, and yours is the next call "
  .. "in line. We are open from nine in the morning until eight in the evening, on Saturdays until four. Orders that are "
  .. "placed before noon leave our house on the same day. You can change an address until the parcel is on its way, and "
  .. "you can send everything back within thirty days. Please stay on the line."

local function keep_talking(call)
  while true do call:say(text, { barge_in = false }) end
end

return template {
  name = "held",
  greeting = "Hello, and welcome.",
  on_call = function(call)
    call:spawn(keep_talking)
    keep_talking(call)
  end,
}
