-- callisto.llm: a language model's answer, read while it is written.
--
--   local answer, why = llm.ask { model = "openai/gpt-4.1-mini", key = call.secrets.openai_key,
--                                 system = "Short spoken sentences.", messages = { { role = "user", text = "Hello?" } } }
--   for event in answer:events() do
--     if event.kind == "text" then … event.text …
--     elseif event.kind == "tool" then … event.name, event.arguments …
--     elseif event.kind == "end" then … event.reason, event.usage … end
--   end
--   if answer.failure then … end
--
-- Text comes as it is written. Tools come when the answer is whole and ended well, behind the text; what was cut off is
-- never run. An answer that stops without saying that it is over is a failure, also when text came before.

local core = require "callisto.core"
local http = require "callisto.http"
local json = require "callisto.json"
local options = require "callisto.options"
local provider = require "callisto.provider"
local sse = require "callisto.sse"

local llm = {}

-- From one piece to the next; some vendors say nothing while a model thinks.
local GAP_S = 10
local FAILURE_BYTES = 64 * 1024

local MESSAGE = {
  role = { "string", required = true, values = { user = true, assistant = true, tool = true } },
  text = { "string" }, id = { "string" }, name = { "string" }, is_error = { "boolean" }, calls = { "list" },
}

local ASK = {
  model = { "string", required = true, check = function(model)
    if not model:find "^[%l%d_-]+/." then return 'must be "vendor/model", such as "openai/gpt-4.1-mini"' end
  end },
  key = { "any" },
  base = { "string" },
  system = { "string" },
  messages = { "list", required = true, each = { "map", fields = MESSAGE } },
  tools = { "list", default = {}, each = { "map", fields = {
    name = { "string", required = true }, description = { "string" }, parameters = { "map", required = true },
  } } },
  max_tokens = { "number", default = 300, min = 1 },
  temperature = { "number", min = 0, max = 2 },
  timeout = { "number", default = 60, min = 1, max = 600 },
  patience = { "number", min = 0.1, max = 600 },
  more = { "map", default = {} },
}

-- What an adapter tells of an answer ---------------------------------------------------------------------------------

---@class callisto.LlmReading  filled by an adapter's `read`
---@field memory table  the adapter's own, for as long as the answer is read
local Reading = {}
Reading.__index = Reading

local function new_reading() return setmetatable({ memory = {}, ready = {}, calls = {}, by_key = {} }, Reading) end

