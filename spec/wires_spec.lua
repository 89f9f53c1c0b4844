-- Recorded messages of the carriers (spec/providers/<carrier>.jsonl), read and written by the wire that the adapter declares.
--
-- A line is a message and what it is: { "is": "mark", "name": "turn-7-end", "message": {…} }, or what is to be written:
-- { "writes": "clear", "message": {…} }; without a message the wire has none. "format" names another format of the adapter.

local files = require "callisto.cli.files"
local json = require "callisto.json"
local lab = require "callisto.lab"

local SILENCE = ("\0"):rep(16) -- eight samples: "//////////8=" in μ-law, nearly

local function lines_of(path)
  local lines = {}
  for line in files.read(path):gmatch "[^\n]+" do lines[#lines + 1] = assert(json.decode(line), line) end
  return lines
end

local function check_read(wire, line)
  local kind, about = wire:read(json.encode(line.message))
  assert.equal(line.is, kind)
  for _, name in ipairs { "name", "stream", "call" } do
    if line[name] then assert.equal(line[name], about[name]) end
  end
  if line.bytes then assert.equal(line.bytes, #about.samples) end
  if kind == "malformed" or kind == "wrong_format" then assert.equal("string", type(about.reason)) end
end

local function check_written(wire, line)
  local text, why = wire:write(line.writes, line.value or (line.writes == "audio" and SILENCE) or nil)
  if not line.message then
    assert.is_nil(text)
    assert.equal("ENOTSUP", why)
    return
  end
  assert.same(line.message, json.decode(text))
end

for _, path in ipairs(files.names "spec/providers") do
  local name = path:match "^(.*)%.jsonl$"
  if name then
    local adapter = require("providers.carriers." .. name)
    describe("the wire of " .. name, function()
      local wires = {}
      for number, line in ipairs(lines_of("spec/providers/" .. path)) do
        it(("has line %d: %s"):format(number, line.is or "writes " .. line.writes), function()
          local format = line.format or adapter.format
          wires[format] = wires[format] or lab.wire(adapter.formats[format])
          if line.is then check_read(wires[format], line) else check_written(wires[format], line) end
        end)
      end
    end)
  end
end

describe("the wires of Plivo and Vobiz", function()
  local function start(encoding, rate)
    return json.encode { event = "start", start = { callId = "c", streamId = "s", mediaFormat = { encoding = encoding,
      sampleRate = rate } } }
  end
  local function media(payload) return json.encode { event = "media", media = { track = "inbound", payload = payload } } end

  for _, case in ipairs {
    { "plivo", "l16/8000", "\1\2", "AQI=" }, { "plivo", "l16be/16000", "\2\1", "AgE=" },
    { "vobiz", "l16/8000", "\2\1", "AQI=" }, { "vobiz", "l16le/16000", "\1\2", "AQI=" },
  } do
    it(("have the byte orders of %s, %s"):format(case[1], case[2]), function()
      local adapter = require("providers.carriers." .. case[1])
      local wire = lab.wire(adapter.formats[case[2]])
      assert.equal("start", (wire:read(start("audio/x-l16", adapter.formats[case[2]].rate))))
      local _, about = wire:read(media "AQI=") -- the bytes 1 and 2
      assert.equal(case[2]:find "^l16be" and "\2\1" or case[3], about.samples)
      assert.equal(case[4], json.decode(wire:write("audio", "\1\2")).media.payload)
    end)
  end

  it("refuse a stream of another format than was asked for", function()
    local wire = lab.wire(require("providers.carriers.plivo").formats["pcmu/8000"])
    assert.equal("wrong_format", (wire:read(start("audio/x-l16", 8000))))
    assert.equal("wrong_format", (wire:read(start("audio/x-mulaw", 16000))))
    assert.equal("start", (wire:read(start("audio/x-mulaw", 8000))))
  end)

  it("write nothing before there is a stream", function()
    local wire = lab.wire(require("providers.carriers.vobiz").formats["pcmu/8000"])
    local text, why = wire:write("audio", SILENCE)
    assert.is_nil(text)
    assert.equal("ENOTCONN", why)
  end)
end)
