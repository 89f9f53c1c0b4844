-- callisto.flow.announcement: entry of a call's VM that says one sentence on the media socket and gives the line back.

local core = require "callisto.core"

local on = {}

function on.begin(about) core.say(1, 1, about.text, { voice = about.voice }) end

function on.utterance(_, _, state)
  if state == "ended" then core.party_close(1, true, 1000) end
end

core.handler(function(kind, ...)
  if on[kind] then on[kind](...) end
end)

return {}
