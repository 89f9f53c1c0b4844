-- callisto.exchange.twiml: obeys Twilio's documents, verb by verb.
--
-- A document runs in a task that an update of the call or a hang-up cuts short. Every verb is a function of the call and
-- the element; it returns nothing (the next verb follows), "hangup", or "document" with the document that follows.

local core = require "callisto.core"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local task = require "callisto.task"
local twilio_call = require "callisto.exchange.twilio_call"
local xml = require "callisto.xml"

local twiml = {}

local PLAY_S = 2 -- a sound file lasts this long here: nobody hears it
local MOST_DOCUMENTS = 200 -- of one call; a loop of redirects ends here

local wire, account

-- The carrier's side of the media socket: what we send carries the counters, what we expect is the application's.
local media = {
  name = "twilio-carrier", encoding = "pcmu", rate = 8000, frame_ms = 20, event = "event",
  audio_in = { event = "media", payload = "media.payload" },
  mark_in = { event = "mark", name = "mark.name" },
  clear_in = { event = "clear" },
  audio_out = [[{"event":"media","sequenceNumber":"$seq","streamSid":"$stream","media":{"track":"inbound",]]
    .. [["chunk":"$chunk","timestamp":"$ms","payload":"$audio"}}]],
  mark_out = [[{"event":"mark","sequenceNumber":"$seq","streamSid":"$stream","mark":{"name":"$mark"}}]],
  dtmf_out = [[{"event":"dtmf","sequenceNumber":"$seq","streamSid":"$stream",]]
    .. [["dtmf":{"track":"inbound_track","digit":"$digit"}}]],
}

---@param given {sid: string, token: string}
function twiml.start(given)
  account = given
  wire = core.wire(media)
end

local function absolute(base, url)
  if url:find "^%a[%w+.-]*://" then return url end
  local origin, path = base:match "^(%a[%w+.-]*://[^/?#]+)([^?#]*)"
  if url:sub(1, 1) == "/" then return origin .. url end
  return origin .. (path == "" and "/" or path:gsub("[^/]*$", "")) .. url
end

-- A URL that a verb named: the present document ends here.
local function go_to(call, url, method, extra)
  local document, where = twilio_call.fetch(call, method, absolute(call.base, url), extra)
  if document then return "document", document, where end
  network.note(call, "application error: " .. where)
  return "hangup"
end

