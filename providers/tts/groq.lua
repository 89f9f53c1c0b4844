-- Groq's speech, as OpenAI's, but in the call's own format where the model allows it. docs/vendors/groq-speech.md.

local speech_requests = require "providers.shared.speech_requests"
local tts = require "callisto.provider.tts"

return tts {
  name = "groq",
  engine = "http",
  languages = { "en", "ar" },
  voices = { "autumn", "diana", "hannah", "austin", "daniel", "troy" },
  voice_pattern = "^[%w-]+$",
  account = { key = "GROQ_API_KEY", base = "GROQ_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "canopylabs/orpheus-v1-english" },
    speed = { "number", min = 0.5, max = 5 },
    -- "mulaw" for models that make it; a header, if it has one, is read.
    format = { "string", default = "wav", values = { wav = true, mulaw = true } },
  },
  media = { ["pcmu/8000"] = { encoding = "pcmu", rate = 8000, binary_in = true } },
  say = function(_, about)
    return { speech_requests.body(about.options, { response_format = about.options.format, sample_rate = 8000 }) }
  end,
  connect = function(account) return speech_requests.request(account, "https://api.groq.com/openai/v1") end,
}
