-- callisto.service.outside: text from outside is made valid UTF-8 once, where it comes in.
--
-- Carriers hand on what telephones and other carriers gave them; a caller's name may be Latin-1. The store, documents and
-- the API want UTF-8, and each would refuse such text at another place. What is not UTF-8 becomes U+FFFD, and the log says so.

local log = require "callisto.log"
local utf8 = require "callisto.util.utf8"

local outside = {}

-- Cleans a table's texts in place, keys too, and notes the names of the fields that were not valid.
local function clean(value, name, found)
  if type(value) == "string" then
    local valid, is_changed = utf8.valid(value)
    if is_changed then found[#found + 1] = name end
    return valid
  end
  if type(value) ~= "table" then return value end
  local renamed = {}
  for key, each in pairs(value) do
    local plain = type(key) == "string" and utf8.valid(key) or key
    value[key] = clean(each, tostring(plain), found)
    if plain ~= key then renamed[key] = plain end
  end
  for key, plain in pairs(renamed) do
    value[plain], value[key] = value[key], nil
  end
  return value
end

---Makes every text in a value valid UTF-8. A table is changed in place.
---@generic T
---@param who string  who said it, for the log
---@param value T
---@return T value
function outside.clean(who, value)
  local found = {}
  value = clean(value, "text", found)
  if #found > 0 then
    table.sort(found)
    log.warn(("%s sent text that is not UTF-8, which is replaced by U+FFFD: %s"):format(who, table.concat(found, ", ")))
  end
  return value
end

return outside
