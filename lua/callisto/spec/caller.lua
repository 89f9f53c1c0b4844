-- callisto.spec.caller: the person on the telephone, in a spec. What it says, presses and does goes through the exchange
-- and the whole real wire; what it hears are the words that really arrived.

local json = require "callisto.json"
local methods = require "callisto.spec.methods"
local timeline = require "callisto.spec.timeline"

local caller = {}

local PATIENCE_S = 60     -- for words
local CONNECTING_S = 120
local ENDING_S = 180
local QUIET_S = 0.45      -- so long without a word is silence
local OUR_NUMBER, THEIR_NUMBER = "+14150000002", "+14150000001"

---@class callisto.spec.Caller
---@field world callisto.spec.World
---@field words {at: number, to: number, word: string}[]  heard so far
---@field call string|nil  our id of the call
---@field carrier_call string|nil  the carrier's
---@field line string|nil  the exchange's
local Caller = {}
Caller.__index = Caller

---@param world callisto.spec.World
---@param options callisto.spec.Options
---@return callisto.spec.Caller
function caller.new(world, options)
  return setmetatable({
    world = world, options = options, number = options.number or THEIR_NUMBER, words = {}, place_in_words = 0,
  }, Caller)
end

local function fail(self, text, level)
  if require("callisto.spec.exchange").reports_itself then text = text .. "\n" .. self.world:story() end
  error(text, (level or 1) + 1)
end

-- Placing ----------------------------------------------------------------------------------------------------------

local function agent_of(options)
  if options.source and not options.template then return "under_test" end
  if not options.template then error("a call needs `template`, or `source`", 0) end
  return (options.template:gsub("^templates%.", ""))
end

local function first(path) return type(path) == "table" and path[1] or path end

local function place_inbound(self)
  local routes = self.world.adapter.routes
  local placed, status = self.world:ask_exchange("POST", "/exchange/calls", {
    from = self.number, to = OUR_NUMBER, carrier = self.world.adapter.name,
    voice_url = self.world:url((first(routes.inbound):gsub("{agent}", agent_of(self.options)))),
    status_callback = self.world:url(first(routes.status)),
  })
  if status ~= 201 then fail(self, ("the exchange did not place the call: %s %s"):format(status, json.encode(placed)), 4) end
  self.carrier_call, self.line = placed.id, placed.line
end

local function place_outbound(self)
  local payload = self.options.payload
  local placed, status = self.world:ask_app("POST", "/api/calls/outbound", {
    agent_name = agent_of(self.options), to = self.number, provider = self.world.adapter.name,
    payload = payload and next(payload) and payload or nil,
  })
  if status ~= 201 then
    self.refusal = type(placed) == "table" and placed or { status = status }
    if self.options.may_be_refused then return end
    fail(self, ("the call was refused: %s %s"):format(status, placed and placed.detail or ""), 4)
  end
  self.call, self.carrier_call = placed.id, placed.carrier_call_id
end

---Puts the subscriber on the telephone and asks for the call.
function Caller:place()
  self.world:puppet(self.number, self.options.subscriber)
  if self.options.inbound then place_inbound(self) else place_outbound(self) end
  return self
end

-- The exchange's report of the call, or nil while nothing is known of it.
local function report_of(self)
  local id = self.line or self.carrier_call
  local report, status
  if id then report, status = self.world:ask_exchange("GET", "/exchange/calls/" .. id) end
  if status ~= 200 then
    -- Some carriers name a call only when it rings, or anew when it is answered.
    if self.call then self.carrier_call = (self.world:ask_app("GET", "/api/calls/" .. self.call) or {}).carrier_call_id end
    return nil
  end
  self.line = report.line
  return report
end

-- Our own record of the call.
local function record_of(self)
  if not self.call then
    for _, each in ipairs((self.world:ask_app("GET", "/api/calls") or {}).calls or {}) do
      if each.carrier_call_id == self.carrier_call then self.call = each.id end
    end
  end
  return self.call and (self.world:ask_app("GET", "/api/calls/" .. self.call)) or nil
