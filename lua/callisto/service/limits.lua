-- callisto.service.limits: how much of a carrier may be used: calls at once, and calls a second.
--
-- Both come from the adapter's `limits` and may be set: <NAME>_MAX_CONCURRENT and <NAME>_CALLS_PER_SECOND, or
-- carriers.<name>.max_concurrent and .calls_per_second of callisto.lua. A line is held by a call, never counted.

local settings = require "callisto.settings"
local shared = require "callisto.shared"

local limits = {}

local CONCURRENT = 10
local MARGIN_S = 600 -- a holder that never releases is forgotten so long after its call's longest time

---The name under which a carrier's lines are held (callisto.shared).
---@param adapter callisto.Carrier
---@return string
function limits.lines(adapter) return "lines of " .. adapter.name end

---How many calls of a carrier may be up at once.
---@param adapter callisto.Carrier
---@return integer
function limits.concurrent(adapter)
  return settings.of_carrier(adapter.name, "max_concurrent") or adapter.limits.concurrent or CONCURRENT
end

---Takes a line for a call.
---@param adapter callisto.Carrier
---@param id string  of the call
---@param longest number  seconds
---@return true|nil held, string? message, string? code
function limits.hold(adapter, id, longest)
  local most = limits.concurrent(adapter)
  local held, count = shared.hold(limits.lines(adapter), id, most, longest + MARGIN_S)
  if held then return true end
  local why = "%s has %s of %d calls; raise %s_MAX_CONCURRENT if the account allows more"
  return nil, why:format(adapter.name, tostring(count), most, adapter.name:upper()), "EBUSY"
end

---@param adapter callisto.Carrier
---@param id string
function limits.release(adapter, id) shared.release(limits.lines(adapter), id) end

---@param adapter callisto.Carrier
---@return integer
function limits.in_use(adapter) return shared.holders(limits.lines(adapter)) end

---Reserves the next turn for a request that places a call.
---@param adapter callisto.Carrier
---@return number seconds to wait
function limits.turn(adapter)
  local per_second = settings.of_carrier(adapter.name, "calls_per_second") or adapter.limits.calls_per_second
  if not per_second then return 0 end
  return shared.pace("calls of " .. adapter.name, per_second, math.max(1, per_second)) or 0
end

return limits
