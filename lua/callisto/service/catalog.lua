-- callisto.service.catalog: the templates, carriers and routes of this generation of code, as a service VM finds them.

local carrier = require "callisto.provider.carrier"
local core = require "callisto.core"
local json = require "callisto.json"
local llm = require "callisto.provider.llm"
local log = require "callisto.log"
local options = require "callisto.options"
local providers = require "callisto.provider"
local stt = require "callisto.provider.stt"
local settings = require "callisto.settings"
local template = require "callisto.template"
local tts = require "callisto.provider.tts"

---@class callisto.Agent  who answers calls
---@field module string  of its template
---@field name string
---@field template callisto.Template

local catalog = {}

local by_name, by_carrier, wires = {}, {}, {}
local vendors = { stt = {}, tts = {}, llm = {} }
local makers = { stt = stt, tts = tts, llm = llm }
local routing = { numbers = {} }

-- Webhooks may write a name with "-" or "_".
local function plain(name) return (name:lower():gsub("-", "_")) end

local function add_template(data)
  local module = data.module
  data.module = nil
  local made = assert(template.of_data(data))
  local agent = { module = module, name = made.name, template = made }
  by_name[plain(made.name)] = agent
  return agent
end

-- What stands for a function of an adapter, which runs in a VM of its own.
local function function_at(module, at)
  return function(...)
    local results = core.adapter(module, at, { n = select("#", ...), ... })
    for i = 1, results.n do results[i] = providers.of_data(results[i]) end
    return unpack(results, 1, results.n)
  end
end

-- A provider as the service has it.
local function provider_of(maker, data)
  return assert(maker.of_data(data, function(at) return function_at(data.module, at) end))
end

---Why a carrier does not do what an agent's template wants of its calls; nil: it does.
---@param agent callisto.Agent
---@param adapter callisto.Carrier
---@return string|nil
function catalog.cannot_detect(agent, adapter)
  local place = adapter.requests.place
  if not agent.template.answering_machine or not place or place.detects_machines then return nil end
  return ("%s does not find out who answers; take answering_machine out of the template '%s', or call by another carrier")
    :format(adapter.name, agent.name)
end

-- Orders name a carrier, or mean the default one.
local function note_what_is_asked_in_vain(agents)
  local adapter = by_carrier[settings.default_carrier():lower()]
  for _, agent in ipairs(adapter and agents or {}) do
    local why = catalog.cannot_detect(agent, adapter)
    if why then log.warn(why) end
  end
end

---Takes what the judge found, when the VM starts. Files of the workspace are not loaded here: they would run beside the
---secrets and the calls of all.
function catalog.load()
  local known, agents = core.catalog(), {}
  for i, data in ipairs(known.templates) do agents[i] = add_template(data) end
  for _, agent in ipairs(agents) do
    local file = plain(agent.module:match "([^.]+)$")
    by_name[file] = by_name[file] or agent
  end
  for _, data in ipairs(known.carriers) do by_carrier[data.name] = provider_of(carrier, data) end
  for kind, by in pairs(vendors) do
    for name, data in pairs(known[kind]) do by[name] = provider_of(makers[kind], data) end
  end
  routing = known.routing
  note_what_is_asked_in_vain(agents)
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
  local name = routing.numbers[number] or routing.default
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
function catalog.provider(kind, name) return vendors[kind][name] end

---The language models' vendors, by name.
---@return table<string, callisto.Llm>
function catalog.llms() return vendors.llm end

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

-- As many ways to say a text as templates, languages and voices make.
local OWN_WIRES = 64
local own_wires, own_count = {}, 0

---The same of a format with texts of its own; what it lacks is a message.
---@param media callisto.Media
---@return userdata|nil wire, string? message
function catalog.own_wire(media)
  local key = json.encode(media)
  if own_wires[key] then return own_wires[key] end
  local ok, wire = pcall(core.wire, media)
  if not ok then return nil, tostring(wire) end
  if own_count == OWN_WIRES then own_wires, own_count = {}, 0 end
  own_wires[key], own_count = wire, own_count + 1
  return wire
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
