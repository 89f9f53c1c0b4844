-- callisto.spec.hosts: doubles of other people's servers in a spec's world.
--
-- A double answers a request with { status, headers, body, after }, or with a body that comes in pieces:
--
--   { status = 200, pieces = { { after = 0.4, text = "…" }, { after = 0.02, text = "…" } }, ends = "cut", left = fn }
--
-- `after` is the seconds since the piece before; `ends` "cut" breaks the connection behind the last one, "hang" never ends
-- the body; `left` is called when who asked goes away before the end.

local ear = require "callisto.exchange.vendors.ear"
local model = require "callisto.exchange.vendors.model"
local options_of = require "callisto.options"
local sound = require "callisto.spec.sound"
local voice = require "callisto.exchange.vendors.voice"

local hosts = {}

-- A name instead of an origin: all the vendors of a kind.
local KINDS = { llm = model.origins, stt = ear.origins, tts = voice.origins }

---@param origin string
---@return string
function hosts.authority(origin)
  local authority = origin:match "^https?://([^/]+)$"
  if not authority then error(("hosts: '%s' must be an origin such as https://api.shop.example"):format(origin), 0) end
  return authority
end

-- A double may have fields that are its own business; without one of these two it would answer nothing.
local function checked(origin, double)
  if type(double) == "function" then return { request = double } end
  if type(double) == "table" and (double.request or double.socket) then return double end
  local near
  for name in pairs(type(double) == "table" and double or {}) do
    near = near or options_of.nearest(tostring(name), { request = true, socket = true })
  end
  error(("hosts: %s: a double is a function, or a table with 'request' or 'socket'%s"):format(origin,
    near and ("; did you mean '%s'?"):format(near) or ""), 0)
end

-- Pieces ------------------------------------------------------------------------------------------------------------------

local function send(lab, number, answer, place)
  local piece = answer.pieces[place]
  if not piece then
    if answer.ends ~= "hang" then lab:piece(number, "", answer.ends == "cut" and "cut" or "last") end
    return
  end
  local function say()
    if lab:piece(number, piece.text) then return send(lab, number, answer, place + 1) end
    if answer.left then answer.left() end
  end
  lab:after(piece.after or 0, say)
end

-- The head leaves with the first piece, as that of a server does that has nothing to say before; the answer is open when it
-- has left.
local function play(lab, number, answer)
  local first = answer.pieces[1] or {}
  local after = (answer.after or 0) + (first.after or 0)
  lab:after(after, function()
    lab:after(0, function() send(lab, number, answer, 2) end)
  end)
  return { status = answer.status, headers = answer.headers, body = first.text or "", open = true, after = after }
end

-- What the first of them says that knows the request.
local function request_of(lab, doubles, stage)
  return function(request)
    for _, double in ipairs(doubles) do
      local answer = double.request and double.request(request, stage)
      if type(answer) == "table" and answer.pieces then return play(lab, request.number, answer) end
      if answer ~= nil then return answer end
    end
    return nil
  end
end

local function socket_of(doubles, stage)
  local last
  for _, double in ipairs(doubles) do last = double.socket or last end
  if not last then return nil end
  return function(request)
    for _, double in ipairs(doubles) do
      local handlers = double.socket and double.socket(request, stage)
      if type(handlers) == "table" then return handlers end
      if handlers and handlers ~= 404 then return handlers end
    end
    return 404
  end
end

-- Where they stand ----------------------------------------------------------------------------------------------------------

-- What was named by itself comes before what stands for a kind.
local function add(stands, order, origin, double)
  local authority = hosts.authority(origin)
  if not stands[authority] then stands[authority], order[#order + 1] = {}, authority end
  table.insert(stands[authority], double)
end

---The kinds of vendors that these doubles stand for.
---@param given table<string, any>
---@return string[]
function hosts.kinds(given)
  local list = {}
  for kind in pairs(KINDS) do
    if given[kind] then list[#list + 1] = kind end
  end
  return list
end

---Puts doubles into a world.
---@param lab callisto.Lab
---@param given table<string, function|table>  by origin, or by the kind of the vendors they stand for
function hosts.stand(lab, given)
  local stands, order, stage = {}, {}, sound.stage(lab)
  for origin, double in pairs(given) do
    if not KINDS[origin] then add(stands, order, origin, checked(origin, double)) end
  end
  for kind, origins in pairs(KINDS) do
    for _, origin in ipairs(given[kind] and origins or {}) do add(stands, order, origin, checked(kind, given[kind])) end
  end
  table.sort(order)
  for _, authority in ipairs(order) do
    lab:host(authority, request_of(lab, stands[authority], stage), socket_of(stands[authority], stage))
  end
end

return hosts
