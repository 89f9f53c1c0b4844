-- callisto.importer: templates of other systems, from their JSON, into the machinery of our own.
--
--   -- templates/delivery.lua
--   return require("callisto.importer").template [==[ { "name": "delivery", "flow": { "mode": "ivr", … } } ]==]
--
-- A keypad tree (flow.mode "ivr") becomes a callisto.keypad, a flow becomes functions that return the next function. The
-- whole document is read and every problem is told at once, each with its place. What would need a language model is a
-- problem, too, until `decide` says how its node is decided.

local flow = require "callisto.importer.flow"
local hooks = require "callisto.importer.hooks"
local json = require "callisto.json"
local keypad = require "callisto.keypad"
local options = require "callisto.options"
local shapes = require "callisto.importer.shapes"
local talk = require "callisto.importer.talk"
local template = require "callisto.template"
local text = require "callisto.text"

local importer = {}

local MOST_BYTES = 1024 * 1024

---@class callisto.ImportOptions
---@field decide table<string, fun(call: callisto.Call, functions: table): string, table|nil>|nil  node → what chooses
---@field computed table<string, fun(call: callisto.Call): any>|nil  values of "computed" fields
---@field template table|nil  fields of the template that the document does not know, such as `hours`
local import_fields = {
  decide = { "map", default = {} },
  computed = { "map", default = {} },
  template = { "map", default = {} },
}

-- One document while it is read.
local Reader = {}
Reader.__index = Reader

