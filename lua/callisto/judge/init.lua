-- callisto.judge: whether the files of a workspace are what they must be, one by one and together, and what they are.
--
-- The start of a server, a reload, specs and `callisto check` ask the same judge (core/script/judge.h), so that none lets in
-- what another refuses. Each file was loaded in a VM of its own, and came from there as data (callisto.judge.reading). A file
-- may have tampered with that VM, so what it says is checked once more. What is wrong is a sentence that names the field and
-- the remedy, at a file and a line.

local carrier = require "callisto.provider.carrier"
local globals = require "callisto.judge.globals"
local hearing = require "callisto.hearing"
local json = require "callisto.json"
local llm = require "callisto.provider.llm"
local options = require "callisto.options"
local place = require "callisto.judge.place"
local sounds = require "callisto.judge.sounds"
local speakers = require "callisto.speakers"
local stt = require "callisto.provider.stt"
local template = require "callisto.template"
local tts = require "callisto.provider.tts"
local unsayable = require("callisto.language").unsayable

local judge = {}

---@class callisto.JudgedFile  a module as it came from its VM
---@field module string  "templates.order"
---@field path string
---@field chunk function|nil  compiled, never run here
---@field value any  its data; nil: not what its folder holds
---@field error string|nil
---@field trace string|nil

---@class callisto.Problem
---@field file string
---@field line integer|nil
---@field message string

---@class callisto.Catalog  what a service knows of a workspace
---@field templates table[]  callisto.Template as data, with `module`
---@field carriers table[]  callisto.Carrier as data, with `module`, and `functions`: the places of its functions
---@field stt table<string, table>
---@field tts table<string, table>
---@field llm table<string, table>
---@field routing {numbers: table<string, string>, default: string|nil}
---@field subscribers table<string, table>|nil

---@class callisto.Verdict
---@field files string[]  of the workspace
---@field problems callisto.Problem[]
---@field warnings callisto.Problem[]
---@field catalog callisto.Catalog

---@class callisto.Judge
---@field agents table<string, string>  plain name → path of its template
---@field templates table<string, callisto.JudgedFile>  plain name → the file that has it
---@field carriers table<string, callisto.JudgedFile>
---@field stt table<string, callisto.JudgedFile>
---@field tts table<string, callisto.JudgedFile>
---@field llm table<string, callisto.JudgedFile>
---@field paths table<string, true>
local Judge = {}
Judge.__index = Judge

-- "-" and "_" are the same in the name of an agent.
local function plain(name) return (name:lower():gsub("-", "_")) end

-- What a name should have been: the one most like it, else what there is.
local function instead(name, known) return (options.unknown(name, known):gsub("^.-; ", "")) end

local function set_of(list)
  local set = {}
  for _, each in ipairs(list) do set[each] = true end
  return set
end

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

-- Problems ---------------------------------------------------------------------------------------------------------

local function place_of(self, source, message, trace)
  local text = read(source.path)
  local found = place.of(source.path, message, trace, self.paths, text)
  if not found.line and not text and source.chunk then found.line = globals.last_line(source.chunk) end
  return found
end

