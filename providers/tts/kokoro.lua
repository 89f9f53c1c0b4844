-- Kokoro on a server of one's own (Kokoro-FastAPI, and speaches with `model` set), which speaks as OpenAI does.
-- docs/vendors/kokoro.md.

local speech_requests = require "providers.shared.speech_requests"
local tts = require "callisto.provider.tts"

return tts {
  name = "kokoro",
  engine = "http",
  languages = { "en", "hi", "es", "pt", "fr", "it", "ja", "zh" },
  voices = { "af_heart", "af_bella", "am_michael", "bf_emma" },
  voice_pattern = "^[%w_+()]+$",
  account = { key = "KOKORO_API_KEY", base = "KOKORO_BASE_URL" },
  options = {
    model = { "string", default = "kokoro" },
    speed = { "number", min = 0.25, max = 4 },
    lang_code = { "string" },
  },
  media = { ["l16/24000"] = { encoding = "l16le", rate = 24000, binary_in = true } },
  say = function(_, about)
    local more = { response_format = "pcm", stream = true, lang_code = about.options.lang_code }
    return { speech_requests.body(about.options, more) }
  end,
  connect = function(account) return speech_requests.request(account, "http://127.0.0.1:8880/v1") end,
}
