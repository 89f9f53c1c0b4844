-- Sarvam (Bulbul) over its socket: settings first, then one text at a time. It has no word for "not wanted any more": what
-- still comes of a text is dropped until it says that it was all. docs/vendors/sarvam.md.

local http = require "callisto.http"
local json = require "callisto.json"
local tts = require "callisto.provider.tts"

local CODECS = { pcmu = "mulaw", pcma = "alaw", l16le = "linear16" }

local function format(encoding, rate)
  return {
    encoding = encoding, rate = rate, event = "type",
    audio_in = { event = "audio", payload = "data.audio" },
    mark_in = { event = "event", when = { "data.event_type", "final" } },
    error_in = { event = "error", code = "data.code", text = "data.message" },
    say_out = { '{"type":"text","data":{"text":"$text "}}', '{"type":"flush"}' },
  }
end

-- India's languages are called by region.
local function language_of(language)
  return language:find "-" and language or language .. "-IN"
end

return tts {
  name = "sarvam",
  engine = "socket",
  languages = { "hi", "en", "bn", "gu", "kn", "ml", "mr", "od", "pa", "ta", "te" },
  voices = { "anushka", "manisha", "vidya", "arya", "abhilash", "karun", "hitesh" },
  voice_pattern = "^%l+$",
  account = { key = "SARVAM_API_KEY", base = "SARVAM_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "bulbul:v2" },
    pace = { "number", min = 0.3, max = 3 },
    -- Of bulbul:v2 alone; others may refuse them.
    pitch = { "number", min = -0.75, max = 0.75 },
    loudness = { "number", min = 0.3, max = 3 },
    preprocessing = { "boolean" },
    -- Of bulbul:v3 alone.
    temperature = { "number", min = 0, max = 2 },
  },
  media = {
    default = "pcmu/8000",
    ["pcmu/8000"] = format("pcmu", 8000),
    ["pcma/8000"] = format("pcma", 8000),
    ["l16/16000"] = format("l16le", 16000),
    ["l16/24000"] = format("l16le", 24000),
  },
  connect = function(account, about)
    local options = about.options
    local query = { { "model", options.model }, { "send_completion_event", "true" } }
    return {
      url = (account.base or "wss://api.sarvam.ai") .. "/text-to-speech/ws?" .. http.form(query),
      headers = { ["api-subscription-key"] = account.key },
      opening = { json.encode { type = "config", data = {
        model = options.model, target_language_code = language_of(about.language), speaker = about.voice,
        speech_sample_rate = tostring(about.media.rate), output_audio_codec = CODECS[about.media.encoding],
        min_buffer_size = 50, max_chunk_length = 150, pace = options.pace, pitch = options.pitch, loudness = options.loudness,
        enable_preprocessing = options.preprocessing, temperature = options.temperature,
      } } },
      keepalive = { '{"type":"ping"}', every = "20s" },
    }
  end,
}
