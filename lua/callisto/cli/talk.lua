-- callisto call TEMPLATE --text: talks to an agent by typing, without a server, a carrier or sound.
--
-- The engine is the real one, in a simulated world (callisto.spec): what is typed is said on the line, what the agent says
-- comes back as words. Time moves only while somebody speaks or a command says so.

local arguments = require "callisto.cli.arguments"
local ear = require "callisto.exchange.vendors.ear"
local exchange = require "callisto.spec.exchange"
local files = require "callisto.cli.files"
local lab = require "callisto.lab"
local model = require "callisto.exchange.vendors.model"
local shown = require "callisto.cli.shown"
local cli_settings = require "callisto.cli.settings"
local timeline = require "callisto.spec.timeline"
local utf8 = require "callisto.util.utf8"
local voice = require "callisto.exchange.vendors.voice"

local talk = {}

local ANSWER_S = 4       -- an agent that has not begun to speak by then waits for us
local TURN_S = 600       -- no turn of an agent is longer
local BETWEEN_S = 0.8    -- so long after a word the agent has finished

local COMMANDS = "/press KEYS, /silence SECONDS, /cough, /hangup, /help"

local function print_agent(self)
  local fresh = {}
  for i = self.printed + 1, #self.caller.words do fresh[#fresh + 1] = self.caller.words[i] end
  self.printed = #self.caller.words
  for _, each in ipairs(timeline.sentences(fresh)) do print("agent   " .. each.text) end
end

local function is_over(self)
  local report = self.world:ask_exchange("GET", "/exchange/calls/" .. self.caller.line)
  return not report or report.ended ~= nil or report.streaming == false
end

