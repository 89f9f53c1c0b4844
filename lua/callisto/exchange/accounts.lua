-- callisto.exchange.accounts: accounts that exist nowhere, one for every carrier: for development, the demo, and specs.
--
-- The exchange and the application must be given the same.

local crypto = require "callisto.crypto"

local accounts = {}

local SECRET = "made-up-for-development"
local UUID = "00000000-0000-4000-8000-000000000001"

-- Key pairs are made once a process.
local made = {}
local function once(name, make)
  made[name] = made[name] or make()
  return made[name]
end

local function telnyx_seed() return crypto.digest("sha256", SECRET) end

local of = {
  twilio = { TWILIO_ACCOUNT_SID = "AC00000000000000000000000000000001", TWILIO_AUTH_TOKEN = SECRET },
  plivo = { PLIVO_AUTH_ID = "MA000000000000000001", PLIVO_AUTH_TOKEN = SECRET },
  vobiz = { VOBIZ_AUTH_ID = "MA_00000001", VOBIZ_AUTH_TOKEN = SECRET },
  exotel = {
    EXOTEL_ACCOUNT_SID = "madeup1", EXOTEL_API_KEY = "made-up-key", EXOTEL_API_TOKEN = SECRET, EXOTEL_WEBHOOK_SECRET = SECRET,
  },
  telnyx = {
    TELNYX_ACCOUNT_SID = UUID, TELNYX_APPLICATION_SID = "1494404757140276705", TELNYX_API_KEY = SECRET,
    TELNYX_PUBLIC_KEY = function() return crypto.base64(crypto.ed25519_public(telnyx_seed())) end,
    EXCHANGE_TELNYX_KEY = function() return crypto.base64(telnyx_seed()) end,
  },
  vonage = {
    VONAGE_APPLICATION_ID = UUID, VONAGE_SIGNATURE_SECRET = SECRET,
    VONAGE_PRIVATE_KEY = function() return once("vonage", function() return assert(crypto.rsa_new()) end) end,
  },
  genesys = { GENESYS_API_KEY = "made-up-key", GENESYS_CLIENT_SECRET = function() return crypto.base64(SECRET) end },
}

---The environment of a carrier's made-up account.
---@param carrier string
---@param number string|nil  the application's own number
---@return table<string, string>
function accounts.of(carrier, number)
  local env = {}
  for name, value in pairs(of[carrier] or {}) do env[name] = type(value) == "function" and value() or value end
  if number then env[carrier:upper() .. "_PHONE_NUMBER"] = number end
  return env
end

---@return string[]  names of carriers, in order
function accounts.carriers()
  local list = {}
  for name in pairs(of) do list[#list + 1] = name end
  table.sort(list)
  return list
end

return accounts
