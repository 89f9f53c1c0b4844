-- callisto.flow.vendors: what a call does with what its vendors tell. Loaded with the first of it.

local core = require "callisto.core"
local ears = require "callisto.flow.ear"
local json = require "callisto.json"
local log = require "callisto.log"

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local vendors = {}

---@class callisto.Words  what a vendor's ear tells
---@field kind "started"|"partial"|"piece"|"likely"|"resumed"|"final"
---@field text string  all of the turn so far; an empty partial takes back what was told before
---@field language string|nil  which it heard, where it says so
---@field confidence number|nil  0 to 1
---@field from_ms integer|nil  of the sound since the ear began
---@field until_ms integer|nil

---The words of a vendor's ear come as it understands them, and the last ones are what was heard.
---@param call callisto.Call
---@param kind string
---@param words callisto.Words
function vendors.words(call, kind, words)
  words.kind = kind
  call:_notify("words", words)
  ears.tell(call._ears, "words", words)
  if kind == "final" then call:_receive("heard", CALLER, words) end
end

---When the last ear is gone, our own one listens for what is expected now. What a voice did not say is said by ours, in C.
---@param call callisto.Call
---@param about {name: string, text: string, ear: boolean, next: string|nil}
function vendors.vendor(call, _, about)
  core.fact("vendor_ended", json.encode { name = about.name, text = about.text, next = about.next })
  if not about.ear or about.next then return end
  call._has_vendor_ear = false
  if not call._expected then return end
  local ok, why = core.listen(CALLER, call._expected)
  if not ok then log.warn(("call %s: only keys are understood until the next question: %s"):format(call.id, why)) end
end

return vendors
