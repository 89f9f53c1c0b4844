-- Plivo: its XML over signed webhooks, JSON frames with base64 audio over a media socket, a REST interface of JSON.
-- Wire facts: Plivo's pages on the Stream element and its events, the Call API, hang-up codes and signature validation.
--
-- Not settled by its pages: the byte order of L16 (the formats l16/8000 and l16/16000 are little-endian, as Plivo's own example
-- reads them; l16be/… is the other), what separates several extraHeaders (a comma, or what PLIVO_EXTRA_HEADERS_SEPARATOR says:
-- "," or ";"), and the fields of "error" and "playFailed" on the media socket. The socket's upgrade is signed over a nonce of
-- Plivo's: what lets a socket in is the token in its path.

local carrier = require "callisto.provider.carrier"
local http = require "callisto.http"
local plivo_api = require "providers.shared.plivo_api"
local plivo_xml = require "providers.shared.plivo_xml"
local twiml = require "providers.shared.twiml"

local API = "https://api.plivo.com"
local EXTRA_BYTES = 512

-- Formats ----------------------------------------------------------------------------------------------------------

local keys = { dtmf_out = [[{"event":"sendDTMF","dtmf":"$digit"}]] }

local formats = {
  ["pcmu/8000"] = plivo_xml.media("pcmu", 8000, keys),
  ["l16/8000"] = plivo_xml.media("l16le", 8000, keys),
  ["l16/16000"] = plivo_xml.media("l16le", 16000, keys),
  ["l16be/8000"] = plivo_xml.media("l16be", 8000, keys),
  ["l16be/16000"] = plivo_xml.media("l16be", 16000, keys),
}

local content_types = {}
for name, media in pairs(formats) do content_types[name] = plivo_xml.content_type(media) end
formats.default = "pcmu/8000"

-- Documents --------------------------------------------------------------------------------------------------------

-- Only letters and digits may stand in them, so numbers go as Plivo writes them, and what has more to it is left out.
local function extra_headers(parameters, account)
  local list, bytes = {}, 0
  for _, pair in ipairs(parameters) do
    local name, value = pair[1]:gsub("[^%w]", ""), tostring(pair[2]):gsub("^%+(%d+)$", "%1")
    local each = name .. "=" .. value
    if name ~= "" and value:match "^%w+$" and bytes + #each < EXTRA_BYTES then
      list[#list + 1], bytes = each, bytes + #each + 1
    end
  end
  return #list > 0 and table.concat(list, account and account.separator == ";" and ";" or ",") or nil
end

local answer = plivo_xml.writer {
  name = "Plivo",
  gather = "GetInput",
  format = "pcmu/8000",
  content_types = content_types,
  extra_headers = extra_headers,
  conference_most = "maxMembers",
  conference_beep = function(beep)
    if not beep then return {} end
    return { { "enterSound", "beep:1" }, { "exitSound", "beep:2" } }
  end,
}

-- Signatures -------------------------------------------------------------------------------------------------------

-- The header with -ma- is signed with the token of the main account, the other with that of a subaccount.
local schemes = {
  {
    headers = { "x-plivo-signature-v3", "x-plivo-signature-ma-v3" },
    nonce = "x-plivo-signature-v3-nonce",
    texts = function(about) return { plivo_api.text_v3(about.method, about.base, about.query, about.form, about.nonce) } end,
  },
  {
    headers = { "x-plivo-signature-v2", "x-plivo-signature-ma-v2" },
    nonce = "x-plivo-signature-v2-nonce",
    texts = function(about) return { about.base .. about.nonce } end,
  },
}

local function verify(message, public_url, account)
  return plivo_api.verify("plivo", schemes, message, public_url, account.secret)
end

-- REST -------------------------------------------------------------------------------------------------------------

local api = plivo_api.new {
  base = function(account) return ("%s/v1/Account/%s"):format((account.api or API):gsub("/+$", ""), account.account) end,
  authorise = function(request, account) request.user, request.password = account.account, account.secret end,
  call_url = function(id) return ("/Call/%s/"):format(id) end,
}

local function place(order, account)
  return api:request(account, "POST", "/Call/", plivo_api.order(order, plivo_xml.digits))
end

-- Until the telephone rings there is a request, not a call.
local function hangup(id, account, is_provisional)
  return api:request(account, "DELETE", is_provisional and ("/Request/%s/"):format(id) or api.call_url(id))
end

local function fetch(id, account) return api:request(account, "GET", api.call_url(id)) end

local function find(call, account)
  return api:request(account, "GET", "/Call/?" .. http.form {
    { "call_direction", "outbound" }, { "to_number", plivo_xml.digits(call.to) },
    { "from_number", plivo_xml.digits(call.from) }, { "limit", 20 },
  })
end

local requests = api:requests()
requests.place = { place, plivo_api.placed { "request_uuid" }, is_provisional = true, detects_machines = true }
requests.hangup = { hangup, plivo_api.reader.hung_up() }
requests.fetch = { fetch, plivo_api.fetched(plivo_xml.status) }
requests.find = { find, plivo_api.found(plivo_xml.digits) }

return carrier {
  name = "plivo",
  account = {
    account = "PLIVO_AUTH_ID",
    secret = "PLIVO_AUTH_TOKEN",
    number = "PLIVO_PHONE_NUMBER",
    api = "PLIVO_API_BASE",
    audio = "PLIVO_AUDIO",
    separator = "PLIVO_EXTRA_HEADERS_SEPARATOR",
  },
  required = { "account", "secret" },
  media = formats,
  acknowledges = { marks = "played", after_clear = false },
  routes = carrier.routes("plivo", { fallback = { "/plivo/callback/fallback" } }),
  webhook = {
    headers = {
      "x-plivo-signature-v3", "x-plivo-signature-ma-v3", "x-plivo-signature-v3-nonce",
      "x-plivo-signature-v2", "x-plivo-signature-ma-v2", "x-plivo-signature-v2-nonce",
    },
    verify = verify,
    read = plivo_xml.webhook,
    ends = plivo_xml.ends,
    status = plivo_xml.status_of,
    recording = plivo_xml.recording,
    answer = answer,
    refuse = twiml.refuse,
  },
  requests = requests,
  limits = { calls_per_second = 2, document_bytes = 100 * 1024, webhook_seconds = 40 },
}
