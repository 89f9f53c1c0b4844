-- callisto.service.sockets: media sockets that come before their call. Some carriers open the socket without asking a webhook
-- first: the engine holds it (core/io/lobby.h), what is a webhook elsewhere is read off the upgrade and the first messages,
-- and the call that is opened takes the socket. Who comes is proven by the upgrade alone, before anything else is waited for.

local core = require "callisto.core"
local catalog = require "callisto.service.catalog"
local http = require "callisto.http"
local limits = require "callisto.service.limits"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local outside = require "callisto.service.outside"
local reception = require "callisto.service.reception"
local settings = require "callisto.settings"
local task = require "callisto.task"
local webhooks = require "callisto.service.webhooks"

local sockets = {}

local FORGED_S = 0.5 -- a guess costs this long
-- More than the calls there may be: some connections are probes, some linger, and a caller who is one too many gets an
-- answer of the protocol, if it has one.
local MARGIN = 10
local REASON_BYTES = 120

local POLICY, GOING_AWAY, LATER, NORMAL = 1008, 1001, 1013, 1000
local close_codes = { draining = GOING_AWAY, busy = LATER }

local by_prefix = {} ---@type {path: string, adapter: callisto.Carrier}[] longest first

local function prefixes_of(adapter)
  local list, seen = {}, {}
  local paths = type(adapter.routes.sockets) == "table" and adapter.routes.sockets or { adapter.routes.sockets }
  for _, path in ipairs(paths) do
    local prefix = path:match "^[^{]*":gsub("/$", "")
    if not seen[prefix] then
      seen[prefix] = true
      list[#list + 1] = prefix
    end
  end
  return list
end

-- Where the protocol has no word for "busy", the upgrade is refused as soon as all lines are held.
local function declaration(adapter, path)
  local lines = limits.concurrent(adapter)
  return {
    path = path, most = 2 * lines + MARGIN, first = adapter.socket.first_messages,
    lines = not adapter.socket.refuse and limits.lines(adapter) or nil, lines_most = lines,
    sub_protocol = adapter.media[adapter.media.default].sub_protocol,
  }
end

---Declares the paths of every carrier whose sockets come first. Called once, when the VM starts.
function sockets.add()
  local declared = {}
  for _, adapter in ipairs(catalog.carriers()) do
    for _, path in ipairs(adapter.socket.read and prefixes_of(adapter) or {}) do
      by_prefix[#by_prefix + 1] = { path = path, adapter = adapter }
      declared[#declared + 1] = declaration(adapter, path)
    end
  end
  table.sort(by_prefix, function(a, b) return #a.path > #b.path end)
  if #declared > 0 then assert(core.sockets(declared)) end
end

-- The carrier of a path, and what follows: "", or the agent's name.
local function find(path)
  path = path:gsub("(.)/$", "%1")
  for _, each in ipairs(by_prefix) do
    local rest = path:sub(1, #each.path) == each.path and path:sub(#each.path + 1)
    if rest and (rest == "" or rest:sub(1, 1) == "/") then return each.adapter, http.unescape_segment(rest:sub(2)) end
  end
end

-- What fits into a close frame, and still whole characters.
local function reason_of(why)
  if #why <= REASON_BYTES then return why end
  return (why:sub(1, REASON_BYTES):gsub("[\194-\244][\128-\191]*$", ""))
end

-- Turns a socket away, in the carrier's own words if it has some.
local function refuse(socket, reason, why, more)
  metrics.count(('sockets_turned_away_total{carrier="%s",reason="%s"}'):format(socket.adapter.name, reason))
  local about = more or {}
  about.reason, about.why = reason, why
  local text = socket.adapter.socket.refuse and socket.adapter.socket.refuse(socket.message, about)
  core.socket_refuse(socket.number, {
    code = text and NORMAL or close_codes[reason] or POLICY,
    reason = reason_of(why),
    text = text,
    wire = text and catalog.wire(socket.adapter, socket.adapter.media.default),
  })
end

local function connect(socket, arrival, agent)
  local call, code = reception.open(arrival, agent)
  if call then return end
  if code == "EEXIST" then return refuse(socket, "error", "this call has its socket already") end
  refuse(socket, "busy", "all lines are in use")
end

-- Nobody calls: the carrier tries whether we are there.
local function say_goodbye(socket, text)
  local wire = catalog.wire(socket.adapter, socket.adapter.media.default)
  core.socket_refuse(socket.number, { code = NORMAL, text = text, wire = wire })
end

-- Somebody calls: the decision of the reception, in the carrier's words.
local function receive(socket, account, about, name)
  local arrival = {
    door = "socket", adapter = socket.adapter, account = account, about = about, agent_name = about.agent or name,
    socket = socket.number,
  }
  local decision = reception.decide(arrival)
  if decision.what == "accept" then return connect(socket, arrival, decision.agent) end
  if decision.what == "elsewhere" then return refuse(socket, "error", "this call has its socket already") end
  if decision.reason == "blocked" then reception.note_blocked(arrival, decision) end
  if decision.reason == "error" then
    log.error(("a socket for %s was refused: %s"):format(decision.agent.name, decision.why))
  end
  refuse(socket, decision.reason, decision.why, { sentence = decision.sentence, redirect = decision.redirect })
end

local asks = {}

function asks.proof(socket)
  local account = webhooks.admit(socket.adapter, socket.message)
  if not account then task.sleep(FORGED_S) end
  core.socket_proven(socket.number, account ~= nil)
end

function asks.words(socket) refuse(socket, "unauthorized", "the signature is missing or wrong") end

function asks.call(socket, name)
  local adapter, message = socket.adapter, socket.message
  local account = assert(settings.account(adapter))
  local about, why = adapter.socket.read(message, account)
  if not about then return refuse(socket, "error", why) end
  if about.goodbye then return say_goodbye(socket, about.goodbye) end
  metrics.count(('sockets_first_total{carrier="%s"}'):format(adapter.name))
  receive(socket, account, outside.clean(adapter.name, about), name)
end

---A socket waits for its proof, its call, or the words of its refusal.
---@param number integer  of the socket
---@param message table  the upgrade, `first`: the texts that came on it, and what it `asks`
function sockets.receive(number, message)
  local adapter, name = find(message.path)
  if not adapter or name:find("/", 1, true) then
    core.socket_refuse(number, { code = POLICY, reason = "a media socket needs the token it was given" })
    return
  end
  name = name ~= "" and outside.clean(adapter.name, name) or nil
  asks[message.asks]({ number = number, message = message, adapter = adapter }, name)
end

return sockets
