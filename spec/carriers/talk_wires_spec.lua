-- The wires of voices and ears: texts go out, words come in, partial and final.

local lab = require "callisto.lab"
local media = require "callisto.provider.media"

local function wire(more)
  local declared = { encoding = "l16le", rate = 16000, binary_in = true, binary_out = true, event = "type" }
  for name, value in pairs(more) do declared[name] = value end
  local formats, why = media.check("tts 'parrot'", "parrot", { ["l16/16000"] = declared })
  if not formats then error(why, 0) end
  return lab.wire(formats["l16/16000"])
end

describe("the wire of a voice", function()
  local parrot = wire {
    say_out = [[{"type":"say","text":"$text","id":"$mark"}]], mark_in = { event = "done", name = "id" },
    clear = [[{"type":"stop"}]],
  }

  it("asks for a sentence, whatever is in it", function()
    assert.equal([[{"type":"say","text":"He said \"hi\"","id":"7"}]], parrot:write("say", 'He said "hi"', "7"))
  end)

  it("is told when all of a sentence was sent", function()
    local kind, about = parrot:read [[{"type":"done","id":"7"}]]
    assert.equal("mark", kind)
    assert.equal("7", about.name)
  end)
end)

describe("the wire of an ear", function()
  for _, case in ipairs {
    { "a true", "is_final", [["is_final":true]], [["is_final":false]] },
    { "a word", { "state", "final" }, [["state":"final"]], [["state":"partial"]] },
  } do
    it("tells partial from final words by " .. case[1], function()
      local ear = wire {
        words_in = { event = "words", text = "alternatives.0.text", final = case[2], from = "start", to = "end" },
      }
      local text = [[{"type":"words","alternatives":[{"text":"two please"}],"start":0.5,"end":1.25,%s}]]
      local kind, about = ear:read(text:format(case[3]))
      assert.equal("words", kind)
      assert.same({ { kind = "final", text = "two please", from_ms = 500, until_ms = 1250 } }, about.words)
      assert.equal("partial", select(2, ear:read(text:format(case[4]))).words[1].kind)
    end)
  end

  it("cannot be misspelled", function()
    local ok, why = pcall(wire, { words_in = { event = "words", txt = "text" } })
    assert.is_false(ok)
    assert(why:find("words_in: unknown field 'txt'; did you mean 'text'?", 1, true), why)
  end)
end)
