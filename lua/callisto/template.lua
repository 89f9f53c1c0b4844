-- callisto.template: what an agent is. `template { … }` checks the table when the file is loaded and returns it as data.

local later = require "callisto.util.later"
local options = require "callisto.options"
local text = require "callisto.text"

local hearing = later "callisto.hearing" ---@module "callisto.hearing"
local hours = later "callisto.hours" ---@module "callisto.hours"
local keypad = later "callisto.keypad" ---@module "callisto.keypad"
local listening = later "callisto.flow.listening" ---@module "callisto.flow.listening"
local menu = later "callisto.menu" ---@module "callisto.menu"
local retry = later "callisto.retry" ---@module "callisto.retry"
local speakers = later "callisto.speakers" ---@module "callisto.speakers"

local types = {}
for _, name in ipairs { "string", "number", "integer", "boolean", "array", "object", "null", "any" } do types[name] = true end

local voice_fields = {
  stt = { "string|map", default = "local" },
  stt_options = { "map" },
  tts = { "string|map", default = "local", check = function(value)
    return type(value) == "table" and select(2, speakers.read(value)) or nil
  end },
  language = { "string|list", default = "en", check = function(value)
    return value ~= "en" and hearing.check_language(value) or nil
  end },
  languages = { "list", each = { "string" } },
  voice = { "string" },
  tts_options = { "map", default = {} },
  more_tts = { "list", default = {} },
}

local function voice_of(given)
  local voice, why = options.try("template: voice", given, voice_fields)
  if not voice then return nil, why end
  if type(voice.stt) == "table" then
    local ears
    ears, why = hearing.ears(voice)
    if not ears then return nil, "template: voice: " .. why end
  end
  if type(voice.tts) == "table" then speakers.spread(voice) end
  if type(voice.language) == "table" or voice.language == "detect" then hearing.read_languages(voice) end
  return voice
end

local inbound_fields = {
  enabled = { "boolean", default = true },
  hours = { "map" },
  block_action = { "string", default = "REJECT", values = { REJECT = true, REDIRECT = true } },
  redirect_number = { "string" },
  block_message = { "string|map", check = text.check },
  outside_hours_message = { "string|map", check = text.check },
  enforce_blacklist = { "boolean", default = true },
  rate_limit = { "integer", min = 1 },
  rate_window = { "duration", default = 1800 },
  whitelist = { "list", default = {} },
}

---@class callisto.TemplateVoice
---@field stt string|table  a file of providers/stt; several, and their options: callisto.hearing
---@field stt_options table|nil  what else `stt` lets a template choose
---@field tts string|table  a file of providers/tts; several, and their options: callisto.speakers; the first of them after the
---  check
---@field tts_options table  what else `tts` lets a template choose
---@field more_tts callisto.Speaker[]  those that speak when it fails
---@field voice string|nil  one of the voices of `tts`
---@field language string  the template's own; it may be given as a list, or "detect"
---@field languages string[]|nil  all that callers may speak

---@class callisto.Template
---@field name string  how webhooks, routes and the API call it
---@field description string|nil
---@field payload table<string, string>  field → type; a "?" after the type makes it optional
---@field greeting callisto.Wording|nil  spoken the moment the line is open
---@field greeting_barge_in boolean  whether speech of the caller stops the greeting too
---@field voice callisto.TemplateVoice
---@field retry callisto.RetryPolicy|nil
---@field hours callisto.Hours|nil
---@field fallback callisto.Wording  spoken when the script fails
---@field on_call fun(call: callisto.Call): any  the flow, or its first function
---@field menu callisto.Menu|nil  instead of on_call
---@field keypad callisto.Keypad|nil  instead of on_call
---@field idle callisto.Idle|nil  what `listen` does at silence
---@field secrets string[]  names of those that call.secrets has
---@field inbound table
---@field llm string[]|nil  the models that `converse` asks, in this order: "vendor/model"
---@field record boolean
---@field answering_machine boolean  whether the carrier shall find out who answers a call of ours; call.answered_by
---@field barge_in boolean  whether speech of the caller stops the agent, unless a sentence says otherwise
---@field longest number  seconds
---@field ring number  seconds
---@field silence number  seconds after which a call in which neither side makes a sound is ended
---@field settings table  anything of the template's own
---@field self_test function|nil
local fields = {
  name = { "string", required = true },
  description = { "string" },
  payload = { "map", default = {} },
  greeting = { "string|map", check = text.check },
  greeting_barge_in = { "boolean", default = false },
  voice = { "map", default = {} },
  retry = { "map" },
  hours = { "map" },
  fallback = { "string|map", check = text.check },
  on_call = { "function" },
  start = { "function" },
  menu = { "map" },
  keypad = { "map" },
  idle = { "map" },
  secrets = { "list", default = {} },
  inbound = { "map", default = {} },
  llm = { "string|list" },
  record = { "boolean", default = false },
  answering_machine = { "boolean", default = false },
  barge_in = { "boolean", default = true },
  longest = { "duration", default = 3600, min = 10, max = 14400 },
  ring = { "duration", default = 60, min = 5, max = 600 },
  silence = { "duration", default = 300, min = 10, max = 14400 },
  settings = { "map", default = {} },
  self_test = { "function" },
}

