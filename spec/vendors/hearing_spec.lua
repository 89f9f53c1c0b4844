-- Ears of vendors against the doubles of their recognisers: calls that are understood, whatever befalls a turn.

local exchange = require "callisto.spec"

local KEYS = { deepgram = "DEEPGRAM_API_KEY", assemblyai = "ASSEMBLYAI_API_KEY", sarvam = "SARVAM_API_KEY" }

local FLOW = [[return require "callisto.template" {
  name = "asker", voice = { stt = STT },
  on_call = function(call)
    call:on("words", function(_, words) call:fact("words", { kind = words.kind, text = words.text }) end)
    call:say "Tell me"
    for _ = 1, 2 do
      local heard = call:listen { timeout = "20s" }
      call:fact("heard", { text = heard and heard.text or "nothing" })
    end
    call:finish "DONE"
  end,
}]]

local function call(stt, ear)
  local env = {}
  for _, variable in pairs(KEYS) do env[variable] = "key-of-" .. variable end
  return exchange.call {
    source = FLOW:gsub("STT", function() return stt end), template = "asker", env = env, hosts = { stt = ear },
  }
end

local function heard(caller)
  local list = {}
  for i, fact in ipairs(caller:facts "heard") do list[i] = fact.text end
  return list
end

local function talk(stt, ear)
  local caller = call(stt, ear)
  caller:hears "Tell me"
  caller:says "I want to pay my bill"
  caller:silence "3s"
  caller:says "Yes, do that"
  caller:ended()
  return caller
end

-- As words: a double may end a sentence with a full stop, or begin it with a capital.
local function plain(list)
  local words = {}
  for i, text in ipairs(list) do words[i] = text:lower():gsub("[%p]", "") end
  return words
end

local BOTH = { "i want to pay my bill", "yes do that" }

for name in pairs(KEYS) do
  describe(name .. ", as its double speaks", function()
    it("is understood, turn by turn", function()
      assert.same(BOTH, plain(heard(talk(("%q"):format(name), exchange.ear()))))
    end)

    for about, reply in pairs {
      ["tells ten last words"] = { "pay", finals = 10 },
      ["breaks off in the middle of a turn"] = { "pay", close = 1011, reason = "net0000", times = 1 },
      ["is cut off without a word, and another socket tells the turn"] = { "pay", close = 1006, times = 1 },
    } do
      it(about, function()
        local caller = talk(("%q"):format(name), exchange.ear { replies = { reply } })
        assert.same(BOTH, plain(heard(caller)))
      end)
    end
  end)
end

describe("a last word that never comes", function()
  it("takes no words with it", function()
    local caller = call('"deepgram"', exchange.ear { replies = { { "pay", finals = 0 } } })
    caller:hears "Tell me"
    caller:says "I want to pay my bill"
    caller:silence "2s"
    caller:says "Yes, do that"
    caller:silence "10s"
    caller:says "Thank you"
    caller:ended()
    local told = table.concat(plain(heard(caller)), " ")
    assert.equal("i want to pay my bill yes do that thank you", told)
  end)
end)

describe("two ears of vendors", function()
  it("share a call when the first has no room", function()
    local ear = exchange.ear { busy = 1 }
    assert.same(BOTH, plain(heard(talk('{ "deepgram", "assemblyai" }', ear))))
    assert.equal("assemblyai", ear:heard(1).vendor)
  end)
end)
