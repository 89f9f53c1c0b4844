-- Waits with music until an agent is free; star keeps the place and has the caller called back.

local shared = require "callisto.shared"
local template = require "callisto.template"

local KEPT_S = 12 * 3600
local WAIT = "15m"

local function until_free(call)
  local is_free = false
  call:on("message", function(_, text) is_free = is_free or text == "free" end)
  while not is_free do call:sleep(0.5) end
end

local function until_star(call)
  local is_pressed = false
  call:on("digit", function(_, key) is_pressed = is_pressed or key == "*" end)
  while not is_pressed do call:sleep(0.2) end
end

local function wait(call)
  call.payload.place = shared.increment("queue." .. (call.payload.subject or "service"), 1, KEPT_S) or 1
  call:fact("queued", { subject = call.payload.subject, place = call.payload.place })
  call:say "You have number {place|number}. Please hold, or press star and we call you back."
  local what = call:hold({ call.settings.music, say = "Please hold. Press star to be called back.", every = "30s" }, function()
    return call:with_timeout(WAIT, function()
      return (call:race { free = function() until_free(call) end, star = function() until_star(call) end })
    end)
  end)
  if what == "free" then call:finish("CONNECTED", "Now it is your turn.") end
  call:finish("CALL_BACK", "We will call you back at this number. Goodbye.")
end

return template {
  name = "queue",
  description = "Waits with music, or is called back.",
  payload = { subject = "string?" },
  settings = { music = "audio/hold.wav" },
  longest = "20m",
  on_call = wait,
}
