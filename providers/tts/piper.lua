-- Piper's HTTP server on a machine of one's own: one request a text, whose answer is a WAV file. docs/vendors/piper.md.

local tts = require "callisto.provider.tts"
local vendor = require "callisto.provider.vendor"

return tts {
  name = "piper",
  engine = "http",
  languages = {
    "en", "hi", "es", "pt", "fr", "de", "ar", "id", "te", "ml", "it", "nl", "pl", "zh", "tr", "sv", "ru", "vi", "el", "cs", "da",
    "fi", "hu", "no", "ro", "sk", "uk", "ne", "fa",
  },
  voices = { "en_US-lessac-medium" },
  voice_pattern = "^[%w_-]+$",
  account = { base = "PIPER_BASE_URL", path = "PIPER_PATH" },
  options = {
    length_scale = { "number", min = 0.1, max = 10 },
    noise_scale = { "number", min = 0, max = 2 },
    speaker = { "string" },
  },
  -- The rate of the voice stands in the header.
  media = { ["l16/22050"] = { encoding = "l16le", rate = 22050, binary_in = true } },
  say = function(_, about)
    local options = about.options
    return { vendor.message {
      text = "$text", voice = "$voice", length_scale = options.length_scale, noise_scale = options.noise_scale,
      speaker = options.speaker,
    } }
  end,
  -- Older servers take requests at "/".
  connect = function(account)
    return {
      url = (account.base or "http://127.0.0.1:5000") .. (account.path or "/synthesize"),
      headers = { ["Content-Type"] = "application/json" },
    }
  end,
}
