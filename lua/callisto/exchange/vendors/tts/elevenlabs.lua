-- callisto.exchange.vendors.tts.elevenlabs: the wire of ElevenLabs, as its server speaks it: several contexts on a socket, and
-- HTTP.

local crypto = require "callisto.crypto"
local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local CONTEXTS = 5
local SCHEDULE_BYTES = 120 -- without auto_mode nothing is said before so much text is there, or a flush

local FORMATS = { ulaw = "pcmu", alaw = "pcma", pcm = "l16le" }

local function key(request)
  return reading.header(request, "xi-api-key") or (reading.query(request).authorization or ""):match "^Bearer%s*(.+)$"
end

local STATUSES = { [401] = "invalid_api_key", [429] = "too_many_concurrent_requests", [500] = "internal_error" }

local function refusal(status, message)
  return reading.json(status, { detail = {
    status = STATUSES[status] or "invalid_request", message = message or "The double refuses this.",
  } })
end

local function wanted_of(request, id)
  local query = reading.query(request)
  local name, rate = (query.output_format or "pcm_16000"):match "^(%a+)_(%d+)$"
  if not FORMATS[name or ""] then return nil end
  return {
    encoding = FORMATS[name], rate = tonumber(rate), voice = id, is_auto = query.auto_mode == "true", kind = "audio/basic",
    has_times = query.sync_alignment == "true",
  }
end

local function socket(request)
  local id, door = request.path:match "^/v1/text%-to%-speech/([%w_-]+)/(multi%-stream%-input)$"
  if not id then id, door = request.path:match "^/v1/text%-to%-speech/([%w_-]+)/(stream%-input)$" end
  if not id then return nil end
  local wanted = wanted_of(request, id)
  if not wanted then return { status = 400 } end
  wanted.is_single = door == "stream-input"
  return wanted
end

local function asked(request)
  local id = request.method == "POST" and request.path:match "^/v1/text%-to%-speech/([%w_-]+)/?s?t?r?e?a?m?$"
  if not id then return nil end
  local wanted, body = wanted_of(request, id), json.decode(request.body or "")
  if not wanted then return nil, "The double makes ulaw_8000, alaw_8000 and pcm_ formats." end
  if type(body) ~= "table" or type(body.text) ~= "string" then return nil, "body.text: Field required" end
  wanted.text = body.text
  return wanted
end

-- A context -----------------------------------------------------------------------------------------------------------------

local function label(state, id, message)
  if not state.wanted.is_single then message.contextId = id end
  return message
end

local function say(state, id, context)
  local text = table.concat(context.text)
  context.text = {}
  if text:find "%S" then state.talker:put(id, text) end
end

-- The letters of the words that begin in a piece, with times from its begin.
local function alignment_of(words, from)
  local chars, starts, durations = json.array {}, json.array {}, json.array {}
  for _, each in ipairs(words) do
    local text = each.word .. " "
    local one_ms = (each.to - each.from) * 1000 / #text
    for i = 1, #text do
      chars[#chars + 1] = text:sub(i, i)
      starts[#starts + 1] = math.floor((each.from - from) * 1000 + (i - 1) * one_ms)
      durations[#durations + 1] = math.floor(one_ms)
    end
  end
  if #chars == 0 then return json.null end
  return { chars = chars, charStartTimesMs = starts, charDurationsMs = durations }
end

local function finish(state, id)
  state.talker:put(id, function()
    state.send(label(state, id, { audio = json.null, isFinal = true }))
    if state.contexts[id] and state.contexts[id].is_closed then state.contexts[id], state.count = nil, state.count - 1 end
    if state.wanted.is_single then state.talker.socket:close(1000, "") end
  end)
end

local function fail(state, error, message)
  state.send { message = message, error = error, code = 1008 }
  state.talker.socket:close(1008, message)
end

local function context_of(state, id, message)
  local context = state.contexts[id]
  if context then
    if message.voice_settings and json.encode(message.voice_settings) ~= context.settings then
      state.talker.socket:close(1008, "Voice settings can only be given in the first message of a context.")
      return nil
    end
    return context
  end
  if state.count == CONTEXTS then
    fail(state, "max_active_conversations", "The maximum number of simultaneous contexts is 5.")
    return nil
  end
  context = { text = {}, settings = message.voice_settings and json.encode(message.voice_settings) or nil }
  state.contexts[id], state.count = context, state.count + 1
  return context
end

-- An empty text holds a context open; on a socket of one context it is its end.
local function take_text(state, id, context, message)
  local text = message.text or ""
  if text == "" and state.wanted.is_single and message.text then
    say(state, id, context)
    return finish(state, id)
  end
  context.text[#context.text + 1] = text
  local waiting = #table.concat(context.text)
  if message.flush or message.try_trigger_generation or state.wanted.is_auto or waiting >= SCHEDULE_BYTES then
    say(state, id, context)
  end
end

local function take(state, message)
  if message.close_socket then
    return state.talker:put(nil, function() state.talker.socket:close(1000, "") end)
  end
  local id = state.wanted.is_single and "single" or message.context_id
  if not id then return end
  local context = state.contexts[id]
  if message.close_context then
    if not context then return end
    context.text, context.is_closed = {}, true
    return finish(state, id)
  end
  context = context_of(state, id, message)
  if context then take_text(state, id, context, message) end
end

local function open(talker, wanted)
  local state = { talker = talker, wanted = wanted, contexts = {}, count = 0 }
  state.send = function(message) talker.socket:send(json.encode(message)) end
  talker.out = {
    audio = function(bytes, id, from, job)
      local times = wanted.has_times and alignment_of(talker.words_in(job, from), from) or json.null
      state.send(label(state, id, { audio = crypto.base64(bytes), alignment = times, normalizedAlignment = times }))
    end,
    failed = function(why) fail(state, "internal_error", why) end,
  }
  return { message = function(data)
    local message = json.decode(data)
    if type(message) ~= "table" then return fail(state, "invalid_message", "The message is not JSON.") end
    take(state, message)
  end }
end

return { name = "elevenlabs", socket = socket, request = asked, key = key, refusal = refusal, open = open }
