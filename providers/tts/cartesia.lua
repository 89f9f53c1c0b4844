-- Cartesia over its socket: each sentence is a context, which its messages name and which can be cancelled. Words come with
-- their times. It closes a socket without traffic after five minutes, which is then opened again. docs/vendors/cartesia.md.

local tts = require "callisto.provider.tts"
local vendor = require "callisto.provider.vendor"

local ENCODINGS = { pcmu = "pcm_mulaw", pcma = "pcm_alaw", l16le = "pcm_s16le" }

local function format(encoding, rate)
  return {
    encoding = encoding, rate = rate, event = "type",
    audio_in = { event = "chunk", payload = "data" },
    utterance_in = "context_id",
    mark_in = { event = "done", name = "context_id" },
    error_in = { event = "error", code = "error_code|status_code", text = "message|title|error" },
    times_in = { event = "timestamps", texts = "word_timestamps.words", ends = "word_timestamps.end" },
    cancel_out = '{"context_id":"$mark","cancel":true}',
  }
end

local function generation_of(options)
  local config = { speed = options.speed, volume = options.volume, emotion = options.emotion }
  return next(config) and config or nil
end

return tts {
  name = "cartesia",
  engine = "socket",
  languages = {
    "en", "hi", "es", "pt", "fr", "de", "ar", "id", "ta", "te", "it", "nl", "pl", "ja", "zh", "ko", "tr", "sv", "ru", "bn", "mr",
    "gu", "kn", "ml", "pa", "vi", "th", "he", "el", "cs", "da", "fi", "hu", "no", "ro", "sk", "uk", "bg", "hr", "ms", "tl", "ka",
  },
  voices = { "f786b574-daa5-4673-aa0c-cbe3e8534c02" },
  voice_pattern = "^[%w-]+$",
  account = { key = "CARTESIA_API_KEY", base = "CARTESIA_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "sonic-3" },
    speed = { "number", min = 0.6, max = 1.5 },
    volume = { "number", min = 0.5, max = 2 },
    emotion = { "string" },
    pronunciation_dict = { "string" },
    version = { "string", default = "2026-03-01" },
  },
  media = {
    default = "pcmu/8000",
    ["pcmu/8000"] = format("pcmu", 8000),
    ["pcma/8000"] = format("pcma", 8000),
    ["l16/16000"] = format("l16le", 16000),
    ["l16/24000"] = format("l16le", 24000),
  },
  say = function(_, about)
    return { vendor.message {
      model_id = about.options.model, transcript = "$text", voice = { mode = "id", id = "$voice" },
      output_format = { container = "raw", encoding = ENCODINGS[about.media.encoding], sample_rate = about.media.rate },
      language = about.language:match "^%a+", context_id = "$mark", continue = false, add_timestamps = true,
      max_buffer_delay_ms = 0, generation_config = generation_of(about.options),
      pronunciation_dict_id = about.options.pronunciation_dict,
    } }
  end,
  connect = function(account, about)
    return {
      url = (account.base or "wss://api.cartesia.ai") .. "/tts/websocket",
      headers = { Authorization = "Bearer " .. account.key, ["Cartesia-Version"] = about.options.version },
    }
  end,
}
