-- A service VM over a simulated engine: SQLite in memory, calls that are opened and closed, and a carrier's REST
-- interface that answers as the spec tells it.

local crypto = require "callisto.crypto"
local fake = require "spec.support.fake_core"
local sqlite = require "spec.support.sqlite"

local service = { is_possible = sqlite.open() ~= nil and fake.world().modules["callisto.crypto"] ~= nil }

local Service = {}
Service.__index = Service

service.SECRET = "twilio_demo_token_01"
service.BASE = "https://voice.example.com"

local function list_modules(prefix)
  local all = {
    { name = "providers.carriers.genesys", path = "providers/carriers/genesys.lua" },
    { name = "providers.carriers.twilio", path = "providers/carriers/twilio.lua" },
    { name = "providers.stt.local", path = "providers/stt/local.lua" },
    { name = "providers.tts.local", path = "providers/tts/local.lua" },
    { name = "routing", path = "routing.lua" },
    { name = "templates.appointment", path = "templates/appointment.lua" },
    { name = "templates.broken", path = "templates/broken.lua", error = "templates/broken.lua:1: unexpected symbol" },
    { name = "templates.order_confirmation", path = "templates/order_confirmation.lua" },
  }
  local list = {}
  for _, module in ipairs(all) do
    if module.name:sub(1, #prefix) == prefix then list[#list + 1] = module end
  end
  return list
end

local function add_core(self)
  local vm, world, json = self.vm, self.world, self.json
  local core = vm.core
  function core.http_reply(number, status, headers, body)
    assert(not self.replies[number], "a request is answered once")
    self.replies[number] = { status = status, headers = headers or {}, body = body or "" }
  end
  function core.wire(media)
    assert(media.name, "the media declaration has a name")
    return { media = media }
  end
  function core.call_open(options)
    if self.open_fails then return nil, "EBUSY: 2000 calls are live", "EBUSY" end
    assert(options.wire and options.begin and options.entry == "callisto.flow")
    assert(not self.opened[options.id])
    self.opened[options.id] = options
    table.insert(self.order, options)
    return true
  end
  function core.sockets(list)
    self.declared = list
    return true
  end
  function core.socket_refuse(number, options)
    assert(not self.turned_away[number], "a socket is answered once")
    self.turned_away[number] = options
  end
  function core.leg_bye(id, text)
    assert(self.opened[id] and self.json.decode(text))
    self.byes[id] = text
  end
  function core.call_close(id, code) self.closed[id] = (self.closed[id] or 0) + 1; self.close_code = code end
  function core.leg_end(id, drain) self.legs_ended[id] = drain and "drain" or "now" end
  function core.token_withdraw(id) self.withdrawn[id] = true end
  function core.voice_prepare(text) table.insert(self.prepared, text) end
  local function later(sql, values, count, is_fact, answer)
    local copy = {}
    for i = 1, count or #(values or {}) do copy[i] = values[i] end
    world:at(self.store_delay, function()
      if not self.store_fails then return answer(self.db(sql, copy, count)) end
      if is_fact then table.insert(self.kept, function() assert(self.db(sql, copy, count)) end) end
      answer(nil, "EIO: the disk is gone", "EIO")
    end)
  end
  function core.store(sql, values, count, is_fact)
    world.requests = world.requests + 1
    local number = world.requests
    later(sql, values, count, is_fact, function(...) vm:event("stored", number, ...) end)
    return number
  end
  function core.store_fact(sql, values, count)
    later(sql, values, count, true, function(rows, why) assert(rows or self.store_fails, why) end)
    return true
  end
  function core.fact_of(id, kind, data)
    assert(self.db("INSERT INTO events (call_id, at_ms, kind, data) VALUES ($1, $2, $3, $4)",
      { id, math.floor(world.wall * 1000), kind, data }, 4))
    return true
  end
  function core.status() return { calls = 0, draining = self.is_draining, generation = 1, digest = "g1", node = "n1" } end
  function core.modules(prefix) return list_modules(prefix) end
  function core.metrics_text() return "callisto_calls_live 0\n" end
  function core.started() self.is_started = true end
  function core.stopped() self.is_stopped = (self.is_stopped or 0) + 1 end
  function core.owner(name)
    if self.elsewhere[name] then return self.elsewhere[name], false end
    for id in pairs(self.opened) do
      if id == name then return id, true end
    end
  end
  function core.forward(number, _, id)
    self.forwarded[number] = id
    return true
  end
  function core.alias(id, carrier_call)
    self.aliases[carrier_call] = id
    return true
  end
  function core.tell() return nil, "ENOENT: no such call", "ENOENT" end
  vm.on_fetch = function(request)
    table.insert(self.rest, request)
    local fn = self.on_rest or function() return { status = 404, body = [[{"code":20404,"message":"not found"}]] } end
    return fn(request, json)
  end
end

---@param env table<string, string>|nil  more variables
---@param file table|nil  what callisto.lua would return
---@param sources table<string, string>|nil  module → its text
function service.start(env, file, sources)
  local world = fake.world()
  local variables = {
    PUBLIC_BASE_URL = service.BASE, TWILIO_ACCOUNT_SID = "AC0011", TWILIO_AUTH_TOKEN = service.SECRET,
    TWILIO_PHONE_NUMBER = "+14150000002", TWILIO_CALLS_PER_SECOND = "100",
  }
  for name, value in pairs(env or {}) do variables[name] = value ~= false and value or nil end
  local vm = world:vm("service", { settings = { env = variables, file = file or {}, cli = {} }, sources = sources })
  local self = setmetatable({
    world = world, vm = vm, json = world.modules["callisto.json"], xml = world.modules["callisto.xml"], db = sqlite.open(),
    replies = {}, opened = {}, order = {}, closed = {}, legs_ended = {}, withdrawn = {}, prepared = {}, rest = {},
    turned_away = {}, byes = {}, elsewhere = {}, forwarded = {}, aliases = {}, kept = {}, store_delay = 0.001, number = 0,
    is_draining = false,
  }, Service)
  add_core(self)
  vm.require "callisto.service"
  vm:event "start"
  self.http = vm.require "callisto.http"
  return self
end

---The disk takes again what it refused: the facts, in their order.
function Service:disk_is_back()
  self.store_fails = false
  for _, write in ipairs(self.kept) do write() end
  self.kept = {}
end

---Sends a request and gives its number; the answer is in `replies` when it has come.
function Service:send(method, path, options)
  options = options or {}
  self.number = self.number + 1
  local number = 1000000 + self.number
  local headers = { host = "localhost:8080" }
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  self.vm:event("request", number, {
    method = method, path = path, query = options.query or "", headers = headers,
    body = options.body or "", peer = options.peer or "127.0.0.1:40000",
  })
  return number
end

function Service:request(method, path, options)
  local number = self:send(method, path, options)
  self.world:advance(options and options.wait or 0.1)
  return self.replies[number]
end

---A webhook of Twilio, signed.
function Service:webhook(path, params, options)
  options = options or {}
  local pairs_in_order, names = {}, {}
  for name in pairs(params) do names[#names + 1] = name end
  table.sort(names)
  local signed = service.BASE .. path .. (options.query and "?" .. options.query or "")
  for i, name in ipairs(names) do
    pairs_in_order[i] = { name, params[name] }
    signed = signed .. name .. params[name]
  end
  local headers = {
    ["content-type"] = "application/x-www-form-urlencoded",
    ["x-twilio-signature"] = options.signature or crypto.base64(crypto.hmac("sha1", service.SECRET, signed)),
  }
  if options.signature == false then headers["x-twilio-signature"] = nil end
  return self:request("POST", path, {
    query = options.query, headers = headers, body = self.http.form(pairs_in_order), peer = "54.172.60.1:443",
    wait = options.wait,
  })
end

function Service:post(path, body, options)
  options = options or {}
  return self:request("POST", path, {
    body = self.json.encode(body), headers = options.headers or { ["content-type"] = "application/json" },
    peer = options.peer, wait = options.wait,
  })
end

---The row of a call.
function Service:row(id)
  self.world:advance(0.01)
  return self.db("SELECT * FROM calls WHERE id = $1", { id })[1]
end

---The process is to end: no new calls.
function Service:drain()
  self.is_draining = true
  self.vm:event "stop"
end

function Service:told(id, about) self.vm:event("told", id, about) end

function Service:leg(id, what, reason, more)
  local about = { reason = reason }
  for name, value in pairs(more or {}) do about[name] = value end
  self.vm:event("leg", id, 1, what, about)
end

return service
