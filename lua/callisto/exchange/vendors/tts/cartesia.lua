-- callisto.exchange.vendors.tts.cartesia: the wire of Cartesia, as its server speaks it: contexts on a socket, and HTTP.

local crypto = require "callisto.crypto"
local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local function key(request)
  local query = reading.query(request)
  return reading.bearer(request) or reading.header(request, "x-api-key") or query.api_key or query.access_token
end

local TITLES = { [401] = "Unauthorized", [429] = "Too many requests", [500] = "Internal error" }

local function refusal(status, message)
  return reading.json(status, {
    error_code = status == 429 and "concurrency_limited" or "invalid_request", title = TITLES[status] or "Invalid request",
    message = message or TITLES[status] or "The double refuses this.", request_id = "double",
  })
end

local function format_of(message)
  local format = message.output_format
  if type(format) ~= "table" or format.container ~= "raw" then return nil, "output_format: the double makes container 'raw'" end
  local encoding = reading.encoding(format.encoding)
  if not encoding or not tonumber(format.sample_rate) then return nil, "output_format: unknown encoding or sample_rate" end
  return encoding, tonumber(format.sample_rate)
end

local function voice_of(message) return type(message.voice) == "table" and message.voice.id or nil end

local function socket(request)
  if request.path ~= "/tts/websocket" then return nil end
  return { encoding = "l16le", rate = 8000 } -- each message says it
end

local function asked(request)
  if request.method ~= "POST" or request.path ~= "/tts/bytes" then return nil end
  local body = json.decode(request.body or "")
  if type(body) ~= "table" or type(body.transcript) ~= "string" then return nil, "transcript is required" end
  local encoding, rate = format_of(body)
  if not encoding then return nil, rate end
  return { encoding = encoding, rate = rate, voice = voice_of(body), text = body.transcript, kind = "audio/pcm" }
end

-- The socket ------------------------------------------------------------------------------------------------------------------

local function fail(state, id, why)
  state.send {
    type = "error", context_id = id, done = true, status_code = 400, error_code = "invalid_request", title = "Invalid request",
    message = why, request_id = "double",
  }
end

-- All but the text stays the same within a context.
local function context_of(state, id, message)
  local context = state.contexts[id]
  local encoding, rate = format_of(message)
  if not encoding then return nil, rate end
  if not voice_of(message) or type(message.model_id) ~= "string" then return nil, "model_id and voice are required" end
  local same = json.encode { message.model_id, voice_of(message), encoding, rate }
  if context and context.is_over then return nil, "the context is over" end
  if context and context.same ~= same then return nil, "only transcript, continue and flush may change within a context" end
  if not context then
    context = { text = {}, same = same, has_times = message.add_timestamps, flush = 1 }
    state.contexts[id] = context
  end
  state.talker.encoding, state.talker.rate, state.talker.name = encoding, rate, voice_of(message)
  return context
end

local function say(state, id, context)
  local text = table.concat(context.text)
  context.text = {}
  if text:find "%S" then state.talker:put(id, text) end
end

local function flushed(state, id, context)
  state.talker:put(id, function()
    state.send {
      type = "flush_done", context_id = id, done = false, flush_done = true, flush_id = context.flush, status_code = 206,
    }
    context.flush = context.flush + 1
  end)
end

local function take(state, message)
  local id = message.context_id
  if type(id) ~= "string" then return fail(state, nil, "context_id is required") end
  if message.cancel then
    if state.contexts[id] then state.contexts[id].is_over = true end
    return state.talker:cancel(id)
  end
  local context, why = context_of(state, id, message)
  if not context then return fail(state, id, why) end
  context.text[#context.text + 1] = message.transcript or ""
  local is_at_once = message.flush or message.max_buffer_delay_ms == 0
  if is_at_once or not message.continue then say(state, id, context) end
  if message.continue then return is_at_once and flushed(state, id, context) end
  context.is_over = true
  state.talker:put(id, function() state.send { type = "done", context_id = id, done = true, status_code = 200 } end)
end

local function timestamps_of(words)
  local texts, starts, ends = json.array {}, json.array {}, json.array {}
  for i, each in ipairs(words) do texts[i], starts[i], ends[i] = each.word, each.from, each.to end
  return { words = texts, start = starts, ["end"] = ends }
end

local function audio(state, bytes, id, from, job)
  local context = state.contexts[id]
  state.send {
    type = "chunk", context_id = id, data = crypto.base64(bytes), done = false, status_code = 206, step_time = 10,
    flush_id = context.flush,
  }
  local words = context.has_times and state.talker.words_in(job, from) or {}
  if #words == 0 then return end
  state.send { type = "timestamps", context_id = id, done = false, status_code = 206, word_timestamps = timestamps_of(words) }
end

local function open(talker)
  local state = { talker = talker, contexts = {} }
  state.send = function(message) talker.socket:send(json.encode(message)) end
  talker.out = {
    audio = function(...) audio(state, ...) end,
    failed = function(why, id) fail(state, id, why) end,
  }
  return { message = function(data)
    local message = json.decode(data)
    if type(message) ~= "table" then return fail(state, nil, "the message is not JSON") end
    take(state, message)
  end }
end

return { name = "cartesia", socket = socket, request = asked, key = key, refusal = refusal, open = open }
