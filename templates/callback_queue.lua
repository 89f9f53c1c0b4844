-- Everybody is busy: the caller waits with music, or keeps the place in the queue and is called back.
--
-- Who is next is decided elsewhere, by whatever calls people back; this template only counts places, in the store that all
-- calls share, and waits for the message "free" from the service.

local shared = require "callisto.shared"
local template = require "callisto.template"

local QUEUE = "callback_queue."
local KEPT_S = 12 * 3600

local function take_place()
  local place = shared.increment(QUEUE .. "last", 1, KEPT_S)
  local served = tonumber(shared.get(QUEUE .. "served") or "0")
  return math.max(1, (place or 1) - served), place
end

local function keep_place(call)
  call:fact("callback.queued", { number = call.from, place = call.payload.place })
  call:finish("CALL_BACK", "We keep your place and call you at this number. Goodbye.")
end

-- Waits with music until somebody is free, or the caller presses star.
local function wait_with_music(call)
  local happened
  call:on("message", function(_, text) if text == "free" then happened = "free" end end)
  call:on("digit", function(_, key) if key == "*" then happened = "star" end end)
  return call:hold({ call.settings.music, say = "Press star to be called back instead.", every = "30s" }, function()
    for _ = 1, 20 * 60 do
      if happened then return happened end
      call:sleep(0.5)
    end
  end)
end

local function answer(call)
  local ahead, place = take_place()
  call.payload.ahead, call.payload.place = ahead - 1, place
  local wish = call:ask {
    ahead > 1 and "All of us are talking. {ahead|number} are before you." or "All of us are talking. You are the next.",
    reprompt = "To be called back press one. To wait press two.",
    choices = { back = "call me back, call back", wait = "i will wait, wait" },
    digits = { ["1"] = "back", ["2"] = "wait" },
    tries = 2, timeout = "3s",
  }
  if wish == "back" then return keep_place end
  local happened = wait_with_music(call)
  if happened == "free" then call:finish("CONNECTED", "Now it is your turn.") end
  return keep_place
end

return template {
  name = "callback-queue",
  description = "Waits with music, or keeps the caller's place and calls back.",
  greeting = "Welcome to Blue Shop.",
  settings = { music = "audio/hold.wav" },
  longest = "30m",
  on_call = answer,
}
