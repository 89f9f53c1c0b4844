-- callisto.exchange.vendors.voice: the double of a voice: it speaks over whichever vendor's interface is asked.
--
--   local voice = require("callisto.exchange.vendors.voice").new {
--     first_audio = 0.2, pace = 4,
--     replies = { { "forty dollars", close = 1011, sound = 0.5 } },    breaks off after half a second of this sentence
--   }
--   voice.socket(request, stage), voice.request(request, stage)       as doubles of hosts; voice:said() → what it was told
--
-- Its sound is that of the stage (callisto.exchange.Stage): the voice of specs, which carries its words.

local options = require "callisto.options"
local reading = require "callisto.exchange.vendors.reading"
local session = require "callisto.exchange.vendors.session"

local voice = {}

local WIRES = {
  require "callisto.exchange.vendors.tts.cartesia", require "callisto.exchange.vendors.tts.deepgram",
  require "callisto.exchange.vendors.tts.elevenlabs", require "callisto.exchange.vendors.tts.openai",
  require "callisto.exchange.vendors.tts.sarvam",
}

local PIECE_S = 0.1

---@class callisto.exchange.VoiceReply  what befalls a text
---@field [1] string|nil  a pattern that is in it, whatever its case
---@field times integer|nil  how often [always]
---@field first_audio number|string|nil
---@field sound number|string|nil  so much of it is made before the rest happens [none]
---@field close integer|nil  the socket closes with this code
---@field reason string|nil
---@field fails string|nil  an error in the vendor's words
---@field garbage string|nil  a message that nobody understands
---@field silent boolean|nil  nothing comes, and no end either
local REPLY = {
  { "string" }, times = { "integer", min = 1 }, first_audio = { "duration" }, sound = { "duration", default = 0 },
  close = { "integer", min = 1000, max = 4999 }, reason = { "string" }, fails = { "string" }, garbage = { "string" },
  silent = { "boolean" },
}

local VOICE = {
  key = { "string" },
  first_audio = { "duration", default = 0.2 },
  pace = { "number", default = 4, min = 0.1 },
  busy = { "integer", default = 0, min = 0 },
  replies = { "list", default = {}, each = { "map", fields = REPLY } },
}

---@class callisto.exchange.Voice
local Voice = {}
Voice.__index = Voice

---What it was told to say until now: { text, vendor, voice, cancelled }, or one of that: the first is 1, the last is -1.
---@param number integer|nil
---@return table[]|table
function Voice:said(number)
  return reading.recall(self._said, number)
end

function Voice:_reply_to(text)
  for i, reply in ipairs(self._options.replies) do
    local is_used = reply.times and (self._used[i] or 0) >= reply.times
    if not is_used and (not reply[1] or text:lower():find(reply[1]:lower())) then
      self._used[i] = (self._used[i] or 0) + 1
      return reply
    end
  end
  return {}
end

-- Speaking ----------------------------------------------------------------------------------------------------------------

