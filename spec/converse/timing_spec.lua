-- When who speaks: interruptions, false ones, second halves, guesses, on the engine and on virtual time. What the machine of
-- turns decides event by event is in turns_spec; here is what the caller, the model and the record notice of it.

local json = require "callisto.json"
local talks = require "spec.support.talks"

local STORY = "We are open from nine in the morning until six in the evening on every day but Sunday. Anything else?"

local function words_of(caller)
  local list = {}
  for i, each in ipairs(caller.words) do list[i] = each.word:lower() end
  return table.concat(list, " ")
end

local function count(text, words)
  local _, found = text:gsub(words:lower():gsub("%p", "%%%0"), "")
  return found
end

-- An ear whose words are written in the spec: { stretch of voice, seconds since it began, kind, text }.
local EAR = [[
  return require "callisto.provider.stt" {
    name = "owl", engine = "socket", languages = { "en" }, account = { key = "OWL_KEY" }, required = { "key" }, deaf_after = 0,
    patience = 60,
    media = { ["pcmu/8000"] = {
      encoding = "pcmu", rate = 8000, frame_ms = 20, event = "type", binary_out = true,
      words_in = { event = "words", text = "text", final = "final", likely = "likely", resumed = "resumed", piece = "piece",
        ended = "ended" },
    } },
    connect = function(account) return { url = "wss://ear.test/listen", headers = { ["x-key"] = account.key } } end,
  }
]]

local SILENT, PAUSE_MS = "\255", 300

local function scripted_ear(script)
  local double = {}
  function double.socket()
    local stretch, began, now, quiet = 0, nil, 0, PAUSE_MS
    local next_line = 1
    return {
      message = function(socket, data)
        local ms = #data / 8
        local is_loud = data:find("[^" .. SILENT .. "\127]") ~= nil
        now, quiet = now + ms, is_loud and 0 or quiet + ms
        if is_loud and (not began or double.was_quiet) then stretch, began = stretch + 1, now - ms end
        double.was_quiet = quiet >= PAUSE_MS
        local line = script[next_line]
        while line and (line[1] < stretch or (line[1] == stretch and now - began >= line[2] * 1000)) do
          socket:send(json.encode { type = "words", text = line[4], [line[3]] = line[3] ~= "partial" or nil })
          next_line = next_line + 1
          line = script[next_line]
        end
      end,
    }
  end
  return double
end

local function call_with_ear(script, model, fields, more_hosts)
  local hosts = { [talks.HOST] = model, ["https://ear.test"] = scripted_ear(script) }
  for host, double in pairs(more_hosts or {}) do hosts[host] = double end
  return talks.call {
    model = model, fields = fields or "", hosts = hosts, sources = { ["providers.stt.owl"] = EAR },
    env = { OPENAI_API_KEY = talks.KEY, OWL_KEY = "owl" }, more = { template = [[voice = { stt = "owl" },]] },
  }
end

