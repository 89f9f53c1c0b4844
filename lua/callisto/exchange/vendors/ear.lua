-- callisto.exchange.vendors.ear: the double of a recogniser: it listens over whichever vendor's interface is asked.
--
--   local ear = require("callisto.exchange.vendors.ear").new {
--     delay = 0.2, silence = 0.5,
--     replies = { { "cancel", close = 1011, reason = "net0000", times = 1 } },      breaks off where "cancel" was said
--   }
--   ear.socket(request, stage)       as a double of hosts; ear:heard() → what it has understood
--
-- It understands the voice of the stage (callisto.exchange.Stage), in specs word by word and without a mistake.

local options = require "callisto.options"
local reading = require "callisto.exchange.vendors.reading"
local session = require "callisto.exchange.vendors.session"

local ear = {}

local WIRES = {
  require "callisto.exchange.vendors.stt.assemblyai", require "callisto.exchange.vendors.stt.deepgram",
  require "callisto.exchange.vendors.stt.sarvam",
}

local CHARACTER_S = 0.06

---@class callisto.exchange.EarReply  what befalls an utterance when its end is told
---@field [1] string|nil  a pattern that is in it, whatever its case
---@field times integer|nil  how often [always]
---@field says string|nil  it is misunderstood for this
---@field delay number|string|nil
---@field finals integer|nil  so many are told; 0: none
---@field close integer|nil  the socket closes with this code instead
---@field reason string|nil
---@field fails string|nil  an error in the vendor's words instead
---@field garbage string|nil  a message that nobody understands instead
---@field deaf boolean|nil  nothing is understood from then on
local REPLY = {
  { "string" }, times = { "integer", min = 1 }, says = { "string" }, delay = { "duration" },
  finals = { "integer", min = 0, max = 20 },
  close = { "integer", min = 1000, max = 4999 }, reason = { "string" }, fails = { "string" }, garbage = { "string" },
  deaf = { "boolean" },
}

local EAR = {
  key = { "string" },
  delay = { "duration", default = 0.2 },
  silence = { "duration", default = 0.5 },
  busy = { "integer", default = 0, min = 0 },
  replies = { "list", default = {}, each = { "map", fields = REPLY } },
}

---@class callisto.exchange.Ear
local Ear = {}
Ear.__index = Ear

---What it has understood until now: { text, vendor, language }, or one of that: the first is 1, the last is -1.
---@param number integer|nil
---@return table[]|table
function Ear:heard(number)
  return reading.recall(self._heard, number)
end

---How many seconds of sound it was sent.
---@return number
function Ear:seconds() return self._seconds end

function Ear:_reply_to(text)
  for i, reply in ipairs(self._options.replies) do
    local is_used = reply.times and (self._used[i] or 0) >= reply.times
    if not is_used and (not reply[1] or text:lower():find(reply[1]:lower())) then
      self._used[i] = (self._used[i] or 0) + 1
      return reply
    end
  end
  return {}
end

-- Listening -----------------------------------------------------------------------------------------------------------------

---@class callisto.exchange.Listener  one stream of sound, cut into utterances
---@field out table  what the vendor says: started(at), partial(words), final(words), failed(why); the first two may be missing
---@field clock number  seconds of sound until now
---@field silence number  seconds that end an utterance
local Listener = {}
Listener.__index = Listener

---Does something later, unless the socket is closed by then.
---@param seconds number
---@param fn fun()
function Listener:later(seconds, fn)
  self.stage.after(seconds, function()
    if not self.is_stopped then fn() end
  end)
end

local function copy(words)
  local list = {}
  for i, word in ipairs(words) do list[i] = word end
  return list
end

