-- callisto.util.several: several functions beside each other, each in a task of its own. The public face is task.race and
-- task.all; this file only needs the public functions of callisto.task, which it is given.

local several = {}

local function pack(...) return { n = select("#", ...), ... } end

-- List entries first, then named ones by name: the order in which they start is the same every time.
local function entries_of(choices)
  local names = {}
  for key, fn in pairs(choices) do
    if type(fn) ~= "function" then error("race and all take functions", 3) end
    names[#names + 1] = key
  end
  table.sort(names, function(a, b)
    if type(a) ~= type(b) then return type(a) == "number" end
    return a < b
  end)
  return names
end

local function start_each(task, choices)
  local key, list = {}, {}
  for _, name in ipairs(entries_of(choices)) do
    local child
    child = task.spawn(function()
      child.outcome = pack(task.try(choices[name]))
      task.wake(key)
    end)
    child.name = name
    list[#list + 1] = child
  end
  return key, list
end

local function cancel_each(task, list)
  for i = #list, 1, -1 do task.cancel(list[i]) end
end

local function first_finished(list)
  for _, each in ipairs(list) do
    if each.outcome then return each end
  end
end

---As task.race.
---@param task table  callisto.task
---@param choices table<any, function>
function several.race(task, choices)
  local key, list = start_each(task, choices)
  local winner = task.finally(function()
    while #list > 0 and not first_finished(list) do task.wait(key) end
    return first_finished(list)
  end, function() cancel_each(task, list) end)
  if not winner then return nil end
  local outcome = winner.outcome
  if not outcome[1] then error(outcome[2], 0) end
  return winner.name, unpack(outcome, 2, outcome.n)
end

---As task.all.
---@param task table  callisto.task
---@param choices table<any, function>
function several.all(task, choices)
  local key, list = start_each(task, choices)
  local results = {}
  task.finally(function()
    local open = #list
    while open > 0 do
      open = 0
      for _, each in ipairs(list) do
        if not each.outcome then
          open = open + 1
        elseif not each.outcome[1] then
          error(each.outcome[2], 0)
        end
      end
      if open > 0 then task.wait(key) end
    end
  end, function() cancel_each(task, list) end)
  for _, each in ipairs(list) do results[each.name] = each.outcome[2] end
  return results
end

return several
