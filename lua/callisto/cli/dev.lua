-- callisto dev: what the two processes are started with, and what to tell the developer. core/cli/dev.c starts and ends them.

local accounts = require "callisto.exchange.accounts"
local arguments = require "callisto.cli.arguments"
local cli_settings = require "callisto.cli.settings"
local files = require "callisto.cli.files"
local workspace = require "callisto.workspace"

local command = {}

local HELP = [[
usage: callisto dev [options]

A server and a telephone network on this machine, for development: `callisto serve` and `callisto exchange` on loopback,
with made-up credentials, so that no account is needed and nobody is really called. Language models without a key are
played, too: exchange/model.lua says what they answer. Changed files are reloaded by themselves. Ends both with ctrl-C.
  --workspace DIR       folder with callisto.lua, templates/ … [.]
  --port N              port of the server [8080]
  --exchange-port N     port of the telephone network [8090]; 0: any free one
  --data DIR            folder for databases and recordings [var/dev]
  --set NAME=VALUE      a setting, as in callisto.lua
  --carrier NAME        whose protocols the two speak [twilio]
  --record-trace FILE   all that happens on calls, as JSON lines, for callisto.spec.replay
  --free-text           the built-in ear also listens without expected answers; often wrong, 100 MiB
  --allow-private       calls' scripts may fetch from private addresses
  --log-level LEVEL     debug, info, warn or error [info]
Exit code 0 after ctrl-C, otherwise that of the process that ended first; 2 for wrong usage.]]

local NUMBER = "+14155550100"
local LOCAL = "127.0.0.1"

local samples = { string = "Asha", number = "2.5", integer = "3", boolean = "true", array = "[]", object = "{}", any = "x" }

-- What else `callisto serve` understands goes to it as it is.
local PASSED_ON = { "--record-trace", "--log-level", "--set" }

local function carrier_of(name)
  if next(accounts.of(name)) then return name end
  return nil, ("is %s, which is not a carrier; there are %s"):format(name, table.concat(accounts.carriers(), ", "))
end

local function one_line(text)
  if text:find "[\r\n]" then return nil, "must be one line" end
  return text
end

local OPTIONS = {
  ["--workspace"] = { "workspace", read = one_line },
  ["--data"] = { "data", read = one_line },
  ["--set"] = { "--set", read = one_line, is_list = true },
  ["--record-trace"] = { "--record-trace", read = one_line, is_list = true },
  ["--log-level"] = { "--log-level", read = one_line, is_list = true },
  ["--free-text"] = { "--free-text", is = true },
  ["--allow-private"] = { "--allow-private", is = true },
  ["--carrier"] = { "carrier", read = carrier_of },
  ["--port"] = { "port", read = arguments.integer(1, 65535) },
  ["--exchange-port"] = { "exchange_port", read = arguments.integer(0, 65535) },
}

local function problem_of(asked)
  if asked.words[1] then return "it takes options alone, not " .. asked.words[1] end
  if not files.is_folder(asked.workspace) then return "there is no folder " .. asked.workspace end
  if not files.is_workspace(asked.workspace) then return files.not_a_workspace(asked.workspace) end
end

-- What is in the workspace, and the adapter of its carrier; or why there is none.
local function look_at(asked)
  asked.catalog = assert(workspace.judge(asked.workspace)).catalog
  for _, adapter in ipairs(asked.catalog.carriers) do
    if adapter.name == asked.carrier then asked.adapter = adapter end
  end
  if not asked.adapter then return ("the carrier %s cannot be used; callisto check says why"):format(asked.carrier) end
end

-- Advice -----------------------------------------------------------------------------------------------------------

-- The lowest number that answers.
local function number_of(subscribers)
  local best
  for number, about in pairs(subscribers or {}) do
    local answers = type(about) == "table" and not (about.busy or about.no_answer or about.unreachable or about.refuse)
    if answers and type(number) == "string" and (not best or number < best) then best = number end
  end
  return best
end

