-- callisto.util.utf8: is a text UTF-8, and what it is without the bytes that are not.

local utf8 = {}

-- Every well-formed character of more than one byte (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF).
local well_formed = {
  "^[\194-\223][\128-\191]", "^\224[\160-\191][\128-\191]", "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]", "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]", "^\244[\128-\143][\128-\191][\128-\191]",
}

local REPLACEMENT = "\239\191\189" -- U+FFFD

local function end_of_character(value, at)
  for _, pattern in ipairs(well_formed) do
    local _, last = value:find(pattern, at)
    if last then return last end
  end
end

---A text as valid UTF-8: each byte that belongs to no character becomes U+FFFD.
---@param value string
---@return string valid
---@return boolean is_changed
function utf8.valid(value)
  local at = value:find "[\128-\255]"
  if not at then return value, false end
  local parts, from, is_changed = {}, 1, false
  while at do
    local last = end_of_character(value, at)
    if not last then
      parts[#parts + 1] = value:sub(from, at - 1) .. REPLACEMENT
      last, from, is_changed = at, at + 1, true
    end
    at = value:find("[\128-\255]", last + 1)
  end
  return table.concat(parts) .. value:sub(from), is_changed
end

return utf8
