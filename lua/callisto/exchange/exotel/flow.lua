-- callisto.exchange.exotel.flow: the applets of a flow, and the carrier's side of Exotel's media socket.
--
--   Voicebot (asks for a socket, or has one) ──► Passthru (tells how the stream ended) ──► Connect (asks whom to dial) ──► end
--
-- A call that was placed with a socket of its own has the first of them alone.

local core = require "callisto.core"
local exotel_call = require "callisto.exchange.exotel.call"
local http = require "callisto.http"
local json = require "callisto.json"
local network = require "callisto.exchange.network"

local exotel_flow = {}

local RATES = { ["8000"] = true, ["16000"] = true, ["24000"] = true }
local URL_BYTES = 600
local ATTEMPTS = 2 -- to open a socket
local RING_S, TALK_S = 30, 14400

local course, account
local wires = {}

-- Frames come about every 100 ms. Only one spelling of the ids is sent, as the carrier's pages have it.
local function media(rate)
  return {
    name = "exotel-carrier", encoding = "l16le", rate = rate, frame_ms = 100, event = "event",
    audio_in = { event = "media", payload = "media.payload" },
    mark_in = { event = "mark", name = "mark.name" },
    clear_in = { event = "clear" },
    audio_out = [[{"event":"media","sequence_number":"$seq","stream_sid":"$stream",]]
      .. [["media":{"chunk":"$chunk","timestamp":"$ms","payload":"$audio"}}]],
    mark_out = [[{"event":"mark","sequence_number":"$seq","stream_sid":"$stream","mark":{"name":"$mark"}}]],
    dtmf_out = [[{"event":"dtmf","sequence_number":"$seq","stream_sid":"$stream","dtmf":{"digit":"$digit","duration":"100"}}]],
  }
end

-- The items of the socket's query: the rate, and what the application wants back.
local function query_of(url)
  local query = http.read_query(url:match "%?(.*)$" or "")
  local rate = query["sample-rate"] or query.sample_rate
  query["sample-rate"], query.sample_rate = nil, nil
  return RATES[rate or ""] and tonumber(rate) or 8000, query
end

---The media socket's, at the rate of the socket's URL.
---@param call callisto.exchange.Call
---@return userdata
function exotel_flow.wire(call)
  local rate = call.rate or 8000
  wires[rate] = wires[rate] or core.wire(media(rate))
  return wires[rate]
end

local function opening_of(call, stream, rate, parameters)
  local customer, own = call.party, call.party == call.from and call.to or call.from
  return {
    json.encode { event = "connected" },
    json.encode {
      event = "start", sequence_number = "1", stream_sid = stream,
      start = {
        stream_sid = stream, call_sid = call.id, account_sid = account.sid, from = exotel_call.written(customer),
        to = exotel_call.written(own), custom_parameters = next(parameters) and parameters or "",
        media_format = { encoding = "audio/x-raw", sample_rate = tostring(rate), bit_rate = "16" },
      },
    },
  }
end

local function stop_of(call, stream)
  return json.encode {
    event = "stop", stream_sid = stream, stop = { call_sid = call.id, account_sid = account.sid, reason = "callended" },
  }
end

-- Waits until the stream is over, and tells who ended it.
local function run_socket(call, url)
  local stream = exotel_call.sid()
  local rate, parameters = query_of(url)
  local bare, headers = exotel_call.socket_of(url)
  local reason
  for _ = 1, ATTEMPTS do
    reason = network.stream(call, {
      url = bare, headers = headers, stream = stream, carrier_call = call.id, sequence = 2,
      opening = opening_of(call, stream, rate, parameters), closing = stop_of(call, stream),
    })
    if reason ~= "no_socket" then break end
    network.note(call, "the media socket could not be opened")
  end
  return {
    { "Stream[StreamSID]", stream }, { "Stream[Status]", reason == "no_socket" and "failed" or "completed" },
    { "Stream[StreamUrl]", bare }, { "Stream[DisconnectedBy]", reason == "hangup" and "bot" or "user" },
    { "Stream[Error]", reason == "no_socket" and "3001" or nil },
  }
end

---The subscriber lifts the receiver, or, of an inbound call, the flow does.
---@param call callisto.exchange.Call
---@param url string|nil of the socket
---@return boolean ok
function exotel_flow.lift(call, url)
  if call.answered then return true end
  call.rate = query_of(url or "")
  return course:lift(call)
end

-- The URL of the applet's socket: its own, or the one the application answers.
local function socket_of(call, voice_url)
  if voice_url:find "^wss?://" then return voice_url end
  local answer, why = exotel_call.ask(call, voice_url)
  local url = answer and answer.url
  if type(url) ~= "string" then return nil, answer and "the answer has no url" or why end
  if not url:find "^wss?://" then return nil, "the scheme of a socket must be wss: " .. url end
  if #url > URL_BYTES then return nil, "the socket's URL is longer than 600 characters" end
  return url
end

local function voicebot(call, voice_url)
  local url, why = socket_of(call, voice_url)
  if not url then return network.note(call, "voicebot applet: " .. why) end
  if not exotel_flow.lift(call, url) then return nil end
  return run_socket(call, url)
end

local function connect(call, url)
  local answer = exotel_call.ask(call, url)
  local destination = answer and type(answer.destination) == "table" and answer.destination or {}
  local numbers = type(destination.numbers) == "table" and destination.numbers or {}
  if type(numbers[1]) ~= "string" then return network.note(call, "connect applet: no one dialed") end
  if not exotel_flow.lift(call) then return nil end
  local caller = type(answer.outgoing_phone_number) == "string" and answer.outgoing_phone_number or call.to
  local leg = {
    id = exotel_call.sid(), carrier = "exotel", from = exotel_call.number(caller), to = exotel_call.number(numbers[1]),
    rate = call.rate,
  }
  local outcome = course:dial(call, leg, tonumber(answer.max_ringing_duration) or RING_S,
    tonumber(answer.max_conversation_duration) or TALK_S)
  network.note(call, "connect applet: " .. outcome)
end

---Goes through a flow to its end.
---@param call callisto.exchange.Call
---@param flow {voice_url: string, passthru_url: string|nil, dial_url: string|nil}
function exotel_flow.run(call, flow)
  local stream = voicebot(call, flow.voice_url)
  if call.gone then return end
  if flow.passthru_url then exotel_call.ask(call, flow.passthru_url, stream) end
  if flow.dial_url then connect(call, flow.dial_url) end
end

---@param given {sid: string}
---@param of table the course of Exotel's calls
function exotel_flow.start(given, of) account, course = given, of end

return exotel_flow
