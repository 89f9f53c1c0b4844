-- OpenAI, transcription over the realtime interface: https://platform.openai.com/docs/guides/realtime-transcription.
-- docs/vendors/openai.md.

local ears = require "providers.shared.ears"
local json = require "callisto.json"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "audio/pcmu", pcma = "audio/pcma", l16le = "audio/pcm" }
local ITEM = "conversation.item.input_audio_transcription."

local function detection(options)
  if options.semantic then return { type = "semantic_vad", eagerness = options.semantic } end
  return { type = "server_vad", threshold = options.threshold, prefix_padding_ms = 300,
    silence_duration_ms = options.silence }
end

return stt {
  name = "openai",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "OPENAI_API_KEY", base = "OPENAI_REALTIME_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "gpt-4o-transcribe" },  -- one that finds the end of a turn itself
    prompt = { "string" },
    silence = { "integer", default = 400, min = 100, max = 5000 },  -- ms that end a turn
    threshold = { "number", default = 0.5, min = 0, max = 1 },
    semantic = { "string", values = { low = true, medium = true, high = true, auto = true } },  -- by what was said, instead
    noise_reduction = { "string", values = { near_field = true, far_field = true } },
  },
  media = ears.media({ "pcmu/8000", "pcma/8000", "l16/24000" }, {
    frame_ms = 60, event = "type",
    audio_out = '{"type":"input_audio_buffer.append","audio":"$audio"}',
    start_in = { event = "session.updated" },
    words_in = {
      event = ("%sdelta|%scompleted|%sfailed|input_audio_buffer.speech_started"):format(ITEM, ITEM, ITEM),
      text = "transcript|delta", deltas = true, turn = "item_id",
      final = { "type", ITEM .. "completed" }, ended = { "type", ITEM .. "failed" },
      started = { "type", "input_audio_buffer.speech_started" }, language = "languages.0.code",
    },
    error_in = { event = "error", code = "error.code|error.type", text = "error.message" },
  }),
  faults = {
    { "session_expired", "again" }, { "insufficient_quota", "refused" }, { "invalid_api_key", "refused" },
    { "invalid_model", "refused" }, { "model_not_found", "refused" }, { "rate_limit_exceeded", "busy" },
  },
  connect = function(account, about)
    local options, media = about.options, about.media
    local is_one = not about.detects and #about.languages == 1
    return {
      url = (account.base or "wss://api.openai.com") .. "/v1/realtime?intent=transcription",
      headers = { Authorization = "Bearer " .. account.key },
      opening = { json.encode {
        type = "session.update",
        session = {
          type = "transcription",
          audio = { input = {
            format = { type = encodings[media.encoding], rate = media.encoding == "l16le" and media.rate or nil },
            transcription = {
              model = options.model, prompt = options.prompt, language = is_one and about.language:match "^%a+" or nil,
            },
            noise_reduction = options.noise_reduction and { type = options.noise_reduction } or nil,
            turn_detection = detection(options),
          } },
        },
      } },
    }
  end,
}
