-- Takes calls for a practice: confirms, moves or cancels an appointment. Keys, speech, a number that is typed in.

local template = require "callisto.template"

local slots = {
  morning = "tomorrow at nine thirty in the morning",
  afternoon = "tomorrow at four in the afternoon",
}

local function end_unheard(call) call:finish("NO_INPUT", "I could not hear you. Please call again. Goodbye.") end

local function move(call)
  local slot, reason = call:ask {
    "Would you like the morning or the afternoon?",
    choices = { morning = "morning, the morning, in the morning", afternoon = "afternoon, the afternoon, in the afternoon" },
    digits = { ["1"] = "morning", ["2"] = "afternoon" },
    reprompt = "Say morning or afternoon, or press one or two.",
  }
  if not slot then
    if reason == "silence" then end_unheard(call) end
    call:finish("CALL_BACK", "We will call you back to find a time. Goodbye.")
  end
  call:fact("appointment.moved", { slot = slot })
  call:finish("MOVED", ("Your appointment is %s. Goodbye."):format(slots[slot]))
end

local function identify(call)
  local number, reason = call:digits {
    "Please enter the four digits of your appointment, then press hash.",
    min = 4, max = 4, timeout = "10s", tries = 2,
    reprompt = "Four digits, please.",
  }
  if not number then
    if reason == "silence" then end_unheard(call) end
    call:finish("NOT_IDENTIFIED", "That is not an appointment. Please call again. Goodbye.")
  end
  return number
end

local function serve(call)
  local number = identify(call)
  call:fact("appointment.number", { number = number })
  local wish = call:ask {
    "Do you want to confirm, move or cancel your appointment?",
    choices = {
      confirm = "confirm, confirm it, keep it",
      move = "move, move it, change it, another time",
      cancel = "cancel, cancel it",
    },
    digits = { ["1"] = "confirm", ["2"] = "move", ["3"] = "cancel" },
    reprompt = "Say confirm, move or cancel, or press one, two or three.",
  }
  if wish == "confirm" then call:finish("CONFIRMED", "It is confirmed. Goodbye.") end
  if wish == "move" then return move(call) end
  if wish == "cancel" then call:finish("CANCELLED", "It is cancelled. Goodbye.") end
  end_unheard(call)
end

return template {
  name = "appointment",
  description = "Confirms, moves or cancels an appointment of the person who calls.",
  greeting = "Good day. This is the practice of doctor Brown.",
  longest = "10m",
  record = true,
  on_call = serve,
}
