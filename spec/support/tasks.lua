-- Tasks alone, on a clock that a spec moves: what a VM has of the engine is the time and a wake-up call. Whatever needs more
-- runs on the real engine (callisto.spec).

local tasks = {}

local EVENTS_MOST = 100000

---@class spec.Tasks
---@field task table  callisto.task
---@field now number
---@field wake number|nil  when it wants to be woken
---@field handler fun(kind: string, ...)
local Vm = {}
Vm.__index = Vm

local function core_of(vm)
  local core = { kind = "service" }
  function core.now() return vm.now end
  function core.wake_at(at) vm.wake = at end
  return core
end

-- Each VM has its own copy of our modules, as in the engine.
local function loader(vm)
  local loaded, environment = { ["callisto.core"] = core_of(vm) }, setmetatable({}, { __index = _G })
  function environment.require(name)
    local chunk = not loaded[name] and loadfile(("lua/%s.lua"):format(name:gsub("%.", "/")))
    if chunk then loaded[name] = setfenv(chunk, environment)(name) end
    return loaded[name] or require(name)
  end
  return environment.require
end

---@return spec.Tasks
function tasks.new()
  local vm = setmetatable({ now = 1000 }, Vm)
  vm.task = loader(vm) "callisto.task"
  function vm.handler(kind, ...)
    assert(vm.task.event(kind, ...), "nobody knows " .. kind)
    vm.task.run()
  end
  return vm
end

---An event, now.
---@param kind string
function Vm:event(kind, ...) self.handler(kind, ...) end

---Moves the clock, with every wake-up that falls due.
---@param seconds number
function Vm:advance(seconds)
  local limit, count = self.now + seconds, 0
  while self.wake and self.wake <= limit do
    self.now, self.wake, count = math.max(self.now, self.wake), nil, count + 1
    assert(count < EVENTS_MOST, "something wakes itself for ever")
    self:event "wake"
  end
  self.now = limit
end

---Lets happen what is due now.
function Vm:settle() self:advance(0) end

return tasks
