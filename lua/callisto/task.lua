-- callisto.task: the scheduler of a VM.
--
-- A task is a coroutine with a life: it runs, waits, ends, and may be cancelled while it waits. Straight-line code waits
-- by calling `sleep`, `wait`, `answer`, `race`, `all` or `join`; everything else in a VM is an event that makes some task
-- ready. The VM's entry module hands events to `task.event` and then calls `task.run`, which resumes what is ready and
-- asks the engine for one `wake` at the earliest deadline.
--
--     event ──► wake(key, …) ──► ready queue ──► run: resume ──► wait(key, timeout) ──► waiting (by key, by deadline)
--
-- A task started inside another one belongs to it: when the owner ends, what it started is cancelled, youngest first.
-- Cancelling raises a private error at the wait, so that clean-up code runs; a cancelled task cannot wait again.
--
-- The engine's watchdog may stop an entry of the VM at any instruction. So the truth about a task is kept on the task
-- itself, in fields that change by one assignment each (`state` above all); the queue, the heap and the key table are
-- indexes over that truth, marked `unsettled` while they change, and built anew when an entry was stopped half-way.

local core = require "callisto.core"
local deadlines = require "callisto.util.deadlines"
local failures = require "callisto.util.failures"
local heaps = require "callisto.util.heap"
local later = require "callisto.util.later"
local replies = require "callisto.util.replies"

local several = later "callisto.util.several" ---@module "callisto.util.several"

local create, resume, yield = coroutine.create, coroutine.resume, coroutine.yield
local running_coroutine, status = coroutine.running, coroutine.status
local is_yieldable = coroutine.isyieldable

local task = {}

---@class callisto.Task
---@field id integer order of creation
---@field name string|nil
---@field state "ready"|"running"|"waiting"|"ended"
---@field owner callisto.Task|nil
---@field cancelled boolean
local Task = {}
Task.__index = Task

-- When the service VM looks again at what an entry that was stopped has left.
local COME_BACK_S = 1

-- What a resumed task finds as the first value of its yield.
local WOKEN, TIMED_OUT, CANCELLED = 1, 2, 3

-- The truth: every task that has not been settled, by id. The rest are indexes over it.
local tasks = {}
local last_id = 0
local last_order = 0
local queue, head, tail = {}, 1, 0
local timers = heaps.new()
local waiting = {} -- key → list of tasks, oldest first
local unsettled = false
local mending = false
local is_running = false
local armed ---@type number|nil the time the engine will wake us at
local current ---@type callisto.Task|nil
local report ---@type fun(failed: callisto.Task, message: any)|nil

local cancel_error = setmetatable({ code = "ECANCELED", message = "the task was cancelled" }, {
  __tostring = function(self) return self.message end,
})

local function pack(...) return { n = select("#", ...), ... } end

-- Indexes ----------------------------------------------------------------------------------------------------------

