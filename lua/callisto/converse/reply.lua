-- callisto.converse.reply: an answer of a model on its way, from the question to its last word.
--
--   models ─► leaks ─► mouth           what is for the caller, as it is written
--                └───► kept            of a guess: nobody hears it, until the guess turns out to be right
--
-- A guess is an answer to what the caller has probably said. It is not a part of what was said before it is adopted; dropped, it
-- has left nothing.

local leaks = require "callisto.converse.leaks"
local log = require "callisto.log"
local secrets = require "callisto.secrets"
local task = require "callisto.task"

-- An answer to a guess is kept in so many pieces at most.
local MOST_PIECES = 2000

local GO_ON = "\n\nYour last answer broke off after the words above. Go on from there, and do not repeat them."

---@class callisto.ReplyOptions
---@field entry callisto.HistoryEntry  it will be
---@field guess string|nil  what the caller has probably said
---@field prompt string
---@field tools callisto.LlmTool[]  the model may ask for
---@field names string[]  of all tools
---@field on_whole fun(about: table)  all is written, or no model answers: { entry, answer, failure }

---@class callisto.Reply
---@field entry callisto.HistoryEntry
---@field guess string|nil
---@field private kept string[]
---@field private about table|nil  it is whole
local Reply = {}
Reply.__index = Reply

local replies = {}

local function put(self, written)
  written = self.leaks:put(written)
  if not self.guess then return self.mouth:put(written) end
  self.kept[#self.kept + 1] = written
  return #self.kept < MOST_PIECES
end

-- What the model wrote for machines, and nobody hears.
local function note_leaks(self)
  for _, written in ipairs(self.leaks.suppressed) do
    log.warn(("call %s: a model wrote what is not to be said: %s"):format(self.call.id, secrets.redact(written:sub(1, 200))))
  end
end

-- All is written. Whether any of it is to be said.
local function ended(self)
  local rest = self.leaks:finish()
  note_leaks(self)
  if self.guess then
    self.kept[#self.kept + 1] = rest
    return table.concat(self.kept):find "%S" ~= nil
  end
  self.mouth:put(rest)
  self.mouth:finish()
  return #self.entry.sentences > 0
end

local function broke_off(self)
  self.kept, self.leaks = {}, leaks.new(self.options.names)
  if self.guess then return end
  self.mouth:broke_off()
  self.has_broken_off = #self.entry.sentences > 0
end

local function request_of(self)
  return {
    system = function() return self.options.prompt .. (self.has_broken_off and GO_ON or "") end,
    messages = function() return self.history:messages(self.guess) end,
    tools = self.options.tools,
    opened = function(answer) self.answer = answer end,
    on_text = function(written) return put(self, written) end,
    on_end = function() return ended(self) end,
    on_broken = function() broke_off(self) end,
  }
end

local function write(self)
  local answer, failure = self.models:ask(request_of(self))
  self.about = { entry = self.entry, answer = answer, failure = failure }
  if not self.guess then self.options.on_whole(self.about) end
end

local function close(self)
  if self.answer then self.answer:close() end
end

---Asks, in a task of its own.
---@param conversation {call: callisto.Call, models: callisto.Models, history: callisto.History, mouth: callisto.Mouth}
---@param options callisto.ReplyOptions
---@return callisto.Reply
function replies.start(conversation, options)
  local self = setmetatable({
    call = conversation.call, models = conversation.models, history = conversation.history, mouth = conversation.mouth,
    options = options, entry = options.entry, guess = options.guess, kept = {}, leaks = leaks.new(options.names),
  }, Reply)
  self.task = task.spawn(task.finally, write, function() close(self) end, self)
  return self
end

---Nobody wants it any more: the model stops.
function Reply:stop() task.cancel(self.task) end

---The guess was right: what was written is said, and what comes follows it. The mouth has begun its entry.
function Reply:adopt()
  self.guess = nil
  for _, written in ipairs(self.kept) do self.mouth:put(written) end
  if not self.about then return end
  self.mouth:finish()
  self.options.on_whole(self.about)
end

return replies
