-- callisto.secrets: keys and passwords that scripts use without seeing them.
--
-- A secret is a value without contents: printing, logging, encoding or comparing it shows only its name. Joined with text
-- it makes another secret ("Bearer " .. call.secrets.shop_key). callisto.http sends what it stands for; `reveal` is there for
-- those who must have the text. `redact` takes secrets out of a text that will be written somewhere.

local options = require "callisto.options"

local secrets = {}

-- Shorter ones are not looked for in texts: they would be found everywhere.
local SHORTEST = 4

local values = setmetatable({}, { __mode = "k" })
local plain = {} -- every value that must not be written

local meta = { __metatable = false }

local function new(name, value)
  local secret = setmetatable({}, meta)
  values[secret] = { name = name, value = value }
  return secret
end

local function value_of(part)
  local known = values[part]
  return known and known.value or tostring(part)
end

local function name_of(part) return values[part] and values[part].name end

function meta.__tostring(self) return ("(secret %s)"):format(values[self].name) end
function meta.__concat(a, b) return new(name_of(a) or name_of(b), value_of(a) .. value_of(b)) end
function meta.__newindex() error("a secret has no fields", 2) end

---@param name string
---@param value string
---@return table secret
function secrets.new(name, value)
  if #value >= SHORTEST then plain[#plain + 1] = value end
  return new(name, value)
end

---Whether a value is a secret.
---@param value any
---@return boolean
function secrets.is(value) return values[value] ~= nil end

---The text a secret stands for; any other value as it is.
---@param value any
---@return any
function secrets.reveal(value)
  local known = type(value) == "table" and values[value]
  if known then return known.value end
  return value
end

local function replace_all(text, value)
  local parts, place = {}, 1
  while true do
    local first, last = text:find(value, place, true)
    if not first then break end
    parts[#parts + 1] = text:sub(place, first - 1) .. "***"
    place = last + 1
  end
  return table.concat(parts) .. text:sub(place)
end

---A text without these values.
---@param text string
---@param hidden string[]
---@return string
function secrets.without(text, hidden)
  for _, value in ipairs(hidden) do
    if #value >= SHORTEST then text = replace_all(text, value) end
  end
  return text
end

---A text without the secrets that this VM knows.
---@param text string
---@return string
function secrets.redact(text)
  return secrets.without(text, plain)
end

---What a call sees as call.secrets: the declared names, each a secret. One that is not declared, or not set, is an error
---where it is used.
---@param declared string[]
---@param given table<string, string>
---@return table<string, table>
function secrets.of_call(declared, given)
  local known, wrapped = {}, {}
  for _, name in ipairs(declared) do
    known[name] = true
    if given[name] then wrapped[name] = secrets.new(name, given[name]) end
  end
  return setmetatable({}, {
    __metatable = false,
    __newindex = function() error("call.secrets cannot be changed", 2) end,
    __index = function(_, name)
      if wrapped[name] then return wrapped[name] end
      if not known[name] then
        local near = options.nearest(tostring(name), known)
        error(("secret '%s' is not among the template's 'secrets'%s"):format(tostring(name),
          near and ("; did you mean '%s'?"):format(near) or ""), 2)
      end
      error(("secret '%s' is not set: callisto.lua needs secrets = { %s = env.%s }"):format(name, name, name:upper()), 2)
    end,
  })
end

return secrets
