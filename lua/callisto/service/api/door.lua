-- callisto.service.api.door: who may use the API.
--
-- With API keys: those who have one. Without: only programs on this machine that ask it directly, as on a developer's desk.

local crypto = require "callisto.crypto"
local forwarding = require "callisto.util.forwarding"
local http = require "callisto.http"
local settings = require "callisto.settings"

local door = {}

local function is_key(given, key)
  local digest = key:match("^sha256:(%x+)$") or crypto.hex(crypto.digest("sha256", key))
  return crypto.equal(crypto.hex(crypto.digest("sha256", given)), digest:lower())
end

local function has_key(message, keys)
  local given = (message.headers.authorization or ""):match("^[Bb]earer%s+(%S+)$")
  local is_right = false
  for _, key in ipairs(keys) do
    if given and is_key(given, key) then is_right = true end
  end
  return is_right
end

---Why a request is not served; nil when it is.
---@param message table
---@return table|nil answer
function door.refusal_of(message)
  local keys = settings.api_keys()
  if #keys > 0 then
    if has_key(message, keys) then return nil end
    return http.problem(401, "a valid API key is needed: Authorization: Bearer …", nil, { ["www-authenticate"] = "Bearer" })
  end
  local why = forwarding.doubt(message)
  if not why then return nil end
  return http.problem(403,
    ("no api_keys are configured, so only requests from this machine are served, and %s; set CALLISTO_API_KEYS"):format(why))
end

return door
