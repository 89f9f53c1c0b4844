-- callisto.converse: how a call holds a conversation with a language model. A method of the call object, loaded when it is first
-- called.

local contexts = require "callisto.converse.context"
local conversations = require "callisto.converse.conversation"
local ears = require "callisto.flow.ear"
local language = require "callisto.language"
local listening = require "callisto.flow.listening"
local options = require "callisto.options"
local task = require "callisto.task"
local text = require "callisto.text"
local tool = require "callisto.tool"
local turns = require "callisto.converse.turns"

---@class callisto.Call
local Call = {}

local price_fields = {
  input = { "number", required = true, min = 0 },
  cached = { "number", min = 0 },
  output = { "number", required = true, min = 0 },
}

---@class callisto.ConverseOptions
---@field llm string|string[]|nil  "vendor/model", or several: the next is asked when one fails [the template's]
---@field prompt string  what the model is told to be; "{name}" is filled in from the payload
---@field greeting callisto.Wording|nil  the agent's first words, after the template's greeting
---@field tools callisto.Tool[]|nil
---@field idle callisto.Idle|nil  at silence [the template's]
---@field filler {say: string|string[]|nil, after: string|number|nil}|false|nil  said when an answer takes long
---@field sorry callisto.Wording|nil  said when no model answers
---@field failures integer|nil  so many times in a row, then the conversation ends as "failed" [2]
---@field barge_in boolean|nil  whether the caller's speech stops the agent [the template's]
---@field endpoint string|number|nil  duration of silence that ends a piece of speech for the ear
---@field turns callisto.TurnSettings|nil  whose turn it is, and when (docs/turn-taking.md)
---@field callee_first boolean|nil  the greeting of the conversation waits for the callee's first words, at most 2 s [false]
---@field patience string|number|nil  duration until a model has begun to say something useful, else the next is asked [4 s]
---@field budget string|number|nil  duration for all models together [12 s]
---@field rounds integer|nil  how often tools may be asked for in one turn [6]
---@field temperature number|nil
---@field max_tokens integer|nil  of one answer [300]
---@field context "append"|"reset"|"summarise"|nil  how the model is told of the conversation before in the same call [append]
---@field longest_context integer|nil  bytes of text from which on the beginning is summarised [24,000]
---@field speaks_first boolean|nil  the model begins [false]
---@field once boolean|nil  the agent answers once, and that is the end [false]
---@field prices table<string, callisto.Price>|nil  before those of callisto.prices
---@field more table|nil  fields of the vendor's request (callisto.llm)
local fields = {
  llm = { "string|list" },
  prompt = { "string", required = true },
  greeting = { "string|map", check = text.check },
  tools = { "list", default = {} },
  idle = { "map" },
  filler = { "map|boolean" },
  sorry = { "string|map", check = text.check },
  failures = { "integer", default = 2, min = 1, max = 10 },
  barge_in = { "boolean" },
  endpoint = { "duration", min = 0.1, max = 5 },
  turns = { "map", default = {} },
  callee_first = { "boolean", default = false },
  patience = { "duration", default = 4, min = 0.1, max = 60 },
  budget = { "duration", default = 12, min = 0.1, max = 120 },
  rounds = { "integer", default = 6, min = 1, max = 50 },
  temperature = { "number", min = 0, max = 2 },
  max_tokens = { "integer", default = 300, min = 1, max = 100000 },
  prices = { "map", each = { "map", fields = price_fields } },
  context = { "string", default = "append", values = contexts.policies },
  longest_context = { "integer", default = 24000, min = 1000 },
  speaks_first = { "boolean", default = false },
  once = { "boolean", default = false },
  more = { "map", default = {} },
}

local filler_fields = {
  say = { "string|list" },
  after = { "duration", default = 1.5, min = 0, max = 60 },
}

local function check_tools(list)
  local seen = {}
  for i, each in ipairs(list) do
    if not tool.is(each) then
      return ("'tools' must be a list of what tool { … } returns; number %d is a %s"):format(i, type(each))
    end
    if seen[each.name] then return ("'tools' has '%s' twice"):format(each.name) end
    seen[each.name] = true
  end
end

local function list_of(value)
  if type(value) == "string" then return { value } end
  return value
end

local function read_models(self, opts)
  opts.llm = list_of(opts.llm) or self.template.llm
  if opts.llm and #opts.llm > 0 then return nil end
  return "'llm' is missing (string); it is \"vendor/model\", such as \"openai/gpt-4.1-mini\""
end

local function read_idle(self, opts, words)
  local is_own = opts.idle ~= nil
  local idle, why = listening.check_idle(opts.idle or self.template.idle or { say = words.still_there })
  if not idle then return why end
  idle.say = idle.say or words.still_there
  idle.is_own = is_own
  opts.idle = idle
end

local function read_filler(opts, words)
  if opts.filler == false then return nil end
  local filler, why = options.try("filler", type(opts.filler) == "table" and opts.filler or {}, filler_fields)
  if not filler then return why end
  filler.say = list_of(filler.say) or words.fillers
  opts.filler = filler
end

-- Our own ear cuts speech where the turn may be over; a vendor's is only told when to look for its last word.
local PIECE_S, LONGEST_PIECE_S = 0.3, 5

local function read_turns(self, opts)
  local given = { partials = self._has_vendor_ear or false }
  for name, value in pairs(opts.turns) do given[name] = value end
  given.language = given.language or self.template.voice.language
  local machine, why = turns.new(given)
  if not machine then return why end
  local silence = math.min(machine.settings.silence, LONGEST_PIECE_S)
  opts.endpoint = opts.endpoint or (self._has_vendor_ear and PIECE_S or silence)
  machine.settings.hangover = given.hangover and machine.settings.hangover or opts.endpoint
  opts.turns = machine
end

local function read(self, given)
  local opts = options.read("call:converse", given, fields, 3)
  local words = language.of(self.language) or language.plain
  opts.sorry = opts.sorry or words.again
  local why = check_tools(opts.tools) or read_models(self, opts) or read_idle(self, opts, words) or read_filler(opts, words)
    or read_turns(self, opts)
  if why then error("call:converse: " .. why, 3) end
  if opts.barge_in == nil then opts.barge_in = self.template.barge_in end
  return opts
end

---Holds a conversation with a language model until one of its tools returns tool.done { … }, nothing is said any more, or no
---model answers.
---@param given callisto.ConverseOptions
---@return {outcome: string|nil, data: any, next: function|nil}|nil result  `next`: the step that a tool leads to
---@return "silence"|"failed"|nil reason
function Call:converse(given)
  local opts = read(self, given)
  self:_listen_for { free_text = true, endpoint_ms = opts.endpoint * 1000 }
  return ears.with(self._ears, function(ear)
    ear.takes_keys = true
    local conversation = conversations.new(self, opts, ear)
    return task.finally(conversation.run, function() conversation:close() end, conversation)
  end)
end

return { methods = Call }
