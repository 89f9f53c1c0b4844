-- callisto.util.replies: answers that come with a number, and the tasks that wait for them. The public face is task.answered,
-- task.ignore and task.answer; this file only needs `wait` and `wake` of callisto.task, which it is given.

local replies = {}

-- Answers that came before anybody waited for them, and those nobody will wait for any more.
local kept, unwanted = {}, {}

local function pack(...) return { n = select("#", ...), ... } end

-- All digits: tostring gives fourteen, and the numbers of the third script thread on have fifteen.
local function key_of(kind, number) return ("%s %.0f"):format(kind, number) end

---An answer has come. Kept when nobody waits for it yet.
---@param task table  callisto.task
---@param kind "response"|"stored"
---@param number integer
---@return boolean is_wanted  false: it was given up, and is dropped
function replies.come(task, kind, number, ...)
  local key = key_of(kind, number)
  if unwanted[key] then
    unwanted[key] = nil
    return false
  end
  if task.wake(key, key, ...) == 0 then kept[key] = pack(...) end
  return true
end

---Nobody will wait for this answer.
---@param kind "response"|"stored"
---@param number integer
function replies.ignore(kind, number)
  local key = key_of(kind, number)
  if kept[key] then kept[key] = nil else unwanted[key] = true end
end

local function after_wait(key, ok, first, ...)
  if ok and first == key then return ... end
  if not kept[key] then unwanted[key] = true end
  if not ok then error(first, 0) end
  return first, ...
end

---Waits for an answer: what came after its number. One that is given up is dropped when it comes.
---@param task table  callisto.task
---@param kind "response"|"stored"
---@param number integer
---@param timeout number|nil  seconds
function replies.wait(task, kind, number, timeout)
  local key = key_of(kind, number)
  local early = kept[key]
  if early then
    kept[key] = nil
    return unpack(early, 1, early.n)
  end
  return after_wait(key, pcall(task.wait, key, timeout))
end

return replies
