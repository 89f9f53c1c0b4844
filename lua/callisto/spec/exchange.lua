-- callisto.spec.exchange: the world of a spec: the application and the telephone exchange, whole, in a lab.
--
--   world ── lab (callisto.lab): clock, loop, network in memory
--     ├── https://app.test        callisto.service with the workspace's templates, carriers, routes
--     ├── https://exchange.test   callisto.exchange.service; subscribers are puppets that callers move
--     └── doubles of other hosts, as the spec gives them

local accounts = require "callisto.exchange.accounts"
local caller = require "callisto.spec.caller"
local cli_settings = require "callisto.cli.settings"
local hosts = require "callisto.spec.hosts"
local json = require "callisto.json"
local lab = require "callisto.lab"
local options_of = require "callisto.options"
local timeline = require "callisto.spec.timeline"

local exchange = { reports_itself = true }

local API_KEY = "of-the-spec"
local APP, EXCHANGE = "https://app.test", "https://exchange.test"
local TUESDAY_MORNING = 1772532900 -- 2026-03-03 10:15:00 UTC
local OUR_NUMBER = "+14150000002"
local CLOSING_S, SETTLING_S = 300, 60

---@class callisto.spec.Options
---@field template string|nil  the agent's name, or its file's
---@field source string|nil  or its text
---@field sources table<string, string>|nil  texts of modules, before those of the workspace
---@field payload table|nil
---@field may_be_refused boolean|nil  `ring` of a call that is refused is not a failure: caller.refusal says why
---@field inbound boolean|nil  the subscriber calls us
---@field carrier string|nil  "twilio"
---@field number string|nil  the subscriber's
---@field subscriber table|nil  what the subscriber does: { answers_after, busy, no_answer, unreachable, faults … }
---@field settings table|nil  call.settings
---@field secrets table<string, string>|nil
---@field hosts table<string, (fun(request: table): table|nil)|{request: function|nil, socket: function|nil}>|nil
---  origin, or "llm" → double
---@field shared table<string, string>|nil  what callisto.shared holds at first
---@field env table<string, string>|nil  more variables of the environment
---@field file table|nil  more of callisto.lua
---@field workspace string|nil
---@field at number|nil  the time at first, in seconds since 1970
---@field seed integer|nil
---@field real_voice boolean|nil  the built-in voice and recogniser; `hears` knows nothing then, the transcript does
---@field sounds string|nil  folder of the sound files callers play [the workspace]
---@field budget number|nil  seconds of CPU time for an entry of a call's script [5]
---@field memory integer|nil  bytes of a call's VM [16 MiB]
---@field trace string|nil  file for a trace of the application's calls, see callisto.spec.replay

local ANY = { "any" }
local fields = {
  template = { "string" }, source = { "string" }, sources = { "map" }, payload = { "map" }, may_be_refused = { "boolean" },
  inbound = { "boolean" }, carrier = { "string" }, number = { "string" }, subscriber = { "map" }, settings = { "map" },
  secrets = { "map" }, hosts = { "map" }, shared = { "map" }, env = { "map" }, file = { "map" }, workspace = { "string" },
  at = { "number" }, seed = { "integer" }, real_voice = { "boolean" }, sounds = { "string" }, budget = { "number" },
  memory = { "integer" }, trace = { "string" }, call = { "string" },
}
local fault_fields = {
  latency = { "number" }, refuse = { "string|boolean" }, silent = { "boolean" }, cut = { "boolean" },
  piece = { "integer" }, piece_every = { "number" }, cut_after = { "integer" },
}
local fetch_fields = {
  method = { "string" }, url = { "string", required = true }, headers = { "map" }, body = { "string" }, json = ANY,
  timeout = { "number" },
}

---@class callisto.spec.World
---@field lab table
---@field app table  the application's engine
---@field network table  the exchange's engine
---@field api_key string  of the application
local World = {}
World.__index = World

local opened = {}

