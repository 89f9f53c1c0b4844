-- callisto.service.catalog: the templates, carriers and routes of this generation of code, as a service VM finds them.

local core = require "callisto.core"
local json = require "callisto.json"
local judge = require "callisto.judge"
local log = require "callisto.log"
local options = require "callisto.options"

---@class callisto.Agent  who answers calls
---@field module string  of its template
---@field name string
---@field template callisto.Template

local catalog = {}

local by_name, by_carrier, wires = {}, {}, {}
local routing = {}
local judged = judge.new()

-- A file may never end while it is loaded: the start of the VM is stopped in it, and begins anew. What was loaded is there
-- then, so the second time the file had all the time to itself, and the third try does without it.
local loading ---@type string|nil
local stops, told = {}, {}

local function complain(module, text)
  if not told[module.name] then log.error(("%s %s"):format(module.path or module.name, text)) end
  told[module.name] = true
end

-- Webhooks may write a name with "-" or "_".
local function plain(name) return (name:lower():gsub("-", "_")) end

-- What a module returns; nil when it is not what it must be, and the log says why.
local function load(module)
  local ok, value = pcall(require, module.name)
  local problem = ok and judged:module(module.name, module.path or module.name, value) or not ok and tostring(value)
  if not problem then return value end
  complain(module, "cannot be used: " .. problem)
end

local function load_template(module)
  local value = load(module)
  if not value then return end
  local agent = { module = module.name, name = value.name, template = value }
  local file = module.name:match("([^.]+)$")
  by_name[plain(value.name)] = agent
  by_name[plain(file)] = by_name[plain(file)] or agent
end

local function load_carrier(module)
  local value = load(module)
  if value then by_carrier[value.name] = value end
end

local function load_routing(module)
  if module.name ~= "routing" then return end
  local ok, value = pcall(require, "routing")
  if ok and type(value) == "table" then
    routing = value
  else
    complain(module, "cannot be used: " .. (ok and "it returns no table" or tostring(value)))
  end
end

local function each_module(prefix, fn)
  local list = core.modules(prefix)
  table.sort(list, function(a, b) return a.name < b.name end)
  for _, module in ipairs(list) do
    if module.error or stops[module.name] == 2 then
      complain(module, "cannot be used: " .. (module.error or "it does not end while it is loaded"))
    else
      loading = module.name
      fn(module)
      loading = nil
    end
  end
end

---Loads everything, when the VM starts; again when the start was stopped in it.
function catalog.load()
  if loading then stops[loading] = (stops[loading] or 0) + 1 end
  each_module("providers.stt.", load)
  each_module("providers.tts.", load)
  each_module("providers.carriers.", load_carrier)
  each_module("templates.", load_template)
  each_module("routing", load_routing)
end

---@param name string
---@return callisto.Agent|nil
function catalog.find(name) return by_name[plain(name)] end

---A sentence about a name that no agent has.
---@param name string
---@return string
function catalog.unknown(name)
  local near = options.nearest(plain(name), by_name)
  return ("there is no agent '%s'%s"):format(name, near and ("; did you mean '%s'?"):format(by_name[near].name) or "")
end

---The agent that answers this number.
---@param number string
---@return callisto.Agent|nil
function catalog.of_number(number)
  local name = (routing.numbers or {})[number] or routing.default
  return name and catalog.find(name)
end

---What becomes of a call to a number that leads to nobody; neither: it is rejected.
---@return {redirect: string|nil, say: string|nil}
function catalog.unknown_number() return routing.unknown or {} end

---@return callisto.Carrier|nil
function catalog.carrier(name) return by_carrier[name] end

---@return callisto.Carrier[]  by name
function catalog.carriers()
  local list = {}
  for _, adapter in pairs(by_carrier) do list[#list + 1] = adapter end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

---The voice or ear a template names, which is there.
---@param kind "stt"|"tts"
---@param name string
---@return callisto.Stt|callisto.Tts
function catalog.provider(kind, name) return judged[kind][name] end

---The compiled media declaration of a provider.
---@param provider {media: callisto.Formats}
---@param format string  one of its media
---@return userdata
function catalog.wire(provider, format)
  local own = wires[provider] or {}
  wires[provider] = own
  own[format] = own[format] or core.wire(provider.media[format])
  return own[format]
end

---@return table[]  name, description, payload of every template
function catalog.list()
  local list, seen = {}, {}
  for _, agent in pairs(by_name) do
    if not seen[agent] then
      seen[agent] = true
      list[#list + 1] = { name = agent.name, description = agent.template.description, payload = agent.template.payload }
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return json.array(list)
end

---@return boolean
function catalog.any() return next(by_name) ~= nil end

return catalog
