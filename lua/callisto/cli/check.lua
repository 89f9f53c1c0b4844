-- callisto check [WORKSPACE]: loads everything a server would load, and says what is wrong, by file and line.

local arguments = require "callisto.cli.arguments"
local counted = require "callisto.util.counted"
local files = require "callisto.cli.files"
local json = require "callisto.json"
local judge = require "callisto.judge"
local loaders = require "callisto.cli.loader"
local options = require "callisto.options"
local settings = require "callisto.cli.settings"

local command = {}

local HELP = [[
usage: callisto check [--json] [WORKSPACE]

Loads callisto.lua, routing.lua and every file of templates/, providers/, menus/ and exchange/ of the workspace [.]
as a server would, without starting anything, and validates them.
  --json         {"ok", "files": [path], "problems": [{"file", "line", "message"}]}
Exit code 0 when all are well, 1 when something is not, 2 when there is nothing to check.]]

-- Providers first: templates name voices.
local FOLDERS = { "providers", "templates", "menus", "exchange" }

---@class callisto.Check
---@field workspace string
---@field loader table
---@field judge callisto.Judge
---@field files string[]
---@field problems {file: string, line: integer|nil, message: string}[]
local Check = {}
Check.__index = Check

local function add_problem(self, path, message)
  self.problems[#self.problems + 1] = type(message) == "table" and message or self.loader:problem(path, message)
end

local function check_subscribers(self, path, value)
  if type(value) ~= "table" then add_problem(self, path, "the file must return a table of subscribers by number") end
end

local function check_module(self, path, value)
  if path == "exchange/subscribers.lua" then return check_subscribers(self, path, value) end
  local module = path:gsub("%.lua$", ""):gsub("/", ".")
  local problem = self.judge:module(module, path, value)
  if not problem and module:find "^templates%." then problem = self.judge:self_test(value) end
  if problem then add_problem(self, path, problem) end
end

local function check_modules(self)
  for _, folder in ipairs(FOLDERS) do
    for _, name in ipairs(files.lua_files(self.workspace .. "/" .. folder)) do
      local path = folder .. "/" .. name
      self.files[#self.files + 1] = self.loader:shown(path)
      local value, problem = self.loader:load(path)
      if problem then add_problem(self, path, problem) else check_module(self, path, value) end
    end
  end
end

-- What is shipped may be named as well; a file of the workspace with the same name takes its place.
local function add_shipped(self)
  for _, kind in ipairs { "stt", "tts" } do
    local folder = ("providers/%s/"):format(kind)
    for _, name in ipairs(files.lua_files(files.library() .. "/../" .. folder)) do
      local module = (folder .. name:gsub("%.lua$", "")):gsub("/", ".")
      local ok, value = pcall(self.loader.env.require, module)
      if ok then self.judge:module(module, folder .. name, value) end
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

local function check_routing(self, path)
  for _, name in ipairs(files.lua_files(self.workspace .. "/templates")) do
    self.judge:file(("templates." .. name:gsub("%.lua$", "")):gsub("/", "."))
  end
  local value, problem = self.loader:load(path)
  if problem then return add_problem(self, path, problem) end
  for _, each in ipairs(self.judge:routing(value)) do add_problem(self, path, each) end
end

---Everything that is wrong with a workspace.
---@param workspace string
---@return callisto.Check
function command.check(workspace)
  local self = setmetatable({ workspace = workspace, judge = judge.new(), files = {}, problems = {} }, Check)
  self.loader = loaders.new(workspace)
  check_data(self, "callisto.lua", check_settings)
  add_shipped(self)
  check_modules(self)
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
  print(("%s, %d with problems"):format(counted(#result.files, "file"), #bad))
end

local function print_json(result)
  print(json.encode { ok = #result.problems == 0, files = json.array(result.files), problems = json.array(result.problems) })
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("check", HELP, { ["--json"] = { "as_json", is = true } }, ...)
  if not asked then return code end
  if asked.words[2] then return arguments.misused("check", "one workspace at a time") end
  local workspace = asked.words[1] or "."
  workspace = #workspace > 1 and workspace:gsub("/+$", "") or workspace
  if not files.is_folder(workspace) then return arguments.refuse("check", "there is no folder " .. workspace, 2) end
  local result = command.check(workspace)
  if #result.files == 0 then return arguments.refuse("check", files.not_a_workspace(workspace), 2) end
  if asked.as_json then print_json(result) else print_text(result) end
  return #result.problems == 0 and 0 or 1
end

return command
