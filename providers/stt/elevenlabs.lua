-- ElevenLabs, Scribe in real time. docs/vendors/elevenlabs.md. UNCONFIRMED by the vendor's own pages: the default model, mu-law,
-- `language_code`; all three can be set.

local ears = require "providers.shared.ears"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "ulaw", l16le = "pcm" }
local FAULTS = {
  auth_error = "refused", quota_exceeded_error = "refused", unaccepted_terms_error = "refused", input_error = "refused",
  rate_limited = "busy", queue_overflow = "busy", resource_exhausted = "busy", session_time_limit_exceeded = "again",
  insufficient_audio_activity = "again",
}

local function faults()
  local list = {}
  for code, class in pairs(FAULTS) do list[#list + 1] = { code, class } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

return stt {
  name = "elevenlabs",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "ELEVENLABS_API_KEY", base = "ELEVENLABS_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "scribe_v2_realtime" },
    audio = { "string" },  -- `audio_format`, instead of the one that fits the call
    language_code = { "string" },  -- instead of the template's; "" leaves it out
  },
  media = ears.media({ "pcmu/8000", "l16/8000", "l16/16000", "l16/24000" }, {
    frame_ms = 100, event = "message_type",
    audio_out = function(rate)
      return ('{"message_type":"input_audio_chunk","audio_base_64":"$audio","commit":false,"sample_rate":%d}'):format(rate)
    end,
    start_in = { event = "session_started" },
    words_in = {
      event = "partial_transcript|committed_transcript", text = "text",
      final = { "message_type", "committed_transcript" }, language = "language_code",
    },
    error_in = {
      event = "error|auth_error|quota_exceeded_error|transcriber_error|input_error|rate_limited|queue_overflow|"
        .. "resource_exhausted|session_time_limit_exceeded|insufficient_audio_activity|unaccepted_terms_error",
      code = "message_type", text = "error",
    },
  }),
  faults = faults(),
  connect = function(account, about)
    local options, media = about.options, about.media
    local is_one = not about.detects and #about.languages == 1
    local language = options.language_code or (is_one and about.language:match "^%a+") or ""
    return {
      url = ears.url((account.base or "wss://api.elevenlabs.io") .. "/v1/speech-to-text/realtime", {
        { "model_id", options.model }, { "audio_format", options.audio or encodings[media.encoding] .. "_" .. media.rate },
        { "commit_strategy", "vad" }, { "language_code", language ~= "" and language or nil },
      }),
      headers = { ["xi-api-key"] = account.key },
    }
  end,
}
