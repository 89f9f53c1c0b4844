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
---@field call string|nil  our own id, when the carrier gave it back
---@field status callisto.CarrierStatus

---@class callisto.SocketRefusal
---@field reason "busy"|"draining"|"blocked"|"unknown"|"unauthorized"|"error"
---@field why string  for people
---@field sentence string|nil  of a blocked agent: what the caller shall hear
---@field redirect string|nil  and whom to call instead

---@class callisto.SocketCall: callisto.InboundCall  of a socket that came first
---@field agent string|nil  its name, when the path does not say it
---@field payload table|nil
---@field format string|nil  one of the adapter's, when the carrier chose it
---@field goodbye string|nil  nobody calls, the carrier tries the connection: what it is told

---@alias callisto.Placed "placed"|"not_placed"|"unknown"

---@class callisto.Carrier
---@field name string
---@field media table|nil  declaration of the media socket, see docs/carriers.md
---@field formats table<string, table>|nil  or several, by name ("l16/16000"): the setting <NAME>_AUDIO chooses one
---@field format string|nil  the one that is used when no setting chooses
---@field acknowledges {marks: "played"|"received"|"queue"|"none", after_clear: boolean}  what an echoed mark proves, and
---  whether marks that were waiting are echoed when the queue is cleared
---@field routes table<string, string|string[]>  see carrier.routes
---@field environment table<string, string>  account, secret, number, api → names of environment variables
---@field required string[]  those of `environment` without which the carrier cannot be used
---@field headers string[]  of webhooks and upgrades that the adapter reads, lower case
---@field limits {calls_per_second: number|nil, concurrent: integer|nil, document_bytes: integer|nil,
---  inline_document_bytes: integer|nil, webhook_seconds: number|nil}
---@field webhook (fun(message: table): callisto.InboundCall|nil, string?)|nil  a request that asks what to do with a call
---@field verify (fun(message: table, public_url: string, account: table): true|nil, string?, integer?)|nil
---@field socket (fun(message: table, account: table): callisto.SocketCall|nil, string?)|nil  of a carrier that opens its
---  socket without asking first: reads the upgrade, which was verified, and its `first` text messages
---@field first_messages integer|nil  how many text messages of such a socket `socket` needs [1]
---@field refuse_socket (fun(message: table, about: callisto.SocketRefusal): string|nil)|nil  what such a socket is told that
---  gets no call; the wire's replies go on from there
---@field bye (fun(ending: {is_failed: boolean|nil, outcome: string|nil, outputs: table<string, string>|nil}): string)|nil
---  JSON for the $bye of media.bye_out: what the carrier hears at the end
---@field ended (fun(message: string): {status: string, reason: string|nil, cause: string|nil}|nil)|nil  what the message
---  that ended the stream says of the call, for carriers without status callbacks
---@field url (fun(url: string, account: table): string)|nil  a URL of ours as the carrier must be given it, where requests are
---  known by their URL
---@field socket_signature (fun(url: string, account: table): {header: string, values: string[]}|nil)|nil
---@field answer (fun(document: table, about: table|nil): string, string)|nil  body and media type
---@field is_mute boolean|nil  what a document says is not heard: sentences for callers without an agent need the media socket
---@field refuse (fun(reason: string): table)|nil  the neutral document that turns a call away
---@field place (fun(call: callisto.CarrierOrder, account: table): table)|nil  request
---@field placed (fun(message: table|nil, text: string?, code: string?, sent: boolean?): callisto.Placed, string?, table?)|nil
---  with the carrier's id, unless the first webhook names it
---@field provisional boolean|nil  the id that `placed` reads may be another than the one webhooks will name the call by
---@field hangup (fun(carrier_call: string, account: table, is_provisional: boolean|nil): table)|nil  request; nil: closing the
---  socket is all there is. is_provisional: no webhook has named the call yet
---@field hung_up (fun(message: table|nil, text: string?, code: string?): true|nil, callisto.CarrierError?)|nil
---@field fetch (fun(carrier_call: string, account: table): table)|nil  request; nil: the carrier cannot be asked
---@field fetched (fun(message: table|nil, text: string?, code: string?): callisto.CarrierStatus|nil, callisto.CarrierError?)|nil
---@field find (fun(call: table, account: table): table)|nil  a request that looks for a call whose id is not known
---@field found (fun(message: table|nil, call: table): string|nil)|nil
---@field status (fun(message: table): callisto.CarrierStatus|nil, string?)|nil
---@field redirect (fun(carrier_call: string, to: {url: string|nil, document: table|nil}, account: table): table)|nil  request
---  that gives a live call another document
---@field send_digits (fun(carrier_call: string, digits: string, account: table): table)|nil  request
---@field record (fun(carrier_call: string, options: {status_url: string|nil}, account: table): table)|nil  request that starts
---  a recording
---@field stop_recording (fun(carrier_call: string, recording: string|nil, account: table): table)|nil  request
---@field recording (fun(message: table): callisto.Recording|nil, string?)|nil
---  what a recording's webhook says
---@field done (fun(message: table|nil, text: string?, code: string?): true|nil, callisto.CarrierError?)|nil  reads the answers to
---  redirect, send_digits, record and stop_recording

---@class callisto.Recording  the carrier's own, of a call
---@field carrier_call string|nil
---@field url string
---@field id string|nil
---@field seconds integer|nil

