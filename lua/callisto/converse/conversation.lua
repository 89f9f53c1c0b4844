-- callisto.converse.conversation: one conversation, from its first words to what ends it.
--
--   ear ─► caller ─► "turn" ─► history ─► reply: models ─► mouth ─► the engine ─► "ended": heard ─► history
--                                  ▲         └─► tools ─┐
--                                  └─────── result ─────┘
--
-- One task takes what happens, one thing after the other, and decides what is next; a reply and each tool run in tasks of their
-- own and tell it. A model is asked when something is unanswered, nothing that will be part of the question is still on its way
-- (a tool, the words of a caller who speaks), and none is asked already.

local callers = require "callisto.converse.caller"
local core = require "callisto.core"
local ears = require "callisto.flow.ear"
local histories = require "callisto.converse.history"
local models = require "callisto.converse.models"
local mouths = require "callisto.converse.mouth"
local task = require "callisto.task"
local text = require "callisto.text"
local tools = require "callisto.converse.tools"

-- What is being said when the conversation ends is heard, but not for ever.
local LAST_WORDS_S = 10

---@class callisto.Conversation
---@field call callisto.Call
---@field ear callisto.Ear
---@field history callisto.History
---@field reply callisto.Task|nil
---@field ending {reason: string, done: callisto.Done|nil}|nil
local Conversation = {}
Conversation.__index = Conversation

local conversations = {}

local function tell(self, kind, value) ears.tell({ self.ear }, kind, value) end

---@param call callisto.Call
---@param opts table  of call:converse, read
---@param ear callisto.Ear
---@return callisto.Conversation
function conversations.new(call, opts, ear)
  local self = setmetatable({
    call = call, opts = opts, ear = ear, history = histories.new(), mouth = mouths.new(call), caller = callers.new(call),
    models = models.new("call:converse", call, opts.llm, opts), rounds = 0, failures = 0, reminders = 0, fillers = 0,
    quiet_from = core.now(),
  }, Conversation)
  self.tools = tools.new(call, function(running, result) tell(self, "tool_ended", { running = running, result = result }) end)
  self.tools:use(opts.tools)
  return self
end

-- Speaking -----------------------------------------------------------------------------------------------------------

local function greet(self)
  local greeting = self.call._greeting
  if greeting then self.mouth:adopt(greeting, self.history:agent()) end
  self.call._greeting = nil
  if self.opts.greeting then self.mouth:say(self.opts.greeting, self.history:agent(), { barge_in = self.opts.barge_in }) end
end

local function system_of(self)
  local prompt = text.interpolate(self.opts.prompt, self.call.payload)
  if not self.has_broken_off then return prompt end
  return prompt .. "\n\nYour last answer broke off after the words above. Go on from there, and do not repeat them."
end

-- What the model writes goes to the mouth as it comes.
local function request_of(self, entry)
  return {
    system = function() return system_of(self) end,
    messages = function() return self.history:messages() end,
    tools = self.rounds < self.opts.rounds and self.tools:declared() or {},
    opened = function(answer) self.answer = answer end,
    on_text = function(written)
      return self.mouth:put(written)
    end,
    on_broken = function()
      self.mouth:broke_off()
      self.has_broken_off = #entry.sentences > 0
    end,
  }
end

local function write(self, entry)
  local answer, failure = self.models:ask(request_of(self, entry))
  self.mouth:finish()
  tell(self, "replied", { entry = entry, answer = answer, failure = failure })
end

local function close_answer(self)
  if self.answer then self.answer:close() end
  self.answer = nil
end

local function start_reply(self)
  local entry = self.history:agent()
  self.history.is_open, self.has_broken_off = false, false
  self.mouth:begin(entry, { barge_in = self.opts.barge_in })
  self.reply = task.spawn(task.finally, write, function() close_answer(self) end, self, entry)
end

local function stop_reply(self)
  if self.reply then task.cancel(self.reply) end
  self.reply = nil
end

-- What happens -------------------------------------------------------------------------------------------------------

local means = {}

function means.speaking(self) self.mouth:hold() end

function means.nothing(self)
  if not self.caller.is_busy then self.mouth:resume() end
end

-- Words while the agent speaks do not count where it may not be interrupted.
local function is_discarded(self) return self.opts.barge_in == false and not self.mouth:is_silent() end

function means.turn(self, turn)
  if is_discarded(self) then return self.mouth:resume() end
  stop_reply(self)
  self.tools:interrupted()
  self.mouth:drop()
  self.history:caller(turn.text)
  self.rounds, self.reminders, self.fillers = 0, 0, 0
  self.quiet_from = turn.at
end

local on = {}

function on.ended(self, utterance)
  self.mouth:ended(utterance)
  if self.mouth:is_silent() then self.quiet_from = core.now() end
end

-- All models failed: the caller is asked to say it again, and after that the conversation is over.
local function apologise(self, entry)
  self.failures = self.failures + 1
  if self.failures < self.opts.failures then return self.mouth:say(self.opts.sorry, entry, { barge_in = true }) end
  self.ending = { reason = "failed" }
