-- The time of day of the specs' own VM, for code that compares it with what a message says.

local core = require "callisto.core"

local clock = {}

local real = core.wall

---From now on it is this time.
---@param seconds number  since 1970
function clock.shows(seconds) core.wall = function() return seconds end end

---The real time again: in `after_each` of those that have changed it.
function clock.runs() core.wall = real end

return clock
