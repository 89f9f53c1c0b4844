-- callisto.exchange.vendors: the doubles of speech and language vendors in the exchange's process.
--
--   exchange/model.lua of the workspace   return { replies = { … }, … }: what the language model says
--   exchange/voice.lua                    return { first_audio = …, … }: how the voices are, over HTTP
--
-- They are there with or without a file: a model that nothing is written for says so.

local core = require "callisto.core"
local json = require "callisto.json"
local model = require "callisto.exchange.vendors.model"

local task = require "callisto.task"
local voice = require "callisto.exchange.vendors.voice"

local vendors = {}

local talker ---@type callisto.exchange.Model
local speaker ---@type callisto.exchange.Voice

local function script_of(name)
  for _, module in ipairs(core.modules(name)) do
    if module.error then error(("%s: %s"):format(module.path, module.error), 0) end
    if module.name == name then return require(name) end
  end
  return {}
end

---Makes them, from the scripts of the workspace.
function vendors.start()
  talker, speaker = model.new(script_of "exchange.model"), voice.new(script_of "exchange.voice")
end

-- The voice of the process.
local function sound(text, encoding, rate)
  local asked = core.spoken(text, rate, encoding)
  local made = asked and task.answer("response", asked)
  return made and made.body
end

---What they answer to a request.
---@param message table  as core gives it
---@return table|nil answer  nil: it is for somebody else
function vendors.answer(message)
  return talker.request(message) or speaker.request(message, { sound = sound })
end

---What the language model was asked, without keys.
---@return {model: string, system: string|nil, messages: callisto.exchange.AskedMessage[], has_left: boolean}[]
function vendors.asked()
  local list = json.array {}
  for i, asked in ipairs(talker:asked()) do
    list[i] = {
      wire = asked.wire, model = asked.model, system = asked.system, messages = json.array(asked.messages),
      has_left = asked.has_left or false,
    }
  end
  return list
end

return vendors
