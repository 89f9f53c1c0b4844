-- callisto.provider.carrier: the contract between the engine and a carrier's adapter.
--
-- An adapter is one Lua file of providers/carriers/ that returns `carrier { … }`: what every provider has (callisto.provider),
-- what the carrier asks us (`webhook`), its media socket (`media`, `socket`), and what we ask of it (`requests`). Documents that
-- tell the carrier what to do are neutral lists of verbs (callisto.provider.document).

local document = require "callisto.provider.document"
local provider = require "callisto.provider"

local carrier = {}

---@alias callisto.CarrierError callisto.ProviderError

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
---@field tells_cause_only boolean|nil  why it ended is known, not whether it was answered: an answered call is completed
---@field recording callisto.Recording|nil  that it brings news of
---@field answered_by {who: "human"|"machine"|"fax"|"unknown", word: string}|nil  `word`: the carrier's own

---@class callisto.InboundCall
---@field carrier_call string
---@field from string
---@field to string
---@field direction "INBOUND"|"OUTBOUND"
---@field call string|nil  our own id, when the carrier gave it back
---@field by_commands boolean|nil  the answer is not a document: what it says is asked for by requests (`obey`)
---@field is_report boolean|nil  nothing is asked, `status` reports something
---@field payload table|nil  parameters for the flow; texts become what the template wants, where they can
---@field status callisto.CarrierStatus

---@class callisto.SocketRefusal
---@field reason "busy"|"draining"|"blocked"|"unknown"|"unauthorized"|"error"
---@field why string  for people
---@field sentence string|nil  of a blocked agent: what the caller shall hear
---@field redirect string|nil  and whom to call instead

---@class callisto.SocketCall: callisto.InboundCall  of a socket that came first
---@field agent string|nil  its name, when the path does not say it
---@field format string|nil  one of the adapter's, when the carrier chose it
---@field goodbye string|nil  there is no call, the carrier tries the connection: what it is told

---@class callisto.Recording  the carrier's own, of a call
---@field carrier_call string|nil
---@field url string|nil  nil: there is nothing to fetch, or not yet
---@field id string|nil
---@field seconds integer|nil
---@field status string|nil  in the carrier's own words: "failed", "absent" …
---@field cause string|nil  why it failed, in the carrier's own words

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
---@field detects_machine boolean|nil  find out who answers, beside the call, and tell it at status_url; asked of those alone that
---  say `detects_machines`
---@field details_url string|nil
---@field socket_url string  of the media socket, for carriers that take it instead of a document

---@alias callisto.Placed "placed"|"not_placed"|"unknown"

---@class callisto.Carrier
---@field name string
---@field account table<string, string>  account, secret, number, api, audio → names of environment variables
---@field required string[]  those of `account` without which the carrier cannot be used
---@field media callisto.Formats  the setting <NAME>_AUDIO (account.audio) chooses another than the default
---@field acknowledges callisto.Acknowledges
---@field routes table<string, string|string[]>  see carrier.routes
---@field webhook callisto.CarrierWebhook
---@field socket callisto.CarrierSocket
---@field requests callisto.CarrierRequests
---@field limits callisto.CarrierLimits

---@class callisto.Acknowledges  what an echoed mark proves
---@field marks "played"|"received"|"queue"|"none"
---@field after_clear boolean|nil  marks that were waiting are echoed when the queue is cleared
local acknowledges_fields = {
  marks = { "string", required = true, values = { played = true, received = true, queue = true, none = true } },
  after_clear = { "boolean" },
}

-- What the engine looks for before a script sees a request (core/io/doors.h).
local ENDS, MARK_BYTES = 8, 39

local function fault_of_mark(text)
  if text == "" or #text > MARK_BYTES then return ("must have 1 to %d bytes"):format(MARK_BYTES) end
end

---@class callisto.CarrierWebhook  what the carrier asks us
---@field headers string[]  of webhooks and upgrades that the adapter reads, lower case
---@field verify fun(message: table, public_url: string, account: table): true|nil, string?, integer?
---@field read (fun(message: table): callisto.InboundCall|nil, string?)|nil  a request that asks what to do with a call
---@field status (fun(message: table): callisto.CarrierStatus|nil, string?)|nil
---@field recording (fun(message: table): callisto.Recording|nil, string?)|nil  what a recording's webhook says
---@field answer (fun(document: table[], account: table|nil): string, string)|nil  body and media type
---@field refuse (fun(reason: string): table[])|nil  the neutral document that turns a call away
---@field follow_up (fun(message: table, account: table): table|nil)|nil  a request that a reported event wants, whosever the
---  call is
---@field url (fun(url: string, account: table): string)|nil  a URL of ours as the carrier must be given it, where requests are
---  known by their URL
---@field received integer|nil  the HTTP status of the answer to a webhook that only reports something [204]
---@field ends string[]|nil  texts that mark a request on an inbound path as news of an end, such as "CallStatus=completed": it
---  goes before calls that begin; at most 8 of 39 bytes
---@field is_mute boolean|nil  what a document says is not heard: sentences for callers without an agent need the media socket
local webhook_fields = {
  headers = { "list", default = {}, each = { "string" } },
  verify = { "function", required = true },
  read = { "function" },
  status = { "function" },
  recording = { "function" },
  answer = { "function" },
  refuse = { "function" },
  follow_up = { "function" },
  url = { "function" },
  received = { "integer", default = 204, min = 200, max = 299 },
  ends = { "list", each = { "string", check = fault_of_mark }, check = function(list)
    if #list > ENDS then return ("must be at most %d texts"):format(ENDS) end
  end },
  is_mute = { "boolean" },
}

