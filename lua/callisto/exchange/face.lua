-- callisto.exchange.face: the contract of a face: what a carrier looks like to the application, played by the exchange.
--
-- A face is one module that returns `face { … }`, called as the carrier it stands for: ours are callisto.exchange.<carrier>, a
-- workspace's are exchange/<carrier>.lua, which go before ours of the same name. The exchange has a face for every adapter of
-- providers/carriers/ that has such a module, and serves those whose account is set.

local options = require "callisto.options"
local provider = require "callisto.provider"

local face = {}

-- What it does:
--
--   start    reads its account; nil and the variables that are missing: the face is not served
--   handle   answers a request: status, headers, body; nil: not one of its paths; false: no answer at all
--   inbound  a subscriber calls
--   call_in  the id of the call that a path names

---@class callisto.exchange.Face
---@field name string  of the carrier
---@field start fun(options: callisto.exchange.FaceOptions): true|nil, string?
---@field handle fun(message: table): integer|false|nil, table?, string?
---@field inbound fun(from: string, to: string, number: callisto.exchange.Number): callisto.exchange.Call
---@field call_in fun(path: string): string|nil

---@class callisto.exchange.FaceOptions
---@field numbers table<string, callisto.exchange.Number>  of the application
---@field cps number|nil  calls that an account may begin in a second

---@class callisto.exchange.Number
---@field carrier string|nil
---@field voice_url string
---@field method string|nil
---@field fallback_url string|nil
---@field status_callback string|nil

local fields = {
  name = { "string", required = true },
  start = { "function", required = true },
  handle = { "function", required = true },
  inbound = { "function", required = true },
  call_in = { "function", required = true },
}

local function check(given)
  return options.try(("face '%s'"):format(tostring(type(given) == "table" and given.name)), given, fields)
end

---Whether a value is a face that was checked.
---@param value any
---@return boolean
function face.is(value) return provider.is("face", value) end

return setmetatable(face, provider.maker("face", check))
