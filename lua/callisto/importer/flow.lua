-- callisto.importer.flow: flows of other systems as functions that return the next function. For callisto.importer.
--
-- A node says things, then one of its functions is chosen, whose hooks run, and which leads to the next node. Elsewhere a
-- language model chooses. Here a node with nothing to choose goes on by itself; for any other the importer is given a
-- function in `decide`, which may ask the caller, or a model.

local hooks = require "callisto.importer.hooks"
local options = require "callisto.options"
local talk = require "callisto.importer.talk"

local flow = {}

-- Lists of named things, or maps of them: both are met.
local function by_name(given)
  local list = {}
  for key, each in pairs(given or {}) do
    if type(each) == "table" then
      each.name = each.name or (type(key) == "string" and key or nil)
      list[#list + 1] = each
    end
  end
  table.sort(list, function(a, b) return tostring(a.name) < tostring(b.name) end)
  local map = {}
  for _, each in ipairs(list) do map[each.name or "?"] = each end
  return map, list
end

local function names_of(list)
  local names = {}
  for i, each in ipairs(list) do names[i] = each.name end
  return table.concat(names, ", ")
end

local function required_of(fn)
  local required = fn.required or (type(fn.parameters) == "table" and fn.parameters.required)
  return type(required) == "table" and required or {}
end

local function has_words_for_a_model(node)
  return (type(node.task_messages) == "table" and #node.task_messages > 0)
    or (type(node.role_messages) == "table" and #node.role_messages > 0)
end

local function needs_of(list)
  local needs = {}
  for i, fn in ipairs(list) do needs[i] = { name = tostring(fn.name), needs = required_of(fn) } end
  return needs
end

local function words_for_a_model(node)
  local first = type(node.task_messages) == "table" and node.task_messages[1]
  return type(first) == "table" and type(first.content) == "string" and first.content or nil
end

-- How the function is chosen: fn(call) → name, arguments. nil when only a model could.
local function chooser(reader, at, node, list)
  local decide = reader.decide[node.name]
  if decide then return decide end
  if #list == 0 and not has_words_for_a_model(node) then return nil end
  local only = list[1]
  if #list == 1 and #required_of(only) == 0 and not has_words_for_a_model(node) then
    return function() return only.name, {} end
  end
  if reader:has_model() then return talk.chooser(reader, at, node, list) end
  reader.undecided[#reader.undecided + 1] = { node = node.name, functions = needs_of(list), words = words_for_a_model(node) }
  local what = #list > 0 and ("chooses between its functions (%s)"):format(names_of(list)) or "follows its task_messages"
  reader:problem(at, ("a language model %s; give importer.template decide = { %s = function(call, functions) … end }, "
    .. "or a model: template = { llm = … }"):format(what, node.name))
end

local function read_function(reader, at, fn, nodes)
  local place = ("%s.functions.%s"):format(at, tostring(fn.name))
  if type(fn.name) ~= "string" then reader:problem(at, "a function has no 'name'") end
  local target = fn.transition_to
  if target ~= nil and not nodes[target] then
    local near = options.nearest(tostring(target), nodes)
    reader:problem(place, ("'transition_to' leads to '%s', which is not there%s"):format(tostring(target),
      near and ("; did you mean '%s'?"):format(near) or ""))
  end
  return { run = hooks.read(reader, place, fn.hooks), target = target, required = required_of(fn) }
end

local function check_choice(node, functions, name, arguments)
  local fn = functions[name]
  if not fn then
    error(("node '%s': decide chose the function '%s': %s"):format(node.name, tostring(name),
      options.unknown(name, functions)), 0)
  end
  for _, each in ipairs(fn.required) do
    if arguments[each] == nil then
      error(("node '%s': decide chose '%s' without its required '%s'"):format(node.name, name, each), 0)
    end
  end
  return fn
end

-- A node as a step of a flow.
local function step_of(reader, node, nodes, steps)
  local at = ("flow.nodes.%s"):format(tostring(node.name))
  local map, list = by_name(node.functions)
  local before, ends_before = hooks.read_actions(reader, at .. ".pre_actions", node.pre_actions)
  local after, ends_after = hooks.read_actions(reader, at .. ".post_actions", node.post_actions)
  local functions = {}
  for name, fn in pairs(map) do functions[name] = read_function(reader, at, fn, nodes) end
  local is_end = ends_before or (ends_after and #list == 0)
  local choose = not is_end and chooser(reader, at, node, list) or nil
  local last_words = is_end and not ends_before and has_words_for_a_model(node) and reader:has_model()
    and talk.last_words(reader, at, node)
  local function choose_and_go(call)
    if not choose then
      if last_words then last_words(call) end
      after(call)
      return nil
    end
    local name, arguments = choose(call, map)
    arguments = arguments or {}
    local fn = check_choice(node, functions, name, arguments)
    fn.run(call, arguments)
    after(call)
    if not fn.target then return choose_and_go end -- without a transition the node stays
    return steps[fn.target]
  end
  steps[node.name] = function(call)
    before(call)
    return choose_and_go
  end
end

---Reads a flow. Returns its first step.
---@param reader table  callisto.importer's
---@param given table  the document's `flow`
---@return function|nil first
function flow.read(reader, given)
  local nodes, list = by_name(given.nodes)
  if #list == 0 then return reader:problem("flow.nodes", "there are no nodes") end
  if not nodes[given.initial_node or ""] then
    local near = options.nearest(tostring(given.initial_node), nodes)
    reader:problem("flow.initial_node", ("'%s' is not there%s"):format(tostring(given.initial_node),
      near and ("; did you mean '%s'?"):format(near) or ""))
  end
  for name in pairs(reader.decide) do
    if not nodes[name] then reader:problem("decide", options.unknown(name, nodes):gsub("field", "node")) end
  end
  local steps = {}
  for _, node in ipairs(list) do step_of(reader, node, nodes, steps) end
  return steps[given.initial_node or ""]
end

return flow
