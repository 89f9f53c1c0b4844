-- The machine of turns, event by event. A play is lines of "<seconds> < event" and what comes of them, "<seconds> > action";
-- a line "<seconds> ." lets time pass. Whole plays are compared, so what is not written does not happen.

local complete = require "callisto.converse.complete"
local language = require "callisto.language"
local rows = require "callisto.converse.turn_table"
local turns = require "callisto.converse.turns"

local WITH = { words = "text", final = "text", key = "key", paused = "heard" }

local function event_of(text)
  local kind, rest = text:match "^(%S+) ?(.*)$"
  if kind == "agent_began" then return { kind = kind, is_protected = rest == "protected" } end
  return { kind = kind, [WITH[kind] or "none"] = rest }
end

local function shown(action)
  local parts = { action.kind }
  if action.count then parts[#parts + 1] = tostring(action.count) end
  if action.text then parts[#parts + 1] = ("%q"):format(action.text) end
  if action.by == "keys" then parts[#parts + 1] = "keys" end
  if action.is_merged then parts[#parts + 1] = "merged" end
  if action.is_guessed then parts[#parts + 1] = "guessed" end
  if action.is_cut_off then parts[#parts + 1] = "cut off" end
  return table.concat(parts, " ")
end

local function play(settings, text)
  local machine = assert(turns.new(settings))
  local happened, wanted = {}, {}
  local function add(at, actions)
    for _, action in ipairs(actions) do happened[#happened + 1] = ("%.1f > %s"):format(at, shown(action)) end
  end
  for line in text:gmatch "[^\n]+" do
    line = line:match "^%s*(.-)%s*$"
    local at, mark, rest = line:match "^(%d+%.%d) ([<>.]) ?(.*)$"
    if at then
      wanted[#wanted + 1] = line
      if mark ~= ">" then
        while machine.at and machine.at < tonumber(at) - 1e-9 do
          local due = machine.at
          add(due, machine:take({ kind = "time" }, due))
        end
        happened[#happened + 1] = line
        if mark == "<" then add(tonumber(at), machine:take(event_of(rest), tonumber(at))) end
      end
    end
  end
  assert.equal(table.concat(wanted, "\n"), table.concat(happened, "\n"))
  return machine
end

describe("a turn", function()
  it("is over when the caller is silent long enough", function()
    play({}, [[
      0.0 < speech_started
      0.8 < words book a
      1.5 < speech_stopped
      1.7 < final book a table.
      2.1 > turn "book a table."
      3.0 .
    ]])
  end)

  it("waits less where the detector has waited already", function()
    play({ hangover = "600ms" }, [[
      0.0 < speech_started
      1.5 < speech_stopped
      1.7 < final yes please
      1.7 > turn "yes please"
      9.0 .
    ]])
  end)

  it("is over when the ear says so", function()
    play({ stop = "ear" }, [[
      0.0 < speech_started
      1.5 < speech_stopped
      1.6 < final yes
      1.8 < end_of_turn
      1.8 > turn "yes"
      3.0 < agent_began
      4.0 < agent_ended
      5.0 < speech_started
      5.5 < end_of_turn
      5.7 < final and no
      5.7 > turn "and no"
      9.0 .
    ]])
  end)

  it("waits longer for a sentence that is not finished, and for digits", function()
    play({}, [[
      0.0 < speech_started
      1.0 < speech_stopped
      1.1 < final I would like to
      2.2 < speech_started
      3.0 < speech_stopped
      3.1 < final book for five five
      4.0 < speech_started
      4.5 < speech_stopped
      4.6 < final one two
      6.5 > turn "I would like to book for five five one two"
      9.0 .
    ]])
  end)

  it("is what is known when no final word comes", function()
    play({}, [[
      0.0 < speech_started
      0.5 < words is anybody
      1.0 < speech_stopped
      6.0 > turn "is anybody"
      6.5 < final is anybody
      7.0 < final is anybody there
      7.0 > cut merged
      7.6 > turn "is anybody there"
      9.0 .
    ]])
  end)

  it("counts only what is new of a final word that comes too late", function()
    play({}, [[
      0.0 < speech_started
      0.5 < words is anybody
      1.0 < speech_stopped
      6.0 > turn "is anybody"
      6.5 < final is anybody there?
      6.5 > cut merged
      7.1 > turn "there?"
      9.0 .
    ]])
  end)

  it("is none when it was a noise", function()
    play({}, [[
      0.0 < speech_started
      0.2 < speech_stopped
      0.4 < final
      0.4 > noise
      1.0 < speech_started
      1.2 < speech_stopped
      6.2 > noise
      9.0 .
    ]])
  end)

  it("may come without the detector having noticed", function()
    play({}, [[
      0.0 < words hello
      0.4 < final hello there
      1.0 > turn "hello there"
      9.0 .
    ]])
  end)

  it("of sound without end is over by the clock (report A 14)", function()
    play({}, [[
      0.0 < speech_started
      30.0 > too_long 1 ""
      40.0 < words your call is important
      60.0 > too_long 2 "your call is important"
      60.0 > turn "your call is important" cut off
      70.0 .
    ]])
  end)

  it("is as long as a turn may be, however often the detector begins anew", function()
    play({ longest = "10s" }, [[
      0.0 < speech_started
      4.0 < speech_stopped
      4.1 < speech_started
      5.0 < final la la la
      8.0 < speech_stopped
      8.1 < speech_started
      10.0 > too_long 1 "la la la"
      10.0 > turn "la la la" cut off
      20.0 .
    ]])
  end)
end)

describe("keys", function()
  it("are a turn at the hash, or after two seconds (report A 15)", function()
    play({}, [[
      0.0 < key 1
      0.5 < key 2
      1.0 < key #
      1.0 > turn "12" keys
      3.0 < agent_began
      4.0 < agent_ended
      5.0 < key 3
      5.5 < key 4
      7.5 > turn "34" keys
      9.0 .
    ]])
  end)

  it("and speech at the same time are two turns, and neither is lost (report A 15)", function()
    play({}, [[
      0.0 < key 1
      0.2 < speech_started
      0.5 < key 2
      0.9 < speech_stopped
      1.0 < final my number
      1.1 < key #
      1.1 > turn "12" keys
      1.5 > turn "my number"
      9.0 .
    ]])
  end)

  it("cut what the agent says, also while it is paused", function()
    play({}, [[
      0.0 < agent_began
      1.0 < key 1
      1.0 > cut
      1.2 < key #
      1.2 > turn "1" keys
      2.0 < agent_began
      3.0 < speech_started
      3.0 > pause
      3.2 < speech_stopped
      3.4 < key 7
      3.4 > cut
      5.2 > noise
      5.4 > turn "7" keys
      9.0 .
    ]])
  end)

  it("do not cut what may not be interrupted, and count all the same", function()
    play({}, [[
      0.0 < agent_began protected
      1.0 < key 1
      3.0 > turn "1" keys
      9.0 .
    ]])
  end)
end)

describe("an interruption", function()
  it("pauses at once, and cuts when words say that it is one", function()
    play({}, [[
      0.0 < agent_began
      1.0 < paused Your table
      1.0 > pause
      1.0 < speech_started
      1.8 < speech_stopped
      2.1 < final no for six
      2.1 > cut
      2.4 > turn "no for six"
      9.0 .
    ]])
  end)

  it("cuts early when there are many words", function()
    play({}, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.4 < words wait
      1.7 < words wait I said
      1.7 > cut
      2.5 < speech_stopped
      2.7 < final wait I said six
      3.1 > turn "wait I said six"
      9.0 .
    ]])
  end)

  it("by a noise is taken back at the time (report A 17)", function()
    for _, interim in ipairs { "", "…", "?" } do
      play({}, ([[
        0.0 < agent_began
        1.0 < speech_started
        1.0 > pause
        1.1 < words %s
        1.2 < speech_stopped
        3.2 > noise
        3.2 > resume
        9.0 .
      ]]):format(interim))
    end
  end)

  it("by a noise that the ear recognises is taken back at once", function()
    play({}, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.2 < speech_stopped
      1.5 < final
      1.5 > noise
      1.5 > resume
      9.0 .
    ]])
  end)

  it("by a caller who thinks is not taken back, and the words count (report A 17)", function()
    play({ sure_words = 10 }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.4 < words I was going to
      2.0 < speech_stopped
      8.0 > cut
      8.0 > turn "I was going to"
      9.0 .
    ]])
  end)

  it("goes on when the caller does, with all the words (report A 17)", function()
    play({ sure_words = 10 }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.4 < words I was going to
      2.0 < speech_stopped
      4.0 < speech_started
      4.9 < speech_stopped
      5.0 < final I was going to ask for six
      5.0 > cut
      5.5 > turn "I was going to ask for six"
      9.0 .
    ]])
  end)

  it("by an acknowledgement is none", function()
    play({}, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.4 < words uh-huh
      1.5 < speech_stopped
      1.7 < final Uh-huh.
      1.7 > aside "Uh-huh."
      1.7 > noise
      1.7 > resume
      4.0 < speech_started
      4.0 > pause
      4.5 < speech_stopped
      4.7 < final okay yeah but wait
      4.7 > cut
      5.1 > turn "okay yeah but wait"
      9.0 .
    ]])
    play({ language = "hi" }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.5 < speech_stopped
      1.7 < final हाँ
      1.7 > aside "हाँ"
      1.7 > noise
      1.7 > resume
      9.0 .
    ]])
  end)

  it("twice in a row is one", function()
    play({}, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.2 < speech_stopped
      1.5 < speech_started
      1.9 < speech_stopped
      2.2 < final stop it
      2.2 > cut
      2.5 > turn "stop it"
      9.0 .
    ]])
  end)

  it("by words alone lets the agent speak until there are words", function()
    play({ start = "words", min_words = 2, sure_words = 2 }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.4 < words wait
      1.6 < final wait
      1.6 > aside "wait"
      2.5 < words hold on
      2.5 > cut
      3.0 < speech_stopped
      3.1 < final hold on please
      3.6 > turn "hold on please"
      9.0 .
    ]])
  end)

  it("is over when the ear says so", function()
    play({}, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.5 < end_of_turn
      1.7 < final no stop
      1.7 > cut
      1.7 > turn "no stop"
      9.0 .
    ]])
  end)

  it("of a sentence that may not be interrupted waits for its end, and loses nothing", function()
    play({}, [[
      0.0 < agent_began protected
      1.0 < speech_started
      1.6 < speech_stopped
      1.8 < final does it cost extra
      5.0 < agent_ended
      5.0 > turn "does it cost extra"
      9.0 .
    ]])
  end)

  it("that lasts until the agent has ended is a turn", function()
    play({}, [[
      0.0 < agent_began protected
      1.0 < speech_started
      2.0 < agent_ended
      3.0 < speech_stopped
      3.2 < final good bye
      3.6 > turn "good bye"
      9.0 .
    ]])
  end)

  it("by sound in which an ear finds no words is none (report A 14)", function()
    play({ partials = true }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      7.0 > noise
      7.0 > resume
      9.0 < agent_ended
      39.0 > too_long 1 ""
      40.0 .
    ]])
    play({ partials = true }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      2.0 < words well
      8.0 < speech_stopped
      8.2 < final well then
      8.2 > cut
      8.6 > turn "well then"
      9.0 .
    ]])
  end)

  it("by sound without end lets the agent speak on (report A 14)", function()
    play({}, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      31.0 > too_long 1 ""
      31.0 > resume
      40.0 .
    ]])
  end)
