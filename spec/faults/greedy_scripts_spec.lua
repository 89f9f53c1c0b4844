-- Scripts that take more than their share, on the real engine: what they are told, and that a call beside them hears every
-- word at its time. (A script takes more than its share.)

local neighbour = require "spec.support.neighbour"

local HERE, assert_breaks = neighbour.HERE, neighbour.assert_breaks

local BUDGET = "time budget of 100 ms used up"
local LIST = "local t = {} for i = 1, 1e5 do t[i] = i end "
local TWICE = "local t = {} for _ = 1, 60 do t = { t, t } end "

describe("C that would run for long is stopped, or refuses:", function()
  for _, case in ipairs {
    { "table.insert far below the first place", "table.insert({}, -2147483648, 1)",
      HERE .. ": table.insert: the position must be 1 or more" },
    { "table.insert far behind the last", "table.insert({}, 2147483648, 1)",
      HERE .. ": table.insert: the position must be 1 or more" },
    { "unpack of everything there could be", "unpack({}, -2147483648, 2147483647)", "too many results to unpack" },
    { "the making of an RSA key", "require('callisto.crypto').rsa_new(4096)",
      HERE .. ": attempt to call field 'rsa_new' (a nil value)" },
    { "a digest of more than a request's body",
      "local s = ('x'):rep(1048576) require('callisto.crypto').digest('md5', s .. s .. s .. s .. s)", "at most 4 MiB" },
    { "texts in texts in texts (__tostring)", [[local t
      t = setmetatable({}, { __tostring = function() return string.format("%s", t) end })
      while true do pcall(tostring, t) end]], BUDGET, code = "ETIMEDOUT" },
    { "sorts in comparisons of sorts", [[local function f() table.sort({ 2, 1, 3 }, f) return true end
      while true do pcall(f) end]], BUDGET, code = "ETIMEDOUT" },
    { "coroutines in coroutines that format", [[local function nest(n) return coroutine.wrap(function()
        if n > 0 then pcall(nest(n - 1)) end
        while true do string.format("%s %d", ("x"):rep(1000), n) end
      end)() end nest(1000)]], BUDGET, code = "ETIMEDOUT" },
    { "pcalls in hundreds of coroutines", [[
      local function f(n) if n == 0 then return coroutine.yield() end return pcall(f, n - 1) end
      local function deep(n)
        local co = coroutine.create(function() f(5000) end)
        coroutine.resume(co)
        if n > 0 then deep(n - 1) end
        coroutine.resume(co)
        while true do string.format("%d", n) end
      end deep(100)]], BUDGET, code = "ETIMEDOUT" },
    { "JSON of a table that holds a table twice, sixty times over", TWICE .. "require('callisto.json').encode(t)", BUDGET,
      code = "ETIMEDOUT" },
    { "JSON of one text a hundred thousand times", "local s, t = ('x'):rep(1048576), {} for i = 1, 1e5 do t[i] = s end "
      .. "require('callisto.json').encode(t)", HERE .. ": json.encode: the text has more than 8388608 bytes" },
    { "JSON that is read, of half a million numbers", "local s = '[' .. ('1,'):rep(5e5) .. '1]' while true do "
      .. "require('callisto.json').decode(s) end", BUDGET, code = "ETIMEDOUT" },
    { "XML of such a table", "local t = { 'a' } for _ = 1, 30 do t = { 'a', t, t } end require('callisto.xml').build(t)",
      HERE .. ": xml.build: a document has more than 10000 nodes" },
    { "a message of such a table", TWICE .. "require('callisto.core').tell(nil, t)",
      HERE .. ": the message has more than 65536 bytes" },
    { "taking the first of a long list, again and again", LIST .. "while #t > 0 do table.remove(t, 1) end", BUDGET,
      code = "ETIMEDOUT" },
    { "putting before the first of a long list", LIST .. "while true do table.insert(t, 1, 1) end", BUDGET, code = "ETIMEDOUT" },
    { "joining a long list", LIST .. "while true do pcall(table.concat, t, 'yyyyyyyy') end", BUDGET, code = "ETIMEDOUT" },
    { "a number of a million digits", "local s = ('1'):rep(1048576) while true do tonumber(s) tonumber(s, 36) end", BUDGET,
      code = "ETIMEDOUT" },
    { "names of time zones without end",
      "local i = 0 while true do i = i + 1 require('callisto.zone').offset('Asia/X' .. i, 0) end", BUDGET, code = "ETIMEDOUT" },
    { "grammars without end", [[local core, choices = require "callisto.core", {}
      for i = 1, 60 do choices["c" .. i] = { ("number " .. i .. " "):rep(10) } end
      while true do core.listen(1, { choices = choices }) end]], BUDGET, code = "ETIMEDOUT" },
  } do
    it(case[1], function() assert_breaks { body = case[2], code = case.code, budget = 0.1, unpack(case, 3) } end)
  end

  it("options are read as they stand, not through a metatable", function()
    local caller, beside = neighbour.call { body = [[local core = require "callisto.core"
      core.say(1, 1, "All is well.", setmetatable({}, { __index = function() error "asked" end }))
      call:sleep "3s"]] }
    caller:hears "All is well."
    neighbour.assert_undisturbed(beside)
  end)
end)
