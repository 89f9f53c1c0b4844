-- callisto.hearing: which ears a template's `voice` names, in the order in which they are tried, and for which languages.
--
--   voice = { stt = "deepgram", stt_options = { model = "nova-3", keyterms = { "Acme" } }, language = "hi-IN" }
--   voice = { stt = { { "deepgram", model = "nova-3" }, "soniox", "local" }, language = { "en", "hi", "detect" } }

local hearing = {}

---@class callisto.ChosenEar
---@field name string  a file of providers/stt
---@field options table<string, any>  what the provider declares as `options`

local MOST = 4

local function ear_of(entry)
  if type(entry) == "string" then return { name = entry, options = {} } end
  if type(entry) ~= "table" or type(entry[1]) ~= "string" or #entry > 1 then return nil end
  local ear = { name = entry[1], options = {} }
  for name, value in pairs(entry) do
    if name ~= 1 then ear.options[name] = value end
  end
  return ear
end

---The ears, first to last; nil and why what is given names none.
---@param voice callisto.TemplateVoice
---@return callisto.ChosenEar[]|nil ears, string? message
function hearing.ears(voice)
  if type(voice.stt) == "string" then return { { name = voice.stt, options = voice.stt_options or {} } } end
  if voice.stt_options then return nil, "'stt_options' is for one ear; of several, { name, option = value, … } has its own" end
  local ears, seen = {}, {}
  for i, entry in ipairs(voice.stt) do
    local ear = ear_of(entry)
    if not ear then return nil, "'stt' must be a list of names and of { name, option = value, … }" end
    if seen[ear.name] then return nil, ("'stt' names '%s' twice"):format(ear.name) end
    ears[i], seen[ear.name] = ear, true
  end
  for name in pairs(voice.stt) do
    if not ears[name] then return nil, ("'stt' is a list and cannot have '%s'"):format(tostring(name)) end
  end
  if #ears == 0 or #ears > MOST then return nil, ("'stt' must name an ear, at most %d"):format(MOST) end
  return ears
end

---Which languages callers may speak: those the template names, the first of which is its own.
---@param voice {language: string, languages: string[]|nil}
---@return string[] languages, boolean detects  whether any other is to be found out as well
function hearing.languages(voice)
  local list, detects = {}, false
  for _, each in ipairs(voice.languages or { voice.language }) do
    if each == "detect" then detects = true else list[#list + 1] = each end
  end
  return list, detects
end

---For callisto.options: what is wrong with the `language` of a template.
---@param value string|table
---@return string|nil problem
function hearing.check_language(value)
  if #value == 0 then return "must name a language" end
  for _, each in ipairs(type(value) == "table" and value or {}) do
    if type(each) ~= "string" then return 'must be a language such as "hi-IN", or a list of them' end
  end
end

---Reads a list of languages, or "detect", of a template: `language` is then its own one.
---@param voice table
function hearing.read_languages(voice)
  if type(voice.language) == "table" then
    voice.languages = voice.language
  elseif voice.language == "detect" then
    voice.languages = { "detect" }
  end
  voice.language = hearing.languages(voice)[1] or "en"
end

return hearing
