-- A simulated engine for specs: the contract of `callisto.core` over one movable clock, without sockets or sound.
--
-- A *world* has a clock that starts at 1,000 s and VMs made by `world:vm(kind)`. Every VM has its own copy of our Lua
-- modules, as in the engine. What takes time in the engine is an entry of the world's agenda; `world:advance(seconds)`
-- works through it in order of time. Errors of a VM's handler are kept in `vm.broken` unless the spec wants them raised.

local modules = require "spec.support.modules"

local fake = {}

-- Where a plain interpreter finds what our own binary has in its generation of code.
local SEARCH_PATH = "./lua/?.lua;./?.lua"

-- The text of a module as a function that can be run anew for every VM; nil for what is not written for VMs.
local function chunk_of(name)
  if not (name:find("^callisto%.") or name:find("^templates%.") or name:find("^menus%.") or name:find("^providers%.")
    or name == "routing") then return nil end
  local path = package.searchpath(name, SEARCH_PATH)
  if path then return assert(loadfile(path)) end
  for _, search in ipairs(package.loaders) do
    local chunk = search(name)
    if type(chunk) == "function" then return chunk end
  end
end

local World = {}
World.__index = World

---@return table world
function fake.world()
  local world = setmetatable({
    now = 1000,
    wall = 1772532900, -- 2026-03-03 10:15:00 UTC
    agenda = {},
    order = 0,
    ids = 0,
    requests = 0,
    vms = {},
  }, World)
  world.modules = modules.of(world)
  return world
end

---Puts a function into the agenda.
---@param seconds_from_now number
---@param fn function
---@return table entry  set `dropped` to take it back
function World:at(seconds_from_now, fn)
  self.order = self.order + 1
  local entry = { at = self.now + seconds_from_now, order = self.order, fn = fn }
  table.insert(self.agenda, entry)
  return entry
end

local function take_earliest(agenda, limit)
  local best
  for i, entry in ipairs(agenda) do
    local other = best and agenda[best]
    if not other or entry.at < other.at or (entry.at == other.at and entry.order < other.order) then best = i end
  end
  if best and agenda[best].at <= limit then return table.remove(agenda, best) end
end

---Moves the clock, doing everything that falls due, in order.
---@param seconds number
function World:advance(seconds)
  local limit = self.now + seconds
  local count = 0
  while true do
    local entry = take_earliest(self.agenda, limit)
    if not entry then break end
    count = count + 1
    assert(count < 100000, "the agenda never empties: something wakes itself for ever")
    if entry.at > self.now then
      self.wall = self.wall + (entry.at - self.now)
      self.now = entry.at
    end
    if not entry.dropped then entry.fn() end
  end
  self.wall = self.wall + (limit - self.now)
  self.now = limit
end

---Works through everything that is due now.
function World:settle() self:advance(0) end

-- VMs --------------------------------------------------------------------------------------------------------------

local Vm = {}
Vm.__index = Vm

local function loader(vm)
  local loaded = setmetatable({ ["callisto.core"] = vm.core }, { __index = vm.world.modules })
  local environment = setmetatable({}, { __index = _G })
  environment._G = environment
  function environment.require(name)
    local value = loaded[name]
    if value ~= nil then return value end
    if vm.sources[name] then
      local chunk = assert(loadstring(vm.sources[name], "@" .. name))
      value = setfenv(chunk, environment)(name)
    else
      local chunk = chunk_of(name)
      if not chunk then return require(name) end
      value = setfenv(chunk, environment)(name)
    end
    if value == nil then value = true end
    loaded[name] = value
    return value
  end
  vm.loaded = loaded
  return environment.require
end

---An event for this VM's handler, now.
---@param kind string
function Vm:event(kind, ...)
  if not self.handler or self.broken then return end
  local arguments = { n = select("#", ...), ... }
  local ok, message = xpcall(function() self.handler(kind, unpack(arguments, 1, arguments.n)) end, function(text)
    return type(text) == "string" and not text:find("stack traceback:", 1, true) and debug.traceback(text, 2) or text
  end)
  if not ok then
    if not self.on_broken then error(message, 0) end
    self.broken = message
    self.on_broken(message)
  end
end

---An event that comes later.
---@param seconds number
---@param kind string
function Vm:event_after(seconds, kind, ...)
  local arguments = { n = select("#", ...), ... }
  return self.world:at(seconds, function() self:event(kind, unpack(arguments, 1, arguments.n)) end)
end

local function base_core(vm)
  local world, core = vm.world, { kind = vm.kind }
  function core.now() return world.now end
  function core.wall() return world.wall end
  function core.wake_at(at)
    if vm.wake then vm.wake.dropped = true end
    vm.wake = at and world:at(math.max(0, at - world.now), function()
      vm.wake = nil
      vm:event("wake")
    end)
  end
  function core.handler(fn)
    assert(not vm.handler, "core.handler is set once")
    vm.handler = fn
  end
  function core.id(prefix)
    world.ids = world.ids + 1
    local text, n = "", world.ids
    for _ = 1, 26 do
      local digit = n % 32
      text = ("abcdefghijklmnopqrstuvwxyz234567"):sub(digit + 1, digit + 1) .. text
      n = math.floor(n / 32)
    end
    return prefix .. text
  end
  function core.random(bytes) return ("\7"):rep(bytes) end
  function core.http_fetch(request)
    world.requests = world.requests + 1
    local number = world.requests
    table.insert(vm.fetched, request)
    assert(vm.on_fetch, "nobody expects a request to " .. tostring(request.url))
    local answer = vm.on_fetch(request, #vm.fetched)
    if answer then
      local message = answer.status and { status = answer.status, headers = answer.headers or {}, body = answer.body or "" }
      vm:event_after(answer.after or 0.05, "response", number, message, answer.text, answer.code, answer.sent)
    end
    return number
  end
  function core.settings() return vm.settings end
  core.date = require "callisto.core".date
  return core
end

---Makes a VM.
---@param kind "service"|"call"
---@param options {name: string?, settings: table?, sources: table<string,string>?}|nil
function World:vm(kind, options)
  options = options or {}
  local vm = setmetatable({
    world = self,
    kind = kind,
    name = options.name,
    settings = options.settings or { env = {}, file = {}, cli = {} },
    sources = options.sources or {},
    fetched = {},
    told = {},
    facts = {},
    lines = {},
  }, Vm)
  vm.core = base_core(vm)
  vm.require = loader(vm)
  self.vms[#self.vms + 1] = vm
  return vm
end

return fake
