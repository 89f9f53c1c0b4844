-- Deepgram, live (nova): https://developers.deepgram.com/reference/speech-to-text/listen-streaming. docs/vendors/deepgram.md.

local ears = require "providers.shared.ears"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "mulaw", pcma = "alaw", l16le = "linear16" }

-- One language, or all that the model can tell apart while they are spoken.
local function language(about)
  return (about.detects or #about.languages > 1) and "multi" or about.language
end

return stt {
  name = "deepgram",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "DEEPGRAM_API_KEY", base = "DEEPGRAM_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "nova-3" },
    keyterms = { "list", default = {}, each = { "string" } },  -- nova-3
    keywords = { "list", default = {}, each = { "string" } },  -- nova-2: "Acme:2"
    endpointing = { "integer", default = 300, min = 10, max = 5000 },  -- ms of silence that end a turn
    utterance_end = { "integer", default = 1000, min = 1000, max = 5000 },  -- ms, where noise hides the silence
    smart_format = { "boolean", default = true },
    numerals = { "boolean" },
    profanity_filter = { "boolean" },
    filler_words = { "boolean" },
    mip_opt_out = { "boolean" },
    tags = { "list", default = {}, each = { "string" } },
  },
  media = ears.media({ "pcmu/8000", "pcma/8000", "l16/8000", "l16/16000", "l16/24000" }, {
    frame_ms = 40, event = "type", binary_out = true,
    words_in = {
      event = "Results|SpeechStarted|UtteranceEnd", text = "channel.alternatives.0.transcript",
      piece = "is_final", final = "speech_final",
      started = { "type", "SpeechStarted" }, ended = { "type", "UtteranceEnd" },
      confidence = "channel.alternatives.0.confidence", language = "channel.alternatives.0.languages.0",
      list = { at = "channel.alternatives.0.words", from = "start", to = "end" },
    },
    error_in = { event = "Error", code = "variant", text = "description|message" },
  }),
  -- Their closes are told apart by what they say: the codes differ between their pages.
  faults = { { "net0001", "again" }, { "net-0001", "again" }, { "net0000", "later" }, { "net-0000", "later" },
    { "data-0000", "refused" }, { "data0000", "refused" } },
  connect = function(account, about)
    local options = about.options
    return {
      url = ears.url((account.base or "wss://api.deepgram.com") .. "/v1/listen", {
        { "model", options.model }, { "language", language(about) },
        { "encoding", encodings[about.media.encoding] }, { "sample_rate", about.media.rate }, { "channels", 1 },
        { "interim_results", true }, { "vad_events", true }, { "endpointing", options.endpointing },
        { "utterance_end_ms", options.utterance_end }, { "smart_format", options.smart_format },
        { "numerals", options.numerals }, { "profanity_filter", options.profanity_filter },
        { "filler_words", options.filler_words }, { "mip_opt_out", options.mip_opt_out },
        { "keyterm", options.keyterms }, { "keywords", options.keywords }, { "tag", options.tags },
      }),
      headers = { Authorization = "Token " .. account.key },
      closing = '{"type":"CloseStream"}',
    }
  end,
}
