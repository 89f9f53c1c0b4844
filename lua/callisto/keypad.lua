-- callisto.keypad: a tree of prompts and keys, without recogniser and without a model.
--
--   keypad {
--     initial = "start",
--     nodes = {
--       start = { prompt = "For delivery in the morning press one, …", options = {
--         { digit = "1", label = "morning", go = "sure" },
--         { digit = "9", label = "no delivery", outcome = "CANCELLED", closing = "Goodbye." } } },
--       sure = { … },
--     },
--   }
--
-- A node waits for a key from the end of its prompt for `wait` and half a second more. Silence plays it again, `retries`
-- times; a wrong key plays `invalid` and the prompt again and does not count as a retry, but the fifth in the call ends it.
-- After more than 25 moves the call ends as IVR_LOOP_GUARD, at a node that is not there as IVR_NODE_MISSING, after an error
-- of a hook as IVR_ERROR; these are not tried again. The first node may go without a prompt: the template's greeting is
-- its prompt.

local core = require "callisto.core"
local choosing = require "callisto.flow.choosing"
local json = require "callisto.json"
local language = require "callisto.language"
local log = require "callisto.log"
local options = require "callisto.options"
local task = require "callisto.task"
local text = require "callisto.text"

local keypad = {}

local MOST_MOVES, GRACE_S = 25, 0.5

---@class callisto.KeypadOption
---@field digit string
---@field label string
---@field go string|fun(call: callisto.Call): string|nil  the next node, or a function that says which
---@field outcome string|nil  ends the call with this word
---@field closing callisto.Wording|nil  the last sentence
---@field ends boolean|nil  ends the call without a word
---@field run function|nil  fn(call), when it is pressed
local option_fields = {
  digit = { "string", required = true },
  label = { "string", required = true },
  go = { "string|function" },
  outcome = { "string" },
  closing = { "string|map", check = text.check },
  ends = { "boolean" },
  run = { "function" },
}

---@class callisto.KeypadNode
---@field prompt callisto.Wording|nil
---@field options callisto.KeypadOption[]
---@field wait number
---@field retries integer
---@field type_ahead boolean  keys that were typed before the prompt count
---@field invalid callisto.Wording|nil
---@field on_silence {outcome: string|nil, say: callisto.Wording|nil}
local node_fields = {
  prompt = { "string|map", check = text.check },
  options = { "list", required = true },
  wait = { "duration", default = 10, min = 1, max = 120 },
  retries = { "integer", default = 2, min = 0, max = 10 },
  type_ahead = { "boolean", default = true },
  invalid = { "string|map", check = text.check },
  on_silence = { "map", default = {} },
}

local silence_fields = { outcome = { "string" }, say = { "string|map", check = text.check } }

---@class callisto.Keypad
---@field initial string
---@field nodes table<string, callisto.KeypadNode>
local fields = {
  initial = { "string", required = true },
  nodes = { "map", required = true },
}

local Keypad = {}
Keypad.__index = Keypad

local function read_option(given, place, nodes)
  local what = ("option %d"):format(place)
  local option, why = options.try(what, given, option_fields)
  if not option then return nil, why end
  why = choosing.check_digit(option.digit)
  if why then return nil, what .. ": " .. why end
  if option.outcome and not option.outcome:match("^[%w_%-]+$") then
    return nil, what .. ": 'outcome' must be letters, digits, '_' and '-'"
  end
  local count = (option.go and 1 or 0) + ((option.outcome or option.ends) and 1 or 0)
  if count ~= 1 then return nil, what .. ": it needs either 'go', or an end: 'outcome' or 'ends'" end
  if type(option.go) == "string" and nodes[option.go] == nil then
    return nil, ("%s: 'go' leads to %s"):format(what, choosing.not_there(option.go, nodes))
  end
  return option
end

local function read_node(given, nodes)
  local node, why = options.try("it", given, node_fields)
  if not node then return nil, (why:gsub("^it: ", "")) end
  node.on_silence, why = options.try("'on_silence'", node.on_silence, silence_fields)
  if not node.on_silence then return nil, why end
  if #node.options == 0 then return nil, "'options' is empty: the caller could not go on" end
  local list = {}
  for i, each in ipairs(node.options) do
    list[i], why = read_option(each, i, nodes)
    if not list[i] then return nil, why end
  end
  node.options = list
  node.by_digit, why = choosing.by_digit(list)
  if not node.by_digit then return nil, why end
  return node
end