-- A menu that is wrong is wrong for each template that has it, and is told once.
local function add(self, list, source, message, trace)
  local found = place_of(self, source, message, trace)
  local is_of_another = found.message == message and self.said[message] and self.said[message] ~= source.path
  local key = ("%s:%s %s"):format(found.file, tostring(found.line), found.message)
  if is_of_another or self.said[key] then return end
  self.said[key], self.said[found.message] = found.file, found.file
  list[#list + 1] = found
end

-- What is wrong with a file by itself, before its value matters.
local function fault_of_text(self, source)
  if source.chunk then
    local line, message = globals.fault(source.chunk)
    if line then return { file = source.path, line = line, message = message } end
  end
  return source.error and (source.error:gsub("(module '[^']*' is broken: )[^\n:]+:%d+: ", "%1"))
end

-- Voices -----------------------------------------------------------------------------------------------------------

-- Whether one of the languages is this one, or stands for all of its regions; "*" is any.
local function speaks(languages, language)
  for _, each in ipairs(languages) do
    if each == language or each == language:match "^(%a+)[-_]" or each == "*" then return true end
  end
  return false
end

local function language_fault(language, kind, made)
  if speaks(made.languages, language) then return nil end
  return ("'language' is '%s', which %s '%s' does not have; %s"):format(language, kind, made.name,
    instead(language, set_of(made.languages)))
end

local function unknown_fault(self, kind, name)
  if self.catalog[kind][name] then return nil end
  return ("'%s' is '%s', and providers/%s has no such file; %s"):format(kind, name, kind, instead(name, self.catalog[kind]))
end

-- The ear in the process may be the last one whatever the language: it hears English, and a call without any ear nothing.
local function ear_fault(self, voice, ear, position)
  local why = unknown_fault(self, "stt", ear.name)
  if why then return why end
  local made = self.catalog.stt[ear.name]
  local values
  values, why = options.try(("options of '%s'"):format(ear.name), ear.options, made.options or {})
  if not values then return why end
  local languages, detects = hearing.languages(voice)
  if made.engine == "local" and position > 1 then return nil end
  for _, language in ipairs(languages) do
    why = language_fault(language, "stt", made)
    if why then return why end
  end
  if detects and not set_of(made.languages).detect then
    return ("'language' is 'detect', and stt '%s' cannot tell languages apart"):format(made.name)
  end
end

-- What of a voice a template names is not there. The ones in the process may come last whatever the language: a call without
-- any voice is worse.
local function speaker_fault(self, speaker, language, rank)
  local why = unknown_fault(self, "tts", speaker.tts)
  if why then return why end
  local made = self.catalog.tts[speaker.tts]
  why = (made.engine ~= "local" or rank == 1) and language_fault(language, "tts", made) or nil
  if why then return why end
  local values
  values, why = options.try(("options of '%s'"):format(made.name), speaker.options, made.options or {})
  if not values then return why end
  if not speaker.voice or tts.has_voice(made, speaker.voice) then return nil end
  local known = instead(speaker.voice, set_of(made.voices))
  return ("'voice' is '%s', which tts '%s' does not have; %s"):format(speaker.voice, made.name, known)
end

-- What of a template's `voice` is not there.
local function voice_fault(self, voice)
  for position, ear in ipairs(hearing.ears(voice)) do
    local why = ear_fault(self, voice, ear, position)
    if why then return why end
  end
  for position, speaker in ipairs(speakers.of(voice)) do
    local why = speaker_fault(self, speaker, voice.language, position)
    if why then return why end
  end
end

-- Models of a template whose vendor is not there.
local function model_fault(self, models)
  for _, name in ipairs(models or {}) do
    local vendor = name:match "^([^/]+)/"
    if not self.catalog.llm[vendor] then
      return ("'llm' is '%s', and providers/llm has no such file; %s"):format(name, instead(vendor, self.catalog.llm))
    end
  end
end

-- One file ---------------------------------------------------------------------------------------------------------

local function file_name(source) return plain(source.module:match "([^.]+)$") end

-- Of several files with one name the one in the file of that name has it, else the first: a file that comes along does not
-- take the calls of another.
local function find_owners(files, prefix)
  local owners = {}
  for _, source in ipairs(files) do
    local name = source.module:find(prefix) and type(source.value) == "table" and source.value.name
    if type(name) == "string" then
      name = plain(name)
      if not owners[name] or file_name(source) == name then owners[name] = source end
    end
  end
  return owners
end

local function name_fault(source, kind, owner)
  if owner == source then return nil end
  return ("%s: 'name' is also the name of %s.lua"):format(kind, (owner.module:gsub("%.", "/")))
end

-- What is accepted and not carried out yet.
local function warn_of_template(self, source, value)
  for _, name in ipairs { "retry", "hours" } do
    if value[name] then
      add(self, self.verdict.warnings, source,
        ("template '%s': '%s' is read, and nothing carries it out yet"):format(value.name, name))
    end
  end
end

-- A call that plays a file that is not there breaks there, or is silent.
local function warn_of_sounds(self, source)
  local module_file = source.module:gsub("%.", "/") .. ".lua"
  if source.path:sub(-#module_file) ~= module_file then return end
  local text = read(source.path)
  for _, each in ipairs(text and sounds.missing(text, source.path:sub(1, -#module_file - 1)) or {}) do
    add(self, self.verdict.warnings, source, ("%s:%d: call:%s: there is no sound file '%s' in the workspace"):format(source.path,
      each.line, each.verb, each.path))
  end
end

-- What our own voice has no sound for would be silence.
local function warn_of_greeting(self, source, value)
  local made = self.catalog.tts[value.voice.tts]
  if made.engine ~= "local" then return end
  local texts = type(value.greeting) == "table" and value.greeting or { value.greeting }
  for _, tag in ipairs(sorted_names(texts)) do
    local word = unsayable(texts[tag])
    if word then
      add(self, self.verdict.warnings, source,
        ("template '%s': 'greeting' has \"%s\", which tts '%s' cannot say"):format(value.name, word, made.name))
    end
  end
end

local function judge_template(self, source)
  local value, why = template.of_data(source.value)
  if not value then return why end
  why = name_fault(source, "template", self.templates[plain(value.name)])
  if why then return why end
  self.agents[plain(value.name)] = source.path
  why = voice_fault(self, value.voice)
  if why then return ("template '%s': voice: %s"):format(value.name, why) end
  why = model_fault(self, value.llm)
  if why then return ("template '%s': %s"):format(value.name, why) end
  warn_of_template(self, source, value)
  warn_of_greeting(self, source, value)
  source.value.module = source.module
  table.insert(self.catalog.templates, source.value)
end

-- An adapter gets its own carrier's account: the variables that begin with its name; a vendor's may serve several of its
-- files, deepgram and deepgram_flux.
local function account_fault(value, owner)
  owner = owner or value.name
  local prefix = owner:upper():gsub("-", "_") .. "_"
  if owner == "callisto" then return "'name' is ours" end
  for _, field in ipairs(sorted_names(value.account)) do
    local variable = value.account[field]
    if type(variable) ~= "string" or variable:sub(1, #prefix) ~= prefix then
      return ("account: '%s' is %s; an account has variables that begin with %s"):format(field, tostring(variable), prefix)
    end
  end
end

local function stand_in() return function() end end

local function judge_carrier(self, source)
  local value, why = carrier.of_data(source.value, stand_in)
  if not value then return why end
  why = name_fault(source, "carrier", self.carriers[plain(value.name)])
  if why then return why end
  why = account_fault(value)
  if why then return ("carrier '%s': %s"):format(value.name, why) end
  source.value.module = source.module
  table.insert(self.catalog.carriers, source.value)
end

local function judge_vendor(kind, maker)
  return function(self, source)
    local value, why = maker.of_data(source.value, stand_in)
    if not value then return why end
    why = name_fault(source, kind, self[kind][plain(value.name)])
    if why then return why end
    why = account_fault(value, value.name:match "^[^_]+")
    if why then return ("%s '%s': %s"):format(kind, value.name, why) end
    source.value.module = source.module
    self.catalog[kind][value.name] = source.value
  end
end

local function judge_subscribers(self, source) self.catalog.subscribers = source.value end

-- What judges which modules, and what makes them. Others return what they like.
local kinds = {
  { "^templates%.", "template", judge_template },
  { "^providers%.carriers%.", "carrier", judge_carrier },
  { "^providers%.stt%.", "stt", judge_vendor("stt", stt) },
  { "^providers%.tts%.", "tts", judge_vendor("tts", tts) },
  { "^providers%.llm%.", "llm", judge_vendor("llm", llm) },
  { "^menus%.", "menu", function() end },
  { "^exchange%.subscribers$", "a table of subscribers by number", judge_subscribers },
}

local function judge_file(self, source)
  local why = fault_of_text(self, source)
  if why then return why end
  warn_of_sounds(self, source)
  for _, kind in ipairs(kinds) do
    if source.module:find(kind[1]) then
      if type(source.value) == "table" then
        local ok, fault = pcall(kind[3], self, source)
        return ok and fault or not ok and "what the file returns cannot be read: " .. tostring(fault) or nil
      end
      local remedy = kind[2]:find " " and "" or (": end it with return %s { … }"):format(kind[2])
      return ("%s is not what the file returns%s"):format(kind[2], remedy)
    end
  end
end

-- Routes -----------------------------------------------------------------------------------------------------------

local function route_fault(self, where, name)
  if type(name) == "string" and self.agents[plain(name)] then return nil end
  local near = type(name) == "string" and options.nearest(plain(name), self.agents)
  return ("return: '%s' leads to the agent %s, which is not there%s"):format(where, tostring(name),
    near and ("; did you mean %s?"):format(near:gsub("_", "-")) or "")
end

-- What is wrong with routes; those that lead somewhere are in the catalog.
local function judge_routing(self, value)
  local routing, why = options.try("return", value, {
    numbers = { "map", default = {} },
    default = { "string" },
    unknown = { "map", fields = { redirect = { "string" }, say = { "string" } } },
  })
  if not routing then return { why } end
  local faults, numbers = {}, {}
  for _, number in ipairs(sorted_names(routing.numbers)) do
    local fault = route_fault(self, number, routing.numbers[number])
    faults[#faults + 1] = fault
    if not fault then numbers[number] = routing.numbers[number] end
  end
  local fault = routing.default and route_fault(self, "default", routing.default)
  faults[#faults + 1] = fault or nil
  self.catalog.routing = { numbers = numbers, default = not fault and routing.default or nil, unknown = routing.unknown }
  return faults
end

-- Templates may be called by the names of their files too.
local function add_file_names(self)
  for _, each in ipairs(self.catalog.templates) do
    local name = file_name(each)
    self.agents[name] = self.agents[name] or each.module
  end
end

local function judge_routes(self, source)
  add_file_names(self)
  local why = fault_of_text(self, source)
  local faults = why and { why } or judge_routing(self, source.value)
  for _, fault in ipairs(faults) do self:refuse(source, fault) end
end

-- All of it --------------------------------------------------------------------------------------------------------

---@param source callisto.JudgedFile
---@param why string|callisto.Problem
function Judge:refuse(source, why)
  local problems = self.verdict.problems
  if type(why) == "table" then problems[#problems + 1] = why else add(self, problems, source, why, source.trace) end
end

---Judges files, providers and menus before templates, and routes last.
---@param files callisto.JudgedFile[]
---@param library string|nil  folder of our own Lua; what is shipped beside it is not the workspace's
---@return callisto.Verdict
function judge.verdict(files, library)
  local verdict = {
    files = json.array {}, problems = json.array {}, warnings = json.array {},
    catalog = {
      templates = json.array {}, carriers = json.array {}, stt = {}, tts = {}, llm = {}, routing = { numbers = {} },
    },
  }
  local self = setmetatable({
    verdict = verdict, catalog = verdict.catalog, agents = {}, paths = {}, said = {},
    templates = find_owners(files, "^templates%."), carriers = find_owners(files, "^providers%.carriers%."),
    stt = find_owners(files, "^providers%.stt%."), tts = find_owners(files, "^providers%.tts%."),
    llm = find_owners(files, "^providers%.llm%."),
  }, Judge)
  for _, source in ipairs(files) do
    source.path = source.path:gsub("^%./", "")
    self.paths[source.path] = true
    if not library or source.path:sub(1, #library) ~= library then table.insert(verdict.files, source.path) end
  end
  for _, source in ipairs(files) do
    if source.module == "routing" then
      judge_routes(self, source)
    elseif not source.module:find "^routing" then
      local why = judge_file(self, source)
      if why then self:refuse(source, why) end
    end
  end
  return verdict
end

return judge
