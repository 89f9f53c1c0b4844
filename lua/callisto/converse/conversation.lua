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
local contexts = require "callisto.converse.context"
local core = require "callisto.core"
local ears = require "callisto.flow.ear"
local histories = require "callisto.converse.history"
local measures = require "callisto.converse.measures"
local models = require "callisto.converse.models"
local mouths = require "callisto.converse.mouth"
local replies = require "callisto.converse.reply"
local task = require "callisto.task"
local text = require "callisto.text"
local tool = require "callisto.tool"
local tools = require "callisto.converse.tools"

-- What is being said when the conversation ends is heard, but not for ever.
local LAST_WORDS_S = 10
-- How long a callee who is to speak first is waited for, and for the words of one who does.
local FIRST_WORD_S, FIRST_WORDS_S = 2, 5

---@class callisto.Conversation
---@field call callisto.Call
---@field ear callisto.Ear
---@field history callisto.History
---@field reply callisto.Reply|nil
---@field guess callisto.Reply|nil
---@field ending {reason: string, done: callisto.Done|nil}|nil
local Conversation = {}
Conversation.__index = Conversation

local conversations = {}

local function tell(self, kind, value) ears.tell({ self.ear }, kind, value) end

-- A call has one history and one mouth; the conversations in it follow one another.
local function take_over(self)
  local before = self.call._conversed
  self.history = before and before.history or histories.new()
  self.mouth = before and before.mouth or mouths.new(self.call)
  self.mouth.yields_to_speech = function() return self.opts.turns:yields_to_speech(core.now()) end
  self.call._conversed = { history = self.history, mouth = self.mouth }
end

---@param call callisto.Call
---@param opts table  of call:converse, read
---@param ear callisto.Ear
---@return callisto.Conversation
function conversations.new(call, opts, ear)
  local self = setmetatable({
    call = call, opts = opts, ear = ear, caller = callers.new(call, opts.turns),
    models = models.new("call:converse", call, opts.llm, opts), rounds = 0, failures = 0, reminders = 0, fillers = 0, turns = 0,
    quiet_from = core.now(),
  }, Conversation)
  take_over(self)
  self.tools = tools.new(call, function(running, result) tell(self, "tool_ended", { running = running, result = result }) end)
  self.tools:use(opts.tools)
  return self
end

local function is_working(self) return self.reply ~= nil or self.tools:is_running() end

-- Speaking -----------------------------------------------------------------------------------------------------------

local function ask(self, entry, guess)
  return replies.start(self, {
    entry = entry, guess = guess, prompt = text.interpolate(self.opts.prompt, self.call.payload), names = self.tools:names(),
    tools = self.rounds < self.opts.rounds and self.tools:declared() or {},
    on_whole = function(about) tell(self, "replied", about) end,
  })
end

local function begin(self, entry)
  self.history.is_open = false
  self.history:agent(entry)
  self.mouth:begin(entry, { barge_in = self.opts.barge_in }, self.measure)
end

local function start_reply(self)
  local entry = histories.entry()
  begin(self, entry)
  self.reply = ask(self, entry)
  self.caller:take "asked"
end

local function stop_reply(self)
  if self.reply then self.reply:stop() end
  self.reply = nil
end

local function drop_guess(self)
  if self.guess then self.guess:stop() end
  self.guess = nil
end

local function adopt_guess(self)
  self.reply, self.guess = self.guess, nil
  begin(self, self.reply.entry)
  self.reply:adopt()
end

-- The turn is over, if there is one.
local function finish_turn(self, is_interrupted)
  local measure = self.measure
  self.measure = nil
  if measure then measures.write(self.call, measure:finish(is_interrupted)) end
end

-- What happens -------------------------------------------------------------------------------------------------------

-- What the machine of turns wants done (callisto.converse.turns).
local means = {}

function means.pause(self)
  self.mouth:hold()
  self.paused_at = self.paused_at or core.now()
end

