-- The ear in the process (core/speech): hears what a question expects, in English; docs/local-speech.md.

local stt = require "callisto.provider.stt"

return stt { name = "local", engine = "local", languages = { "en" } }
