-- callisto.judge.reading: one file of the workspace, loaded in a VM beside nothing (core/script/apart.h), as data.
--
-- A file defines and returns. While it loads it cannot act: what would reach out of its VM is an error here that says so.
-- Nothing of what it returns is run by the service; the data goes to callisto.judge.

local reading = {}

local is_loading = false
local loaded -- what the file returned
local kept = {} -- functions of callisto.shared as they were

-- Taking away what acts --------------------------------------------------------------------------------------------

local function refuse_loading(name, fn)
  return function(...)
    if is_loading then error(name .. " acts while the file loads; a file defines and returns", 2) end
    return fn(...)
  end
end

local function refuse_always(name)
  return function()
    error(name .. (is_loading and " acts while the file loads; a file defines and returns" or " needs a call"), 2)
  end
end

local function replace_all(name, module, replace)
  for key, value in pairs(module) do
    if type(value) == "function" then module[key] = replace(name .. "." .. key, value) end
  end
end

-- Of callisto.core what asks and changes nothing.
local ASKS = { now = true, wall = true, date = true, id = true, random = true }

-- An adapter remembers what must not come twice, for all threads and in a name space of its own.
local function give_memory(module)
  local shared = require "callisto.shared"
  local function own(key) return module .. " " .. tostring(key) end
  shared.add = function(key, ...) return kept.add(own(key), ...) end
  shared.get = function(key) return kept.get(own(key)) end
end

local function take_away()
  local core, task = require "callisto.core", require "callisto.task"
  task.start = refuse_loading("task.start", task.start)
  task.on_error = refuse_loading("task.on_error", task.on_error)
  for key, value in pairs(core) do
    if type(value) == "function" and not ASKS[key] then core[key] = refuse_always("core." .. key) end
  end
  replace_all("log", require "callisto.log", refuse_loading)
  replace_all("metrics", require "callisto.metrics", refuse_always)
  local shared = require "callisto.shared"
  kept.add, kept.get = shared.add, shared.get
  replace_all("shared", shared, refuse_always)
  _G.print = refuse_loading("print", print)
end

-- What a file is ---------------------------------------------------------------------------------------------------

-- A copy of what can cross. Functions stay here; their places are noted.
local function data_of(value, functions, place)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, each in pairs(value) do
    local at = place and place .. "." .. tostring(key) or tostring(key)
    if type(each) == "function" then
      functions[#functions + 1] = at
    else
      copy[key] = data_of(each, functions, at)
    end
  end
  return copy
end

local function of_template(template, value)
  if not template.is(value) then return nil end
  local known = {}
  for _, name in ipairs(template.data_names()) do known[name] = value[name] end
  return data_of(known, {})
end

local function of_provider(maker, value)
  if not maker.is(value) then return nil end
  local functions = {}
  local data = data_of(value, functions)
  data.functions = functions
  return data
end

local function of_table(_, value) return type(value) == "table" and data_of(value, {}) or nil end
local function of_any(_, value) return value end

-- What is read of which modules, and what makes them. Of others it is enough that they load.
local kinds = {
  { "^templates%.", of_template, "callisto.template" },
  { "^providers%.carriers%.", of_provider, "callisto.provider.carrier" },
  { "^providers%.stt%.", of_provider, "callisto.provider.stt" },
  { "^providers%.tts%.", of_provider, "callisto.provider.tts" },
  { "^providers%.llm%.", of_provider, "callisto.provider.llm" },
  { "^menus%.", function(_, value) return type(value) == "table" and {} or nil end },
  { "^exchange%.subscribers$", of_table },
  { "^routing$", of_any },
}

-- The maker is there before the file can touch it.
local function kind_of(name)
  for _, kind in ipairs(kinds) do
    if name:find(kind[1]) then return kind[2], kind[3] and require(kind[3]) end
  end
  return function() end
end

local function self_test(value)
  local ok, answer = pcall(value.self_test)
  if not ok then error(answer, 0) end
  if answer == false then error("template: 'self_test' returned false", 0) end
end

---Loads a module and gives what it is; what is wrong with it is an error.
---@param name string
---@return any data  nil: not what its folder holds
function reading.read(name)
  local of_kind, maker = kind_of(name)
  is_loading = true
  local value = require(name)
  is_loading = false
  local data = of_kind(maker, value)
  if data and name:find "^templates%." and value.self_test then self_test(value) end
  if data and data.functions then
    loaded = value
    if name:find "^providers%.carriers%." then give_memory(name) end
  end
  return data
end

local function to_data(...)
  local results = { n = select("#", ...), ... }
  local provider = require "callisto.provider"
  for i = 1, results.n do results[i] = provider.to_data(results[i]) end
  return results
end

---Calls a function of the adapter that was read.
---@param place string  "webhook.verify"
---@param arguments table  at 1 to n, and n
---@return table results  the same
function reading.call(place, arguments)
  local fn = loaded
  for part in place:gmatch "[^.]+" do fn = fn[tonumber(part) or part] end
  return to_data(fn(unpack(arguments, 1, arguments.n)))
end

take_away()

return reading
