-- callisto.exchange.twilio.stream: the carrier's side of Twilio's media socket.

local callbacks = require "callisto.exchange.callbacks"
local core = require "callisto.core"
local documents = require "callisto.exchange.documents"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local task = require "callisto.task"
local twilio_call = require "callisto.exchange.twilio.call"

local twilio_stream = {}

local wire, mute, one_way, account

-- What we send carries the counters, what we expect is the application's. A one-way stream carries no keys, and what the
-- application sends on it is not heard. A mute one plays what it gets and gives no mark back.
local function declare(is_one_way, is_mute)
  return core.wire {
    name = "twilio-carrier", encoding = "pcmu", rate = 8000, frame_ms = 20, event = "event",
    audio_in = { event = is_one_way and "no media" or "media", payload = "media.payload" },
    mark_in = not is_one_way and { event = "mark", name = "mark.name" } or nil,
    clear_in = not is_one_way and { event = "clear" } or nil,
    audio_out = [[{"event":"media","sequenceNumber":"$seq","streamSid":"$stream","media":{"track":"inbound",]]
      .. [["chunk":"$chunk","timestamp":"$ms","payload":"$audio"}}]],
    mark_out = not is_one_way and not is_mute
      and [[{"event":"mark","sequenceNumber":"$seq","streamSid":"$stream","mark":{"name":"$mark"}}]] or nil,
    dtmf_out = not is_one_way and [[{"event":"dtmf","sequenceNumber":"$seq","streamSid":"$stream",]]
      .. [["dtmf":{"track":"inbound_track","digit":"$digit"}}]] or nil,
  }
end

---@param given {sid: string, token: string}
function twilio_stream.start(given)
  account = given
  wire, mute, one_way = declare(false), declare(false, true), declare(true)
end

---The media socket's.
---@return userdata
function twilio_stream.wire() return callbacks.faults().swallow_marks and mute or wire end

---@class callisto.exchange.TwilioStream
---@field id string
---@field url string
---@field name string|nil
---@field parameters table<string, string>
---@field status_url string|nil
---@field status_method string|nil

local function opening_of(call, stream)
  return {
    json.encode { event = "connected", protocol = "Call", version = "1.0.0" },
    json.encode {
      event = "start", sequenceNumber = "1", streamSid = stream.id,
      start = {
        streamSid = stream.id, accountSid = account.sid, callSid = call.id, tracks = json.array { "inbound" },
        mediaFormat = { encoding = "audio/x-mulaw", sampleRate = 8000, channels = 1 }, customParameters = stream.parameters,
      },
    },
  }
end

local function of_node(call, node)
  local attrs, parameters = node.attrs, {}
  for _, child in ipairs(documents.children(node, "Parameter")) do parameters[child.attrs.name] = child.attrs.value end
  return {
    id = twilio_call.sid "MZ", url = documents.absolute((call.base:gsub("^http", "ws")), attrs.url or ""), name = attrs.name,
    parameters = parameters, status_url = attrs.statusCallback and documents.absolute(call.base, attrs.statusCallback),
    status_method = attrs.statusCallbackMethod,
  }
end

---What is wrong with the URL of a stream: the carrier's code and sentence.
---@param url string
---@return integer|nil code, string? why
function twilio_stream.fault_of(url)
  if not url:find "^wss?://" then return 31922, "the scheme of a stream must be wss: " .. url end
  if url:find "[?#]" then return 31920, "a stream's URL must have neither query nor fragment: " .. url end
end

-- Opens a socket and waits until it is over.
local function open(call, stream, options)
  local code, fault = twilio_stream.fault_of(stream.url)
  if code then return network.note(call, ("%d %s"):format(code, fault)) end
  local function tell(event, why)
    if not stream.status_url then return end
    twilio_call.notify(call, event, stream.status_url, stream.status_method, {
      StreamSid = stream.id, StreamName = stream.name or stream.id, StreamEvent = event, StreamError = why,
      Timestamp = core.date("%Y-%m-%dT%H:%M:%SZ", core.wall()),
    }, true)
  end
  local reason = network.stream(call, {
    url = stream.url, headers = { ["x-twilio-signature"] = twilio_call.signature(stream.url) }, stream = stream.id,
    carrier_call = call.id, opening = opening_of(call, stream), sequence = 2, wire = options.wire,
    closing = json.encode { event = "stop", streamSid = stream.id, stop = { accountSid = account.sid, callSid = call.id } },
    on_start = function()
      if options.on_start then options.on_start() end
      tell "stream-started"
    end,
    on_end = function(why)
      if why == "no_socket" then return tell("stream-error", "31920 the media socket could not be opened") end
      tell "stream-stopped"
    end,
  })
  if reason == "no_socket" then network.note(call, "31920 the media socket could not be opened") end
end

---<Connect><Stream>: opens the media socket and waits until it is over.
---@param call callisto.exchange.Call
---@param node table
function twilio_stream.run(call, node)
  twilio_stream.stop(call)
  open(call, of_node(call, node), { wire = twilio_stream.wire() })
end

---Opens a one-way stream beside the document: the application listens. A line has one socket at a time.
---@param call callisto.exchange.Call
---@param stream callisto.exchange.TwilioStream
---@return boolean begun
function twilio_stream.listen(call, stream)
  if call.streaming or call.listener then
    network.note(call, "a second stream is not played here")
    return false
  end
  local listener = { stream = stream }
  call.listener = listener
  -- Keys go to the documents: a one-way stream has none.
  local options = { wire = one_way, on_start = function() call.streaming = false end }
  listener.task = task.start(function()
    open(call, stream, options)
    if call.listener == listener then call.listener = nil end
  end)
  return true
end

---<Start><Stream>
---@param call callisto.exchange.Call
---@param node table
function twilio_stream.start_listening(call, node) twilio_stream.listen(call, of_node(call, node)) end

---Ends the one-way stream of a call.
---@param call callisto.exchange.Call
---@param name string|nil  its id or name; nil: whatever it is
---@return callisto.exchange.TwilioStream|nil stopped
function twilio_stream.stop(call, name)
  local listener = call.listener
  if not listener or (name and name ~= listener.stream.id and name ~= listener.stream.name) then return nil end
  call.listener = nil
  task.cancel(listener.task)
  return listener.stream
end

return twilio_stream