local function check_name(name)
  if not name:match("^[%w][%w_%-]*$") or #name > 64 then
    return "template: 'name' must be letters, digits, '-' and '_', at most 64"
  end
end

local function check_payload(payload)
  for name, kind in pairs(payload) do
    if type(name) ~= "string" then return "template: 'payload' must map names to types" end
    local base = type(kind) == "string" and kind:match("^(%a+)%??$")
    if not base or not types[base] then
      local about = options.unknown(base or kind, types):gsub("field", "type")
      return ("template: payload '%s': %s"):format(name, about)
    end
  end
end

-- The sentences of a template that speaks English alone, and says little, need no second look.
local function check_sentences(values)
  local voice, inbound = values.voice, values.inbound
  local is_simple = voice.language == "en" and not voice.languages and not values.greeting and not values.menu
    and not values.keypad and not values.idle and type(values.fallback) ~= "table"
    and not inbound.block_message and not inbound.outside_hours_message
  return not is_simple and require("callisto.flow.sayings").check(values) or nil
end

-- Of the ways to say what happens in the call exactly one; all of them end up as `on_call`.
local function check_flow(values)
  local given = {}
  for _, name in ipairs { "on_call", "start", "menu", "keypad" } do
    if values[name] then given[#given + 1] = "'" .. name .. "'" end
  end
  if #given == 0 then return "'on_call' is missing (function); 'start', 'menu' or 'keypad' may be there instead" end
  if #given > 1 then return ("of %s only one can be the flow"):format(table.concat(given, " and ")) end
  if values.menu and not menu.is(values.menu) then return "'menu' must be what menu { … } returns" end
  if values.keypad and not keypad.is(values.keypad) then return "'keypad' must be what keypad { … } returns" end
  if values.keypad and not values.keypad.nodes[values.keypad.initial].prompt and not values.greeting then
    return "'greeting' is missing (string); it is the prompt of the keypad's first node"
  end
  local tree = values.menu or values.keypad
  values.on_call = values.on_call or values.start or function() return tree end
  values.start = nil
  return values.menu and menu.as_flow(values.menu)
end

local function check_models(values)
  if type(values.llm) == "string" then values.llm = { values.llm } end
  for _, name in ipairs(values.llm or {}) do
    if type(name) ~= "string" or not name:find "^[%l%d_-]+/." then
      return 'template: \'llm\' must be "vendor/model", such as "openai/gpt-4.1-mini", or a list of such'
    end
  end
end

local function check_secrets(list)
  for _, name in ipairs(list) do
    if type(name) ~= "string" or not name:match("^[%a][%w_]*$") then
      return "template: 'secrets' must be a list of names of letters, digits and '_'"
    end
  end
end

local function check_parts(values)
  local why
  values.voice, why = voice_of(values.voice)
  if not values.voice then return why end
  values.inbound, why = options.try("template: inbound", values.inbound, inbound_fields)
  if not values.inbound then return why end
  if values.inbound.block_action == "REDIRECT" and not values.inbound.redirect_number then
    return "template: inbound: 'redirect_number' is missing; block_action REDIRECT needs it"
  end
  if values.inbound.hours then
    values.inbound.hours, why = hours.check(values.inbound.hours)
    if not values.inbound.hours then return "template: inbound: " .. why end
  end
  if values.idle then
    values.idle, why = listening.check_idle(values.idle)
    if not values.idle then return "template: " .. why end
  end
  if values.retry then
    values.retry, why = retry.check(values.retry)
    if not values.retry then return "template: " .. why end
  end
  if values.hours then
    values.hours, why = hours.check(values.hours)
    if not values.hours then return "template: " .. why end
  end
end

local meta = { __index = {} }

-- A whole number from here on may be one that was rounded.
local INEXACT = 2 ^ 53

local function fits(value, kind)
  if kind == "any" then return true end
  if kind == "number" then return type(value) == "number" and math.abs(value) < math.huge end
  if kind == "integer" then
    return type(value) == "number" and value == math.floor(value) and math.abs(value) < INEXACT
  end
  if kind == "array" or kind == "object" then return type(value) == "table" end
  if kind == "null" then return value == nil end
  return type(value) == kind
end

-- JSON has no end of digits, a script's number has: what is longer arrives as text.
local function remedy_of(value, kind)
  if kind ~= "integer" and kind ~= "number" then return "" end
  local is_long = type(value) == "number" and math.abs(value) >= INEXACT
    or type(value) == "string" and value:find "^%-?%d+$" and #value > 15
  if is_long then return " of so many digits; a number of more than 15 is declared as string" end
  return type(value) == "string" and tonumber(value) and "; send it without quotes" or ""
end

---Checks what a caller of the API gives for this template.
---@param self callisto.Template
---@param payload table
---@return true|nil ok, string? message
function meta.__index.accepts(self, payload)
  for name, kind in pairs(self.payload) do
    local base, optional = kind:match("^(%a+)(%??)$")
    local value = payload[name]
    if value == nil then
      if optional == "" and base ~= "null" and base ~= "any" then return nil, ("'%s' is missing (%s)"):format(name, base) end
    elseif not fits(value, base) then
      return nil, ("'%s' must be %s, not %s%s"):format(name, base, type(value), remedy_of(value, base))
    end
  end
  return true
end

local function fallback_of(tag)
  if tag == "en" then return "We are sorry, something went wrong. Please call again later. Goodbye." end
  local language = require "callisto.language"
  return (language.of(tag) or language.plain).fallback
end

local function build(given, level)
  if type(given) ~= "table" then error("template needs a table", level) end
  local title = type(given.name) == "string" and ("template '%s'"):format(given.name:sub(1, 64)) or "template"
  local values, why = options.try(title, given, fields)
  if values then
    why = check_flow(values)
    why = why and ("%s: %s"):format(title, why)
    why = why or check_name(values.name) or check_payload(values.payload) or check_parts(values) or check_secrets(values.secrets)
      or check_models(values) or check_sentences(values)
  end
  if why then error(why, level) end
  values.fallback = values.fallback or fallback_of(values.voice.language)
  return setmetatable(values, meta)
end

local template = {}

---Whether a value was made by `template { … }`.
---@return boolean
function template.is(value) return getmetatable(value) == meta end

-- What is known of a template where it does not run.
local data_fields = {}
for _, name in ipairs {
  "name", "description", "payload", "greeting", "voice", "fallback", "secrets", "inbound", "record", "answering_machine",
  "longest", "ring", "retry", "hours", "llm",
} do data_fields[name] = fields[name] end

---The names of the fields that say what a template is to those who do not run it.
---@return string[]
function template.data_names()
  local names = {}
  for name in pairs(data_fields) do names[#names + 1] = name end
  return names
end

---A template of its data alone, such as another VM gave it: it can be asked, not run.
---@param data any
---@return callisto.Template|nil, string? message
function template.of_data(data)
  local values, why = options.try("template", data, data_fields)
  if not values then return nil, why end
  values.voice, why = voice_of(values.voice)
  if not values.voice then return nil, why end
  values.inbound, why = options.try("template: inbound", values.inbound, inbound_fields)
  if not values.inbound then return nil, why end
  why = check_name(values.name) or check_payload(values.payload) or check_secrets(values.secrets)
    or check_models(values)
  if why then return nil, why end
  values.fallback = values.fallback or fallback_of(values.voice.language)
  return setmetatable(values, meta)
end

---@param given table
---@return callisto.Template
function template.new(given)
  local built = build(given, 3) -- not a tail call: the level of its errors counts this function
  return built
end

return setmetatable(template, { __call = function(_, given)
  local built = build(given, 3)
  return built
end })