---Something that cannot be imported.
---@param at string  place in the document
---@param message string
function Reader:problem(at, message) self.problems[#self.problems + 1] = at .. ": " .. message end

---Whether a language model leads through what needs one.
---@return boolean
function Reader:has_model() return self.model ~= nil or self.llm ~= nil end

---A sentence of the document as ours: fields with a transformation are spoken in its way.
---@param at string
---@param sentence any
---@return string|nil
function Reader:sentence(at, sentence)
  if type(sentence) ~= "string" then
    self:problem(at, "a sentence must be text, not " .. type(sentence))
    return nil
  end
  sentence = sentence:gsub("{{%s*([%w_.]+)%s*}}", "{%1}")
  return (sentence:gsub("{([%w_.]+)}", function(name)
    local transformation = self.spoken[name]
    return transformation and ("{%s|%s}"):format(name, transformation) or nil
  end))
end

-- null means "not given" also in lists.
local function without_null(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, each in pairs(value) do
    if each ~= json.null then copy[name] = without_null(each) end
  end
  return copy
end

-- Payload ------------------------------------------------------------------------------------------------------------

local aliases = {
  amount_in_words = "money", money_in_words = "money", currency = "money", number_in_words = "number", number_to_words = "number",
  digits_spelled = "digits", spell_digits = "digits", date_in_words = "date", time_in_words = "time",
}
local types = { string = true, number = true, integer = true, boolean = true, array = true, object = true, null = true,
  any = true }

local function transformation_of(reader, at, name)
  if name == nil then return nil end
  if text.transformations[name] then return name end
  if aliases[name] then return aliases[name] end
  reader:problem(at, options.unknown(name, text.transformations):gsub("field", "transformation"))
end

local function read_field(reader, at, name, about, is_required)
  if type(about) == "string" then about = { type = about } end
  if type(about) ~= "table" then return reader:problem(at, "must be a type or a description of the field") end
  local kind = about.type or "any"
  local base = tostring(kind):gsub("%?$", "")
  if not types[base] then return reader:problem(at, options.unknown(base, types):gsub("field", "type")) end
  local is_optional = about.optional == true or about.required == false or is_required == false or kind ~= base
  reader.payload[name] = base .. (is_optional and "?" or "")
  reader.spoken[name] = transformation_of(reader, at, about.transformation or about.transform)
  for part, each in pairs(base == "object" and type(about.properties) == "table" and about.properties or {}) do
    local path = name .. "." .. part
    if type(each) == "table" then
      reader.spoken[path] = transformation_of(reader, at .. "." .. part, each.transformation or each.transform)
    end
  end
end

local function read_payload(reader, schema)
  if schema == nil then return end
  if type(schema) ~= "table" then return reader:problem("expected_payload_schema", "must be an object") end
  local required
  if type(schema.properties) == "table" and (schema.type == nil or schema.type == "object") then
    required = {}
    for _, name in ipairs(schema.required or {}) do required[name] = true end
    schema = schema.properties
  end
  for name, about in pairs(schema) do
    local is_required
    if required then is_required = required[name] == true end
    read_field(reader, "expected_payload_schema." .. tostring(name), tostring(name), about, is_required)
  end
end

-- Configurations -----------------------------------------------------------------------------------------------------

local function words_of(value)
  if type(value) ~= "table" then return value end
  if value.enabled == false then return nil end
  return value.text or value.message or value.greeting
end

local configurations = {}

function configurations.initial_greeting(reader, value)
  local greeting = words_of(value)
  if greeting ~= nil then reader.fields.greeting = reader:sentence("configurations.initial_greeting", greeting) end
end

function configurations.interruption(reader, value)
  local mode = type(value) == "table" and (value.mode or value.type) or value
  if type(value) == "table" and value.enabled == false then mode = "disabled_discard" end
  reader.fields.barge_in = mode ~= "disabled_discard" and mode ~= false
end

function configurations.user_idle(reader, value)
  if type(value) ~= "table" or value.enabled == false then return end
  reader.fields.idle = {
    after = tonumber(value.timeout_secs or value.timeout) or 7,
    say = words_of(value) and reader:sentence("configurations.user_idle", words_of(value)) or nil,
    tries = tonumber(value.max_retries or value.retries) or 2,
  }
end

function configurations.llm(reader, value)
  reader.model = talk.model_of(value)
  if not reader.model then return false end
  reader.fields.llm = reader.model.llm
end

local function read_configurations(reader, given)
  if given == nil then return end
  if type(given) ~= "table" then return reader:problem("configurations", "must be an object") end
  local names = {}
  for name in pairs(given) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local read = configurations[name]
    if not read or read(reader, given[name]) == false then
      reader.ignored[#reader.ignored + 1] = "configurations." .. name
    end
  end
end

-- Keypad trees -------------------------------------------------------------------------------------------------------

local function read_key(reader, at, given)
  local run = given.hooks and hooks.read(reader, at, given.hooks)
  local is_end = given.action == "end" or (given.action == nil and given.target_node == nil)
  if given.action ~= nil and given.action ~= "end" and given.action ~= "transition" then
    reader:problem(at, options.unknown(given.action, { ["end"] = true, transition = true }):gsub("field", "action"))
  end
  if not is_end and type(given.target_node) ~= "string" then reader:problem(at, "'target_node' is missing (string)") end
  return {
    digit = given.digit ~= nil and tostring(given.digit) or nil,
    label = given.label or ("key " .. tostring(given.digit)),
    go = not is_end and given.target_node or nil,
    outcome = is_end and given.outcome or nil,
    ends = is_end and not given.outcome and true or nil,
    closing = given.message and reader:sentence(at .. ".message", given.message) or nil,
    run = run and function(call) run(call, { digit = given.digit, label = given.label }) end or nil,
  }
end

local function read_keypad_node(reader, at, given)
  local node = { options = {}, wait = given.timeout_secs, retries = given.max_retries, on_silence = {} }
  if given.prompt and given.prompt ~= "" then node.prompt = reader:sentence(at .. ".prompt", given.prompt) end
  if given.invalid_prompt then node.invalid = reader:sentence(at .. ".invalid_prompt", given.invalid_prompt) end
  node.on_silence.outcome = given.on_timeout_outcome
  if given.on_timeout_message then node.on_silence.say = reader:sentence(at .. ".on_timeout_message",
    given.on_timeout_message) end
  for i, each in ipairs(given.options or {}) do
    node.options[i] = read_key(reader, ("%s.options[%d]"):format(at, i - 1), each)
  end
  return node
end

local function read_keypad(reader, given)
  local nodes = {}
  for key, each in pairs(type(given.nodes) == "table" and given.nodes or {}) do
    local name = type(each) == "table" and each.name or key
    local at = "flow.nodes." .. tostring(name)
    if type(each) == "table" then nodes[tostring(name)] = read_keypad_node(reader, at, each)
    else reader:problem(at, "must be an object") end
  end
  if #reader.problems > 0 then return end
  local tree, why = keypad.check { initial = given.initial_node, nodes = nodes }
  if not tree then return reader:problem("flow", why) end
  reader.fields.keypad = tree
end

-- Documents ----------------------------------------------------------------------------------------------------------

local modes = {}

-- They run when the call is over, whoever ended it: nothing is left that could go on beside them.
local function read_at_end(reader, given)
  return hooks.read(reader, "flow.end_conversation_callbacks", given.end_conversation_callbacks, true)
end

modes.ivr = read_keypad

function modes.flow(reader, given)
  local first = flow.read(reader, given)
  local at_end = read_at_end(reader, given)
  if not first then return end
  reader.fields.on_call = function(call)
    call._at_end = function() at_end(call, {}) end
    local step = first
    while step do step = step(call) end
    call:bye()
  end
end

function modes.direct(reader, given)
  if not reader:has_model() then
    return reader:problem("flow.mode", "'direct' is one prompt for a language model; name one: template = { llm = … }")
  end
  local hold = talk.direct(reader, given, hooks)
  local at_end = read_at_end(reader, given)
  if not hold then return end
  reader.fields.on_call = function(call)
    call._at_end = function() at_end(call, {}) end
    hold(call)
    call:bye()
  end
end

local function read_document(reader, document)
  local given = type(document.flow) == "table" and document.flow or {}
  local mode = given.mode or document.mode or "flow"
  read_payload(reader, document.expected_payload_schema)
  read_configurations(reader, document.configurations)
  if type(document.name) ~= "string" and not reader.name then reader:problem("name", "is missing (string)") end
  local read = modes[mode]
  if not read then return reader:problem("flow.mode", options.unknown(mode, modes):gsub("field", "mode")) end
  read(reader, given)
end

local function name_of(document) return (document.name:gsub("[^%w_%-]+", "-"):gsub("^%-+", ""):sub(1, 64)) end

local function new_reader(how)
  return setmetatable({
    problems = {}, ignored = {}, payload = {}, spoken = {}, fields = {}, decide = how.decide, computed = how.computed,
    name = how.template.name, llm = how.template.llm, undecided = {},
  }, Reader)
end

local function decode(document)
  if type(document) == "string" then
    if #document > MOST_BYTES then return nil, "the document is larger than 1 MiB" end
    local value, why = json.decode(document)
    if value == nil then return nil, "the document is not JSON: " .. tostring(why) end
    document = value
  end
  if type(document) ~= "table" then return nil, "the document must be an object" end
  return without_null(document)
end

---Reads a document. Nothing is raised: what is wrong is listed.
---@param document string|table  JSON, or what it says
---@param how callisto.ImportOptions|nil
---@return callisto.Template|nil template  nil when there are problems
---@return string[] problems  each "place: what is wrong"
---@return string[] ignored  places that mean nothing here
---@return {node: string, functions: {name: string, needs: string[]}[], words: string|nil}[] undecided  nodes for which
---  `decide` is missing
function importer.read(document, how)
  local read, why = options.try("importer", how, import_fields)
  if not read then return nil, { why }, {}, {} end
  local given
  given, why = decode(document)
  if not given then return nil, { why }, {}, {} end
  local reader = new_reader(read)
  given = shapes.read(given, reader.ignored)
  read_document(reader, given)
  if #reader.problems > 0 then return nil, reader.problems, reader.ignored, reader.undecided end
  local fields = reader.fields
  fields.name = name_of { name = given.name or read.template.name }
  fields.payload, fields.description = reader.payload, given.description
  for name, value in pairs(read.template) do fields[name] = value end
  local ok, made = pcall(template.new, fields)
  if not ok then return nil, { (tostring(made):gsub("^[^\n]-:%d+: ", "")) }, reader.ignored, {} end
  return made, {}, reader.ignored, {}
end

---Reads a document into a template. All problems are one error.
---@param document string|table
---@param how callisto.ImportOptions|nil
---@return callisto.Template
function importer.template(document, how)
  local made, problems = importer.read(document, how)
  if not made then error("importer: " .. table.concat(problems, "\n  "), 2) end
  return made
end

-- A function that is to be written: what it chooses between, and the words a model would have had.
local function stub_of(undecided)
  local lines = {}
  for _, line in ipairs { undecided.words and "In the words for a model: " .. undecided.words or nil } do
    lines[#lines + 1] = "    -- " .. line:gsub("%s+", " ")
  end
  for _, fn in ipairs(undecided.functions) do
    local needs = #fn.needs > 0 and ", { " .. table.concat(fn.needs, " = …, ") .. " = … }" or ""
    lines[#lines + 1] = ('    --   return "%s"%s'):format(fn.name, needs)
  end
  local key = undecided.node:find "^[%a_][%w_]*$" and undecided.node or ("[%q]"):format(undecided.node)
  lines[#lines + 1] = ("    %s = function()"):format(key)
  lines[#lines + 1] = ("      error(%q)"):format(("decide.%s is not written yet"):format(undecided.node))
  lines[#lines + 1] = "    end,"
  return table.concat(lines, "\n")
end

local function second_argument(more)
  local parts = {}
  if more.name then parts[#parts + 1] = ("  template = { name = %q },"):format(more.name) end
  if more.undecided and more.undecided[1] then
    parts[#parts + 1] = "  decide = { -- each returns the name of a function, and what it needs"
    for _, each in ipairs(more.undecided) do parts[#parts + 1] = stub_of(each) end
    parts[#parts + 1] = "  },"
  end
  return parts[1] and (", {\n%s\n}"):format(table.concat(parts, "\n")) or ""
end

---The text of a template's file that holds a document.
---@param document string  JSON
---@param more {name: string|nil, undecided: table[]|nil}|nil  a name that the document does not say, and the nodes for which
---  functions are to be written, as importer.read gives them
---@return string lua
function importer.file(document, more)
  local level = "="
  while document:find("]" .. level .. "]", 1, true) do level = level .. "=" end
  return ("-- Imported. What needs more than the document says goes into a second argument; see docs/recipes.md.\n\n"
    .. 'return require("callisto.importer").template([%s[\n%s\n]%s]%s)\n'):format(level, (document:gsub("%s+$", "")), level,
      second_argument(more or {}))
end

return importer
