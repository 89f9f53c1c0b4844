-- The table of docs/carriers.md, made from the adapters themselves. spec/carriers/carriers_spec.lua compares the two.
--
-- usage: callisto lua scripts/carriers.lua     prints the table

local CARRIERS = { "twilio", "telnyx", "plivo", "vobiz", "exotel", "vonage", "genesys" }

local function keys(map)
  local list = {}
  for key in pairs(map) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function audio(adapter)
  if adapter.format == "default" then
    local media = adapter.formats.default
    return ("**%s/%d**"):format(media.encoding, media.rate)
  end
  local list = { ("**%s**"):format(adapter.format) }
  for _, name in ipairs(keys(adapter.formats)) do
    if name ~= adapter.format then list[#list + 1] = name end
  end
  return table.concat(list, ", ")
end

local BYTES = { pcmu = 1, pcma = 1 }

local function message(adapter)
  local media = adapter.formats[adapter.format]
  local bytes_a_ms = (BYTES[media.encoding_out or media.encoding] or 2) * media.rate / 1000
  local ms = math.max(media.frame_ms, math.ceil((media.chunk_min or 0) / bytes_a_ms))
  return ("%d ms, %s"):format(ms, media.binary_out and "binary" or "JSON")
end

local PROOF = { played = "what was before it was played", queue = "all that was sent was played", none = "none" }

local function marks(adapter)
  local word = PROOF[adapter.acknowledges.marks] or adapter.acknowledges.marks
  if adapter.acknowledges.marks == "none" then return word end
  return word .. (adapter.acknowledges.after_clear and "; also after a clear" or "; not after a clear")
end

local function digits(adapter)
  local media = adapter.formats[adapter.format]
  local out = media.dtmf_out and "message" or adapter.send_digits and "request" or "tones"
  return ("%s / %s"):format(media.dtmf_in and "message" or "tones", out)
end

-- The vectors are in spec/<carrier>_spec.lua.
local SIGNATURES = {
  twilio = "HMAC-SHA1 of URL and form",
  telnyx = "Ed25519 of time and body",
  plivo = "HMAC-SHA256 of URL, nonce, form",
  vobiz = "as Plivo",
  exotel = "none: a secret in the URL",
  vonage = "JWT (HS256) with the body's hash",
  genesys = "HTTP message signature of the upgrade",
}

local function known_by(adapter) return SIGNATURES[adapter.name] end

local function limits(adapter)
  local l = adapter.limits
  local webhook = l.webhook_seconds and l.webhook_seconds .. " s" or "-"
  return ("%d / %s / %s"):format(l.concurrent or 10, l.calls_per_second or "-", webhook)
end

local function either(list)
  local found = {}
  for _, pair in ipairs(list) do
    if pair[1] then found[#found + 1] = pair[2] end
  end
  return #found > 0 and table.concat(found, ", ") or "-"
end

local SAMPLES = {
  dial = { "dial", to = "+14155550101" },
  conference = { "conference", room = "r1" },
  record = { "record" },
}

local function writes(adapter, verb)
  return adapter.answer ~= nil and pcall(adapter.answer, { SAMPLES[verb] })
end

local COLUMNS = {
  { "audio we can ask for", audio },
  { "a message of ours", message },
  { "an echoed mark proves", marks },
  { "clear", function(adapter) return adapter.formats[adapter.format].clear and "yes" or "no" end },
  { "keys in / out", digits },
  { "its webhooks are known by", known_by },
  { "the socket comes", function(adapter)
    return either { { adapter.webhook, "after a webhook" }, { adapter.socket, "first" } }
  end },
  { "calls at once / a second / webhook's time", limits },
  { "places, hangs up, can be asked", function(adapter)
    return either { { adapter.place, "places" }, { adapter.hangup, "hangs up" }, { adapter.fetch, "asked" } }
  end },
  { "recording", function(adapter)
    return either { { adapter.record, "request" }, { writes(adapter, "record"), "document" }, { adapter.recording, "webhook" } }
  end },
  { "for transfers", function(adapter)
    return either {
      { adapter.redirect, "redirect" }, { writes(adapter, "dial"), "dial" }, { writes(adapter, "conference"), "conference" },
    }
  end },
}

-- One row a property and one column a carrier would be wide; the other way round is wider still.
local function build()
  local lines = { "| |", "|---|" }
  local adapters = {}
  for _, name in ipairs(CARRIERS) do
    adapters[#adapters + 1] = require("providers.carriers." .. name)
    lines[1] = lines[1] .. (" [%s](carriers/%s.md) |"):format(name, name)
    lines[2] = lines[2] .. "---|"
  end
  for _, column in ipairs(COLUMNS) do
    local line = ("| %s |"):format(column[1])
    for _, adapter in ipairs(adapters) do line = line .. (" %s |"):format(column[2](adapter)) end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n") .. "\n"
end

if ... ~= "spec" then io.write(build()) end
return build
