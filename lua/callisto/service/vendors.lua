-- callisto.service.vendors: the voice and the ear a template names, when they are a vendor's: opened for each call. What cannot
-- be used is logged, and the ones in the process take its place, so that nobody is met by silence.

local catalog = require "callisto.service.catalog"
local core = require "callisto.core"
local hearing = require "callisto.hearing"
local http = require "callisto.http"
local log = require "callisto.log"
local options = require "callisto.options"
local secrets = require "callisto.secrets"
local settings = require "callisto.settings"
local speakers = require "callisto.speakers"
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

-- `chosen`: the voice, if it is one, and the options the template gives it.
local function about_of(call, made, chosen)
  local voice = call.template.voice
  local languages, detects = hearing.languages(voice)
  local format = made.media[call.format] and call.format or made.media.default
  return {
    call = call.id, language = voice.language, languages = languages, detects = detects,
    voice = chosen.voice or (made.voices or {})[1], format = format, media = made.media[format],
    options = options.try("options", chosen.options, made.options) or {},
  }
end

-- What a vendor that wants a request first answers to it.
local function prepared(made, account, about)
  if not made.prepare then return nil end
  local ok, request = pcall(made.prepare, account, about)
  if not ok then return nil, "prepare: " .. tostring(request) end
  request.timeout = made.connect_timeout
  local answer, why = http.fetch(request)
  if not answer then return nil, why end
  if answer.status >= 300 then return nil, ("it answered %d: %s"):format(answer.status, answer.body:sub(1, 200)) end
  return answer
end

local function order_of(call, kind, made, chosen)
  local account, why = settings.account(made, kind)
  if not account then return nil, why end
  local about, hidden = about_of(call, made, chosen), values_of(account)
  local answer, socket, wire
  answer, why = prepared(made, account, about)
  if not why then socket, why = vendor.socket(made, account, about, answer) end
  if socket then wire, why = wire_of(made, account, about) end
  if not wire then return nil, secrets.without(why, hidden) end
  for _, each in ipairs(socket.secrets) do hidden[#hidden + 1] = each end
  local keepalive = socket.keepalive or {}
  return {
    kind = kind, name = made.name, voice = about.voice, wire = wire, url = socket.url, headers = socket.headers,
    opening = socket.opening, closing = socket.closing, keepalive = keepalive[1], keepalive_every = keepalive.every,
    connect_timeout = made.connect_timeout, patience = made.patience, secrets = hidden, deaf_after = made.deaf_after,
    catch_up = made.catch_up, faults = made.faults, form = socket.form,
  }
end

-- nil, when it cannot be used, which is logged.
local function usable(call, kind, made, chosen)
  local order, why = order_of(call, kind, made, chosen)
  if not order then log.error(("call %s: %s '%s' is not used: %s"):format(call.id, kind, made.name, why)) end
  return order
end

-- An order behind the others; the first of them has them all.
local function behind(first, order)
  if not order then return first end
  if not first then
    order.others = {}
    return order
  end
  table.insert(first.others, order)
  return first
end

-- Those of vendors until one that is not, in the order in which a template names them: the first of them with the others.
-- `field` of each is the name of its provider.
local function first_of(call, kind, list, field)
  local first
  for _, chosen in ipairs(list) do
    local made = catalog.provider(kind, chosen[field])
    if made.engine == "local" then break end
    first = behind(first, usable(call, kind, made, chosen))
  end
  return first
end

---What is to be opened for a call. May wait, for vendors that want a request first.
---@param call callisto.LiveCall
---@return {stt: callisto.VendorOrder|nil, tts: callisto.VendorOrder|nil}
function vendors.of(call)
  local voice = call.template.voice
  return { stt = first_of(call, "stt", hearing.ears(voice), "name"), tts = first_of(call, "tts", speakers.of(voice), "tts") }
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
  if orders.tts then return orders.tts.name, orders.tts.name == made.name and made.voices[1] or nil end
end

---Which of our own voices speaks for a template, or for what its vendor fails to say; nil: the first.
---@param template callisto.Template
---@return string|nil
function vendors.own_voice(template)
  return catalog.provider("tts", template.voice.tts).engine == "local" and template.voice.voice or nil
end

return vendors