end)

describe("before the answer is heard", function()
  it("the second half is the same turn (report A 12)", function()
    play({}, [[
      0.0 < speech_started
      0.5 < speech_stopped
      0.6 < final No. Date
      1.1 > turn "No. Date"
      1.5 < final needed now.
      1.5 > cut merged
      2.1 > turn "needed now."
      9.0 .
    ]])
  end)

  it("the second half is the same turn, also with sound on its way (report A 12)", function()
    play({}, [[
      0.0 < speech_started
      0.5 < speech_stopped
      0.6 < final No. Date
      1.1 > turn "No. Date"
      1.3 < agent_began
      1.4 < paused
      1.4 > pause
      1.4 < speech_started
      1.9 < speech_stopped
      2.0 < final okay
      2.0 > cut merged
      2.5 > turn "okay"
      9.0 .
    ]])
  end)

  it("a noise holds it back until it is one", function()
    play({}, [[
      0.0 < speech_started
      0.5 < speech_stopped
      0.6 < final yes.
      1.1 > turn "yes."
      1.2 < speech_started
      1.2 > pause
      1.4 < speech_stopped
      1.6 < final
      1.6 > noise
      1.6 > resume
      2.0 < agent_began
      9.0 .
    ]])
  end)

  it("or where it is kept apart, it is the next turn (report A 12)", function()
    play({ merge = false }, [[
      0.0 < speech_started
      0.5 < speech_stopped
      0.6 < final No. Date
      1.1 > turn "No. Date"
      1.5 < final needed now.
      1.6 < agent_began
      3.0 < agent_ended
      3.6 > turn "needed now."
      9.0 .
    ]])
  end)

  it("an interruption of what was heard is not merged (report A 12)", function()
    play({}, [[
      0.0 < speech_started
      0.5 < speech_stopped
      0.6 < final No. Date
      1.1 > turn "No. Date"
      1.6 < agent_began
      2.0 < paused Which
      2.0 > pause
      2.0 < speech_started
      2.6 < speech_stopped
      2.7 < final needed now.
      2.7 > cut
      3.2 > turn "needed now."
      9.0 .
    ]])
  end)
end)

