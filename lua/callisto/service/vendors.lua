-- callisto.service.vendors: the voice and the ear a template names, when they are a vendor's: opened for each call. What cannot
-- be used is logged, and the ones in the process take its place, so that nobody is met by silence.

local catalog = require "callisto.service.catalog"
local core = require "callisto.core"
local log = require "callisto.log"
local options = require "callisto.options"
local secrets = require "callisto.secrets"
local settings = require "callisto.settings"
local vendor = require "callisto.provider.vendor"

local vendors = {}

---@class callisto.VendorOrder  for core.vendor_open
---@field kind "stt"|"tts"
---@field name string

local function values_of(account)
  local list = {}
  for _, value in pairs(account) do list[#list + 1] = tostring(value) end
  return list
end

local function wire_of(made, account, about)
  if not made.say then return catalog.wire(made, about.format) end
  local media, why = vendor.media(made, account, about)
  if not media then return nil, why end
  return catalog.own_wire(media)
end

local function order_of(call, kind, made)
  local account, why = settings.account(made, kind)
  if not account then return nil, why end
  local voice = call.template.voice
  local format = made.media[call.format] and call.format or made.media.default
  local hidden = values_of(account)
  local about = {
    call = call.id, language = voice.language, voice = voice.voice or (made.voices or {})[1],
    format = format, media = made.media[format],
    options = options.try("options", voice[kind .. "_options"], made.options) or {},
  }
  local socket, wire
  socket, why = vendor.socket(made, account, about)
  if socket then wire, why = wire_of(made, account, about) end
  if not wire then return nil, secrets.without(why, hidden) end
  local keepalive = socket.keepalive or {}
  return {
    kind = kind, name = made.name, wire = wire, url = socket.url, headers = socket.headers,
    opening = socket.opening, closing = socket.closing, keepalive = keepalive[1], keepalive_every = keepalive.every,
    connect_timeout = made.connect_timeout, patience = made.patience, secrets = hidden, deaf_after = made.deaf_after,
    catch_up = made.catch_up, faults = made.faults,
  }
end

---What is to be opened for a call.
---@param call callisto.LiveCall
---@return {stt: callisto.VendorOrder|nil, tts: callisto.VendorOrder|nil}
function vendors.of(call)
  local orders = {}
  for _, kind in ipairs { "tts", "stt" } do
    local made = catalog.provider(kind, call.template.voice[kind])
    if made.engine == "socket" then
      local order, why = order_of(call, kind, made)
      if not order then log.error(("call %s: %s '%s' is not used: %s"):format(call.id, kind, made.name, why)) end
      orders[kind] = order
    end
  end
  return orders
end

---Opens them, for a call the engine has.
---@param call callisto.LiveCall
---@param orders {stt: callisto.VendorOrder|nil, tts: callisto.VendorOrder|nil}
function vendors.open(call, orders)
  for _, order in pairs(orders) do
    local ok, why = core.vendor_open(call.id, order)
    if not ok then log.error(("call %s: %s '%s' is not used: %s"):format(call.id, order.kind, order.name, why)) end
  end
end

---The speaker whose voices a flow may choose from, and the one that speaks when it chooses none (nil: its first).
---@param call callisto.LiveCall
---@param orders {tts: callisto.VendorOrder|nil}
---@return string|nil tts, string|nil voice
function vendors.speaker(call, orders)
  local made = catalog.provider("tts", call.template.voice.tts)
  if made.engine == "local" then return made.name end
  if orders.tts then return made.name, made.voices[1] end
end

---Which of our own voices speaks for a template, or for what its vendor fails to say; nil: the first.
---@param template callisto.Template
---@return string|nil
function vendors.own_voice(template)
  return catalog.provider("tts", template.voice.tts).engine == "local" and template.voice.voice or nil
end

return vendors
