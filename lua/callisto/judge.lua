-- callisto.judge: whether what a workspace's files return is what they must return, one by one and together.
--
-- The start of a service VM, a reload and `callisto check` ask the same judge, so that none lets in what another refuses. A
-- template may name a voice, and a route an agent: providers are judged before templates, and routes after them. What is wrong
-- is a sentence that names the field and the remedy.

local carrier = require "callisto.provider.carrier"
local options = require "callisto.options"
local stt = require "callisto.provider.stt"
local template = require "callisto.template"
local tts = require "callisto.provider.tts"

local judge = {}

---@class callisto.Judge
---@field agents table<string, string>  plain name → path of its template
---@field stt table<string, callisto.Stt>  by name
---@field tts table<string, callisto.Tts>
local Judge = {}
Judge.__index = Judge

---@return callisto.Judge
function judge.new() return setmetatable({ agents = {}, stt = {}, tts = {} }, Judge) end

-- "-" and "_" are the same in the name of an agent.
local function plain(name) return (name:lower():gsub("-", "_")) end

-- What a name should have been: the one most like it, else what there is.
local function instead(name, known)
  return (options.unknown(name, known):gsub("^.-; ", ""))
end

local function set_of(list)
  local set = {}
  for _, each in ipairs(list) do set[each] = true end
  return set
end

-- Whether one of the languages is this one, or stands for all of its regions.
local function speaks(languages, language)
  for _, each in ipairs(languages) do
    if each == language or each == language:match "^(%a+)[-_]" then return true end
  end
  return false
end

local function language_fault(language, kind, made)
  if speaks(made.languages, language) then return nil end
  return ("'language' is '%s', which %s '%s' does not have; %s"):format(language, kind, made.name,
    instead(language, set_of(made.languages)))
end

-- What of a template's `voice` is not there.
local function voice_fault(self, voice)
  for _, kind in ipairs { "stt", "tts" } do
    local name = voice[kind]
    local made = self[kind][name]
    if not made then
      return ("'%s' is '%s', and providers/%s has no such file; %s"):format(kind, name, kind, instead(name, self[kind]))
    end
    local why = language_fault(voice.language, kind, made)
    if why then return why end
  end
  local voices = set_of(self.tts[voice.tts].voices)
  if not voice.voice or voices[voice.voice] then return nil end
  return ("'voice' is '%s', which tts '%s' does not have; %s"):format(voice.voice, voice.tts, instead(voice.voice, voices))
end

---@param path string
---@param value any  what the file returned
---@return string|nil problem
function Judge:template(path, value)
  if not template.is(value) then return "template is not what the file returns: end it with return template { … }" end
  local name = plain(value.name)
  if self.agents[name] and self.agents[name] ~= path then
    return ("template: 'name' is also the name of %s"):format(self.agents[name])
  end
  self.agents[name] = path
  local why = voice_fault(self, value.voice)
  return why and ("template '%s': voice: %s"):format(value.name, why) or nil
end

---Runs a template's own test.
---@param value callisto.Template
---@return string|nil problem
function Judge:self_test(value)
  if not value.self_test then return nil end
  local ok, answer = pcall(value.self_test)
  if not ok then return tostring(answer) end
  if answer == false then return "template: 'self_test' returned false" end
end

---@param value any
---@return string|nil problem
function Judge:carrier(_, value)
  if not carrier.is(value) then return "carrier is not what the file returns: end it with return carrier { … }" end
end

local function speech(self, kind, is, value)
  if not is(value) then return ("%s is not what the file returns: end it with return %s { … }"):format(kind, kind) end
  self[kind][value.name] = value
end

---@param value any
---@return string|nil problem
function Judge:ear(_, value) return speech(self, "stt", stt.is, value) end

---@param value any
---@return string|nil problem
function Judge:speaker(_, value) return speech(self, "tts", tts.is, value) end

---@param value any
---@return string|nil problem
function Judge:menu(_, value)
  if type(value) ~= "table" then return "menu is not what the file returns: end it with return menu { … }" end
end

---Templates may be called by the names of their files too.
---@param module string  "templates.order"
function Judge:file(module)
  local name = plain(module:match "([^.]+)$")
  self.agents[name] = self.agents[name] or module
end

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local function route_fault(self, where, name)
  if type(name) == "string" and self.agents[plain(name)] then return nil end
  local near = type(name) == "string" and options.nearest(plain(name), self.agents)
  return ("return: '%s' leads to the agent %s, which is not there%s"):format(where, tostring(name),
    near and ("; did you mean %s?"):format(near:gsub("_", "-")) or "")
end

-- What judges which modules. Others return what they like.
local kinds = {
  { "^templates%.", Judge.template },
  { "^providers%.carriers%.", Judge.carrier },
  { "^providers%.stt%.", Judge.ear },
  { "^providers%.tts%.", Judge.speaker },
  { "^menus%.", Judge.menu },
}

---Judges what a module returned, by its name.
---@param module string  "providers.tts.acme"
---@param path string
---@param value any
---@return string|nil problem
function Judge:module(module, path, value)
  for _, kind in ipairs(kinds) do
    if module:find(kind[1]) then return kind[2](self, path, value) end
  end
end

---@param value any  of routing.lua, after all the templates
---@return string[] problems
function Judge:routing(value)
  local routing, why = options.try("return", value, {
    numbers = { "map", default = {} },
    default = { "string" },
    unknown = { "map", fields = { redirect = { "string" }, say = { "string" } } },
  })
  if not routing then return { why } end
  local problems = {}
  for _, number in ipairs(sorted_names(routing.numbers)) do
    problems[#problems + 1] = route_fault(self, number, routing.numbers[number])
  end
  if routing.default then problems[#problems + 1] = route_fault(self, "default", routing.default) end
  return problems
end

return judge
