-- callisto.flow.phrases: what may be said for one choice, as the recogniser is told it and as it is compared.

local language = require "callisto.language"

local phrases = {}

---"Yes, sure, please do" → { "yes", "sure", "please do" }. A list is cleaned in the same way.
---@param value string|string[]
---@return string[]
function phrases.of(value)
  local list, seen = {}, {}
  local function add(phrase)
    local clean = language.bare(phrase):gsub("[%.!%?;:\"]", ""):gsub("%s+", " "):match("^%s*(.-)%s*$")
    if clean ~= "" and not seen[clean] then
      seen[clean] = true
      list[#list + 1] = clean
    end
  end
  if type(value) == "string" then
    for phrase in value:gmatch("[^,|]+") do add(phrase) end
  elseif type(value) == "table" then
    for _, each in ipairs(value) do
      if type(each) ~= "string" then error("phrases are text", 2) end
      add(each)
    end
  else
    error("phrases are a text with commas or a list of texts", 2)
  end
  return list
end

return phrases