local function next_of(self)
  return function(name)
    local leads, has_end = {}, false
    for _, option in ipairs(self.nodes[name].options) do
      if type(option.go) == "string" then leads[#leads + 1] = option.go else has_end = true end
    end
    return leads, has_end
  end
end

local function check(given)
  local self, why = options.try("keypad", given, fields)
  if not self then return nil, why end
  if not self.nodes[self.initial] then
    return nil, "keypad: 'initial' is " .. choosing.not_there(self.initial, self.nodes)
  end
  local nodes, names = {}, {}
  for name in pairs(self.nodes) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    nodes[name], why = read_node(self.nodes[name], self.nodes)
    if not nodes[name] then return nil, ("keypad: node '%s': %s"):format(name, why) end
    if not nodes[name].prompt and name ~= self.initial then
      return nil, ("keypad: node '%s': 'prompt' is missing (string); only the first node may go without"):format(name)
    end
  end
  self.nodes = nodes
  local trap = choosing.find_trap(self.initial, next_of(self))
  if trap then return nil, ("keypad: node '%s': no end can be reached from it; give some option an 'outcome'"):format(trap) end
  return setmetatable(self, Keypad)
end

-- Running ------------------------------------------------------------------------------------------------------------

local function end_without_input(call, node)
  local silent = node.on_silence
  if silent.outcome then call:decide(silent.outcome) end
  call:_close("IVR_NO_INPUT", silent.say)
end

-- The greeting is the prompt of a first node that has none; on return it is said anew.
local function prompt_of(call, state, node)
  local greeting = call._greeting
  if not node.prompt and greeting and not state.has_moved then return greeting end
  return call:_worded(node.prompt or call.template.greeting or "")
end

-- One node: the option the caller chose. Does not return when the caller chooses nothing.
local function visit(call, state, node)
  local about = { by_digit = node.by_digit, wait = node.wait + GRACE_S }
  local prompt, tried = prompt_of(call, state, node), 0
  local again = call:_worded(node.prompt or call.template.greeting or "")
  local words = language.of(call.language) or language.plain
  call._keys:begin(node.type_ahead)
  while true do
    local option, reason = choosing.once(call, about, prompt)
    if option then return option end
    prompt = again
    if reason == "invalid" then
      state.wrong_keys = state.wrong_keys + 1
      if state.wrong_keys >= choosing.MOST_WRONG_KEYS then end_without_input(call, node) end
      prompt = (node.invalid and call:_worded(node.invalid) or words.not_a_choice) .. " " .. again
    else
      tried = tried + 1
      if tried > node.retries then end_without_input(call, node) end
    end
  end
end

local function follow(call, option)
  if option.run then option.run(call) end
  if option.outcome then call:finish(option.outcome, option.closing) end
  if option.ends then call:_close("IVR_ENDED", option.closing) end
  if type(option.go) == "function" then return option.go(call) end
  return option.go
end

local function walk(self, call)
  local state = { wrong_keys = 0, moves = 0, has_moved = false }
  local name = self.initial
  while true do
    local node = self.nodes[name]
    if not node then
      log.error(("call %s: the keypad's node '%s' is not there"):format(call.id, tostring(name)))
      call:_close("IVR_NODE_MISSING", call.template.fallback)
    end
    name = follow(call, visit(call, state, node))
    state.has_moved = true
    state.moves = state.moves + 1
    if state.moves > MOST_MOVES then call:_close("IVR_LOOP_GUARD", call.template.fallback) end
  end
end

---As a step of a flow. Does not return: the tree ends the call.
---@param call callisto.Call
function Keypad:step(call)
  local _, failure = task.try(walk, self, call)
  if task.is_cancel(failure) then error(failure, 0) end
  log.error(("call %s: the keypad failed: %s"):format(call.id, tostring(failure)))
  core.fact("ivr.error", json.encode { text = tostring(failure):match("^[^\n]*") })
  call:_close("IVR_ERROR", call.template.fallback)
end

---What a tree says, each with its place.
---@param self callisto.Keypad
---@param on_sentence fun(place: string, sentence: callisto.Wording): any  what it returns, unless nil, ends the walk
---@return any
function keypad.each_sentence(self, on_sentence)
  for node_name, node in pairs(self.nodes) do
    local at = ("keypad: node '%s': "):format(node_name)
    local found
    for _, name in ipairs { "prompt", "invalid" } do
      found = found or node[name] and on_sentence(("%s'%s'"):format(at, name), node[name])
    end
    found = found or node.on_silence.say and on_sentence(at .. "on_silence: 'say'", node.on_silence.say)
    for i, option in ipairs(node.options) do
      found = found or option.closing and on_sentence(("%soption %d: 'closing'"):format(at, i), option.closing)
    end
    if found then return found end
  end
end

---Whether a value is a keypad tree.
---@param value any
---@return boolean
function keypad.is(value) return getmetatable(value) == Keypad end

---As calling the module, but what is wrong is returned.
---@param given table
---@return callisto.Keypad|nil, string? message
function keypad.check(given) return check(given) end

---@param given table
---@return callisto.Keypad
function keypad.new(given)
  local self, why = check(given)
  if not self then error(why, 2) end
  return self
end

return setmetatable(keypad, { __call = function(_, given)
  local self, why = check(given)
  if not self then error(why, 2) end
  return self
end })
