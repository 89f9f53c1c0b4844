-- callisto.service: what runs in a service VM. Requests, webhooks, the lives of calls.
--
-- /healthz, /readyz and /metrics are the engine's (core/engine/arrivals.h). Every other request is answered by a task of its
-- own; an error in one is a 500 without details for the client and a line with the traceback in the log. The lives of calls
-- are tasks too; one that fails is buried in order.

local core = require "callisto.core"
if core.kind == "call" then error("callisto.service is not for flows: it serves all calls, and runs beside them", 0) end

local api = require "callisto.service.api"
local calls = require "callisto.service.calls"
local catalog = require "callisto.service.catalog"
local counted = require "callisto.util.counted"
local door = require "callisto.service.api.door"
local http = require "callisto.http"
local life = require "callisto.service.life"
local live_call = require "callisto.service.live_call"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local retention = require "callisto.service.retention"
local routes = require "callisto.service.routes"
local sockets = require "callisto.service.sockets"
local task = require "callisto.task"
local utf8 = require "callisto.util.utf8"
local webhooks = require "callisto.service.webhooks"

local table_of_routes = routes.new()
local is_stopping, is_stopped = false, false

local function reply(request, answer)
  if request.is_answered then return end
  request.is_answered = true
  local body = request.message.method ~= "HEAD" and answer.body or nil
  core.http_reply(request.number, answer.status, answer.headers, body)
  metrics.count(('http_requests_total{status="%d"}'):format(answer.status))
end

local function respond(request)
  local path = request.message.path
  local _, is_changed = utf8.valid(http.unescape_segment(path))
  if is_changed then return reply(request, http.problem(404, "there is nothing at this path, which is not UTF-8")) end
  local fn, params, allow = table_of_routes:find(request.message.method, path)
  if not fn and params then
    reply(request, http.problem(405, "use " .. allow, nil, { allow = allow }))
  elseif not fn then
    reply(request, http.problem(404, "there is nothing at this path"))
  else
    request.params = params
    local answer = fn(request)
    if answer then reply(request, answer) end -- none: another service VM answers
  end
end

-- The code was exchanged, or the process is about to end: after the last call the VM is not needed any more.
local function stop_if_idle()
  if is_stopping and not is_stopped and live_call.count() == 0 then
    is_stopped = true
    core.stopped()
  end
end

task.on_error(function(failed, message)
  log.error(message)
  metrics.count("service_errors_total")
  if failed.request then reply(failed.request, http.problem(500, "the request could not be served")) end
  if failed.socket then core.socket_refuse(failed.socket, { code = 1011, reason = "the call could not be answered" }) end
  if failed.call then task.start(life.bury, failed.call) end
end)

local receive = {}

function receive.start()
  catalog.load()
  api.add(table_of_routes)
  webhooks.add(table_of_routes)
  sockets.add()
  retention.start()
  core.started(catalog.any())
  local notice = door.notice()
  if notice then log.warn(notice) end
  log.info(("%s and %s are ready"):format(counted(#catalog.carriers(), "carrier"), counted(#catalog.list(), "template")))
end

function receive.stop()
  is_stopping = true
end

function receive.request(number, message)
  local request = { number = number, message = message }
  local each = task.start(respond, request)
  each.request = request
end

function receive.socket(number, message)
  local each = task.start(sockets.receive, number, message)
  each.socket = number
end

function receive.told(id, about) calls.told(id, about) end

function receive.leg(id, party, what, about) calls.leg(id, party, what, about) end

function receive.broken(id, code, why) calls.broken(id, code, why) end

core.handler(function(kind, ...)
  if not task.event(kind, ...) then
    local fn = receive[kind]
    if fn then fn(...) end
  end
  task.run()
  stop_if_idle()
end)

return {}
