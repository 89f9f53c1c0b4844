-- Recorded messages of the carriers (spec/carriers/recorded/<carrier>.lua), read and written by the wires that the
-- adapters declare.
--
-- { read = message, is = kind, name, stream, call, samples = how many, sound = which (16 bit, little-endian),
--   reply = what is answered at once, is_binary }
-- { write = "audio"|"mark"|"dtmf"|"clear"|"bye", samples|sound, name, text = the message, like = pattern,
--   bytes = of its payload }
-- { write = …, why = "ENOTCONN" }  what the wire cannot say. `format` is one of the adapter's: a connection begins, for this
-- line and those that follow.

local crypto = require "callisto.crypto"
local files = require "callisto.cli.files"
local formats = require "callisto.provider.media"
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

for _, path in ipairs(files.lua_files "spec/carriers/recorded") do
  local name = path:gsub("%.lua$", "")
  local adapter = require("providers.carriers." .. name)
  local wire
  describe("the media socket of " .. name, function()
    for number, line in ipairs(dofile("spec/carriers/recorded/" .. path)) do
      it(("has message %d: %s"):format(number, line.is or "writes " .. line.write), function()
        if line.format then wire = lab.wire(adapter.media[line.format]) end
        if line.read then check_read(wire, line) else check_written(wire, line) end
      end)
    end
  end)
end

-- Whatever order messages come in, and however they are broken, a wire says what they are.

local KINDS = {
  audio = true, start = true, mark = true, dtmf = true, stop = true, clear = true, other = true, ignored = true, malformed = true,
  ["wrong format"] = true, ["out of order"] = true, pause = true, resume = true, error = true,
}

local seed
local function random(most) -- the same numbers in every run
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % most + 1
end

local breakers = {
  function(text) return text:sub(1, random(#text + 1) - 1) end,
  function(text) return text .. text end,
  function(text) return text .. ("}"):rep(random(3)) end,
  function(text) -- another byte somewhere
    local at = random(#text)
    return text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + 1)
  end,
  function(text) return (text:gsub(":%s*\"[^\"]*\"", ":" .. ({ "17", "null", "[]", "{}", "true", "-1e9" })[random(6)], 1)) end,
  function(text) return (text:gsub("\"([%w_]+)\":", "\"%1\":\"twice\",\"%1\":", 1)) end,
  function(text) return (text:gsub("\"[%w_]+\":", "", 1)) end,
  function(text) return (text:gsub("\"([%w+/=]+)\"", function(inner) return '"' .. inner:rep(random(400)) .. '"' end)) end,
}

local function assert_known(wire, text, is_binary)
  local kind = wire:read(text, is_binary)
  assert(KINDS[kind], ("%q was read as %s"):format(text:sub(1, 200), tostring(kind)))
end

for _, path in ipairs(files.lua_files "spec/carriers/recorded") do
  local name = path:gsub("%.lua$", "")
  local adapter = require("providers.carriers." .. name)
  local recorded = {}
  for _, line in ipairs(dofile("spec/carriers/recorded/" .. path)) do
    if line.read then recorded[#recorded + 1] = line end
  end

  describe("the media socket of " .. name, function()
    for _, format in ipairs(formats.names(adapter.media)) do
      local media = adapter.media[format]
      it(("reads messages in any order (%s): before the start, after the stop, and twice"):format(format), function()
        local wire = lab.wire(media)
        for index = #recorded, 1, -1 do
          for _ = 1, 2 do assert_known(wire, recorded[index].read, recorded[index].is_binary) end
        end
        for _, line in ipairs(recorded) do assert_known(wire, line.read, line.is_binary) end
      end)

      it(("says what broken messages are (%s)"):format(format), function()
        seed = 20261121
        local wire = lab.wire(media)
        for _, line in ipairs(recorded) do
          for _ = 1, 25 do
            for _, broken in ipairs(breakers) do
              if #line.read > 0 then assert_known(wire, broken(line.read), line.is_binary) end
            end
          end
        end
      end)
    end
  end)
end

describe("a declaration that is compiled", function()
  for _, case in ipairs {
    { "a field", { evnt = "event" }, "media has no field 'evnt'; there are: name, encoding, " },
    { "a name inside a rule", { start_in = { steam = "id" } },
      "media.start_in has no field 'steam'; there are: event, stream, call" },
    { "a name inside a reply", { replies = { { evnt = "ping" } } }, "media.replies has no field 'evnt'; there are: event, text" },
    { "a number for a name", { stop_in = { "stop" } }, "media.stop_in has no field 'number'" },
  } do
    it("refuses " .. case[1] .. " that it does not know", function()
      local declared = { name = "tinyline", encoding = "pcmu", rate = 8000 }
      for name, value in pairs(case[2]) do declared[name] = value end
      local ok, why = pcall(lab.wire, declared)
      assert.is_false(ok)
      assert(why:find(case[3], 1, true), why)
    end)
  end
end)
