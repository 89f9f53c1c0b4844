-- callisto.provider.document: what a carrier is told to do with a call, as a neutral list of verbs. An adapter's
-- `webhook.answer` writes it in the carrier's own language.
--
--   { "stream", url = "wss://…", parameters = { {"name", "value"}, … }, name = … }
--   { "say", "text", voice = …, language = … }      { "play", "https://…", loop = … }     { "pause", seconds = 1 }
--   { "gather", digits = 1, timeout = 5, action = …, finish_on = "#", … verbs }           { "hangup" }
--   { "dial", to = "+1…", caller_id = …, timeout = 30, action = …, record = true }        { "reject", reason = "busy" }
--   { "conference", room = …, label = …, start_on_enter = …, end_on_exit = …, … }         { "redirect", url = … }
--   { "record", action = …, longest = 120 }

local options = require "callisto.options"

local document = {}

---@type table<string, table<any, true>>
local verbs = {
  stream = { url = true, format = true, parameters = true, name = true, status_url = true, action = true },
  say = { voice = true, language = true, loop = true, [2] = true },
  play = { loop = true, digits = true, [2] = true },
  pause = { seconds = true },
  gather = { action = true, digits = true, timeout = true, finish_on = true, on_empty = true, input = true },
  dial = { to = true, caller_id = true, timeout = true, limit = true, action = true, record = true, whisper = true,
    status_url = true, answer_on_bridge = true },
  conference = { room = true, label = true, start_on_enter = true, end_on_exit = true, muted = true, beep = true,
    wait_url = true, action = true, status_url = true, caller_id = true, record = true, most = true, coach = true },
  reject = { reason = true },
  redirect = { url = true },
  hangup = {},
  record = { action = true, longest = true, silence = true, finish_on = true, beep = true, status_url = true },
}

local function check_verb(verb, what)
  if type(verb) ~= "table" or type(verb[1]) ~= "string" then error(what .. ": a verb is { \"name\", … }", 0) end
  local known = verbs[verb[1]]
  if not known then error(("%s: %s"):format(what, options.unknown(verb[1], verbs):gsub("field", "verb")), 0) end
  for key, value in pairs(verb) do
    local is_child = verb[1] == "gather" and type(key) == "number" and key > 1
    if is_child then
      check_verb(value, what .. ": gather")
    elseif key ~= 1 and not known[key] then
      error(("%s: %s: %s"):format(what, verb[1], options.unknown(key, known)), 0)
    end
  end
end

---Checks a document; what is wrong is an error.
---@param given table[]
---@return table[] given
function document.check(given)
  for _, verb in ipairs(given) do check_verb(verb, "document") end
  return given
end

-- A stream without the parameters that are longer than the carrier passes on: it would refuse the whole document.
local function with_fitting_parameters(verb, most)
  local copy, parameters = {}, {}
  for name, value in pairs(verb) do copy[name] = value end
  for _, pair in ipairs(verb.parameters or {}) do
    if #pair[1] + #tostring(pair[2]) <= most then parameters[#parameters + 1] = pair end
  end
  copy.parameters = parameters
  return copy
end

---How a carrier writes documents, within its limits: parameters of a stream that are longer than `parameter_bytes` are left
---out, and what is longer than `document_bytes` is an error.
---@param name string  of the carrier
---@param write fun(given: table[], account: table|nil): string, string
---@param limits {document_bytes: integer|nil, parameter_bytes: integer|nil}
---@return fun(given: table[], account: table|nil): string, string
function document.writer(name, write, limits)
  local function fitting(given)
    if not limits.parameter_bytes then return given end
    local list = {}
    for i, verb in ipairs(given) do
      list[i] = verb[1] == "stream" and with_fitting_parameters(verb, limits.parameter_bytes) or verb
    end
    return list
  end
  return function(given, account)
    local body, kind = write(fitting(given), account)
    if limits.document_bytes and #body > limits.document_bytes then
      error(("%s takes documents of at most %d bytes, and this one has %d: leave something out"):format(name,
        limits.document_bytes, #body), 0)
    end
    return body, kind
  end
end

return document