describe("a guess", function()
  it("is made when the ear says that the end is likely, and kept when it was right", function()
    play({ stop = "ear" }, [[
      0.0 < speech_started
      1.0 < words did it work
      1.2 < end_likely
      1.2 > guess "did it work"
      1.5 < final did it work
      1.6 < end_of_turn
      1.6 > turn "did it work" guessed
      9.0 .
    ]])
  end)

  it("is dropped when the caller goes on", function()
    play({ stop = "ear" }, [[
      0.0 < speech_started
      1.0 < words did it
      1.2 < end_likely
      1.2 > guess "did it"
      1.4 < resumed
      1.4 > drop
      2.0 < final did it work
      2.1 < end_of_turn
      2.1 > turn "did it work"
      9.0 .
    ]])
  end)

  it("is dropped when the words are others in the end", function()
    play({ guess = "early" }, [[
      0.0 < speech_started
      1.0 < speech_stopped
      1.1 < final for five.
      1.1 > guess "for five."
      1.3 < final or six.
      1.3 > drop
      1.3 > guess "for five. or six."
      1.6 > turn "for five. or six." guessed
      9.0 .
    ]])
  end)

  it("is not made while a tool runs (report A 4)", function()
    play({ guess = "early" }, [[
      0.0 < tool_began
      0.1 < speech_started
      0.8 < words did it work
      0.9 < end_likely
      1.0 < speech_stopped
      1.1 < final did it work?
      1.6 > turn "did it work?"
      2.0 < tool_ended
      9.0 .
    ]])
  end)

  it("is not made where it is not wanted", function()
    play({ guess = false }, [[
      0.0 < speech_started
      1.0 < words did it
      1.2 < end_likely
      9.0 .
    ]])
  end)
end)