end

---Waits until the call is answered and its media socket is there.
function Caller:connects()
  if self.is_connected then return self end
  local report
  self.world:until_true(CONNECTING_S, function()
    report = report_of(self)
    return report and (report.streaming or report.ended)
  end, 0.1)
  if not report or not report.streaming then
    fail(self, "the call was not connected" .. (report and ": it is " .. report.status or ""), 2)
  end
  self.is_connected = true
  self.world:note("carrier", "connected", self)
  return self
end

-- Hearing ----------------------------------------------------------------------------------------------------------

local function said_since(self)
  local parts = {}
  for i = self.place_in_words + 1, #self.words do parts[#parts + 1] = self.words[i].word end
  return table.concat(parts, " ")
end

-- Moves behind the words, when they were said.
local function find(self, wanted)
  local text, ends = "", {}
  for i = self.place_in_words + 1, #self.words do
    text = text .. (text == "" and "" or " ") .. self.words[i].word:lower()
    ends[#ends + 1] = { index = i, at = #text }
  end
  local _, last = text:find(wanted, 1, true)
  if not last then return false end
  for _, each in ipairs(ends) do
    if each.at >= last then
      self.place_in_words = each.index
      return true
    end
  end
end

---Waits until these words were heard, after what was heard before; at most a minute.
---@param words string  upper and lower case are the same
---@param seconds number|nil
function Caller:hears(words, seconds)
  local wanted = words:lower():gsub("%s+", " ")
  if self.world:until_true(seconds or PATIENCE_S, function() return find(self, wanted) end) then return self end
  local heard = said_since(self)
  fail(self, ("the caller waited for '%s' and heard: %s"):format(words, heard == "" and "nothing" or heard), 2)
end

---Nothing new is said for so long.
---@param seconds number
function Caller:hears_nothing(seconds)
  local before = #self.words
  self.world:advance(seconds)
  if #self.words > before then fail(self, "the caller heard: " .. said_since(self), 2) end
  return self
end

local function is_quiet(self)
  local last = self.words[#self.words]
  return not self.world.lab:is_loud(self.line) and (not last or self.world.lab:now() - last.to >= QUIET_S)
end

---Lets the other side finish speaking.
function Caller:listens()
  self.world:until_true(PATIENCE_S * 10, function() return is_quiet(self) end, 0.1)
  return self
end

-- Doing ------------------------------------------------------------------------------------------------------------

local function does(self, verb, ...)
  local result, status = self.world:ask_exchange("POST", "/exchange/calls/" .. (self.line or "none") .. "/does",
    { verb = verb, with = json.array { ... } }, 3600)
  return status == 200, type(result) == "table" and (result.title or result.result) or status
end

-- To be hung up on in the middle of a word is not a mistake.
local function must(self, verb, ...)
  local ok, why = does(self, verb, ...)
  if not ok and why ~= "the call is over" then
    fail(self, ("the caller cannot do this (%s): %s"):format(verb, tostring(why)), 3)
  end
  return self
end

---Speaks, and has spoken when this returns. What the agent says meanwhile is heard.
---@param words string
function Caller:says(words)
  self.world:note("caller", words, self)
  return must(self, "says", words)
end

---Talks over the agent, so long after it began to speak.
---@param words string
---@param after number|nil  seconds [1]
function Caller:interrupts(words, after)
  self.world:note("caller", "(interrupts) " .. words, self)
  return must(self, "interrupts", words, after or 1)
end

---Makes a noise that is not a word.
function Caller:coughs()
  self.world:note("caller", "(coughs)", self)
  return must(self, "coughs")
end

---Presses keys, one after the other; `w` waits half a second.
---@param keys string
---@param pause number|nil  seconds after the last
function Caller:presses(keys, pause)
  self.world:note("caller", "(presses " .. keys .. ")", self)
  must(self, "presses", keys)
  if pause then self.world:advance(pause) end
  return self
end

---Says nothing.
---@param length number|string  seconds, or "8s"
function Caller:silence(length)
  local seconds = type(length) == "number" and length or tonumber((length:gsub("s$", "")))
  if not seconds then error(("silence: '%s' must be seconds, or such as \"8s\""):format(tostring(length)), 2) end
  self.world:advance(seconds)
  return self
end

---Plays a sound file of the workspace.
---@param path string
function Caller:plays(path)
  self.world:note("caller", "(plays " .. path .. ")", self)
  return must(self, "plays", path)
end

---Hangs up; harmless when the call is over.
function Caller:hangs_up()
  if self.has_hung_up or self.ending then return self end
  self.has_hung_up = true
  if not self.line then report_of(self) end
  if not self.line then return self end
  self.world:note("caller", "(hangs up)", self)
  does(self, "hangs_up")
  return self
end

---Tells the call's script something, as the service does (call:on "message").
---@param message any
function Caller:tell(message)
  record_of(self)
  local ok, why = self.world.app:tell(self.call, message)
  if not ok then fail(self, "the call cannot be told: " .. why, 2) end
  return self
end

-- Afterwards -------------------------------------------------------------------------------------------------------

---@class callisto.spec.Ending
---@field outcome string|nil
---@field result string|nil  the same, told apart
---@field why string|nil  in a sentence
---@field state string  "completed" or "failed"
---@field reason string|nil  why the session ended
---@field facts callisto.Facts  such as callisto.outcome and callisto.retry take
---@field call table  the whole record, as the API has it

-- The API has the facts in one table, field by field.
local function facts_of(flat)
  return {
    platform = flat.platform_status and { status = flat.platform_status, reason = flat.platform_reason },
    provider = flat.provider_status
      and { status = flat.provider_status, reason = flat.provider_reason, cause = flat.provider_hangup_cause },
    session_end = flat.session_end_reason,
    agent = flat.agent_outcome and { word = flat.agent_outcome, source = flat.agent_outcome_source },
  }
end

---Waits until the call is over and written, at most three minutes.
---@return callisto.spec.Ending
function Caller:ended()
  if self.ending then return self.ending end
  local record = self.world:until_true(ENDING_S, function()
    local found = record_of(self)
    return found and found.state ~= "in_progress" and found
  end, 0.25)
  if not record then fail(self, "the call does not end; the caller heard: " .. said_since(self), 2) end
  self.ending = {
    outcome = record.outcome, result = record.result, why = record.why, state = record.state,
    reason = record.facts.session_end_reason, facts = facts_of(record.facts), call = record,
  }
  return self.ending
end

---What is written of the call now, as GET /api/calls/{id} has it.
---@return table
function Caller:record() return record_of(self) or fail(self, "nothing is written of the call", 2) end

---Data of the events of one kind that the call's script or the engine has written, oldest first.
---@param kind string
---@return table[]
function Caller:facts(kind)
  local list = {}
  for _, each in ipairs(self:record().events) do
    if each.kind == kind then list[#list + 1] = each.data end
  end
  return list
end

---The last of them.
---@param kind string
---@return table|nil
function Caller:fact(kind)
  local list = self:facts(kind)
  return list[#list]
end

---The transcript as it was written: "agent: …", "caller: …"; what was cut off ends with "--".
---@return string[]
function Caller:lines()
  local lines = {}
  for i, line in ipairs(self:record().transcript) do
    lines[i] = line.who .. ": " .. (line.interrupted and (line.heard or "") .. " --" or line.text)
  end
  return lines
end

---What the caller heard and did, with times.
---@return string[]
function Caller:transcript() return timeline.of_caller(self) end

---Requests that were made, see World:requests.
---@param origin string|nil
---@return table[]
function Caller:requests(origin) return self.world:requests(origin) end

methods.guard(Caller, "caller")
methods.refuse_unknown(Caller, "caller", {
  call = true, carrier_call = true, line = true, ending = true, is_connected = true, has_hung_up = true, refusal = true,
})

return caller
