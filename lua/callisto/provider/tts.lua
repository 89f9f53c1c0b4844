-- callisto.provider.tts: the contract between the engine and what speaks, which turns text into sound.
--
-- A speaker is one Lua file of providers/tts/ that returns `tts { … }`: what every provider has (callisto.provider), which part
-- of the engine does the work, and the voices it has. A template names it and one of them:
-- voice = { tts = "local", voice = "slt" }.

local provider = require "callisto.provider"

local tts = {}

---@class callisto.Tts
---@field name string
---@field engine "local"  what does the work: the voices in the process
---@field languages string[]  such as "en": one that stands for all of its regions
---@field voices string[]  the first is used when a template names none
---@field account table<string, string>  see callisto.provider
---@field required string[]
local fields = {
  engine = { "string", required = true, values = { ["local"] = true } },
  languages = { "list", required = true, each = { "string" } },
  voices = { "list", required = true, each = { "string" } },
}

---Whether a value is a speaker that was checked.
---@param value any
---@return boolean
function tts.is(value) return provider.is("tts", value) end

return setmetatable(tts, provider.maker("tts", function(given) return provider.check("tts", given, fields) end))
