-- callisto.exchange.course: the course of a call at any carrier, from the order to the release.
--
--   queued ─► initiated ─► ringing ─┬─► in-progress ─► completed
--                                   └─► busy / no-answer / failed / canceled
--
-- These are our words; a face says them in its carrier's (`become`). A face gives these functions:
--
--   become(call, status)      the call has moved on: tell the application; once for a status, never again after the end
--   answered(call)            the subscriber has lifted the receiver: get the document and obey it
--   wire(call) → userdata     of the media socket
--
-- Orders have turns (`turn`): they wait for them, or are refused, as the face likes.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local network = require "callisto.exchange.network"
local task = require "callisto.task"

local Course = {}
Course.__index = Course

local TERMINAL = { completed = true, busy = true, failed = true, ["no-answer"] = true, canceled = true }

---@param call callisto.exchange.Call
---@return boolean
function Course.is_over(_, call) return TERMINAL[call.status] ~= nil end

---Moves the call on. A terminal state is never left.
---@param call callisto.exchange.Call
---@param status string
function Course:become(call, status)
  if TERMINAL[call.status] then return end
  call.status, call.updated = status, core.wall()
  network.note(call, "status " .. status)
  if TERMINAL[status] then
    call.ended = core.wall()
    call.duration = call.answered and math.max(0, math.floor(call.ended - call.answered + 0.5)) or 0
    if call.limiter then task.cancel(call.limiter) end
  end
  self.face.become(call, status)
end

---Whatever was going on ends.
---@param call callisto.exchange.Call
---@param status string
function Course:finish(call, status)
  local runner = call.runner
  call.runner = nil
  if runner then task.cancel(runner) end
  if not call.answered then network.cancel(call) end
  self:become(call, status)
  network.release(call)
end

---Obeys a document until it ends, and the call with it (`call.rejected` says how, else it is completed). Another document,
---or the end of the call, takes the task away.
---@param call callisto.exchange.Call
---@param run fun(call: callisto.exchange.Call)
function Course:obey(call, run)
  if call.runner then task.cancel(call.runner) end
  call.runner = task.start(function()
    local me = task.current()
    run(call)
    if call.runner ~= me then return end
    call.runner = nil
    self:become(call, call.rejected or "completed")
    network.release(call)
  end)
end

---Ends the call after so long.
---@param call callisto.exchange.Call
---@param seconds number|nil
function Course:limit(call, seconds)
  if not seconds then return end
  call.limiter = task.start(function()
    task.sleep(seconds)
    call.limiter = nil
    network.note(call, "the time limit was reached")
    self:finish(call, "completed")
  end)
end

---When the next order has its turn: so many a second.
---@return number seconds
function Course:turn()
  local now = core.now()
  local at = math.max(now, self.next_turn)
  self.next_turn = at + 1 / self.calls_per_second
  return at - now
end

---The subscriber's script runs, and the call is up.
---@param call callisto.exchange.Call
---@return boolean ok
function Course:lift(call)
  if not network.answer(call, self.face.wire(call)) then return false end
  self:become(call, "in-progress")
  return true
end

---Places a call: rings, and goes on with face.answered.
---@param call callisto.exchange.Call
---@param ring number seconds
---@param wait number|nil seconds until it is initiated
function Course:place(call, ring, wait)
  call.on_gone = function() self:finish(call, "completed") end
  task.start(function()
    task.sleep(wait or 0)
    if self:is_over(call) then return end
    self:become(call, "initiated")
    task.sleep(0.02)
    self:become(call, "ringing")
    local result = network.ring(call, ring)
    if self:is_over(call) then return end
    if result ~= "answered" then return self:finish(call, result) end
    self.face.answered(call)
  end)
end

