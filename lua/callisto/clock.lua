-- callisto.clock: what time it is. The engine's one clock, which specs move.

local core = require "callisto.core"
local later = require "callisto.util.later"
local zone = require "callisto.zone"

local dates = later "callisto.dates" ---@module "callisto.dates"
local hours = later "callisto.hours" ---@module "callisto.hours"

local clock = {}

---Seconds since 1970, UTC, with milliseconds.
---@return number
function clock.wall() return core.wall() end

---Seconds on a clock that only goes forward, for measuring.
---@return number
function clock.now() return core.now() end

---@param where string|nil  a time zone, such as "Asia/Kolkata"; UTC without one
---@return string|nil date  "2026-03-03"
---@return string? message
function clock.today(where) return dates.of(core.wall(), where) end

---@param where string|nil  a time zone
---@return string|nil time  "15:05"
---@return string? message
function clock.time(where)
  local fields, why = zone.fields(where or "UTC", core.wall())
  if not fields then return nil, why end
  return ("%02d:%02d"):format(fields.hour, fields.minute)
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
