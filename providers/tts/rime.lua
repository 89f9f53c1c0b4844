-- Rime over its JSON socket (ws3): one text at a time, made when it is flushed; its id stands in every message. Words come
-- with their times, for English and Spanish. docs/vendors/rime.md.

local http = require "callisto.http"
local tts = require "callisto.provider.tts"

local LANGUAGES = { en = "eng", es = "spa", fr = "fra", de = "ger", hi = "hin", pt = "por", ar = "ara", ja = "jpn", it = "ita" }

local function format(encoding, rate)
  return {
    encoding = encoding, rate = rate, event = "type",
    audio_in = { event = "chunk", payload = "data" },
    utterance_in = "contextId",
    mark_in = { event = "done", name = "contextId" },
    error_in = { event = "error", text = "message" },
    times_in = { event = "timestamps", texts = "word_timestamps.words", ends = "word_timestamps.end" },
    say_out = { '{"text":"$text ","contextId":"$mark"}', '{"operation":"flush"}' },
    clear = '{"operation":"clear"}',
  }
end

return tts {
  name = "rime",
  engine = "socket",
  languages = { "en", "es", "fr", "de", "hi", "pt", "ar", "ja", "it" },
  voices = { "astra" },
  voice_pattern = "^[%w_-]+$",
  account = { key = "RIME_API_KEY", base = "RIME_BASE_URL" },
  required = { "key" },
  options = {
    model = { "string", default = "coda" },
    -- How a language is called differs by model.
    language = { "string" },
  },
  media = {
    default = "pcmu/8000",
    ["pcmu/8000"] = format("pcmu", 8000),
    ["l16/16000"] = format("l16le", 16000),
    ["l16/24000"] = format("l16le", 24000),
  },
  connect = function(account, about)
    local query = {
      { "speaker", about.voice }, { "modelId", about.options.model },
      { "audioFormat", about.media.encoding == "pcmu" and "mulaw" or "pcm" }, { "samplingRate", tostring(about.media.rate) },
      { "lang", about.options.language or LANGUAGES[about.language:match "^%a+"] }, { "segment", "never" },
    }
    return {
      url = (account.base or "wss://users-ws.rime.ai") .. "/ws3?" .. http.form(query),
      headers = { Authorization = "Bearer " .. account.key },
      closing = '{"operation":"eos"}',
    }
  end,
}
