-- callisto.util.failures: errors that keep the place where they were raised when they pass a function that cleans up. The public
-- face is task.try and task.finally.

local failures = {}

-- In a sandbox there is no `debug`; the engine offers the traceback alone.
local has_vm, vm = pcall(require, "callisto.vm")
local traceback = has_vm and vm.traceback or debug.traceback

local function has_trace(message) return message:find("\n", 1, true) ~= nil end

local function trace(failure)
  if type(failure) ~= "string" or has_trace(failure) then return failure end
  return traceback(failure, 2)
end

---An error that ended a coroutine, as a text with its traceback.
---@param thread thread
---@param failure any
---@return string
function failures.describe(thread, failure)
  local message = tostring(failure)
  return has_trace(message) and message or traceback(thread, message)
end

---@param fn function
---@return boolean ok, any ...
function failures.try(fn, ...) return xpcall(fn, trace, ...) end

local function after_body(cleanup, ok, ...)
  cleanup()
  if not ok then error((...), 0) end
  return ...
end

---@param body function
---@param cleanup function
function failures.finally(body, cleanup, ...) return after_body(cleanup, xpcall(body, trace, ...)) end

return failures