function means.resume(self)
  self.mouth:resume()
  if not self.paused_at then return end
  self.call:fact("false_interruption", { ms = math.floor((core.now() - self.paused_at) * 1000 + 0.5) })
  self.paused_at = nil
end

local function drop_answer(self)
  stop_reply(self)
  self.tools:interrupted()
  self.mouth:drop()
  self.paused_at = nil
end

-- What was cut before it was heard has never been an answer: the turn goes on.
function means.cut(self, about)
  drop_answer(self)
  if about.is_merged then self.measure = nil end
end

function means.turn(self, turn)
  drop_answer(self)
  self.history:caller(turn.text)
  finish_turn(self, true)
  self.turns = self.turns + 1
  self.measure = measures.new(self.turns, turn)
  self.rounds, self.reminders, self.fillers = 0, 0, 0
  self.quiet_from = turn.at
  if not turn.is_guessed then drop_guess(self) end
  if self.guess and self.mouth:is_settled() and not is_working(self) then adopt_guess(self) else drop_guess(self) end
end

function means.guess(self, about)
  if is_working(self) or self.history.is_open then return end
  self.guess = ask(self, histories.entry(), about.text)
end

function means.drop(self) drop_guess(self) end

function means.noise(self)
  if not self.caller.turns.is_busy then self.mouth:resume() end
end

function means.aside(self, about)
  self.history:aside(about.text)
  means.noise(self)
end

-- A person stops once. The second time the other side is asked for one, and then this is over.
function means.too_long(self, about)
  self.call:fact("turn_too_long", { count = about.count, text = about.text })
  if about.count < 2 or self.ending then return end
  drop_answer(self)
  self.mouth:say(self.opts.idle.say, self.history:agent(), { barge_in = false })
  self.ending = { reason = "silence" }
end

local function act(self, actions)
  for _, action in ipairs(actions) do means[action.kind](self, action) end
end

local on = {}

function on.began(self, utterance)
  local item = self.mouth:item_of(utterance)
  if item then act(self, self.caller:agent { kind = "agent_began", is_protected = item.opts.barge_in == false }) end
end

local function paused(self, item)
  act(self, self.caller:agent { kind = "paused", heard = self.mouth:heard_until(item) })
end

function on.paused(self, utterance)
  local item = self.mouth:item_of(utterance)
  if item then paused(self, item) end
end

function on.ended(self, utterance)
  local item = self.mouth:ended(utterance)
  if item and item.was_stopped then paused(self, item) end
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
  self.failures, self.has_answered = 0, true
  if self.measure then self.measure:answered(about.answer, self.opts.prices) end
  if #about.answer.calls == 0 then return end
  self.rounds = self.rounds + 1
  self.history:calls(about.entry, about.answer.calls)
  for _ = 1, #about.answer.calls do self.caller:take "tool_began" end
  self.tools:run(about.entry, about.answer.calls)
end

function on.tool_ended(self, about)
  local running, result = about.running, about.result
  self.caller:take "tool_ended"
  self.history:result(running.entry, running.call, result.text, result.state ~= "ok")
  if type(result.value) == "function" then self.next = self.next or result.value end
  if tool.is_done(result.value) then self.ending = self.ending or { reason = "done", done = result.value } end
  if self.next and not self.tools:is_running() then self.ending = self.ending or { reason = "next", next = self.next } end
end

local function take(self, event)
  if on[event.kind] then return on[event.kind](self, event.value) end
  act(self, self.caller:take(event.kind, event.value))
end

-- The first words -----------------------------------------------------------------------------------------------------

-- Where the callee is to speak first: what they said, if they did.
local function wait_for_callee(self)
  local by = core.now() + FIRST_WORD_S
  while true do
    local event = self.ear:next(by)
    if not event then return end
    if event.kind == "speech_started" then by = core.now() + FIRST_WORDS_S end
    if event.kind == "heard" then return event.value.text ~= "" and self.history:aside(event.value.text) or nil end
  end
end

