-- callisto.util.deadlines: the deadlines a task is under: its own scopes, one inside the other, and what it has inherited from
-- the task it works for. The public face is task.with_timeout and task.remaining. Times are the caller's.

local deadlines = {}

---@class callisto.Deadline  also the error that leaves its scope
---@field at number
---@field outer callisto.Deadline|nil
local scope_meta = { __tostring = function() return "a deadline has passed outside its scope" end }

---Begins a scope of a task.
---@param self callisto.Task
---@param at number
---@return callisto.Deadline
function deadlines.open(self, at)
  self.scope = setmetatable({ at = at, outer = self.scope }, scope_meta)
  return self.scope
end

---Ends a scope with what xpcall gave of its body.
---@param self callisto.Task
---@param scope callisto.Deadline
---@param ok boolean
---@return any ...  what the body returned; nil, message, "ETIMEDOUT" when it was this deadline that ended it
function deadlines.close(self, scope, ok, ...)
  self.scope = scope.outer
  if ok then return ... end
  if (...) == scope then return nil, "ETIMEDOUT: timed out", "ETIMEDOUT" end
  error((...), 0)
end

---Of the deadlines that have passed, the outermost ends most.
---@param self callisto.Task
---@param now number
---@return callisto.Deadline|nil
function deadlines.passed(self, now)
  local scope, found = self.scope, nil
  while scope do
    if scope.at <= now then found = scope end
    scope = scope.outer
  end
  return found
end

---The nearest deadline a task is under.
---@param self callisto.Task
---@return number|nil at
function deadlines.nearest(self)
  local at, scope = self.inherited, self.scope
  while scope do
    if not at or scope.at < at then at = scope.at end
    scope = scope.outer
  end
  return at
end

return deadlines
