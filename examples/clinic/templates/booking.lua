-- Finds a day and a time for a visit. The flow is a graph: each function returns the next.

local template = require "callisto.template"

local ask_time, confirm

local function ask_day(call)
  local day = call:ask {
    "For which day would you like an appointment? Say, for example, tomorrow, or next monday.",
    date = { from = 1, to = "30d", zone = call.settings.zone, keys = "ddmm" },
    no_match = "I need a day within the next month.",
  }
  if not day then call:finish("CALL_BACK", "One of us will call you. Goodbye.") end
  call.payload.day = day
  return ask_time
end

function ask_time(call)
  local hour = call:ask {
    "At which hour, from nine to five?",
    number = { min = 1, max = 17 },
    choices = { other = "another day" },
    tries = 2,
  }
  if hour == "other" then return ask_day end
  if not hour then call:finish("CALL_BACK", "One of us will call you. Goodbye.") end
  if hour <= 5 then hour = hour + 12 end -- "three" is in the afternoon
  if hour < 9 or hour > 17 then
    call:say "We are here from nine to five."
    return ask_time
  end
  call.payload.at = ("%sT%02d:00"):format(call.payload.day, hour)
  return confirm
end

function confirm(call)
  local right = call:confirm "Shall I write down {at|datetime}?"
  if right == false then return ask_day end
  if right == nil then call:finish("NO_DECISION", "I have written nothing down. Goodbye.") end
  call:fact("appointment.booked", { at = call.payload.at })
  call:finish("BOOKED", "It is written down. Goodbye.")
end

return template {
  name = "booking",
  description = "Books an appointment.",
  settings = { zone = "Asia/Kolkata" },
  start = ask_day,
}
