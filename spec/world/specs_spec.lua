-- callisto.spec itself: what a caller does and hears through the whole engine, what is left over, what is shown.

local exchange = require "callisto.spec"
local json = require "callisto.json"

local CHOICE = [[
  local template = require "callisto.template"
  return template { name = "choice", greeting = "Hello, this is Blue Shop.", on_call = function(call)
    local answer = call:ask { "Shall we bring it tomorrow?", choices = { yes = { "yes", "yes please" }, no = "no" }, tries = 2 }
    call:fact("chosen", { answer = answer })
    if answer == "yes" then call:finish("CONFIRMED", "Thank you, see you tomorrow.") end
    call:finish("DECLINED", "Goodbye.")
  end }
]]

local function choice(more)
  local options = { source = CHOICE }
  for name, value in pairs(more or {}) do options[name] = value end
  return exchange.call(options)
end

-- What a world is shown with, and whether it had left something; worlds of these specs are closed by hand.
local function closed(world) return world:close() end

describe("a caller", function()
  it("hears what arrives, word by word, and is understood", function()
    local caller = choice()
    caller:hears "hello, this is blue shop."
    caller:hears("Shall we bring it tomorrow?"):listens()
    caller:says "yes please"
    caller:hears "Thank you, see you tomorrow."
    local ending = caller:ended()
    assert.equal("CONFIRMED", ending.outcome)
    assert.equal("completed", ending.state)
    assert.same({ answer = "yes" }, caller:fact "chosen")
    assert.same({
      "agent: Hello, this is Blue Shop.", "agent: Shall we bring it tomorrow?", "caller: yes please",
      "agent: Thank you, see you tomorrow.",
    }, caller:lines())
  end)

  it("calls in as well", function()
    local caller = choice { inbound = true }
    caller:hears("Shall we bring it tomorrow?"):listens()
    caller:says "no"
    caller:hears "Goodbye."
    assert.equal("DECLINED", caller:ended().outcome)
    assert.equal("inbound", caller:record().direction)
  end)

  it("talks over the agent, who stops", function()
    local caller = choice()
    caller:hears "Shall we"
    caller:interrupts("no", 0.3)
    caller:hears "Goodbye."
    assert.is_nil(table.concat(caller:transcript(), " "):find("tomorrow?", 1, true))
    assert.equal("agent: Shall we --", (caller:lines()[2]:gsub(" bring", "")))
  end)

  it("makes noises that are not words", function()
    local caller = choice()
    caller:hears("tomorrow?"):listens()
    caller:coughs()
    caller:says "yes"
    caller:hears "Thank you"
  end)

  it("hangs up in the middle of a word", function()
    local caller = choice()
    caller:hears "Hello,"
    caller:hangs_up()
    local ending = caller:ended()
    assert.equal("CUSTOMER_HANGUP", ending.reason)
    assert.equal(caller, caller:hangs_up())
  end)

  it("hears nothing where nothing is said", function()
    local caller = choice()
    caller:hears("tomorrow?"):listens():hears_nothing(3)
    assert.has_error(function() caller:hears_nothing(20) end)
  end)

  it("tells the call what its service would", function()
    local caller = exchange.call { source = [[
      local template = require "callisto.template"
      return template { name = "told", on_call = function(call)
        local said
        call:on("message", function(_, text) said = text end)
        while not said do require("callisto.task").sleep(0.1) end
        call:finish("TOLD", "You said " .. said)
      end }]] }
    caller:tell "blue"
    caller:hears "You said blue"
  end)

  it("is somebody who may not be reached", function()
    for word, subscriber in pairs { BUSY = { busy = true }, NO_ANSWER = { no_answer = true } } do
      local caller = exchange.ring { source = CHOICE, subscriber = subscriber }
      assert.equal(word, caller:ended().facts.provider.reason)
      assert.is_nil(closed(caller.world))
    end
  end)

  it("is called by whichever carrier the agent uses", function()
    local caller = choice { carrier = "twilio" }
    local names = {}
    for _, request in ipairs(caller:requests "https://app.test") do names[#names + 1] = request.path end
    assert(table.concat(names, " "):find "/twilio/", table.concat(names, " "))
  end)
end)

describe("other people's servers", function()
  local FETCH = [[
    local http, template = require "callisto.http", require "callisto.template"
    return template { name = "fetch", on_call = function(call)
      local answer, why = http.fetch { url = "https://shop.example/orders/7?x=1", method = "PUT", body = "{}", timeout = 10 }
      call:finish("DONE", answer and ("It is %d %s"):format(answer.status, answer.body) or "It is " .. why:match "^%u+")
    end }]]

  local function call(fn) return exchange.call { source = FETCH, hosts = { ["https://shop.example"] = fn } } end

  it("answer at once or later, and are remembered", function()
    local caller = call(function(request)
      assert.equal("PUT", request.method)
      return { status = 201, headers = { ["content-type"] = "text/plain" }, body = "packed", after = 4 }
    end)
    caller:hears_nothing(3)
    caller:hears "It is 201 packed"
    local requests = caller:requests "https://shop.example"
    assert.equal(1, #requests)
    assert.equal("https://shop.example/orders/7?x=1", requests[1].url)
    assert.equal("{}", requests[1].body)
    assert.equal(201, requests[1].status)
  end)

  it("fail as servers fail", function()
    call(function() return { fault = "silent" } end):hears "It is ETIMEDOUT"
    call(function() return { fault = "cut" } end):hears "It is ECONNRESET"
    call(function() return nil end):hears "It is 404"
    exchange.call { source = FETCH }:hears "It is ENOENT"
  end)

  it("are refused or slow when the world says so", function()
    local world = exchange.open { source = FETCH, hosts = { ["https://shop.example"] = function() return {} end } }
    world:fault("https://shop.example", { refuse = "ECONNREFUSED" })
    world:call({ source = FETCH }):hears "It is ECONNREFUSED"
    world:fault("https://shop.example", { latency = 3 })
    local caller = world:call { source = FETCH, number = "+14150000009" }
    caller:hears_nothing(5)
    caller:hears "It is 200"
  end)

  it("take WebSockets, and may refuse them", function()
    local heard, sockets = {}, {}
    local world = exchange.open { source = CHOICE, hosts = { ["https://voice.example"] = {
      socket = function(request)
        if request.path ~= "/stream" then return 403 end
        return {
          open = function(socket) sockets[#sockets + 1] = socket end,
          message = function(socket, text)
            local message = json.decode(text)
            heard[message.event] = (heard[message.event] or 0) + 1
            if heard.media == 30 then socket:close(1000, "enough") end
          end,
          close = function(_, code) heard.closed = code end,
        }
      end,
    } } }
    world:puppet "+14150000001"
    local function place(path)
      return world:fetch {
        url = "https://exchange.test/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls.json",
        headers = {
          authorization = "Basic " .. require("callisto.crypto").base64("AC00000000000000000000000000000001:"
            .. require("callisto.exchange.accounts").of("twilio").TWILIO_AUTH_TOKEN),
          ["content-type"] = "application/x-www-form-urlencoded",
        },
        body = "To=%2B14150000001&From=%2B14150000002&Twiml=%3CResponse%3E%3CConnect%3E%3CStream%20url%3D%22"
          .. "wss%3A%2F%2Fvoice.example%2F" .. path .. "%22%2F%3E%3C%2FConnect%3E%3C%2FResponse%3E",
      }
    end
    assert.equal(201, place("stream").status)
    world:advance(10)
    assert.equal(1, heard.start)
    assert.equal(30, heard.media)
    assert.equal(1000, heard.closed)
    local ok, why, code = sockets[1]:send "too late"
    assert.is_nil(ok)
    assert.equal("ENOTCONN", code, why)
    place "elsewhere"
    world:advance(5)
    assert.equal(1, #sockets)
    assert.equal(403, world:requests("https://voice.example")[2].status)
  end)

  it("that are written wrongly fail the spec, with their place", function()
    local ok, why = pcall(function()
      local caller = call(function() error "no such order" end)
      caller:hears "It is"
    end)
    assert.is_false(ok)
    assert(tostring(why):find("specs_spec.lua", 1, true) and tostring(why):find("no such order", 1, true), why)
  end)
end)

describe("a world", function()
  local function transcript(seed)
    local caller = choice { seed = seed }
    caller:hears "Shall we"
    caller:interrupts("yes", 0.2)
    caller:hears "Thank you, see you tomorrow."
    caller:ended()
    local story = table.concat(caller:transcript(), "\n") .. caller.world:story():gsub("CallSid=%w+", "")
    assert.is_nil(closed(caller.world))
    return story
  end

  it("is the same again, to the byte, with the same seed", function()
    local first = transcript(11)
    assert.equal(first, transcript(11))
    assert.are_not.equal(first, transcript(12)) -- other ids
  end)

  it("has several calls at once", function()
    local world = exchange.open { source = CHOICE }
    local ann = world:call { source = CHOICE, number = "+14150000011" }
    local bob = world:call { source = CHOICE, number = "+14150000012" }
    ann:hears("tomorrow?"):listens()
    ann:says "yes"
    ann:hears "Thank you"
    bob:hears "Shall we"
    assert.equal("CONFIRMED", ann:ended().outcome)
    bob:hangs_up()
  end)

  it("tells what happened when words do not come", function()
    local caller = choice()
    caller:hears "Hello"
    local ok, why = pcall(caller.hears, caller, "pineapple", 4)
    assert.is_false(ok)
    assert(why:find("waited for 'pineapple' and heard: this is Blue Shop. Shall we bring it tomorrow?", 1, true), why)
    local story = caller.world:story()
    for _, part in ipairs {
      "agent    Hello, this is Blue Shop.", "carrier  connected", "request  POST https://exchange.test/", "log      info",
    } do
      assert(story:find(part, 1, true), part .. " is missing in:\n" .. story)
    end
  end)

  it("is not left before what was begun is over", function()
    local world = exchange.open { source = CHOICE, hosts = { ["https://slow.example"] = function() return { after = 5000 } end } }
    world.lab:fetch({ url = "https://slow.example/", timeout = 9000 }, function() end)
    world:advance(1)
    local problem = closed(world)
    assert(problem and problem:find("left over after the spec: 1 sockets, 2 more timers than at first", 1, true), problem)
    assert.is_nil(closed(world))
  end)

  it("reloads its code while a call is up", function()
    local caller = choice()
    local world = caller.world
    local report, status = world:ask_app("POST", "/api/code/reload", json.decode "{}")
    assert.equal(200, status)
    assert.equal("nothing has changed", report.what)
    caller:hears "Shall we"
  end)

  it("says why it does not begin", function()
    local ok, why = pcall(exchange.open, { sources = { ["exchange.subscribers"] = "return return" } })
    assert.is_false(ok)
    assert(tostring(why):find("exchange.subscribers", 1, true), why)
    ok, why = pcall(exchange.call, { source = "return return" })
    assert.is_false(ok)
    assert(tostring(why):find("there is no agent 'under_test'", 1, true), why)
  end)
end)

describe("a trace", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local FLOW = [[
    local http, template = require "callisto.http", require "callisto.template"
    return template { name = "choice", greeting = "Hello {name}, this is Blue Shop.", payload = { name = "string" },
      secrets = { "key" }, on_call = function(call)
        local answer = call:ask { "Shall we bring it tomorrow?", choices = { yes = "yes", no = "no" }, tries = 3 }
        local keys = call:digits { "Please enter your number.", max = 3 }
        local reply = http.fetch { url = "https://shop.example/orders?x=1", headers = { ["x-key"] = call.secrets.key } }
        call:fact("shop", { status = reply.status })
        call:finish(answer == "yes" and "CONFIRMED" or "DECLINED", "It is " .. reply.body .. ". Goodbye " .. keys .. ".")
      end }]]

  local function recorded()
    local caller = exchange.call {
      source = FLOW, payload = { name = "Ann" }, trace = path, secrets = { key = "very-secret" },
      hosts = { ["https://shop.example"] = function() return { status = 202, body = "packed", after = 1 } end },
    }
    caller:hears "Shall we"
    caller:interrupts("pineapple", 0.3)
    caller:hears("tomorrow?"):listens()
    caller:says "yes"
    caller:hears("your number."):listens():presses "123"
    caller:hears "It is packed. Goodbye 123."
    assert.equal("CONFIRMED", caller:ended().outcome)
    assert.is_nil(closed(caller.world))
    return caller
  end

  it("has the wire, what the script was told and what it did, and no secret", function()
    recorded()
    local kinds, file = {}, assert(io.open(path))
    for line in file:lines() do
      local entry = assert(json.decode(line), line)
      kinds[entry.what .. " " .. (entry.kind or entry.to)] = true
      assert.is_nil(line:find("very-secret", 1, true), line)
    end
    file:close()
    for _, kind in ipairs {
      "wire us", "wire carrier", "event begin", "event leg_started", "event speech_started", "event heard", "event digit",
      "event utterance_ended", "event response", "event leg_ended", "did say", "did fetch", "did fact",
    } do
      assert(kinds[kind], kind)
    end
  end)

  it("is lived again, with the answers of then", function()
    recorded()
    local caller, ending, word = exchange.replay(path, { source = FLOW, template = "choice", secrets = { key = "another" } })
    assert.equal("CONFIRMED", word)
    assert.equal(word, ending.outcome)
    assert.same({ status = 202 }, caller:fact "shop")
    assert.equal("https://shop.example/orders?x=1", caller:requests("https://shop.example")[1].url)
  end)

  it("fails where the code of today says something else", function()
    recorded()
    local ok, why = pcall(exchange.replay, path, { source = FLOW:gsub("Please enter", "Please give"), template = "choice" })
    assert.is_false(ok)
    assert(tostring(why):find("waited for 'Please enter your number.'", 1, true), why)
  end)

  it("must be one", function()
    assert.has_error(function() exchange.replay "no/such/file" end)
    local file = io.open(path, "w")
    file:write "nonsense\n"
    file:close()
    assert.has_error(function() exchange.replay(path) end, ("replay: %s:1 is not a line of a trace: %s"):format(path,
      select(2, json.decode "nonsense")))
  end)
end)
