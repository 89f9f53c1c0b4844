-- callisto.provider.stt: the contract between the engine and an ear, which turns what callers say into text.
--
-- An ear is one Lua file of providers/stt/ that returns `stt { … }`: what every provider has (callisto.provider), which part of
-- the engine does the work, and what it understands. A template names it: voice = { stt = "local" }.

local provider = require "callisto.provider"

local stt = {}

---@class callisto.Stt
---@field name string
---@field engine "local"  what does the work: the recogniser in the process
---@field languages string[]  such as "en": one that stands for all of its regions
---@field account table<string, string>  see callisto.provider
---@field required string[]
local fields = {
  engine = { "string", required = true, values = { ["local"] = true } },
  languages = { "list", required = true, each = { "string" } },
}

---Whether a value is an ear that was checked.
---@param value any
---@return boolean
function stt.is(value) return provider.is("stt", value) end

return setmetatable(stt, provider.maker("stt", function(given) return provider.check("stt", given, fields) end))