local function index_wait(self)
  if self.at then timers:add(self) end
  if self.key ~= nil then
    local list = waiting[self.key]
    if list then list[#list + 1] = self else waiting[self.key] = { self } end
  end
end

local function unindex_wait(self)
  if self.place then timers:remove(self) end
  local list = self.key ~= nil and waiting[self.key]
  if not list then return end
  for i = 1, #list do
    if list[i] == self then
      table.remove(list, i)
      break
    end
  end
  if #list == 0 then waiting[self.key] = nil end
end

local function enqueue(self)
  queue[tail + 1] = self
  tail = tail + 1
end

-- Makes a waiting task ready. The assignment to `state` is the moment it happens.
local function make_ready(self, ...)
  unsettled = true
  unindex_wait(self)
  self.values = pack(...)
  self.state = "ready"
  enqueue(self)
  unsettled = false
end

local function is_older(a, b) return a.id < b.id end

local function in_order_of_creation()
  local list = {}
  for _, each in pairs(tasks) do list[#list + 1] = each end
  table.sort(list, is_older)
  return list
end

local function collect_owned(self, list)
  for _, each in pairs(self.owned or {}) do
    list[#list + 1] = each
    collect_owned(each, list)
  end
  return list
end

-- Running ----------------------------------------------------------------------------------------------------------

local cancel_owned

local function forget(self)
  if self.owner then self.owner.owned[self.id] = nil end
  tasks[self.id] = nil
end

-- The last words of an ended task: what it owns ends, who waits for it is told, an error nobody waits for is reported.
-- May run again after an entry was stopped in the middle of it.
local function settle(self)
  if self.owned and next(self.owned) then cancel_owned(self) end
  local was_awaited = waiting[self] ~= nil
  task.wake(self)
  if not self.ok and not was_awaited and not self.reported and self.failure ~= cancel_error then
    self.reported = true
    forget(self)
    if not report then error(self.failure_text, 0) end
    report(self, self.failure_text)
    return
  end
  forget(self)
end

local function ended(self, ok, ...)
  self.ok = ok
  if ok then
    self.results = pack(...)
  else
    self.failure = (...)
    self.failure_text = self.failure ~= cancel_error and failures.describe(self.thread, self.failure) or nil
  end
  self.state = "ended"
  settle(self)
end

local function resumed(self, before, ok, ...)
  current = before
  if status(self.thread) == "dead" then return ended(self, ok, ...) end
  if self.state == "running" then
    return ended(self, false, "a task yielded outside callisto.task; use task.wait or task.sleep")
  end
end

local function step(self)
  local values, before = self.values, current
  self.state = "running"
  current = self
  self.started = true
  return resumed(self, before, resume(self.thread, unpack(values, 1, values.n)))
end

-- An entry of the VM was stopped half-way: believe the tasks, build the indexes anew.
local function mend()
  mending = true
  is_running = false
  current = nil
  queue, head, tail = {}, 1, 0
  timers = heaps.new()
  waiting = {}
  unsettled = false
  local interrupted = {}
  for _, self in ipairs(in_order_of_creation()) do
    self.place = nil
    if self.owner then self.owner.owned = self.owner.owned or {} end
    if self.owner then self.owner.owned[self.id] = self end
    if self.state == "running" and status(self.thread) ~= "dead" then
      -- Stopped between being chosen and being resumed; its values are still there.
      self.state = "ready"
    end
    if self.state == "ready" then
      enqueue(self)
    elseif self.state == "waiting" then
      index_wait(self)
    else
      interrupted[#interrupted + 1] = self
    end
  end
  for _, self in ipairs(interrupted) do
    if self.state == "ended" then
      settle(self)
    else
      ended(self, false, self.failure or "the task was stopped: it ran longer than its budget")
    end
  end
  mending = false
end

local function was_stopped() return unsettled or mending or is_running or current ~= nil end

local function fire_due()
  local now = core.now()
  while timers.size > 0 and timers[1].at <= now do make_ready(timers[1], TIMED_OUT) end
end

local function arm()
  local at = timers.size > 0 and timers[1].at or nil
  if at ~= armed then
    core.wake_at(at)
    armed = at
  end
end

---Resumes everything that is ready, until nothing is; then asks to be woken for the earliest deadline.
---Called by the entry module after each event; never from inside a task.
function task.run()
  if was_stopped() then mend() end
  is_running = true
  fire_due()
  while head <= tail do
    local self = queue[head]
    queue[head] = nil
    head = head + 1
    if self.state == "ready" then step(self) end
  end
  head, tail = 1, 0
  arm()
  is_running = false
end

---Takes the events that belong to the scheduler: `wake`, `response`, `stored`.
---@param kind string
---@return boolean taken
function task.event(kind, ...)
  if core.kind == "service" then -- its VM lives on after an entry that was stopped: somebody must come back
    armed = core.now() + COME_BACK_S
    core.wake_at(armed)
  elseif kind == "wake" then
    armed = nil
  end
  if was_stopped() then mend() end
  if kind == "wake" then return true end
  if kind == "response" or kind == "stored" then
    task.answered(kind, ...)
    return true
  end
  return false
end

---Sets who is told of an error that no other task waits for. Without it such an error leaves `task.run`. Once, by the
---module a VM begins with.
---@param fn fun(failed: callisto.Task, text: string)  text carries the traceback
function task.on_error(fn)
  if report then error("task.on_error belongs to the module this VM began with; a flow catches errors with pcall", 2) end
  report = fn
end

-- Starting and ending ----------------------------------------------------------------------------------------------

local function new(owner, fn, ...)
  assert(type(fn) == "function", "a task needs a function")
  if owner and (owner.cancelled or owner.state == "ended") then error(cancel_error, 0) end
  last_id = last_id + 1
  local self = setmetatable({
    id = last_id,
    owner = owner,
    thread = create(fn),
    values = pack(...),
    state = "ready",
    cancelled = false,
    inherited = owner and deadlines.nearest(owner) or nil,
  }, Task)
  unsettled = true
  tasks[self.id] = self
  if owner then
    owner.owned = owner.owned or {}
    owner.owned[self.id] = self
  end
  enqueue(self)
  unsettled = false
  return self
end

---Starts a task that belongs to the running one. It runs as soon as the running one waits.
---@param fn function
---@return callisto.Task
function task.spawn(fn, ...) return new(current, fn, ...) end

---Starts a task without an owner: it ends by itself, by `cancel` or with the VM.
---@param fn function
---@return callisto.Task
function task.start(fn, ...) return new(nil, fn, ...) end

---Starts a task that belongs to `owner`.
---@param owner callisto.Task
---@param fn function
---@return callisto.Task
function task.spawn_in(owner, fn, ...) return new(owner, fn, ...) end

---Starts a task of the running one that first waits.
---@param seconds number
---@param fn function
---@return callisto.Task
function task.after(seconds, fn, ...)
  return new(current, function(...)
    task.sleep(seconds)
    return fn(...)
  end, ...)
end

---@return callisto.Task|nil
function task.current() return current end

---How many tasks have not ended.
---@return integer
function task.count()
  local n = 0
  for _ in pairs(tasks) do n = n + 1 end
  return n
end

local function cancel_one(self)
  if self.state == "ended" or self.cancelled then return end
  self.cancelled = true
  if self.state == "running" then return end -- it learns of it at its next wait
  if self.state == "ready" and not self.started then return ended(self, false, cancel_error) end
  unsettled = true
  if self.state == "waiting" then unindex_wait(self) end
  self.values = pack(CANCELLED)
  self.state = "ready"
  unsettled = false
  step(self)
end

function cancel_owned(self)
  local list = collect_owned(self, {})
  table.sort(list, is_older)
  for i = #list, 1, -1 do cancel_one(list[i]) end
end

---Cancels a task and all it owns, youngest first. Their clean-up has run when this returns. A task that cancels itself,
---or its owner, goes on to its next wait, which raises. Harmless for an ended task.
---@param self callisto.Task
function task.cancel(self)
  cancel_owned(self)
  cancel_one(self)
end
Task.cancel = task.cancel

---Cancels every task of the VM, youngest first, each once.
function task.cancel_all()
  local list = in_order_of_creation()
  for i = #list, 1, -1 do cancel_one(list[i]) end
end

---Whether an error value is the private error of cancelling. Code that catches all errors should pass it on.
---@return boolean
function task.is_cancel(failure) return failure == cancel_error end

---Leaves the running task as if it had been cancelled.
function task.leave() error(cancel_error, 0) end

-- Waiting ----------------------------------------------------------------------------------------------------------

local function received(self, mode, ...)
  if mode == CANCELLED then error(cancel_error, 0) end
  if mode == TIMED_OUT then
    local scope = deadlines.passed(self, core.now())
    if scope then error(scope, 0) end
    return nil, "ETIMEDOUT: timed out", "ETIMEDOUT"
  end
  return ...
end

local function suspend(key, at)
  local self = current
  if not self then error("this function waits and must be called inside a task", 3) end
  if running_coroutine() ~= self.thread then error("a task cannot wait inside a coroutine of its own", 3) end
  if not is_yieldable() then
    error("a task cannot wait here, inside a callback of gsub or sort, or while a file is loaded: return first, then wait", 3)
  end
  if self.cancelled then error(cancel_error, 0) end
  local scope = self.scope
  if scope and (not at or scope.at < at) then at = scope.at end
  last_order = last_order + 1
  unsettled = true
  self.key, self.at, self.order = key, at, last_order
  index_wait(self)
  self.state = "waiting"
  unsettled = false
  return received(self, yield())
end

---Waits until somebody wakes this key.
---@param key any  not nil
---@param timeout number|nil seconds
---@return any ...  what `wake` was given; nil, message, "ETIMEDOUT" after the timeout
function task.wait(key, timeout)
  if key == nil then error("task.wait needs a key", 2) end
  return suspend(key, timeout and core.now() + timeout)
end

---Makes every task ready that waits for this key.
---@param key any
---@return integer woken
function task.wake(key, ...)
  local list, woken = waiting[key], 0
  if not list then return 0 end
  local copy = {}
  for i = 1, #list do copy[i] = list[i] end
  for i = 1, #copy do
    if copy[i].state == "waiting" then
      make_ready(copy[i], WOKEN, ...)
      woken = woken + 1
    end
  end
  return woken
end

---@param seconds number
function task.sleep(seconds)
  if type(seconds) ~= "number" then error("task.sleep needs seconds", 2) end
  suspend(nil, core.now() + math.max(0, seconds))
end

---Lets everything else that is ready run first.
function task.pause() suspend(nil, core.now()) end

local function outcome_of(self)
  if self.ok then return unpack(self.results, 1, self.results.n) end
  if self.failure == cancel_error then
    error(setmetatable({ code = "ECANCELED", message = "the awaited task was cancelled" }, getmetatable(cancel_error)), 0)
  end
  if type(self.failure) == "string" then error(self.failure_text, 0) end
  error(self.failure, 0)
end

---Waits for the end of a task: returns what it returned, raises what it raised.
---@param self callisto.Task
---@param timeout number|nil seconds; the task goes on
function task.join(self, timeout)
  local at = timeout and core.now() + timeout
  while self.state ~= "ended" do
    suspend(self, at)
    if self.state ~= "ended" and at and core.now() >= at then return nil, "ETIMEDOUT: timed out", "ETIMEDOUT" end
  end
  return outcome_of(self)
end
Task.join = task.join

---Calls `fn` as pcall does; an error keeps the place where it was raised.
---@param fn function
---@return boolean ok, any ...
function task.try(fn, ...) return failures.try(fn, ...) end

---Runs `body`, then `cleanup`, also when the body raised or was cancelled. Returns what the body returned.
---@param body function
---@param cleanup function
function task.finally(body, cleanup, ...) return failures.finally(body, cleanup, ...) end

---Runs `fn` with a deadline on everything it waits for.
---@param seconds number
---@param fn function
---@return any ...  what fn returned; nil, message, "ETIMEDOUT" when the deadline passed
function task.with_timeout(seconds, fn, ...)
  local self = current
  if not self then error("task.with_timeout must be called inside a task", 2) end
  local scope = deadlines.open(self, core.now() + seconds)
  return deadlines.close(self, scope, failures.try(fn, ...))
end

---Seconds left until the nearest deadline of the running task and those it works for; never below 0.
---@param otherwise number|nil what to answer without any deadline; also the most that is answered
---@return number|nil
function task.remaining(otherwise)
  local at = current and deadlines.nearest(current)
  if not at then return otherwise end
  local left = math.max(0, at - core.now())
  return otherwise and math.min(otherwise, left) or left
end

-- Several at once --------------------------------------------------------------------------------------------------

---Runs functions beside each other until the first of them ends; the others are cancelled.
---@param choices table<any, function>
---@return any name  the key of the first
---@return any ...   what it returned. What it raised is raised
function task.race(choices) return several.race(task, choices) end

---Runs functions beside each other until all have ended. The first error cancels the others and is raised.
---@param choices table<any, function>
---@return table results  first result of each, under the same keys
function task.all(choices) return several.all(task, choices) end

-- Requests and their answers ---------------------------------------------------------------------------------------

-- The other side stops writing an answer that nobody reads.
local function close(message)
  if type(message) == "table" and message.stream then core.http_close(message.stream) end
end

---An answer has come. Kept when nobody waits for it yet.
---@param kind "response"|"stored"
---@param number integer
function task.answered(kind, number, ...)
  local is_wanted = replies.come(task, kind, number, ...)
  if not is_wanted and kind == "response" then close((...)) end
end

---Nobody will wait for this answer.
---@param kind "response"|"stored"
---@param number integer
function task.ignore(kind, number) replies.ignore(kind, number) end

---Waits for the answer with this number: what the event carried after its number.
---An answer that was given up, by timeout or by cancelling, is dropped when it comes.
---@param kind "response"|"stored"
---@param number integer
---@param timeout number|nil seconds
function task.answer(kind, number, timeout) return replies.wait(task, kind, number, timeout) end

return task
