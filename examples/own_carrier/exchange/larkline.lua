-- Larkline's face in the exchange: its side of the protocol, so that flows on it can be tried and tested without it.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local course = require "callisto.exchange.course"
local crypto = require "callisto.crypto"
local face = require "callisto.exchange.face"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local settings = require "callisto.settings"
local task = require "callisto.task"

local larkline = {}

local WHY = { completed = "done", busy = "busy", ["no-answer"] = "silent", failed = "broken", canceled = "withdrawn" }
local STATES = { queued = "ringing", initiated = "ringing", ringing = "ringing", ["in-progress"] = "up" }
local RING_S, CALLS_PER_SECOND = 30, 5

local secret, calls, wire

-- The carrier's side of the media socket.
local media = {
  name = "larkline-carrier", encoding = "pcmu", rate = 8000, frame_ms = 20, event = "kind",
  audio_in = { event = "audio", payload = "data" },
  mark_in = { event = "tag", name = "tag" },
  clear_in = { event = "flush" },
  audio_out = [[{"kind":"audio","data":"$audio"}]],
  mark_out = [[{"kind":"played","tag":"$mark"}]],
  dtmf_out = [[{"kind":"key","key":"$digit"}]],
}

local function resource(call)
  return {
    call = call.id, from = call.from, to = call.to, dialled = call.direction == "outbound",
    state = STATES[call.status] or "over", why = WHY[call.status],
  }
end

local function signed(url, body)
  local text = json.encode(body)
  return {
    method = "POST", url = url, body = text,
    headers = {
      ["content-type"] = "application/json",
      ["x-larkline-signature"] = crypto.hex(crypto.hmac("sha256", secret, url .. text)),
    },
  }
end

local steps = {}

function steps.connect(call, url)
  network.stream(call, {
    url = url, stream = call.line, carrier_call = call.id,
    opening = { json.encode { kind = "hello", line = call.line, call = call.id } }, closing = json.encode { kind = "bye" },
  })
end

function steps.speak(call, text) network.say(call, text) end

function steps.wait(_, seconds) task.sleep(seconds) end

local function obey(call, document)
  for _, step in ipairs(document.steps) do
    if step.refuse then
      call.rejected = "busy"
      return
    end
    if not call.answered and not calls:lift(call) then return end
    if step.hangup or call.gone then return end
    for name, run in pairs(steps) do
      if step[name] then run(call, step[name]) end
    end
  end
end

-- Asks what to do, and does it.
local function go_on(call)
  local response, why = callbacks.ask(call, signed(call.answer_url, resource(call)), "document")
  local document = response and response.status == 200 and json.decode(response.body)
  if calls:is_over(call) then return end
  if type(document) == "table" and type(document.steps) == "table" then
    return calls:obey(call, function() obey(call, document) end)
  end
  network.note(call, "application error: " .. tostring(response and response.status or why))
  calls:finish(call, "failed")
end

local manners = {
  answered = go_on,
  wire = function() return wire end,
  become = function(call, status)
    if call.events_url then callbacks.notify(call, status, signed(call.events_url, resource(call))) end
  end,
}

function larkline.start()
  secret = settings.get "LARKLINE_SECRET"
  if not secret then return nil, "LARKLINE_SECRET is not set" end
  calls, wire = course.new(manners, CALLS_PER_SECOND), core.wire(media)
  return true
end

function larkline.inbound(from, to, number)
  local call = network.add {
    id = core.id "lark", from = from, to = to, party = from, direction = "inbound", status = "ringing",
    answer_url = number.voice_url, events_url = number.status_callback,
  }
  call.on_gone = function() calls:finish(call, "completed") end
  task.start(go_on, call)
  return call
end

function larkline.call_in(path) return path:match "^/calls/(lark%w+)$" end

local function answer(status, value) return status, { ["content-type"] = "application/json" }, json.encode(value) end

local function create(message)
  local order = json.decode(message.body)
  if type(order) ~= "table" or not order.to or not order.answer then
    return answer(422, { error = "'to' and 'answer' are needed" })
  end
  local refusal = course.refusal(order.to)
  if refusal then return answer(refusal.status, { error = refusal.message or "refused on purpose" }) end
  local call = network.add {
    id = core.id "lark", from = order.from, to = order.to, party = order.to, direction = "outbound", status = "queued",
    answer_url = order.answer, events_url = order.events,
  }
  calls:place(call, order.ring or RING_S, calls:turn())
  if course.create_fault(order.to) == "no answer" then return false end
  return answer(201, resource(call))
end

function larkline.handle(message)
  if message.path ~= "/calls" and not larkline.call_in(message.path) then return nil end
  if message.headers.authorization ~= "Bearer " .. secret then return answer(401, { error = "who are you?" }) end
  if message.path == "/calls" then return create(message) end
  local call = network.find(larkline.call_in(message.path))
  if not call then return answer(404, { error = "there is no such call" }) end
  if message.method == "DELETE" and not calls:is_over(call) then
    calls:finish(call, call.answered and "completed" or "canceled")
  end
  return answer(200, resource(call))
end

return face {
  name = "larkline", start = larkline.start, handle = larkline.handle, inbound = larkline.inbound, call_in = larkline.call_in,
}
