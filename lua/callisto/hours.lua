-- callisto.hours: when an agent may call or be called. Hours are data; deciding is a pure function.
--
--   { zone = "Asia/Kolkata", ["mon-sat"] = "10:00-19:00", sun = { "10:00-12:00", "14:00-16:00" }, closed = { "2026-01-26" } }
--
-- Both ends are inclusive to the minute; a window whose end is before its start passes midnight. Days without a window
-- are closed. A zone keeps its summer time: hours are those of the clock on its walls.

local later = require "callisto.util.later"
local zone = require "callisto.zone"

local dates = later "callisto.dates" ---@module "callisto.dates"

local hours = {}

local days = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" }
local day_number = {}
for i, name in ipairs(days) do day_number[name] = i end

local function minutes_of(clock)
  local hour, minute = clock:match("^(%d?%d):(%d%d)$")
  hour, minute = tonumber(hour), tonumber(minute)
  if not hour or minute > 59 or hour * 60 + minute > 24 * 60 then return nil end
  return hour * 60 + minute
end

local function window_of(value)
  local from, to = tostring(value):match("^%s*(%S-)%s*%-%s*(%S-)%s*$")
  from, to = from and minutes_of(from), to and minutes_of(to)
  if not from or not to then return nil, ("'%s' is not a window such as \"10:00-19:00\""):format(tostring(value)) end
  return { from = from, to = to }
end

local function days_of(key)
  local first, last = key:match("^(%a%a%a)%-?(%a*)$")
  if key == "daily" then first, last = "sun", "sat" end
  if not first then return nil end
  if last == "" then last = first end
  local from, to = day_number[first:lower()], day_number[last:lower()]
  if not from or not to then return nil end
  local list = {}
  repeat
    list[#list + 1] = from
    if from == to then break end
    from = from % 7 + 1
  until false
  return list
end

local function read_closed(value)
  local set = {}
  if type(value) ~= "table" then return nil, "'closed' must be a list of dates" end
  for _, date in ipairs(value) do
    if type(date) ~= "string" or not date:match("^%d%d%d%d%-%d%d%-%d%d$") then
      return nil, ("'%s' is not a date such as \"2026-01-26\""):format(tostring(date))
    end
    set[date] = true
  end
  return set
end

local function read_day(schedule, key, value)
  local list = type(key) == "string" and days_of(key)
  if not list then
    return nil, ("hours: unknown field '%s'; days are mon … sun, such as \"mon-fri\", or \"daily\""):format(tostring(key))
  end
  for _, each in ipairs(type(value) == "table" and value or { value }) do
    local window, why = window_of(each)
    if not window then return nil, "hours: " .. why end
    for _, day in ipairs(list) do table.insert(schedule.days[day], window) end
  end
  return true
end

---@class callisto.Hours
---@field zone string
---@field days table<integer, {from: integer, to: integer}[]>  1 for Sunday; minutes of the day
---@field closed table<string, true>

---Reads hours as a template states them.
---@param data table
---@return callisto.Hours|nil, string? message
function hours.check(data)
  if type(data) ~= "table" then return nil, "hours must be a table" end
  local schedule = { zone = data.zone or "UTC", days = {}, closed = {} }
  for i = 1, 7 do schedule.days[i] = {} end
  if type(schedule.zone) ~= "string" then
    return nil, "hours: 'zone' must be the name of a time zone, such as \"Asia/Kolkata\""
  end
  local known, problem = zone.offset(schedule.zone, 0)
  if not known then return nil, "hours: 'zone': " .. problem end
  for key, value in pairs(data) do
    local ok, why = true, nil
    if key == "closed" then
      schedule.closed, why = read_closed(value)
      ok = schedule.closed
    elseif key ~= "zone" then
      ok, why = read_day(schedule, key, value)
    end
    if not ok then return nil, why end
  end
  return schedule
end

local function is_within(schedule, day_count, minute)
  local date = dates.text(day_count)
  if schedule.closed[date] then return false, false end
  local now, past_midnight = false, false
  for _, window in ipairs(schedule.days[(day_count + 4) % 7 + 1]) do -- 1970-01-01 was a Thursday
    if window.from <= window.to then
      now = now or (minute >= window.from and minute <= window.to)
    else
      now = now or minute >= window.from
      past_midnight = past_midnight or minute <= window.to
    end
  end
  return now, past_midnight
end

---Whether these hours are open at a moment.
---@param schedule callisto.Hours
---@param at number  seconds since 1970, UTC
---@return boolean|nil is_open, string? message  nil when the zone's file is not there any more
function hours.is_open(schedule, at)
  local offset, why = zone.offset(schedule.zone, at)
  if not offset then return nil, why end
  local minutes = math.floor((at + offset) / 60)
  local day_count, minute = math.floor(minutes / 1440), minutes % 1440
  if is_within(schedule, day_count, minute) then return true end
  local _, from_yesterday = is_within(schedule, day_count - 1, minute)
  return from_yesterday
end

return hours
