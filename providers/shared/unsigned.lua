-- Requests of carriers that sign nothing: they are known by a secret in the URL they were given, and by where they come from.

local crypto = require "callisto.crypto"
local http = require "callisto.http"

local unsigned = {}

-- What a URL such as https://user:password@voice.example.com/… brings along.
local function login_in(message)
  local basic = (message.headers.authorization or ""):match "^[Bb]asic%s+(%S+)%s*$"
  return (basic and crypto.unbase64(basic) or ""):match "^([^:]*):(.*)$"
end

-- The login of the carrier's own interface, which its pages tell people to put into URLs.
local function is_own_login(user, password, account)
  if not account.key or not account.token then return false end
  local is_user, is_password = crypto.equal(user, account.key), crypto.equal(password, account.token)
  return is_user and is_password
end

local function number_of(address)
  local a, b, c, d = address:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  if not a then return nil end
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function is_listed(peer, list)
  local address = number_of((peer:gsub("^::ffff:", ""):gsub(":%d+$", "")))
  for range in list:gmatch "[^%s,]+" do
    local base, bits = range:match "^([%d.]+)/?(%d*)$"
    local number = base and number_of(base)
    local size = 2 ^ (32 - (tonumber(bits) or 32))
    if number and address and math.floor(number / size) == math.floor(address / size) then return true end
  end
  return false
end

---Whether a request carries the account's `secret` (as `token` of the query, or as the password of a login), or the account's
---`key` and `token` as its login, and, when it has `addresses` (a list of IPv4 addresses and ranges), comes
---from one of them. They belong to the peer that opened the connection; behind a proxy the list belongs into the proxy.
---@param message table
---@param account {secret: string, key: string|nil, token: string|nil, addresses: string|nil}
---@param names {secret: string, addresses: string} of the settings
---@return true|nil ok, string? why, integer? status
function unsigned.verify(message, account, names)
  local given, user, password = http.read_query(message.query).token, login_in(message)
  given = given or password
  if not given then return nil, ("the URL has no token: end it in ?token= and %s"):format(names.secret), 401 end
  local is_known = crypto.equal(given, account.secret) or user and is_own_login(user, password, account)
  if not is_known then return nil, ("the token is wrong: check %s"):format(names.secret), 403 end
  if account.addresses and not is_listed(message.peer or "", account.addresses) then
    return nil, ("the address %s is not in %s"):format(message.peer or "?", names.addresses), 403
  end
  return true
end

---A URL of ours for such a carrier, with the secret by which we know it again.
---@param url string
---@param secret string
---@return string
function unsigned.url(url, secret)
  return ("%s%stoken=%s"):format(url, url:find("?", 1, true) and "&" or "?", http.escape(secret))
end

return unsigned