---@class callisto.CarrierOrder  a call to be placed
---@field call string  our own id
---@field to string
---@field from string
---@field ring integer|nil  seconds
---@field longest integer|nil  seconds
---@field document table|nil  when it fits into the request (limits.inline_document_bytes), else
---@field url string|nil  where the document is fetched, with our call id
---@field fallback_url string|nil
---@field status_url string|nil
---@field details_url string|nil
---@field socket_url string  of the media socket, for carriers that take it instead of a document
local fields = {
  name = { "string", required = true },
  media = { "map" },
  formats = { "map" },
  format = { "string" },
  acknowledges = { "map", required = true },
  routes = { "map", required = true },
  environment = { "map", required = true },
  required = { "list", required = true },
  headers = { "list", default = {} },
  limits = { "map", default = {} },
  provisional = { "boolean" },
  webhook = { "function" },
  verify = { "function" },
  url = { "function" },
  socket_signature = { "function" },
  answer = { "function" },
  is_mute = { "boolean" },
  refuse = { "function" },
  place = { "function" },
  placed = { "function" },
  hangup = { "function" },
  hung_up = { "function" },
  fetch = { "function" },
  fetched = { "function" },
  find = { "function" },
  found = { "function" },
  status = { "function" },
  socket = { "function" },
  first_messages = { "integer", min = 0, max = 8 },
  refuse_socket = { "function" },
  bye = { "function" },
  ended = { "function" },
  redirect = { "function" },
  send_digits = { "function" },
  record = { "function" },
  stop_recording = { "function" },
  recording = { "function" },
  done = { "function" },
  signature = { "function" },
  validate = { "function" },
}

local route_names = {
  inbound = true, answer = true, status = true, details = true, transfer = true, fallback = true, media = true, sockets = true,
}

-- Functions that are of no use without each other.
local belong_together = {
  { "webhook", "answer", "refuse" }, { "place", "placed", "status" }, { "hangup", "hung_up" }, { "fetch", "fetched" },
  { "find", "found" },
}
local needs_done = { "redirect", "send_digits", "record", "stop_recording" }

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
  channels = { "integer", min = 1, max = 2 },
  sequence_in = { "string" },
  acknowledged_in = { "string" },
  stream_in = { "string" },
  pause_in = { "map" },
  resume_in = { "map" },
  error_in = { "map" },
  replies = { "list" },
  bye_out = { "string" },
  bye_wait = { "number" },
  closed_by_peer = { "boolean" },
}

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

---Checks a neutral document; what is wrong is an error.
---@param document table[]
---@return table[] document
function carrier.document(document)
  for _, verb in ipairs(document) do check_verb(verb, "document") end
  return document
end

local function missing_function(values)
  if not values.webhook and not values.socket then return "either 'webhook' or 'socket' says how calls come in" end
  if not values.verify then return "'verify' is missing: whoever calls in must be checked" end
  for _, group in ipairs(belong_together) do
    for _, name in ipairs(group) do
      for _, other in ipairs(group) do
        if values[name] and not values[other] then return ("'%s' needs '%s'"):format(name, other) end
      end
    end
  end
  for _, name in ipairs(needs_done) do
    if values[name] and not values.done then return ("'%s' needs 'done', which reads its answer"):format(name) end
  end
end

local function check_media(values, title)
  local given = values.formats or { default = values.media }
  if (values.media == nil) == (values.formats == nil) then return "give either 'media' or 'formats'" end
  local formats = {}
  for name, each in pairs(given) do
    local media, why = options.try(("%s: media"):format(title), each, media_fields)
    if not media then return why end
    media.name = values.name
    formats[name] = media
  end
  values.format = values.format or "default"
  if not formats[values.format] then return ("'format' names '%s', which 'formats' lacks"):format(values.format) end
  values.formats, values.media = formats, nil
end

local acknowledgements = { played = true, received = true, queue = true, none = true } -- see callisto.Carrier

local function build(given, level)
  local title = "carrier '" .. tostring(type(given) == "table" and given.name) .. "'"
  local values, why = options.try(title, given, fields)
  if not values then error(why, level) end
  why = check_media(values, title) or missing_function(values)
  if why then error(why:find(title, 1, true) and why or title .. ": " .. why, level) end
  if not acknowledgements[values.acknowledges.marks] then
    error(title .. ": acknowledges.marks must be \"played\", \"received\", \"queue\" or \"none\"", level)
  end
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

local PREFIX = "/agent/voice/breeze-buddy"

---The public paths of a carrier, those of both public surfaces. Documents name the first of each list.
---@param name string
---@param more table<string, string[]>|nil  further paths by kind
---@return table<string, string|string[]>
function carrier.routes(name, more)
  local function both(path) return { "/" .. name .. path, PREFIX .. "/" .. name .. path } end
  local routes = {
    inbound = { ("/telephony/%s/inbound/{agent}"):format(name) },
    answer = both "/answer",
    status = both "/callback/status",
    details = both "/callback/details",
    transfer = both "/callback/transfer/{step}",
    media = ("/ws/%s/{agent}"):format(name),
    sockets = {
      ("/ws/%s"):format(name), ("/ws/%s/{agent}"):format(name), ("/ws/%s/{agent}/{token}"):format(name),
      ("%s/ws/%s"):format(PREFIX, name), ("%s/ws/%s/{token}"):format(PREFIX, name),
      ("/%s/callback/ws/v2"):format(name), ("%s/%s/callback/ws/v2"):format(PREFIX, name),
    },
  }
  table.insert(routes.status, ("/telephony/%s/status/{call}"):format(name))
  table.insert(routes.transfer, ("/%s/callback/transfer"):format(name))
  for kind, paths in pairs(more or {}) do
    routes[kind] = routes[kind] or {}
    for _, path in ipairs(paths) do
      table.insert(routes[kind], path)
      table.insert(routes[kind], PREFIX .. path)
    end
  end
  return routes
end

---Whether a value is an adapter that was checked.
---@param value any
---@return boolean
function carrier.is(value) return type(value) == "table" and type(value.formats) == "table" and type(value.routes) == "table" end

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
