-- callisto.exchange.vendors.model: the double of a language model: a script of answers, said in the words of whichever
-- interface is asked: chat completions, Anthropic's messages, Gemini's content.
--
--   local model = require("callisto.exchange.vendors.model").new {
--     replies = {
--       { "order", say = "One moment.", tools = { { "find_order", { id = "7" } } } },   the caller said "order"
--       { on_result = "find_order", say = "It left the house yesterday." },             the tool has answered
--       { say = "I can look up orders." },                                              anything else
--     },
--   }
--   model.request(request) → an answer as a double gives it; model:asked() → what it was asked, in neutral words
--
-- An answer is pieces with the seconds before each: who has a socket sends them, in a spec (callisto.spec.hosts) or in the
-- exchange (callisto.exchange.sending).

local json = require "callisto.json"
local options = require "callisto.options"
local reading = require "callisto.exchange.vendors.reading"

local model = {}

local WIRES = {
  require "callisto.exchange.vendors.llm.anthropic", require "callisto.exchange.vendors.llm.chat_completions",
  require "callisto.exchange.vendors.llm.gemini",
}

---@class callisto.exchange.ModelWire  the words of one interface
---@field name string
---@field serves fun(request: table): boolean
---@field key fun(request: table): string|nil  that was sent
---@field refusal fun(status: integer, message: string, param: string|nil, retry_after: number|nil): table
---@field unauthorized fun(key: string|nil): table
---@field failing fun(name: string): string  an error in mid-stream
---@field read fun(body: table, request: table): callisto.exchange.Asked|nil, string?, string?  or what is wrong, and where
---@field writer fun(asked: callisto.exchange.Asked, said: callisto.exchange.Said): table  empty, begin, token, ending: texts
---@field whole fun(asked: callisto.exchange.Asked, said: callisto.exchange.Said): table  the answer that is not streamed

-- What a script may say ---------------------------------------------------------------------------------------------

local FAILURES = { overloaded = true, rate_limited = true, internal = true, quota = true }

---@class callisto.exchange.Reply  one answer, and when it is given
---@field [1] string|nil  a pattern that is in what was said last, whatever its case
---@field on_result string|nil  the tool whose result came last
---@field when (fun(asked: callisto.exchange.Asked): boolean)|nil
---@field times integer|nil  how often it is given [always]
---@field say string|(fun(asked: callisto.exchange.Asked): string)|nil
---@field tools {[1]: string, [2]: table|string|nil}[]|nil  name and arguments; a string is sent as it stands, broken JSON too
---@field first_token number|string|nil  seconds until the first
---@field per_token number|string|nil  from one to the next
---@field empty_records_for number|string|nil  records that say nothing come before the first token, one a second
---@field thinking string|nil  what the vendor marks as not to be spoken
---@field reason "stop"|"tools"|"length"|"filtered"|nil  why it stops
---@field cut_after integer|nil  tokens; then the connection breaks
---@field hangs boolean|nil  it never says that it is over
---@field garbage string|nil  stands in the stream where its end should begin
---@field fails "overloaded"|"rate_limited"|"internal"|"quota"|nil  an error in mid-stream instead of an end
---@field status integer|nil  refuses the request
---@field retry_after number|string|nil
---@field message string|nil  of the refusal
local REPLY = {
  { "string" }, on_result = { "string" }, when = { "function" }, times = { "integer", min = 1 }, say = { "string|function" },
  tools = { "list", default = {}, each = { "map", fields = { { "string", required = true }, { "map|string" } } } },
  first_token = { "duration" }, per_token = { "duration" }, empty_records_for = { "duration" }, thinking = { "string" },
  reason = { "string", values = { stop = true, tools = true, length = true, filtered = true } },
  cut_after = { "integer", min = 0 }, hangs = { "boolean" }, garbage = { "string" },
  fails = { "string", values = FAILURES },
  status = { "integer", min = 400, max = 599 }, retry_after = { "duration" }, message = { "string" },
}

local MODEL = {
  replies = { "list", default = {}, each = { "map", fields = REPLY } },
  otherwise = { "string", default = "I have no answer to that." },
  key = { "string" },
  first_token = { "duration", default = 0.4 },
  per_token = { "duration", default = 0.02 },
}

-- What it is asked ---------------------------------------------------------------------------------------------------

