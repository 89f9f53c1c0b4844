-- callisto.exchange.service: entry of the exchange's service VM: the telephone network in a box.
--
--   carriers' REST       each face answers its own paths
--   GET  /exchange                                   the carriers it plays
--   POST /exchange/calls {from, to, voice_url?, …}   a subscriber calls one of the application's numbers
--   POST /exchange/calls/{id}/keys {keys}            presses keys on the subscriber's telephone
--   PUT  /exchange/puppets/{number} {answers_after, busy, …}   somebody who does what it is told
--   POST /exchange/calls/{id}/does {verb, with}      tells a puppet to do something; answered when it is done
--   GET  /exchange/calls, /exchange/calls/{id}       everything that happened, for reports and tests
--   PUT  /exchange/faults {lose, double, …}          what befalls callbacks from now on (callisto.exchange.callbacks)
--   GET  /exchange/model                             what the language model was asked
--   vendors' interfaces                              their doubles (callisto.exchange.vendors)
--
-- Numbers of the application are settings:
-- exchange = { numbers = { ["+1415…"] = { carrier = "twilio", voice_url = …, … } }, cps = 1 }.
-- Calls live in this VM, so the exchange runs on one script thread. After a reload the VM before keeps its calls to their
-- end; requests about those that were answered are handed on to it.

local core = require "callisto.core"
if core.kind == "call" then error("callisto.exchange.service is not for flows: it serves the whole network", 0) end

local callbacks = require "callisto.exchange.callbacks"
local contract = require "callisto.exchange.face"
local counted = require "callisto.util.counted"
local forwarding = require "callisto.forwarding"
local http = require "callisto.http"
local json = require "callisto.json"
local log = require "callisto.log"
local network = require "callisto.exchange.network"
local settings = require "callisto.settings"
local streaming = require "callisto.exchange.sending"
local task = require "callisto.task"
local vendors = require "callisto.exchange.vendors"

local faces = {} ---@type callisto.exchange.Face[] those that are served
local numbers = {} ---@type table<string, callisto.exchange.Number>

local JSON = { ["content-type"] = "application/json" }

local function report(call, is_long)
  return {
    id = call.id, line = call.line, from = call.from, to = call.to, direction = call.direction, status = call.status,
    duration = call.duration, gone = call.gone, streaming = call.streaming, failure = call.failure, parent = call.parent,
    created = call.created, answered = call.answered, ended = call.ended,
    log = is_long and json.array(call.log) or nil, stream = is_long and call.last_leg or nil,
  }
end

local function problem(status, title)
  return status, { ["content-type"] = "application/problem+json" },
    json.encode { type = "about:blank", status = status, title = title }
end

-- The carrier a subscriber's call comes over: the one that is named, else the default one, else whichever is served.
local function face_of(number)
  local wanted = number.carrier or settings.default_carrier()
  for _, face in ipairs(faces) do
    if face.name == wanted then return face end
  end
  return not number.carrier and faces[1] or nil
end

local function start_call(body)
  local wanted = json.decode(body)
  if type(wanted) ~= "table" or type(wanted.from) ~= "string" or type(wanted.to) ~= "string" then
    return problem(422, 'the body must be {"from": "+…", "to": "+…"}')
  end
  if not network.subscriber(wanted.from) then return problem(404, "no subscriber has the number " .. wanted.from) end
  local number = wanted.voice_url and wanted or numbers[wanted.to]
  if not number or not number.voice_url then
    return problem(404, "nothing says what answers " .. wanted.to .. ": give voice_url, or exchange.numbers in callisto.lua")
  end
  local face = face_of(number)
  if not face then return problem(422, ("the exchange does not serve %s: its account is not set"):format(number.carrier)) end
  return 201, JSON, json.encode(report(face.inbound(wanted.from, wanted.to, number), true))
end

