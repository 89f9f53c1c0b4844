-- Vobiz: Plivo's XML, socket and REST interface with differences: its own signature, two headers instead of Basic
-- authentication, <Gather>, and L16 that comes in one byte order and goes in the other.
-- Wire facts: docs.vobiz.ai (Stream and its events, calls, applications, validating callbacks).
--
-- Not settled by its pages: the byte orders of L16 (l16/… comes big-endian and goes little-endian, as the vendor's notes say;
-- l16le/… is little-endian both ways), whether keys come as messages (they do in Plivo's shape, if at all; with "+tones" behind
-- the name of a format they are found in the sound instead), and when callbacks are signed (VOBIZ_SIGNATURE=optional
-- lets in those that are not).

local carrier = require "callisto.provider.carrier"
local plivo_api = require "providers.shared.plivo_api"
local plivo_xml = require "providers.shared.plivo_xml"
local twiml = require "providers.shared.twiml"

local API = "https://api.vobiz.ai"
local COUNTRY = "91"

-- Formats ----------------------------------------------------------------------------------------------------------

local formats, content_types = { default = "pcmu/8000" }, {}

local function add(name, encoding, rate, more)
  formats[name] = plivo_xml.media(encoding, rate, more)
  formats[name .. "+tones"] = plivo_xml.media(encoding, rate, more)
  formats[name .. "+tones"].dtmf_in = nil
  content_types[name] = plivo_xml.content_type(formats[name])
  content_types[name .. "+tones"] = content_types[name]
end

add("pcmu/8000", "pcmu", 8000)
for _, rate in ipairs { 8000, 16000, 24000 } do
  add("l16/" .. rate, "l16be", rate, { encoding_out = "l16le" })
  add("l16le/" .. rate, "l16le", rate)
end

-- Documents --------------------------------------------------------------------------------------------------------

local answer = plivo_xml.writer {
  name = "Vobiz",
  gather = "Gather",
  format = "pcmu/8000",
  content_types = content_types,
  conference_most = "maxParticipants",
  conference_beep = function(beep) return { { "beep", beep or false } } end,
}

-- Signatures -------------------------------------------------------------------------------------------------------

-- As documented neither query nor body is signed. Vobiz's own libraries sign as Plivo does, which is let in as well.
local schemes = {
  {
    headers = { "x-vobiz-signature-v3", "x-vobiz-signature-ma-v3" },
    nonce = "x-vobiz-signature-v3-nonce",
    texts = function(about)
      return {
        about.base .. "." .. about.nonce,
        plivo_api.text_v3(about.method, about.base, about.query, about.form, about.nonce),
      }
    end,
  },
  {
    headers = { "x-vobiz-signature-v2", "x-vobiz-signature-ma-v2" },
    nonce = "x-vobiz-signature-v2-nonce",
    texts = function(about) return { about.base .. about.nonce } end,
  },
}

local function verify(message, public_url, account)
  local ok, why, status = plivo_api.verify("vobiz", schemes, message, public_url, account.secret)
  if status == 401 and account.signature == "optional" then return true end
  return ok, why, status
end

local function webhook(message) return plivo_xml.webhook(message, COUNTRY) end

-- REST -------------------------------------------------------------------------------------------------------------

-- The case of letters counts in paths, and so does a slash at their end.
local api = plivo_api.new {
  base = function(account) return ("%s/api/v1/Account/%s"):format((account.api or API):gsub("/+$", ""), account.account) end,
  authorise = function(request, account)
    request.headers["X-Auth-ID"], request.headers["X-Auth-Token"] = account.account, account.secret
  end,
  call_url = function(id) return ("/Call/%s/"):format(id) end,
}

local function place(order, account)
  return api:request(account, "POST", "/Call/", plivo_api.order(order, plivo_xml.digits))
end

local function hangup(id, account) return api:request(account, "DELETE", api.call_url(id)) end

local function fetch(id, account) return api:request(account, "GET", "/Call/" .. id) end

local requests = api:requests()
requests.place = {
  place, plivo_api.placed { "call_uuid", "CallUUID", "request_uuid", "RequestUUID" }, is_provisional = true,
  detects_machines = true,
}
requests.hangup = { hangup, plivo_api.reader.hung_up() }
requests.fetch = { fetch, plivo_api.fetched(plivo_xml.status) }

return carrier {
  name = "vobiz",
  account = {
    account = "VOBIZ_AUTH_ID",
    secret = "VOBIZ_AUTH_TOKEN",
    number = "VOBIZ_PHONE_NUMBER",
    api = "VOBIZ_API_BASE",
    audio = "VOBIZ_AUDIO",
    signature = "VOBIZ_SIGNATURE",
  },
  required = { "account", "secret" },
  media = formats,
  acknowledges = { marks = "played", after_clear = false },
  routes = carrier.routes("vobiz", { fallback = { "/vobiz/callback/fallback" } }),
  webhook = {
    headers = {
      "x-vobiz-signature-v3", "x-vobiz-signature-ma-v3", "x-vobiz-signature-v3-nonce",
      "x-vobiz-signature-v2", "x-vobiz-signature-ma-v2", "x-vobiz-signature-v2-nonce",
      "x-auth-id", "x-auth-token", -- of requests to Vobiz, which the exchange reads
    },
    verify = verify,
    read = webhook,
    ends = plivo_xml.ends,
    status = plivo_xml.status_of,
    recording = plivo_xml.recording,
    answer = answer,
    refuse = twiml.refuse,
  },
  requests = requests,
  limits = { calls_per_second = 1, document_bytes = 100 * 1024, webhook_seconds = 3 },
}
