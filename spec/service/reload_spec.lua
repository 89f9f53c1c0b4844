-- Reloads under live calls, on the real engine and simulated time: who is on which code, and that a broken file changes nothing.
-- Through processes and signals, with a watcher and hundreds of calls: tests/end_to_end/test_reload.lua.

local binary = require "spec.support.binary"
local exchange = require "callisto.spec"
local files = require "callisto.cli.files"
local neighbour = require "spec.support.neighbour"

local GOODBYE = 'call:digits { min = 1, max = 1, timeout = "10m", terminator = "" }'

local function version(word, body)
  return ([[local template = require "callisto.template"
return template { name = "versioned", greeting = "This is %s.", on_call = function(call)
  %s
  call:finish("%s", "Goodbye from %s.")
end }
]]):format(word, body or GOODBYE, word, word)
end

local folder, world

local function write(path, text)
  local below = path:match "^(.*)/"
  if below then assert(os.execute("mkdir -p " .. files.quote(folder .. "/" .. below)) == 0) end
  local file = assert(io.open(folder .. "/" .. path, "wb"))
  file:write(text)
  file:close()
end

local function open(texts, options)
  options = options or {}
  folder = binary.folder(texts)
  options.workspace, options.budget, options.env = folder, 0.5, { TWILIO_MAX_CONCURRENT = "100" }
  world = exchange.open(options)
end

local calls
local function call(name)
  calls = calls + 1
  return world:call { template = name or "versioned", number = ("+141500001%02d"):format(calls) }
end

local function reload(body) return world:ask_app("POST", "/api/code/reload", body or {}) end
local function code() return (world:ask_app("GET", "/api/code")) end

local function assert_reloads()
  local report, status = reload()
  assert.equal(200, status, report and report.problems and report.problems[1] and report.problems[1].message)
  assert.is_true(report.ok)
end

-- The reload is refused, the code is the one before, and the report names the file, the line and the reason.
local function assert_refused(path, line, message)
  local before = code()
  local report, status = reload()
  assert.equal(422, status)
  assert.is_false(report.ok)
  assert.equal(before.generation, report.generation)
  assert.equal(before.digest, code().digest)
  local problem = report.problems[1]
  assert.equal(folder .. "/" .. path, problem.file)
  if line then assert.equal(line, problem.line) end
  assert.is_truthy(problem.message:find(message, 1, true), problem.message)
  local log = neighbour.errors(world)
  assert.is_truthy(log:find(path, 1, true) and log:find(message, 1, true), log)
end

before_each(function() calls = 0 end)
after_each(function()
  if folder then binary.remove(folder) end
  folder, world = nil, nil
end)

