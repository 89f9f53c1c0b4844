-- callisto.speakers: which voices a template's `tts` names, in the order in which they are tried.
--
--   voice = { tts = "elevenlabs", voice = "21m00Tcm4TlvDq8ikWAM" }
--   voice = { tts = { "elevenlabs", voice = "21m00Tcm4TlvDq8ikWAM", speed = 1.1 } }
--   voice = { tts = { { "elevenlabs", voice = "…" }, "cartesia", "local" } }

local speakers = {}

---@class callisto.Speaker
---@field tts string  a file of providers/tts
---@field voice string|nil  one of its voices
---@field options table<string, any>  what the provider declares as `options`

local MOST = 5

local function speaker_of(entry)
  if type(entry) == "string" then return { tts = entry, options = {} } end
  if type(entry) ~= "table" or type(entry[1]) ~= "string" or #entry > 1 then return nil end
  local options = {}
  for name, value in pairs(entry) do
    if name ~= 1 and name ~= "voice" then options[name] = value end
  end
  return { tts = entry[1], voice = entry.voice, options = options }
end

local function has_names(given)
  for name in pairs(given) do
    if type(name) ~= "number" then return true end
  end
  return false
end

---The voices, first to last; nil and why what is given names none.
---@param tts string|table  `voice.tts` of a template
---@return callisto.Speaker[]|nil speakers, string? message
function speakers.read(tts)
  local list = type(tts) == "table" and not has_names(tts) and tts or { tts }
  local read, seen = {}, {}
  for i, entry in ipairs(list) do
    local speaker = speaker_of(entry)
    if not speaker then return nil, "must be a name, { name, voice = …, option = value, … }, or a list of these" end
    if seen[speaker.tts] then return nil, ("names '%s' twice"):format(speaker.tts) end
    read[i], seen[speaker.tts] = speaker, true
  end
  if #read == 0 or #read > MOST then return nil, ("must name a voice, at most %d"):format(MOST) end
  return read
end

---Reads the `tts` of a template's `voice`: its first one is `tts` then, with `voice` and `tts_options`, and the others are
---`more_tts`.
---@param voice table
function speakers.spread(voice)
  if type(voice.tts) ~= "table" then return end
  local read = assert(speakers.read(voice.tts))
  local first = table.remove(read, 1)
  voice.tts, voice.voice, voice.more_tts = first.tts, first.voice or voice.voice, read
  for name, value in pairs(first.options) do voice.tts_options[name] = value end
end

---The voices of a template, first to last.
---@param voice table  as `spread` leaves it
---@return callisto.Speaker[]
function speakers.of(voice)
  local list = { { tts = voice.tts, voice = voice.voice, options = voice.tts_options or {} } }
  for _, speaker in ipairs(voice.more_tts or {}) do list[#list + 1] = speaker end
  return list
end

return speakers
