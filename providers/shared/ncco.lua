-- NCCO: Vonage's documents, a list of actions in JSON. Its end is the end of the call.

local carrier = require "callisto.provider.carrier"
local json = require "callisto.json"

local ncco = {}

local HEADER_BYTES = 512 -- of what a media socket is given to say of itself

---A number as Vonage writes it, without "+".
---@param number string
---@return string
function ncco.bare(number) return (tostring(number):gsub("^%+", "")) end

local actions = {}

-- There is no action to hang up with, nor to decline with: the document ends.
local ends = { hangup = true, reject = true }

-- As many of the parameters as fit.
local function headers_of(parameters)
  local headers
  for _, pair in ipairs(parameters or {}) do
    local more = { [pair[1]] = tostring(pair[2]) }
    for name, value in pairs(headers or {}) do more[name] = value end
    if #json.encode(more) <= HEADER_BYTES then headers = more end
  end
  return headers
end

local function rate_of(format) return tonumber((format or ""):match "^l16/(%d+)$") or 16000 end

function actions.stream(verb)
  return {
    action = "connect",
    eventUrl = verb.status_url and json.array { verb.status_url } or nil,
    endpoint = json.array { {
      type = "websocket",
      uri = verb.url,
      ["content-type"] = ("audio/l16;rate=%d"):format(rate_of(verb.format)),
      headers = headers_of(verb.parameters),
    } },
  }
end

function actions.say(verb)
  return { action = "talk", text = verb[2], language = verb.language, loop = verb.loop }
end

function actions.play(verb) return { action = "stream", streamUrl = json.array { verb[2] }, loop = verb.loop } end

function actions.pause(verb)
  return { action = "talk", text = ('<speak><break time="%ds"/></speak>'):format(verb.seconds or 1) }
end

function actions.dial(verb)
  return {
    action = "connect",
    from = verb.caller_id and ncco.bare(verb.caller_id) or nil,
    timeout = verb.timeout,
    limit = verb.limit,
    eventType = verb.action and "synchronous" or nil,
    eventUrl = (verb.action or verb.status_url) and json.array { verb.action or verb.status_url } or nil,
    endpoint = json.array { {
      type = "phone", number = ncco.bare(verb.to), onAnswer = verb.whisper and { url = verb.whisper } or nil,
    } },
  }
end

function actions.conference(verb)
  return {
    action = "conversation",
    name = verb.room,
    startOnEnter = verb.start_on_enter,
    endOnExit = verb.end_on_exit,
    mute = verb.muted,
    record = verb.record,
    musicOnHoldUrl = verb.wait_url and json.array { verb.wait_url } or nil,
  }
end

-- The answer to a notification may be another NCCO.
function actions.redirect(verb)
  return {
    action = "notify", payload = { redirect = true }, eventUrl = json.array { verb.url }, eventMethod = "POST",
  }
end

function actions.record(verb)
  local url = verb.status_url or verb.action
  return {
    action = "record",
    eventUrl = url and json.array { url } or nil,
    endOnSilence = verb.silence,
    endOnKey = verb.finish_on,
    timeOut = verb.longest,
    beepStart = verb.beep,
  }
end

local function gather(verb, list)
  for i = 2, #verb do
    local prompt = actions[verb[i][1]](verb[i])
    prompt.bargeIn = true
    list[#list + 1] = prompt
  end
  list[#list + 1] = {
    action = "input",
    type = json.array { "dtmf" },
    dtmf = { maxDigits = verb.digits, timeOut = verb.timeout, submitOnHash = (verb.finish_on or "#") == "#" },
    eventUrl = verb.action and json.array { verb.action } or nil,
  }
end

---Writes a neutral document (callisto.carrier) as an NCCO.
---@param document table[]
---@return table[] actions
function ncco.of(document)
  local list = json.array {}
  for _, verb in ipairs(carrier.document(document)) do
    if ends[verb[1]] then break end
    if verb[1] == "gather" then
      gather(verb, list)
    else
      -- A recording begins where it stands, and goes on while the others talk.
      if verb[1] == "dial" and verb.record then list[#list + 1] = actions.record { status_url = verb.status_url } end
      list[#list + 1] = actions[verb[1]](verb)
    end
  end
  return list
end

return ncco
