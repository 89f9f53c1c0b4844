-- callisto check [WORKSPACE]: loads everything a server would load, and says what is wrong, by file and line.

local carrier = require "callisto.provider.carrier"
local files = require "callisto.cli.files"
local json = require "callisto.json"
local loaders = require "callisto.cli.loader"
local options = require "callisto.options"
local settings = require "callisto.cli.settings"
local template = require "callisto.template"

local command = {}

local HELP = [[
usage: callisto check [--json] [WORKSPACE]

Loads callisto.lua, routing.lua and every file of templates/, providers/, menus/ and exchange/ of the workspace [.]
as a server would, without starting anything, and validates them.
  --json         {"ok", "files": [path], "problems": [{"file", "line", "message"}]}
Exit code 0 when all are well, 1 when something is not, 2 when there is nothing to check.]]

local FOLDERS = { "templates", "providers", "menus", "exchange" }

-- "-" and "_" are the same in the name of an agent.
local function plain(name) return (name:lower():gsub("-", "_")) end

---@class callisto.Check
---@field workspace string
---@field loader table
---@field agents table<string, string>  plain name → file
---@field files string[]
---@field problems {file: string, line: integer|nil, message: string}[]
local Check = {}
Check.__index = Check

local function add_problem(self, path, message)
  self.problems[#self.problems + 1] = type(message) == "table" and message or self.loader:problem(path, message)
end

local function check_template(self, path, value)
  if not template.is(value) then
    return add_problem(self, path, "template is not what the file returns: end it with return template { … }")
  end
  local name = plain(value.name)
  if self.agents[name] then
    return add_problem(self, path, ("template: 'name' is also the name of %s"):format(self.agents[name]))
  end
  self.agents[name] = path
  if not value.self_test then return end
  local ok, answer = pcall(value.self_test)
  if not ok then return add_problem(self, path, answer) end
  if answer == false then add_problem(self, path, "template: 'self_test' returned false") end
end

local function check_carrier(self, path, value)
  if carrier.is(value) then return end
  add_problem(self, path, "carrier is not what the file returns: end it with return carrier { … }")
end

local function check_subscribers(self, path, value)
  if type(value) ~= "table" then add_problem(self, path, "the file must return a table of subscribers by number") end
end

local function check_nothing() end

local function contract_of(path)
  if path:find "^templates/" then return check_template end
  if path:find "^providers/carriers/" then return check_carrier end
  if path == "exchange/subscribers.lua" then return check_subscribers end
  return check_nothing
end

local function check_modules(self)
  for _, folder in ipairs(FOLDERS) do
    for _, name in ipairs(files.lua_files(self.workspace .. "/" .. folder)) do
      local path = folder .. "/" .. name
      self.files[#self.files + 1] = self.loader:shown(path)
      local value, problem = self.loader:load(path)
      if problem then add_problem(self, path, problem) else contract_of(path)(self, path, value) end
    end
  end
end

-- A file of data that need not be there.
local function check_data(self, path, check)
  local text = files.read(self.workspace .. "/" .. path)
  if not text then return end
  self.files[#self.files + 1] = self.loader:shown(path)
  self.loader.texts[path] = text
  check(self, path)
end

local function check_settings(self, path)
  local ok, value = pcall(settings.read_file, self.workspace .. "/" .. path)
  if not ok then
    local at = self.loader:shown(path) .. ":"
    if value:sub(1, #at) == at then value = path .. value:sub(#at) end
    return add_problem(self, path, (value:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", "")))
  end
  local known = settings.known(self.workspace)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    if not known[name] then add_problem(self, path, "return: " .. options.unknown(name, known)) end
  end
end

local function check_agent(self, path, where, name)
  if type(name) == "string" and self.agents[plain(name)] then return end
  local near = type(name) == "string" and options.nearest(plain(name), self.agents)
  add_problem(self, path, ("return: '%s' leads to the agent %s, which is not there%s"):format(where, tostring(name),
    near and ("; did you mean %s?"):format(near:gsub("_", "-")) or ""))
end

local function check_routing(self, path)
  local value, problem = self.loader:load(path)
  if problem then return add_problem(self, path, problem) end
  local routing, why = options.try("return", value, { numbers = { "map", default = {} }, default = { "string" } })
  if not routing then return add_problem(self, path, why) end
  local numbers = {}
  for number in pairs(routing.numbers) do numbers[#numbers + 1] = number end
  table.sort(numbers, function(a, b) return tostring(a) < tostring(b) end)
  for _, number in ipairs(numbers) do check_agent(self, path, number, routing.numbers[number]) end
  if routing.default then check_agent(self, path, "default", routing.default) end
end

local function remember_file_names(self)
  for _, path in ipairs(files.lua_files(self.workspace .. "/templates")) do
    local name = plain(path:match "([^/]+)%.lua$")
    self.agents[name] = self.agents[name] or "templates/" .. path
  end
end

---Everything that is wrong with a workspace.
---@param workspace string
---@return callisto.Check
function command.check(workspace)
  local self = setmetatable({ workspace = workspace, agents = {}, files = {}, problems = {} }, Check)
  self.loader = loaders.new(workspace)
  check_data(self, "callisto.lua", check_settings)
  check_modules(self)
  remember_file_names(self)
  check_data(self, "routing.lua", check_routing)
  return self
end

local function show(problem)
  return ("%s:%s %s"):format(problem.file, problem.line and problem.line .. ":" or "", problem.message)
end

local function print_text(result)
  local bad = {}
  for _, problem in ipairs(result.problems) do
    if not bad[problem.file] then bad[#bad + 1] = problem.file end
    bad[problem.file] = true
  end
  for _, path in ipairs(result.files) do
    if not bad[path] then print("ok       " .. path) end
  end
  for _, problem in ipairs(result.problems) do print("problem  " .. show(problem)) end
  print(("%d files, %d with problems"):format(#result.files, #bad))
end

local function print_json(result)
  print(json.encode { ok = #result.problems == 0, files = json.array(result.files), problems = json.array(result.problems) })
end

local function refuse(text)
  io.stderr:write("callisto check: ", text, "\n")
  return 2
end

---@return integer exit_code
function command.run(...)
  local as_json, workspace = false, nil
  for _, word in ipairs { ... } do
    if word == "--help" then
      print(HELP)
      return 0
    elseif word == "--json" then
      as_json = true
    elseif word:sub(1, 1) == "-" then
      return refuse("unknown option " .. word .. "; callisto check --help lists them")
    elseif workspace then
      return refuse "one workspace at a time"
    else
      workspace = #word > 1 and word:gsub("/+$", "") or word
    end
  end
  workspace = workspace or "."
  if not files.is_folder(workspace) then return refuse("there is no folder " .. workspace) end
  local result = command.check(workspace)
  if #result.files == 0 then return refuse(workspace .. " is no workspace: it has neither callisto.lua nor templates/") end
  if as_json then print_json(result) else print_text(result) end
  return #result.problems == 0 and 0 or 1
end

return command
