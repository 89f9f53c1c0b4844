local binary = require "spec.support.binary"
local command = require "callisto.cli.check"
local json = require "callisto.json"

local good = [[
local template = require "callisto.template"
return template {
  name = "good",
  on_call = function(call) call:say "Hello." end,
}
]]

describe("callisto check", function()
  local folder
  after_each(function() if folder then binary.remove(folder) end folder = nil end)

  local function check(texts, ...)
    folder = binary.folder(texts)
    local words = { "check", ... }
    words[#words + 1] = folder
    return binary.run(words)
  end

  -- The problems of a workspace, each "file:line: message" with the workspace's own folder taken off.
  local function problems(texts)
    folder = binary.folder(texts)
    local list = {}
    for _, each in ipairs(command.check(folder).problems) do
      assert.equal(folder .. "/", each.file:sub(1, #folder + 1))
      list[#list + 1] = ("%s:%s: %s"):format(each.file:sub(#folder + 2), each.line or "?", each.message)
    end
    binary.remove(folder)
    folder = nil
    return list
  end

  local function template(body) return 'local template = require "callisto.template"\n\n' .. body end

  it("finds nothing wrong with what is right", function()
    local result = check { ["callisto.lua"] = 'return { public_base_url = "https://x" }', ["templates/good.lua"] = good,
      ["routing.lua"] = 'return { numbers = { ["+1"] = "good" }, default = "good" }' }
    assert.equal(0, result.code, result.out .. result.err)
    assert.matches("ok       .*/templates/good.lua\n", result.out)
    assert.matches("3 files, 0 with problems\n$", result.out)
  end)

  it("warns of a sound file that is not there, where its path is written out", function()
    folder = binary.folder { ["audio/here.wav"] = "RIFF", ["templates/a.lua"] = template [[return template { name = "a",
  on_call = function(call)
    call:play "audio/here.wav"
    call:play("audio/gone.wav", { barge_in = true })
    call:background('audio/rain.wav', { volume = 0.2 })
    call:play("audio/" .. call.payload.city .. ".wav")
    call:hold({ "audio/hold.wav", every = "30s" }, print)
    call:say "audio/said.wav" -- call:play "audio/comment.wav"
  end }]] }
    local checked, list = command.check(folder), {}
    for i, each in ipairs(checked.warnings) do
      list[i] = ("%s:%d: %s"):format(each.file:sub(#folder + 2), each.line, each.message)
    end
    assert.same({}, checked.problems)
    assert.same({
      "templates/a.lua:6: call:play: there is no sound file 'audio/gone.wav' in the workspace",
      "templates/a.lua:7: call:background: there is no sound file 'audio/rain.wav' in the workspace",
      "templates/a.lua:9: call:hold: there is no sound file 'audio/hold.wav' in the workspace",
    }, list)
  end)

  it("finds nothing wrong with this workspace", function()
    local result = binary.run { "check" }
    assert.equal(0, result.code, result.out .. result.err)
  end)

  for _, case in ipairs {
    { "a file that is not Lua", "return {\n  name = = 1\n}", "templates/a.lua:2: unexpected symbol near '='" },
    { "an unknown field, and what was meant",
      template 'return template {\n  name = "a",\n  greetin = "Hi.",\n  on_call = print,\n}',
      "templates/a.lua:5: template 'a': unknown field 'greetin'; did you mean 'greeting'?" },
    { "an unknown field of a part", template [[return template {
  name = "a", -- stt
  voice = {
    sst = "local",
  },
  on_call = function() end,
}]], "templates/a.lua:6: template: voice: unknown field 'sst'; did you mean 'stt'?" },
    { "a wrong type", template 'return template {\n  name = "a",\n  longest = "soon",\n  on_call = function() end,\n}',
      "templates/a.lua:5: template 'a': 'longest' must be a duration" },
    { "a field of another type", template 'return template {\n  name = "a",\n  on_call = "hello",\n}',
      "templates/a.lua:5: template 'a': 'on_call' must be function, not string" },
    { "a missing field", template 'return template {\n  name = "a",\n}',
      "templates/a.lua:3: template 'a': 'on_call' is missing (function)" },
    { "a file that returns something else", "return { name = 'a' }\n",
      "templates/a.lua:1: template is not what the file returns: end it with return template { … }" },
    { "a file that returns nothing", "\nlocal a = 1\n", "template is not what the file returns" },
    { "an unknown global deep in a function", template [[return template {
  name = "a",
  on_call = function(call)
    return function() pritn(call) end
  end,
}]], "templates/a.lua:6: unknown global 'pritn'; did you mean 'print'?" },
    { "a global that is made", template "count = 1", "templates/a.lua:3: assignment to global 'count': declare it with 'local'" },
    { "a file that opens files", template "local text = io.open '/etc/passwd'", "templates/a.lua:3: scripts have no io" },
    { "a file that runs programs", template "os.execute 'true'", "templates/a.lua:3: scripts have no os" },
    { "a file that prints while it loads", "local a = 1\nprint(a)", "templates/a.lua:2: print acts while the file loads" },
    { "a file that logs while it loads", "\n\nrequire('callisto.log').info 'here'", "templates/a.lua:3: log.info acts" },
    { "a file that starts a task while it loads", "local task = require 'callisto.task'\ntask.start(function() end)",
      "templates/a.lua:2: task.start acts while the file loads" },
    { "a file that asks the engine while it loads", "local core = require 'callisto.core'\ncore.http_fetch { url = 'http://x' }",
      "templates/a.lua:2: core.http_fetch acts while the file loads" },
    { "a file that writes shared state while it loads", "require('callisto.shared').set('a', 'b')",
      "templates/a.lua:1: shared.set acts" },
    { "a file that never ends",
      "local n = 0\nwhile true do n = n + 1 end", "templates/a.lua:2: time budget of 50 ms used up" },
    { "a module that is not there", "\nrequire 'socket'", "templates/a.lua:2: module 'socket' is not there" },
    { "an error of the file's own", "\nerror 'no, sir'", "templates/a.lua:2: no, sir" },
    { "a self test that fails",
      template 'return template { name = "a", on_call = function() end,\n  self_test = function() error "bad" end }',
      "templates/a.lua:4: bad" },
    { "a self test that says no",
      template 'return template { name = "a", on_call = function() end,\n  self_test = function() return false end }',
      "templates/a.lua:4: template: 'self_test' returned false" },
    { "a bad retry policy",
      'local retry = require "callisto.retry"\nlocal policy = retry.policy {\n  attemps = 3 }\nreturn policy',
      "did you mean 'attempts'?" },
  } do
    it("finds " .. case[1], function()
      local list = problems { ["templates/a.lua"] = case[2] }
      assert.equal(1, #list, table.concat(list, "\n"))
      assert(list[1]:find(case[3], 1, true), list[1])
    end)
  end

  it("shows the same in text, by file and line", function()
    local result = check { ["templates/bad.lua"] = "\n\nreturn {", ["templates/good.lua"] = good }
    assert.equal(1, result.code)
    assert(result.out:find("problem  " .. folder .. "/templates/bad.lua:3: ", 1, true), result.out)
    assert(result.out:find("ok       " .. folder .. "/templates/good.lua\n", 1, true), result.out)
    assert.matches("2 files, 1 with problems\n$", result.out)
  end)

  it("shows the same in JSON", function()
    local result = check({ ["templates/bad.lua"] = "\n\nreturn {", ["templates/good.lua"] = good }, "--json")
    assert.equal(1, result.code)
    local report = assert(json.decode(result.out))
    assert.is_false(report.ok)
    assert.equal(2, #report.files)
    assert.equal(1, #report.problems)
    assert.equal(folder .. "/templates/bad.lua", report.problems[1].file)
    assert.equal(3, report.problems[1].line)
    assert.matches("unexpected symbol", report.problems[1].message)
    binary.remove(folder)
    result = check({ ["templates/good.lua"] = good }, "--json")
    assert.equal(0, result.code)
    assert.is_true(json.decode(result.out).ok)
    assert.equal("[]", json.encode(json.decode(result.out).problems))
  end)

  it("reports every file, however long its path", function()
    local long = "templates/" .. ("l"):rep(90) .. ".lua"
    assert.matches("%.lua:2: scripts have no io", problems({ [long] = "\nio.read()", ["templates/good.lua"] = good })[1])
    local list = problems { [long] = "\nlocal x = nil + 1", ["templates/b.lua"] = "\n\nrequire 'x'" }
    assert.equal(2, #list)
    assert.matches("^templates/b.lua:3: module 'x' is not there", list[1])
    assert.matches("^" .. long .. ":2: attempt", list[2])
  end)

  it("lets the functions of a file act", function()
    assert.same({}, problems { ["templates/a.lua"] = template [[
      local core, log, task = require "callisto.core", require "callisto.log", require "callisto.task"
      return template { name = "a", on_call = function(call)
        core.send_text "x"
        log.info(call.id)
        task.start(print)
      end }]] })
  end)

  it("finds a module of the workspace, and what is wrong with it where it is", function()
    local user = template [[local texts = require "menus.texts"
      return template { name = "a", greeting = texts.hello, on_call = print }]]
    assert.same({}, problems { ["templates/a.lua"] = user, ["menus/texts.lua"] = 'return { hello = "Hello." }' })
    local list = problems { ["templates/a.lua"] = user, ["menus/texts.lua"] = "\nreturn { hello = }" }
    assert.matches("^menus/texts.lua:2: unexpected symbol", list[1])
    assert.matches("^templates/a.lua:3: module 'menus.texts' is broken: unexpected symbol", list[2])
  end)

  it("finds modules that require each other in a circle", function()
    local list = problems { ["menus/a.lua"] = "return require 'menus.b'", ["menus/b.lua"] = "return require 'menus.a'" }
    assert.matches("circle", table.concat(list, "\n"))
  end)

  it("finds two templates of one name", function()
    local list = problems { ["templates/a.lua"] = good, ["templates/b.lua"] = good }
    assert.same({ "templates/b.lua:3: template: 'name' is also the name of templates/a.lua" }, list)
  end)

  it("finds a number that leads nowhere", function()
    local list = problems {
      ["templates/good.lua"] = good,
      ["routing.lua"] = 'return {\n  numbers = {\n    ["+14155550100"] = "goood",\n    ["+14155550101"] = "good",\n  },\n}',
    }
    assert.same({
      "routing.lua:3: return: '+14155550100' leads to the agent goood, which is not there; did you mean good?",
    }, list)
    assert.matches("unknown field 'number'; did you mean 'numbers'",
      problems({ ["templates/good.lua"] = good, ["routing.lua"] = "return { number = {} }" })[1])
  end)

  it("finds unknown settings and settings that cannot be read", function()
    for text, message in pairs {
      ['return {\n  public_base_ulr = "https://x",\n}'] =
        "callisto.lua:2: return: unknown field 'public_base_ulr'; did you mean 'public_base_url'?",
      ["return 3"] = "callisto.lua:1: must return a table",
      ["return {\n\n  }}"] = "callisto.lua:3: '<eof>' expected near '}'",
      ["\nreturn { a = os.getenv 'HOME' }"] = "callisto.lua:2: attempt to index global 'os'",
    } do
      local list = problems { ["callisto.lua"] = text }
      assert.equal(1, #list)
      assert(list[1]:find(message, 1, true), list[1])
    end
    assert.same({}, problems { ["callisto.lua"] = "return { public_base_url = env.NOT_SET, twilio_account_sid = 'AC1' }" })
  end)

  it("finds a carrier that is none", function()
    assert.matches("carrier is not what the file returns", problems({ ["providers/carriers/mine.lua"] = "return {}" })[1])
    local list = problems {
      ["providers/carriers/mine.lua"] = 'local carrier = require "callisto.provider.carrier"\nreturn carrier { name = "mine" }',
    }
    assert.matches("^providers/carriers/mine.lua:2: carrier 'mine': '%w+' is missing", list[1])
  end)

  it("ends with 2 when there is nothing to check", function()
    assert.equal(2, binary.run({ "check", "/nowhere" }).code)
    assert.equal(2, check({}).code)
    assert.equal(2, binary.run({ "check", "--jsno" }).code)
    assert.equal(2, binary.run({ "check", ".", "." }).code)
    assert.matches("usage: callisto check", binary.run({ "check", "--help" }).out)
  end)
end)
