-- Server-sent events, however their bytes are cut.

local sse = require "callisto.sse"

-- A reader of a text that comes in pieces of so many bytes, and what it ends with.
local function reader(text, size, ...)
  local at, ending = 1, { ... }
  return sse.reader(function()
    if at > #text then return nil, ending[1], ending[2] end
    local piece = text:sub(at, at + size - 1)
    at = at + size
    return piece
  end)
end

local function all(text, size, ...)
  local events, list = reader(text, size or #text, ...), {}
  while true do
    local event, why, code = events:next()
    if not event then return list, why, code end
    list[#list + 1] = event
  end
end

local function data(text, size)
  local list = {}
  for i, event in ipairs((all(text, size))) do list[i] = event.data end
  return list
end

describe("server-sent events", function()
  for name, case in pairs {
    ["an event a blank line"] = { "data: a\n\ndata: b\n\n", { "a", "b" } },
    ["lines that end with CR LF"] = { "data: a\r\n\r\ndata: b\r\n\r\n", { "a", "b" } },
    ["lines that end with CR"] = { "data: a\r\rdata: b\r\r", { "a", "b" } },
    ["all ends of lines beside each other"] = { "data: a\n\rdata: b\r\n\ndata: c\n\n", { "a", "b", "c" } },
    ["several lines of data"] = { "data: a\ndata:\ndata: b\n\n", { "a\n\nb" } },
    ["one blank behind the colon, or none, or more"] = { "data:a\n\ndata: a\n\ndata:  a\n\n", { "a", "a", " a" } },
    ["data without a colon"] = { "data\n\ndata\ndata\n\n", { "", "\n" } },
    ["comments"] = { ": PROCESSING\n\n:\ndata: a\n: b\n\n", { "a" } },
    ["events without data"] = { "event: ping\n\ndata: a\n\n", { "a" } },
    ["fields that are not known"] = { "error: {}\nretry: 10\nx\ndata: a\n\n", { "a" } },
    ["an event that is not finished"] = { "data: a\n\ndata: b\n", { "a" } },
    ["nothing"] = { "", {} },
    ["characters of many bytes, U+2028 among them"] = { "data: नमस्ते 👋 \226\128\168 é\n\n", { "नमस्ते 👋 \226\128\168 é" } },
    ["a byte order mark at the start, and only there"] = { "\239\187\191data: a\n\n\239\187\191data: b\n\n", { "a" } },
    ["colons in the value"] = { 'data: {"a":"b: c"}\n\n', { '{"a":"b: c"}' } },
  } do
    it("are read from " .. name .. ", cut anywhere", function()
      for size = 1, math.max(#case[1], 1) do
        assert.same(case[2], data(case[1], size), ("cut every %d bytes"):format(size))
      end
    end)
  end

  it("have a name and an id", function()
    assert.same({
      { name = "message", data = "0" },
      { name = "message_start", data = "1", id = "7" },
      { name = "message", data = "2", id = "7" },
      { name = "message", data = "3", id = "" },
    }, (all "data: 0\n\nid: 7\nevent: message_start\ndata: 1\n\nevent:\ndata: 2\n\nid\nid: a\0b\ndata: 3\n\n"))
  end)

  it("say why the stream broke off, behind the last whole event, and say it again", function()
    local events = reader("data: a\n\ndata: b", 3, "ECONNRESET: gone", "ECONNRESET")
    assert.equal("a", events:next().data)
    for _ = 1, 2 do assert.same({ nil, "ECONNRESET: gone", "ECONNRESET" }, { events:next() }) end
  end)

  it("are refused when one never ends", function()
    for _, text in ipairs { "data: " .. ("x"):rep(2 ^ 20), ("data: " .. ("x"):rep(8000) .. "\n"):rep(200) } do
      local list, _, code = all(text, 16384)
      assert.same({}, list)
      assert.equal("EMSGSIZE", code)
    end
  end)
end)
