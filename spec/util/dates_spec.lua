local dates = require "callisto.dates"
local flows = require "spec.support.flows"

local TODAY = "2026-03-03" -- a Tuesday

describe("the calendar", function()
  it("counts days there and back, over leap years", function()
    assert.equal(0, dates.days(1970, 1, 1))
    assert.equal(20515, dates.days(2026, 3, 3))
    for count = -800, 40000, 13 do assert.equal(count, dates.count(dates.text(count))) end
  end)
  it("knows which days there are not", function()
    assert.is_nil(dates.days(2026, 2, 29))
    assert.is_truthy(dates.days(2028, 2, 29))
    assert.is_nil(dates.days(2026, 4, 31))
    assert.is_nil(dates.count "2026-13-01")
    assert.is_nil(dates.count "tomorrow")
  end)
end)

describe("a spoken date", function()
  for said, date in pairs {
    ["today"] = "2026-03-03", ["Tomorrow, please."] = "2026-03-04", ["the day after tomorrow"] = "2026-03-05",
    ["friday"] = "2026-03-06", ["on Friday"] = "2026-03-06", ["this friday"] = "2026-03-06", ["next friday"] = "2026-03-13",
    ["tuesday"] = "2026-03-10", ["this tuesday"] = "2026-03-03", ["next tuesday"] = "2026-03-10", ["next sunday"] = "2026-03-15",
    ["the third of may"] = "2026-05-03", ["the 3rd of May"] = "2026-05-03", ["may third"] = "2026-05-03",
    ["may the third"] = "2026-05-03", ["May 3"] = "2026-05-03", ["3 may"] = "2026-05-03",
      ["twenty first of march"] = "2026-03-21",
    ["the third of march"] = "2026-03-03", ["the second of march"] = "2027-03-02", ["may 3, 2027"] = "2027-05-03",
    ["the fifteenth"] = "2026-03-15", ["the second"] = "2026-04-02", ["the 31st"] = "2026-03-31", ["in two weeks"] = "2026-03-17",
    ["in 10 days"] = "2026-03-13", ["a week from today"] = "2026-03-10", ["in a month"] = "2026-04-03",
    ["2026-07-01"] = "2026-07-01", ["twenty ninth of february"] = "2028-02-29",
  } do
    it(said, function() assert.equal(date, dates.parse(said, TODAY)) end)
  end
  for _, said in ipairs { "", "hello", "the thirty second of may", "31 february", "next week", "five", "in some days", "may",
    "next may",
    ("monday "):rep(40) } do
    it("is not " .. said:sub(1, 30), function() assert.is_nil(dates.parse(said, TODAY)) end)
  end
end)

it("the ways to say a date mean that date and no other", function()
  local seen, count = {}, 0
  for date, phrases in pairs(dates.phrases(TODAY, "2026-06-10", TODAY)) do
    assert.is_true(#phrases >= 4, date)
    for _, phrase in ipairs(phrases) do
      assert.equal(date, dates.parse(phrase, TODAY))
      assert.is_nil(seen[phrase], phrase)
      seen[phrase], count = true, count + 1
    end
  end
  assert.is_true(count < 700) -- the recogniser takes 1,024
  assert.is_true(seen["next friday"] and seen["the third of may"] and seen["day after tomorrow"])
end)

it("the clock knows the date of a zone", function()
  local caller = flows.call [[
    local clock = require "callisto.clock"
    call:fact("clock", {
      today = clock.today(), samoa = clock.today "Pacific/Pago_Pago", no_today = select(2, clock.today "Mars/Base"),
      kolkata = clock.time "Asia/Kolkata", berlin = clock.time "Europe/Berlin", no_time = select(2, clock.time "Mars/Base"),
      tuesday = clock.is_open { tue = "10:00-11:00" }, monday = clock.is_open { mon = "10:00-11:00" },
      no_window = select(2, clock.is_open { mon = "x" }),
    })
  ]]
  caller:ended()
  local told = caller:fact "clock"
  assert.equal("2026-03-03", told.today)
  assert.equal("15:45", told.kolkata)
  assert.equal("11:15", told.berlin)
  assert.equal("2026-03-02", told.samoa)
  assert.matches("no time zone Mars/Base", told.no_today)
  assert.matches("no time zone Mars/Base", told.no_time)
  assert.is_true(told.tuesday)
  assert.is_false(told.monday)
  assert.matches("not a window", told.no_window)
end)

it("a local date and time is an instant", function()
  assert.equal(1784109600, dates.instant("2026-07-15", "12:00", "Europe/Berlin"))
  assert.equal("2026-07-15", dates.of(1784109600, "Europe/Berlin"))
  assert.same({ 1774747800, "gap" }, { dates.instant("2026-03-29", "02:30", "Europe/Berlin") })
  assert.same({ 1792888200, "overlap" }, { dates.instant("2026-10-25", "2:30", "Europe/Berlin") })
  assert.equal(0, dates.instant "1970-01-01")
  assert.equal("1969-12-31", dates.of(0, "America/New_York"))
  assert.matches("'tomorrow' is not a date", (select(2, dates.instant "tomorrow")))
  assert.matches("'noon' is not a time", (select(2, dates.instant("2026-07-15", "noon"))))
  assert.matches("is not a local time", (select(2, dates.instant("2026-02-30", "12:00"))))
  assert.matches("no time zone Mars/Base", (select(2, dates.instant("2026-07-15", "12:00", "Mars/Base"))))
  assert.matches("no time zone Mars/Base", (select(2, dates.of(0, "Mars/Base"))))
end)
