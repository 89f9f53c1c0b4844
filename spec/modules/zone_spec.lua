local zone = require "callisto.zone"

local function local_time(name, at)
  local f = assert(zone.fields(name, at))
  return ("%04d-%02d-%02d %02d:%02d:%02d"):format(f.year, f.month, f.day, f.hour, f.minute, f.second)
end

local function fields(text)
  local year, month, day, hour, minute = text:match "^(%d+)-(%d+)-(%d+) (%d+):(%d+)$"
  return { year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = tonumber(hour), minute = tonumber(minute) }
end

describe("callisto.zone", function()
  it("knows the offset, its name and the season", function()
    assert.same({ 3600, "CET", false }, { zone.offset("Europe/Berlin", 1768474800) })
    assert.same({ 7200, "CEST", true }, { zone.offset("Europe/Berlin", 1784109600) })
    assert.same({ -14400, "EDT", true }, { zone.offset("America/New_York", 2541513600) }) -- 2050
    assert.same({ 37800, "+1030", false }, { zone.offset("Australia/Lord_Howe", 1784079000) })
    assert.same({ 0, "UTC", false }, { zone.offset("UTC", 0.5) })
  end)

  it("gives local fields", function()
    assert.same({ year = 2026, month = 7, day = 15, hour = 12, minute = 0, second = 0, weekday = 3 },
      zone.fields("Asia/Kolkata", 1784097000))
    assert.equal("1969-12-31 23:59:59", local_time("UTC", -0.5))
  end)

  for _, case in ipairs {
    { "Europe/Berlin", "2026-07-15 12:00", "2026-07-15 12:00:00" },
    { "Europe/Berlin", "2026-03-29 02:30", "2026-03-29 03:30:00", "gap" },
    { "Europe/Berlin", "2026-10-25 02:30", "2026-10-25 02:30:00", "overlap" },
    { "Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04 02:45:00", "gap" },
    { "America/New_York", "2050-03-13 02:30", "2050-03-13 03:30:00", "gap" },
    { "America/New_York", "2050-11-06 01:30", "2050-11-06 01:30:00", "overlap" },
  } do
    it(("finds %s in %s"):format(case[2], case[1]), function()
      local at, fit = zone.instant(case[1], fields(case[2]))
      assert.equal(case[3], local_time(case[1], at))
      assert.equal(case[4], fit)
    end)
  end

  it("takes the earlier of two instants", function()
    local at = zone.instant("Europe/Berlin", fields "2026-10-25 02:30")
    assert.is_true(select(3, zone.offset("Europe/Berlin", at)))
    assert.equal("2026-10-25 02:30:00", local_time("Europe/Berlin", at + 3600))
  end)

  it("counts from midnight when no time is given", function()
    assert.equal("2026-03-05 00:00:00", local_time("Asia/Tokyo", zone.instant("Asia/Tokyo", { year = 2026, month = 3, day = 5 })))
  end)

  it("refuses anything that is not a zone", function()
    local nothing, message, code = zone.offset("Mars/Base", 0)
    assert.is_nil(nothing)
    assert.matches("^ENOENT: there is no time zone Mars/Base", message)
    assert.equal("ENOENT", code)
    for _, name in ipairs { "", "../UTC", "/etc/passwd", "Europe/../UTC", "a b" } do
      nothing, message, code = zone.fields(name, 0)
      assert.is_nil(nothing, name)
      assert.matches("is not the name of a time zone", message)
      assert.equal("EINVAL", code)
    end
  end)

  it("refuses anything that is not a day", function()
    local _, message = zone.instant("UTC", { year = 2026, month = 2, day = 29 })
    assert.matches("2026%-02%-29 00:00:00 is not a local time", message)
    assert.is_nil((zone.instant("UTC", { year = 2026 })))
    assert.is_nil((zone.instant("UTC", { year = 2026, month = 1, day = 1, hour = 1.5 })))
  end)

  it("names a mistake of the programmer", function()
    assert.error_matches(function() zone.offset("UTC", 1e18) end, "after the year 9999")
    assert.error_matches(function() zone.offset("UTC", 0 / 0) end, "seconds since 1970")
    assert.error_matches(function() zone.offset("UTC\0", 0) end, "zero bytes")
    assert.error_matches(function() zone.offset "UTC" end, "number expected")
    assert.error_matches(function() zone.instant("UTC", { year = {} }) end, "`year` must be a number")
  end)
end)
