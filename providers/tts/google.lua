-- Google Cloud Text-to-Speech over its REST interface: the sound of a text comes whole, as base64 in JSON, with a WAV header.
-- (Sound as it is made there is only over gRPC.) docs/vendors/google-speech.md.

local tts = require "callisto.provider.tts"
local vendor = require "callisto.provider.vendor"

local ENCODINGS = { pcmu = "MULAW", pcma = "ALAW", l16le = "LINEAR16" }

local function format(encoding, rate) return { encoding = encoding, rate = rate, audio_in = { payload = "audioContent" } } end

return tts {
  name = "google",
  engine = "http",
  languages = {
    "en", "hi", "es", "pt", "fr", "de", "ar", "id", "ta", "te", "it", "nl", "pl", "ja", "cmn", "ko", "tr", "sv", "ru", "bn", "mr",
    "gu", "kn", "ml", "pa", "ur", "vi", "th", "he", "el", "cs", "da", "fi", "hu", "nb", "ro", "sk", "uk", "bg", "hr", "ms", "fil",
  },
  voices = { "en-US-Chirp3-HD-Kore" },
  voice_pattern = "^%a+%-%a+%-[%w-]+$",
  account = { key = "GOOGLE_TTS_KEY", base = "GOOGLE_TTS_BASE_URL" },
  required = { "key" },
  options = {
    speed = { "number", min = 0.25, max = 2 },
    pitch = { "number", min = -20, max = 20 },
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
      input = { text = "$text" },
      voice = { languageCode = about.voice:match "^%a+%-%a+", name = "$voice" },
      audioConfig = {
        audioEncoding = ENCODINGS[about.media.encoding], sampleRateHertz = about.media.rate, speakingRate = about.options.speed,
        pitch = about.options.pitch,
      },
    } }
  end,
  connect = function(account)
    return {
      url = (account.base or "https://texttospeech.googleapis.com") .. "/v1/text:synthesize",
      headers = { ["X-Goog-Api-Key"] = account.key, ["Content-Type"] = "application/json" },
    }
  end,
}
