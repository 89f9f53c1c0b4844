-- Soniox, real time: https://soniox.com/docs/stt/api-reference/websocket-api. docs/vendors/soniox.md.

local ears = require "providers.shared.ears"
local json = require "callisto.json"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "mulaw", pcma = "alaw", l16le = "pcm_s16le" }

-- Keys that are left out keep the vendor's defaults: older models refuse some of them.
local function context(options)
  if #options.terms == 0 and not options.about then return nil end
  return { terms = #options.terms > 0 and options.terms or nil, text = options.about }
end

return stt {
  name = "soniox",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "SONIOX_API_KEY", base = "SONIOX_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "stt-rt-v5" },
    terms = { "list", default = {}, each = { "string" } },
    about = { "string" },  -- what calls are about, in a sentence or two
    strict = { "boolean" },  -- no other languages than the template's
    endpoint_delay = { "integer", min = 500, max = 3000 },  -- ms at most until the end of a turn is told
    sensitivity = { "number", min = -1, max = 1 },  -- from v5
  },
  -- The last of a turn's tokens says that it has ended. No message says what it is.
  media = ears.media({ "pcmu/8000", "pcma/8000", "l16/8000", "l16/16000", "l16/24000" }, {
    frame_ms = 60, binary_out = true,
    words_in = {
      ms = true,
      list = {
        at = "tokens", text = "text", final = "is_final", ends = "<end>|<fin>", from = "start_ms", to = "end_ms",
        language = "language", confidence = "confidence",
      },
    },
    error_in = { code = "error_code", text = "error_message" },
  }),
  catch_up = 2,  -- "far faster than real time may disconnect"
  faults = { { "restart the request", "again" }, { "408", "later" }, { "500", "later" } },
  connect = function(account, about)
    local options = about.options
    local is_open = about.detects or #about.languages > 1
    return {
      url = (account.base or "wss://stt-rt.soniox.com") .. "/transcribe-websocket",
      opening = { json.encode {
        api_key = account.key, model = options.model, audio_format = encodings[about.media.encoding],
        sample_rate = about.media.rate, num_channels = 1,
        language_hints = #about.languages > 0 and ears.bases(about.languages) or nil,
        language_hints_strict = options.strict, enable_language_identification = is_open or nil,
        enable_endpoint_detection = true, max_endpoint_delay_ms = options.endpoint_delay,
        endpoint_sensitivity = options.sensitivity, context = context(options), client_reference_id = about.call,
      } },
    }
  end,
}
