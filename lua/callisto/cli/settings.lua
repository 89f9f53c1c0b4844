-- callisto.cli.settings: reads what a process is started with: the environment, the workspace's callisto.lua, the command line.
--
-- Runs once, in a tool's VM, before the engine exists. Scripts see the result as core.settings() = { env, file, cli };
-- callisto.settings answers from it, the command line first.

local carrier = require "callisto.provider.carrier"
local files = require "callisto.cli.files"
local forwarding = require "callisto.util.forwarding"
local json = require "callisto.json"
local stt = require "callisto.provider.stt"
local tts = require "callisto.provider.tts"

local settings = {}

-- Variables that belong to no carrier, and their names in callisto.lua. A carrier's own are named by its adapter.
local VARIABLES = {
  TELEPHONY_PROVIDER = "telephony_provider",
  TELEPHONY_DOCUMENT = "document",
  PUBLIC_BASE_URL = "public_base_url",
  APP_BASE_URL = "app_base_url",
  ENFORCE_TELEPHONY_WEBHOOK_SIGNATURES = "enforce_signatures",
  CALLISTO_API_KEYS = "api_keys",
  OUTBOUND_RING_TIMEOUT_SECONDS = "outbound_ring_timeout_seconds",
  RETENTION_CALLS = "retention_calls",
  RETENTION_RECORDINGS = "retention_recordings",
  BOT_MAX_DRAIN_SECONDS = "bot_max_drain_seconds",
  EXCHANGE_CPS = "exchange_cps",
  EXCHANGE_TELNYX_KEY = "exchange_telnyx_key",
}

-- What may be set for every carrier.
local LIMITS = { "MAX_CONCURRENT", "CALLS_PER_SECOND" }

-- What only callisto.lua can say.
local TABLES = { "settings", "secrets", "carriers", "vendors", "exchange" }

-- Request headers any route may want to see; adapters add their own (`headers`).
local HEADERS = {
  "authorization", "content-type", "accept", "user-agent", "host", "origin", "idempotency-key", "x-request-id",
}

-- The providers of a kind, of the workspace and those that are shipped, as this VM's generation of code has them.
local function providers(workspace, kind, is)
  local found, seen = {}, {}
  for _, root in ipairs { workspace .. "/", files.library() .. "/../" } do
    for _, path in ipairs(files.lua_files(root .. "providers/" .. kind)) do
      local name = path:gsub("%.lua$", ""):gsub("/", ".")
      local ok, made = pcall(require, ("providers.%s.%s"):format(kind, name))
      if ok and is(made) and not seen[name] then found[#found + 1] = made end
      seen[name] = true
    end
  end
  return found
end

local function adapters(workspace) return providers(workspace, "carriers", carrier.is) end

---The variables a process looks at.
---@param workspace string
---@return string[]
function settings.variables(workspace)
  local names = {}
  for name in pairs(VARIABLES) do names[#names + 1] = name end
  for _, adapter in ipairs(adapters(workspace)) do
    for _, name in pairs(adapter.account) do names[#names + 1] = name end
    for _, limit in ipairs(LIMITS) do names[#names + 1] = ("%s_%s"):format(adapter.name:upper(), limit) end
  end
  for kind, is in pairs { stt = stt.is, tts = tts.is } do
    for _, made in ipairs(providers(workspace, kind, is)) do
      for _, name in pairs(made.account) do names[#names + 1] = name end
    end
  end
  table.sort(names)
  return names
end

---What callisto.lua may hold.
---@param workspace string
---@return table<string, true>
function settings.known(workspace)
  local known = {}
  for _, name in ipairs(settings.variables(workspace)) do known[VARIABLES[name] or name:lower()] = true end
  for _, name in ipairs(TABLES) do known[name] = true end
  return known
end

---The workspace's callisto.lua: a file that returns a table. It sees nothing but `env`, a table of the environment.
---@param path string
---@return table
function settings.read_file(path)
  local text = files.read(path)
  if not text then return {} end
  local chunk, why = loadstring(text, "@" .. path)
  if not chunk then error(why, 0) end
  setfenv(chunk, { env = setmetatable({}, { __index = function(_, name) return os.getenv(name) end }) })
  local ok, value = pcall(chunk)
  if not ok then error(value, 0) end
  if type(value) ~= "table" then error(path .. ": must return a table, such as return { public_base_url = \"https://…\" }", 0) end
  return value
end

---A `.env` of development: NAME=value a line. The real environment goes first.
local function read_dotenv(path)
  local values = {}
  local file = io.open(path)
  if not file then return values end
  for line in file:lines() do
    local name, value = line:match "^%s*([%u%d_]+)%s*=%s*(.-)%s*$"
    if name then values[name] = value:match '^"(.*)"$' or value:match "^'(.*)'$" or value end
  end
  file:close()
  return values
end

local function is_set(value) return value ~= nil and value ~= "" end

-- Without its carrier's secrets, and an address under which the carrier reaches it, nothing is served.
local function check_needed(given)
  local function find(name)
    local plain = VARIABLES[name] or name:lower()
    for _, value in ipairs { given.cli[plain] or "", given.env[name] or "", given.file[plain] or "" } do
      if is_set(value) then return value end
    end
  end
  local chosen = find "TELEPHONY_PROVIDER" or "twilio"
  for _, adapter in ipairs(adapters(given.workspace)) do
    local of_file = ((given.file.carriers or {})[adapter.name]) or {}
    for _, field in ipairs(adapter.name == chosen and adapter.required or {}) do
      local name = adapter.account[field]
      if not is_set(find(name)) and not is_set(of_file[field]) then
        error(("%s is not set; the carrier %s cannot be used without it"):format(name, chosen), 0)
      end
    end
  end
  if given.verb == "serve" and not find "PUBLIC_BASE_URL" and not find "APP_BASE_URL" then
    error("PUBLIC_BASE_URL is not set; it is the https:// address under which carriers reach this service", 0)
  end
end

---@param verb string
---@param workspace string
---@param cli string JSON of --set and options
---@return integer exit_code, string json
function settings.json(verb, workspace, cli)
  local dotenv, env = read_dotenv(workspace .. "/.env"), {}
  for _, name in ipairs(settings.variables(workspace)) do env[name] = os.getenv(name) or dotenv[name] end
  local given = {
    verb = verb, workspace = workspace, env = env, file = settings.read_file(workspace .. "/callisto.lua"),
    cli = assert(json.decode(cli)),
  }
  if verb == "serve" or verb == "exchange" then check_needed(given) end
  return 0, json.encode(given)
end

---The request headers scripts want to see.
---@param workspace string|nil
---@return integer exit_code, string names separated by blanks
function settings.headers(workspace)
  local seen, list = {}, {}
  local function add(name)
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  for _, name in ipairs(HEADERS) do add(name) end
  for _, name in ipairs(forwarding.headers) do add(name) end
  for _, adapter in ipairs(adapters(workspace or ".")) do
    for _, name in ipairs(adapter.webhook.headers) do add(name) end
  end
  return 0, table.concat(list, " ")
end

return settings
