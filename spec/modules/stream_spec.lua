-- Answers that are read while they arrive, by a flow on the real engine.

local exchange = require "callisto.spec"

local HOST = "https://model.example"

local HEAD = [[local http, sse, task = require "callisto.http", require "callisto.sse", require "callisto.task"
return require "callisto.template" { name = "reader", on_call = function(call)
  local function ask(more)
    local request = { url = "]] .. HOST .. [[/stream", body = "{}" }
    for name, value in pairs(more or {}) do request[name] = value end
    return http.stream(request)
  end
]]

local THIEF = [[local core, task = require "callisto.core", require "callisto.task"
return require "callisto.template" { name = "thief", payload = { number = "number" }, on_call = function(call)
  core.http_close(call.payload.number)
  call:fact("stolen", { (select(3, task.answer("response", assert(core.http_read(call.payload.number))))) })
end }]]

local function call(body, answer, fault)
  local world = exchange.open {
    sources = { ["templates.reader"] = HEAD .. body .. "\nend }", ["templates.thief"] = THIEF },
    hosts = { [HOST] = function() return type(answer) == "string" and { status = 200, body = answer } or answer end },
  }
  if fault then world:fault(HOST, fault) end
  return world:call { template = "reader" }
end

local function note(caller)
  caller:ended()
  return assert(caller:fact "note", "the flow noted nothing")
end

describe("an answer that is streamed", function()
  it("is read piece by piece, and is over once", function()
    local fact = note(call([[
      local answer, pieces = assert(ask()), {}
      for i = 1, 9 do pieces[i] = answer:read() end
      call:fact("note", { status = answer.status, kind = answer.headers["content-type"], text = table.concat(pieces),
        rest = { answer:read() } })
    ]], { status = 200, headers = { ["content-type"] = "text/event-stream" }, body = "one two three" }))
    assert.same({ status = 200, kind = "text/event-stream", text = "one two three", rest = {} }, fact)
  end)

  it("comes as it is sent", function()
    local fact = note(call([[
      local answer, at = assert(ask()), {}
      local begun = require("callisto.core").now()
      while true do
        local piece = answer:read()
        if not piece then break end
        at[#at + 1] = ("%s %.1f"):format(piece, require("callisto.core").now() - begun)
      end
      call:fact("note", at)
    ]], "abcdefgh", { piece = 3, piece_every = 0.5 }))
    assert.same({ "abc 0.0", "def 0.5", "gh 1.0" }, fact)
  end)

  it("is waited for by a task while others go on", function()
    local caller = call([[
      local answer = assert(ask())
      local reading = call:spawn(function() while answer:read() do end return "read" end)
      call:say "Please wait."
      call:fact("note", { task.join(reading) })
    ]], ("x"):rep(10), { piece = 1, piece_every = 0.3 })
    caller:hears "Please wait."
    assert.same({ "read" }, note(caller))
  end)

  it("says when it breaks off, behind what has come", function()
    local fact = note(call([[
      local answer = assert(ask())
      call:fact("note", { answer:read(), select(3, answer:read()), select("#", answer:read()) })
    ]], ("x"):rep(100), { cut_after = 40 }))
    assert.same({ ("x"):rep(40), "ECONNRESET", 1 }, fact)
  end)

  it("gives the body of a refusal too", function()
    local fact = note(call([[
      local answer = assert(ask())
      call:fact("note", { answer.status, answer.headers["retry-after"], answer:read() })
    ]], { status = 429, headers = { ["retry-after"] = "2" }, body = '{"error":{}}' }))
    assert.same({ 429, "2", '{"error":{}}' }, fact)
  end)

  it("that is refused, or has no host, is an error before any piece", function()
    local fact = note(call([[local _, _, refused, was_sent = ask()
      local _, _, missing = ask { url = "https://nowhere.example/" }
      call:fact("note", { refused, was_sent, missing })]],
      "x", { refuse = "ECONNREFUSED" }))
    assert.same({ "ECONNREFUSED", false, "ENOENT" }, fact)
  end)

  it("makes the other side wait for who reads slowly, and loses nothing", function()
    local fact = note(call([[
      local answer, bytes, most = assert(ask { answer_ceiling = 4e6 }), 0, 0
      while true do
        call:sleep "100ms"
        local piece = answer:read()
        if not piece then break end
        bytes, most = bytes + #piece, math.max(most, #piece)
      end
      call:fact("note", { bytes, most <= 65536 })
    ]], ("0123456789"):rep(100000)))
    assert.same({ 1000000, true }, fact)
  end)

  it("ends when it is too long", function()
    local fact = note(call([[
      local answer, bytes, code = assert(ask { answer_ceiling = 100000 }), 0, nil
      while true do
        local piece, _, why = answer:read()
        if not piece then code = why break end
        bytes = bytes + #piece
      end
      call:fact("note", { bytes <= 100000, code })
    ]], ("x"):rep(200000)))
    assert.same({ true, "EMSGSIZE" }, fact)
  end)

  it("that is silent too long is given up", function()
    local fact = note(call([[
      local answer = assert(ask())
      call:fact("note", { answer:read(1), select(3, answer:read(1)), select("#", answer:read(1)) })
    ]], "abc", { piece = 1, piece_every = 5 }))
    assert.same({ "a", "ETIMEDOUT", 1 }, fact)
  end)

  it("that nobody reads is closed by the engine after half a minute", function()
    local fact = note(call([[
      local answer = assert(ask { timeout = 600 })
      call:sleep "40s"
      call:fact("note", { select(3, answer:read()) })
    ]], ("x"):rep(200000), { piece = 1000, piece_every = 0.001 }))
    assert.same({ "ENOENT" }, fact)
  end)

  it("has one reader at a time", function()
    local fact = note(call([[
      local answer = assert(ask())
      call:spawn(function() while answer:read() do end end)
      call:sleep "1s"
      call:fact("note", { select(3, answer:read()) })
    ]], "ab", { piece = 1, piece_every = 3 }))
    assert.same({ "EBUSY" }, fact)
  end)

  it("of another call can neither be read nor closed, though its number is known", function()
    local caller = call([[
      local answer = assert(ask())
      call:fact("number", { answer.number })
      call:sleep "3s"
      call:fact("note", { answer:read() })
    ]], "secret")
    caller.world:advance(1)
    local number = caller:fact("number")[1]
    local thief = caller.world:call { template = "thief", payload = { number = number } }
    thief:ended()
    assert.same({ "ENOENT" }, thief:fact "stolen")
    assert.same({ "secret" }, note(caller))
  end)

  it("is closed by the engine when its call is over", function()
    local caller = call([[ask() call:finish("DONE")]], ("x"):rep(100), { piece = 1, piece_every = 1 })
    caller:ended()
    assert.is_true(caller.world.lab:left().sockets > 0)
    caller.world:advance(31)
    assert.equal(0, caller.world.lab:left().sockets)
  end)

  it("brings server-sent events one by one", function()
    local fact = note(call([[
      local answer, list = assert(ask()), {}
      local events = sse.reader(function(timeout) return answer:read(timeout) end)
      while true do
        local event = events:next(5)
        if not event then break end
        list[#list + 1] = event.data
      end
      call:fact("note", list)
    ]], "data: one\r\n\r\ndata: two\r\n\r\n", { piece = 4, piece_every = 0.01 }))
    assert.same({ "one", "two" }, fact)
  end)
end)
