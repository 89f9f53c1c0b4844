-- Scripts of all directions, alone and mixed, from the API through a call to its record.

local flows = require "spec.support.flows"

-- Ours, as if they knew these languages: what is said is compared as text.
local SOURCES = {
  ["providers.tts.parrot"] = [[return require "callisto.provider.tts" {
    name = "parrot", engine = "local", languages = { "en", "ar", "hi", "he", "zh" }, voices = { "slt" } }]],
  ["providers.stt.parrot"] = [[return require "callisto.provider.stt" {
    name = "parrot", engine = "local", languages = { "en", "ar", "hi", "he", "zh" } }]],
}

describe("a text", function()
  for tag, name in pairs {
    ar = "محمد الأمين", he = "דָּוִד", hi = "श्रीमती क्\226\128\141षमा", zh = "王小明",
    en = "Zoë 👩‍👧 \226\128\143עברית\226\128\142 O'Neil",
  } do
    it("is the same behind a call as it was in the order: " .. tag, function()
      local caller = flows.call([[
        call:say("Order for {name}.")
        call:fact("spelled", { text = (require "callisto.text".interpolate("{name|spell}", call.payload, call.language)) })
        call:finish("DONE")
      ]], {
        fields = ('voice = { language = "%s", tts = "parrot", stt = "parrot" }, payload = { name = "string" },'):format(tag),
        payload = { name = name }, sources = SOURCES,
      })
      assert.equal("DONE", caller:ended().outcome)
      assert.equal(name, caller:record().payload.name)
      assert.equal("agent: Order for " .. name .. ".", caller:lines()[1])
      assert.equal((name:gsub("%s", "")), (caller:fact("spelled").text:gsub("%s", "")))
    end)
  end
end)