describe("an interruption", function()
  local function interrupted(after)
    local model = talks.model { STORY, "We are closed then." }
    local caller = talks.call { model = model, fields = "" }
    caller:says "when are you open"
    caller:interrupts("and on Sunday", after)
    caller:hears "We are closed then."
    caller:hangs_up():ended()
    assert.equal(2, #model.requests)
    return caller, talks.lines_of(model.requests[2])
  end

  it("that comes early leaves of the answer what was heard", function()
    local caller, lines = interrupted(0.4)
    local said = lines[3]:match "^assistant: (.*)$"
    if said then
      assert(#said < 30 and STORY:find(said, 1, true), said)
    else
      assert.equal("user: when are you open and on Sunday", lines[2])
    end
    assert.equal(0, count(words_of(caller), "in the evening"))
  end)

  it("that comes late too, at the boundary of a word, and never more than was heard", function()
    local caller, lines = interrupted(3)
    local said = lines[3]:match "^assistant: (.*)$"
    assert(#said > 20 and STORY:find(said .. " ", 1, true), lines[3])
    local heard = words_of(caller)
    assert(heard:find(said:lower():gsub("%p", ""), 1, true) or count(heard, said) > 0, said)
    assert.equal(0, count(heard, "anything else"))
    assert.equal("user: and on Sunday", lines[4])
  end)

  it("twice in a row cuts twice", function()
    local model = talks.model { STORY, STORY, "As you wish." }
    local caller = talks.call { model = model, fields = "" }
    caller:says "when are you open"
    caller:interrupts("no wait", 1)
    caller:interrupts("stop it please", 1)
    caller:hears "As you wish."
    caller:hangs_up():ended()
    assert.equal(3, #model.requests)
    assert.same({ "user: no wait", "user: stop it please" },
      { talks.lines_of(model.requests[3])[4], talks.lines_of(model.requests[3])[6] })
    assert.equal(0, count(words_of(caller), "in the evening"))
  end)

  it("during a tool neither stops it nor loses its result", function()
    local model = talks.model {
      talks.says("One moment, I am looking for it in the book.", { "look", {} }), "It is ready, and yes.",
    }
    local caller = talks.call { model = model, fields = [[
      tools = { tool { "look", "Looks.", {}, function() task.sleep(4) return "ready" end } }, filler = false,
    ]] }
    caller:says "is it ready"
    caller:interrupts("can I come now", 0.8)
    caller:hears "It is ready"
    caller:hangs_up():ended()
    assert.equal(2, #model.requests)
    local lines = talks.lines_of(model.requests[2])
    assert.same({ "tool: ready", "user: can I come now" }, { lines[4], lines[5] })
    assert.equal(1, #caller:facts "tool")
  end)
end)

describe("a false interruption", function()
  it("pauses the agent, who goes on with the first word that was not heard", function()
    local model = talks.model { STORY }
    local caller = talks.call { model = model, fields = "" }
    caller:says "when are you open"
    caller:hears "nine in the":coughs()
    caller:hears "Anything else?"
    caller:hangs_up():ended()
    assert.equal(1, #model.requests)
    local heard = words_of(caller)
    assert.equal(1, count(heard, "every day but sunday"))
    assert.equal(1, count(heard, "we are open from"))
    assert.same({ "caller: when are you open", "agent: " .. STORY:match "^.-%." }, { unpack(caller:lines(), 1, 2) })
    local ms = caller:fact("false_interruption").ms
    assert.is_true(ms > 100 and ms < 3000, tostring(ms))
  end)

  it("by an acknowledgement too, and nobody answers it", function()
    local model = talks.model { STORY }
    local caller = talks.call { model = model, fields = "" }
    caller:says "when are you open"
    caller:interrupts("uh-huh", 1.5)
    caller:hears "Anything else?"
    caller:hangs_up():ended()
    assert.equal(1, #model.requests)
    assert.equal(1, count(words_of(caller), "every day but sunday"))
  end)

  it("of which only noise is understood is taken back at the time (report A 17)", function()
    local model = talks.model { "We are open from nine until six on every day." }
    local caller = call_with_ear({ { 1, 0.2, "final", "when" }, { 2, 0.1, "partial", "…" } }, model)
    caller:says "when are you open"
    caller:hears "from nine":coughs()
    local at = caller.world.lab:now()
    caller:hears "on every day."
    assert.is_true(caller.world.lab:now() - at >= 2)
    assert.is_true(caller.world.lab:now() - at <= 5)
    assert.equal(1, #model.requests)
    assert.equal(1, count(words_of(caller), "we are open from"))
    assert.equal(1, count(words_of(caller), "until six on every day"))
    caller:hangs_up():ended()
  end)

  it("of a caller who thinks is not one: the words count, in the end (report A 17)", function()
    local model = talks.model { STORY, "Take your time." }
    local caller = call_with_ear({ { 1, 0.2, "final", "when" }, { 2, 0.1, "partial", "I was going" } }, model,
      [[turns = { sure_words = 9 }]])
    caller:says "when are you open"
    caller:hears "nine in the":coughs()
    local at = caller.world.lab:now()
    caller:hears_nothing(5)
    caller:hears "Take your time."
    assert.is_true(caller.world.lab:now() - at <= 9)
    local lines = talks.lines_of(model.requests[2])
    assert.equal("user: I was going", lines[#lines])
    assert.equal(0, count(words_of(caller), "in the evening"))
    caller:hangs_up():ended()
  end)
end)

describe("report A 12: the second half of a sentence", function()
  it("that comes before the answer is heard makes one turn of both, answered once", function()
    local model = talks.model { "Which date do you need?", "We deliver today." }
    local caller = talks.call { model = model, fields = "filler = false" }
    caller.world:fault(talks.HOST, { latency = 1.5 })
    caller:says "no date":silence(1)
    caller:says "needed now"
    caller:hears "We deliver today.":silence(1)
    caller:hangs_up():ended()
    assert.equal("user: no date needed now", talks.lines_of(model.requests[#model.requests])[2])
    assert.equal(0, count(words_of(caller), "which date"))
    assert.equal(1, count(words_of(caller), "we deliver today"))
    assert.equal(1, #caller:facts "turn")
    assert.is_false(caller:fact("turn").interrupted)
    assert.same({ "caller: no date", "caller: needed now", "agent: We deliver today." }, caller:lines())
  end)

  it("that comes when it is heard is an interruption, and not lost", function()
    local model = talks.model { STORY, "We deliver today." }
    local caller = talks.call { model = model, fields = "filler = false" }
    caller:says "no date"
    caller:interrupts("needed now", 1.2)
    caller:hears "We deliver today."
    local lines = talks.lines_of(model.requests[2])
    assert.equal("user: no date", lines[2])
    assert.equal("user: needed now", lines[4])
    caller:hangs_up():ended()
  end)
end)

describe("report A 14: sound without end", function()
  it("is a turn after its longest time, and the second time the conversation ends", function()
    local model = talks.model { "Hello?" }
    local caller = call_with_ear({}, model, [[turns = { longest = "4s" }, idle = { after = "60s", say = "Is anybody there?" }]])
    caller:says(("la "):rep(32))
    caller:hears "Is anybody there?"
    caller:ended()
    assert.equal(0, #model.requests)
    local facts = caller:facts "turn_too_long"
    assert.equal(2, #facts)
    assert.equal("silence", caller:fact("result").reason)
  end)
end)

describe("report A 15: keys and speech at the same time", function()
  it("are both told to the model", function()
    local model = talks.model { "Thank you." }
    local caller = talks.call { model = model, fields = [[greeting = "Your number please.", filler = false]] }
    caller:hears "please.":listens()
    caller:presses "12"
    caller:says "my number is"
    caller:presses "34#"
    caller:hears "Thank you."
    local lines = talks.lines_of(model.requests[#model.requests])
    local all = table.concat(lines, " ")
    assert(all:find("my number is", 1, true), all)
    assert(all:find "12" and all:find "34", all)
    caller:hangs_up():ended()
  end)
end)

describe("report A 16: a hello as the line opens", function()
  it("stands before the one greeting and starts no reply", function()
    local model = talks.model { "I said hello." }
    local caller = talks.call { model = model, fields = [[greeting = "Good morning, this is the shop on the corner."]] }
    caller:says "hello"
    caller:hears "on the corner.":silence(2)
    caller:hangs_up():ended()
    assert.equal(0, #model.requests)
    assert.same({ "caller: hello", "agent: Good morning, this is the shop on the corner." }, caller:lines())
    assert.equal(1, count(words_of(caller), "good morning"))
  end)

  it("is told to the model with the first turn", function()
    local model = talks.model { "At nine." }
    local caller = talks.call { model = model, fields = [[greeting = "Good morning, this is the shop on the corner."]] }
    caller:says "hello"
    caller:hears "on the corner.":listens():says "when do you open"
    caller:hears "At nine."
    assert.same({ "user: hello", "assistant: Good morning, this is the shop on the corner.", "user: when do you open" },
      { unpack(talks.lines_of(model.requests[1]), 2) })
    caller:hangs_up():ended()
  end)

  local function greeted(first)
    local model = talks.model { "x" }
    local caller = talks.call { model = model, fields = [[greeting = "Good morning.", callee_first = true]] }
    local at = caller.world.lab:now()
    if first then caller:silence(1):says(first) end
    caller:hears "Good morning."
    local took = caller.world.lab:now() - at
    caller:silence(1)
    caller:hangs_up():ended()
    return took, caller:lines()
  end

  it("is waited for where the callee is to speak first", function()
    local _, lines = greeted "hello"
    assert.same({ "caller: hello", "agent: Good morning." }, lines)
  end)

  it("is waited for two seconds", function()
    local took, lines = greeted(nil)
    assert.same({ "agent: Good morning." }, lines)
    assert.is_true(took >= 2 and took <= 4, tostring(took))
  end)
end)

describe("report A 4: an answer that was begun on a guess", function()
  local BOOK = [[tools = { tool { "book", "Books.", {}, function() call:fact("booked") return "booked" end } }, filler = false]]
  local ALL = "book a table for two and say when"

  it("and thrown away has run no tool and left nothing", function()
    local model = talks.model { talks.says("I book it.", { "book", {} }), "When would you like to come?" }
    local caller = call_with_ear({
      { 1, 0.3, "partial", "book a table" }, { 1, 0.5, "likely", "book a table" }, { 1, 0.9, "resumed", "book a table for" },
      { 1, 1.2, "final", ALL },
    }, model, BOOK)
    caller:says(ALL)
    caller:hears "When would you like to come?":silence(1)
    caller:hangs_up():ended()
    assert.equal(2, #model.requests)
    assert.same({ "user: " .. ALL }, { unpack(talks.lines_of(model.requests[2]), 2) })
    assert.equal(0, #caller:facts "booked" + #caller:facts "tool")
    assert.equal(0, count(words_of(caller), "i book it"))
    assert.same({ "caller: " .. ALL, "agent: When would you like to come?" }, caller:lines())
  end)

  it("that was right is the answer, asked for once, and its tool runs", function()
    local model = talks.model { talks.says("I book it.", { "book", {} }), "It is booked." }
    local caller = call_with_ear({ { 1, 0.3, "likely", "book a table" }, { 1, 1.0, "final", "book a table" } }, model, BOOK)
    caller:says "book a table"
    caller:hears "I book it.":hears "It is booked."
    caller:hangs_up():ended()
    assert.equal(2, #model.requests)
    assert.equal(1, #caller:facts "booked")
    assert.same({ "user: book a table", "assistant: I book it. [book {}]", "tool: booked" },
      { unpack(talks.lines_of(model.requests[2]), 2) })
  end)
end)

describe("an ear that tells pieces", function()
  local ALL = "book a table for two"
  local PIECES = {
    { 1, 0.3, "piece", "book a table" }, { 1, 0.6, "partial", "for" }, { 1, 0.9, "piece", "for two" }, { 2, 0, "ended", "" },
  }

  local function booked(script, fields)
    local model = talks.model { "It is booked.", "What else?" }
    local caller = call_with_ear(script, model, fields)
    caller:says(ALL)
    caller:hears("It is booked.", 10)
    return model, caller
  end

  it("is not waited for when they are certain, and its last word adds nothing", function()
    local model, caller = booked(PIECES, "")
    caller:silence(1):coughs():silence(4)
    caller:hangs_up():ended()
    assert.equal(1, #model.requests)
    assert.equal("user: " .. ALL, talks.lines_of(model.requests[1])[2])
  end)

  it("says itself when the turn is over, where that is left to it", function()
    local script = { { 1, 0.3, "piece", "book a table" }, { 1, 1.2, "final", "for two" } }
    local model, caller = booked(script, [[turns = { stop = "ear" }]])
    caller:hangs_up():ended()
    assert.equal(1, #model.requests)
    assert.equal("user: " .. ALL, talks.lines_of(model.requests[1])[2])
  end)
end)

describe("a conversation that was recorded", function()
  local path = os.tmpname()
  after_each(function() os.remove(path) end)

  it("is lived again, pauses and all", function()
    local exchange = require "callisto.spec"
    local source = talks.template ""
    local model = talks.model { STORY, "We are closed then." }
    local caller = talks.call { model = model, source = source, trace = path }
    caller:says "when are you open"
    caller:hears "nine in the":coughs()
    caller:hears "in the evening"
    caller:interrupts("and on Sunday", 0)
    caller:hears "We are closed then.":silence(1)
    caller:hangs_up():ended()
    assert.is_nil(caller.world:close())
    local again = talks.model { STORY, "We are closed then." }
    exchange.replay(path, {
      source = source, template = "under-test", hosts = { [talks.HOST] = again }, env = { OPENAI_API_KEY = talks.KEY },
    })
    local lines, said = talks.lines_of(again.requests[2]), STORY:match "^.- six in"
    assert.same({ "user: when are you open", "user: and on Sunday" }, { lines[2], lines[4] })
    assert.equal("assistant: " .. said, lines[3]:sub(1, #"assistant: " + #said))
    assert.equal(2, #again.requests)
  end)
end)

describe("a sentence that may not be interrupted", function()
  it("is said to its end, and what was said meanwhile is answered then", function()
    local model = talks.model { "No, it is free." }
    local caller = talks.call { model = model,
      fields = [[barge_in = false, greeting = "This call is recorded for your safety."]] }
    caller:silence(3.2)
    caller:says "does it cost anything"
    caller:hears "No, it is free."
    assert.equal(1, count(words_of(caller), "recorded for your safety"))
    assert.equal(1, #model.requests)
    caller:hangs_up():ended()
  end)
end)


-- Carriers forget what they have not played, or do not; give marks back, or do not.
for _, carrier in ipairs { "twilio", "plivo", "telnyx", "vonage", "vobiz", "exotel", "genesys" } do
  describe("over " .. carrier, function()
    it("a false interruption loses no word", function()
      local model = talks.model { STORY }
      local caller = talks.call { model = model, fields = "", carrier = carrier, inbound = true }
      caller:says "when are you open"
      caller:hears "nine in the":coughs()
      caller:hears "Anything else?":silence(2)
      caller:hangs_up():ended()
      local heard = words_of(caller)
      assert.equal(1, count(heard, "we are open from"))
      assert.equal(1, count(heard, "six in the evening on every day but sunday"))
      assert.equal(1, #caller:facts "false_interruption")
      assert.same({ "caller: when are you open", "agent: " .. STORY:match "^.-%.", "agent: Anything else?" }, caller:lines())
    end)

    it("an interruption leaves what was heard, and never more", function()
      local model = talks.model { STORY, "We are closed then." }
      local caller = talks.call { model = model, fields = "", carrier = carrier, inbound = true }
      caller:says "when are you open"
      caller:interrupts("and on Sunday", 1.5)
      caller:hears "We are closed then."
      caller:hangs_up():ended()
      local said = talks.lines_of(model.requests[2])[3]:match "^assistant: (.*)$"
      assert(STORY:find(said .. " ", 1, true) == 1, said)
      assert(words_of(caller):find(said:lower(), 1, true) == 1, words_of(caller))
      assert.equal(0, count(words_of(caller), "but sunday"))
    end)
  end)
end
