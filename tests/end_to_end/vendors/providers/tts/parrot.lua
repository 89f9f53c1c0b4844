-- The made-up voice of vendor.mjs.

local tts = require "callisto.provider.tts"

return tts {
  name = "parrot",
  engine = "socket",
  languages = { "en" },
  voices = { "aria" },
  account = { url = "PARROT_URL", key = "PARROT_KEY" },
  required = { "url", "key" },
  patience = "2s",
  media = {
    ["l16/16000"] = {
      encoding = "l16le", rate = 16000, event = "type",
      audio_in = { event = "sound", payload = "data" },
      mark_in = { event = "done", name = "id" },
      say_out = '{"type":"say","text":"$text","id":"$mark"}',
    },
  },
  connect = function(account, about)
    return {
      url = account.url .. "/voice?name=" .. about.voice,
      headers = { Authorization = "Bearer " .. account.key },
      closing = '{"type":"goodbye"}',
    }
  end,
}
