-- The made-up ear of vendor.mjs.

local stt = require "callisto.provider.stt"

return stt {
  name = "owl",
  engine = "socket",
  languages = { "en" },
  account = { url = "OWL_URL", key = "OWL_KEY" },
  required = { "url", "key" },
  media = {
    ["pcmu/8000"] = {
      encoding = "pcmu", rate = 8000, frame_ms = 40, event = "type",
      binary_out = true,
      words_in = { event = "words", text = "text", final = "is_final" },
    },
  },
  connect = function(account)
    return { url = account.url .. "/ear", headers = { Authorization = "Bearer " .. account.key } }
  end,
}
