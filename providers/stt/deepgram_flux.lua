-- Deepgram Flux, which tells when a turn ends: https://developers.deepgram.com/docs/flux/state. docs/vendors/deepgram.md.

local ears = require "providers.shared.ears"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "mulaw", pcma = "alaw", l16le = "linear16" }

local function is_english(about)
  return not about.detects and #about.languages == 1 and about.language:find "^en%f[%A]" ~= nil
end

return stt {
  name = "deepgram_flux",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "DEEPGRAM_API_KEY", base = "DEEPGRAM_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string" },  -- by the languages
    eager = { "number", min = 0.3, max = 0.9 },  -- how sure it must be of a likely end; none: it tells none
    sure = { "number", min = 0.5, max = 0.9 },  -- of an end
    longest_silence = { "integer", min = 500, max = 10000 },  -- ms that end a turn whatever was said
    keyterms = { "list", default = {}, each = { "string" } },
    numerals = { "boolean" },
    profanity_filter = { "boolean" },
    mip_opt_out = { "boolean" },
    tags = { "list", default = {}, each = { "string" } },
  },
  media = ears.media({ "pcmu/8000", "pcma/8000", "l16/8000", "l16/16000", "l16/24000" }, {
    frame_ms = 80, event = "event|type", binary_out = true,
    start_in = { event = "Connected" },
    words_in = {
      event = "StartOfTurn|Update|EagerEndOfTurn|TurnResumed|EndOfTurn", text = "transcript", turn = "turn_index",
      started = { "event", "StartOfTurn" }, likely = { "event", "EagerEndOfTurn" }, resumed = { "event", "TurnResumed" },
      final = { "event", "EndOfTurn" }, language = "languages.0",
      list = { at = "words", from = "start", to = "end" },
    },
    error_in = { event = "Error", code = "code|error", text = "description|error" },
  }),
  faults = { { "net0001", "again" }, { "net-0001", "again" }, { "data-0000", "refused" } },
  connect = function(account, about)
    local options = about.options
    local model = options.model or (is_english(about) and "flux-general-en" or "flux-general-multi")
    return {
      url = ears.url((account.base or "wss://api.deepgram.com") .. "/v2/listen", {
        { "model", model }, { "encoding", encodings[about.media.encoding] }, { "sample_rate", about.media.rate },
        { "eager_eot_threshold", options.eager }, { "eot_threshold", options.sure },
        { "eot_timeout_ms", options.longest_silence }, { "keyterm", options.keyterms },
        { "language_hint", model:find "multi" and ears.bases(about.languages) or nil },
        { "numerals", options.numerals }, { "profanity_filter", options.profanity_filter },
        { "mip_opt_out", options.mip_opt_out }, { "tag", options.tags },
      }),
      headers = { Authorization = "Token " .. account.key },
      closing = '{"type":"CloseStream"}',
    }
  end,
}
