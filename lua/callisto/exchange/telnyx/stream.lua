-- callisto.exchange.telnyx.stream: the carrier's side of Telnyx's media socket.
--
-- The document decides the codec, so a socket has a wire of its own. A socket that breaks is opened again, unless the
-- document says not to.

local core = require "callisto.core"
local documents = require "callisto.exchange.documents"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local telnyx_call = require "callisto.exchange.telnyx.call"

local telnyx_stream = {}

local LINE_CODEC = "PCMU" -- of the telephone, where the document names none
local RECONNECTS = 3
local L16_RATES = { 8000, 16000, 24000 }

local account
local wires = {}

-- A carrier that expects MP3 takes no other audio.
local function declare(codec, encoding, rate, takes)
  return core.wire {
    name = "telnyx-carrier " .. codec, encoding = encoding, rate = rate, frame_ms = 20, event = "event",
    audio_in = { event = takes, payload = "media.payload" },
    mark_in = { event = "mark", name = "mark.name" },
    clear_in = { event = "clear" },
    audio_out = [[{"event":"media","sequence_number":"$seq","stream_id":"$stream","media":{"track":"inbound",]]
      .. [["chunk":"$chunk","timestamp":"$ms","payload":"$audio"}}]],
    mark_out = [[{"event":"mark","sequence_number":"$seq","stream_id":"$stream","mark":{"name":"$mark"}}]],
    dtmf_out = [[{"event":"dtmf","sequence_number":"$seq","stream_id":"$stream","dtmf":{"digit":"$digit"}}]],
  }
end

local function wire_of(codec, encoding, rate)
  return {
    codec = codec, rate = rate,
    wire = declare(codec, encoding, rate, "media"), mp3 = declare(codec, encoding, rate, "no raw audio"),
  }
end

---@param given {sid: string}
---@param l16 "l16be"|"l16le" the byte order of L16, which documents cannot say
function telnyx_stream.start(given, l16)
  account = given
  wires = { PCMU = wire_of("PCMU", "pcmu", 8000), PCMA = wire_of("PCMA", "pcma", 8000) }
  for _, rate in ipairs(L16_RATES) do wires["L16 " .. rate] = wire_of("L16", l16, rate) end
end

-- The codec of a stream by its name; of L16 the rate counts as well.
local function wire_named(codec, rate) return wires[codec == "L16" and "L16 " .. (rate or "8000") or codec] end

---That of a line before a document chooses another.
---@return userdata
function telnyx_stream.wire() return wires[LINE_CODEC].wire end

local function opening_of(call, stream_id, node, format)
  local parameters = {}
  for _, child in ipairs(documents.children(node, "Parameter")) do parameters[child.attrs.name] = child.attrs.value end
  return {
    json.encode { event = "connected", version = "1.0.0" },
    json.encode {
      event = "start", sequence_number = "1", stream_id = stream_id,
      start = {
        user_id = account.sid, call_control_id = call.id, call_session_id = call.session, from = call.from, to = call.to,
        tags = json.array {}, client_state = json.null, custom_parameters = parameters,
        media_format = { encoding = format.codec, sample_rate = format.rate, channels = 1 },
      },
    },
  }
end

-- What a document asks for that cannot be had here.
local function refusal_of(attrs, url)
  if not url:find "^wss?://" then return "the URL of a stream must be wss: " .. url end
  if attrs.bidirectionalMode ~= "rtp" then return 'without bidirectionalMode="rtp" MP3 is expected, raw audio dropped' end
  local codec = attrs.bidirectionalCodec or LINE_CODEC
  local rate = attrs.bidirectionalSamplingRate
  if not wire_named(codec, rate) then return ("this codec is not played here: %s %s"):format(codec, rate or "") end
end

local function format_of(attrs)
  local codec = attrs.codec
  if not codec or codec == "default" then codec = attrs.bidirectionalCodec or LINE_CODEC end
  return wire_named(codec, attrs.bidirectionalSamplingRate) or wires[LINE_CODEC]
end

local function open(call, node, url, tell)
  local format = format_of(node.attrs)
  local stream_id = telnyx_call.uuid():upper()
  return network.stream(call, {
    url = url, stream = stream_id, carrier_call = call.id, sequence = 2,
    wire = node.attrs.bidirectionalMode == "rtp" and format.wire or format.mp3,
    opening = opening_of(call, stream_id, node, format),
    closing = json.encode { event = "stop", stream_id = stream_id, stop = { user_id = account.sid, call_control_id = call.id } },
    on_start = function() tell("stream-started", stream_id) end,
    on_end = function(why) tell(why == "no_socket" and "stream-failed" or "stream-stopped", stream_id) end,
  })
end

-- A reason for which the socket is opened again.
local broken = { lost = true, no_socket = true }

local function play(call, node, url, tell)
  local attrs = node.attrs
  local refused = refusal_of(attrs, url)
  if refused then network.note(call, refused) end
  if refused and not url:find "^wss?://" then return end
  call.session = call.session or telnyx_call.uuid()
  for _ = 0, attrs.enableReconnect == "false" and 0 or RECONNECTS do
    local reason = open(call, node, url, tell)
    if reason == "no_socket" then network.note(call, "the media socket could not be opened") end
    if not broken[reason] or call.gone then return end
  end
end

---<Connect><Stream>: opens the media socket and waits until it is over.
---@param call callisto.exchange.Call
---@param node table
function telnyx_stream.run(call, node)
  local attrs = node.attrs
  play(call, node, documents.absolute((call.base:gsub("^http", "ws")), attrs.url or ""), function(event, stream_id)
    if not attrs.statusCallback then return end
    telnyx_call.notify(call, event, documents.absolute(call.base, attrs.statusCallback), attrs.statusCallbackMethod,
      { StreamSid = stream_id, StreamName = attrs.name or stream_id, StreamEvent = event })
  end)
end

---The same by a command of Call Control.
---@param call callisto.exchange.Call
---@param attrs table<string, string>  as of <Stream>
---@param tell fun(event: string, stream_id: string)  "stream-started" …
function telnyx_stream.play(call, attrs, tell) play(call, { attrs = attrs }, attrs.url or "", tell) end

return telnyx_stream