---Something the model says.
---@param text string
function Reading:text(text)
  if text ~= "" then self.ready[#self.ready + 1] = { kind = "text", text = text } end
end

---A tool is asked for, or goes on being asked for. What is nil or "" changes nothing.
---@param key any  tells the calls of one answer apart
---@param id string|nil
---@param name string|nil
---@param arguments string|nil  the next piece of its JSON
---@param seal string|nil
function Reading:tool(key, id, name, arguments, seal)
  local call = self.by_key[key]
  if not call then
    call = { kind = "tool", pieces = {} }
    self.by_key[key], self.calls[#self.calls + 1] = call, call
  end
  if id and id ~= "" then call.id = id end
  if name and name ~= "" then call.name = name end
  if arguments and arguments ~= "" then call.pieces[#call.pieces + 1] = arguments end
  call.seal = seal or call.seal
end

---Whether a call with this key has begun.
---@param key any
---@return boolean
function Reading:has_tool(key) return self.by_key[key] ~= nil end

---The vendor begins anew: the calls of its first attempt do not count.
function Reading:forget_calls() self.calls, self.by_key = {}, {} end

---Why the model stopped. The first reason counts.
---@param reason "stop"|"tools"|"length"|"filtered"
function Reading:ended(reason) self.reason = self.reason or reason end

---@param usage callisto.LlmUsage  later ones replace earlier ones
function Reading:used(usage) self.usage = usage end

---@param failure callisto.ProviderError
function Reading:failed(failure) self.failure = self.failure or failure end

---Nothing of what follows counts.
function Reading:over() self.is_over = true end

-- The answer ------------------------------------------------------------------------------------------------------------

---@class callisto.LlmAnswer
---@field failure callisto.ProviderError|nil  why it broke off; with `retry_after` when that was said
---@field private stream callisto.HttpStream
local Answer = {}
Answer.__index = Answer

local function broken(code, text) return provider.error(code, text, true) end

-- What is left to say when the vendor has said all. A call that was cut off, or that stands beside a failure, is not run.
local function conclude(self)
  local reading = self.reading
  self.is_concluded = true
  self.stream:close()
  self.failure = reading.failure or self.failure
    or not reading.reason and broken("EPROTO", "the answer stopped without saying that it is over") or nil
  if self.failure then return end
  local reason = #reading.calls > 0 and reading.reason == "stop" and "tools" or reading.reason
  if reason == "tools" then
    for i, call in ipairs(reading.calls) do
      reading.ready[#reading.ready + 1] = {
        kind = "tool", id = call.id or ("call_%d"):format(i), name = call.name or "", seal = call.seal,
        arguments = #call.pieces > 0 and table.concat(call.pieces) or "{}",
      }
    end
  end
  reading.ready[#reading.ready + 1] = { kind = "end", reason = reason, usage = reading.usage }
end

-- What a vendor sends may have any shape, and an adapter believes what the vendor's documents say.
local function read_event(self, event)
  local ok, why = pcall(self.adapter.read, self.reading, event)
  if not ok then self.reading:failed(broken("EBADMSG", "an event that cannot be read: " .. tostring(why))) end
end

-- One more event of the stream.
local function read_on(self, gap)
  local event, text, code = self.sse:next(gap)
  if event then
    read_event(self, event)
    if self.reading.is_over or self.reading.failure then conclude(self) end
    return
  end
  if code then self.failure = broken(code, text) end
  conclude(self)
end

local function is_useful(reading)
  if #reading.calls > 0 then return true end
  for _, event in ipairs(reading.ready) do
    if event.kind == "text" and event.text:find "%S" then return true end
  end
  return false
end

---Waits until the model has begun to say something, or to ask for a tool. Records that say neither do not count.
---@param seconds number
---@return boolean is_useful  false: it is over without, `failure` may say why, or the time has passed and it is closed
function Answer:until_useful(seconds)
  local at = core.now() + seconds
  while not is_useful(self.reading) and not self.is_concluded do
    local left = at - core.now()
    if left > 0 then read_on(self, math.min(left, GAP_S)) else self:close() end
  end
  if is_useful(self.reading) then return not self.failure end
  if core.now() >= at then self.failure = broken("ETIMEDOUT", "no useful output") end
  return false
end

---@class callisto.LlmEvent
---@field kind "text"|"tool"|"end"
---@field text string|nil
---@field id string|nil
---@field name string|nil  of the tool
---@field arguments string|nil  JSON
---@field seal string|nil
---@field reason "stop"|"tools"|"length"|"filtered"|nil
---@field usage callisto.LlmUsage|nil

---The next event.
---@return callisto.LlmEvent|nil  nil: it is over; `failure` says whether it broke off
function Answer:next()
  while true do
    local event = self.reading.ready[self.first]
    if event then
      self.first = self.first + 1
      return event
    end
    if self.is_concluded then return nil end
    self.reading.ready, self.first = {}, 1
    read_on(self, GAP_S)
  end
end

---All that comes, for a `for` loop.
---@return fun(): callisto.LlmEvent|nil
function Answer:events()
  return function() return self:next() end
end

---Stops the model. Harmless when it is over.
function Answer:close()
  self.is_concluded = true
  self.reading.ready, self.first = {}, 1
  self.stream:close()
end

-- Asking ----------------------------------------------------------------------------------------------------------------

local function adapter_of(vendor)
  local ok, adapter = pcall(require, "providers.llm." .. vendor)
  if not ok then error(("llm.ask: 'model' names the vendor '%s', and providers/llm has no such file"):format(vendor), 3) end
  return adapter
end

-- The body of a refusal.
local function read_body(stream)
  local parts, bytes = {}, 0
  while bytes < FAILURE_BYTES do
    local piece = stream:read(GAP_S)
    if not piece then break end
    parts[#parts + 1], bytes = piece, bytes + #piece
  end
  stream:close()
  return table.concat(parts)
end

---Asks a model, and returns when its answer begins.
---@param given table  model: "vendor/model"; key: its secret; base: another address; system, messages, tools, max_tokens [300],
---  temperature, timeout: seconds for all of it [60]; patience: seconds until it begins; more: fields of the vendor's request
---  that are sent as they are
---@return callisto.LlmAnswer|nil answer
---@return callisto.ProviderError? failure  `retryable`, and `retry_after` in seconds when that was said
function llm.ask(given)
  local ask = options.read("llm.ask", given, ASK)
  local vendor, model = ask.model:match "^([^/]+)/(.+)$"
  local adapter = adapter_of(vendor)
  ask.model = model
  local request = adapter.request(ask, { key = ask.key, base = (ask.base or adapter.base):gsub("/+$", "") })
  request.headers["content-type"], request.headers.accept = "application/json", "text/event-stream"
  request.body, request.json = json.encode(request.json), nil
  request.timeout, request.patience, request.answer_ceiling = ask.timeout, ask.patience, 8 * 1024 * 1024
  local stream, text, code = http.stream(request)
  if not stream then return nil, broken(code, text) end
  if stream.status >= 400 then
    local message = { status = stream.status, headers = stream.headers, body = read_body(stream) }
    return nil, adapter.failure(message)
  end
  return setmetatable({
    adapter = adapter, stream = stream, reading = new_reading(), first = 1,
    sse = sse.reader(function(timeout) return stream:read(timeout) end),
  }, Answer)
end

return llm