end

function on.replied(self, about)
  self.reply = nil
  if not about.answer then return apologise(self, about.entry) end
  self.failures = 0
  if #about.answer.calls == 0 then return end
  self.rounds = self.rounds + 1
  about.entry.calls = about.answer.calls
  self.tools:run(about.entry, about.answer.calls)
end

function on.tool_ended(self, about)
  local running, result = about.running, about.result
  self.history:result(running.entry, running.call, result.text, result.state ~= "ok")
  if result.value then self.ending = self.ending or { reason = "done", done = result.value } end
end

local function take(self, event)
  if on[event.kind] then return on[event.kind](self, event.value) end
  local what, turn = self.caller:take(event)
  if what then means[what](self, turn) end
end

-- What is next -------------------------------------------------------------------------------------------------------

local function is_working(self) return self.reply ~= nil or self.tools:is_running() end

local function is_quiet(self)
  return self.mouth:is_silent() and not self.caller.is_busy and not is_working(self) and not self.history.is_open
end

-- What to say when the answer takes long: the words of a tool that is running, else one of our own, once a turn.
local function next_filler(self)
  for running in pairs(self.tools.open) do
    local about = running.tool
    if about and about.filler and not running.has_filled then
      return about.filler, math.max(self.quiet_from, running.started_at) + about.filler_after, running
    end
  end
  local filler = self.opts.filler
  if self.fillers > 0 or not filler then return nil end
  return filler.say[self.call._last_utterance % #filler.say + 1], self.quiet_from + filler.after
end

local function filler_at(self)
  if not is_working(self) or not self.mouth:is_silent() or self.caller.is_busy then return nil end
  local _, at = next_filler(self)
  return at
end

local function fill_silence(self)
  local sentence, _, running = next_filler(self)
  self.fillers = self.fillers + 1
  if running then running.has_filled = true end
  self.mouth:say(sentence, nil, { barge_in = true })
end

local function remind(self)
  local idle = self.opts.idle
  if self.reminders >= idle.tries then
    self.ending = { reason = "silence" }
    return
  end
  self.reminders = self.reminders + 1
  self.mouth:say(idle.say, self.history:agent(), { barge_in = true })
end

-- The clocks of a conversation: when each is due, and what it does then.
local clocks = {
  { function(self) return self.caller.at end, function(self)
    local what, turn = self.caller:due()
    if what then means[what](self, turn) end
  end },
  { function(self) return self.mouth.held_until end, function(self)
    if not self.caller.is_busy then return self.mouth:resume() end
    self.mouth:hold()
  end },
  { filler_at, fill_silence },
  { function(self) return is_quiet(self) and self.quiet_since + self.opts.idle.after or nil end, remind },
}

local function next_time(self)
  local first
  for _, clock in ipairs(clocks) do
    local at = clock[1](self)
    if at and (not first or at < first) then first = at end
  end
  return first
end

local function on_time(self)
  for _, clock in ipairs(clocks) do
    local at = clock[1](self)
    if at and at <= core.now() then return clock[2](self) end
  end
end

local function may_ask(self)
  return self.history.is_open and not is_working(self) and not self.caller.is_busy
end

-- Silence counts from when all was done, in full.
local function note_quiet(self)
  if not is_quiet(self) then
    self.quiet_since = nil
  elseif not self.quiet_since then
    self.quiet_since = core.now()
  end
end

local function step(self)
  if may_ask(self) then start_reply(self) end
  note_quiet(self)
  local event = self.ear:next(next_time(self))
  if event then take(self, event) else on_time(self) end
end

-- The end ------------------------------------------------------------------------------------------------------------

-- What was begun is heard to its end, unless the caller cuts it; the decision to end stays.
local function let_finish(self)
  local by = core.now() + LAST_WORDS_S
  stop_reply(self)
  self.tools:stop()
  self.mouth:resume()
  while not self.mouth:is_silent() do
    local event = self.ear:next(by)
    if not event then return self.mouth:drop() end
    if event.kind == "ended" then self.mouth:ended(event.value) end
    if event.kind == "speech_started" then self.mouth:drop() end
  end
end

local ends = {}

function ends.done(self, ending)
  local done = ending.done
  if done.outcome then self.call:decide(done.outcome) end
  if done.sentence then self.call:say(done.sentence, { barge_in = false }) end
  return { outcome = done.outcome, data = done.data }
end

function ends.silence(self)
  if not self.opts.idle.is_own then self.call:_close("USER_IDLE_TIMEOUT", self.opts.idle.goodbye) end
  return nil, "silence"
end

function ends.failed(self)
  self.call:say(self.call.template.fallback, { barge_in = false })
  return nil, "failed"
end

---Holds the conversation.
---@return {outcome: string|nil, data: any}|nil result, "silence"|"failed"|nil reason
function Conversation:run()
  greet(self)
  while not self.ending do step(self) end
  let_finish(self)
  return ends[self.ending.reason](self, self.ending)
end

---Whatever it is waiting for is given up.
function Conversation:close()
  stop_reply(self)
  self.tools:stop()
end

return conversations
