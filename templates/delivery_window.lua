-- Asks by keys when a parcel may come. No recogniser and no model: it works in any noise.

local keypad = require "callisto.keypad"
local template = require "callisto.template"

local function keep(window)
  return function(call)
    call.payload.window = window
    call:fact("delivery.window", { window = window })
  end
end

local tree = keypad {
  initial = "window",
  nodes = {
    window = { -- its prompt is the greeting
      wait = "8s",
      invalid = "There is no such key.",
      on_silence = { outcome = "NO_INPUT", say = "We will send you a message instead. Goodbye." },
      options = {
        { digit = "1", label = "morning", go = "confirm", run = keep "between nine and twelve" },
        { digit = "2", label = "afternoon", go = "confirm", run = keep "between two and five" },
        { digit = "3", label = "evening", go = "confirm", run = keep "between six and eight" },
        { digit = "0", label = "not tomorrow", go = "later" },
      },
    },
    confirm = {
      prompt = "We come {window}. Press one to confirm, or star to choose again.",
      options = {
        { digit = "1", label = "confirm", outcome = "CONFIRMED", closing = "Thank you. Goodbye." },
        { digit = "*", label = "again", go = "window" },
      },
    },
    later = {
      prompt = "Press one to have it the day after, two to fetch it at the shop, or star to go back.",
      options = {
        { digit = "1", label = "the day after", outcome = "POSTPONED", closing = "We come the day after. Goodbye." },
        { digit = "2", label = "fetch it", outcome = "PICK_UP", closing = "We keep it for you. Goodbye." },
        { digit = "*", label = "back", go = "window" },
      },
    },
  },
}

return template {
  name = "delivery-window",
  description = "Asks by keys when a parcel may come.",
  payload = { customer_name = "string" },
  greeting = "Hello {customer_name}, your parcel comes tomorrow. For the morning press one, for the afternoon two, "
    .. "for the evening three. If you are not at home tomorrow, press zero.",
  keypad = tree,
}
