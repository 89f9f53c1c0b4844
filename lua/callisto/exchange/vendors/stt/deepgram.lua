-- callisto.exchange.vendors.stt.deepgram: the wire of Deepgram's live recognition, as its server speaks it.

local json = require "callisto.json"
local reading = require "callisto.exchange.vendors.reading"

local IDLE_S = 10
local LEAST_SILENCE_S = 0.1

local function key(request) return (reading.header(request, "authorization") or ""):match "^[TtBb]%a+%s+(.+)$" end

local function socket(request)
  if request.path ~= "/v1/listen" then return nil end
  local query = reading.query(request)
  local encoding, rate = reading.encoding(query.encoding), tonumber(query.sample_rate)
  if not query.model or not encoding or not rate then return { status = 400 } end
  if query.utterance_end_ms and (query.interim_results ~= "true" or tonumber(query.utterance_end_ms) < 1000) then
    return { status = 400 }
  end
  return { encoding = encoding, rate = rate, language = query.language, query = query }
end

local function words_of(words)
  local list, texts = json.array {}, {}
  for i, each in ipairs(words) do
    texts[i] = each.word
    list[i] = {
      word = each.word:lower():gsub("%p+$", ""), punctuated_word = each.word, start = each.from, ["end"] = each.to,
      confidence = 0.99,
    }
  end
  return list, table.concat(texts, " ")
end

local function results(state, words, is_final, is_finalized)
  local list, text = words_of(words)
  local from = words[1] and words[1].from or state.listener.clock
  return {
    type = "Results", channel_index = { 0, 1 }, start = from, duration = state.listener.clock - from, is_final = is_final,
    speech_final = is_final and not is_finalized, from_finalize = is_finalized,
    channel = { alternatives = { { transcript = text, confidence = 0.99, words = list } } },
    metadata = { request_id = "double", model_uuid = "double", model_info = { name = state.query.model, version = "double" } },
  }
end

local orders = {}

function orders.KeepAlive() end

function orders.Finalize(state)
  state.is_finalizing = true
  if not state.listener:finish() then
    state.is_finalizing = false
    state.send(results(state, {}, true, true))
  end
end

function orders.CloseStream(state)
  state.listener:finish()
  state.listener.stage.after(state.listener.ear._options.delay, function()
    state.send {
      type = "Metadata", transaction_key = "deprecated", request_id = "double", sha256 = "", created = "2026-01-05T10:00:00.000Z",
      duration = state.listener.clock, channels = 1,
    }
    state.listener.socket:close(1000, "")
  end)
end

-- Nothing for ten seconds, neither sound nor a text that keeps it alive.
local function watch(state)
  state.listener:later(IDLE_S, function()
    if state.listener.stage.now() - state.last < IDLE_S then return watch(state) end
    state.listener.socket:close(1011, "Deepgram did not receive audio data or a text message within the timeout window. "
      .. "See https://dpgr.am/net0001")
  end)
end

local function utterance_end(state, words)
  local gap = tonumber(state.query.utterance_end_ms)
  if not gap then return end
  state.listener:later(gap / 1000, function()
    state.send { type = "UtteranceEnd", channel = { 0, 1 }, last_word_end = words[#words].to }
  end)
end

local function out_of(state)
  local query = state.query
  return {
    started = query.vad_events == "true" and function(at)
      state.send { type = "SpeechStarted", channel = { 0 }, timestamp = at }
    end or nil,
    partial = query.interim_results == "true" and function(words)
      if words[1].from >= (state.told_until or 0) then state.send(results(state, words, false, false)) end
    end or nil,
    final = function(words)
      state.told_until = words[#words].to
      state.send(results(state, words, true, state.is_finalizing or false))
      state.is_finalizing = false
      utterance_end(state, words)
    end,
    failed = function(why) state.listener.socket:close(1011, why .. ": see https://dpgr.am/net0000") end,
  }
end

local function open(listener, wanted)
  local state = { listener = listener, query = wanted.query, last = listener.stage.now() }
  state.send = function(message) listener.socket:send(json.encode(message)) end
  local endpointing = tonumber(wanted.query.endpointing)
  if endpointing then listener.silence = math.max(endpointing / 1000, LEAST_SILENCE_S) end
  listener.out = out_of(state)
  watch(state)
  return { message = function(data, is_binary)
    state.last = listener.stage.now()
    if is_binary and data == "" then return orders.CloseStream(state) end
    if is_binary then return listener:put(data) end
    local message = json.decode(data)
    local order = type(message) == "table" and orders[message.type or ""]
    if not order then return listener.socket:close(1008, "DATA-0000: unknown message") end
    order(state)
  end }
end

return { name = "deepgram", socket = socket, key = key, open = open }