local function children(node, name)
  local found = {}
  for _, child in ipairs(node) do
    if child.name == name then found[#found + 1] = child end
  end
  return found
end

local verbs = {}

function verbs.Say(call, node)
  for _ = 1, math.max(1, math.min(tonumber(node.attrs.loop) or 1, 100)) do network.say(call, node.text) end
end

function verbs.Play(call, node)
  network.note(call, node.attrs.digits and "carrier plays keys " .. node.attrs.digits or "carrier plays " .. node.text)
  task.sleep(node.attrs.digits and #node.attrs.digits * 0.5 or PLAY_S)
end

function verbs.Pause(_, node) task.sleep(tonumber(node.attrs.length) or 1) end

function verbs.Hangup() return "hangup" end

function verbs.Redirect(call, node) return go_to(call, node.text, node.attrs.method) end

function verbs.Reject(call, node)
  call.rejected = node.attrs.reason == "busy" and "busy" or "no-answer"
  return "hangup"
end

local function prompt(call, node)
  for _, child in ipairs(node) do
    if verbs[child.name] then verbs[child.name](call, child) end
  end
end

function verbs.Gather(call, node)
  task.race {
    key = function() network.until_key(call) end,
    prompt = function() prompt(call, node) end,
  }
  local keys, finished = network.gather(call, tonumber(node.attrs.numDigits), node.attrs.finishOnKey or "#",
    tonumber(node.attrs.timeout) or 5)
  network.note(call, ("gathered '%s'"):format(keys))
  if keys == "" and not finished and node.attrs.actionOnEmptyResult ~= "true" then return nil end
  return go_to(call, node.attrs.action or call.base, node.attrs.method, { Digits = keys, FinishedOnKey = finished })
end

local function opening_of(call, stream_sid, node)
  local parameters = {}
  for _, child in ipairs(children(node, "Parameter")) do parameters[child.attrs.name] = child.attrs.value end
  return {
    json.encode { event = "connected", protocol = "Call", version = "1.0.0" },
    json.encode {
      event = "start", sequenceNumber = "1", streamSid = stream_sid,
      start = {
        streamSid = stream_sid, accountSid = account.sid, callSid = call.id, tracks = json.array { "inbound" },
        mediaFormat = { encoding = "audio/x-mulaw", sampleRate = 8000, channels = 1 }, customParameters = parameters,
      },
    },
  }
end

local function stream(call, node)
  local url = absolute((call.base:gsub("^http", "ws")), node.attrs.url or "")
  if not url:find "^wss?://" then return network.note(call, "31922 the scheme of a stream must be wss: " .. url) end
  if url:find "[?#]" then return network.note(call, "31920 a stream's URL must have neither query nor fragment: " .. url) end
  local stream_sid = twilio_call.sid "MZ"
  local reason = network.stream(call, {
    url = url, headers = { ["x-twilio-signature"] = twilio_call.signature(url) }, stream = stream_sid, carrier_call = call.id,
    opening = opening_of(call, stream_sid, node), sequence = 2,
    closing = json.encode { event = "stop", streamSid = stream_sid, stop = { accountSid = account.sid, callSid = call.id } },
  })
  if reason == "no_socket" then network.note(call, "31920 the media socket could not be opened") end
end

function verbs.Connect(call, node)
  for _, child in ipairs(children(node, "Stream")) do stream(call, child) end
  if node.attrs.action then return go_to(call, node.attrs.action, node.attrs.method) end
end

-- Joins the two until either hangs up. Their words travel as words.
local function talk(call, leg, seconds)
  local over = "dial " .. leg.line
  leg.on_gone = function() task.wake(over, true) end
  if not network.answer(leg, wire) then return "failed" end
  twilio_call.become(leg, "in-progress")
  network.bridge(call, leg)
  task.wait(over, seconds)
  return "completed"
end

local function dial(call, leg, node)
  twilio_call.become(leg, "ringing")
  local outcome = network.ring(leg, tonumber(node.attrs.timeout) or 30)
  if outcome == "answered" then outcome = talk(call, leg, tonumber(node.attrs.timeLimit) or 14400) end
  twilio_call.become(leg, outcome)
  return outcome
end

function verbs.Dial(call, node)
  local number = node.text:match "%S+"
  for _, child in ipairs(children(node, "Number")) do number = child.text:match "%S+" end
  if not number then return network.note(call, "13224 <Dial> names no number") end
  local leg = network.add {
    id = twilio_call.sid "CA", from = node.attrs.callerId or call.from, to = number, party = number, direction = "outbound",
    status = "queued", parent = call.id,
  }
  local started = core.now()
  local outcome = task.finally(dial, function()
    network.part(call)
    twilio_call.become(leg, leg.status == "ringing" and "canceled" or "completed")
    network.release(leg)
  end, call, leg, node)
  if not node.attrs.action then return nil end
  return go_to(call, node.attrs.action, node.attrs.method, {
    DialCallStatus = outcome, DialCallSid = leg.id, DialCallDuration = tostring(math.floor(core.now() - started)),
    DialBridged = outcome == "completed" and "true" or "false",
  })
end

---The subscriber lifts the receiver, or, of an inbound call, the application does.
---@param call callisto.exchange.Call
---@return boolean|nil ok
function twiml.answer(call)
  if call.answered then return true end
  if not network.answer(call, wire) then return nil end
  twilio_call.become(call, "in-progress")
  return true
end

-- One document: nothing, or the one that follows and where it came from.
local function obey(call, document)
  local root, why = xml.parse(document)
  if not root or root.name ~= "Response" then
    return network.note(call, "12100 document parse failure: " .. tostring(why or "<" .. root.name .. ">"))
  end
  for index, node in ipairs(root) do
    local verb = verbs[node.name]
    local may_reject = index == 1 and call.direction == "inbound" and not call.answered
    if not verb then
      network.note(call, "12200 schema warning: <" .. node.name .. "> is not obeyed here")
    elseif node.name == "Reject" and not may_reject then
      network.note(call, "<Reject> must be the first verb of an inbound call")
    else
      if node.name ~= "Reject" and not twiml.answer(call) then return end
      local what, following, where = verb(call, node)
      if call.gone or what == "hangup" then return end
      if what == "document" then return following, where end
    end
  end
end

---Obeys a document and those it leads to, in the running task.
---@param call callisto.exchange.Call
---@param document string
---@param base string where it came from
function twiml.run(call, document, base)
  for _ = 1, MOST_DOCUMENTS do
    call.base = base
    document, base = obey(call, document)
    if not document then return end
  end
  network.note(call, "too many documents")
end

return twiml