-- Joins the two until either hangs up. Their words travel as words.
local function talk(self, call, leg, seconds, hooks)
  local over = "dial " .. leg.line
  leg.on_gone = function() task.wake(over, true) end
  if not self:lift(leg) then return "failed" end
  if hooks.screen then
    local what, is_let_in = task.race {
      screen = function() return hooks.screen(leg) end,
      over = function() task.wait(over) end,
    }
    if what ~= "screen" or not is_let_in then return "completed", false end
  end
  network.join { call, leg }
  if hooks.joined then hooks.joined(leg) end
  task.wait(over, seconds)
  return "completed", true
end

-- Rings several at the same time. The first who answers, or nil and what came of the last.
local function first_to_answer(self, legs, ring)
  local over, left, last = {}, #legs, nil
  local choices = { nobody = function() if left > 0 then task.wait(over) end end }
  for index, leg in ipairs(legs) do
    choices[index] = function()
      local outcome = network.ring(leg, ring)
      if outcome == "answered" then return leg end
      left, last = left - 1, outcome
      self:become(leg, outcome)
      if left == 0 then task.wake(over) end
      task.wait {} -- somebody else may answer yet
    end
  end
  local _, who = task.race(choices)
  return who, last
end

---Rings somebody else for a call that is up, and joins the two. Waits until that is over; a call that ends takes it along.
---@param call callisto.exchange.Call
---@param leg table as for network.add, not yet added; or a list of them: all ring, and the first who answers is joined
---@param ring number seconds
---@param seconds number|nil how long they may talk
---@param hooks {screen: (fun(leg: table): boolean)|nil, joined: fun(leg: table)|nil}|nil  screen: before they are joined;
---  false: not at all
---@return "completed"|"busy"|"no-answer"|"failed"|"canceled"
---@return boolean is_joined
---@return callisto.exchange.Call leg  the one who answered, or the last
function Course:dial(call, leg, ring, seconds, hooks)
  local legs = leg[1] and leg or { leg }
  for _, each in ipairs(legs) do
    each.party, each.direction, each.status, each.parent = each.to, "outbound", "queued", call.id
    network.add(each)
  end
  return task.finally(function()
    for _, status in ipairs { "initiated", "ringing" } do
      for _, each in ipairs(legs) do self:become(each, status) end
    end
    local who, outcome = first_to_answer(self, legs, ring)
    if not who then return outcome, false, legs[#legs] end
    for _, each in ipairs(legs) do
      if each ~= who then self:become(each, "canceled") end
    end
    local is_joined
    outcome, is_joined = talk(self, call, who, seconds or 14400, hooks or {})
    self:become(who, outcome)
    return outcome, is_joined or false, who
  end, function()
    network.part(call)
    for _, each in ipairs(legs) do
      network.part(each)
      self:become(each, each.status == "ringing" and "canceled" or "completed")
      network.release(each)
    end
  end)
end

local course = {}

---@param face {become: function, answered: function, wire: function}
---@param calls_per_second number
---@return table course
function course.new(face, calls_per_second)
  return setmetatable({ face = face, calls_per_second = calls_per_second, next_turn = 0 }, Course)
end

---A subscriber may have the carrier refuse to call it: always, or the first `times` times.
---@param number string
---@return table|nil refusal {status, code, message}
function course.refusal(number)
  local subscriber = network.subscriber(number)
  local refusal = subscriber and subscriber.refuse
  if not refusal then return nil end
  if refusal.times then
    subscriber.refused = (subscriber.refused or 0) + 1
    if subscriber.refused > refusal.times then return nil end
  end
  return refusal
end

---Whether a request is one too many: so many of the next ones as the faults say (`too_many`).
---@return boolean
function course.too_many()
  local faults = callbacks.faults()
  local left = tonumber(faults.too_many) or 0
  if left < 1 then return false end
  faults.too_many = left - 1
  return true
end

---What goes wrong at the creation of a call to this number: "no answer" (it is placed, nobody says so) or "error".
---@param number string
---@return string|nil
function course.create_fault(number)
  local subscriber = network.subscriber(number)
  return subscriber and subscriber.create_fault
end

return course
