-- Our adapters against the doubles of their vendors, in calls: neither knows how the other was written.

local exchange = require "callisto.spec"

local FLOW = [[
return require "callisto.template" { name = "talker", voice = { tts = "%s" }, on_call = function(call)
  call:say "Your balance is forty dollars today."
  call:say("One two three four five six seven eight nine ten eleven twelve.", { barge_in = true })
  call:finish("DONE", "Goodbye now.")
end }]]

for _, name in ipairs { "deepgram", "elevenlabs", "cartesia", "sarvam" } do
  describe("the voice of " .. name, function()
    it("is heard, and cut off where the caller speaks", function()
      local voice = exchange.voice()
      local caller = exchange.call {
        sources = { ["templates.talker"] = FLOW:format(name) }, template = "talker", hosts = { tts = voice },
      }
      caller:hears "Your balance is forty dollars today."
      caller:hears "One two three"
      caller:interrupts("stop it", 0.1)
      caller:hears "Goodbye now."
      caller:ended()
      assert.equal(name, voice:said(1).vendor)
      for _, line in ipairs(caller:lines()) do assert.is_nil(line:find "twelve", line) end
    end)

    it("goes on in the voice of the process when the vendor closes in mid-sentence", function()
      local voice = exchange.voice { replies = { { "balance", sound = 0.5, close = 1011, reason = "net0000", times = 1 } } }
      local caller = exchange.call {
        sources = { ["templates.talker"] = FLOW:format(name) }, template = "talker", hosts = { tts = voice },
      }
      caller:hears "today."
      caller:hears "Goodbye now."
      assert.equal("DONE", caller:ended().outcome)
    end)
  end)
end
