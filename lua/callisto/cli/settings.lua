-- callisto.cli.settings: reads what a process is started with: the environment, the workspace's callisto.lua, the command line.
--
-- Runs once, in a tool's VM, before the engine exists. Scripts see the result as core.settings() = { env, file, cli };
-- callisto.settings answers from it, the command line first.

local json = require "callisto.json"

local settings = {}

-- Variables that are no carrier's. A carrier's own are named by its adapter.
local VARIABLES = {
  "TELEPHONY_PROVIDER", "PUBLIC_BASE_URL", "APP_BASE_URL", "ENFORCE_TELEPHONY_WEBHOOK_SIGNATURES", "CALLISTO_API_KEYS",
  "TELEPHONY_DOCUMENT", "OUTBOUND_RING_TIMEOUT_SECONDS", "BOT_MAX_DRAIN_SECONDS",
}

-- Request headers any route may want to see; adapters add their own (`headers`).
local HEADERS = {
  "authorization", "content-type", "accept", "user-agent", "host", "idempotency-key", "x-request-id", "x-forwarded-for",
  "x-forwarded-proto", "x-twilio-signature",
}

local function adapters()
  local found = {}
  local list = io.popen "ls providers/carriers/*.lua 2>/dev/null"
  local names = {}
  for path in list:lines() do names[#names + 1] = path:match "([%w_]+)%.lua$" end
  list:close()
  if #names == 0 then names = { "twilio" } end
  for _, name in ipairs(names) do
    local ok, adapter = pcall(require, "providers.carriers." .. name)
    if ok and type(adapter) == "table" then found[#found + 1] = adapter end
  end
  return found
end

---The workspace's callisto.lua: a file that returns a table. It sees nothing but `env`, a table of the environment.
---@param path string
---@return table
function settings.read_file(path)
  local file = io.open(path)
  if not file then return {} end
  local text = file:read "*a"
  file:close()
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

---@param verb string
---@param workspace string
---@param cli string JSON of --set and options
---@return integer exit_code, string json
function settings.json(verb, workspace, cli)
  local names = {}
  for _, name in ipairs(VARIABLES) do names[#names + 1] = name end
  for _, adapter in ipairs(adapters()) do
    for _, name in pairs(adapter.environment or {}) do names[#names + 1] = name end
  end
  local dotenv, env = read_dotenv(workspace .. "/.env"), {}
  for _, name in ipairs(names) do env[name] = os.getenv(name) or dotenv[name] end
  return 0, json.encode {
    verb = verb, workspace = workspace, env = env, file = settings.read_file(workspace .. "/callisto.lua"),
    cli = assert(json.decode(cli)),
  }
end

---@return integer exit_code, string names separated by blanks
function settings.headers()
  local seen, list = {}, {}
  local function add(name)
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  for _, name in ipairs(HEADERS) do add(name) end
  for _, adapter in ipairs(adapters()) do
    for _, name in ipairs(adapter.headers or {}) do add(name) end
  end
  return 0, table.concat(list, " ")
end

return settings
