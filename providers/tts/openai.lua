-- OpenAI's speech: one request a text, whose body is 16-bit sound as it is made. `base` reaches any server that speaks the
-- same; one that sends a WAV file is understood, too. docs/vendors/openai-speech.md.

local speech_requests = require "providers.shared.speech_requests"
local tts = require "callisto.provider.tts"

return tts {
  name = "openai",
  engine = "http",
  languages = {
    "en", "hi", "es", "pt", "fr", "de", "ar", "id", "ta", "te", "it", "nl", "pl", "ja", "zh", "ko", "tr", "ru", "sv",
  },
  voices = { "marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse" },
  account = { key = "OPENAI_API_KEY", base = "OPENAI_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "gpt-4o-mini-tts" },
    instructions = { "string" },
    speed = { "number", min = 0.25, max = 4 },
  },
  media = { ["l16/24000"] = { encoding = "l16le", rate = 24000, binary_in = true } },
  say = function(_, about)
    return { speech_requests.body(about.options, { response_format = "pcm", instructions = about.options.instructions }) }
  end,
  connect = function(account) return speech_requests.request(account, "https://api.openai.com/v1") end,
}
