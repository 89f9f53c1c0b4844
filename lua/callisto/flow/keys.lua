-- callisto.flow.keys: the keys that a caller has typed and no question has taken yet.
--
--   receive.digit ─► push ─► [ 1 2 3 4 # 5 ] ─► take ─► the question that takes keys
--                                └──► flush: a question without type-ahead, a wrong key, a question for words
--
-- A call has one such queue, so a caller may type ahead: what one question leaves is there for the next. An input that is
-- complete by its length still *expects* its terminator: callers press it all the same, and it must not fall upon the next
-- question. It is passed over when it comes soon, and later too where the next question has no use for such a key.

local core = require "callisto.core"

-- Ceilings: a caller who types more, or long before the question, has not typed ahead.
local MOST, KEPT_S = 32, 20
-- So long after the last key of an input its terminator is passed over, whatever it falls upon.
local LATE_S = 3

local keys = {}

---@class callisto.Keys
local Keys = {}
Keys.__index = Keys

---@return callisto.Keys
function keys.new() return setmetatable({ list = {} }, Keys) end

---The caller has pressed a key. At the ceiling it is thrown away.
---@param key string
function Keys:push(key)
  if #self.list < MOST then self.list[#self.list + 1] = { key = key, at = core.now() } end
end

-- Forgets the oldest `count`. They may have been secret, so only how many they were is written down.
local function forget(self, count)
  if count == 0 then return end
  for _ = 1, count do table.remove(self.list, 1) end
  core.line("caller", count == 1 and "Pressed a key that no question took"
    or ("Pressed %d keys that no question took"):format(count))
end

-- Takes away keys at the head that mean nothing there: a terminator that comes late, and what the question cannot use.
local function pass_over(self, uses)
  local head = self.list[1]
  while head do
    local late = self.late
    local is_late = late ~= nil and head.key == late.key
    self.late = nil
    if not (is_late and head.at <= late.by) and uses(head.key, is_late) then return end
    table.remove(self.list, 1)
    head = self.list[1]
  end
end

local function not_late(_, is_late) return not is_late end

---Throws away what was typed until now.
function Keys:flush()
  pass_over(self, not_late)
  forget(self, #self.list)
end

---A question begins: what was typed long ago, and without type-ahead all that was typed before, is thrown away.
---@param type_ahead boolean
function Keys:begin(type_ahead)
  if not type_ahead then return self:flush() end
  local old, now = 0, core.now()
  for _, each in ipairs(self.list) do
    if now - each.at > KEPT_S then old = old + 1 end
  end
  forget(self, old)
end

---An input was complete by its length: its terminator may still come.
---@param terminator string  one key, or "" for none
function Keys:expect(terminator)
  self.late = terminator ~= "" and { key = terminator, by = core.now() + LATE_S } or nil
end

---Whether a terminator may still come, which must not cut a sentence.
---@return boolean
function Keys:expects_terminator() return self.late ~= nil and core.now() <= self.late.by end

---@alias callisto.KeyUse fun(key: string, is_late: boolean): boolean  whether a question can use a key, which may be the late
--- terminator of the question before

---Whether a key waits that the question can use.
---@param uses callisto.KeyUse
---@return boolean
function Keys:waits(uses)
  pass_over(self, uses)
  return self.list[1] ~= nil
end

---The oldest key that the question can use, or nil.
---@param uses callisto.KeyUse
---@return string|nil
function Keys:take(uses) return self:waits(uses) and table.remove(self.list, 1).key or nil end

return keys
