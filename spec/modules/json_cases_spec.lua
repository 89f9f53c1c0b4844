-- tests/data/json_cases.txt, read by callisto.json and by lua-cjson, the oracle. jscan's part is tests/data/test_json_cases.c.

local files = require "callisto.cli.files"
local json = require "callisto.json"
local oracle = require "spec.support.oracle"

local cases = {}
for letters, name, written in assert(files.read "tests/data/json_cases.txt"):gmatch "([yni]+)\t([^\t\n]+)\t([^\n]*)\n" do
  local text = written:gsub("\\x(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
  cases[#cases + 1] = { rfc = letters:sub(1, 1), json = letters:sub(2, 2), cjson = letters:sub(4, 4), name = name, text = text }
end

-- What both mean by a value. Lists of theirs have no mark, nor do they keep digits as text.
local function same_value(ours, theirs)
  if type(theirs) ~= "table" then return theirs == oracle.cjson.null and ours == json.null or ours == theirs end
  for key, each in pairs(theirs) do
    if not same_value(ours[key], each) then return false end
  end
  for key in pairs(ours) do
    if theirs[key] == nil then return false end
  end
  return true
end

describe("JSON", function()
  it("has many cases", function() assert.is_true(#cases > 200) end)

  for _, case in ipairs(cases) do
    it(("%s %s"):format(({ y = "is", n = "is not", i = "may be" })[case.rfc], case.name), function()
      local value, why = json.decode(case.text, { nulls = true, rounds = true })
      assert.equal(case.json, value ~= nil and "y" or "n")
      if case.rfc ~= "i" then assert.equal(case.rfc, case.json) end
      assert.equal(value == nil, type(why) == "string")
      local is_taken, theirs = pcall(oracle.cjson.decode, case.text)
      assert.equal(case.cjson, is_taken and "y" or "n")
      if case.rfc == "y" then
        assert.is_true(is_taken)
        assert.is_true(same_value(value, theirs))
      end
    end)
  end

  for _, case in ipairs {
    { [["\ud83d"]], "\239\191\189" }, { [["\ud83d\u0041"]], "\239\191\189A" }, { [["\ude00x"]], "\239\191\189x" },
    { [["\ud83d\ude00"]], "😀" }, { [["\\ud83d"]], "\\ud83d" },
  } do
    it(("half a pair of surrogates is U+FFFD and takes nothing with it: %s"):format(case[1]), function()
      assert.equal(case[2], json.decode(case[1]))
    end)
  end

  for _, text in ipairs { "\192\175", "\237\160\128", "\244\144\128\128", "\255", "caf\233" } do
    it(("is not written from what is not UTF-8: %q"):format(text), function()
      assert.error_matches(function() json.encode(text) end, "not UTF%-8")
      assert.error_matches(function() json.encode { [text] = 1 } end, "not UTF%-8")
    end)
  end
end)