function Listener:_take(new)
  local out = self.out
  for _, word in ipairs(new) do
    local last = self.words[#self.words]
    local from = math.max(last and last.to or 0, self.clock - #word * CHARACTER_S)
    if #self.words == 0 and out.started then self:later(0, function() out.started(from) end) end
    self.words[#self.words + 1] = { word = word, from = from, to = self.clock }
  end
  local words = copy(self.words)
  if out.partial then self:later(self.ear._options.delay, function() out.partial(words) end) end
end

---What was said is over, whether silence has ended it or not.
---@return boolean has_any
function Listener:finish()
  local words = self.words
  self.words, self.quiet = {}, 0
  if #words == 0 or self.is_deaf then return false end
  local list = {}
  for i, each in ipairs(words) do list[i] = each.word end
  local reply = self.ear:_reply_to(table.concat(list, " "))
  self:later(reply.delay or self.ear._options.delay, function() self:_tell(reply, words, table.concat(list, " ")) end)
  return true
end

-- As it is misunderstood.
local function words_of(reply, words)
  if not reply.says then return words end
  local list, from, to = {}, words[1].from, words[#words].to
  for word in reply.says:gmatch "%S+" do list[#list + 1] = { word = word, from = from, to = to } end
  return list
end

function Listener:_tell(reply, words, text)
  if reply.deaf then self.is_deaf = true end
  if reply.garbage then self.socket:send(reply.garbage) end
  if reply.fails then self.out.failed(reply.fails) end
  if reply.close then self.socket:close(reply.close, reply.reason or "") end
  if reply.deaf or reply.garbage or reply.fails or reply.close then return end
  reading.remember(self.ear._heard, { text = text, vendor = self.vendor, language = self.language })
  for _ = 1, reply.finals or 1 do self.out.final(words_of(reply, words)) end
end

-- Silence is small: what a telephone makes of it is within a byte.
local function is_loud(samples)
  for at = 2, #samples, 2 do
    local high = samples:byte(at)
    if high ~= 0 and high ~= 255 then return true end
  end
  return false
end

---Sound has come.
---@param bytes string
function Listener:put(bytes)
  local samples = self.stage.unpacked(self.encoding, self.rate, bytes)
  local seconds = #samples / 2 / self.rate
  self.clock, self.quiet = self.clock + seconds, is_loud(samples) and 0 or self.quiet + seconds
  self.ear._seconds = self.ear._seconds + seconds
  local new = self.ears:put(samples)
  if self.is_deaf then return end
  if #new > 0 then self:_take(new) end
  if #self.words > 0 and self.quiet >= self.silence then self:finish() end
end

---Nothing more happens on this socket.
function Listener:stop() self.is_stopped = true end

-- Being asked ---------------------------------------------------------------------------------------------------------------

---@class callisto.exchange.EarWire  the words of one vendor
---@field name string
---@field socket fun(request: table): table|nil  what it asks for: encoding, rate, language, or a status; nil: not its path
---@field key fun(request: table): string|nil
---@field unauthorized integer|nil  the status of a wrong key [401]; 0: the socket opens, and says so
---@field open fun(listener: callisto.exchange.Listener, wanted: table): table  message(data, is_binary); sets `out`

local function listener_of(self, wire, wanted, stage, socket)
  return setmetatable({
    ear = self, vendor = wire.name, language = wanted.language, stage = stage, socket = socket, encoding = wanted.encoding,
    rate = wanted.rate, ears = stage.ear(wanted.rate), clock = 0, quiet = 0, words = {}, silence = self._options.silence,
  }, Listener)
end

local function take_socket(self, request, stage)
  for _, wire in ipairs(WIRES) do
    local wanted = wire.socket(request)
    if wanted then
      local key = wire.key(request)
      local is_wrong = not key or (self._options.key and key ~= self._options.key)
      if is_wrong and wire.unauthorized ~= 0 then return wire.unauthorized or 401 end
      if wanted.status then return wanted.status end
      self._asked = self._asked + 1
      if self._asked <= self._options.busy then return 429 end
      wanted.is_unauthorized = is_wrong
      return session.new(wire, wanted, function(socket) return listener_of(self, wire, wanted, stage, socket) end)
    end
  end
  return 404
end

---Makes one.
---@param given {key: string, delay: number, silence: number, busy: integer, replies: callisto.exchange.EarReply[]}
---  all may be left out; `key`: the only one that is right, else any is; `delay`: from what was said until it is told [0.2];
---  `silence`: what ends an utterance, unless the vendor is told [0.5]; `busy`: so many sockets are refused as too many
---@return callisto.exchange.Ear
function ear.new(given)
  local self = setmetatable({
    _options = options.read("ear", given, EAR), _heard = {}, _used = {}, _asked = 0, _seconds = 0,
  }, Ear)
  self.socket = function(request, stage) return take_socket(self, request, stage) end
  return self
end

---Where the vendors are that it can stand for.
ear.origins = { "https://api.deepgram.com", "https://streaming.assemblyai.com", "https://api.sarvam.ai" }

return ear
