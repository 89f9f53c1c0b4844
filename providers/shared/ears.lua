-- What declarations of ears have in common.

local http = require "callisto.http"

local ears = {}

local encodings = { pcmu = "pcmu", pcma = "pcma", l16 = "l16le" }

---One format for each name, all with these rules. The first one is the default.
---@param names string[]  such as "pcmu/8000"
---@param rules table  as callisto.Media, without encoding and rate; functions of the rate stand for texts that name it
---@return table media
function ears.media(names, rules)
  local media = { default = names[1] }
  for _, name in ipairs(names) do
    local encoding, rate = name:match "^(%w+)/(%d+)$"
    local format = { encoding = encodings[encoding], rate = tonumber(rate) }
    for field, value in pairs(rules) do
      if type(value) == "function" then value = value(format.rate) end
      format[field] = value
    end
    media[name] = format
  end
  return media
end

---A URL with a query. A nil value leaves its parameter out, a list repeats it.
---@param base string
---@param given {[1]: string, [2]: any}[]
---@return string
function ears.url(base, given)
  local list = {}
  for _, pair in ipairs(given) do
    for _, value in ipairs(type(pair[2]) == "table" and pair[2] or { pair[2] }) do
      list[#list + 1] = { pair[1], tostring(value) }
    end
  end
  return base .. "?" .. http.form(list)
end

---Languages without their regions, each once: { "en-GB", "en-US", "hi" } gives { "en", "hi" }.
---@param languages string[]
---@return string[]
function ears.bases(languages)
  local list, seen = {}, {}
  for _, language in ipairs(languages) do
    local base = language:match "^%a+" or language
    if not seen[base] then list[#list + 1] = base end
    seen[base] = true
  end
  return list
end

return ears
