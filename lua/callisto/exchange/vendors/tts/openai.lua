-- callisto.exchange.vendors.tts.openai: the wire of OpenAI's audio/speech, as its server and those like it speak it.

local crypto = require "callisto.crypto"
local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local RATE = 24000
local CODES = { [401] = "invalid_api_key", [429] = "rate_limit_exceeded" }

local function key(request) return reading.bearer(request) end

local function refusal(status, message)
  return reading.json(status, { error = {
    message = message or "The double refuses this.", type = status == 500 and "server_error" or "invalid_request_error",
    param = json.null, code = CODES[status] or json.null,
  } })
end

-- The sound as events instead of bytes.
local function as_events(answer)
  for _, piece in ipairs(answer.pieces) do
    piece.text = "data: " .. json.encode { type = "speech.audio.delta", audio = crypto.base64(piece.text) } .. "\n\n"
  end
  if not answer.ends then
    answer.pieces[#answer.pieces + 1] = { after = 0, text = "data: " .. json.encode {
      type = "speech.audio.done", usage = { input_tokens = 1, output_tokens = 1, total_tokens = 2 },
    } .. "\n\n" }
  end
  answer.headers = { ["content-type"] = "text/event-stream; charset=utf-8" }
  return answer
end

local function asked(request)
  if request.method ~= "POST" or not request.path:find "/audio/speech$" then return nil end
  local body = json.decode(request.body or "")
  if type(body) ~= "table" or type(body.input) ~= "string" or #body.input > 4096 then
    return nil, "input: a text of at most 4096 characters is required"
  end
  if type(body.model) ~= "string" or not body.voice then return nil, "model and voice are required" end
  if body.response_format ~= "pcm" then return nil, "response_format: the double makes pcm" end
  return {
    encoding = "l16le", rate = RATE, voice = tostring(body.voice), text = body.input, kind = "audio/pcm",
    wrap = body.stream_format == "sse" and as_events or nil,
  }
end

return { name = "openai", request = asked, key = key, refusal = refusal }