-- The carriers it plays.
local function list_carriers()
  local carriers = json.array {}
  for i, face in ipairs(faces) do carriers[i] = face.name end
  return 200, JSON, json.encode { carriers = carriers }
end

local function list_calls()
  local list = json.array {}
  for _, call in ipairs(network.all()) do list[#list + 1] = report(call) end
  return 200, JSON, json.encode { calls = list }
end

-- Somebody at the exchange presses keys on a subscriber's telephone, beside whatever its script does.
local function press(call, body)
  local wanted = json.decode(body)
  if type(wanted) ~= "table" or type(wanted.keys) ~= "string" or not wanted.keys:find "^[%d*#A-D]+$" then
    return problem(422, 'the body must be {"keys": "12#"}')
  end
  core.tell(call.line, { what = "press", keys = wanted.keys })
  return 204, {}, ""
end

local function set_puppet(number, body)
  local about = json.decode(body)
  if type(about) ~= "table" then return problem(422, "the body must be an object, such as {} or {\"busy\": true}") end
  network.set_puppet(number, about)
  return 204, {}, ""
end

local function does(call, body)
  local order = json.decode(body)
  if type(order) ~= "table" or type(order.verb) ~= "string" then
    return problem(422, 'the body must be {"verb": "says", "with": ["yes"]}')
  end
  local ok, result = network.does(call, order.verb, order.with)
  if not ok then return problem(409, result) end
  return 200, JSON, json.encode { result = result }
end

-- The carrier says this on the media socket, as it stands.
local function send(call, body)
  local wanted = json.decode(body)
  if type(wanted) ~= "table" or type(wanted.text) ~= "string" then return problem(422, 'the body must be {"text": "…"}') end
  core.leg_text(call.line, wanted.text)
  return 204, {}, ""
end

local function set_faults(body)
  local faults = json.decode(body)
  if type(faults) ~= "table" then return problem(422, "the body must be an object of faults") end
  callbacks.set_faults(faults)
  return 200, JSON, json.encode(faults)
end

local function list_asked() return 200, JSON, json.encode { asked = vendors.asked() } end

local control = {
  ["GET /exchange"] = list_carriers,
  ["GET /exchange/calls"] = list_calls,
  ["GET /exchange/model"] = list_asked,
  ["POST /exchange/calls"] = function(message) return start_call(message.body) end,
  ["PUT /exchange/faults"] = function(message) return set_faults(message.body) end,
}

-- A call of the VM before, by the id in the request's path. True when the request was handed on.
local function hand_on(request, message)
  local id
  local path = http.unescape_segment(message.path)
  for _, face in ipairs(faces) do id = id or face.call_in(path) end
  if not id or network.find(id) then return false end
  local owner, is_mine = core.owner(id)
  return owner ~= nil and not is_mine and core.forward(request, message, id) == true
end

-- Whose telephones these are is nobody's business elsewhere: the exchange's own interface serves programs on this machine. The
-- carriers' interfaces have their accounts.
local function is_own(path) return path == "/exchange" or path:sub(1, 10) == "/exchange/" end

local function handle(request, message)
  local doubt = is_own(http.unescape_segment(message.path)) and forwarding.doubt(message)
  if doubt then return problem(403, "only requests from this machine are served, and " .. doubt) end
  local fn = control[message.method .. " " .. message.path]
  if fn then return fn(message) end
  if hand_on(request, message) then return false end
  message.path = http.unescape_segment(message.path)
  local pressing = message.method == "POST" and network.find(message.path:match "^/exchange/calls/([%w%-_:]+)/keys$" or "")
  if pressing then return press(pressing, message.body) end
  local puppet = message.method == "POST" and network.find(message.path:match "^/exchange/calls/([%w%-_:]+)/does$" or "")
  if puppet then return does(puppet, message.body) end
  local sending = message.method == "POST" and network.find(message.path:match "^/exchange/calls/([%w%-_:]+)/sends$" or "")
  if sending then return send(sending, message.body) end
  local number = message.method == "PUT" and message.path:match "^/exchange/puppets/(%+?%d+)$"
  if number then return set_puppet(number, message.body) end
  local call = network.find(message.path:match "^/exchange/calls/([%w%-_:]+)$" or "")
  if call then return 200, JSON, json.encode(report(call, true)) end
  for _, face in ipairs(faces) do
    local status, headers, body = face.handle(message)
    if status ~= nil then return status, headers, body end
  end
  return problem(404, "nothing is served at " .. message.path)
end

local function names_of(prefix)
  local names = {}
  for _, module in ipairs(core.modules(prefix)) do
    if module.error then error(("%s: %s"):format(module.path, module.error), 0) end
    names[#names + 1] = module.name
  end
  table.sort(names)
  return names
end

-- The workspace's own faces; beside them exchange/ has its subscribers, and parts of faces.
local function add_own_faces(known)
  for _, module in ipairs(names_of "exchange.") do
    local value = require(module)
    if contract.is(value) then
      known[value.name] = value
    elseif type(value) == "table" and value.handle and value.start then
      error(module:gsub("%.", "/") .. ".lua is a face in an old form: end it with return face { … } (docs/changes.md)", 0)
    end
  end
end

-- Ours, of the carriers that there are.
local function add_our_faces(known)
  local ours = {}
  for _, module in ipairs(names_of "callisto.exchange.") do ours[module] = true end
  for _, module in ipairs(names_of "providers.carriers.") do
    local carrier = module:match "^providers%.carriers%.(.+)$"
    if not known[carrier] and ours["callisto.exchange." .. carrier] then
      known[carrier] = require("callisto.exchange." .. carrier)
    end
  end
end

---@return callisto.exchange.Face[]  by name
local function known_faces()
  local known, list = {}, {}
  add_own_faces(known)
  add_our_faces(known)
  for _, face in pairs(known) do list[#list + 1] = face end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Serves every carrier whose account is set.
local function start_faces(given)
  local missing = {}
  for _, face in ipairs(known_faces()) do
    local ok, why = face.start(given)
    if ok then faces[#faces + 1] = face else missing[#missing + 1] = why end
  end
  if #faces == 0 then
    error(table.concat(missing, "; ") .. "; set one carrier's, the same for the exchange and the application", 0)
  end
end

local on = {}

function on.start()
  local of_file = core.settings().file or {}
  local options = type(of_file.exchange) == "table" and of_file.exchange or {}
  numbers = options.numbers or {}
  local cps = tonumber(settings.get("EXCHANGE_CPS", "exchange_cps")) or options.cps
  vendors.start()
  local count = network.start()
  start_faces { numbers = numbers, cps = cps }
  if core.status().script_threads > 1 then log.warn("the exchange needs --script-threads 1: calls are not found otherwise") end
  core.started()
  log.info(("%s on the telephone"):format(counted(count, "subscriber")))
end

function on.request(request, message)
  local each = task.start(function()
    local answer = vendors.answer(message)
    if answer then return streaming.send(request, answer) end
    local status, headers, body = handle(request, message)
    if status then core.http_reply(request, status, headers, body) end
  end)
  each.request = request
end

function on.told(line, message) network.told(line, message) end
function on.leg(line, _, state, about) network.leg(line, state, about) end
function on.broken(line, _, text) network.broken(line, text) end
-- At the end of the process calls end with it; after a reload this VM lives on for those it has.
function on.stop()
  task.start(function()
    while not core.status().draining and network.live() > 0 do task.sleep(0.5) end
    core.stopped()
  end)
end

task.on_error(function(failed, text)
  log.error(text)
  if failed.request then core.http_reply(failed.request, problem(500, "internal error")) end
end)

core.handler(function(kind, ...)
  if not task.event(kind, ...) and on[kind] then on[kind](...) end
  task.run()
end)

return true