local function greet(self)
  local greeting = self.call._greeting
  if greeting then self.mouth:adopt(greeting, self.history:agent()) end
  self.call._greeting = nil
  if self.opts.callee_first and not greeting then wait_for_callee(self) end
  if greeting or self.opts.greeting then self.caller:take "greeting" end
  if greeting and greeting.started then on.began(self, greeting) end
  if self.opts.greeting or (greeting and not self.opts.once) then self.history.is_open = false end
  if self.opts.greeting then self.mouth:say(self.opts.greeting, self.history:agent(), { barge_in = self.opts.barge_in }) end
end

-- What was said in the call until now, and is still being said.
local function begin_conversation(self)
  self.mouth:catch_up()
  contexts.take_over(self.history, self.opts.context, self.models)
  for _, item in ipairs(self.mouth.declared) do
    if item.utterance.started then on.began(self, item.utterance) end
  end
  greet(self)
  if self.opts.speaks_first or self.opts.once then contexts.prompt(self.history) end
end

-- What is next -------------------------------------------------------------------------------------------------------

-- The agent has said all it wants to say.
local function is_done(self) return self.mouth:is_silent() and not is_working(self) and not self.history.is_open end

local function is_quiet(self) return is_done(self) and not self.caller.turns.is_busy end

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
  if not is_working(self) or not self.mouth:is_silent() or self.caller.turns.is_busy then return nil end
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
  { function(self) return self.caller.turns.at end, function(self) act(self, self.caller:take "time") end },
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
  return self.history.is_open and not is_working(self) and not self.caller.turns.is_busy and self.mouth:is_settled()
end

local function note_done(self)
  local was_done = self.is_done
  self.is_done = is_done(self)
  if self.is_done and not was_done then
    finish_turn(self, false)
    act(self, self.caller:take "agent_ended")
    self.shortening = contexts.shorten(self.history, self.models, self.opts.longest_context)
    if self.opts.once and self.has_answered then self.ending = { reason = "done", done = tool.done() } end
  end
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
  note_done(self)
  if may_ask(self) then start_reply(self) end
  note_quiet(self)
  local event = self.ear:next(next_time(self))
  if event then take(self, event) else on_time(self) end
end

-- Endings that may be taken back: the goodbye may be interrupted, and what the caller says instead goes on with the conversation.
-- Once: a model that says goodbye again and again must not keep the line.
local function is_taken_back(self)
  local done = self.ending.done
  if not (done and done.is_revocable) or self.was_taken_back then return false end
  if done.sentence then self.mouth:say(done.sentence, self.history:agent(), { barge_in = true }) end
  done.sentence, self.history.is_open = nil, false
  local by = core.now() + LAST_WORDS_S
  while not self.history.is_open and core.now() < by and not is_quiet(self) do
    local event = self.ear:next(math.min(by, next_time(self) or by))
    if event then take(self, event) else on_time(self) end
  end
  if not self.history.is_open then return false end
  self.was_taken_back, self.ending = true, nil
  self.call:fact("ending_revoked", {})
  return true
end

-- The end ------------------------------------------------------------------------------------------------------------

-- What was begun is heard to its end, unless the caller cuts it; the decision to end stays.
local function let_finish(self)
  local by = core.now() + LAST_WORDS_S
  stop_reply(self)
  drop_guess(self)
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

function ends.next(_, ending) return { next = ending.next } end

function ends.done(self, ending)
  local done = ending.done
  if done.outcome then self.call:decide(done.outcome) end
  if done.ends_call then self.call:bye(done.sentence) end
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
---@return {outcome: string|nil, data: any, next: function|nil}|nil result, "silence"|"failed"|nil reason
function Conversation:run()
  begin_conversation(self)
  repeat
    while not self.ending do step(self) end
  until not is_taken_back(self)
  if not self.ending.next then let_finish(self) end
  finish_turn(self, false)
  return ends[self.ending.reason](self, self.ending)
end

---Whatever it is waiting for is given up.
function Conversation:close()
  if self.shortening then task.cancel(self.shortening) end
  stop_reply(self)
  drop_guess(self)
  self.tools:stop()
  self.mouth:resume()
end

return conversations
