-- callisto.duration: "30s", "5m", "1h30m", "250ms", "2d", or a number of seconds.

local duration = {}

local units = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400 }

---@param value string|number
---@return number|nil seconds, string? message
function duration.parse(value)
  if type(value) == "number" then
    if value ~= value or value < 0 or value == math.huge then return nil, "must be a duration of 0 seconds or more" end
    return value
  end
  if type(value) ~= "string" then return nil, ("must be a duration such as \"30s\", not a %s"):format(type(value)) end
  local seconds, place, found = 0, 1, false
  while place <= #value do
    local amount, unit, after = value:match("^(%d+%.?%d*)(%a+)()", place)
    if not amount or not units[unit] then found = false break end
    seconds, place, found = seconds + tonumber(amount) * units[unit], after, true
  end
  if not found then
    return nil, ("must be a duration such as \"30s\", \"5m\" or \"1h30m\", not \"%s\""):format(value:sub(1, 40))
  end
  return seconds
end

---Seconds of a duration; what is none is an error at the caller's line.
---@param value string|number
---@param what string|nil  named in the message
---@return number seconds
function duration.seconds(value, what)
  local seconds, why = duration.parse(value)
  if not seconds then error(("%s %s"):format(what or "the value", why), 3) end
  return seconds
end

---The shortest way to write a number of seconds, such as "1h30m".
---@param seconds number
---@return string
function duration.text(seconds)
  local ms = math.floor(seconds * 1000 + 0.5)
  local parts = {}
  for _, unit in ipairs { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } } do
    local amount = math.floor(ms / unit[2])
    if amount > 0 then parts[#parts + 1] = ("%d%s"):format(amount, unit[1]) end
    ms = ms - amount * unit[2]
  end
  return #parts > 0 and table.concat(parts) or "0s"
end

return duration
