-- What a voice and an ear must be.

local stt = require "callisto.provider.stt"
local tts = require "callisto.provider.tts"

describe("a voice or an ear", function()
  for _, case in ipairs {
    { "an unknown field", stt, { name = "x", engine = "local", langages = {} },
      "unknown field 'langages'; did you mean 'languages'?" },
    { "no engine", stt, { name = "x", languages = { "en" } }, "stt 'x': 'engine' is missing" },
    { "an engine there is not", tts, { name = "x", engine = "locl", languages = { "en" }, voices = { "a" } },
      "tts 'x': 'engine' unknown value 'locl'; did you mean 'local'?" },
    { "no voices", tts, { name = "x", engine = "local", languages = { "en" } }, "tts 'x': 'voices' is missing" },
    { "a voice that is not a name", tts, { name = "x", engine = "local", languages = { "en" }, voices = { 7 } },
      "tts 'x': voices: '1' must be string" },
  } do
    it("is refused with " .. case[1], function()
      local ok, why = pcall(case[2], case[3])
      assert.is_false(ok)
      assert(why:find(case[4], 1, true), why)
    end)
  end
end)
