-- callisto.service.announce: a sentence for a caller who gets no agent, at a carrier that has no voice of its own
-- (Exotel): the media socket is opened for that sentence alone. Nothing is written of it but the refusal itself.

local core = require "callisto.core"
local catalog = require "callisto.service.catalog"
local settings = require "callisto.settings"
local task = require "callisto.task"
local vendors = require "callisto.service.vendors"

local announce = {}

local SOCKET_S, LONGEST_S = 60, 60 -- until the socket comes, and from then on

local live = {}

local function close(id)
  if not live[id] then return end
  live[id] = nil
  core.call_close(id, 1000)
end

---Opens the line for a sentence.
---@param adapter callisto.Carrier
---@param account table
---@param agent {name: string, template: callisto.Template}
---@param about callisto.InboundCall
---@param text string
---@return table|nil verb  for the carrier's document
---@return string? message, string? code
function announce.open(adapter, account, agent, about, text)
  local base, why = settings.socket_url()
  if not base then return nil, why, "EINVAL" end
  local format = account.audio or adapter.media.default
  local path = adapter.routes.media:gsub("{agent}", agent.name) .. "/" .. core.id("")
  local voice = vendors.own_voice(agent.template)
  local id = core.id("n")
  local ok, message, code = core.call_open {
    id = id, entry = "callisto.flow.announcement", begin = { text = text, voice = voice },
    wire = catalog.wire(adapter, format), role = "agent", path = path, carrier_call = about.carrier_call,
    token_ttl = SOCKET_S, longest = LONGEST_S, fallback = { text = text, voice = voice },
  }
  if not ok then return nil, message, code end
  live[id] = true
  task.start(function()
    task.sleep(SOCKET_S + LONGEST_S)
    close(id)
  end)
  core.voice_prepare(text, voice)
  return { "stream", url = base .. path, format = format }
end

---The leg of such a line has started or ended.
---@param id string
---@param what "started"|"ended"
---@return boolean|nil is_ours
function announce.leg(id, what)
  if not live[id] then return nil end
  if what == "ended" then close(id) end
  return true
end

return announce
