-- callisto.carrier: the contract between the engine and a carrier's adapter.
--
-- An adapter is one Lua file that returns `carrier { … }`: data and pure functions. Requests come in and requests go out
-- as tables; nothing in an adapter waits, opens a socket or keeps state. The media socket is declared (`media`) and
-- compiled in C. Documents that tell the carrier what to do are neutral lists of verbs, which `answer` writes in the
-- carrier's own language:
--
--   { "stream", url = "wss://…", parameters = { {"name", "value"}, … }, name = … }
--   { "say", "text", voice = …, language = … }      { "play", "https://…", loop = … }     { "pause", seconds = 1 }
--   { "gather", digits = 1, timeout = 5, action = …, finish_on = "#", … verbs }           { "hangup" }
--   { "dial", to = "+1…", caller_id = …, timeout = 30, action = …, record = true }        { "reject", reason = "busy" }
--   { "conference", room = …, label = …, start_on_enter = …, end_on_exit = …, … }         { "redirect", url = … }
--   { "record", action = …, longest = 120 }

local options = require "callisto.options"

local carrier = {}

---@class callisto.CarrierError
---@field code string  the carrier's own code, or ours
---@field message string
---@field retryable boolean  the same request may be sent again
---@field is_about_number boolean|nil  the number to be called cannot be called
local error_meta = { __tostring = function(self) return ("%s: %s"):format(self.code, self.message) end }

---@param code string|integer
---@param message string
---@param retryable boolean|nil
---@return callisto.CarrierError
function carrier.error(code, message, retryable)
  return setmetatable({ code = tostring(code), message = message, retryable = retryable or false }, error_meta)
end

---@class callisto.CarrierStatus  what the carrier says about a call
---@field carrier_call string|nil
---@field call string|nil  our own id, when the carrier gave it back
---@field word string  the carrier's own
---@field status "ANSWERED"|"NOT_ANSWERED"|"UNKNOWN"|nil  nil while the call goes on
---@field reason string|nil  COMPLETED, NO_ANSWER, BUSY, FAILED, CANCELED, TIMEOUT
---@field is_terminal boolean
---@field is_answered boolean
---@field sequence integer|nil  order of happening, not of arrival
---@field seconds integer|nil
---@field cause string|nil  in the carrier's own words

---@class callisto.InboundCall
---@field carrier_call string
---@field from string
---@field to string
---@field direction "INBOUND"|"OUTBOUND"
---@field status callisto.CarrierStatus

---@alias callisto.Placed "placed"|"not_placed"|"unknown"

---@class callisto.Carrier
---@field name string
---@field media table  declaration of the media socket, see docs
---@field routes table<string, string|string[]>  inbound, answer, status, fallback, media
---@field environment table<string, string>  account, secret, number, api → names of environment variables
---@field required string[]  those of `environment` without which the carrier cannot be used
---@field limits table
---@field webhook fun(message: table): callisto.InboundCall|nil, string?
---@field verify fun(message: table, public_url: string, secret: string): true|nil, string?, integer?
---@field socket_signature (fun(url: string, secret: string): {header: string, values: string[]})|nil
---@field answer fun(document: table): string body, string media_type
---@field refuse fun(reason: string): table  the neutral document that turns a call away
---@field place fun(call: table, account: table): table request
---@field placed fun(message: table|nil, text: string?, code: string?, sent: boolean?): callisto.Placed, string?, table?
---@field hangup fun(carrier_call: string, account: table): table request
---@field hung_up fun(message: table|nil, text: string?, code: string?): true|nil, callisto.CarrierError?
---@field fetch fun(carrier_call: string, account: table): table request
---@field fetched fun(message: table|nil, text: string?, code: string?): callisto.CarrierStatus|nil, callisto.CarrierError?
---@field find (fun(call: table, account: table): table)|nil  a request that looks for a call whose id is not known
---@field found (fun(message: table|nil, call: table): string|nil)|nil
---@field status fun(message: table): callisto.CarrierStatus|nil, string?
local fields = {
  name = { "string", required = true },
  media = { "map", required = true },
  routes = { "map", required = true },
  environment = { "map", required = true },
  required = { "list", required = true },
  limits = { "map", default = {} },
  webhook = { "function", required = true },
  verify = { "function", required = true },
  socket_signature = { "function" },
  answer = { "function", required = true },
  refuse = { "function", required = true },
  place = { "function", required = true },
  placed = { "function", required = true },
  hangup = { "function", required = true },
  hung_up = { "function", required = true },
  fetch = { "function", required = true },
  fetched = { "function", required = true },
  find = { "function" },
  found = { "function" },
  status = { "function", required = true },
  signature = { "function" },
  validate = { "function" },
}

local route_names = { inbound = true, answer = true, status = true, fallback = true, media = true, sockets = true }

local media_fields = {
  encoding = { "string", required = true, values = { pcmu = true, pcma = true, l16le = true, l16be = true, l16 = true } },
  encoding_out = { "string", values = { pcmu = true, pcma = true, l16le = true, l16be = true, l16 = true } },
  rate = { "integer", required = true, min = 8000, max = 48000 },
  frame_ms = { "integer", default = 20, min = 10, max = 200 },
  event = { "string" },
  binary_in = { "boolean" },
  binary_out = { "boolean" },
  audio_in = { "map" },
  start_in = { "map" },
  mark_in = { "map" },
  dtmf_in = { "map" },
  stop_in = { "map" },
  clear_in = { "map" },
  audio_out = { "string" },
  mark_out = { "string" },
  clear = { "string" },
  dtmf_out = { "string" },
  stop_out = { "string" },
  chunk_min = { "integer" },
  chunk_multiple = { "integer" },
}

---@type table<string, table<any, true>>
local verbs = {
  stream = { url = true, parameters = true, name = true, status_url = true, action = true },
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

---Checks a neutral document; what is wrong is an error.
---@param document table[]
---@return table[] document
function carrier.document(document)
  for _, verb in ipairs(document) do check_verb(verb, "document") end
  return document
end

local function build(given, level)
  local title = "carrier '" .. tostring(type(given) == "table" and given.name) .. "'"
  local values, why = options.try(title, given, fields)
  if not values then error(why, level) end
  local media
  media, why = options.try(title .. ": media", values.media, media_fields)
  if not media then error(why, level) end
  media.name = values.name
  values.media = media
  for name in pairs(values.routes) do
    if not route_names[name] then error(("%s: routes: %s"):format(title, options.unknown(name, route_names)), level) end
  end
  for _, name in ipairs(values.required) do
    if not values.environment[name] then
      error(("%s: 'required' names '%s', which 'environment' lacks"):format(title, name), level)
    end
  end
  return values
end

---Checks an adapter and returns it.
---@param given table
---@return callisto.Carrier
function carrier.new(given)
  local built = build(given, 3)
  return built
end

return setmetatable(carrier, { __call = function(_, given)
  local built = build(given, 3)
  return built
end })
