-- callisto.exchange.shared.ncco: obeys Vonage's documents, action by action, and is the carrier's side of its media socket.
--
-- A media socket is a leg of its own in the call's conversation: it has its own uuid and its own events. Vonage says
-- nothing at its end, the socket just closes.

local core = require "callisto.core"
local documents = require "callisto.exchange.documents"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local rooms = require "callisto.exchange.rooms"
local task = require "callisto.task"
local vonage_call = require "callisto.exchange.vonage.call"

local ncco = {}

local RATES = { [8000] = true, [16000] = true, [24000] = true }
local USUAL_RATE = 16000
local HEADER_BYTES = 512
local MOST_DOCUMENTS = 200 -- of one call; a loop ends here
local RING_S, TALK_S = 60, 7200

local course
local wires = {}
local conversations = rooms.new(function() return "CON-" .. vonage_call.uuid() end)

local function media(rate)
  return {
    name = "vonage-carrier", encoding = "l16le", rate = rate, frame_ms = 20, binary_in = true, binary_out = true,
    event = "action",
    mark_in = { event = "notify", name = "payload.name" },
    clear_in = { event = "clear" },
    mark_out = [[{"event":"websocket:notify","payload":{"name":"$mark"}}]],
    dtmf_out = [[{"event":"websocket:dtmf","digit":"$digit","duration":260}]],
    replies = { { event = "clear", text = [[{"event":"websocket:cleared"}]] } },
  }
end

local function text(value) return type(value) == "string" and value or nil end
local function first(value) return type(value) == "table" and text(value[1]) or text(value) end
local function table_of(value) return type(value) == "table" and value or {} end
local function endpoint_of(action) return table_of(table_of(action.endpoint)[1]) end

local function rate_of(endpoint)
  local rate = tonumber((text(endpoint["content-type"]) or ""):match "^audio/l16;%s*rate=(%d+)$")
  return RATES[rate] and rate or nil
end

-- The subscriber's voice and ear have one rate, that of the first media socket the document names.
local function rate_in(list)
  for _, action in ipairs(list) do
    local rate = type(action) == "table" and rate_of(endpoint_of(action))
    if rate then return rate end
  end
  return USUAL_RATE
end

local actions = {}

-- An action's event URL is asked, and may answer with another document.
local function ask(call, action, fields)
  local url = first(action.eventUrl)
  if not url then return nil end
  fields.uuid, fields.conversation_uuid = call.id, call.conversation
  fields.timestamp = vonage_call.timestamp(core.wall())
  local list = vonage_call.ask(call, text(action.eventMethod) or "POST", url, fields)
  return list and #list > 0 and list or nil
end

function actions.talk(call, action)
  local words = (text(action.text) or ""):gsub("<[^>]*>", "")
  local pause = (action.text or ""):match 'break time="(%d+)s"'
  if pause then task.sleep(tonumber(pause)) end
  if words == "" then return end
  for _ = 1, math.max(1, math.min(tonumber(action.loop) or 1, 100)) do network.say(call, words) end
end

function actions.stream(call, action) documents.play(call, first(action.streamUrl) or "") end

function actions.input(call, action)
  local dtmf = table_of(action.dtmf)
  local keys = documents.gather(call, function() end, {
    digits = tonumber(dtmf.maxDigits) or 4, finish = dtmf.submitOnHash and "#" or "", timeout = tonumber(dtmf.timeOut) or 3,
  })
  return ask(call, action, { dtmf = { digits = keys, timed_out = keys == "" } })
end

function actions.notify(call, action) return ask(call, action, { payload = action.payload or {} }) end

function actions.conversation(call, action)
  conversations:join(call, text(action.name) or "", {
    starts = action.startOnEnter ~= false, ends = action.endOnExit == true, muted = action.mute == true,
  })
end

function actions.record(call) network.note(call, "recording is not played here") end

-- Media sockets -------------------------------------------------------------------------------------------------------

local function opening_of(endpoint)
  local message = { event = "websocket:connected", ["content-type"] = endpoint["content-type"] }
  for name, value in pairs(table_of(endpoint.headers)) do message[name] = value end
  return { json.encode(message) }
end

