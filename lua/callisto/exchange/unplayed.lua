-- callisto.exchange.unplayed: what the exchange does not play. A carrier may know a field or a filter that its face does not;
-- passed over in silence it would make a test pass that fails at the carrier, so a face refuses it.

local unplayed = {}

---The first name, in order, that a face does not know.
---@param given table<string, any>
---@param known table<string, true>
---@return string|nil
function unplayed.first(given, known)
  local first
  for name in pairs(given) do
    if not known[name] and (not first or tostring(name) < first) then first = tostring(name) end
  end
  return first
end

---A set of names.
---@param list string[]
---@return table<string, true>
function unplayed.set(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

return unplayed
