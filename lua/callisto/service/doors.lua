-- callisto.service.doors: what comes in on which path: calls that begin, and news of calls. The engine lets news go first, has
-- what begins a call stand back, and when there is no time for one more turns it away by itself, before a script is troubled
-- (core/engine/arrivals.h). Here stands who waits how long, and in what words he is turned away; core.doors takes it.

local http = require "callisto.http"

local doors = {}

-- The parameter of our URLs that names a call. The engine leads a request to the thread of its call by it.
doors.CALL = "call"

local PATIENCE_S = 10 -- of a carrier that does not say how long it waits
local BODY_BYTES = 1024

local function add(list, kind, paths, door)
  for _, path in ipairs(type(paths) == "table" and paths or { paths }) do
    local each = { kind = kind, path = path, call = doors.CALL }
    for name, value in pairs(door) do each[name] = value end
    list[#list + 1] = each
  end
end

-- 503: the carrier asks its fallback URL, or comes again.
local function unavailable(patience, why, more)
  local problem = http.problem(503, why)
  local door = { patience = patience, status = 503, type = problem.headers["content-type"], body = problem.body }
  for name, value in pairs(more or {}) do door[name] = value end
  return door
end

local function no_time(patience, more)
  return unavailable(patience, "there is no time for another call at the moment: try again", more)
end

-- The carrier's busy document, where it has one that is short.
local function busy(webhook, patience)
  local is_written, body, kind = pcall(function() return webhook.answer(webhook.refuse "busy") end)
  if not is_written or #body > BODY_BYTES then return no_time(patience, { news = webhook.ends }) end
  return { patience = patience, status = 200, type = kind, body = body, news = webhook.ends }
end

---The doors of a carrier, for core.doors. A caller is turned away with its busy document; at the path where our own calls ask,
---too, by 503, because nothing is read of a request that is turned away. News has to arrive: it is refused only to be repeated.
---@param adapter callisto.Carrier
---@return table[]
function doors.of_carrier(adapter)
  local list, routes, webhook = {}, adapter.routes, adapter.webhook
  local patience = adapter.limits.webhook_seconds or PATIENCE_S
  local again = unavailable(patience, "this node is overloaded: tell it again")
  for _, kind in ipairs { "status", "details", "transfer" } do add(list, "tells", routes[kind] or {}, again) end
  if not webhook.read then return list end
  add(list, "begins", routes.inbound or {}, busy(webhook, patience))
  add(list, "begins", routes.answer or {}, no_time(patience, { news = webhook.ends }))
  add(list, "begins", routes.fallback or {}, busy(webhook, patience))
  return list
end

---The door of an order, for core.doors.
---@param method string
---@param path string
---@return table[]
function doors.of_order(method, path)
  local list = {}
  add(list, "begins", path, no_time(PATIENCE_S, { method = method }))
  return list
end

return doors
