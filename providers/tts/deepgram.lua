-- Deepgram Aura over its socket: binary sound, one text at a time; `Flushed` follows the last sound of it, and `Cleared`
-- what is not wanted any more. docs/vendors/deepgram.md.

local http = require "callisto.http"
local tts = require "callisto.provider.tts"

local ENCODINGS = { pcmu = "mulaw", pcma = "alaw", l16le = "linear16" }

local function format(encoding, rate)
  return {
    encoding = encoding, rate = rate, event = "type", binary_in = true,
    mark_in = { event = "Flushed" },
    clear_in = { event = "Cleared" },
    -- Most errors come as the reason of a close; this one is not in the vendor's list of types.
    error_in = { event = "Error", code = "err_code|code", text = "err_msg|description" },
    say_out = { '{"type":"Speak","text":"$text"}', '{"type":"Flush"}' },
    clear = '{"type":"Clear"}',
  }
end

return tts {
  name = "deepgram",
  engine = "socket",
  languages = { "en", "es", "de", "fr", "it", "nl", "ja" },
  voices = { "aura-2-thalia-en" },
  voice_pattern = "^aura%-[%w-]+$",
  account = { key = "DEEPGRAM_API_KEY", base = "DEEPGRAM_BASE_URL" },
  required = { "key" },
  options = {
    speed = { "number", min = 0.7, max = 1.5 },
    keep_out_of_training = { "boolean", default = false },
  },
  media = {
    default = "pcmu/8000",
    ["pcmu/8000"] = format("pcmu", 8000),
    ["pcma/8000"] = format("pcma", 8000),
    ["l16/16000"] = format("l16le", 16000),
    ["l16/24000"] = format("l16le", 24000),
  },
  connect = function(account, about)
    local query = {
      { "model", about.voice }, { "encoding", ENCODINGS[about.media.encoding] }, { "sample_rate", about.media.rate },
      { "speed", about.options.speed }, { "mip_opt_out", about.options.keep_out_of_training and "true" or nil },
    }
    return {
      url = (account.base or "wss://api.deepgram.com") .. "/v1/speak?" .. http.form(query),
      headers = { Authorization = "Token " .. account.key },
      closing = '{"type":"Close"}',
    }
  end,
}
