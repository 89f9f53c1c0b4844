-- callisto.settings: what the command line, the environment and the workspace's callisto.lua say, in that order.

local core = require "callisto.core"
local duration = require "callisto.duration"
local forwarding = require "callisto.forwarding"

local settings = {}

-- They stay as they are for as long as a generation of code lives, and so for the life of a VM: decoded once, at first use.
local env, file, cli ---@type table<string, any>, table<string, any>, table<string, any>

local function given()
  if not env then
    local all = core.settings()
    env, file, cli = all.env or {}, all.file or {}, all.cli or {}
  end
  return env, file, cli
end

-- A table of callisto.lua, {} when it is not there.
local function of_file(name)
  local _, from_file = given()
  local value = from_file[name]
  return type(value) == "table" and value or {}
end

local function of_table(kind, name)
  local value = of_file(kind)[name]
  return type(value) == "table" and value or {}
end

---One setting: by its name in the environment, and by its name in callisto.lua and on the command line.
---@param variable string  such as "PUBLIC_BASE_URL"
---@param name string|nil  such as "public_base_url"
---@return any
function settings.get(variable, name)
  local from_env, from_file, from_cli = given()
  name = name or variable:lower()
  local value = from_cli[name]
  if value == nil or value == "" then value = from_env[variable] end
  if value == nil or value == "" then value = from_file[name] end
  if value == "" then return nil end
  return value
end

---The URL under which carriers reach us, without a slash at its end.
---@return string|nil url, string? message
function settings.public_url()
  local url = settings.get("PUBLIC_BASE_URL") or settings.get("APP_BASE_URL")
  if not url then return nil, "PUBLIC_BASE_URL is not set; it is the https:// address under which carriers reach this service" end
  url = url:gsub("/+$", "")
  if not url:match("^https?://[%w%-._:%[%]]+[%w%-._~/]*$") then
    return nil, "PUBLIC_BASE_URL must be such as https://voice.example.com, not " .. url
  end
  return url
end

---The same address for WebSockets.
---@return string|nil url, string? message
function settings.socket_url()
  local url, why = settings.public_url()
  if not url then return nil, why end
  return (url:gsub("^http", "ws"))
end

---The account of a provider: the fields of its `account`, from the variables or from `carriers.<name>`, or `vendors.<name>`, of
---callisto.lua.
---@param provider callisto.Carrier|callisto.Stt|callisto.Tts|callisto.Llm
---@param kind "stt"|"tts"|"llm"|nil  nil: a carrier
---@return table|nil account, string? message  the message names the variable that is missing
function settings.account(provider, kind)
  local account, own = {}, of_table(kind and "vendors" or "carriers", provider.name)
  for field, variable in pairs(provider.account) do account[field] = settings.get(variable) or own[field] end
  for _, field in ipairs(provider.required) do
    if not account[field] then
      return nil, ("%s is not set; the %s %s cannot be used without it"):format(provider.account[field],
        kind or "carrier", provider.name)
    end
  end
  return account
end

---A number that is set for a carrier: <NAME>_MAX_CONCURRENT, or carriers.<name>.max_concurrent of callisto.lua.
---@param carrier string
---@param name string
---@return number|nil
function settings.of_carrier(carrier, name)
  return tonumber(settings.get(("%s_%s"):format(carrier, name):upper()) or of_table("carriers", carrier)[name])
end

---@return string
function settings.default_carrier() return settings.get("TELEPHONY_PROVIDER") or "twilio" end

---Whether the public URL leads to this machine from elsewhere. Then a proxy is between, which may well say nothing of itself.
---@return boolean
function settings.has_proxy()
  local url = settings.public_url()
  return url ~= nil and not forwarding.is_host_of_this_machine(url:match "^%a+://([^/]+)")
end

---Whether the signature of a carrier's request is checked. Only what began on this machine may be excused.
---@param message table
---@return boolean
function settings.checks_signatures(message)
  local value = tostring(settings.get("ENFORCE_TELEPHONY_WEBHOOK_SIGNATURES", "enforce_signatures"))
  if value ~= "false" and value ~= "0" then return true end
  return settings.has_proxy() or forwarding.doubt(message) ~= nil
end

---Keys of the API: texts, or "sha256:" and the hex digest of one.
---@return string[]
function settings.api_keys()
  local keys = settings.get("CALLISTO_API_KEYS", "api_keys") or {}
  if type(keys) == "table" then return keys end
  local list = {}
  for key in keys:gmatch("[^,%s]+") do list[#list + 1] = key end
  return list
end

local function age_of(variable, value)
  if value == nil then return nil end
  local seconds, why = duration.parse(value)
  if seconds and seconds < 3600 then why = "must be an hour or more" end
  if why then error(("%s (or %s of callisto.lua) %s"):format(variable, variable:lower(), why), 0) end
  return seconds
end

---How old what is over may become, in seconds; nil: it is kept for ever. A wrong one is an error.
---@return {calls: number|nil, recordings: number|nil}|nil
function settings.retention()
  local age = {
    calls = age_of("RETENTION_CALLS", settings.get("RETENTION_CALLS")),
    recordings = age_of("RETENTION_RECORDINGS", settings.get("RETENTION_RECORDINGS")),
  }
  return next(age) and age
end

---What flows see as call.settings: those of callisto.lua, and over them those of this call alone.
---@param own table<string, any>|nil
---@return table
function settings.for_calls(own)
  local all = {}
  for name, value in pairs(of_file "settings") do all[name] = value end
  for name, value in pairs(own or {}) do all[name] = value end
  return all
end

---The secrets a template declares, from `secrets` of callisto.lua, which may take them from the environment:
---secrets = { shop_key = env.SHOP_KEY }.
---@param names string[]
---@return table<string, string>
function settings.secrets(names)
  local all, values = of_file "secrets", {}
  for _, name in ipairs(names) do
    if all[name] ~= nil and all[name] ~= "" then values[name] = tostring(all[name]) end
  end
  return values
end

return settings