---@class callisto.CarrierSocket  the media socket, beside what is declared in `media`
---@field read (fun(message: table, account: table): callisto.SocketCall|nil, string?)|nil  of a carrier that opens its socket
---  without asking first: reads the upgrade, which was verified, and its `first` text messages
---@field first_messages integer|nil  how many text messages of such a socket `read` needs [1]
---@field refuse (fun(message: table, about: callisto.SocketRefusal): string|nil)|nil  what such a socket is told that gets no
---  call; the wire's replies go on from there
---@field signature (fun(url: string, account: table): {header: string, values: string[]}|nil)|nil  of the upgrade to a URL
---@field bye (fun(ending: {is_failed: boolean|nil, outcome: string|nil, outputs: table<string, string>|nil}): string)|nil
---  JSON for the $bye of media.bye_out: what the carrier hears at the end
---@field ended (fun(message: string): {status: string, reason: string|nil, cause: string|nil}|nil)|nil  what the message
---  that ended the stream says of the call, for carriers without status callbacks
local socket_fields = {
  read = { "function" },
  first_messages = { "integer", min = 0, max = 8 },
  refuse = { "function" },
  signature = { "function" },
  bye = { "function" },
  ended = { "function" },
}

---@class callisto.CarrierRequests  what we ask: { what is asked, what the answer proves }, see callisto.provider
---@field place callisto.ProviderRequest|nil  of a callisto.CarrierOrder; proves callisto.Placed, and the carrier's id unless the
---  first webhook names it, or the error. `is_provisional`: webhooks may name the call otherwise; `needs(account)`: what of the
---  account is missing to place calls, nil when nothing is
---@field hangup callisto.ProviderRequest|nil  of the carrier's id, `more`: no webhook has named the call yet; proves true, or
---  nil and the error. None: closing the socket is all there is
---@field fetch callisto.ProviderRequest|nil  of the carrier's id; proves callisto.CarrierStatus, or nil and the error
---@field obey callisto.ProviderRequest|nil  of the carrier's id, `more`: {document, is_answered}: does what the document says,
---  for calls whose webhooks are `by_commands`
---@field find callisto.ProviderRequest|nil  of {call, to, from, placed_at}: a call whose id is not known; proves the id, or nil
---@field redirect callisto.ProviderRequest|nil  of the carrier's id, `more`: {url} or {document}, another one for a live call
---@field send_digits callisto.ProviderRequest|nil  of the carrier's id, `more`: the digits
---@field record callisto.ProviderRequest|nil  of the carrier's id, `more`: {status_url}: starts a recording
---@field stop_recording callisto.ProviderRequest|nil  of the carrier's id, `more`: the recording's id, if it is known
local request_fields = {
  place = provider.pair { is_provisional = { "boolean" }, needs = { "function" }, detects_machines = { "boolean" } },
  obey = provider.pair(),
  hangup = provider.pair(),
  fetch = provider.pair(),
  find = provider.pair(),
  redirect = provider.pair(),
  send_digits = provider.pair(),
  record = provider.pair(),
  stop_recording = provider.pair(),
}

---@class callisto.CarrierLimits
---@field calls_per_second number|nil  orders wait for their turn
---@field concurrent integer|nil  calls at once [10]
---@field document_bytes integer|nil  a longer document is not sent
---@field inline_document_bytes integer|nil  a longer one is fetched instead of sent with the order
---@field parameter_bytes integer|nil  name and value of a stream's parameter; longer ones are left out
---@field webhook_seconds number|nil  how long the carrier waits for the answer to a webhook [10]
local limit_fields = {
  calls_per_second = { "number", min = 0.01 },
  concurrent = { "integer", min = 1 },
  document_bytes = { "integer", min = 1 },
  inline_document_bytes = { "integer", min = 1 },
  parameter_bytes = { "integer", min = 1 },
  webhook_seconds = { "number", min = 0.1 },
}

local fields = {
  media = { "map", required = true },
  acknowledges = { "map", required = true, fields = acknowledges_fields },
  routes = { "map", required = true, fields = {} },
  webhook = { "map", required = true, fields = webhook_fields },
  socket = { "map", default = {}, fields = socket_fields },
  requests = { "map", default = {}, fields = request_fields },
  limits = { "map", default = {}, fields = limit_fields },
}
for _, name in ipairs { "inbound", "answer", "status", "details", "transfer", "fallback", "media", "sockets",
  "bridge" } do
  fields.routes.fields[name] = { "string|list" }
