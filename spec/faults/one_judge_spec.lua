-- One judge: what `callisto check` refuses, a server refuses at its start and at a reload, in the same words at the same line.

local binary = require "spec.support.binary"
local check = require "callisto.cli.check"
local exchange = require "callisto.spec"
local settings = require "callisto.cli.settings"

local GOOD = 'return require "callisto.template" { name = "good", on_call = function(call) call:finish("GOOD", "Bye.") end }'

local folder

local function write(path, text)
  local file = assert(io.open(folder .. "/" .. path, "wb"))
  file:write(text)
  file:close()
end

local function shown(problem)
  return ("%s:%s: %s"):format(problem.file:sub(#folder + 2), problem.line or 0, problem.message)
end

after_each(function()
  if folder then binary.remove(folder) end
  folder = nil
end)

local function template(body) return 'local template = require "callisto.template"\n' .. body end

local BUDGET = { budget = 0.05 } -- as `callisto check` has it

describe("check, a start and a reload refuse alike", function()
  for _, case in ipairs {
    { "an unknown global", template 'return template { name = "a",\n  on_call = function(call) pritn(call) end }',
      "templates/a.lua:3: unknown global 'pritn'; did you mean 'print'?" },
    { "a global that is made", "count = 1\nreturn {}", "templates/a.lua:1: assignment to global 'count'" },
    { "what scripts do not have", "local f = io.open '/etc/passwd'\nreturn {}", "templates/a.lua:1: scripts have no io" },
    { "acting while it loads", "\nrequire('callisto.log').info 'here'\nreturn {}", "templates/a.lua:2: log.info acts" },
    { "printing while it loads", "print 'here'\nreturn {}", "templates/a.lua:1: print acts while the file loads" },
    { "a task that is started while it loads", "require('callisto.task').start(function() end)",
      "templates/a.lua:1: task.start acts" },
    { "two templates of one name", GOOD, "templates/a.lua:1: template: 'name' is also the name of templates/good.lua" },
    { "a contract error of a tail call",
      template 'return template {\n  name = "a",\n  voice = {\n    sst = "x",\n  },\n  on_call = print }',
      "templates/a.lua:5: template: voice: unknown field 'sst'; did you mean 'stt'?" },
    { "a contract error behind a local",
      template 'local t = template {\n  name = "a", greetin = "x", on_call = print }\nreturn t',
      "templates/a.lua:2: template 'a': unknown field 'greetin'" },
    { "a voice that is not there", template 'return template { name = "a", on_call = print,\n  voice = { voice = "nobody" } }',
      "templates/a.lua:3: template 'a': voice: 'voice' is 'nobody'" },
    { "a speaker that is not there",
      template 'return template { name = "a", on_call = print, voice = {\n  tts = "nightingale" } }',
      "templates/a.lua:3: template 'a': voice: 'tts' is 'nightingale'" },
    { "a self test that does not end",
      template 'return template { name = "a", on_call = print,\n  self_test = function()\n while true do end end }',
      "templates/a.lua:4: time budget of 50 ms used up" },
    { "a self test that eats memory", template [[return template { name = "a", on_call = print, self_test = function()
  local all = {}
  for i = 1, 1e9 do all[i] = ("x"):rep(1e6) .. i end
end }]], "not enough memory: the ceiling is 16777216 bytes" },
    { "a self test that says no",
      template 'return template { name = "a", on_call = print, self_test = function() return false end }',
      "templates/a.lua:2: template: 'self_test' returned false" },
    { "a file that does not end", "while true do end", "templates/a.lua:1: time budget of 50 ms used up" },
    { "a module that is not there", "return require 'menus.gone'", "templates/a.lua:1: module 'menus.gone' is not there" },
    { "modules in a circle", "return require 'templates.a'", "modules require each other in a circle" },
    { "a file that is not Lua", "return {\n  name = = 1\n}", "templates/a.lua:2: unexpected symbol near '='" },
  } do
    it(case[1], function()
      folder = binary.folder { ["templates/good.lua"] = GOOD, ["templates/a.lua"] = case[2] }
      local checked = check.check(folder).problems
      assert.equal(1, #checked, checked[2] and shown(checked[2]))
      assert.is_truthy(shown(checked[1]):find(case[3], 1, true), shown(checked[1]))
      write("templates/a.lua", GOOD:gsub('"good"', '"other"'))
      local world = exchange.open { workspace = folder, budget = BUDGET.budget }
      write("templates/a.lua", case[2])
      local report, status = world:ask_app("POST", "/api/code/reload", {})
      assert.equal(422, status)
      assert.equal(shown(checked[1]), shown(report.problems[1]))
      world:close()
      world = exchange.open { workspace = folder, budget = BUDGET.budget }
      local lines = {}
      for i, line in ipairs(world.lab:log()) do lines[i] = line.text end
      local first = checked[1].message:match "^[^\n]*"
      assert.is_truthy(table.concat(lines, "\n"):find(first, 1, true), table.concat(lines, "\n"))
      assert.equal("GOOD", world:call({ template = "good" }):ended().outcome)
    end)
  end

  it("a deleted template that a route names", function()
    folder = binary.folder { ["templates/good.lua"] = GOOD, ["templates/a.lua"] = GOOD:gsub('"good"', '"other"'),
      ["routing.lua"] = 'return { numbers = {\n  ["+1"] = "other" } }' }
    assert.same({}, check.check(folder).problems)
    local world = exchange.open { workspace = folder }
    os.remove(folder .. "/templates/a.lua")
    local checked = check.check(folder).problems
    assert.equal("routing.lua:2: return: '+1' leads to the agent other, which is not there", shown(checked[1]))
    local report, status = world:ask_app("POST", "/api/code/reload", {})
    assert.equal(422, status)
    assert.equal(shown(checked[1]), shown(report.problems[1]))
  end)
end)

describe("callisto.lua is data", function()
  for _, case in ipairs {
    { "that does not end", "\nwhile true do end", ":2: time budget of 50 ms used up" },
    { "whose texts never end", 'local a = ("a"):rep(1e5)\nreturn { a = a:find(("a?"):rep(30) .. ("a"):rep(1e5) .. "b") }',
      "callisto.lua" },
    { "that eats memory", "local t = {}\nfor i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end", "not enough memory" },
    { "that calls out", "return { a = os.execute 'true' }", ":1: attempt to index global 'os'" },
    { "with a function in it", "return { a = function() end }", "has a function in it" },
    { "that is not a table", "return 3", "must return a table" },
    { "with an unknown name", "return {\n  public_base_ulr = 'x' }",
      ":2: return: unknown field 'public_base_ulr'; did you mean" },
    { "that is not Lua", "return {\n\n  }}", ":3: '<eof>' expected near '}'" },
  } do
    it("and refused by check and by a server alike: one " .. case[1], function()
      folder = binary.folder { ["callisto.lua"] = case[2], ["templates/good.lua"] = GOOD }
      local ok, why = pcall(settings.json, "serve", folder, "{}")
      assert.is_false(ok)
      assert.is_truthy(why:find(case[3], 1, true), why)
      local problem = check.check(folder).problems[1]
      assert.equal("callisto.lua", problem.file:sub(#folder + 2))
      assert.is_truthy(why:find(problem.message, 1, true), problem.message .. "\n" .. why)
    end)
  end

  it("and may read the environment", function()
    folder = binary.folder { ["callisto.lua"] = "return { public_base_url = 'https://x', secrets = { home = env.HOME } }" }
    assert.equal(os.getenv "HOME", settings.read_file(folder .. "/callisto.lua").secrets.home)
    assert.same({}, check.check(folder).problems)
  end)
end)