local function authorization_of(endpoint)
  local wanted = table_of(endpoint.authorization)
  if wanted.type == "vonage" then return { authorization = "Bearer " .. vonage_call.token() } end
  return wanted.type == "custom" and { authorization = text(wanted.value) } or nil
end

-- What is wrong with a socket that shall be opened.
local function fault_of(call, endpoint)
  local rate = rate_of(endpoint)
  if not (text(endpoint.uri) or ""):find "^wss?://" then return "the uri of a socket must be wss:" end
  if not rate then return "content-type must be audio/l16;rate=8000, 16000 or 24000" end
  if rate ~= call.rate then return "another rate than the call's first socket is not played here" end
  if #json.encode(table_of(endpoint.headers)) > HEADER_BYTES then return "headers are longer than 512 bytes" end
end

local function connect_socket(call, action, endpoint)
  local leg = {
    uuid = vonage_call.uuid(), from = vonage_call.digits(call.to), to = text(endpoint.uri), direction = "outbound",
  }
  local function tell(word) vonage_call.event(call, word, leg, first(action.eventUrl)) end
  local fault = fault_of(call, endpoint)
  if fault then
    network.note(call, fault)
    tell "failed"
    return ask(call, action.eventType == "synchronous" and action or {}, { status = "failed", detail = fault })
  end
  local is_open = false
  tell "started"
  local reason = network.stream(call, {
    url = endpoint.uri, headers = authorization_of(endpoint), stream = leg.uuid, carrier_call = call.id,
    opening = opening_of(endpoint),
    on_start = function()
      is_open = true
      tell "answered"
    end,
    on_end = function(why)
      if not is_open then return tell "failed" end
      tell(why == "hangup" and "disconnected" or "completed") -- disconnected: the application closed it
    end,
  })
  if action.eventType ~= "synchronous" then return nil end
  return ask(call, action, { status = reason == "no_socket" and "failed" or "disconnected", to = leg.to, from = leg.from })
end

local function connect_phone(call, action, endpoint)
  local from = text(action.from) and vonage_call.number(action.from) or call.to
  local leg = {
    id = vonage_call.uuid(), from = from, to = vonage_call.number(text(endpoint.number) or ""), conversation = call.conversation,
    event_url = first(action.eventUrl) or call.event_url, rate = call.rate,
  }
  local outcome = course:dial(call, leg, tonumber(action.timeout) or RING_S, tonumber(action.limit) or TALK_S)
  if action.eventType ~= "synchronous" then return nil end
  return ask(call, action, {
    status = vonage_call.word(outcome), to = vonage_call.digits(leg.to), from = vonage_call.digits(from),
  })
end

function actions.connect(call, action)
  local endpoint = endpoint_of(action)
  if endpoint.type == "websocket" then return connect_socket(call, action, endpoint) end
  if endpoint.type == "phone" then return connect_phone(call, action, endpoint) end
  network.note(call, "an endpoint of type " .. tostring(endpoint.type) .. " is not played here")
end

-- Documents -------------------------------------------------------------------------------------------------------------

-- One document: nothing, or the one that follows.
local function obey(call, list)
  for _, action in ipairs(list) do
    local fn = type(action) == "table" and actions[action.action]
    if fn then
      local following = fn(call, action)
      if following or call.gone then return following end
    else
      network.note(call, ("action %s is not obeyed here"):format(tostring(type(action) == "table" and action.action)))
    end
  end
end

---The subscriber lifts the receiver, or, of an inbound call, the application does with the first action.
---@param call callisto.exchange.Call
---@param list table[]
---@return boolean ok
function ncco.lift(call, list)
  if call.answered then return true end
  call.rate = rate_in(list)
  return course:lift(call)
end

---Obeys a document and those it leads to, in the running task.
---@param call callisto.exchange.Call
---@param list table[]|nil
function ncco.run(call, list)
  for _ = 1, MOST_DOCUMENTS do
    if not list or #list == 0 or not ncco.lift(call, list) then return end
    list = obey(call, list)
  end
  network.note(call, "too many documents")
end

---The media socket's.
---@param call callisto.exchange.Call
---@return userdata
function ncco.wire(call)
  local rate = call.rate or USUAL_RATE
  wires[rate] = wires[rate] or core.wire(media(rate))
  return wires[rate]
end

---@param of table the course of Vonage's calls
function ncco.start(of) course = of end

return ncco
