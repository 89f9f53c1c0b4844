-- Servers that transcribe a sound file at a time, as OpenAI's /v1/audio/transcriptions: Groq, speaches, whisper.cpp, vLLM.
-- What callers say is cut here, and asked for utterance by utterance. docs/vendors/whisper.md.

local ears = require "providers.shared.ears"
local stt = require "callisto.provider.stt"

return stt {
  name = "whisper",
  engine = "http",
  languages = { "*", "detect" },
  account = { key = "WHISPER_API_KEY", base = "WHISPER_BASE_URL" },
  required = { "base" },
  options = {
    model = { "string", default = "whisper-1" },
    prompt = { "string" },
    path = { "string", default = "/audio/transcriptions" },  -- behind WHISPER_BASE_URL; of whisper.cpp "/inference"
  },
  media = ears.media({ "l16/16000", "l16/8000" }, {
    frame_ms = 20, binary_out = true,
    words_in = { text = "text" },
    error_in = { code = "error.code|error.type|error", text = "error.message|error" },
  }),
  patience = 15,
  deaf_after = 0,  -- no words come before the end of an utterance
  faults = { { "insufficient_quota", "refused" } },
  connect = function(account, about)
    local is_one = not about.detects and #about.languages == 1
    return {
      url = account.base .. about.options.path,
      headers = account.key and { Authorization = "Bearer " .. account.key } or nil,
      form = {
        model = about.options.model, response_format = "json", prompt = about.options.prompt,
        language = is_one and about.language:match "^%a+" or nil,
      },
    }
  end,
}
