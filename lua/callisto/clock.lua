-- callisto.clock: what time it is. The engine's one clock, which specs move.

local core = require "callisto.core"
local dates = require "callisto.dates"
local hours = require "callisto.hours"

local clock = {}

---Seconds since 1970, UTC, with milliseconds.
---@return number
function clock.wall() return core.wall() end

---Seconds on a clock that only goes forward, for measuring.
---@return number
function clock.now() return core.now() end

local function minutes_in(zone)
  local offset = hours.offset(zone or "UTC")
  if not offset then return nil, ("the difference of %s from UTC changes in the year or is not known"):format(tostring(zone)) end
  return math.floor(core.wall() / 60) + offset
end

---@param zone string|nil  such as "Asia/Kolkata"; UTC without one
---@return string|nil date  "2026-03-03"
---@return string? message
function clock.today(zone)
  local minutes, why = minutes_in(zone)
  if not minutes then return nil, why end
  return dates.text(math.floor(minutes / 1440))
end

---@param zone string|nil
---@return string|nil time  "15:05"
---@return string? message
function clock.time(zone)
  local minutes, why = minutes_in(zone)
  if not minutes then return nil, why end
  return ("%02d:%02d"):format(math.floor(minutes / 60) % 24, minutes % 60)
end

---Whether hours, as a template states them, are open now.
---@param schedule table
---@return boolean|nil is_open, string? message
function clock.is_open(schedule)
  local checked, why = hours.check(schedule)
  if not checked then return nil, why end
  return hours.is_open(checked, core.wall())
end

return clock
