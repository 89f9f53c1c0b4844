-- callisto.exchange.moments: filters of lists by time: "2026-03-03" is a whole day, "2026-03-03T10:15:00Z" a second.

local moments = {}

local DAY_S = 86400

-- Days since 1970 of a date of the Gregorian calendar.
local function days_of(year, month, day)
  local y = month <= 2 and year - 1 or year
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  return 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) + of_year - 719468
end

---When a text begins and ends, in seconds since 1970; nil when it is no time.
---@param text string
---@return number|nil from, number|nil until_when
function moments.read(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$"
  if not year then return nil end
  local at = days_of(tonumber(year), tonumber(month), tonumber(day)) * DAY_S
  if rest == "" then return at, at + DAY_S end
  local hour, minute, second = rest:match "^[T ](%d%d):(%d%d):?(%d*)%.?%d*Z?$"
  if not hour then return nil end
  at = at + hour * 3600 + minute * 60 + (tonumber(second) or 0)
  return at, at + 1
end

---Whether a moment fits a filter.
---@param at number|nil  seconds since 1970; nil: it has not been yet
---@param relation "<"|"<="|"="|">="|">"
---@param text string
---@return boolean
function moments.fits(at, relation, text)
  local from, until_when = moments.read(text)
  if not at or not from then return false end
  if relation == "<" then return at < from end
  if relation == "<=" then return at < until_when end
  if relation == ">" then return at >= until_when end
  if relation == ">=" then return at >= from end
  return at >= from and at < until_when
end

return moments
