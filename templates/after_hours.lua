-- Answers when nobody is there: says when somebody will be, and takes a number for a call back. While the shop is open the call
-- goes on as another template.

local clock = require "callisto.clock"
local template = require "callisto.template"

local opening = { zone = "Asia/Kolkata", ["mon-sat"] = "10:00-19:00" }

-- The number to call back: the caller's own, or another one that is keyed in.
local function ask_number(call)
  if call.from then
    call.payload.number = call.from
    if call:confirm "Shall we call you back at {number|digits}?" then return call.from end
  end
  return (call:digits { "Please enter the number we should call, then press hash.", min = 7, max = 15, tries = 2 })
end

local function answer(call)
  if clock.is_open(call.settings.opening or opening) then return call:become(call.settings.open_template) end
  local wish = call:ask {
    "We are closed now. We are here from ten to seven, Monday to Saturday. Shall we call you back tomorrow?",
    choices = { yes = "yes, yes please, please do, call me back", no = "no, no thanks, no thank you" },
    digits = { ["1"] = "yes", ["2"] = "no" },
    tries = 2,
  }
  if wish ~= "yes" then call:finish("INFORMED", "Then until tomorrow. Goodbye.") end
  local number = ask_number(call)
  if not number then call:finish("INFORMED", "I did not get a number. Please call again. Goodbye.") end
  call:fact("callback.wanted", { number = number })
  call:finish("CALL_BACK", "Thank you. We will call you tomorrow. Goodbye.")
end

return template {
  name = "after-hours",
  description = "Answers outside opening hours and takes a number for a call back.",
  greeting = "Welcome to Blue Shop.",
  settings = { open_template = "multi-language-menu" },
  on_call = answer,
}
