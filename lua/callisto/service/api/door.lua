-- callisto.service.api.door: who may use the API.
--
-- With API keys: those who have one. Without, as on a developer's desk: programs on this machine that ask it directly, and only
-- where all is seen to be on this machine: the address the server listens on, and the URL under which carriers reach it. Where
-- that one is elsewhere there is a proxy between, which may well say nothing of itself.

local core = require "callisto.core"
local crypto = require "callisto.crypto"
local forwarding = require "callisto.forwarding"
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

-- Why nobody is served without a key, whoever asks; nil: those who ask directly are.
local function openness()
  if not core.status().is_local then return "the server listens to other machines, too (--host 127.0.0.1 would not)" end
  if not settings.has_proxy() then return nil end
  return ("PUBLIC_BASE_URL leads here from elsewhere (%s)"):format(settings.public_url())
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
  local why = openness() or forwarding.doubt(message)
  if not why then return nil end
  return http.problem(403,
    ("no api_keys are configured, so only requests from this machine are served, and %s; set CALLISTO_API_KEYS"):format(why))
end

---What there is to say of the door when the service starts; nil when there are keys.
---@return string|nil
function door.notice()
  if #settings.api_keys() > 0 then return nil end
  local why = openness()
  if not why then return "the API is open to every program on this machine: no api_keys are configured" end
  return ("the API serves nobody: no api_keys are configured, and %s; set CALLISTO_API_KEYS"):format(why)
end

return door
