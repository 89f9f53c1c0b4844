-- callisto.exchange.vendors.reading: what the doubles of vendors have in common when they read a request.

local http = require "callisto.http"
local json = require "callisto.json"

local reading = {}

---The first name that is not known, in the order of the alphabet.
---@param value table
---@param known table<string, true>
---@return string|nil
function reading.stranger(value, known)
  local strangers = {}
  for name in pairs(value) do
    if not known[name] then strangers[#strangers + 1] = tostring(name) end
  end
  table.sort(strangers)
  return strangers[1]
end

-- A double may run for days.
local KEPT = 1000

---Appends to what a double remembers; the oldest goes when it is full.
---@param list table[]
---@param entry table
function reading.remember(list, entry)
  if #list == KEPT then table.remove(list, 1) end
  list[#list + 1] = entry
end

---One of what a double remembers: the first is 1, the last is -1; nil: all.
---@param list table[]
---@param number integer|nil
---@return table[]|table|nil
function reading.recall(list, number)
  if not number then return list end
  return list[number < 0 and #list + 1 + number or number]
end

---A set of names.
---@param names string  separated by blanks
---@return table<string, true>
function reading.names(names)
  local set = {}
  for name in names:gmatch "%S+" do set[name] = true end
  return set
end

---Of a header, whatever its case; nil when it is missing.
---@param request table
---@param name string
---@return string|nil
function reading.header(request, name) return (request.headers or {})[name] end

---The bearer's key.
---@param request table
---@return string|nil
function reading.bearer(request) return (reading.header(request, "authorization") or ""):match "^[Bb]earer%s+(.+)$" end

---A JSON text as a value; what is none stays a text.
---@param text string
---@return any
function reading.value(text)
  local value = json.decode(text)
  if value == nil then return text end
  return value
end

local ENCODINGS = {
  linear16 = "l16le", pcm_s16le = "l16le", mulaw = "pcmu", pcm_mulaw = "pcmu", alaw = "pcma", pcm_alaw = "pcma",
}

---Our name of a vendor's encoding; nil: no double makes it.
---@param name string|nil
---@return "l16le"|"pcmu"|"pcma"|nil
function reading.encoding(name) return ENCODINGS[name or ""] end

---The parameters of a request's query, the last of each name.
---@param request table
---@return table<string, string>
function reading.query(request)
  local values = {}
  for name, value in (request.query or ""):gmatch "([^&=]+)=?([^&]*)" do values[http.unescape(name)] = http.unescape(value) end
  return values
end

---An answer in JSON.
---@param status integer
---@param body table
---@param headers table<string, string>|nil  more
---@return table
function reading.json(status, body, headers)
  local all = { ["content-type"] = "application/json" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { status = status, headers = all, body = json.encode(body) }
end

return reading
