-- A caller on the phone of a simulated call VM, who hears sentences as they would be played, speaks,
-- presses keys, hangs up.
--
-- A sentence takes 60 ms a character. Speech of the caller stops an interruptible sentence, a key one with digits_stop.
-- A spec reads as a transcript: phone:hears "…"; phone:says "yes"; phone:silence "7s"; phone:presses "1".

local fake = require "spec.support.fake_core"

local phone = {}

local Phone = {}
Phone.__index = Phone

local MS_A_CHARACTER = 60

local start_next

local function finish(self, utterance, is_interrupted)
  local heard_ms = utterance.started_at and math.floor((self.world.now - utterance.started_at) * 1000 + 0.5) or 0
  local heard = utterance.text
  if is_interrupted then heard = heard:sub(1, math.floor(heard_ms / MS_A_CHARACTER)):match("^(.*)%s") or "" end
  for i, each in ipairs(self.queue) do
    if each == utterance then table.remove(self.queue, i) end
  end
  if utterance.entry then utterance.entry.dropped = true end
  if self.playing == utterance then self.playing = nil end
  self.vm:event("utterance", 1, utterance.number, "ended",
    { heard_ms = heard_ms, heard = heard, interrupted = is_interrupted, error = utterance.error })
  start_next(self)
end

function start_next(self)
  if self.playing or not self.is_connected then return end
  local utterance = self.queue[1]
  if not utterance then return end
  self.playing = utterance
  utterance.started_at = self.world.now
  self.heard[#self.heard + 1] = utterance.text
  local length = utterance.seconds or #utterance.text * MS_A_CHARACTER / 1000
  utterance.entry = self.world:at(length, function() finish(self, utterance, false) end)
  self.vm:event_after(0, "utterance", utterance.number, "started")
end

local function add(self, number, utterance)
  assert(number == self.last_number + 1, "utterances are numbered one after the other")
  self.last_number = number
  utterance.number = number
  self.queue[#self.queue + 1] = utterance
  start_next(self)
end

local function call_core(self)
  local vm = self.vm
  local core = vm.core
  function core.say(_, number, text, options)
    options = options or {}
    self.voices[text] = options.voice
    add(self, number, { text = text, interruptible = options.interruptible, digits_stop = options.digits_stop })
  end
  function core.play(_, number, path, options)
    add(self, number, { text = "[" .. path .. "]", seconds = 2, interruptible = (options or {}).interruptible })
  end
  function core.background(_, path, options)
    self.background = path and { path = path, volume = (options or {}).volume or 1 }
    return true
  end
  function core.tone(_, number, name, seconds) add(self, number, { text = "[" .. name .. "]", seconds = seconds }) end
  function core.stop(_, number)
    self.world:at(0, function()
      for i = #self.queue, 1, -1 do
        local each = self.queue[i]
        if each and (not number or each.number == number) then finish(self, each, true) end
      end
    end)
  end
  function core.listen(_, options)
    for _, phrases in pairs(options.choices or {}) do
      for _, phrase in ipairs(phrases) do
        if phrase:find("xyzzy", 1, true) then return nil, "EINVAL: the word 'xyzzy' cannot be pronounced", "EINVAL" end
      end
    end
    self.listening = options
    return true
  end
  function core.send_digits(_, keys) self.keys_sent = (self.keys_sent or "") .. keys end
  function core.recording(_, on) self.is_recorded = on end
  function core.party_close(_, drain) self.is_closed = drain and "drain" or "now" end
  function core.fact(kind, data) table.insert(vm.facts, { kind = kind, data = self.json.decode(data) }) end
  function core.line(who, text, heard, interrupted)
    table.insert(vm.lines, { who = who, text = text, heard = heard, interrupted = interrupted })
  end
  function core.tell(call_id, message)
    assert(call_id == nil, "a call tells only its service")
    table.insert(vm.told, message)
    return true
  end
end

---@class callisto.PhoneOptions
---@field template string|nil  the template's module
---@field source string|nil  or its text
---@field sources table<string, string>|nil  texts of other modules
---@field payload table|nil
---@field settings table|nil
---@field secrets table|nil
---@field connected boolean|nil  false: the line is not open yet
---@field plain_ear boolean|nil  the recogniser does not know what may be said
---@field at number|nil  the time, in seconds since 1970
---@field before fun(vm: table)|nil  told of the VM before it begins
---@field on_fetch fun(request: table): table|nil  answers requests: { status, body, headers, after } or { text, code }
---@field on_broken fun(message: string)|nil  told of the script's error, which is raised otherwise

---A call of a template.
---@param options callisto.PhoneOptions
---@return table phone
function phone.call(options)
  local world = fake.world()
  local sources = { ["templates.under_test"] = options.source }
  for name, text in pairs(options.sources or {}) do sources[name] = text end
  world.wall = options.at or world.wall
  local vm = world:vm("call", { sources = sources })
  local self = setmetatable({
    world = world, vm = vm, voices = {}, queue = {}, heard = {}, last_number = 0, place = 0, is_recorded = true,
    has_plain_ear = options.plain_ear, json = world.modules["callisto.json"],
  }, Phone)
  call_core(self)
  if options.on_broken ~= nil then vm.on_broken = options.on_broken end
  vm.on_fetch = options.on_fetch
  if options.before then options.before(vm) end
  vm.require "callisto.flow"
  vm:event("begin", {
    call = "ctest", template = options.template or "templates.under_test", payload = options.payload or {},
    from = "+14150000001", to = "+14150000002", direction = "INBOUND", carrier = "twilio", settings = options.settings or {},
    secrets = options.secrets or {},
  })
  world:settle()
  if options.connected ~= false then self:connects() end
  return self
end

---The media socket has come.
function Phone:connects()
  self.is_connected = true
  self.vm:event("leg", 1, "started", { stream = "MZ1", call = "CA1" })
  start_next(self)
  self.world:settle()
end

---Waits until a sentence with these words begins, at most a minute.
---@param words string
function Phone:hears(words)
  for _ = 1, 600 do
    for i = self.place + 1, #self.heard do
      if self.heard[i]:lower():find(words:lower(), 1, true) then
        self.place = i
        return self
      end
    end
    self.world:advance(0.1)
  end
  error(("the caller waited for '%s' and heard: %s"):format(words, table.concat(self.heard, " | ")), 2)
end

---Nothing new is said for this long.
---@param seconds number
function Phone:hears_nothing(seconds)
  local before = #self.heard
  self.world:advance(seconds)
  if #self.heard > before then error("the caller heard: " .. self.heard[#self.heard], 2) end
  return self
end

---Lets the present sentence end.
function Phone:listens()
  while self.playing do self.world:advance(0.1) end
  return self
end

---Says nothing.
---@param length number|string  seconds, or "8s"
function Phone:silence(length)
  self.world:advance(type(length) == "number" and length or tonumber((length:gsub("s$", ""))))
  return self
end

-- As a recogniser does that knows what may be said; one that knows nothing beforehand brings the text alone.
local function recognise(self, words)
  local listening = self.listening or {}
  for choice, phrases in pairs(not self.has_plain_ear and listening.choices or {}) do
    for _, phrase in ipairs(phrases) do
      if phrase == words:lower() then return { text = words, choice = choice } end
    end
  end
  if listening.free_text or listening.digits or listening.numbers or self.has_plain_ear then return { text = words } end
  return { text = words, rejected = true }
end

---Speaks; the engine hears it, understands it, and goes on.
---@param words string
---@param seconds number|nil
function Phone:says(words, seconds)
  if self.playing and self.playing.interruptible then finish(self, self.playing, true) end
  self.vm:event("speech", 1, "started", 0)
  self.world:advance(seconds or 0.6)
  self.vm:event("speech", 1, "stopped", 600)
  self.world:advance(0.2)
  local heard = recognise(self, words)
  heard.ms = 600
  self.vm:event("heard", 1, heard)
  self.world:settle()
  return self
end

---Noise: speech that turns out to be nothing.
function Phone:coughs()
  self.vm:event("speech", 1, "started", 0)
  self.world:advance(0.3)
  self.vm:event("speech", 1, "stopped", 300)
  self.world:advance(0.2)
  self.vm:event("heard", 1, { text = "" })
  self.world:settle()
  return self
end

---Presses keys, one after the other.
---@param keys string
---@param pause number|nil  seconds after each
function Phone:presses(keys, pause)
  for key in keys:gmatch(".") do
    if self.playing and self.playing.digits_stop then finish(self, self.playing, true) end
    self.vm:event("digit", 1, key, false)
    self.world:advance(pause or 0.3)
  end
  return self
end

---Hangs up; the media socket says so.
function Phone:hangs_up()
  self.is_connected = false
  if self.playing then self.playing.entry.dropped = true end
  self.vm:event("leg", 1, "ended", { reason = "stop" })
  self.world:settle()
  return self
end

---Waits until the call is over, at most two minutes.
---@return {reason: string, outcome: string|nil}
function Phone:ended()
  for _ = 1, 1200 do
    local ending = self:ending()
    if ending then return ending end
    self.world:advance(0.1)
  end
  error("the call does not end; the caller heard: " .. table.concat(self.heard, " | "), 2)
end

---What the service was told at the end, or nil.
function Phone:ending()
  for _, each in ipairs(self.vm.told) do
    if each.what == "ended" then return each end
  end
end

---The transcript, one line a string.
function Phone:transcript()
  local lines = {}
  for i, line in ipairs(self.vm.lines) do
    local text = line.interrupted and (line.heard or "") .. " --" or line.text
    lines[i] = line.who .. ": " .. text
  end
  return lines
end

return phone
