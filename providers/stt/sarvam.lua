-- Sarvam, languages of India: https://docs.sarvam.ai/api-reference/speech-to-text/transcribe/realtime/ws. docs/vendors/sarvam.md.

local ears = require "providers.shared.ears"
local stt = require "callisto.provider.stt"

-- Its pages call Odia "od".
local function code(about)
  if about.detects or #about.languages ~= 1 then return "unknown" end
  local base = about.language:match "^%a+"
  return (base == "or" and "od" or base) .. "-IN"
end

return stt {
  name = "sarvam",
  engine = "socket",
  languages = { "en", "hi", "bn", "gu", "kn", "ml", "mr", "od", "or", "pa", "ta", "te", "detect" },
  account = { key = "SARVAM_API_KEY", base = "SARVAM_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "saaras:v3" },
    mode = { "string", default = "transcribe",
      values = { transcribe = true, translate = true, verbatim = true, translit = true, codemix = true } },
    high_vad_sensitivity = { "boolean" },
  },
  -- 8 kHz was seen to be refused, so the sound is always 16 kHz. A text comes once an utterance, sooner when it is asked for at
  -- the end of speech. What its times count from is UNCONFIRMED: they are not used.
  media = ears.media({ "l16/16000" }, {
    frame_ms = 100, event = "data.signal_type|type",
    audio_out = '{"audio":{"data":"$audio","encoding":"audio/wav","sample_rate":16000}}',
    words_in = {
      event = "data|START_SPEECH", text = "data.transcript", final = { "type", "data" },
      started = { "data.signal_type", "START_SPEECH" }, language = "data.language_code",
    },
    replies = { { event = "END_SPEECH", text = '{"type":"flush"}' } },
    error_in = {
      event = "error|errors", code = "data.error.code|error.code|data.code|code",
      text = "data.error.message|error.message|data.message|error",
    },
  }),
  deaf_after = 20,  -- no words come before the end of an utterance
  faults = { { "insufficient_quota_error", "refused" }, { "rate_limit_exceeded_error", "busy" },
    { "invalid_api_key_error", "refused" } },
  connect = function(account, about)
    local options = about.options
    return {
      url = ears.url((account.base or "wss://api.sarvam.ai") .. "/speech-to-text/ws", {
        { "language-code", code(about) }, { "model", options.model }, { "mode", options.mode },
        { "sample_rate", about.media.rate }, { "input_audio_codec", "pcm_s16le" }, { "vad_signals", true },
        { "flush_signal", true }, { "high_vad_sensitivity", options.high_vad_sensitivity },
      }),
      headers = { ["api-subscription-key"] = account.key },
    }
  end,
}
