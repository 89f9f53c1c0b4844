-- callisto.provider.media: how a provider wraps audio on its socket, declared. The declaration is compiled in C
-- (core/wire/wire.h) and no sample ever reaches Lua; docs/media-socket.md describes every field.
--
-- A provider's `media` has its formats by name, and the name of the one that is used when no setting chooses:
--
--   media = { default = "pcmu/8000", ["pcmu/8000"] = { encoding = "pcmu", rate = 8000, … }, ["l16/16000"] = { … } }

local options = require "callisto.options"

local media = {}

local encodings = { pcmu = true, pcma = true, l16le = true, l16be = true }

-- A place in a message, or { place, what must be there }.
local function path_and(kind)
  return { "string|map", check = function(value)
    if type(value) == "string" then return nil end
    if #value == 2 and type(value[1]) == "string" and type(value[2]) == kind then return nil end
    return ("must be a path, or { path, %s }"):format(kind == "number" and "number" or "text")
  end }
end

local function rule(fields)
  fields.event = { "string" }
  return { "map", fields = fields }
end

local text = { "string" }
local says = path_and "string"

---@alias callisto.Encoding "pcmu"|"pcma"|"l16le"|"l16be"
---@alias callisto.MediaPath string  names joined by dots: "media.payload"

---@class callisto.Media  one format of a media socket
---@field name string|nil  for messages [the provider's]
---@field sub_protocol string|nil  of the WebSocket (Sec-WebSocket-Protocol), as the other side offers it
---@field encoding callisto.Encoding
---@field encoding_out callisto.Encoding|nil  when the directions differ
---@field rate integer  Hz
---@field frame_ms integer  how much a message of ours holds [20]
---@field event callisto.MediaPath|nil  where a message says what it is
---@field binary_in boolean|nil  audio comes as binary messages; else as base64 in JSON
---@field binary_out boolean|nil
---@field channels integer|nil  interleaved in what comes in; the first is heard [1]
---@field chunk_min integer|nil  bytes: a message of ours holds at least so many …
---@field chunk_multiple integer|nil  … and a multiple of these
---@field audio_in {event: string|nil, payload: callisto.MediaPath|nil, when: {[1]: callisto.MediaPath, [2]: string}|nil}|nil
---@field start_in callisto.MediaStart|nil  none: the stream begins with the socket
---@field mark_in callisto.MediaMark|nil
---@field dtmf_in {event: string, digit: callisto.MediaPath}|nil
---@field stop_in {event: string}|nil
---@field clear_in {event: string, when: {[1]: callisto.MediaPath, [2]: string}|nil}|nil
---@field pause_in {event: string}|nil
---@field resume_in {event: string}|nil
---@field error_in callisto.MediaError|nil
---@field words_in callisto.MediaWords|nil  of an ear
---@field utterance_in callisto.MediaPath|nil  of a voice: which utterance a message is about
---@field times_in callisto.MediaTimes|nil  of a voice
---@field sequence_in callisto.MediaPath|nil
---@field acknowledged_in callisto.MediaPath|nil
---@field stream_in callisto.MediaPath|nil
---@field audio_out string|nil  JSON with variables
---@field mark_out string|nil
---@field say_out string|string[]|nil  of a voice: $text, $mark, $voice; several messages, at most 4, are sent one after the other
---@field cancel_out string|nil  of a voice: the utterance $mark is not wanted any more
---@field clear string|nil
---@field dtmf_out string|nil
---@field stop_out string|nil
---@field replies {event: string, text: string, ends: boolean|nil, told: boolean|nil}[]|nil
---@field bye_out string|nil
---@field bye_wait number|nil  seconds [10]
---@field closed_by_peer boolean|nil

---@class callisto.MediaStart
---@field event string
---@field stream callisto.MediaPath|nil
---@field call callisto.MediaPath|nil
---@field encoding {[1]: callisto.MediaPath, [2]: string}|nil
---@field rate {[1]: callisto.MediaPath, [2]: number}|nil

---@alias callisto.MediaSays callisto.MediaPath|{[1]: callisto.MediaPath, [2]: string}  where a true says so, or this text

---@class callisto.MediaWords  what an ear has understood
---@field event string|nil  none: every message that has the list, or the text
---@field text callisto.MediaPath|nil  up to four spellings; none: the list has it
---@field piece callisto.MediaSays|nil  this text will not change, and the turn goes on
---@field final callisto.MediaSays|nil  the turn ends with this text. Neither this nor `ended` nor `list.ends`: with every text
---@field ended callisto.MediaSays|nil  the turn has ended, with what was told before
---@field likely callisto.MediaSays|nil  the turn has probably ended
---@field resumed callisto.MediaSays|nil  it has not
---@field started callisto.MediaSays|nil  the caller speaks
---@field turn callisto.MediaPath|nil  the name or number of the turn: what comes of one that is over is dropped
---@field language callisto.MediaPath|nil
---@field confidence callisto.MediaPath|nil  0 to 1
---@field from callisto.MediaPath|nil  where in the sound it was sent, in seconds
---@field to callisto.MediaPath|nil
---@field ms boolean|nil  times are milliseconds
---@field deltas boolean|nil  a text that may still change is what is new in its turn, not all of it
---@field list callisto.MediaWordList|nil

---@class callisto.MediaWordList  a list of words or parts of words; each has these
---@field at callisto.MediaPath  where the list is
---@field from callisto.MediaPath|nil
---@field to callisto.MediaPath|nil
---@field text callisto.MediaPath|nil  they are the text, too, joined as they are
---@field final callisto.MediaPath|nil  a true there: it will not change
---@field ends string|nil  a text, or several: "<end>|<fin>", which is not a word and ends the turn
---@field language callisto.MediaPath|nil
---@field confidence callisto.MediaPath|nil

---@class callisto.MediaTimes  when what is spoken: `ends`, or `starts` and `lasts`, are as long a list as `texts`
---@field event string|nil  none: any message may have them
---@field texts callisto.MediaPath  words or letters
---@field ends callisto.MediaPath|nil
---@field starts callisto.MediaPath|nil
---@field lasts callisto.MediaPath|nil
---@field ms boolean|nil  milliseconds; else seconds
---@field relative boolean|nil  they count from the end of what came in the last such message; else from the utterance's begin

---@class callisto.MediaMark
---@field event string|nil
---@field name callisto.MediaPath|nil
---@field when callisto.MediaPath|{[1]: callisto.MediaPath, [2]: string}|nil  of a voice: what a message must have to be one

---@class callisto.MediaError
---@field event string|nil
---@field code callisto.MediaPath|nil
---@field text callisto.MediaPath|nil
---@field retry_after callisto.MediaPath|nil
local fields = {
  name = text,
  sub_protocol = { "string", check = function(value)
    if #value < 64 and value:find "^[%w!#$%%&'*+%-.^_`|~]+$" then return nil end
    return "must be a word of letters, digits, '.', '-' and '_', of at most 63 bytes"
  end },
  encoding = { "string", required = true, values = encodings },
  encoding_out = { "string", values = encodings },
  rate = { "integer", required = true, min = 8000, max = 48000 },
  frame_ms = { "integer", default = 20, min = 10, max = 200 },
  event = text,
  binary_in = { "boolean" },
  binary_out = { "boolean" },
  channels = { "integer", min = 1, max = 2 },
  chunk_min = { "integer", min = 0, max = 65536 },
  chunk_multiple = { "integer", min = 0, max = 65536 },
  audio_in = rule { payload = text, when = path_and "string" },
  start_in = rule { stream = text, call = text, encoding = path_and "string", rate = path_and "number" },
  mark_in = rule { name = text, when = path_and "string" },
  dtmf_in = rule { digit = text },
  stop_in = rule {},
  clear_in = rule { when = path_and "string" },
  pause_in = rule {},
  resume_in = rule {},
  error_in = rule { code = text, text = text, retry_after = text },
  words_in = rule {
    text = text, turn = text, language = text, confidence = text, from = text, to = text, ms = { "boolean" },
    deltas = { "boolean" }, piece = says, final = says, ended = says, likely = says, resumed = says, started = says,
    list = { "map", fields = {
      at = { "string", required = true }, text = text, final = text, from = text, to = text, language = text,
      confidence = text, ends = text,
    } },
  },
  utterance_in = text,
  times_in = rule {
    texts = text, starts = text, ends = text, lasts = text, ms = { "boolean" }, relative = { "boolean" },
  },
  sequence_in = text,
  acknowledged_in = text,
  stream_in = text,
  audio_out = text,
  mark_out = text,
  say_out = { "string|list", each = { "string" } },
  cancel_out = text,
  clear = text,
  dtmf_out = text,
  stop_out = text,
  replies = { "list", each = {
    "map", fields = { event = text, text = text, ends = { "boolean" }, told = { "boolean" } },
  } },
  bye_out = text,
  bye_wait = { "number", min = 0, max = 60 },
  closed_by_peer = { "boolean" },
}

---@class callisto.Formats: table<string, callisto.Media>  by name
---@field default string  the name of the one that is used when no setting chooses

-- The format that is used when no setting chooses: the only one, or the one that is named.
local function default_of(title, formats, default)
  local only, another = next(formats), nil
  if only then another = next(formats, only) end
  if not only then return nil, ("%s: media: there is no format; give it one, by its name"):format(title) end
  if default == nil and not another then return only end
  if default == nil then return nil, ("%s: media: 'default' is missing: the name of one of the formats"):format(title) end
  if formats[default] then return default end
  return nil, ("%s: media: 'default' is not one of the formats: %s"):format(title,
    (options.unknown(default, formats):gsub("unknown field", "unknown format")))
end

---Checks the formats of a provider, to the last name.
---@param title string  whose they are, for messages: "carrier 'twilio'"
---@param name string  of the provider
---@param given table<string, table>
---@return callisto.Formats|nil formats, string? message
function media.check(title, name, given)
  local formats = {}
  for each, declared in pairs(given) do
    if each ~= "default" then
      local checked, why = options.try(("%s: media: %s"):format(title, tostring(each)), declared, fields)
      if not checked then return nil, why end
      checked.name = checked.name or name
      formats[each] = checked
    end
  end
  local default, why = default_of(title, formats, given.default)
  if not default then return nil, why end
  formats.default = default
  return formats
end

---The names of a provider's formats, the default one first.
---@param formats callisto.Formats
---@return string[]
function media.names(formats)
  local names = {}
  for name in pairs(formats) do
    if name ~= "default" and name ~= formats.default then names[#names + 1] = name end
  end
  table.sort(names)
  table.insert(names, 1, formats.default)
  return names
end

return media
