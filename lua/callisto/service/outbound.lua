-- callisto.service.outbound: calls that we place: by which carrier, from which number, and what became of the order.

local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local settings = require "callisto.settings"

local outbound = {}

-- How long the one who orders waits for the carrier's answer.
local DIAL_S = 8

---@class callisto.Order
---@field agent callisto.Agent
---@field to string  E.164
---@field from string|nil  E.164 [the number of the carrier's account]
---@field carrier string|nil  [the default carrier]
---@field payload table
---@field settings table<string, any>|nil  of this call alone
---@field lead string|nil

local function carrier_of(order)
  local name = (order.carrier or settings.default_carrier()):lower()
  local adapter = catalog.carrier(name)
  if not adapter then return nil, ("there is no carrier '%s'"):format(name), "EINVAL" end
  if not adapter.requests.place then return nil, adapter.name .. " places no calls", "EINVAL" end
  local account, why = settings.account(adapter)
  if not account then return nil, why, "ENOENT" end
  local needs = adapter.requests.place.needs
  why = needs and needs(account)
  if why then return nil, why, "ENOENT" end
  why = catalog.cannot_detect(order.agent, adapter)
  if why then return nil, why, "EINVAL" end
  return adapter, account
end

local function is_settled(call) return call.dialled or call.is_finished or call.is_refused end

---Places a call, and waits, not for ever, until the carrier has said whether it will ring.
---@param order callisto.Order
---@return callisto.LiveCall|nil call  its `dialled`, `refusal`, `is_refused` and `is_given_up` tell what became of it
---@return string? message
---@return string? code  EINVAL: no such carrier; ENOENT: a setting is missing; else there is no room now
function outbound.place(order)
  local base, why = settings.public_url()
  if not base then return nil, why, "ENOENT" end
  local adapter, account, code = carrier_of(order)
  if not adapter then return nil, account, code end
  local from = order.from or account.number
  if not from then
    why = "%s is not set and 'from' is missing: there is no number to call from"
    return nil, why:format(adapter.account.number or "the carrier's number"), "ENOENT"
  end
  local call, message
  call, message, code = calls.open {
    direction = "OUTBOUND", adapter = adapter, account = account, agent = order.agent, from = from, to = order.to,
    payload = order.payload, settings = order.settings, ring = order.agent.template.ring, lead = order.lead,
  }
  if not call then return nil, message, code or "EIO" end
  call:until_(DIAL_S, is_settled)
  call.is_given_up = not call.is_written
  return call
end

return outbound
