-- callisto.jwt: JSON Web Tokens in their compact form: signed with RS256, checked with HS256.
--
-- What the claims mean is the caller's business: `verify` says only that the token is whole and was signed with this secret.

local crypto = require "callisto.crypto"
local json = require "callisto.json"

local jwt = {}

local LONGEST = 8192 -- bytes of a token

local to_url = { ["+"] = "-", ["/"] = "_", ["="] = "" }
local from_url = { ["-"] = "+", ["_"] = "/" }

local function encode(bytes) return (crypto.base64(bytes):gsub("[+/=]", to_url)) end

-- Strict: only the alphabet for URLs, without padding.
local function decode(text)
  if not text:find "^[%w_-]+$" or #text % 4 == 1 then return nil end
  return crypto.unbase64(text:gsub("[-_]", from_url) .. ("="):rep(-#text % 4))
end

local function decode_object(text)
  local value = json.decode(decode(text) or "")
  return type(value) == "table" and value or nil
end

---A token signed with an RSA private key.
---@param claims table
---@param pem string
---@return string|nil token, string? message, string? code
function jwt.sign(claims, pem)
  local signed = encode '{"alg":"RS256","typ":"JWT"}' .. "." .. encode(json.encode(claims))
  local signature, why, code = crypto.rs256_sign(pem, signed)
  if not signature then return nil, why, code end
  return signed .. "." .. encode(signature)
end

---The claims of a token that was signed with this secret, as text, by HMAC-SHA256.
---@param token string
---@param secret string
---@return table|nil claims, string? message
function jwt.verify(token, secret)
  if #token > LONGEST then return nil, "the token is too long" end
  local header, payload, signature = token:match "^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$"
  if not header then return nil, "the token does not have three parts in base64url" end
  local about, claims = decode_object(header), decode_object(payload)
  if not about or not claims then return nil, "the token's header or claims are not a JSON object" end
  if about.alg ~= "HS256" then return nil, ("the token's alg is %s, not HS256"):format(tostring(about.alg)) end
  local right = encode(crypto.hmac("sha256", secret, header .. "." .. payload))
  if not crypto.equal(right, signature) then return nil, "the token's signature is wrong" end
  return claims
end

return jwt
