-- callisto.exchange.vendors.tts.sarvam: the wire of Sarvam's voices, as its server speaks it.

local crypto = require "callisto.crypto"
local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local CODES = { [403] = "invalid_api_key_error", [429] = "rate_limit_exceeded_error", [500] = "internal_server_error" }

local function key(request) return reading.header(request, "api-subscription-key") end

local function refusal(status, message)
  return reading.json(status, { error = {
    message = message or "The double refuses this.", code = CODES[status] or "invalid_request_error", request_id = "double",
  } })
end

local function socket(request)
  if request.path ~= "/text-to-speech/ws" then return nil end
  return { encoding = "l16le", rate = 8000, has_end = reading.query(request).send_completion_event ~= "false" }
end

local function asked(request)
  if request.method ~= "POST" or request.path ~= "/text-to-speech" then return nil end
  local body = json.decode(request.body or "")
  if type(body) ~= "table" or type(body.text) ~= "string" or not (body.target_language_code or body.language_code) then
    return nil, "text and target_language_code are required"
  end
  local encoding = reading.encoding(body.output_audio_codec)
  if not encoding then return nil, "output_audio_codec: the double makes linear16, mulaw and alaw" end
  local function wrap(answer)
    local bytes, after = {}, 0
    for i, piece in ipairs(answer.pieces) do bytes[i], after = piece.text, after + piece.after end
    local whole = reading.json(200, { request_id = "double", audios = { crypto.base64(table.concat(bytes)) } })
    whole.after = after
    return whole
  end
  return {
    encoding = encoding, rate = tonumber(body.speech_sample_rate or body.sample_rate) or 22050, voice = body.speaker,
    text = body.text, wrap = wrap,
  }
end

local orders = {}

function orders.config(state, data)
  local encoding = reading.encoding(data.output_audio_codec)
  if not encoding or not data.target_language_code then return state.fail "output_audio_codec, target_language_code" end
  state.is_configured, state.codec = true, data.output_audio_codec
  state.talker.encoding, state.talker.rate = encoding, tonumber(data.speech_sample_rate) or 22050
  state.talker.name = data.speaker
end

function orders.text(state, data)
  if type(data.text) ~= "string" or #data.text > 2500 then return state.fail "text: at most 2500 characters" end
  state.text[#state.text + 1] = data.text
end

function orders.flush(state)
  state.talker:put("turn", table.concat(state.text))
  state.text = {}
  state.talker:put("turn", function()
    if state.has_end then state.send { type = "event", data = { event_type = "final" } } end
  end)
end

function orders.ping() end

local function open(talker, wanted)
  local state = { talker = talker, text = {}, has_end = wanted.has_end }
  state.send = function(message) talker.socket:send(json.encode(message)) end
  state.fail = function(why)
    state.send { type = "error", data = { request_id = "double", message = why, code = 422 } }
    talker.socket:close(1000, why)
  end
  talker.out = {
    audio = function(bytes)
      state.send { type = "audio", data = {
        request_id = "double", audio = crypto.base64(bytes), content_type = "audio/" .. state.codec,
      } }
    end,
    failed = state.fail,
  }
  return { message = function(data)
    local message = json.decode(data)
    local order = type(message) == "table" and orders[message.type or ""]
    if not order then return state.fail "unknown type of message" end
    if not state.is_configured and message.type ~= "config" then return state.fail "config must be the first message" end
    order(state, message.data or {})
  end }
end

return { name = "sarvam", socket = socket, request = asked, key = key, refusal = refusal, open = open, unauthorized = 403 }