---@class callisto.exchange.Asked  a request, in the words of no vendor
---@field wire "chat_completions"|"anthropic"|"gemini"
---@field model string
---@field system string|nil
---@field messages callisto.exchange.AskedMessage[]
---@field tools {name: string, description: string|nil, parameters: table}[]
---@field max_tokens integer|nil
---@field temperature number|nil
---@field key string|nil  that was sent
---@field is_streamed boolean
---@field body table  the vendor's own
---@field has_left boolean|nil  who asked went away before the answer was over

---@class callisto.exchange.AskedMessage
---@field role "user"|"assistant"|"tool"
---@field text string|nil
---@field calls {id: string, name: string, arguments: table|string}[]|nil  of an assistant
---@field id string|nil  of a tool's result: the call's
---@field name string|nil  of a tool's result: the tool's

---@class callisto.exchange.Model  the double
---@field request fun(request: table): table|nil
local Model = {}
Model.__index = Model

---What it was asked, the last thousand of it, or one of that: the first is 1, the last is -1.
---@param number integer|nil
---@return callisto.exchange.Asked[]|callisto.exchange.Asked
function Model:asked(number)
  return reading.recall(self._asked, number)
end

-- The last message that is not a system's, as far as a reply may look at it: its words, or the tools that have answered.
local function occasion_of(asked)
  local last, results = asked.messages[#asked.messages] or {}, {}
  for i = #asked.messages, 1, -1 do
    if asked.messages[i].role ~= "tool" then break end
    results[asked.messages[i].name or ""] = true
  end
  return { words = last.role == "user" and (last.text or ""):lower() or nil, results = results }
end

local function fits(reply, used, asked, occasion)
  if reply.times and used >= reply.times then return false end
  if reply[1] and not (occasion.words and occasion.words:find(reply[1]:lower())) then return false end
  if reply.on_result and not occasion.results[reply.on_result] then return false end
  return not reply.when or reply.when(asked) and true or false
end

function Model:_choose(asked)
  local occasion = occasion_of(asked)
  for i, reply in ipairs(self._replies) do
    if fits(reply, self._used[i] or 0, asked, occasion) then
      self._used[i] = (self._used[i] or 0) + 1
      return reply
    end
  end
  return { say = self._otherwise, tools = {} }
end

-- What it says, token by token ------------------------------------------------------------------------------------------

local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"
local ARGUMENT_CHARACTERS = 8

local function words_of(text)
  local list = {}
  for word in text:gmatch "%s*%S+" do list[#list + 1] = word end
  local rest = text:match "%S(%s+)$"
  if rest then list[#list + 1] = rest end
  return list
end

local function pieces_of(text)
  local list, piece, count = {}, {}, 0
  for character in text:gmatch(CHARACTER) do
    piece[#piece + 1], count = character, count + 1
    if count == ARGUMENT_CHARACTERS then list[#list + 1], piece, count = table.concat(piece), {}, 0 end
  end
  if count > 0 then list[#list + 1] = table.concat(piece) end
  return list
end

---@class callisto.exchange.Said  an answer before it is put into a vendor's words
---@field id string
---@field text string
---@field thinking string|nil
---@field calls {id: string, name: string, arguments: string}[]
---@field reason "stop"|"tools"|"length"|"filtered"
---@field usage {input: integer, output: integer}
---@field tokens {kind: "text"|"thinking"|"call"|"arguments"|"call_end", text: string|nil, call: table|nil, index: integer|nil}[]

local function calls_of(self, reply)
  local list = {}
  for i, tool in ipairs(reply.tools) do
    self._calls = self._calls + 1
    local arguments = tool[2]
    if type(arguments) ~= "string" then arguments = arguments and next(arguments) and json.encode(arguments) or "{}" end
    list[i] = { id = ("call_%d"):format(self._calls), name = tool[1], arguments = arguments }
  end
  return list
end

local function tokens_of(said)
  local list = {}
  for _, word in ipairs(words_of(said.thinking or "")) do list[#list + 1] = { kind = "thinking", text = word } end
  for _, word in ipairs(words_of(said.text)) do list[#list + 1] = { kind = "text", text = word } end
  for i, call in ipairs(said.calls) do
    list[#list + 1] = { kind = "call", call = call, index = i }
    for _, piece in ipairs(pieces_of(call.arguments)) do
      list[#list + 1] = { kind = "arguments", text = piece, call = call, index = i }
    end
    list[#list + 1] = { kind = "call_end", call = call, index = i }
  end
  return list
end

local function length_of(asked)
  local bytes = #(asked.system or "")
  for _, message in ipairs(asked.messages) do bytes = bytes + #(message.text or "") + 8 end
  return math.ceil(bytes / 4)
end

local function say(self, reply, asked)
  local text = reply.say or ""
  if type(text) == "function" then text = tostring(text(asked)) end
  self._answers = self._answers + 1
  local said = { id = ("double-%d"):format(self._answers), text = text, thinking = reply.thinking, calls = calls_of(self, reply) }
  said.reason = reply.reason or (#said.calls > 0 and "tools" or "stop")
  said.tokens = tokens_of(said)
  said.usage = { input = length_of(asked), output = #said.tokens }
  return said
end

-- Its pieces --------------------------------------------------------------------------------------------------------------

local function empty_records(writer, seconds)
  local list = {}
  for i = 1, math.floor(seconds) do list[i] = { after = 1, text = writer.empty() } end
  return list
end

local function stream(self, wire, reply, asked, said)
  local writer = wire.writer(asked, said)
  local pieces = empty_records(writer, reply.empty_records_for or 0)
  local per_token = reply.per_token or self._per_token
  pieces[#pieces + 1] = { after = reply.first_token or self._first_token, text = writer.begin() }
  for i, token in ipairs(said.tokens) do
    if reply.cut_after == i - 1 then return pieces, "cut" end
    pieces[#pieces + 1] = { after = i > 1 and per_token or 0, text = writer.token(token) }
  end
  if reply.garbage then pieces[#pieces + 1] = { after = per_token, text = reply.garbage } end
  if reply.cut_after then return pieces, "cut" end
  if reply.hangs then return pieces, "hang" end
  pieces[#pieces + 1] = { after = per_token, text = reply.fails and wire.failing(reply.fails) or writer.ending() }
  return pieces
end

local function refusal_of(wire, reply)
  local answer = wire.refusal(reply.status, reply.message or "the double refuses this", nil, reply.retry_after)
  answer.after = reply.first_token
  return answer
end

local function answer_to(self, wire, asked)
  local reply = self:_choose(asked)
  if reply.status then return refusal_of(wire, reply) end
  local said = say(self, reply, asked)
  if not asked.is_streamed then
    return { status = 200, headers = { ["content-type"] = "application/json" }, body = json.encode(wire.whole(asked, said)),
      after = (reply.first_token or self._first_token) + #said.tokens * (reply.per_token or self._per_token) }
  end
  local pieces, ends = stream(self, wire, reply, asked, said)
  return {
    status = 200, headers = { ["content-type"] = "text/event-stream; charset=utf-8", ["cache-control"] = "no-cache" },
    pieces = pieces, ends = ends, left = function() asked.has_left = true end,
  }
end

local function answer(self, wire, request)
  local key = wire.key(request)
  if not key or key == "" or (self._key and key ~= self._key) then return wire.unauthorized(key) end
  local body = json.decode(request.body or "")
  if type(body) ~= "table" then return wire.refusal(400, "We could not parse the JSON body of your request.") end
  local asked, why, param = wire.read(body, request)
  if not asked then return wire.refusal(400, why, param) end
  asked.wire, asked.key, asked.body = wire.name, key, body
  reading.remember(self._asked, asked)
  return answer_to(self, wire, asked)
end

---Makes one.
---@param given {replies: callisto.exchange.Reply[], otherwise: string, key: string, first_token: number, per_token: number}
---  all may be left out; `key`: the only one that is right, else any is
---@return callisto.exchange.Model
function model.new(given)
  local values = options.read("model", given, MODEL)
  local self = setmetatable({
    _replies = values.replies, _otherwise = values.otherwise, _key = values.key, _used = {}, _asked = {}, _calls = 0,
    _answers = 0, _first_token = values.first_token, _per_token = values.per_token,
  }, Model)
  self.request = function(request)
    for _, wire in ipairs(WIRES) do
      if wire.serves(request) then return answer(self, wire, request) end
    end
    return nil
  end
  return self
end

---Where the vendors are that it can stand for.
model.origins = {
  "https://api.openai.com", "https://api.anthropic.com", "https://generativelanguage.googleapis.com", "https://api.groq.com",
  "https://api.cerebras.ai", "https://api.together.xyz", "https://openrouter.ai", "http://127.0.0.1:11434",
}

return model
