-- callisto.tool: what a model may do in a conversation (call:converse).
--
--   local tool = require "callisto.tool"
--   tool { "change_address", "The customer gives a new address.", { address = "string" }, function(args, call) … end }
--   tool { "confirm", "The customer agrees.", {}, function() return tool.done("CONFIRMED", "Thank you, goodbye.") end }
--
-- The function runs when the model asks for the tool with arguments that are what they must be. What it returns is told to the
-- model: a text, or a value as JSON; nothing is "Done."; nil and a message is a failure. tool.done ends the conversation.

local options = require "callisto.options"
local schema = require "callisto.schema"

local tool = {}

---@class callisto.Tool
---@field name string
---@field description string
---@field parameters table  JSON Schema of its arguments
---@field fn fun(args: table, call: callisto.Call): any, string?
---@field timeout number  seconds
---@field filler string|nil  said when it takes longer than `filler_after`
---@field filler_after number  seconds
---@field cancel_on_interruption boolean  it is given up when the caller speaks
---@field approve (fun(call: callisto.Call, args: table): boolean, string?)|nil  asked before it runs
local fields = {
  name = { "string", required = true, check = function(name)
    if not name:find "^[%a_][%w_%-]*$" or #name > 64 then return "must be letters, digits, '_' and '-', at most 64" end
  end },
  description = { "string", required = true },
  parameters = { "map", default = {} },
  fn = { "function", required = true },
  timeout = { "duration", default = 10, min = 0.1, max = 300 },
  filler = { "string" },
  filler_after = { "duration", default = 1, min = 0, max = 60 },
  cancel_on_interruption = { "boolean", default = false },
  approve = { "function" },
}

local meta, done_meta = {}, {}

local NAMES = { "name", "description", "parameters", "fn" }

-- Four fields may be given by place.
local function by_name(given)
  local named = {}
  for key, value in pairs(given) do named[NAMES[key] or key] = value end
  return named
end

local function build(given, level)
  if type(given) ~= "table" then
    error('tool needs a table such as { "name", "description", {}, function(args) … end }', level)
  end
  local named = by_name(given)
  local title = ("tool '%s'"):format(tostring(named.name))
  local values, why = options.try(title, named, fields)
  if not values then error(why, level) end
  local ok, made = pcall(schema.of, values.parameters)
  if not ok then error(("%s: %s"):format(title, made), level) end
  values.parameters = made
  return setmetatable(values, meta)
end

---Whether a value is what `tool { … }` returns.
---@param value any
---@return boolean
function tool.is(value) return getmetatable(value) == meta end

---@class callisto.Done
---@field outcome string|nil
---@field sentence string|nil
---@field data any
---@field ends_call boolean|nil  it ends the call, too
---@field is_revocable boolean|nil  words of the caller take it back, once

---What a tool's function returns to end the conversation.
---@param outcome string|nil  the word the call will end with
---@param sentence string|nil  said last, to its end
---@param data any  given to whoever called call:converse
---@return callisto.Done
function tool.done(outcome, sentence, data)
  if outcome ~= nil and (type(outcome) ~= "string" or not outcome:find "^[%w_%-]+$" or #outcome > 64) then
    error("tool.done needs an outcome of letters, digits, '_' and '-'", 2)
  end
  if sentence ~= nil and type(sentence) ~= "string" then
    error("tool.done: the last sentence must be text, not " .. type(sentence), 2)
  end
  return setmetatable({ outcome = outcome, sentence = sentence, data = data }, done_meta)
end

---Whether a value is what `tool.done` returns.
---@param value any
---@return boolean
function tool.is_done(value) return getmetatable(value) == done_meta end

---@param given table  name, description, parameters (callisto.schema) and function, by place or by name; timeout [10 s], filler,
---  filler_after [1 s], cancel_on_interruption [false], approve
---@return callisto.Tool
function tool.new(given)
  local built = build(given, 3) -- not a tail call: the level of its errors counts this function
  return built
end

return setmetatable(tool, { __call = function(_, given)
  local built = build(given, 3)
  return built
end })
