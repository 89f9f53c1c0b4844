-- Recorded messages of the carriers (spec/providers/<carrier>.lua), read and written by the wires that the adapters declare.
--
-- { read = message, is = kind, name, stream, call, samples = how many, sound = which (16 bit, little-endian),
--   reply = what is answered at once, is_binary }
-- { write = "audio"|"mark"|"dtmf"|"clear"|"bye", samples|sound, name, text = the message, like = pattern,
--   bytes = of its payload }
-- { write = …, why = "ENOTCONN" }  what the wire cannot say. `format` is one of the adapter's: a connection begins, for this
-- line and those that follow.

local crypto = require "callisto.crypto"
local files = require "callisto.cli.files"
local json = require "callisto.json"
local lab = require "callisto.lab"

local function check_read(wire, line)
  local kind, about = wire:read(line.read, line.is_binary)
  assert.equal(line.is, kind)
  assert.same(line.reply and json.decode(line.reply), about.reply and json.decode(about.reply))
  for _, name in ipairs { "name", "stream", "call" } do
    if line[name] then assert.equal(line[name], about[name]) end
  end
  if line.samples then assert.equal(line.samples * 2, #about.samples) end
  if line.sound then assert.equal(line.sound, about.samples) end
  if kind == "malformed" or kind == "wrong format" then assert.equal("string", type(about.reason)) end
end

local function payload_of(text)
  local message = json.decode(text)
  return crypto.unbase64(message.media and message.media.payload or message.payload)
end

local function check_written(wire, line)
  local value = line.name or line.sound or (line.samples and ("\0"):rep(line.samples * 2)) or nil
  local text, why = wire:write(line.write, value)
  assert.equal(line.why, why)
  if line.text then assert.same(json.decode(line.text), json.decode(text)) end
  if line.like then assert.matches(line.like, text) end
  if line.bytes then assert.equal(line.bytes, #payload_of(text)) end
end

for _, path in ipairs(files.lua_files "spec/providers") do
  local name = path:gsub("%.lua$", "")
  local adapter = require("providers.carriers." .. name)
  local wire
  describe("the media socket of " .. name, function()
    for number, line in ipairs(dofile("spec/providers/" .. path)) do
      it(("has message %d: %s"):format(number, line.is or "writes " .. line.write), function()
        if line.format then wire = lab.wire(adapter.formats[line.format]) end
        if line.read then check_read(wire, line) else check_written(wire, line) end
      end)
    end
  end)
end
