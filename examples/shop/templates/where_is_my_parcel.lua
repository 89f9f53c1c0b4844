-- Takes calls: asks for the number of the parcel, looks it up, says where it is.

local http = require "callisto.http"
local template = require "callisto.template"

local look_up

local function ask_number(call)
  local number = call:digits { "Please enter the six digits of your parcel.", min = 6, max = 6, tries = 3,
    reprompt = "Six digits, please." }
  if not number then call:finish("NO_INPUT", "Please call again. Goodbye.") end
  call.payload.number = number
  return look_up
end

function look_up(call)
  local parcel, status = call:hold("audio/hold.wav", http.fetch_json, {
    url = ("%s/parcels/%s"):format(call.settings.shop_url, call.payload.number), timeout = 5,
  })
  if status == 404 then
    call:say "There is no parcel with this number."
    return ask_number
  end
  if status ~= 200 then call:finish("CALL_BACK", "I cannot look it up now. Please call again later. Goodbye.") end
  call.payload.day = parcel.day
  call:finish("ANSWERED", "Your parcel comes on {day|date}. Goodbye.")
end

return template {
  name = "where-is-my-parcel",
  description = "Says when a parcel comes.",
  greeting = "Welcome to Blue Shop.",
  start = ask_number,
}
