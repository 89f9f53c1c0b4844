-- The voices in the process (core/speech): flite's, in English; docs/local-speech.md.

local tts = require "callisto.provider.tts"

return tts { name = "local", engine = "local", languages = { "en" }, voices = { "slt", "rms", "kal" } }