describe("the first seconds of a greeting", function()
  it("take a hello without a reply (report A 16)", function()
    play({}, [[
      0.0 < greeting
      0.1 < agent_began
      0.3 < speech_started
      0.9 < speech_stopped
      1.1 < final Hello?
      1.1 > aside "Hello?"
      5.0 < agent_ended
      9.0 .
    ]])
  end)

  it("take a hello that came before the first sound (report A 16)", function()
    play({}, [[
      0.0 < greeting
      0.1 < speech_started
      0.4 < agent_began
      0.9 < speech_stopped
      1.1 < final Hello?
      1.5 > aside "Hello?"
      2.0 < speech_started
      9.0 .
    ]])
  end)

  it("go on over it when it was paused (report A 16)", function()
    play({}, [[
      0.0 < greeting
      0.1 < agent_began
      0.3 < paused
      0.3 > resume
      0.3 < speech_started
      0.9 < speech_stopped
      1.1 < final Hello?
      1.1 > aside "Hello?"
      9.0 .
    ]])
  end)

  it("are interrupted by a whole sentence", function()
    play({}, [[
      0.0 < greeting
      0.1 < agent_began
      0.3 < speech_started
      1.9 < speech_stopped
      2.1 < final take me off your list
      2.1 > cut
      2.5 > turn "take me off your list"
      9.0 .
    ]])
  end)
end)

