-- What a model writes, cut into pieces that can be spoken, the same wherever its text is split.

local sentences = require "callisto.sentences"

local function all(cutter, parts)
  local pieces = {}
  for _, part in ipairs(parts) do
    for _, piece in ipairs(cutter:put(part)) do pieces[#pieces + 1] = piece end
  end
  for _, piece in ipairs(cutter:finish()) do pieces[#pieces + 1] = piece end
  return pieces
end

local function by_bytes(text)
  local parts = {}
  for i = 1, #text do parts[i] = text:sub(i, i) end
  return parts
end

local cases = {
  en = {
    { "Hello there. How are you? Fine!", "Hello there.", "How are you?", "Fine!" },
    { "It costs 3.5 or 1,000.00 dollars. Yes", "It costs 3.5 or 1,000.00 dollars.", "Yes" },
    { "Dr. Smith and Mrs. Jones live on Main St. near us. Good", "Dr. Smith and Mrs. Jones live on Main St. near us.", "Good" },
    { "Fruit, e.g. apples, i.e. food. Right.", "Fruit, e.g. apples, i.e. food.", "Right." },
    { "Apples, pears, etc. We have all.", "Apples, pears, etc.", "We have all." },
    { "Apples, etc. are here.", "Apples, etc. are here." },
    { "J. R. R. Tolkien wrote it. Yes.", "J. R. R. Tolkien wrote it.", "Yes." },
    { "At 3 p.m. on Monday. At 5 p.m. We close.", "At 3 p.m. on Monday.", "At 5 p.m.", "We close." },
    { "It is at 10:30. Not 11.15 today.", "It is at 10:30.", "Not 11.15 today." },
    { "On May 3, 2026. Or on 2026-05-03. Or 3.5.2026 then.", "On May 3, 2026.", "Or on 2026-05-03.", "Or 3.5.2026 then." },
    { "I have 5. Then six.", "I have 5.", "Then six." },
    { "No. 5 is free. No. We are closed.", "No. 5 is free.", "No.", "We are closed." },
    { "Really?! Yes... well. Wait… what? Hm... Fine.", "Really?!", "Yes... well.", "Wait… what?", "Hm...", "Fine." },
    { 'He said "Stop." Then he left. (See below.) Good.', 'He said "Stop."', "Then he left.", "(See below.)", "Good." },
    { "The U.S. Senate met. It was in the U.S. senate.", "The U.S.", "Senate met.", "It was in the U.S. senate." },
    { "hello. how are you? fine.", "hello.", "how are you?", "fine." },
    { "One\nTwo\n\nthree", "One", "Two", "three" },
    { "a line that is\nbroken in two. Yes", "a line that is broken in two.", "Yes" },
    { "See https://www.example.com. Or mail jane.doe@example.co.uk! Or example.org/help? OK",
      "See example dot com.", "Or mail jane dot doe at example dot co dot uk!", "Or example dot org slash help?", "OK" },
    { "# Title\n\n- **first** item\n* second\n3. Third\n4) fourth\n> quoted\n---\nEnd.",
      "Title.", "first item.", "second.", "3, Third.", "4, fourth.", "quoted", "End." },
    { "You can choose. 1. Apples 2. Pears 3. Nuts", "You can choose.", "1, Apples.", "2, Pears.", "3, Nuts." },
    { "| Name | Price |\n|---|---:|\n| Tea | 3.50 |\nDone.", "Name, Price.", "Tea, 3.50.", "Done." },
    { "Here:\n```lua\nlocal a = 1\nprint(a)\n```\nThat is all.", "Here:", "That is all." },
    { "Your code is:\n```\nAB 12\n```\nThanks.", "Your code is:", "AB 12", "Thanks." },
    { "```\nopen", "open" },
    { "Use `a. b. C` now. Yes.", "Use a. b. C now.", "Yes." },
    { "See [the page. Really](https://x.com/a.) now. Yes.", "See the page. Really now.", "Yes." },
    { "An open [bracket. Yes\nand [1] here. No.", "An open [bracket. Yes and [1] here.", "No." },
    { "Great! 🎉 Bye 👋🏽! 👨‍👩‍👧 🇮🇳", "Great!", "Bye !" },
    { "Great!🎉 Bye.", "Great!", "Bye." },
    { "🙂", },
    { " \n\t \n ", },
    { "zero\226\128\139width \226\128\170left\226\128\172 nul\0 bell\7.", "zerowidth left nul bell." },
    { "broken \255\254 bytes \226\130. Yes.", "broken bytes .", "Yes." },
  },
  de = {
    { "Am 3. März um 15.30 Uhr, z.B. bei Dr. Müller. Danach nicht.",
      "Am 3. März um 15.30 Uhr, z.B. bei Dr. Müller.", "Danach nicht." },
    { "Das ist z. B. so. Der 2. Versuch, Nr. 7. Das kostet 1.234,50 Euro.",
      "Das ist z. B. so.", "Der 2. Versuch, Nr. 7. Das kostet 1.234,50 Euro." },
    { "Schreiben Sie an a_b@example.de.", "Schreiben Sie an a Unterstrich b ät example Punkt de." },
  },
  es = {
    { "El Sr. López y la Sra. Ruiz. ¿Cómo está Ud. hoy? ¡Bien!",
      "El Sr. López y la Sra. Ruiz.", "¿Cómo está Ud. hoy?", "¡Bien!" },
    { "En EE.UU. hay, p.ej. queso. Sí.", "En EE.UU. hay, p.ej. queso.", "Sí." },
  },
  fr = {
    { "M. Dupont est là ? Oui ! Mme. Roy aussi.", "M. Dupont est là ?", "Oui !", "Mme. Roy aussi." },
  },
  pt = { { "O Sr. Silva e a Dra. Dias. Está bem?", "O Sr. Silva e a Dra. Dias.", "Está bem?" } },
  id = { { "Bpk. Budi di Jl. Merdeka No. 5. Terima kasih.", "Bpk. Budi di Jl. Merdeka No. 5.", "Terima kasih." } },
  hi = {
    { "नमस्ते। आप कैसे हैं? डॉ. शर्मा यहाँ हैं।ठीक है।", "नमस्ते।", "आप कैसे हैं?", "डॉ. शर्मा यहाँ हैं।", "ठीक है।" },
    { "क्\226\128\141ष ₹1,25,000.50 है। www.example.in", "क्\226\128\141ष ₹1,25,000.50 है।", "example डॉट in" },
  },
  ar = { { "مرحبا، كيف حالك؟ أنا بخير۔ د. أحمد هنا.", "مرحبا، كيف حالك؟", "أنا بخير۔", "د. أحمد هنا." } },
  ta = { { "வணக்கம். திரு. குமார் இருக்கிறாரா? சரி!", "வணக்கம்.", "திரு. குமார் இருக்கிறாரா?", "சரி!" } },
  te = { { "నమస్కారం. డా. రావు ఉన్నారా? సరే!", "నమస్కారం.", "డా. రావు ఉన్నారా?", "సరే!" } },
  ["zh-CN"] = { { "你好。你好吗？“我很好！”好", "你好。", "你好吗？", "“我很好！”", "好" } },
  ja = { { "はい。そうですか？「行きます。」では", "はい。", "そうですか？", "「行きます。」", "では" } },
  ["hi-IN"] = { { "Order ID 42 है। Please wait. ठीक?", "Order ID 42 है।", "Please wait.", "ठीक?" } },
}

for tag, list in pairs(cases) do
  describe("a text in " .. tag, function()
    for _, case in ipairs(list) do
      local text, expected = case[1], { unpack(case, 2) }
      it(("is cut where it can be spoken: %s"):format(text:sub(1, 40):gsub("%c", " ")), function()
        local cutter = sentences.new(tag, { first = 0 })
        assert.same(expected, all(cutter, { text }))
        assert.same(expected, all(cutter, by_bytes(text)), "byte by byte")
      end)
    end
  end)
end

describe("the first piece", function()
  local text = "Certainly, I can look that up for you, Anna, on May 3, 2026. One moment, please, and wait."

  it("ends at a comma once it is long enough, later ones do not", function()
    local expected = { "Certainly, I can look that up for you,", "Anna, on May 3, 2026.", "One moment, please, and wait." }
    assert.same(expected, all(sentences.new("en"), { text }))
    assert.same(expected, all(sentences.new("en"), by_bytes(text)))
  end)

  it("comes as soon as what decides it is there", function()
    local cutter = sentences.new("en", { first = 5 })
    assert.same({}, cutter:put "Certainly,")
    assert.same({ "Certainly," }, cutter:put " I")
    assert.same({}, cutter:put " can.")
    assert.same({ "I can." }, cutter:put " ")
    assert.same({}, cutter:finish())
  end)

  it("is the first again after the end of a text", function()
    local cutter = sentences.new("en", { first = 5 })
    all(cutter, { "One thing. Two." })
    assert.same({ "Certainly,", "I can, can I." }, all(cutter, { "Certainly, I can, can I." }))
  end)
end)

describe("a piece without an end", function()
  local function longest_of(pieces)
    local most = 0
    for _, piece in ipairs(pieces) do
      local _, characters = piece:gsub("[^\128-\191]", "")
      most = math.max(most, characters)
    end
    return most
  end

  for name, text in pairs {
    words = ("word "):rep(400), commas = ("so, many words here "):rep(100), letters = ("x"):rep(2000), han = ("好"):rep(2000),
    hindi = ("नमस्ते जी "):rep(200), brackets = "[" .. ("open. And "):rep(200), ticks = "`" .. ("open. And "):rep(200),
  } do
    it("is bounded: " .. name, function()
      local pieces = all(sentences.new("en", { longest = 100 }), { text })
      assert.is_true(longest_of(pieces) <= 100)
      assert.equal((text:gsub("[%s`%[]", "")), (table.concat(pieces):gsub("[%s`%[]", "")))
      assert.same(pieces, all(sentences.new("en", { longest = 100 }), by_bytes(text)))
    end)
  end

  local endless = { dots = ".", blanks = " ", newlines = "\n", ticks = "`", commas = ",", half = "\224\164", emoji = "🎉" }
  for name, text in pairs(endless) do
    it("does not grow what waits: " .. name, function()
      local cutter = sentences.new("hi")
      for _ = 1, 6000 do cutter:put(text) end
      assert.is_true(#cutter.buffer < 5000)
      cutter:finish()
      assert.same({ "ठीक है।" }, cutter:put "ठीक है। ")
    end)
  end

  it("is not kept where code never ends", function()
    local cutter = sentences.new("en")
    cutter:put "Look:\n```\n"
    for _ = 1, 3000 do cutter:put "line = 1\n" end
    assert.is_true(#cutter.buffer < 3000)
    assert.same({}, cutter:finish())
  end)
end)