-- The begin and the end of each word, in seconds.
local function word_times(stage, text, rate)
  local list, before, ended = {}, {}, 0
  for word in text:gmatch "%S+" do
    before[#before + 1] = word
    local from = ended
    ended = #stage.spoken(table.concat(before, " "), rate) / 2 / rate
    list[#list + 1] = { word = word, from = from, to = ended }
  end
  return list
end

---@class callisto.exchange.Talker  says one text after the other on a socket
local Talker = {}
Talker.__index = Talker

---Says a text, or runs a function, when all before it is over. `context`: what can be cancelled with it.
---@param context any
---@param what string|fun()
function Talker:put(context, what)
  self._queue[#self._queue + 1] = { context = context, what = what }
  self:_next()
end

---Nothing more of a context is made; nil: of none.
---@param context any
function Talker:cancel(context)
  local kept = {}
  for _, job in ipairs(self._queue) do
    if context ~= nil and job.context ~= context then kept[#kept + 1] = job end
  end
  self._queue = kept
  local now = self._now
  if now and (context == nil or now.context == context) then
    now.is_over, self._now = true, nil
    if now.entry then now.entry.cancelled = true end
    self:_next()
  end
end

---Nothing more happens on this socket.
function Talker:stop()
  self:cancel(nil)
  self.is_stopped = true
end

function Talker:_next()
  if self._now or self.is_stopped then return end
  local job = table.remove(self._queue, 1)
  if not job then return end
  if type(job.what) == "function" then
    job.what()
    return self:_next()
  end
  self._now = job
  self:_say(job)
end

function Talker:_done(job)
  if job.is_over then return end
  job.is_over, self._now = true, nil
  self:_next()
end

-- What happens instead of the rest; true when something does.
function Talker:_befalls(job, reply)
  if reply.garbage then self.socket:send(reply.garbage) end
  if reply.fails then self.out.failed(reply.fails, job.context) end
  if reply.close then
    self:stop()
    self.socket:close(reply.close, reply.reason or "")
  end
  return reply.garbage or reply.fails or reply.close or reply.silent
end

function Talker:_send(job, reply, samples, at)
  if job.is_over or self.is_stopped then return end
  local piece = 2 * math.floor(self.rate * PIECE_S)
  local has_all = at > #samples
  local limit = self:_limit(reply)
  if (has_all or (at - 1) / 2 / self.rate >= limit) and limit < math.huge then
    if self:_befalls(job, reply) then return not reply.silent and self:_done(job) end
  end
  if has_all then return self:_done(job) end
  local text = samples:sub(at, at + piece - 1)
  job.piece_ends = (at + piece - 1) / 2 / self.rate
  self.out.audio(self.stage.packed(self.encoding, self.rate, text), job.context, (at - 1) / 2 / self.rate, job)
  self.stage.after(PIECE_S / self.voice._options.pace, function() self:_send(job, reply, samples, at + piece) end)
end

function Talker:_limit(reply)
  return (reply.garbage or reply.fails or reply.close or reply.silent) and reply.sound or math.huge
end

function Talker:_say(job)
  local reply = self.voice:_reply_to(job.what)
  job.entry = { text = job.what, vendor = self.vendor, voice = self.name }
  reading.remember(self.voice._said, job.entry)
  if not job.what:find "%S" then return self:_done(job) end
  local samples = self.stage.spoken(job.what, self.rate)
  job.words = word_times(self.stage, job.what, self.rate)
  local first = reply.first_audio or self.voice._options.first_audio
  self.stage.after(first, function() self:_send(job, reply, samples, 1) end)
end

---The words of a text that begin within a piece of its sound.
---@param job table
---@param from number  seconds from the begin of the text
---@return {word: string, from: number, to: number}[]
function Talker.words_in(job, from)
  local list = {}
  for _, each in ipairs(job.words) do
    if each.from >= from and each.from < job.piece_ends then list[#list + 1] = each end
  end
  return list
end

-- Being asked ---------------------------------------------------------------------------------------------------------------

---@class callisto.exchange.VoiceWire  the words of one vendor
---@field name string
---@field socket (fun(request: table): table|nil)|nil  what its path and query ask for: encoding, rate, voice; nil: not its path
---@field request (fun(request: table): table|nil)|nil  the same of a POST, with `text`
---@field key fun(request: table): string|nil
---@field refusal fun(status: integer, message: string|nil): table  an answer with a body
---@field open fun(talker: callisto.exchange.Talker, wanted: table): table  handlers: message(data), and `out` of the talker

local function talker_of(self, wire, wanted, stage, socket)
  return setmetatable({
    voice = self, vendor = wire.name, name = wanted.voice, stage = stage, socket = socket, encoding = wanted.encoding,
    rate = wanted.rate, _queue = {},
  }, Talker)
end

-- The status that refuses a request before anything is said.
local function refusal_of(self, wire, request)
  local key = wire.key(request)
  if not key or (self._options.key and key ~= self._options.key) then return wire.unauthorized or 401 end
  self._asked = self._asked + 1
  return self._asked <= self._options.busy and 429 or nil
end

local function take_socket(self, request, stage)
  for _, wire in ipairs(WIRES) do
    local wanted = wire.socket and wire.socket(request)
    if wanted then
      local status = refusal_of(self, wire, request) or wanted.status
      if status then return status end
      return session.new(wire, wanted, function(socket) return talker_of(self, wire, wanted, stage, socket) end)
    end
  end
  return 404
end

-- The whole sound of a text, in pieces at the voice's pace.
local function speak(self, wire, wanted, stage)
  local reply = self:_reply_to(wanted.text)
  reading.remember(self._said, { text = wanted.text, vendor = wire.name, voice = wanted.voice })
  if reply.fails then return wire.refusal(500, reply.fails) end
  local bytes = stage.sound(wanted.text, wanted.encoding, wanted.rate)
  if not bytes then return wire.refusal(500, "The voice failed.") end
  local size = math.floor(wanted.rate * PIECE_S) * (wanted.encoding == "l16le" and 2 or 1)
  local pieces = {}
  for at = 1, #bytes, size do
    local is_cut = reply.close and (#pieces * PIECE_S) >= reply.sound
    if is_cut then break end
    local after = at == 1 and (reply.first_audio or self._options.first_audio) or PIECE_S / self._options.pace
    pieces[#pieces + 1] = { after = after, text = bytes:sub(at, at + size - 1) }
  end
  return {
    status = 200, headers = { ["content-type"] = wanted.kind }, pieces = pieces,
    ends = reply.silent and "hang" or reply.close and "cut" or nil,
  }
end

local function take_request(self, request, stage)
  for _, wire in ipairs(WIRES) do
    local wanted, why = nil, nil
    if wire.request then wanted, why = wire.request(request) end
    if why then return wire.refusal(400, why) end
    if wanted then
      local status = refusal_of(self, wire, request)
      if status then return wire.refusal(status) end
      local answer = speak(self, wire, wanted, stage)
      return wanted.wrap and answer.pieces and wanted.wrap(answer) or answer
    end
  end
  return nil
end

---Makes one.
---@param given {key: string, first_audio: number, pace: number, busy: integer, replies: callisto.exchange.VoiceReply[]}
---  all may be left out; `key`: the only one that is right, else any is; `pace`: how much faster than it is spoken its sound
---  comes [4]; `busy`: so many requests and sockets are refused as too many
---@return callisto.exchange.Voice
function voice.new(given)
  local self = setmetatable({ _options = options.read("voice", given, VOICE), _said = {}, _used = {}, _asked = 0 }, Voice)
  self.socket = function(request, stage) return take_socket(self, request, stage) end
  self.request = function(request, stage) return take_request(self, request, stage) end
  return self
end

---Where the vendors are that it can stand for.
voice.origins = {
  "https://api.elevenlabs.io", "https://api.cartesia.ai", "https://api.deepgram.com", "https://api.openai.com",
  "https://api.sarvam.ai",
}

return voice
