-- Gladia, live v2: a session is asked for first, then its socket opened. https://docs.gladia.io/asyncapi.yaml.
-- docs/vendors/gladia.md.

local ears = require "providers.shared.ears"
local json = require "callisto.json"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "wav/ulaw", pcma = "wav/alaw", l16le = "wav/pcm" }

local function vocabulary(terms)
  if #terms == 0 then return nil end
  return { custom_vocabulary = true, custom_vocabulary_config = { vocabulary = terms } }
end

return stt {
  name = "gladia",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "GLADIA_API_KEY", base = "GLADIA_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "solaria-1" },
    region = { "string", values = { ["eu-west"] = true, ["us-west"] = true } },
    vocabulary = { "list", default = {}, each = { "string" } },
    endpointing = { "number", default = 0.3, min = 0.01, max = 10 },  -- seconds of silence that end a turn
    longest = { "number", default = 15, min = 5, max = 60 },  -- seconds after which a turn ends without silence
  },
  -- Times count from the beginning of the session, over its sockets, ours from the beginning of each: they are not used.
  media = ears.media({ "pcmu/8000", "pcma/8000", "l16/8000", "l16/16000" }, {
    frame_ms = 60, event = "type", binary_out = true,
    words_in = {
      event = "transcript|speech_start", text = "data.utterance.text", turn = "data.id", final = "data.is_final",
      started = { "type", "speech_start" }, language = "data.utterance.language", confidence = "data.utterance.confidence",
    },
    error_in = { event = "error", code = "error.code|data.code", text = "error.message|data.message" },
  }),
  faults = { { "4400", "refused" }, { "4401", "refused" }, { "4402", "refused" }, { "4403", "refused" }, { "4429", "busy" } },
  prepare = function(account, about)
    local options, media = about.options, about.media
    return {
      method = "POST",
      url = ears.url((account.base or "https://api.gladia.io") .. "/v2/live", { { "region", options.region } }),
      headers = { ["X-Gladia-Key"] = account.key, ["Content-Type"] = "application/json" },
      body = json.encode {
        encoding = encodings[media.encoding], bit_depth = media.encoding == "l16le" and 16 or 8, sample_rate = media.rate,
        channels = 1, model = options.model, endpointing = options.endpointing,
        maximum_duration_without_endpointing = options.longest,
        language_config = {
          languages = json.array(ears.bases(about.languages)), code_switching = about.detects or #about.languages > 1,
        },
        realtime_processing = vocabulary(options.vocabulary),
        messages_config = {
          receive_partial_transcripts = true, receive_final_transcripts = true, receive_speech_events = true,
          receive_errors = true, receive_acknowledgments = false, receive_lifecycle_events = false,
        },
      },
    }
  end,
  connect = function(_, _, answer)
    local session = json.decode(answer.body)
    local url = session and session.url or error("the answer has no 'url'", 0)
    return { url = url, secrets = { url:match "token=([^&]+)" }, closing = '{"type":"stop_recording"}' }
  end,
}