---Worlds that have not been closed.
---@return callisto.spec.World[]
function exchange.opened()
  local list = {}
  for _, each in ipairs(opened) do list[#list + 1] = each end
  return list
end

-- Making one -------------------------------------------------------------------------------------------------------

-- A carrier's account: made up, or invented from what its adapter requires; its interface is the exchange's.
local function account_of(adapter)
  local env, variables = accounts.of(adapter.name), adapter.account
  for _, field in ipairs(adapter.required) do env[variables[field]] = env[variables[field]] or "spec-" .. field end
  if variables.number then env[variables.number] = OUR_NUMBER end
  if variables.api then env[variables.api] = EXCHANGE end
  return env
end

local function settings_of(options, adapter, verb)
  local env, kinds = account_of(adapter), hosts.kinds(options.hosts or {})
  if #kinds > 0 then
    for name, value in pairs(cli_settings.made_up(options.workspace or ".", kinds)) do env[name] = value end
  end
  env.PUBLIC_BASE_URL, env.TELEPHONY_PROVIDER, env.CALLISTO_API_KEYS = APP, adapter.name, API_KEY
  for name, value in pairs(options.env or {}) do env[name] = value end
  local file = { settings = options.settings, secrets = options.secrets, exchange = { cps = 1000 } }
  for name, value in pairs(options.file or {}) do file[name] = value end
  return json.encode { verb = verb, workspace = options.workspace or ".", env = env, file = file, cli = {} }
end

local function sources_of(options)
  local sources = {}
  for name, text in pairs(options.sources or {}) do sources[name] = text end
  if options.source then sources["templates.under_test"] = options.source end
  return sources
end

-- The same for every world of a file; to ask takes longer than a call.
local headers = {}

local function headers_of(workspace)
  if not headers[workspace] then headers[workspace] = select(2, cli_settings.headers(workspace)) end
  return headers[workspace]
end

local function engine_of(self, host, service, warm, verb)
  local options = self.options
  local engine, why = self.lab:engine {
    host = host, service = service, warm = warm, headers = headers_of(options.workspace or "."),
    workspace = verb == "exchange" and options.sounds or options.workspace,
    settings = settings_of(options, self.adapter, verb), sources = sources_of(options),
    trace = verb == "serve" and options.trace or nil, real_voice = options.real_voice,
    budget = options.budget, memory = options.memory,
  }
  if not engine then
    local story = self:story()
    self:close()
    error(("%s\n%s"):format(why, story), 0)
  end
  return engine
end

---@param options callisto.spec.Options
---@return callisto.spec.World
function exchange.open(options)
  options_of.read("exchange.open", options, fields, 2)
  local adapter = require("providers.carriers." .. (options.carrier or "twilio"))
  local self = setmetatable({
    options = options, adapter = adapter, callers = {}, notes = {}, words_taken = 0, api_key = API_KEY,
    lab = lab.new { seed = options.seed or 1, wall = options.at or TUESDAY_MORNING },
  }, World)
  opened[#opened + 1] = self
  hosts.stand(self.lab, options.hosts or {})
  self.network = engine_of(self, "exchange.test", "callisto.exchange.service", "callisto.exchange.subscriber", "exchange")
  self.app = engine_of(self, "app.test", "callisto.service", "callisto.flow", "serve")
  for key, value in pairs(options.shared or {}) do assert(self.app:share(key, tostring(value))) end
  self.idle = self.lab:left()
  return self
end

---A URL of the application, as the carrier must be given it.
---@param path string
---@return string
function World:url(path)
  local url, account = APP .. path, {}
  if not self.adapter.webhook.url then return url end
  local env = account_of(self.adapter)
  for field, variable in pairs(self.adapter.account) do account[field] = env[variable] end
  return self.adapter.webhook.url(url, account)
end

-- Time and requests --------------------------------------------------------------------------------------------------

---Lets time pass.
---@param seconds number
function World:advance(seconds)
  self.lab:advance(seconds)
  self:take_words()
end

---Lets time pass until `holds` gives something, and gives that; at most so long.
---@param seconds number
---@param holds fun(): any
---@param pause number|nil  ask at least so often [until something happens]
function World:until_true(seconds, holds, pause)
  local ends = self.lab:now() + seconds
  while true do
    self:take_words()
    local value = holds()
    if value then return value end
    local left = ends - self.lab:now()
    if left <= 0 then return nil end
    self.lab:step(math.min(left, pause or left))
  end
end

---Words go to whom they were said to.
function World:take_words()
  local words = self.lab:words(self.words_taken)
  self.words_taken = self.words_taken + #words
  for _, word in ipairs(words) do
    for _, each in ipairs(self.callers) do
      if each.line == word.line then each.words[#each.words + 1] = word end
    end
  end
end

---A request of the spec itself; time passes until it is answered. The application's API gets its key.
---@param request {method: string|nil, url: string, headers: table|nil, body: string|nil, json: any, timeout: number|nil}
---@return {status: integer, headers: table<string, string>, body: string}|nil response, string? message, string? code
function World:fetch(request)
  options_of.read("fetch", request, fetch_fields, 2)
  local result
  request.headers = request.headers or {}
  if request.json ~= nil then
    request.body, request.headers["content-type"] = json.encode(request.json), "application/json"
  end
  if request.url:sub(1, #APP + 5) == APP .. "/api/" then
    request.headers.authorization = request.headers.authorization or "Bearer " .. API_KEY
  end
  if request.url:sub(1, #EXCHANGE + 10) == EXCHANGE .. "/exchange/" then
    request.headers.host = request.headers.host or "localhost"
  end
  request.timeout = request.timeout or 60
  self.lab:fetch(request, function(...) result = { ... } end)
  self:until_true(request.timeout + 1, function() return result end)
  return unpack(result, 1, 3)
end

---@param method string
---@param path string
---@param body any
---@return table|nil value, integer|string status_or_why
function World:ask_app(method, path, body)
  local response, why = self:fetch { method = method, url = APP .. path, json = body }
  if not response then return nil, why end
  return (json.decode(response.body)), response.status
end

---@param method string
---@param path string
---@param body any
---@return table|nil value, integer|string status_or_why
function World:ask_exchange(method, path, body, timeout)
  local response, why = self:fetch { method = method, url = EXCHANGE .. path, json = body, timeout = timeout }
  if not response then return nil, why end
  return (json.decode(response.body)), response.status
end

---Every request to a host that was answered or failed, oldest first: { at, method, url, path, headers, body, status, error }.
---@param origin string|nil  "https://api.shop.example"; nil: all, the spec's own included
---@return table[]
function World:requests(origin)
  local list, authority = {}, origin and hosts.authority(origin)
  for _, request in ipairs(self.lab:requests()) do
    if not authority or request.host == authority then list[#list + 1] = request end
  end
  return list
end

---What is wrong with a host from now on: { latency = 2, refuse = "ECONNREFUSED", silent = true, cut = true }; nil: nothing.
---@param origin string
---@param fault table|nil
function World:fault(origin, fault)
  if fault then options_of.read("fault", fault, fault_fields, 2) end
  self.lab:fault(hosts.authority(origin), fault)
end

---What befalls the carrier's callbacks from now on (callisto.exchange.callbacks).
---@param faults table
function World:set_callback_faults(faults) self:ask_exchange("PUT", "/exchange/faults", faults) end

---Somebody else on the telephone.
---@param number string
---@param about table|nil  as `subscriber` of the options
function World:puppet(number, about)
  self:ask_exchange("PUT", "/exchange/puppets/" .. number, next(about or {}) and about or json.decode "{}")
end

-- Calls ------------------------------------------------------------------------------------------------------------

---Places a call, or, with `inbound`, has the subscriber call. It may ring when this returns.
---@param options callisto.spec.Options  template or source, payload, inbound, number, subscriber
---@return callisto.spec.Caller
function World:ring(options)
  options_of.read("call", options, fields, 2)
  if options.source and options.source ~= self.options.source then
    error("call: 'source' belongs to exchange.open: a world has its code before its calls; name the agent with 'template'", 2)
  end
  local new = caller.new(self, options)
  self.callers[#self.callers + 1] = new
  new:place()
  return new
end

---The same, answered.
---@param options callisto.spec.Options
---@return callisto.spec.Caller
function World:call(options) return self:ring(options):connects() end

-- The end ----------------------------------------------------------------------------------------------------------

---Notes something for the story.
---@param who string
---@param text string
---@param of callisto.spec.Caller|nil
function World:note(who, text, of) self.notes[#self.notes + 1] = { at = self.lab:now(), who = who, text = text, of = of } end

---Everything that happened, in order, with times.
---@return string
function World:story() return timeline.story(self) end

---Whether a failure has not been shown yet.
---@param message any
function World:is_new_failure(message)
  if self.shown == message then return false end
  self.shown = message
  return true
end

-- What an idle world does not have.
local NEVER = { "calls", "vms", "legs", "events", "commands", "speech", "sockets" }

local function leaks_of(self)
  local now, leaks = self.lab:left(), {}
  for _, name in ipairs(NEVER) do
    if now[name] > 0 then leaks[#leaks + 1] = ("%d %s"):format(now[name], name) end
  end
  for _, name in ipairs { "timers", "tasks" } do
    local more = now[name] - self.idle[name]
    if more > 0 then leaks[#leaks + 1] = ("%d more %s than at first"):format(more, name) end
  end
  return leaks
end

local function hang_up_all(self)
  for _, each in ipairs(self.callers) do each:hangs_up() end
  self:until_true(CLOSING_S, function() return self.lab:left().calls == 0 end, 1)
  self:until_true(SETTLING_S, function() return #leaks_of(self) == 0 end, 1)
  local leaks = leaks_of(self)
  return #leaks > 0 and table.concat(leaks, ", ") or nil
end

---Hangs up what is live, and ends the world. Harmless twice.
---@return string|nil problem  what was left over, with the story
function exchange.close(self)
  for i = #opened, 1, -1 do
    if opened[i] == self then table.remove(opened, i) end
  end
  if self.is_closed then return nil end
  self.is_closed = true
  local problem
  if self.idle then
    local ok, leaks = pcall(hang_up_all, self)
    if not ok or leaks then problem = ("left over after the spec: %s\n%s"):format(leaks, self:story()) end
  end
  local handles = self.lab:close()
  if handles > 0 and not problem then problem = ("%d handles were left open"):format(handles) end
  return problem
end
World.close = exchange.close

return exchange
