-- ElevenLabs over its socket of several contexts: each sentence is a context, which its messages name and which is closed when
-- the sentence is not wanted any more. Letters come with their times. docs/vendors/elevenlabs.md.

local http = require "callisto.http"
local tts = require "callisto.provider.tts"
local vendor = require "callisto.provider.vendor"

local ENCODINGS = { pcmu = "ulaw", pcma = "alaw", l16le = "pcm" }

-- Answers have been seen in two spellings.
local function format(encoding, rate)
  return {
    encoding = encoding, rate = rate,
    audio_in = { payload = "audio" },
    utterance_in = "contextId|context_id",
    mark_in = { when = "isFinal|is_final", name = "contextId|context_id" },
    error_in = { code = "error", text = "message|error" },
    -- Documented as counted from the begin of each chunk; were they counted from the utterance's, less would be told, not more.
    times_in = {
      texts = "alignment.chars", starts = "alignment.charStartTimesMs|alignment.charsStartTimesMs",
      lasts = "alignment.charDurationsMs|alignment.charsDurationsMs", ms = true, relative = true,
    },
    cancel_out = '{"context_id":"$mark","close_context":true}',
  }
end

local function settings_of(options)
  return {
    stability = options.stability, similarity_boost = options.similarity_boost, style = options.style,
    use_speaker_boost = options.use_speaker_boost, speed = options.speed,
  }
end

return tts {
  name = "elevenlabs",
  engine = "socket",
  languages = {
    "en", "hi", "es", "pt", "fr", "de", "ar", "id", "ta", "it", "nl", "pl", "ja", "zh", "ko", "tr", "sv", "fil", "bg", "ro", "cs",
    "el", "fi", "hr", "ms", "sk", "da", "uk", "ru", "hu", "no", "vi",
  },
  voices = { "21m00Tcm4TlvDq8ikWAM" },
  voice_pattern = "^%w+$",
  account = { key = "ELEVENLABS_API_KEY", base = "ELEVENLABS_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "eleven_flash_v2_5" },
    stability = { "number", min = 0, max = 1 },
    similarity_boost = { "number", min = 0, max = 1 },
    style = { "number", min = 0, max = 1 },
    use_speaker_boost = { "boolean" },
    speed = { "number", min = 0.7, max = 1.2 },
    -- Only some models take it; one that lacks the language refuses the socket.
    send_language = { "boolean", default = true },
    normalization = { "string", values = { auto = true, on = true, off = true } },
  },
  media = {
    default = "pcmu/8000",
    ["pcmu/8000"] = format("pcmu", 8000),
    ["pcma/8000"] = format("pcma", 8000),
    ["l16/16000"] = format("l16le", 16000),
    ["l16/24000"] = format("l16le", 24000),
  },
  -- Whole sentences: each is made as soon as it is flushed. The first message of a context has its settings and a blank.
  say = function(_, about)
    local settings = settings_of(about.options)
    return {
      vendor.message { text = " ", context_id = "$mark", voice_settings = next(settings) and settings or nil },
      '{"text":"$text ","context_id":"$mark","flush":true}',
      '{"context_id":"$mark","close_context":true}',
    }
  end,
  connect = function(account, about)
    local options = about.options
    local output = ("%s_%d"):format(ENCODINGS[about.media.encoding], about.media.rate)
    local query = {
      { "model_id", options.model }, { "output_format", output }, { "auto_mode", "true" },
      { "sync_alignment", "true" }, { "inactivity_timeout", "180" },
      { "language_code", options.send_language and about.language:match "^%a+" or nil },
      { "apply_text_normalization", options.normalization },
    }
    return {
      url = ("%s/v1/text-to-speech/%s/multi-stream-input?%s"):format(account.base or "wss://api.elevenlabs.io",
        http.escape(about.voice), http.form(query)),
      headers = { ["xi-api-key"] = account.key },
      closing = '{"close_socket":true}',
      keepalive = { '{"text":""}', every = "15s" },
    }
  end,
}
