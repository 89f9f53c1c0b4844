-- callisto.exchange.vendors.stt.sarvam: the wire of Sarvam's recognition, as its server speaks it: no interim words, one
-- transcript for each utterance, a moment after its end.

local crypto = require "callisto.crypto"
local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local RATE = 16000
local TRANSCRIPT_AFTER_S = 0.24

local function key(request) return reading.header(request, "api-subscription-key") end

local function socket(request)
  if request.path ~= "/speech-to-text/ws" and request.path ~= "/speech-to-text-translate/ws" then return nil end
  local query = reading.query(request)
  if not query["language-code"] then return { status = 400 } end
  return { encoding = "l16le", rate = RATE, language = query["language-code"], query = query }
end

local function fail(state, code, why)
  state.send { type = "error", data = { request_id = "double", message = why, code = code } }
  state.listener.socket:close(1000, why)
end

local function signal(state, name)
  if state.query.vad_signals ~= "true" then return end
  state.send { type = "events", data = { event_type = "vad", signal_type = name, occured_at = state.listener.clock } }
end

local function transcript(state, words)
  local texts = {}
  for i, each in ipairs(words) do texts[i] = each.word end
  state.send { type = "data", data = {
    request_id = "double", transcript = table.concat(texts, " "), language_code = state.query["language-code"],
    speech_start = words[1].from, speech_end = words[#words].to,
    metrics = { audio_duration = words[#words].to - words[1].from, processing_latency = TRANSCRIPT_AFTER_S },
  } }
end

-- At 8 kHz it closes.
local function put(state, audio)
  local bytes = type(audio.data) == "string" and crypto.unbase64(audio.data)
  if not bytes then return fail(state, 422, "audio.data must be base64") end
  if tostring(audio.sample_rate) ~= tostring(RATE) then return state.listener.socket:close(1000, "") end
  state.listener:put(bytes)
end

local function take(state, message)
  if message.type == "flush" then return state.listener:finish() end
  if message.type == "config" then return end
  if message.type == "end_of_stream" then return state.listener:finish() end
  if type(message.audio) ~= "table" then return fail(state, 422, "unknown message") end
  put(state, message.audio)
end

local function open(listener, wanted)
  local state = { listener = listener, query = wanted.query }
  state.send = function(message) listener.socket:send(json.encode(message)) end
  listener.out = {
    started = function() signal(state, "START_SPEECH") end,
    final = function(words)
      signal(state, "END_SPEECH")
      listener:later(TRANSCRIPT_AFTER_S, function() transcript(state, words) end)
    end,
    failed = function(why) fail(state, 500, why) end,
  }
  return { message = function(data)
    local message = json.decode(data)
    if type(message) ~= "table" then return fail(state, 422, "the message is not JSON") end
    take(state, message)
  end }
end

return { name = "sarvam", socket = socket, key = key, open = open, unauthorized = 403 }