-- Until the agent has said what it has to say, or says nothing.
local function hear(self, seconds)
  local caller, world = self.caller, self.world
  local before, ends = #caller.words, world.lab:now() + (seconds or ANSWER_S)
  world:until_true(TURN_S, function()
    if self.is_over then return true end
    local last, now = caller.words[#caller.words], world.lab:now()
    local has_spoken = #caller.words > before
    local is_quiet = not world.lab:is_loud(caller.line) and (not last or now - last.to >= BETWEEN_S)
    self.is_over = is_quiet and is_over(self)
    return self.is_over or is_quiet and (seconds and now >= ends or not seconds and (has_spoken or now >= ends))
  end, 0.2)
  print_agent(self)
end

local commands = {}

function commands.press(self, keys)
  if not keys:find "^[%d*#A-Dw]+$" then return print "        /press wants keys of 0-9 * # A-D, and w to wait" end
  self.caller:presses(keys)
  hear(self)
end

function commands.silence(self, seconds)
  local length = tonumber(seconds)
  if not length or length < 0 or length > 3600 then return print "        /silence wants seconds, such as /silence 5" end
  hear(self, length)
end

function commands.cough(self)
  self.caller:coughs()
  hear(self)
end

function commands.hangup(self)
  self.caller:hangs_up()
  self.is_over = true
end

function commands.help() print("        " .. COMMANDS .. "; anything else is said") end

local function obey(self, line)
  local name, rest = line:match "^/(%a+)%s*(.-)%s*$"
  if not name then
    self.caller:says(line)
    return hear(self)
  end
  if not commands[name] then return print(("        there is no /%s: %s"):format(name, COMMANDS)) end
  commands[name](self, rest)
end

-- Settings and secrets of the workspace are the agent's; its carriers' accounts are the exchange's.
local function file_of(workspace)
  local file = cli_settings.read_file(workspace .. "/callisto.lua")
  return { settings = file.settings, secrets = file.secrets }
end

local function finish(self)
  local ending = self.caller:ended()
  print_agent(self)
  print(shown.ending(ending.call))
  return ending.state == "completed" and 0 or 1
end

local function refuse(world, why)
  arguments.refuse("call", why)
  world:close()
end

-- The call, connected; nil when it is refused, which is said.
local function ring(world, asked)
  local unknown = shown.unknown_agent(asked.template, (world:ask_app("GET", "/api/agents") or { agents = {} }).agents)
  if unknown then return refuse(world, unknown) end
  local caller = world:ring {
    template = asked.template, payload = asked.payload, inbound = not next(asked.payload) and not asked.outbound or nil,
    may_be_refused = true,
  }
  if caller.refusal then
    return refuse(world, shown.with_remedy(caller.refusal.detail or "the call was refused", asked.payload))
  end
  if pcall(caller.connects, caller) then return caller end
  local ended = caller.call and caller:ended().call
  refuse(world, ended and shown.ending(ended) or "the agent did not take the call")
end

-- The world of a call; nil when the workspace cannot be served, which is said.
local function open(options)
  local fine, world = pcall(exchange.open, options)
  if fine then return world end
  arguments.refuse("call", tostring(world):match "^[^\n]*" .. "; callisto check says more")
end

-- Whoever the agent's model, voice and ear are, their doubles stand for them: exchange/model.lua says what the model answers.
local function vendors()
  local script = files.read "exchange/model.lua" and require "exchange.model" or {}
  return { llm = model.new(script), stt = ear.new {}, tts = voice.new {} }
end

---@param asked {template: string, payload: table, inbound: boolean|nil, at: number|nil}
---@return integer exit_code
function talk.by_text(asked)
  exchange.reports_itself = asked.is_verbose or false
  local fine, doubles = pcall(vendors)
  if not fine then return arguments.refuse("call", (tostring(doubles):gsub("^.-model: ", "exchange/model.lua: "))) end
  local world = open { file = file_of ".", at = asked.at or os.time(), seed = os.time(), hosts = doubles }
  if not world then return 1 end
  local self = { world = world, printed = 0 }
  self.caller = ring(world, asked)
  if not self.caller then return 1 end
  hear(self)
  while not self.is_over do
    local line = io.read "*l"
    if not line then commands.hangup(self) break end
    if line:find "%S" then
      if not asked.is_terminal then print((line:sub(1, 1) == "/" and "        " or "caller  ") .. line) end
      obey(self, (utf8.valid(line)))
    end
  end
  local code = finish(self)
  world:close()
  return code
end

-- By sound --------------------------------------------------------------------------------------------------------

local AFTERWARDS_S = 20 -- the agent may still answer when the sound has ended

-- Why a sound file cannot be played, or nil.
local function sound_problem(path)
  local bytes = files.read(path)
  if not bytes then return "cannot read the sound file " .. path end
  local seconds, why = lab.sound(bytes)
  if not seconds then return ("the sound file %s: %s"):format(path, why:gsub("^%u+: ", "")) end
  if seconds == 0 then return ("the sound file %s has no sound in it"):format(path) end
end

---The caller is a sound file, the voice and the recogniser are the built-in ones; prints the transcript.
---@param asked {template: string, payload: table, audio: string}
---@return integer exit_code
function talk.by_audio(asked)
  local why = sound_problem(asked.audio)
  if why then return arguments.refuse("call", why, 2) end
  exchange.reports_itself = false
  local folder, name = asked.audio:match "^(.*)/([^/]+)$"
  local world = open {
    file = file_of ".", at = os.time(), seed = os.time(), real_voice = true, sounds = folder or ".",
  }
  local caller = world and ring(world, asked)
  if not caller then return 1 end
  caller:plays(name or asked.audio)
  local function is_done() return is_over { world = world, caller = caller } end
  world:until_true(AFTERWARDS_S, is_done, 0.5)
  caller:hangs_up()
  local ending = caller:ended()
  for _, line in ipairs(caller:lines()) do print((line:gsub("^(%a+): ", function(who) return ("%-7s "):format(who) end))) end
  print(shown.ending(ending.call))
  local code = ending.state == "completed" and 0 or 1
  world:close()
  return code
end

return talk