describe("a caller who is not listened to", function()
  it("because the agent speaks", function()
    play({ mute = { "speaking" } }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.5 < speech_stopped
      1.7 < final stop it
      1.7 > aside "stop it"
      3.0 < agent_ended
      4.0 < speech_started
      4.5 < speech_stopped
      4.7 < final stop it
      5.1 > turn "stop it"
      9.0 .
    ]])
  end)

  it("because it is the agent's first sentence", function()
    play({ mute = { "first" } }, [[
      0.0 < agent_began
      1.0 < paused Welc
      1.0 > resume
      1.0 < speech_started
      1.5 < speech_stopped
      3.0 < agent_ended
      4.0 < agent_began
      5.0 < speech_started
      5.0 > pause
      9.0 .
    ]])
  end)

  it("because a tool runs", function()
    play({ mute = { "tools" } }, [[
      0.0 < tool_began
      1.0 < speech_started
      1.5 < speech_stopped
      1.7 < final hello
      1.7 > aside "hello"
      2.0 < tool_ended
      3.0 < speech_started
      3.5 < speech_stopped
      3.7 < final hello
      4.1 > turn "hello"
      9.0 .
    ]])
  end)

  it("because the agent was not called by its name", function()
    play({ wake = { "hey shop" }, wake_for = "5s" }, [[
      0.0 < speech_started
      0.5 < speech_stopped
      0.7 < final what a day
      1.1 > noise
      2.0 < speech_started
      2.5 < speech_stopped
      2.7 < final Hey, shop! Two eggs.
      3.1 > turn "Hey, shop! Two eggs."
      4.0 < agent_began
      5.0 < agent_ended
      6.0 < speech_started
      6.5 < speech_stopped
      6.7 < final and milk
      7.1 > turn "and milk"
      30.0 .
    ]])
  end)

  it("because such words interrupt nobody", function()
    play({ ignore = { "one moment" } }, [[
      0.0 < agent_began
      1.0 < speech_started
      1.0 > pause
      1.5 < speech_stopped
      1.7 < final One moment!
      1.7 > aside "One moment!"
      1.7 > noise
      1.7 > resume
      9.0 .
    ]])
  end)
end)

