-- callisto.exchange.vendors.tts.deepgram: the wire of Deepgram's Aura, as its server speaks it.

local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local TEXT_BYTES = 2000
local FLUSHES, FLUSHES_S = 20, 60

local function key(request) return (reading.header(request, "authorization") or ""):match "^[TtBb]%a+%s+(.+)$" end

local function refusal(status, message)
  local code = status == 401 and "INVALID_AUTH" or status == 429 and "TOO_MANY_REQUESTS" or "Bad Request"
  return reading.json(status, {
    err_code = code, err_msg = message or (status == 401 and "Invalid credentials." or "Too many requests."),
    request_id = "00000000-0000-4000-8000-000000000000",
  })
end

local function wanted_of(request)
  local query = reading.query(request)
  local encoding = reading.encoding(query.encoding or "linear16")
  local rate = tonumber(query.sample_rate) or (encoding == "l16le" and 24000 or 8000)
  if not query.model or not encoding then return nil end
  return { encoding = encoding, rate = rate, voice = query.model, kind = "application/octet-stream" }
end

local function socket(request)
  if request.path ~= "/v1/speak" then return nil end
  return wanted_of(request) or { status = 400 }
end

local function asked(request)
  if request.path ~= "/v1/speak" or request.method ~= "POST" then return nil end
  local wanted, body = wanted_of(request), json.decode(request.body or "")
  if not wanted then return nil, "model and encoding are needed" end
  if type(body) ~= "table" or type(body.text) ~= "string" then return nil, "The request body must be JSON with 'text'." end
  if #body.text > TEXT_BYTES then return nil, "Input text exceeds maximum character limit of 2000." end
  if reading.query(request).container ~= "none" and wanted.encoding ~= "l16le" then
    return nil, "The double makes raw sound: container=none."
  end
  wanted.text = body.text
  return wanted
end

local orders = {}

function orders.Speak(state, message)
  if type(message.text) ~= "string" then return state.talker.socket:close(1008, "DATA-0000: 'text' is needed") end
  if #message.text > TEXT_BYTES then return state.talker.socket:close(1009, "BIG-0000: the text is too long") end
  state.text[#state.text + 1] = message.text
end

local function may_flush(state)
  local now = state.talker.stage.now()
  while state.flushes[1] and state.flushes[1] < now - FLUSHES_S do table.remove(state.flushes, 1) end
  if #state.flushes == FLUSHES then return false end
  state.flushes[#state.flushes + 1] = now
  return true
end

local function number(state)
  state.sequence = state.sequence + 1
  return state.sequence - 1
end

function orders.Flush(state)
  if not may_flush(state) then
    return state.send { type = "Warning", code = "EXCESSIVE_FLUSH", description = "The flush was ignored." }
  end
  state.talker:put("turn", table.concat(state.text, " "))
  state.text = {}
  state.talker:put("turn", function() state.send { type = "Flushed", sequence_id = number(state) } end)
end

function orders.Clear(state)
  state.text = {}
  state.talker:cancel "turn"
  state.send { type = "Cleared", sequence_id = number(state) }
end

function orders.Close(state)
  state.talker:put("turn", function() state.talker.socket:close(1000, "") end)
end

local function open(talker, wanted)
  local state = { talker = talker, text = {}, flushes = {}, sequence = 0 }
  state.send = function(message) talker.socket:send(json.encode(message)) end
  talker.out = {
    audio = function(bytes) talker.socket:send(bytes, true) end,
    failed = function(why) state.send { type = "Error", err_code = "NET-0000", err_msg = why } end,
  }
  state.send {
    type = "Metadata", request_id = "00000000-0000-4000-8000-000000000000", model_name = wanted.voice, model_version = "double",
    model_uuid = "00000000-0000-4000-8000-000000000001",
  }
  return { message = function(data)
    local message = json.decode(data)
    if type(message) ~= "table" then return talker.socket:close(1003, "MESSAGE-0000: not JSON") end
    local order = orders[message.type or ""]
    if not order then return talker.socket:close(1008, "DATA-0000: unknown type") end
    order(state, message)
  end }
end

return { name = "deepgram", socket = socket, request = asked, key = key, refusal = refusal, open = open }
