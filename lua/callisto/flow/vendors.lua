-- callisto.flow.vendors: what a call does with what its vendors tell. Loaded with the first of it.

local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"

-- The party of the call that a flow speaks with (core.say and the like).
local CALLER = 1

local vendors = {}

---The words of a vendor's ear come as it understands them, and the last ones are what was heard.
---@param call callisto.Call
---@param what "partial"|"final"
---@param words {text: string}
function vendors.words(call, what, words)
  if what == "final" then return call:_receive("heard", CALLER, words) end
  call:_notify("words", words)
end

---When an ear is gone, our own one listens for what is expected now. What a voice did not say is said by ours, in C.
---@param call callisto.Call
---@param about {name: string, text: string, ear: boolean}
function vendors.vendor(call, _, about)
  core.fact("vendor_ended", json.encode { name = about.name, text = about.text })
  if not about.ear then return end
  call._has_vendor_ear = false
  if not call._expected then return end
  local ok, why = core.listen(CALLER, call._expected)
  if not ok then log.warn(("call %s: only keys are understood until the next question: %s"):format(call.id, why)) end
end

return vendors
