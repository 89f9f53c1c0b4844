-- callisto.provider.tts: the contract between the engine and what speaks, which turns text into sound.
--
-- A speaker is one Lua file of providers/tts/ that returns `tts { … }`: what every provider has (callisto.provider), which part
-- of the engine does the work, and the voices it has. A template names it and one of them:
-- voice = { tts = "local", voice = "slt" }.

local provider = require "callisto.provider"
local vendor = require "callisto.provider.vendor"

local tts = {}

---@class callisto.Tts
---@field name string
---@field engine "local"|"socket"|"http"  what does the work: the voices in the process, or a vendor (callisto.provider.vendor)
---@field languages string[]  such as "en": one that stands for all of its regions
---@field voices string[]  the first is used when a template names none
---@field voice_pattern string|nil  a Lua pattern of more voices: a vendor's own ids
---@field account table<string, string>  see callisto.provider
---@field required string[]
---@field media callisto.Formats|nil  of a vendor; each with `say_out` and `mark_in`
---@field connect (fun(account: table, about: callisto.VendorCall): callisto.VendorSocket)|nil  of a vendor
---@field say (fun(account: table, about: callisto.VendorCall): string[])|nil  what says a text, instead of the format's
---  `say_out`, where that depends on the template
---@field connect_timeout number  seconds
---@field patience number  seconds
---@field options table<string, table>  what `tts_options` of a template may set
local fields = vendor.fields {
  voices = { "list", required = true, each = { "string" } },
  say = { "function" },
  patience = { "duration", default = 3, min = 0.1, max = 60 },
  voice_pattern = { "string", check = function(value)
    if not pcall(string.find, "", value) then return "must be a Lua pattern" end
  end },
}

---Whether it has a voice of this name.
---@param made callisto.Tts
---@param voice string
---@return boolean
function tts.has_voice(made, voice)
  for _, each in ipairs(made.voices) do
    if each == voice then return true end
  end
  return made.voice_pattern ~= nil and voice:find(made.voice_pattern) ~= nil
end

local function media_fault(format, values)
  if not (format.say_out or values.say) then return "'say_out' is missing: how it is told what to say" end
  if values.engine == "http" then return nil end
  if not format.mark_in then return "'mark_in' is missing: how it says that an utterance is complete" end
end

---Whether a value is a speaker that was checked.
---@param value any
---@return boolean
function tts.is(value) return provider.is("tts", value) end

local function check(given) return vendor.check("tts", given, fields, media_fault) end

---One of data, such as came from another VM, checked once more.
---@param data table
---@param make fun(place: string): function  what stands for a function of it
---@return table|nil values, string? message
function tts.of_data(data, make) return check(provider.rebuild(data, make)) end

return setmetatable(tts, provider.maker("tts", check))
