local numbers = require "callisto.numbers"
local text = require "callisto.text"
local words = require "callisto.words"

describe("a spoken number", function()
  for said, value in pairs {
    ["forty two"] = 42, ["Forty-two."] = 42, ["four two"] = 42, ["42"] = 42, ["zero"] = 0, ["um, it's nineteen please"] = 19,
    ["one hundred and five"] = 105, ["a hundred"] = 100, ["a hundred and one"] = 101, ["nineteen hundred"] = 1900,
    ["two thousand twenty six"] = 2026, ["one million two hundred thousand and three"] = 1200003, ["1,250"] = 1250,
    ["one lakh twenty thousand"] = 120000, ["two crore"] = 2e7, ["minus three"] = -3, ["two point five"] = 2.5,
    ["3 thousand"] = 3000, ["double five oh"] = 550, ["1.5 million"] = 1.5e6, ["one thousand two hundred thirty four"] = 1234,
  } do
    it(said, function() assert.equal(value, numbers.parse(said)) end)
  end
  for _, said in ipairs { "", "hello", "forty eleven", "hundred", "thousand two million", "twenty twenty", "five apples",
    "point five",
    "one two thousand", ("one "):rep(50) } do
    it("is not " .. said:sub(1, 30), function() assert.is_nil(numbers.parse(said)) end)
  end
end)

describe("spoken digits", function()
  for said, digits in pairs { ["four two seven one"] = "4271", ["double five oh one"] = "5501", ["triple nine"] = "999",
    ["zero zero seven"] = "007", ["12 34"] = "1234" } do
    it(said, function() assert.equal(digits, numbers.digits(said)) end)
  end
  for _, said in ipairs { "", "double", "four twenty", "double 12", "hello" } do
    it("are not " .. said, function() assert.is_nil(numbers.digits(said)) end)
  end
end)

it("what is said by words is understood by numbers", function()
  for _, value in ipairs { 0, 7, 13, 20, 99, 100, 101, 119, 1000, 1001, 99999, 100000, 1234567, 25000000 } do
    assert.equal(value, numbers.parse(words.number(value)))
    assert.equal(value, numbers.parse(words.number(value, "indian")))
  end
end)

describe("words for money", function()
  for _, case in ipairs {
    { 150000, "rupees", "indian", "one lakh fifty thousand rupees" },
    { 25000000, "INR", "indian", "two crore fifty lakh rupees" },
    { 1e9, "INR", "indian", "one hundred crore rupees" },
    { 150000, "rupees", nil, "one hundred and fifty thousand rupees" },
    { 1.01, "USD", nil, "one dollar and one cent" },
    { 0.5, "pounds", nil, "fifty pence" },
    { 100000, "indian", nil, "one lakh" },
    { 3, "coins", nil, "three coins" },
    { -2, "EUR", nil, "minus two euros" },
  } do
    it(case[4], function() assert.equal(case[4], words.money(case[1], case[2], case[3])) end)
  end
end)

describe("a sentence", function()
  for sentence, filled in pairs {
    ["{n|money:rupees:indian}"] = "one lakh twenty-five thousand rupees",
    ["{n|number:indian}"] = "one lakh twenty-five thousand",
    ["{at|datetime}"] = "Tuesday, the third of March at three thirty p m",
  } do
    it(sentence, function()
      assert.equal(filled, (text.interpolate(sentence, { n = 125000, at = "2026-03-03T15:30" })))
    end)
  end
end)
