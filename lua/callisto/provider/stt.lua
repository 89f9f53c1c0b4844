-- callisto.provider.stt: the contract between the engine and an ear, which turns what callers say into text.
--
-- An ear is one Lua file of providers/stt/ that returns `stt { … }`: what every provider has (callisto.provider), which part of
-- the engine does the work, and what it understands. A template names it: voice = { stt = "local" }.

local provider = require "callisto.provider"
local vendor = require "callisto.provider.vendor"

local stt = {}

---@class callisto.Fault
---@field [1] string  a close code, a status or the code of an error as a whole; or words that are in its text, in any case
---@field [2] "again"|"later"|"busy"|"refused"  connect anew at once; after a while; try another ear, which has room; try another,
---  this one will say the same again

local faults = { again = true, later = true, busy = true, refused = true }

local function fault_fault(value)
  if #value == 2 and type(value[1]) == "string" and value[1] ~= "" and faults[value[2]] then return nil end
  return "must be { text, 'again' | 'later' | 'busy' | 'refused' }"
end

---@class callisto.Stt
---@field name string
---@field engine "local"|"socket"|"http"  the recogniser in the process, or a vendor (callisto.provider.vendor)
---@field languages string[]  such as "en": one that stands for all of its regions; "*": any; "detect": it tells them apart
---@field account table<string, string>  see callisto.provider
---@field required string[]
---@field media callisto.Formats|nil  of a vendor; each with `words_in`, and a way to send sound
---@field connect (fun(account: table, about: callisto.VendorCall, answer: table|nil): callisto.VendorSocket)|nil  of a vendor
---@field prepare (fun(account: table, about: callisto.VendorCall): table)|nil  a request whose answer `connect` gets
---@field options table<string, table>  what templates may set (callisto.options)
---@field connect_timeout number  seconds
---@field patience number  seconds without a word after which a turn has ended with what was told of it
---@field deaf_after number  seconds of speech without a word after which a vendor is connected anew [5]; 0: never
---@field catch_up number  how many times faster than it came it takes sound that was kept [4]
---@field faults callisto.Fault[]  what errors and closes mean, before the usual (docs/vendors.md)
local fields = vendor.fields {
  deaf_after = { "duration", default = 5, min = 0, max = 600 },
  catch_up = { "number", default = 4, min = 1, max = 20 },
  faults = { "list", default = {}, each = { "map", check = fault_fault } },
}

local function media_fault(format)
  if not format.words_in then return "'words_in' is missing: where a message has the words" end
  if not (format.binary_out or format.audio_out) then return "'binary_out' or 'audio_out' is missing: how sound is sent" end
end

---Whether a value is an ear that was checked.
---@param value any
---@return boolean
function stt.is(value) return provider.is("stt", value) end

local function check(given) return vendor.check("stt", given, fields, media_fault) end

---One of data, such as came from another VM, checked once more.
---@param data table
---@param make fun(place: string): function  what stands for a function of it
---@return table|nil values, string? message
function stt.of_data(data, make) return check(provider.rebuild(data, make)) end

return setmetatable(stt, provider.maker("stt", check))