describe("a live call", function()
  it("keeps its code over ten reloads, good and broken; a new one gets the newest good code", function()
    open { ["templates/versioned.lua"] = version "zero" }
    local words = { "one", "three", "five", "seven", "nine" }
    local live = { { caller = call(), word = "zero" } }
    for round = 1, 10 do
      if round % 2 == 1 then
        write("templates/versioned.lua", version(words[(round + 1) / 2]))
        assert_reloads()
      else
        write("templates/versioned.lua", "\n\nreturn {")
        assert_refused("templates/versioned.lua", 3, "unexpected symbol")
      end
      live[#live + 1] = { caller = call(), word = words[math.ceil(round / 2)] }
    end
    for _, each in ipairs(live) do each.caller:hears("This is " .. each.word .. ".") end
    for _, each in ipairs(live) do
      each.caller:presses "1"
      each.caller:hears("Goodbye from " .. each.word .. ".")
      assert.equal(each.word, each.caller:ended().outcome)
    end
  end)

  it("hears every word in time while code is reloaded beside it", function()
    open({ ["templates/versioned.lua"] = version "zero" }, { sources = { ["templates.steady"] = neighbour.STEADY } })
    local beside = neighbour.of(world)
    for round = 1, 6 do
      beside:hears(("Line %d is"):format(round * 2))
      write("templates/versioned.lua", round % 2 == 0 and "return {" or version("word" .. ("x"):rep(round)))
      reload()
    end
    neighbour.assert_undisturbed(beside)
  end)

  it("that fails on code of before breaks alone", function()
    open { ["templates/versioned.lua"] = version("zero", GOODBYE .. ' error "of before"') }
    local old = call()
    write("templates/versioned.lua", version "one")
    assert_reloads()
    local new = call()
    old:presses "1"
    assert.equal("PIPELINE_ERROR", old:ended().reason)
    assert.matches("templates/versioned.lua:3: of before", old:facts("script.broken")[1].text)
    new:presses "1"
    assert.equal("one", new:ended().outcome)
  end)
end)

describe("a reload", function()
  it("of a file that is half written changes nothing, wherever it was cut", function()
    open { ["templates/versioned.lua"] = version "zero" }
    local whole = version "one"
    for cut = 0, #whole - 10, 17 do
      write("templates/versioned.lua", whole:sub(1, cut))
      assert_refused("templates/versioned.lua", nil, cut == 0 and "template" or "")
    end
    local caller = call()
    caller:hears "This is zero."
    write("templates/versioned.lua", whole)
    assert_reloads()
    call():hears "This is one."
  end)

  for _, case in ipairs {
    { "that does not end while it is loaded", "\nwhile true do end", 2, "time budget of 500 ms used up" },
    { "that acts while it is loaded", "\n\nrequire('callisto.core').http_fetch { url = 'https://shop.example/' }", 3, "" },
    { "that returns no template", "return 42", nil, "" },
    { "whose self test fails", [[return require "callisto.template" { name = "versioned", on_call = print,
      self_test = function() error "the price list is empty" end }]], 2, "the price list is empty" },
    { "whose self test says no", [[return require "callisto.template" { name = "versioned", on_call = print,
      self_test = function() return false end }]], nil, "self_test" },
    { "with a misspelled field", [[return require "callisto.template" { name = "versioned", oncall = print }]], nil,
      "did you mean 'on_call'?" },
    { "that names a voice that is not there", [[return require "callisto.template" { name = "versioned", on_call = print,
      voice = { voice = "slit" } }]], nil, "'voice' is 'slit', which tts 'local' does not have; did you mean 'slt'?" },
  } do
    it("of a file " .. case[1] .. " is refused", function()
      open { ["templates/versioned.lua"] = version "zero" }
      write("templates/versioned.lua", case[2])
      assert_refused("templates/versioned.lua", case[3], case[4])
      call():hears "This is zero."
    end)
  end

  it("of two templates with one name is refused", function()
    open { ["templates/versioned.lua"] = version "zero" }
    write("templates/zweite.lua", version "one")
    assert_refused("templates/zweite.lua", nil, "'name' is also the name of templates/versioned.lua")
    call():hears "This is zero."
  end)

  it("that takes away the agent a route leads to is refused", function()
    open { ["templates/versioned.lua"] = version "zero", ["templates/other.lua"] = version("zero"):gsub("versioned", "other") }
    write("routing.lua", 'return { default = "othre" }')
    assert_refused("routing.lua", nil, "'default' leads to the agent othre, which is not there; did you mean other?")
    write("routing.lua", 'return { default = "other" }')
    assert_reloads()
    call():hears "This is zero."
  end)

  it("of one broken file among good ones is refused whole", function()
    open { ["templates/versioned.lua"] = version "zero" }
    write("templates/versioned.lua", version "one")
    write("templates/other.lua", "return {")
    assert_refused("templates/other.lua", 1, "unexpected symbol")
    call():hears "This is zero."
  end)

  it("during a reload is answered politely, and neither gets lost", function()
    open { ["templates/versioned.lua"] = version "zero" }
    local old, answers = call(), {}
    write("templates/versioned.lua", version "one")
    for i = 1, 3 do
      local headers = { ["content-type"] = "application/json", authorization = "Bearer " .. world.api_key }
      world.lab:fetch({ method = "POST", url = "https://app.test/api/code/reload", body = "{}", headers = headers },
        function(response) answers[i] = response end)
    end
    world:until_true(60, function() return answers[1] and answers[2] and answers[3] end)
    local good = 0
    for _, answer in ipairs(answers) do
      assert.is_true(answer.status == 200 or answer.status == 409, tostring(answer.status))
      if answer.status == 200 then good = good + 1 else assert.matches("another reload is under way", answer.body) end
    end
    assert.is_true(good >= 1)
    call():hears "This is one."
    old:presses "1"
    assert.equal("zero", old:ended().outcome)
    assert_reloads()
  end)

  it("of nothing new builds no new generation", function()
    open { ["templates/versioned.lua"] = version "zero" }
    local before = code().generation
    assert_reloads()
    assert.equal(before, code().generation)
  end)

  it("is undone by a rollback; calls of in between end on theirs", function()
    open { ["templates/versioned.lua"] = version "zero" }
    local digest = code().digest
    write("templates/versioned.lua", version "one")
    assert_reloads()
    local between = call()
    local report, status = world:ask_app("POST", "/api/code/rollback", {})
    assert.equal(200, status, report.what)
    assert.equal(digest, code().digest)
    call():hears "This is zero."
    between:presses "1"
    assert.equal("one", between:ended().outcome)
  end)
end)

describe("a canary", function()
  -- Calls until so many were on the new code: how many were not.
  local function canary_calls(wanted, last_word)
    local old, new = {}, {}
    while #new < wanted do
      assert.is_true(calls < 90, "the canary gets no calls")
      local caller = call()
      caller:hears "This is "
      world:advance(0.5)
      local is_new = caller.words[#caller.words].word == last_word
      table.insert(is_new and new or old, caller)
    end
    return old, new
  end

  it("whose calls fail is rolled back by itself, and nobody else notices", function()
    open({ ["templates/versioned.lua"] = version "zero" }, { sources = { ["templates.steady"] = neighbour.STEADY } })
    local before = code()
    write("templates/versioned.lua", (version("new", GOODBYE .. ' error "on purpose"')))
    local report, status = reload { canary = 50 }
    assert.equal(200, status, report.what)
    assert.equal(50, code().canary.share)
    local old, new = canary_calls(4, "new.")
    for i = 1, 3 do
      new[i]:presses "1"
      assert.equal("PIPELINE_ERROR", new[i]:ended().reason)
    end
    world:advance(1)
    assert.is_nil(code().canary)
    assert.equal(before.digest, code().digest)
    assert.equal(before.generation, code().generation)
    for _ = 1, 4 do call():hears "This is zero." end
    for _, caller in ipairs(old) do
      caller:presses "1"
      assert.equal("zero", caller:ended().outcome)
    end
    new[4]:presses "1" -- it stays on the code it began with, to its bitter end
    assert.equal("PIPELINE_ERROR", new[4]:ended().reason)
  end)

  it("that works takes everything with the next reload", function()
    open { ["templates/versioned.lua"] = version "zero" }
    write("templates/versioned.lua", version "new")
    reload { canary = 50 }
    local _, new = canary_calls(3, "new.")
    for _, caller in ipairs(new) do
      caller:presses "1"
      assert.equal("new", caller:ended().outcome)
    end
    assert.equal(3, code().canary.ended)
    assert_reloads()
    assert.is_nil(code().canary)
    for _ = 1, 4 do call():hears "This is new." end
  end)

  it("with a share that is none is refused", function()
    open { ["templates/versioned.lua"] = version "zero" }
    for _, share in ipairs { 0, 100, -1, "half" } do
      local report, status = reload { canary = share }
      assert.equal(422, status)
      assert.equal("canary", report.field)
    end
  end)
end)

describe("what else is reloaded:", function()
  it("a menu two templates share", function()
    local function main(word)
      return ([[local menu = require "callisto.menu"
return menu { name = "main", greeting = "Welcome to %s.", options = {
  { label = "tea", say = "For tea, press one.", outcome = "%s", closing = "Goodbye." } } }
]]):format(word, word)
    end
    local text = [[return require "callisto.template" { name = "versioned", menu = require "menus.main" }]]
    open { ["templates/versioned.lua"] = text, ["menus/main.lua"] = main "OLD" }
    local old = call()
    old:hears "Welcome to old."
    write("menus/main.lua", main "NEW")
    assert_reloads()
    local new = call()
    new:hears "Welcome to new."
    write("menus/main.lua", (main("WORSE"):gsub("label", "lable")))
    assert_refused("menus/main.lua", 3, "did you mean 'label'?")
    new:hears("press one."):presses "1"
    assert.equal("NEW", new:ended().outcome)
    old:hears("press one."):presses "1"
    assert.equal("OLD", old:ended().outcome)
  end)

  it("who answers which number", function()
    local function routes(agent) return ('return { numbers = { ["+14150000002"] = "%s" } }\n'):format(agent) end
    local function agent(word)
      return ([[return require "callisto.template" { name = "%s", on_call = function(call) call:finish("%s", "Done.") end }]])
        :format(word, word:upper())
    end
    open { ["templates/tea.lua"] = agent "tea", ["templates/coffee.lua"] = agent "coffee", ["routing.lua"] = routes "tea" }
    local function dialled()
      calls = calls + 1
      local number = ("+141500002%02d"):format(calls)
      world:puppet(number)
      local placed = world:ask_exchange("POST", "/exchange/calls", { from = number, to = "+14150000002", carrier = "twilio",
        voice_url = world:url "/twilio/answer", status_callback = world:url "/twilio/callback/status" })
      return world:until_true(60, function()
        for _, each in ipairs((world:ask_app("GET", "/api/calls")).calls) do
          if each.carrier_call_id == placed.id and each.outcome then return each.outcome end
        end
      end, 1)
    end
    assert.equal("TEA", dialled())
    write("routing.lua", routes "coffee")
    assert_reloads()
    assert.equal("COFFEE", dialled())
    write("routing.lua", "return { numbers = ")
    assert_refused("routing.lua", 1, "unexpected symbol")
    assert.equal("COFFEE", dialled())
  end)

  it("a carrier's adapter", function()
    local shipped = assert(files.read "providers/carriers/twilio.lua")
    local changed, count = shipped:gsub('{ { "Status", "completed" } }', '{ { "Status", "completed" }, { "Edition", "two" } }')
    assert.equal(1, count)
    open { ["templates/versioned.lua"] = version "zero", ["providers/carriers/twilio.lua"] = shipped }
    local function hang_up_of(caller)
      caller:presses "1"
      caller:ended()
      for _, request in ipairs(world:requests "https://exchange.test") do
        if request.path:find(caller.carrier_call, 1, true) and request.body:find "Status=completed" then return request.body end
      end
    end
    local old = call()
    write("providers/carriers/twilio.lua", changed)
    assert_reloads()
    local new = call()
    write("providers/carriers/twilio.lua", (shipped:gsub("frame_ms = 20", "frame_ms = 'soon'")))
    assert_refused("providers/carriers/twilio.lua", nil, "frame_ms")
    assert.equal("Status=completed", hang_up_of(old))
    assert.equal("Status=completed&Edition=two", hang_up_of(new))
    assert.equal("Status=completed&Edition=two", hang_up_of(call()))
  end)
end)
