-- callisto.wording: a sentence that is given in several languages, { en = "Hello.", hi = "नमस्ते।" }, or as one text for all.

local hearing = require "callisto.hearing"
local language = require "callisto.language"
local later = require "callisto.util.later"

local locale = later "callisto.locale" ---@module "callisto.locale"
local text = later "callisto.text" ---@module "callisto.text"

local wording = {}

---@alias callisto.Wording string|table<string, string>  a text, or texts by language: "hi", or "hi-IN" for one region alone

local function names_of(sentence)
  local names = {}
  for name in pairs(sentence) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return names
end

-- The text for a language: that of its region, or that of the language.
local function text_for(sentence, tag)
  return sentence[tag] or sentence[language.base(tag) or ""]
end

---A sentence in a language.
---@param sentence callisto.Wording
---@param tag string
---@return string|nil text  nil when it is not given in it
function wording.of(sentence, tag)
  if type(sentence) ~= "table" then return sentence end
  return text_for(sentence, tag)
end

---A sentence in a language, else in the first of others that it has, else in any.
---@param sentence callisto.Wording
---@param tag string
---@param others string[]|nil
---@return string|nil text  nil for what is neither a text nor texts by language
---@return boolean|nil is_other  it is in another language
function wording.pick(sentence, tag, others)
  if type(sentence) == "string" then return sentence end
  if type(sentence) ~= "table" then return nil end
  local found = text_for(sentence, tag)
  if type(found) == "string" then return found end
  for _, each in ipairs(others or {}) do
    found = text_for(sentence, each)
    if type(found) == "string" then return found, true end
  end
  found = sentence[names_of(sentence)[1]]
  if type(found) == "string" then return found, true end
end

---A sentence as our own voice can say it, which takes the place of a vendor's: in the language that is wanted, else in another.
---@param sentence callisto.Wording
---@param tag string
---@return string|nil text  nil when it cannot say any of it
function wording.for_our_voice(sentence, tag)
  local wanted = wording.pick(sentence, tag, { "en" })
  if not language.unsayable(wanted) then return wanted end
  for _, name in ipairs(type(sentence) == "table" and names_of(sentence) or {}) do
    if not language.unsayable(sentence[name]) then return sentence[name] end
  end
end

---The languages a template speaks: those its callers may speak, else its own.
---@param voice callisto.TemplateVoice
---@return string[]
function wording.languages(voice)
  local list = hearing.languages(voice)
  return #list > 0 and list or { voice.language }
end

---A sentence of a template where no flow runs: in the language a call begins with.
---@param template callisto.Template
---@param sentence callisto.Wording
---@return string
function wording.of_template(template, sentence)
  return (wording.pick(sentence, template.voice.language, wording.languages(template.voice)))
end

---For callisto.options: what is wrong with texts by language.
---@param sentence table<string, string>
---@return string|nil problem
function wording.check(sentence)
  local names = names_of(sentence)
  if #names == 0 then return 'is empty; write a text, or { en = "…", hi = "…" }' end
  for _, name in ipairs(names) do
    if not language.base(name) then return ('has "%s", which is not a language such as "hi" or "hi-IN"'):format(name) end
    if type(sentence[name]) ~= "string" then
      return ('must be a text, or texts by language such as { en = "…", hi = "…" }; "%s" is not one'):format(name)
    end
    local why = text.check(sentence[name])
    if why then return ('in "%s" %s'):format(name, why) end
  end
end

-- Transformations that need words for numbers, and how those are spelled.
local needs = { number = "number", money = "number", ordinal = "ordinal" }

local function lacks_words(sentence, tag)
  for name in sentence:gmatch "{[^{}|]*|%s*(%a+)" do
    local _, message, code
    if needs[name] then _, message, code = locale.spell(tag, 1, needs[name]) end
    if code == "EOPNOTSUPP" then
      return ("has '|%s', but %s; leave it out, and the voice reads the figures"):format(name, message)
    end
  end
end

---Whether a sentence can be said in all of these languages.
---@param sentence callisto.Wording
---@param tags string[]
---@return string|nil problem
function wording.check_for(sentence, tags)
  for _, tag in ipairs(tags) do
    local found = wording.of(sentence, tag)
    if not found then
      return ('is not given in "%s", a language of the template; there are: %s'):format(tag,
        table.concat(names_of(sentence), ", "))
    end
    local why = language.base(tag) and language.base(tag) ~= "en" and lacks_words(found, tag)
    if why then return why end
  end
end

return wording