describe("the end of a sentence", function()
  for text, which in pairs {
    ["Yes."] = "silence", ["no"] = "silence", ["and"] = "silence", ["I would like to"] = "unfinished", ["six,"] = "unfinished",
    ["well…"] = "unfinished", ["My number is five five"] = "dictating", ["a t dot"] = "dictating", ["12 34"] = "dictating",
    ["table for six"] = "silence", [""] = "silence", ["the order is 66"] = "silence", ["um"] = "silence",
    ["it is um"] = "unfinished",
  } do
    it(("is judged by its words: %q"):format(text), function() assert.equal(which, complete.judge(text, "en")) end)
  end

  it("is judged in other languages too, and by its marks where nothing is known of them", function()
    assert.equal("unfinished", complete.judge("quiero una mesa para", "es-MX"))
    assert.equal("dictating", complete.judge("null sieben", "de"))
    assert.equal("silence", complete.judge("हाँ।", "hi"))
    assert.equal("unfinished", complete.judge("मुझे दो टिकट चाहिए और", "hi-IN"))
    assert.equal("dictating", complete.judge("خمسة ستة", "ar"))
    for tag in pairs(language.known) do
      local known = language.of(tag)
      local words, digits = known.unfinished:gmatch "%S+", known.dictated:gmatch "%S+"
      assert.equal("unfinished", complete.judge("hallo " .. words(), tag), tag)
      assert.equal("dictating", complete.judge(digits() .. " " .. digits(), tag), tag)
    end
    assert.equal("unfinished", complete.judge("はい、", "ja"))
    assert.equal("silence", complete.judge("I would like to", "hi"))
  end)
end)

describe("the settings of turns", function()
  for what, given in pairs {
    ["turns: unknown field 'silense'; did you mean 'silence'?"] = { silense = 1 },
    ["mute: unknown value 'tool'; did you mean 'tools'?"] = { mute = { "tool" } },
    ["'guess' is \"likely\", \"early\" or false, not sometimes"] = { guess = "sometimes" },
    ["turns: 'start' unknown value 'word'; did you mean 'words'?"] = { start = "word" },
  } do
    it("say what is wrong: " .. what, function()
      local machine, why = turns.new(given)
      assert.is_nil(machine)
      assert.equal(what, why)
    end)
  end
end)

describe("the table of turns", function()
  it("is drawn as it is", function()
    local file = assert(io.open "docs/turn-taking.md")
    local page = file:read "*a"
    file:close()
    for _, row in ipairs(rows) do
      local line = ("| %s | %s | %s | %s | %s |"):format(row[1], row[2], row[3] or "", table.concat(row[4], ", "), row[5] or "")
      assert(page:find(line, 1, true), line)
    end
    local _, count = page:gsub("\n| %l+ | %l[%l_]* | [%l_]* | [%l_, ]* | %l* |", "")
    assert.equal(#rows + 1, count) -- with its head
  end)

  it("has no row that a row before it hides", function()
    local always = {}
    for _, row in ipairs(rows) do
      local place = row[1] .. " " .. row[2]
      assert.is_nil(always[place], place)
      if not row[3] then always[place] = true end
    end
  end)
end)

describe("a machine of turns", function()
  it("never waits for what is past, whatever happens in whatever order", function()
    local kinds = {
      "speech_started", "speech_stopped", "words", "final", "end_of_turn", "end_likely", "resumed", "key", "greeting", "asked",
      "agent_began", "paused", "agent_ended", "tool_began", "tool_ended", "time",
    }
    local texts = { "", "yes", "uh-huh", "I would like to", "one two three four five" }
    local seed = 12345
    local function random(count)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % count + 1
    end
    for _ = 1, 60 do
      local machine, now = turns.new { merge = random(2) == 1, guess = "early", mute = random(3) == 1 and { "tools" } or nil }, 0
      for _ = 1, 200 do
        now = now + (random(4) == 1 and random(40) or random(10) / 10)
        local text = texts[random(#texts)]
        local kind = kinds[random(#kinds)]
        machine:take({ kind = kind, text = WITH[kind] == "text" and text or nil, key = "1", heard = text }, now)
        assert(not machine.at or machine.at > now, kind)
        assert(#table.concat(machine.finals) <= 8000 + 23)
      end
    end
  end)
end)
