-- callisto.spec.sound: what a double that speaks or listens needs: time, the voice of specs, its ear, and bytes of a format.

local lab = require "callisto.lab"

local sound = {}

local wires = {}

-- The raw bytes of a format, and what they mean: those of a wire that says nothing else.
local function wire_of(encoding, rate)
  local name = ("%s/%d"):format(encoding, rate)
  wires[name] = wires[name]
    or lab.wire { name = name, encoding = encoding, rate = rate, frame_ms = 20, binary_in = true, binary_out = true }
  return wires[name]
end

local function packed(encoding, rate, samples)
  if encoding == "l16le" then return samples end
  return assert(wire_of(encoding, rate):write("audio", samples))
end

local function unpacked(encoding, rate, bytes)
  if encoding == "l16le" then return bytes end
  local _, about = wire_of(encoding, rate):read(bytes, true)
  return about.samples or ""
end

---@class callisto.exchange.Stage  what a double that speaks or listens is given
---@field now fun(): number
---@field after fun(seconds: number, fn: fun())
---@field spoken fun(text: string, rate: integer): string  samples: 16 bit, little-endian
---@field sound fun(text: string, encoding: string, rate: integer): string|nil  all of it, as bytes of the encoding
---@field packed fun(encoding: string, rate: integer, samples: string): string  bytes of "pcmu", "pcma", "l16le"
---@field unpacked fun(encoding: string, rate: integer, bytes: string): string  samples
---@field ear fun(rate: integer): callisto.LabEar

---What doubles of a world are given.
---@param of callisto.Lab
---@return callisto.exchange.Stage
function sound.stage(of)
  return {
    now = function() return of:now() end,
    after = function(seconds, fn) of:after(seconds, fn) end,
    sound = function(text, encoding, rate) return packed(encoding, rate, lab.spoken(text, rate)) end,
    spoken = lab.spoken, ear = lab.ear, packed = packed, unpacked = unpacked,
  }
end

return sound