end

-- Where the fields of an adapter without groups belong now.
local moved = {
  environment = "account", formats = "media", format = "media.default", provisional = "requests.place.is_provisional",
  headers = "webhook.headers", verify = "webhook.verify", status = "webhook.status", recording = "webhook.recording",
  answer = "webhook.answer", refuse = "webhook.refuse", url = "webhook.url", is_mute = "webhook.is_mute",
  first_messages = "socket.first_messages", refuse_socket = "socket.refuse", socket_signature = "socket.signature",
  bye = "socket.bye", ended = "socket.ended", place = "requests.place[1]", placed = "requests.place[2]",
  hangup = "requests.hangup[1]", hung_up = "requests.hangup[2]", fetch = "requests.fetch[1]", fetched = "requests.fetch[2]",
  find = "requests.find[1]", found = "requests.find[2]", redirect = "requests.redirect[1]",
  send_digits = "requests.send_digits[1]", record = "requests.record[1]", stop_recording = "requests.stop_recording[1]",
  done = "[2] of those",
}

-- What an adapter in the old form is told; nil for one in groups.
local function old_form(given)
  local list = {}
  for name, place in pairs(moved) do
    if given[name] ~= nil then list[#list + 1] = ("%s → %s"):format(name, place) end
  end
  for _, name in ipairs { "webhook", "socket" } do
    if type(given[name]) == "function" then list[#list + 1] = ("%s → %s.read"):format(name, name) end
  end
  if type(given.media) == "table" and given.media.encoding then list[#list + 1] = "media → media[\"<the format's name>\"]" end
  if #list == 0 then return nil end
  table.sort(list)
  return ("carrier '%s': fields are in groups now: %s; docs/changes.md shows both forms"):format(tostring(given.name),
    table.concat(list, ", "))
end

-- What is of no use without something else.
local function missing_part(values)
  local webhook, socket, requests = values.webhook, values.socket, values.requests
  if not webhook.read and not socket.read then return "either webhook: 'read' or socket: 'read' says how calls come in" end
  if webhook.read and not (webhook.answer and webhook.refuse) then
    return "webhook: 'read' needs 'answer' and 'refuse', which say what is to be done with the call"
  end
  if requests.place and not webhook.status then return "requests: 'place' needs webhook: 'status', which says how calls end" end
end

local function check(given)
  local why = type(given) == "table" and old_form(given)
  if why then return nil, why end
  local values
  values, why = provider.check("carrier", given, fields)
  if not values then return nil, why end
  why = missing_part(values)
  if why then return nil, ("carrier '%s': %s"):format(values.name, why) end
  local webhook = values.webhook
  webhook.answer = webhook.answer and document.writer(values.name, webhook.answer, values.limits)
  return values
end

---An adapter of data, such as came from another VM, checked once more.
---@param data table
---@param make fun(place: string): function  what stands for a function of it
---@return callisto.Carrier|nil values, string? message
function carrier.of_data(data, make) return check(provider.rebuild(data, make)) end

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
    transfer = {},
    bridge = both "/bridge/v2",
    media = ("/ws/%s/{agent}"):format(name),
    sockets = {
      ("/ws/%s"):format(name), ("/ws/%s/{agent}"):format(name), ("/ws/%s/{agent}/{token}"):format(name),
      ("%s/ws/%s"):format(PREFIX, name), ("%s/ws/%s/{token}"):format(PREFIX, name),
      ("/%s/callback/ws/v2"):format(name), ("%s/%s/callback/ws/v2"):format(PREFIX, name),
    },
  }
  table.insert(routes.status, ("/telephony/%s/status/{call}"):format(name))
  for _, path in ipairs { "/callback/transfer/{step}", "/callback/transfer", "/dial-up" } do
    for _, each in ipairs(both(path)) do table.insert(routes.transfer, each) end
  end
  for kind, paths in pairs(more or {}) do
    routes[kind] = routes[kind] or {}
    for _, path in ipairs(paths) do
      table.insert(routes[kind], path)
      table.insert(routes[kind], PREFIX .. path)
    end
  end
  return routes
end

---What went wrong, as the functions of `requests` report it.
---@param code string|integer  the carrier's own, or ours
---@param message string
---@param retryable boolean|nil  the same request may be sent again
---@return callisto.CarrierError
function carrier.error(code, message, retryable) return provider.error(code, message, retryable) end

---Checks a neutral document (callisto.provider.document); what is wrong is an error.
---@param given table[]
---@return table[] given
function carrier.document(given) return document.check(given) end

---Whether a value is an adapter that was checked.
---@param value any
---@return boolean
function carrier.is(value) return provider.is("carrier", value) end

return setmetatable(carrier, provider.maker("carrier", check))
