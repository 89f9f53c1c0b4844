-- callisto.flow.sayings: what a template is known to say before it runs, and whether that can be said in its languages.

local later = require "callisto.util.later"
local options = require "callisto.options"
local text = require "callisto.text"
local wording = require "callisto.wording"

local keypad = later "callisto.keypad" ---@module "callisto.keypad"
local menu = later "callisto.menu" ---@module "callisto.menu"

local sayings = {}

local MOST_BYTES = 4000

local function check_places(given, place, sentence)
  for _, name in ipairs(text.places(sentence)) do
    local field = name:match "^[^.]+"
    if next(given.payload) and not given.payload[field] then
      local near = options.nearest(field, given.payload)
      return ("template: %s uses {%s}, which 'payload' does not have%s"):format(place, name,
        near and ("; did you mean {%s}?"):format(near) or "")
    end
  end
end

local function check_greeting(given)
  for _, tag in ipairs(wording.languages(given.voice)) do
    local sentence = wording.of(given.greeting, tag) or ""
    if #sentence > MOST_BYTES then return "template: 'greeting' is longer than 4,000 bytes" end
    local why = check_places(given, "'greeting'", sentence)
    if why then return why end
  end
end

local function each_sentence(given, visit)
  local idle, inbound = given.idle or {}, given.inbound
  for _, pair in ipairs {
    { "'greeting'", given.greeting or "" }, { "'fallback'", given.fallback or "" }, { "idle: 'say'", idle.say or "" },
    { "idle: 'goodbye'", idle.goodbye or "" }, { "inbound: 'block_message'", inbound.block_message or "" },
    { "inbound: 'outside_hours_message'", inbound.outside_hours_message or "" },
  } do
    local found = visit(pair[1], pair[2])
    if found then return found end
  end
  if given.menu then return menu.each_sentence(given.menu, visit) end
  if given.keypad then return keypad.each_sentence(given.keypad, visit) end
end

---What is said by language must be there in every language the template speaks, and a language needs words for its values.
---@param given table  the template's fields, checked one by one
---@return string|nil problem
function sayings.check(given)
  local languages = wording.languages(given.voice)
  local why = each_sentence(given, function(place, sentence)
    local problem = wording.check_for(sentence, languages)
    return problem and ("template: %s %s"):format(place, problem)
  end)
  return why or given.greeting and check_greeting(given) or nil
end

return sayings
