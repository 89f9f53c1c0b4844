-- AssemblyAI, Universal-Streaming v3: https://www.assemblyai.com/docs/streaming/message-sequence.md. docs/vendors/assemblyai.md.

local ears = require "providers.shared.ears"
local json = require "callisto.json"
local stt = require "callisto.provider.stt"

local encodings = { pcmu = "pcm_mulaw", l16le = "pcm_s16le" }

local function model(about)
  local is_english = not about.detects and #about.languages == 1 and about.language:find "^en%f[%A]"
  return is_english and "universal-streaming-english" or "universal-streaming-multilingual"
end

return stt {
  name = "assemblyai",
  engine = "socket",
  languages = { "*", "detect" },
  account = { key = "ASSEMBLYAI_API_KEY", base = "ASSEMBLYAI_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string" },  -- by the languages
    keyterms = { "list", default = {}, each = { "string" } },
    prompt = { "string" },
    sure = { "number", min = 0, max = 1 },  -- of the end of a turn
    min_silence = { "integer", min = 50, max = 10000 },  -- ms that end a turn when it is sure …
    max_silence = { "integer", min = 100, max = 20000 },  -- … and when it is not
    vad_threshold = { "number", min = 0, max = 1 },
    profanity_filter = { "boolean" },
  },
  -- Turns that come a second time, formatted, are not asked for: the first one is quicker.
  media = ears.media({ "pcmu/8000", "l16/8000", "l16/16000", "l16/24000" }, {
    frame_ms = 60, event = "type", binary_out = true,
    start_in = { event = "Begin" },
    words_in = {
      event = "Turn|SpeechStarted", text = "transcript", turn = "turn_order", final = "end_of_turn",
      started = { "type", "SpeechStarted" }, language = "language_code", ms = true,
      list = { at = "words", from = "start", to = "end" },
    },
    error_in = { event = "Error", code = "error_code", text = "error" },
  }),
  catch_up = 1.5,  -- sound that comes much faster than real time closes the socket (3007); the limit is UNCONFIRMED
  faults = {
    { "too many", "busy" }, { "concurren", "busy" }, { "3005", "later" }, { "3006", "refused" }, { "3007", "later" },
    { "3008", "again" }, { "3009", "busy" }, { "4000", "refused" }, { "4001", "refused" }, { "4002", "refused" },
    { "4003", "refused" }, { "4008", "again" }, { "4029", "busy" }, { "4031", "again" }, { "4100", "refused" },
    { "4101", "refused" }, { "4102", "busy" },
  },
  connect = function(account, about)
    local options = about.options
    return {
      url = ears.url((account.base or "wss://streaming.assemblyai.com") .. "/v3/ws", {
        { "sample_rate", about.media.rate }, { "encoding", encodings[about.media.encoding] },
        { "speech_model", options.model or model(about) }, { "language_detection", about.detects or nil },
        { "keyterms_prompt", #options.keyterms > 0 and json.encode(options.keyterms) or nil },
        { "prompt", options.prompt }, { "end_of_turn_confidence_threshold", options.sure },
        { "min_turn_silence", options.min_silence }, { "max_turn_silence", options.max_silence },
        { "vad_threshold", options.vad_threshold }, { "filter_profanity", options.profanity_filter },
      }),
      headers = { Authorization = account.key },
      closing = '{"type":"Terminate"}',  -- else the session goes on, and is billed
    }
  end,
}
