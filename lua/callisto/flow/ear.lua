-- callisto.flow.ear: how a task of a call listens.
--
-- An *ear* is a queue of the caller's doings (speech, keys, the ends of sentences) for one function that listens. Every
-- open ear gets every event; the keys themselves wait in the queue of the call (callisto.flow.keys) until one takes them.
-- *Patience* is the clock beside it: how long to wait for an answer.

local core = require "callisto.core"
local task = require "callisto.task"

-- How long the recogniser may think about what was said, and how long one stretch of speech is followed.
local RECOGNITION_S = 10
local SPEECH_S = 30

---@class callisto.Ear
---@field takes_keys boolean|nil  it listens for a question that takes keys from the call's queue
local Ear = {}
Ear.__index = Ear

---The next event, or nil when the time has come first.
---@param at number|nil  as core.now()
---@return {kind: string, value: any}|nil
function Ear:next(at)
  while self.first > self.last do
    local left = at and at - core.now()
    if left and left <= 0 then return nil end
    task.wait(self, left)
  end
  local event = self.queue[self.first]
  self.queue[self.first] = nil
  self.first = self.first + 1
  return event
end

local ear = {}

---Runs `body` with an ear that is open as long as the body runs.
---@param ears callisto.Ear[]  the open ones
---@param body fun(ear: callisto.Ear): any
function ear.with(ears, body)
  local self = setmetatable({ queue = {}, first = 1, last = 0 }, Ear)
  ears[#ears + 1] = self
  return task.finally(body, function()
    for i, each in ipairs(ears) do
      if each == self then
        table.remove(ears, i)
        return
      end
    end
  end, self)
end

---Gives an event to every open ear.
---@param ears callisto.Ear[]
---@param kind string
---@param value any
function ear.tell(ears, kind, value)
  for _, each in ipairs(ears) do
    each.last = each.last + 1
    each.queue[each.last] = { kind = kind, value = value }
    task.wake(each)
  end
end

-- The clock of somebody who waits for an answer: it runs from the end of the prompt, stands still while the caller
-- speaks, and begins anew when speech turned out to be nothing.
---@class callisto.Patience
local Patience = {}
Patience.__index = Patience

---@param timeout number  seconds
---@param prompt table|nil  the sentence after which the clock starts
---@return callisto.Patience
function ear.patience(timeout, prompt)
  local self = setmetatable({ timeout = timeout, prompt = prompt }, Patience)
  if not prompt or prompt.ended then self.at = core.now() + timeout end
  return self
end

---Speech turned out to be nothing: wait as if for the first time.
function Patience:restart()
  local is_running = not self.prompt or self.prompt.ended
  self.is_speaking = false
  self.at = is_running and core.now() + self.timeout or nil
end

---Follows an event that is not an answer by itself.
function Patience:follow(event)
  if event.kind == "speech_started" then
    self.is_speaking = true
    self.at = core.now() + SPEECH_S
  elseif event.kind == "speech_stopped" then
    self.is_speaking = false
    self.at = core.now() + RECOGNITION_S
  elseif event.kind == "ended" and event.value == self.prompt and not self.is_speaking then
    self:restart()
  end
end

return ear
