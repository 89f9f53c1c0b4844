-- callisto.provider.vendor: what voices and ears of vendors have in common: a WebSocket that is opened for each call, or
-- requests, in words the provider declares (callisto.provider.media). Sound goes between the call and the vendor in C; no sample
-- reaches Lua.
--
--   media     its formats; the one with the name of the call's own format is used when it is there, so that nothing is resampled
--   connect   fn(account, about, answer) → callisto.VendorSocket: pure, from the account's settings and what is known of the call
--   prepare   fn(account, about) → a request, as for http.fetch, whose answer `connect` needs; for vendors that want one first
--   patience  how long a voice that owes sound may send none, before it is given up
--   options   what a template may set (tts_options, stt_options), described as callisto.options has it

local json = require "callisto.json"
local options = require "callisto.options"
local provider = require "callisto.provider"

local vendor = {}

---@class callisto.VendorCall  what `connect` is told
---@field call string  our id
---@field language string  of the template
---@field languages string[]  all that callers may speak, that one first; none: whatever is spoken
---@field detects boolean  others may be spoken as well
---@field voice string|nil  the one the template names, else the first
---@field format string  the name of the format that is used
---@field media callisto.Media  that format
---@field options table  of the template, as the provider's `options` describe them

---@class callisto.VendorSocket  what `connect` returns
---@field url string  wss://…, or https://… of engine "http"
---@field form table<string, string>|nil  of an ear of engine "http": what is sent with each sound
---@field headers table<string, string>|nil  of the upgrade
---@field secrets string[]|nil  of this socket, beside the account: what must not be written down
---@field opening string[]|nil  texts that are sent first
---@field closing string|nil  text that is sent before the socket is closed
---@field keepalive {[1]: string, every: string|number}|nil  a text that is sent again and again [every 5 s]

local SCHEMES = {
  socket = { "^wss?://[^/%s]+", "must begin with wss:// or ws:// and a host" },
  http = { "^https?://[^/%s]+", "must begin with https:// or http:// and a host" },
}

local function check_header(value)
  if value:find "%c" then return "has a control character, such as the end of a line" end
end

local socket_fields = {
  url = { "string", required = true },
  headers = { "map", default = {}, each = { "string", check = check_header } },
  opening = { "list", default = {}, each = { "string" } },
  closing = { "string" },
  form = { "map", default = {}, each = { "string", check = check_header } },
  secrets = { "list", default = {}, each = { "string" } },
  keepalive = { "map", fields = { { "string", required = true }, every = { "duration", default = 5, min = 0.1, max = 3600 } } },
}

---Fields of a provider whose `engine` may be "socket".
---@param more table<string, table>
---@return table<string, table>
function vendor.fields(more)
  local fields = {
    engine = { "string", required = true, values = { ["local"] = true, socket = true, http = true } },
    languages = { "list", required = true, each = { "string" } },
    connect = { "function" },
    prepare = { "function" },
    connect_timeout = { "duration", default = 5, min = 0.1, max = 60 },
    patience = { "duration", default = 5, min = 0.1, max = 60 },
    options = { "map", default = {}, each = { "map" } },
  }
  for name, field in pairs(more) do fields[name] = field end
  return fields
end

local function engine_fault(values, media_fault)
  local is_vendor = values.engine ~= "local"
  for _, name in ipairs { "connect", "media" } do
    if is_vendor and not values[name] then return ("'%s' is missing; engine '%s' needs it"):format(name, values.engine) end
    if not is_vendor and values[name] then return ("'%s' is for engine 'socket', not for '%s'"):format(name, values.engine) end
  end
  for name, format in pairs(is_vendor and values.media or {}) do
    local why = name ~= "default" and media_fault(format, values)
    if why then return ("media: %s: %s"):format(name, why) end
  end
end

---Checks a provider of this kind.
---@param kind string
---@param given table
---@param fields table<string, table>
---@param media_fault fun(format: callisto.Media, values: table): string|nil  what a format lacks for this kind
---@return table|nil values, string? message
function vendor.check(kind, given, fields, media_fault)
  local values, why = provider.check(kind, given, fields)
  if not values then return nil, why end
  why = engine_fault(values, media_fault)
  if why then return nil, ("%s '%s': %s"):format(kind, values.name, why) end
  return values
end

local VARIABLES = { text = true, mark = true, voice = true }

---A message with variables, as media declarations have them, of a table: "$text", "$mark" and "$voice" stay what they are, and
---every other dollar sign means itself.
---@param message table
---@return string
function vendor.message(message)
  local text = json.encode(message):gsub("%$", "$$")
  return (text:gsub("%$%$(%a+)", function(name) return VARIABLES[name] and "$" .. name end))
end

---Where a vendor is reached for a call. What `connect` does wrong is a message, not an error.
---@param made table  a provider of a vendor
---@param account table
---@param about callisto.VendorCall
---@param answer table|nil  what came of `prepare`: { status, headers, body }
---@return callisto.VendorSocket|nil socket, string? message
function vendor.socket(made, account, about, answer)
  local ok, value = pcall(made.connect, account, about, answer)
  if not ok then return nil, "connect: " .. tostring(value) end
  local socket, why = options.try("connect", value, socket_fields)
  if not socket then return nil, why end
  local scheme = SCHEMES[made.engine]
  if not socket.url:find(scheme[1]) then return nil, "connect: 'url' " .. scheme[2] end
  return socket
end

---Its format as this call needs it: with the texts that `say` gives.
---@param made callisto.Tts|callisto.Stt
---@param account table
---@param about callisto.VendorCall
---@return callisto.Media|nil media, string? message
function vendor.media(made, account, about)
  if not made.say then return about.media end
  local ok, texts = pcall(made.say, account, about)
  if not ok then return nil, "say: " .. tostring(texts) end
  local format = { say_out = texts }
  for name, value in pairs(about.media) do format[name] = format[name] or value end
  return format
end

return vendor
