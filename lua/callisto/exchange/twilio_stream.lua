-- callisto.exchange.twilio_stream: the carrier's side of Twilio's media socket.

local core = require "callisto.core"
local documents = require "callisto.exchange.documents"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local twilio_call = require "callisto.exchange.twilio_call"

local twilio_stream = {}

local wire, account

-- What we send carries the counters, what we expect is the application's.
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
function twilio_stream.start(given)
  account = given
  wire = core.wire(media)
end

---The media socket's.
---@return userdata
function twilio_stream.wire() return wire end

local function opening_of(call, stream_sid, node)
  local parameters = {}
  for _, child in ipairs(documents.children(node, "Parameter")) do parameters[child.attrs.name] = child.attrs.value end
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

---<Connect><Stream>: opens the media socket and waits until it is over.
---@param call callisto.exchange.Call
---@param node table
function twilio_stream.run(call, node)
  local url = documents.absolute((call.base:gsub("^http", "ws")), node.attrs.url or "")
  if not url:find "^wss?://" then return network.note(call, "31922 the scheme of a stream must be wss: " .. url) end
  if url:find "[?#]" then return network.note(call, "31920 a stream's URL must have neither query nor fragment: " .. url) end
  local stream_sid = twilio_call.sid "MZ"
  local function tell(event, why)
    local to = node.attrs.statusCallback
    if not to then return end
    twilio_call.notify(call, event, documents.absolute(call.base, to), node.attrs.statusCallbackMethod, {
      StreamSid = stream_sid, StreamName = node.attrs.name or stream_sid, StreamEvent = event, StreamError = why,
      Timestamp = core.date("%Y-%m-%dT%H:%M:%SZ", core.wall()),
    }, true)
  end
  local reason = network.stream(call, {
    url = url, headers = { ["x-twilio-signature"] = twilio_call.signature(url) }, stream = stream_sid, carrier_call = call.id,
    opening = opening_of(call, stream_sid, node), sequence = 2,
    closing = json.encode { event = "stop", streamSid = stream_sid, stop = { accountSid = account.sid, callSid = call.id } },
    on_start = function() tell "stream-started" end,
    on_end = function(why)
      if why == "no_socket" then return tell("stream-error", "31920 the media socket could not be opened") end
      tell "stream-stopped"
    end,
  })
  if reason == "no_socket" then network.note(call, "31920 the media socket could not be opened") end
end

return twilio_stream