local function payload_of(agent)
  local words = {}
  for name, kind in pairs(agent.payload) do
    local base = kind:match "^%a+"
    if not kind:find "%?$" and samples[base] then
      local is_text = base == "string" or base == "any"
      words[#words + 1] = ("%s%s=%s"):format(name, is_text and "" or ":", samples[base])
    end
  end
  table.sort(words)
  return table.concat(words, " ")
end

-- How a call is placed, as a line for the shell; or what is missing for one.
local function advice(asked)
  local number = number_of(asked.catalog.subscribers)
  if not number then return "nobody is on the telephone: exchange/subscribers.lua has no one who answers (docs/exchange.md)" end
  local agent = asked.catalog.templates[1]
  if not agent then return "there is no template to call with: callisto check says what is wrong" end
  local server = asked.port == 8080 and "" or (" --server http://%s:%d"):format(LOCAL, asked.port)
  local payload = payload_of(agent)
  return ("callisto call %s %s%s%s"):format(agent.name, number, payload ~= "" and " " .. payload or "", server)
end

-- The plan -----------------------------------------------------------------------------------------------------------

local function add_words(plan, verb, words)
  for _, word in ipairs(words) do plan[#plan + 1] = verb .. " " .. word end
end

local function common(asked, port, folder)
  return { "--host", LOCAL, "--port", tostring(port), "--workspace", asked.workspace, "--data", asked.data .. "/" .. folder,
    "--script-threads", "1", "--grace", "1", "--watch" }
end

-- A model's vendor without an account is the exchange's double; agents that name one reach it on this machine. Whoever talks
-- with a model says what he likes, so the ear listens to free text.
local function add_models(plan, asked)
  local is_double = {}
  for _, made in ipairs(cli_settings.models_without_account(asked.workspace)) do
    is_double[made.name] = true
    for _, name in ipairs(made.lacks) do plan[#plan + 1] = ("env %s=of-the-double"):format(name) end
    plan[#plan + 1] = ("api %s %s"):format(made.variable, made.base:match "^https?://[^/]+(.*)$")
  end
  for _, template in ipairs(asked.catalog.templates) do
    for _, name in ipairs(template.llm or {}) do
      asked["--free-text"] = true
      if is_double[name:match "^[^/]+"] then asked["--allow-private"] = true end
    end
  end
end

local function plan_of(asked)
  local plan = {}
  local carrier, variables = asked.adapter.name, asked.adapter.account
  -- The account exists nowhere. It goes before .env, so that a real one is never used by mistake.
  for name, value in pairs(accounts.of(carrier, NUMBER)) do
    plan[#plan + 1] = ("env %s=%s"):format(name, (value:gsub("\n", "\\n")))
  end
  plan[#plan + 1] = "env TELEPHONY_PROVIDER=" .. carrier
  if variables.api then plan[#plan + 1] = "api " .. variables.api end
  add_models(plan, asked)
  plan[#plan + 1] = ("env PUBLIC_BASE_URL=http://%s:%d"):format(LOCAL, asked.port)
  local direct = os.getenv "no_proxy"
  plan[#plan + 1] = ("env no_proxy=%s,localhost%s"):format(LOCAL, direct and direct ~= "" and "," .. direct or "")
  table.sort(plan)
  add_words(plan, "exchange", common(asked, asked.exchange_port, "exchange"))
  add_words(plan, "serve", common(asked, asked.port, "server"))
  for _, name in ipairs(PASSED_ON) do
    for _, value in ipairs(asked[name] or {}) do add_words(plan, "serve", { name, value }) end
  end
  for _, name in ipairs { "--free-text", "--allow-private" } do
    if asked[name] then add_words(plan, "serve", { name }) end
  end
  plan[#plan + 1] = "say "
  plan[#plan + 1] = ("say http://%s:%d answers; ctrl-C ends it. Place a call from another shell:"):format(LOCAL, asked.port)
  plan[#plan + 1] = "say "
  plan[#plan + 1] = "say   " .. advice(asked)
  plan[#plan + 1] = "say "
  return plan
end

---What is to be started. A line is `env NAME=VALUE`, `api NAME` or `api NAME /PATH` (the variable that gets the exchange's
---address), `exchange WORD`, `serve WORD`, or `say TEXT` for when both are ready.
---@return integer exit_code
---@return string|nil plan  nil when there is nothing to start
function command.plan(...)
  local asked, code = arguments.read("dev", HELP, OPTIONS, ...)
  if not asked then return code end
  asked.workspace, asked.data = asked.workspace or ".", asked.data or "var/dev"
  asked.port, asked.exchange_port = asked.port or 8080, asked.exchange_port or 8090
  asked.carrier = asked.carrier or "twilio"
  local why = problem_of(asked) or look_at(asked)
  if why then return arguments.misused("dev", why) end
  return 0, table.concat(plan_of(asked), "\n")
end

return command
