-- callisto.agents: the templates, carriers and routes of this generation of code, as a service VM finds them.

local carrier = require "callisto.carrier"
local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"
local template = require "callisto.template"

local agents = {}

local by_name, by_carrier, wires = {}, {}, {}
local routing = {}

-- Webhooks may write a name with "-" or "_".
local function plain(name) return (name:lower():gsub("-", "_")) end

local function load_template(module)
  local ok, value = pcall(require, module.name)
  if not ok or not template.is(value) then
    log.error(("%s is not a template: %s"):format(module.path or module.name, ok and "it returns something else" or value))
    return
  end
  local agent = { module = module.name, name = value.name, template = value }
  local file = module.name:match("([^.]+)$")
  by_name[plain(value.name)] = agent
  by_name[plain(file)] = by_name[plain(file)] or agent
end

local function load_carrier(module)
  local ok, value = pcall(require, module.name)
  if not ok or not carrier.is(value) then
    local why = ok and "it returns something else" or value
    log.error(("%s is not an adapter: %s"):format(module.path or module.name, why))
    return
  end
  by_carrier[value.name] = value
end

local function each_module(prefix, fn)
  local list = core.modules(prefix)
  table.sort(list, function(a, b) return a.name < b.name end)
  for _, module in ipairs(list) do
    if module.error then
      log.error(("%s cannot be used: %s"):format(module.path, module.error))
    else
      fn(module)
    end
  end
end

---Loads everything. Called once, when the VM starts.
function agents.load()
  each_module("templates.", load_template)
  each_module("providers.carriers.", load_carrier)
  for _, module in ipairs(core.modules("routing")) do
    if module.name == "routing" and not module.error then
      local ok, value = pcall(require, "routing")
      if ok and type(value) == "table" then routing = value else log.error("routing.lua cannot be used: " .. tostring(value)) end
    end
  end
end

---@param name string
---@return {module: string, name: string, template: callisto.Template}|nil
function agents.find(name) return by_name[plain(name)] end

---The agent that answers this number.
---@param number string
function agents.of_number(number)
  local name = (routing.numbers or {})[number] or routing.default
  return name and agents.find(name)
end

---@return callisto.Carrier|nil
function agents.carrier(name) return by_carrier[name] end

---@return callisto.Carrier[]  by name
function agents.carriers()
  local list = {}
  for _, adapter in pairs(by_carrier) do list[#list + 1] = adapter end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

---The compiled media declaration of a carrier.
---@param adapter callisto.Carrier
---@param format string  one of adapter.formats
function agents.wire(adapter, format)
  local name = adapter.name .. " " .. format
  if not wires[name] then wires[name] = core.wire(adapter.formats[format]) end
  return wires[name]
end

---@return table[]  name, description, payload of every template
function agents.list()
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
function agents.any() return next(by_name) ~= nil end

return agents
