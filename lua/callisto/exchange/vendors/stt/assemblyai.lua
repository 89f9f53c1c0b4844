-- callisto.exchange.vendors.stt.assemblyai: the wire of AssemblyAI's streaming, version 3, as its server speaks it.

local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local SHORTEST_S, LONGEST_S = 0.05, 1.0

local function key(request)
  local given = reading.header(request, "authorization") or reading.query(request).token
  return given ~= "" and given or nil
end

local function socket(request)
  if request.path ~= "/v3/ws" then return nil end
  local query = reading.query(request)
  return {
    encoding = reading.encoding(query.encoding or "pcm_s16le"), rate = tonumber(query.sample_rate),
    is_formatted = query.format_turns == "true", query = query,
  }
end

local function fail(state, code, why, reason)
  state.send { type = "Error", error_code = code, error = why }
  state.listener.socket:close(code, reason or why)
end

local function turn(state, words, is_end, is_formatted)
  local list, texts = json.array {}, {}
  for i, each in ipairs(words) do
    local text = is_formatted and each.word or each.word:lower():gsub("%p+$", "")
    texts[i] = text
    list[i] = {
      start = math.floor(each.from * 1000), ["end"] = math.floor(each.to * 1000), confidence = 0.99, text = text,
      word_is_final = true,
    }
  end
  return {
    type = "Turn", turn_order = state.order, turn_is_formatted = is_formatted, end_of_turn = is_end,
    transcript = table.concat(texts, " "), end_of_turn_confidence = is_end and 0.9 or 0.02, words = list,
  }
end

local orders = {}

function orders.KeepAlive() end
function orders.ForceEndpoint(state) state.listener:finish() end

function orders.UpdateConfiguration(state, message)
  local silence = tonumber(message.max_turn_silence)
  if silence then state.listener.silence = silence / 1000 end
end

function orders.Terminate(state)
  state.listener:finish()
  state.listener.stage.after(state.listener.ear._options.delay, function()
    local seconds = math.floor(state.listener.clock)
    state.send { type = "Termination", audio_duration_seconds = seconds, session_duration_seconds = seconds }
    state.listener.socket:close(1000, "")
  end)
end

local function put(state, data)
  local listener = state.listener
  local seconds = #data / listener.rate / (listener.encoding == "l16le" and 2 or 1)
  if seconds < SHORTEST_S or seconds > LONGEST_S then
    return fail(state, 3007, "Input Duration Error: Input duration must be between 50 and 1000 ms")
  end
  listener:put(data)
end

local function out_of(state, wanted)
  return {
    partial = function(words)
      if words[1].from >= (state.told_until or 0) then state.send(turn(state, words, false, false)) end
    end,
    final = function(words)
      state.told_until = words[#words].to
      state.send(turn(state, words, true, false))
      if wanted.is_formatted then state.send(turn(state, words, true, true)) end
      state.order = state.order + 1
    end,
    failed = function(why) fail(state, 3005, why) end,
  }
end

local function open(listener, wanted)
  local state = { listener = listener, order = 0 }
  state.send = function(message) listener.socket:send(json.encode(message)) end
  local function ignore() end
  if wanted.is_unauthorized then
    fail(state, 1008, "Unauthorized Connection: Invalid API key", "See Error message for details")
    return { message = ignore }
  end
  if not wanted.is_playable then
    fail(state, 3006, "sample_rate and an encoding of pcm_s16le or pcm_mulaw are needed")
    return { message = ignore }
  end
  local silence = tonumber(wanted.query.max_turn_silence)
  if silence then listener.silence = silence / 1000 end
  listener.out = out_of(state, wanted)
  state.send { type = "Begin", id = "00000000-0000-4000-8000-000000000000", expires_at = 1789000000 }
  return { message = function(data, is_binary)
    if is_binary then return put(state, data) end
    local message = json.decode(data)
    local order = type(message) == "table" and orders[message.type or ""]
    if not order then return fail(state, 3006, "Invalid Message") end
    order(state, message)
  end }
end

return {
  name = "assemblyai", key = key, open = open, unauthorized = 0,
  socket = function(request)
    local wanted = socket(request)
    if not wanted then return nil end
    wanted.is_playable = wanted.encoding ~= nil and wanted.rate ~= nil
    wanted.encoding, wanted.rate = wanted.encoding or "l16le", wanted.rate or 8000
    return wanted
  end,
}
