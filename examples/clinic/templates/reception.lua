-- Answers the clinic's number: a menu while it is open, a word about emergencies when it is not.

local clock = require "callisto.clock"
local menu = require "callisto.menu"
local template = require "callisto.template"

local booking = require "templates.booking"

local function say_hours(call)
  call:finish("INFORMED", "We are open on weekdays from eight to six, and on Saturdays from eight to twelve. Goodbye.")
end

local reception = menu {
  name = "reception", speech = true,
  options = {
    { label = "an appointment", phrases = "appointment, an appointment, book, a visit", go = booking },
    { label = "our hours", phrases = "hours, our hours, when are you open", go = say_hours },
    { digit = "0", label = "a nurse", phrases = "nurse, a nurse, help, emergency", outcome = "CALL_BACK",
      closing = "A nurse will call you in a minute. Goodbye." },
  },
}

local function answer(call)
  if not clock.is_open(call.settings.opening) then
    call:finish("CLOSED", "The clinic is closed. In an emergency please call one one two. Goodbye.")
  end
  return reception
end

return template {
  name = "reception",
  description = "Answers the clinic's number.",
  greeting = "This is the clinic.",
  settings = { opening = { daily = "00:00-23:59" } },
  on_call = answer,
}
