-- The table of docs/carriers.md, made from the adapters themselves. spec/carriers/carriers_spec.lua compares the two.
--
-- usage: callisto lua scripts/carriers.lua     prints the table

local files = require "callisto.cli.files"
local media = require "callisto.provider.media"

local function default_of(adapter) return adapter.media[adapter.media.default] end

local function audio(adapter)
  local names = media.names(adapter.media)
  names[1] = ("**%s**"):format(names[1])
  return table.concat(names, ", ")
end

local BYTES = { pcmu = 1, pcma = 1 }

local function message(adapter)
  local format = default_of(adapter)
  local bytes_a_ms = (BYTES[format.encoding_out or format.encoding] or 2) * format.rate / 1000
  local ms = math.max(format.frame_ms, math.ceil((format.chunk_min or 0) / bytes_a_ms))
  return ("%d ms, %s"):format(ms, format.binary_out and "binary" or "JSON")
end

local PROOF = { played = "what was before it was played", queue = "all that was sent was played", none = "none" }

local function marks(adapter)
  local word = PROOF[adapter.acknowledges.marks] or adapter.acknowledges.marks
  if adapter.acknowledges.marks == "none" then return word end
  return word .. (adapter.acknowledges.after_clear and "; also after a clear" or "; not after a clear")
end

local function digits(adapter)
  local format = default_of(adapter)
  local out = format.dtmf_out and "message" or adapter.requests.send_digits and "request" or "tones"
  return ("%s / %s"):format(format.dtmf_in and "message" or "tones", out)
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

local function known_by(adapter)
  return SIGNATURES[adapter.name] or error("scripts/carriers.lua does not say how webhooks of " .. adapter.name .. " are signed")
end

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
  return adapter.webhook.answer ~= nil and pcall(adapter.webhook.answer, { SAMPLES[verb] })
end

local COLUMNS = {
  { "audio we can ask for", audio },
  { "a message of ours", message },
  { "an echoed mark proves", marks },
  { "clear", function(adapter) return default_of(adapter).clear and "yes" or "no" end },
  { "keys in / out", digits },
  { "its webhooks are known by", known_by },
  { "the socket comes", function(adapter)
    return either { { adapter.webhook.read, "after a webhook" }, { adapter.socket.read, "first" } }
  end },
  { "calls at once / a second / webhook's time", limits },
  { "places, hangs up, can be asked", function(adapter)
    local requests = adapter.requests
    return either { { requests.place, "places" }, { requests.hangup, "hangs up" }, { requests.fetch, "asked" } }
  end },
  { "recording", function(adapter)
    return either {
      { adapter.requests.record, "request" }, { writes(adapter, "record"), "document" }, { adapter.webhook.recording, "webhook" },
    }
  end },
  { "for transfers", function(adapter)
    return either {
      { adapter.requests.redirect, "redirect" }, { writes(adapter, "dial"), "dial" },
      { writes(adapter, "conference"), "conference" },
    }
  end },
}

-- One row a property and one column a carrier would be wide; the other way round is wider still.
local function build()
  local lines = { "| |", "|---|" }
  local adapters = {}
  for _, path in ipairs(files.lua_files "providers/carriers") do
    local name = path:gsub("%.lua$", "")
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
