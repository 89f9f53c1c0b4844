-- Written text as it is spoken.

local speakable = require "callisto.speakable"

describe("a written text", function()
  for written, spoken in pairs {
    ["**Hello** _there_, *you*"] = "Hello there, you",
    ["~~old~~ new"] = "old new",
    ["order_id is snake_case"] = "order id is snake case",
    ["3 * 4 and 5*6"] = "3 times 4 and 5 times 6",
    ["a \\* star"] = "a star",
    ["Tom &amp; Jerry <b>bold</b><br/>end"] = "Tom & Jerry bold end",
    ["![a cat](https://x.com/cat.png) here"] = "a cat here",
    ["[a][1] and [b] and [c](d)"] = "a and [b] and c",
    ["<https://example.com/>"] = "example dot com",
    ["https://user:pw@shop.example.com:8080/a/b?x=1#y"] = "shop dot example dot com",
    ["https://example.com/orders/1234567"] = "example dot com",
    ["http://example.com/my-page"] = "example dot com slash my page",
    ["Node.js 20.1 is file.txt"] = "Node.js 20.1 is file.txt",
    ["jane+tag@mail.example.com."] = "jane plus tag at mail dot example dot com.",
    ["### Head ##"] = "Head.",
    ["- [x] done"] = "done.",
    ["• point"] = "point.",
    ["-5 degrees"] = "-5 degrees",
    ["A → B"] = "A B",
    ["soft\194\173hyphen and\194\160blank"] = "softhyphen and blank",
    ["1️⃣ first"] = "1 first",
    ["!!!"] = "",
    ["* * *"] = "",
  } do
    it("is spoken: " .. written, function() assert.equal(spoken, speakable.of(written)) end)
  end

  it("keeps the marks that join letters", function()
    for _, text in ipairs { "क्‍ष", "می‌خواهم", "لَا", "தமிழ்" } do assert.equal(text, speakable.of(text)) end
  end)
end)
