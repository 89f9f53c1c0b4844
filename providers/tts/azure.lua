-- Azure Speech over its REST interface: SSML in, raw sound out. docs/vendors/azure-speech.md.

local tts = require "callisto.provider.tts"

-- A-law is not in the vendor's list of every region; a call in it gets 16-bit sound.
local FORMATS = {
  ["pcmu/8000"] = "raw-8khz-8bit-mono-mulaw", ["l16/16000"] = "raw-16khz-16bit-mono-pcm",
  ["l16/24000"] = "raw-24khz-16bit-mono-pcm",
}

local SSML = "http://www.w3.org/2001/10/synthesis"

local function xml(text)
  return (text:gsub("[&<>'\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["'"] = "&apos;", ['"'] = "&quot;" }))
end

-- Dollar signs of a template's own texts are no variables.
local function plain(text) return (xml(text):gsub("%$", "$$")) end

local function prosody_of(options)
  if not (options.rate or options.pitch) then return "$text" end
  local attributes = ""
  for _, name in ipairs { "rate", "pitch" } do
    if options[name] then attributes = attributes .. (" %s='%s'"):format(name, plain(options[name])) end
  end
  return ("<prosody%s>$text</prosody>"):format(attributes)
end

return tts {
  name = "azure",
  engine = "http",
  languages = {
    "en", "hi", "es", "pt", "fr", "de", "ar", "id", "ta", "te", "it", "nl", "pl", "ja", "zh", "ko", "tr", "sv", "ru", "bn", "mr",
    "gu", "kn", "ml", "pa", "ur", "vi", "th", "he", "el", "cs", "da", "fi", "hu", "nb", "ro", "sk", "uk", "bg", "hr", "ms", "fil",
  },
  voices = { "en-US-JennyNeural" },
  voice_pattern = "^%a+%-%a+%-[%w:-]+$",
  account = { key = "AZURE_SPEECH_KEY", region = "AZURE_SPEECH_REGION", base = "AZURE_SPEECH_BASE_URL" },
  required = { "key", "region" },
  options = { rate = { "string" }, pitch = { "string" } },
  media = {
    default = "pcmu/8000",
    ["pcmu/8000"] = { encoding = "pcmu", rate = 8000, binary_in = true },
    ["l16/16000"] = { encoding = "l16le", rate = 16000, binary_in = true },
    ["l16/24000"] = { encoding = "l16le", rate = 24000, binary_in = true },
  },
  say = function(_, about)
    local head = ("<speak version='1.0' xmlns='%s' xml:lang='%s'>"):format(SSML, plain(about.voice:match "^%a+%-%a+"))
    return { head .. "<voice name='$voice'>" .. prosody_of(about.options) .. "</voice></speak>" }
  end,
  connect = function(account, about)
    local base = account.base or ("https://%s.tts.speech.microsoft.com"):format(account.region)
    return {
      url = base .. "/cognitiveservices/v1",
      headers = {
        ["Ocp-Apim-Subscription-Key"] = account.key, ["Content-Type"] = "application/ssml+xml",
        ["X-Microsoft-OutputFormat"] = FORMATS[about.format], ["User-Agent"] = "callisto",
      },
    }
  end,
}
