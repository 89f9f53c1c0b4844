-- callisto.exchange.service: entry of the exchange's service VM: the telephone network in a box.
--
--   carriers' REST      each face answers its own paths
--   POST /exchange/calls {from, to}     a subscriber calls one of the application's numbers
--   GET  /exchange/calls                everything that happened, for reports and tests
--   GET  /exchange/calls/{id}
--
-- Numbers of the application and where their webhooks lead are settings: exchange = { numbers = { ["+1415…"] = {…} } }.

local core = require "callisto.core"
local json = require "callisto.json"
local log = require "callisto.log"
local network = require "callisto.exchange.network"
local task = require "callisto.task"

local faces = { require "callisto.exchange.twilio" }
local numbers = {}

local JSON = { ["content-type"] = "application/json" }

local function report(call)
  return {
    id = call.id, line = call.line, from = call.from, to = call.to, direction = call.direction, status = call.status,
    duration = call.duration, gone = call.gone, failure = call.failure, log = json.array(call.log),
    created = call.created, answered = call.answered, ended = call.ended, stream = call.last_leg,
  }
end

local function problem(status, title)
  return status, { ["content-type"] = "application/problem+json" },
    json.encode { type = "about:blank", status = status, title = title }
end

local function start_call(body)
  local wanted = json.decode(body)
  if type(wanted) ~= "table" or type(wanted.from) ~= "string" or type(wanted.to) ~= "string" then
    return problem(422, 'the body must be {"from": "+…", "to": "+…"}')
  end
  if not network.subscriber(wanted.from) then return problem(404, "no subscriber has the number " .. wanted.from) end
  local number = numbers[wanted.to]
  if not number then return problem(404, "no application has the number " .. wanted.to .. ": see exchange.numbers in callisto.lua") end
  for _, face in ipairs(faces) do
    if face.name == (number.carrier or "twilio") then
      return 201, JSON, json.encode(report(face.inbound(wanted.from, wanted.to, number)))
    end
  end
  return problem(422, "no face is named " .. tostring(number.carrier))
end

local function control(message)
  if message.path == "/healthz" then return 200, { ["content-type"] = "text/plain" }, "ok\n" end
  if message.path == "/metrics" then return 200, { ["content-type"] = "text/plain; version=0.0.4" }, core.metrics_text() end
  if message.path == "/exchange/calls" then
    if message.method == "POST" then return start_call(message.body) end
    local list = {}
    for _, call in ipairs(network.all()) do list[#list + 1] = report(call) end
    return 200, JSON, json.encode { calls = json.array(list) }
  end
  local id = message.path:match "^/exchange/calls/(%w+)$"
  local call = id and network.find(id)
  if call then return 200, JSON, json.encode(report(call)) end
end

local on = {}

function on.start()
  local settings = core.settings()
  local own = settings.file.exchange or {}
  numbers = own.numbers or {}
  for _, face in ipairs(faces) do face.start(settings.env, own[face.name] or {}) end
  core.started()
end

function on.request(request, message)
  task.start(function()
    local ok, status, headers, body = pcall(function()
      local status, headers, body = control(message)
      if status then return status, headers, body end
      for _, face in ipairs(faces) do
        status, headers, body = face.handle(message)
        if status ~= nil then return status, headers, body end
      end
      return problem(404, "nothing is served at " .. message.path)
    end)
    if not ok then
      log.error("a request failed: " .. tostring(status))
      status, headers, body = problem(500, "internal error")
    end
    if status then core.http_reply(request, status, headers, body) end
  end)
end

function on.told(line, text) network.told(line, text) end
function on.leg(line, state, details) network.leg(line, state, details) end
function on.broken(line, _, text) network.broken(line, text) end
function on.stop() core.stopped() end

task.on_error(function(_, text) log.error(text) end)

core.handler(function(kind, ...)
  if not task.event(kind, ...) and on[kind] then on[kind](...) end
  task.run()
end)

return true
