-- Reminds of an appointment, and finds another day and time when it does not suit.

local retry = require "callisto.retry"
local template = require "callisto.template"

local choose_day, choose_time, confirm_new

local function remind(call)
  local answer = call:ask {
    "You have an appointment with {doctor} on {at|datetime}. Will you come?",
    choices = {
      yes = "yes, yes i will, sure, i will come, yes please",
      move = "another time, move it, another day, i want another time",
      no = "no, cancel it, cancel",
    },
    digits = { ["1"] = "yes", ["2"] = "move", ["3"] = "no" },
    reprompt = "Say yes, another time, or no. Or press one, two or three.",
  }
  if answer == "yes" then call:finish("CONFIRMED", "Thank you. We expect you. Goodbye.") end
  if answer == "no" then call:finish("CANCELLED", "It is cancelled. Goodbye.") end
  if answer == "move" then return choose_day end
  call:finish("NO_DECISION", "We keep your appointment. Goodbye.")
end

local function give_up(call) call:finish("CALL_BACK", "One of us will call you to find a time. Goodbye.") end

function choose_day(call)
  local day = call:ask {
    "Which day would suit you? For example, next friday, or the third of may.",
    date = { from = 1, to = "60d", zone = call.settings.zone, keys = "ddmm" },
    no_match = "I need a day within two months. You can also key in two digits for the day and two for the month.",
  }
  if not day then return give_up end
  call.payload.new_day = day
  return choose_time
end

function choose_time(call)
  local time = call:ask {
    "On {new_day|date} there is half past nine in the morning, and four in the afternoon. Which one?",
    choices = {
      ["09:30"] = "half past nine, morning, in the morning, nine thirty, the first",
      ["16:00"] = "four, four o'clock, afternoon, in the afternoon, the second",
      other = "another day, neither, none",
    },
    digits = { ["1"] = "09:30", ["2"] = "16:00", ["3"] = "other" },
    reprompt = "Say morning, afternoon, or another day. Or press one, two or three.",
  }
  if time == "other" then return choose_day end
  if not time then return give_up end
  call.payload.new_at = call.payload.new_day .. "T" .. time
  return confirm_new
end

function confirm_new(call)
  local right = call:confirm "So that is {new_at|datetime}. Is that right?"
  if right == nil then return give_up end
  if not right then return choose_day end
  call:fact("appointment.moved", { at = call.payload.new_at })
  call:finish("MOVED", "Thank you. We have written it down. Goodbye.")
end

return template {
  name = "appointment-reminder",
  description = "Reminds of an appointment and moves it to another day.",
  payload = { patient_name = "string", doctor = "string", at = "string" },
  greeting = "Good day {patient_name}, this is the practice of {doctor}.",
  settings = { zone = "Asia/Kolkata" },
  retry = retry.policy { attempts = 2, no_answer = "1h", busy = "15m", failed = "5m" },
  start = remind,
}
