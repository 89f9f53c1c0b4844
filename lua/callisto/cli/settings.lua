-- callisto.cli.settings: reads what a process is started with: the environment, the workspace's callisto.lua, the command line.
--
-- Runs once, in a tool's VM, before the engine exists. Scripts see the result as core.settings() = { env, file, cli };
-- callisto.settings answers from it, the command line first.

local core = require "callisto.core"
local files = require "callisto.cli.files"
local json = require "callisto.json"
local options = require "callisto.options"
local place = require "callisto.judge.place"
local workspace = require "callisto.workspace"

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

-- Request headers any route may want to see; adapters add their own (`headers`). The last ones are keys of vendors, for their
-- doubles.
local HEADERS = {
  "authorization", "content-type", "accept", "user-agent", "host", "origin", "idempotency-key", "x-request-id",
  "x-api-key", "api-key", "x-goog-api-key", "xi-api-key", "api-subscription-key", "anthropic-version",
}

local KINDS = { "llm", "stt", "tts" } -- of vendors

-- The providers of the workspace and those that are shipped, as data (callisto.Catalog): none is run beside the environment of
-- the process.
local found = {}

local function providers(folder)
  found[folder] = found[folder] or assert(workspace.judge(folder, "providers.")).catalog
  return found[folder]
end

local function adapters(folder) return providers(folder).carriers end

---The variables a process looks at.
---@param folder string  the workspace
---@return string[]
function settings.variables(folder)
  local names = {}
  for name in pairs(VARIABLES) do names[#names + 1] = name end
  for _, adapter in ipairs(adapters(folder)) do
    for _, name in pairs(adapter.account) do names[#names + 1] = name end
    for _, limit in ipairs(LIMITS) do names[#names + 1] = ("%s_%s"):format(adapter.name:upper(), limit) end
  end
  for _, kind in ipairs(KINDS) do
    for _, made in pairs(providers(folder)[kind]) do
      for _, name in pairs(made.account) do names[#names + 1] = name end
    end
  end
  table.sort(names)
  return names
end

---What callisto.lua may hold.
---@param folder string  the workspace
---@return table<string, true>
function settings.known(folder)
  local known = {}
  for _, name in ipairs(settings.variables(folder)) do known[VARIABLES[name] or name:lower()] = true end
  for _, name in ipairs(TABLES) do known[name] = true end
  return known
end

---The workspace's callisto.lua: a file that returns a table. It is data: it sees nothing but `env`, the environment, and has
---the time and the memory of a call's script.
---@param path string
---@return table
function settings.read_file(path)
  local text = files.read(path)
  if not text then return {} end
  local value, why = workspace.data(path, text)
  if value == nil and why then error((why:gsub("^%u+: ", "")), 0) end
  if type(value) ~= "table" then error(path .. ": must return a table, such as return { public_base_url = \"https://…\" }", 0) end
  return value
end

---What is wrong with the names in callisto.lua.
---@param folder string  the workspace
---@param given table  what the file returned
---@return string[] problems
function settings.problems(folder, given)
  local known, names, problems = settings.known(folder), {}, {}
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    if not known[name] then problems[#problems + 1] = "return: " .. options.unknown(name, known) end
  end
  return problems
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

-- What callisto.lua says; what it should not is an error.
local function read_checked(folder)
  local path = folder .. "/callisto.lua"
  local file = settings.read_file(path)
  local problems = settings.problems(folder, file)
  if #problems > 0 then
    error(("%s:%d: %s"):format(path, place.of_field(files.read(path) or "", problems[1]), table.concat(problems, "; ")), 0)
  end
  return file
end

---@param verb string
---@param folder string  the workspace
---@param cli string JSON of --set and options
---@return integer exit_code, string json
function settings.json(verb, folder, cli)
  local dotenv, env = read_dotenv(folder .. "/.env"), {}
  for _, name in ipairs(settings.variables(folder)) do env[name] = os.getenv(name) or dotenv[name] end
  local given = { verb = verb, workspace = folder, env = env, file = read_checked(folder), cli = assert(json.decode(cli)) }
  if verb == "serve" or verb == "exchange" then check_needed(given) end
  return 0, json.encode(given)
end

-- Those of a vendor's variables that it needs and that nothing sets.
local function lacking(made, env)
  local names = {}
  for _, field in ipairs(made.required or {}) do
    if not is_set(env[made.account[field]]) then names[#names + 1] = made.account[field] end
  end
  return names
end

---Accounts that exist nowhere, for the doubles of vendors.
---@param folder string  the workspace
---@param kinds string[]  "llm", "stt", "tts"
---@return table<string, string> env
function settings.made_up(folder, kinds)
  local env = {}
  for _, kind in ipairs(kinds) do
    for _, made in pairs(providers(folder)[kind]) do
      for _, name in ipairs(lacking(made, {})) do env[name] = "of-the-double" end
    end
  end
  return env
end

---The language models that have no account here, by name.
---@param folder string  the workspace
---@return {name: string, base: string, variable: string, lacks: string[]}[]  `variable` says where it is, `base` where it is else
function settings.models_without_account(folder)
  local dotenv, list = read_dotenv(folder .. "/.env"), {}
  local env = setmetatable({}, { __index = function(_, name) return os.getenv(name) or dotenv[name] end })
  for name, made in pairs(providers(folder).llm) do
    local lacks = lacking(made, env)
    if #lacks > 0 and made.account.base and not is_set(env[made.account.base]) then
      list[#list + 1] = { name = name, base = made.base, variable = made.account.base, lacks = lacks }
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

---The request headers scripts want to see.
---@param folder string|nil  the workspace
---@return integer exit_code, string names separated by blanks
function settings.headers(folder)
  local seen, list = {}, {}
  local function add(name)
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  for _, name in ipairs(HEADERS) do add(name) end
  for _, name in ipairs(core.forwarding_fields) do add(name) end
  for _, adapter in ipairs(adapters(folder or ".")) do
    for _, name in ipairs(adapter.webhook.headers) do add(name) end
  end
  return 0, table.concat(list, " ")
end

return settings
