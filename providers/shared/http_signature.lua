-- HTTP Message Signatures (draft-ietf-httpbis-message-signatures-11), hmac-sha256: what Signature-Input says, the text that
-- was signed, and its signature. One signature a request.

local crypto = require "callisto.crypto"

local http_signature = {}

local LONGEST = 4096 -- of Signature-Input
local MOST = 32      -- components, or parameters

---@class callisto.HttpSignature
---@field label string
---@field components string[]  in order
---@field parameters table<string, string|integer>
---@field order string[]  of the parameters
---@field given string  the signature, raw bytes

-- Each takes the text and a position, and gives a value and the position behind it; nil when nothing of the kind is there.
local function string_at(text, at)
  local inner, behind = text:match('^"([^"\\]*)"()', at)
  if inner and not inner:find "[%c\127-\255]" then return inner, behind end
end

local function value_at(text, at)
  local word, behind = string_at(text, at)
  if word then return word, behind end
  local number
  number, behind = text:match("^(%-?%d+)()", at)
  if number and #number <= 15 then return tonumber(number), behind end
end

local function components_at(text, at)
  if text:sub(at, at) ~= "(" then return nil end
  at = at + 1
  local list, seen = {}, {}
  while true do
    at = text:match("^ *()", at)
    if text:sub(at, at) == ")" then return list, at + 1 end
    local name, behind = string_at(text, at)
    if not name or name ~= name:lower() or seen[name] or #list == MOST then return nil end
    if not text:find("^[ )]", behind) then return nil end -- a component with parameters is none of ours
    seen[name], list[#list + 1] = true, name
    at = behind
  end
end

local function parameters_at(text, at)
  local values, order = {}, {}
  while text:sub(at, at) == ";" do
    local name, behind = text:match("^; *([%l*][%l%d_%-.*]*)=()", at)
    if not name or values[name] ~= nil or #order == MOST then return nil end
    local value
    value, at = value_at(text, behind)
    if value == nil then return nil end
    values[name], order[#order + 1] = value, name
  end
  return values, order, at
end

---Reads both headers. Everything in them must be understood.
---@param input string|nil  Signature-Input
---@param signature string|nil  Signature
---@return callisto.HttpSignature|nil, string? message
function http_signature.parse(input, signature)
  if not input or not signature then return nil, "Signature-Input or Signature is missing" end
  if #input > LONGEST or #signature > LONGEST then return nil, "Signature-Input or Signature is too long" end
  local label, at = input:match "^ *([%l*][%l%d_%-.*]*)=()"
  local components, behind = nil, nil
  if label then components, behind = components_at(input, at) end
  if not components then return nil, "Signature-Input cannot be read" end
  local parameters, order, rest = parameters_at(input, behind)
  if not parameters or not input:find("^ *$", rest) then return nil, "Signature-Input cannot be read" end
  local name, coded = signature:match "^ *([%l*][%l%d_%-.*]*)=:([%w+/=]*): *$"
  local given = name == label and crypto.unbase64(coded)
  if not given then return nil, "Signature cannot be read, or is not the one of Signature-Input" end
  return { label = label, components = components, parameters = parameters, order = order, given = given }
end

---What was signed, as it stands in the last line.
---@param components string[]
---@param parameters table<string, string|integer>
---@param order string[]
---@return string
function http_signature.params(components, parameters, order)
  local names = {}
  for i, name in ipairs(components) do names[i] = ('"%s"'):format(name) end
  local text = { "(" .. table.concat(names, " ") .. ")" }
  for _, name in ipairs(order) do
    local value = parameters[name]
    text[#text + 1] = type(value) == "number" and (";%s=%d"):format(name, value) or (';%s="%s"'):format(name, value)
  end
  return table.concat(text)
end

---The text that is signed.
---@param components string[]
---@param value fun(name: string): string|nil  of a component
---@param params string  see http_signature.params
---@return string|nil text, string? message
function http_signature.base(components, value, params)
  local lines = {}
  for i, name in ipairs(components) do
    local text = value(name)
    if not text then return nil, ("the signature covers '%s', which the request does not have"):format(name) end
    lines[i] = ('"%s": %s'):format(name, (text:gsub("^%s+", ""):gsub("%s+$", "")))
  end
  lines[#lines + 1] = '"@signature-params": ' .. params
  return table.concat(lines, "\n")
end

---@param key string  raw bytes
---@param base string
---@return string  raw bytes
function http_signature.sign(key, base) return crypto.hmac("sha256", key, base) end

return http_signature
