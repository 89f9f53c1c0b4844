-- callisto.importer.shapes: the same flow in the forms that are met, as the one the importer reads.
--
--   a whole template      { "name", "flow": { "mode", "initial_node", "nodes" }, … }   as it is
--   a flow alone          { "initial_node", "nodes": { NAME: { … } } }
--   a visual editor's     { "meta": { "name" }, "nodes": [ { "id", "type", "data": { … } } ], "edges" }
--
-- What a form says and nothing here can do is not dropped without a word: its place goes to the list of ignored ones.

local shapes = {}

-- Functions as a language model's interface wants them have a wrapper: { "type": "function", "function": { … } }.
local function unwrapped(fn)
  return type(fn) == "table" and type(fn["function"]) == "table" and fn["function"] or fn
end

local function sorted(given)
  local names = {}
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local NOT_DONE = { "handler", "decision" } -- of a function: code of the other system
local OF_A_MODEL = { "context_strategy", "respond_immediately" }

local function read_functions(node, at, ignored)
  for key, fn in pairs(type(node.functions) == "table" and node.functions or {}) do node.functions[key] = unwrapped(fn) end
  for _, key in ipairs(sorted(type(node.functions) == "table" and node.functions or {})) do
    local fn = node.functions[key]
    local name = type(fn) == "table" and (fn.name or key) or key
    for _, field in ipairs(NOT_DONE) do
      if type(fn) == "table" and fn[field] ~= nil then
        ignored[#ignored + 1] = ("%s.functions.%s.%s"):format(at, tostring(name), field)
      end
    end
  end
end

-- Changes nodes in place: wrappers go, what nothing can do is noted.
local function read_nodes(nodes, ignored)
  for _, key in ipairs(sorted(nodes)) do
    local node = nodes[key]
    if type(node) == "table" then
      local at = "flow.nodes." .. tostring(node.name or key)
      read_functions(node, at, ignored)
      for _, field in ipairs(OF_A_MODEL) do
        if node[field] ~= nil then ignored[#ignored + 1] = at .. "." .. field end
      end
    end
  end
end

local function note_globals(document, ignored)
  local given = document.global_functions
  for _, key in ipairs(sorted(type(given) == "table" and given or {})) do
    local fn = unwrapped(given[key])
    ignored[#ignored + 1] = "global_functions." .. tostring(type(fn) == "table" and fn.name or key)
  end
end

-- Of an editor's function: where it leads, and what it needs.
local function function_of(fn)
  fn = unwrapped(fn)
  if type(fn) ~= "table" then return fn end
  local decision = type(fn.decision) == "table" and fn.decision or {}
  fn.transition_to = fn.transition_to or fn.next_node_id or decision.default_next_node_id
  fn.parameters = fn.parameters or { type = "object", properties = fn.properties, required = fn.required }
  return fn
end

local function node_of(given)
  local node = type(given.data) == "table" and given.data or {}
  node.name = given.id
  for key, fn in pairs(type(node.functions) == "table" and node.functions or {}) do node.functions[key] = function_of(fn) end
  return node
end

local function is_an_editors(document)
  local first = type(document.nodes) == "table" and document.nodes[1]
  return type(first) == "table" and first.id ~= nil and type(first.data) == "table"
end

local function of_editor(document)
  local nodes, initial = {}, nil
  for i, given in ipairs(document.nodes) do
    nodes[i] = type(given) == "table" and node_of(given) or given
    if type(given) == "table" and (given.type == "initial" and not initial) then initial = given.id end
  end
  local meta = type(document.meta) == "table" and document.meta or {}
  return {
    name = meta.name or document.name, description = meta.description or document.description,
    expected_payload_schema = document.expected_payload_schema, configurations = document.configurations,
    global_functions = document.global_functions,
    flow = { mode = "flow", initial_node = initial or document.nodes[1].id, nodes = nodes },
  }
end

local function of_flow(document)
  document.flow = { mode = "flow", initial_node = document.initial_node, nodes = document.nodes,
    end_conversation_callbacks = document.end_conversation_callbacks }
  return document
end

---The document as the importer reads it. It may be changed in place.
---@param document table
---@param ignored string[]  places that mean nothing here are added
---@return table document
function shapes.read(document, ignored)
  if type(document.flow) ~= "table" and is_an_editors(document) then
    document = of_editor(document)
  elseif type(document.flow) ~= "table" and type(document.nodes) == "table" then
    document = of_flow(document)
  end
  local flow = type(document.flow) == "table" and document.flow or {}
  note_globals(document, ignored)
  note_globals(flow, ignored)
  read_nodes(type(flow.nodes) == "table" and flow.nodes or {}, ignored)
  return document
end

return shapes
