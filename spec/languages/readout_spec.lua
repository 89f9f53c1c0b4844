-- Values in sentences, as they are said in the language of the call.

local text = require "callisto.text"

local values = {
  n = 1234567, f = 12.5, rupees = "1250.50", one = 1, big = 2000000, neg = -3, code = "40A7#", yes = true, no = false,
  at = "2026-03-03T15:30", first = "2026-05-01T13:00", five_past = "00:05", clock = "15:30", wrong = "2026-02-31",
  third = 3, thousands = 2000,
}

local function said(tag, sentence) return text.interpolate(sentence, values, tag) end

local cases = {
  hi = {
    ["{n|number}"] = "बारह लाख चौंतीस हज़ार पाँच सौ सड़सठ", ["{f|number}"] = "बारह दशमलव पाँच", ["{neg|number}"] = "ऋण तीन",
    ["{rupees|money:INR}"] = "एक हज़ार दो सौ पचास रुपये पचास पैसे", ["{one|money:dollars}"] = "एक डॉलर",
    ["{n|money:rupees:indian}"] = "बारह लाख चौंतीस हज़ार पाँच सौ सड़सठ रुपये", ["{code|digits}"] = "चार शून्य A सात हैश",
    ["{third|ordinal}"] = "तीसरा", ["{at|datetime}"] = "मंगलवार, तीन मार्च, दोपहर तीन बजकर तीस मिनट",
    ["{five_past|time}"] = "रात बारह बजकर पाँच मिनट", ["{yes} {no}"] = "हाँ नहीं",
  },
  es = {
    ["{rupees|money:INR}"] = "mil doscientas cincuenta rupias con cincuenta paisas",
    ["{big|money:EUR}"] = "dos millones de euros",
    ["{one|money:USD}"] = "un dólar", ["{neg|money:EUR}"] = "menos tres euros",
    ["{at|datetime}"] = "martes, tres de marzo a las tres y treinta de la tarde",
    ["{first|datetime}"] = "viernes, uno de mayo a la una de la tarde", ["{one|money:points}"] = "uno points",
  },
  pt = {
    ["{big|money:BRL}"] = "dois milhões de reais",
    ["{first|datetime}"] = "sexta-feira, primeiro de maio às treze horas", ["{yes}"] = "sim",
  },
  fr = {
    ["{big|money:EUR}"] = "deux millions d'euros", ["{first|date}"] = "vendredi premier mai",
    ["{clock|time}"] = "quinze heures trente",
  },
  de = {
    ["{n|number}"] = "eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig", ["{one|money:EUR}"] = "ein Euro",
    ["{at|datetime}"] = "Dienstag, der dritte März um fünfzehn Uhr dreißig", ["{third|ordinal}"] = "dritte",
  },
  ar = { ["{clock|time}"] = "الساعة الثالثة وثلاثون دقيقة بعد الظهر", ["{third|number}"] = "ثلاثة", ["{no}"] = "لا" },
  id = { ["{code|digits}"] = "empat nol A tujuh pagar", ["{clock|time}"] = "pukul tiga lewat tiga puluh menit sore" },
  ta = { ["{one|money:INR}"] = "ஒரு ரூபாய்", ["{first|date}"] = "மே ஒன்று, வெள்ளி" },
  te = {
    ["{thousands|number}"] = "రెండు వేలు", ["{thousands|money:INR}"] = "రెండు వేల రూపాయలు", ["{one|money:INR}"] = "ఒక రూపాయి",
    ["{first|datetime}"] = "ఒకటి మే, శుక్రవారం, మధ్యాహ్నం ఒంటి గంట",
  },
  ["en-IN"] = {
    ["{n|number}"] = "twelve lakh thirty-four thousand five hundred and sixty-seven", ["{big|money:INR}"] = "twenty lakh rupees",
    ["{at|date}"] = "Tuesday, the third of March",
  },
  ["en-US"] = { ["{big|money:USD}"] = "two million dollars", ["{yes}"] = "yes" },
  -- Without a file for it: what ICU has.
  it = { ["{third|number}"] = "tre", ["{at|datetime}"] = "martedì tre marzo, 15:30" },
}

for tag, list in pairs(cases) do
  describe("a value said in " .. tag, function()
    for sentence, expected in pairs(list) do
      it("is in its words: " .. sentence, function()
        local filled, warnings = said(tag, sentence)
        assert.equal(expected, filled)
        assert.same({}, warnings)
      end)
    end
  end)
end

describe("a value that a language has no words for", function()
  it("is said as it was written, and reported", function()
    local filled, warnings = said("bn", "{n|number}")
    assert.equal("1234567", filled)
    assert.same({ "'n' is not something for 'number' and is said as it is" }, warnings)
    assert.equal(1, #select(2, said("hi", "{wrong|date}")))
  end)

  it("keeps the name of its money", function() assert.equal("2000000 ভারতীয় রুপি", (said("bn", "{big|money:INR}"))) end)
end)

describe("spelling", function()
  it("is by letters as people count them", function()
    for written, spelled in pairs {
      ["नमस्ते"] = "न म स्ते", ["தமிழ்"] = "த மி ழ்", ["José 5"] = "J o s é 5",
      ["Jose\204\129"] = "J o s e\204\129", ["محمد"] = "م ح م د",
      ["AB12"] = "A B 1 2", ["A"] = "A", ["ABC"] = "A B C", [""] = "",
    } do
      assert.equal(spelled, (text.interpolate("{name|spell}", { name = written })))
    end
  end)
end)
