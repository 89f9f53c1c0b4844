-- callisto check [WORKSPACE]: loads everything a server would load, and says what is wrong, by file and line.

local arguments = require "callisto.cli.arguments"
local counted = require "callisto.util.counted"
local files = require "callisto.cli.files"
local json = require "callisto.json"
local place = require "callisto.judge.place"
local settings = require "callisto.cli.settings"
local workspace = require "callisto.workspace"

local command = {}

local HELP = [[
usage: callisto check [--json] [WORKSPACE]

Loads callisto.lua, routing.lua and every file of templates/, providers/, menus/ and exchange/ of the workspace [.]
as a server would, without starting anything, and validates them.
  --json         {"ok", "files": [path], "problems": [{"file", "line", "message"}], "warnings": the same}
Exit code 0 when all are well, 1 when something is not, 2 when there is nothing to check.]]

---@class callisto.Check
---@field files string[]
---@field problems callisto.Problem[]
---@field warnings callisto.Problem[]

local function path_in(folder, path) return folder == "." and path or folder .. "/" .. path end

-- A problem of callisto.lua, whose errors begin with its path.
local function problem_of_settings(path, text, message)
  local line, rest = message:match "^[^\n]-:(%d+): (.*)$"
  if line then return { file = path, line = tonumber(line), message = rest } end
  return { file = path, line = place.of_field(text, message), message = message:match "^[^\n]-%.lua: (.*)$" or message }
end

local function check_settings(self, folder)
  local path = path_in(folder, "callisto.lua")
  local text = files.read(path)
  if not text then return end
  table.insert(self.files, 1, path)
  local ok, value = pcall(settings.read_file, path)
  for _, message in ipairs(ok and settings.problems(folder, value) or { value }) do
    self.problems[#self.problems + 1] = problem_of_settings(path, text, message)
  end
end

---Everything that is wrong with a workspace: what the judge says, who is asked by a server too, and the settings.
---@param folder string
---@return callisto.Check
function command.check(folder)
  local verdict = assert(workspace.judge(folder))
  local self = { files = verdict.files, problems = json.array {}, warnings = verdict.warnings }
  check_settings(self, folder)
  for _, problem in ipairs(verdict.problems) do self.problems[#self.problems + 1] = problem end
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
  for _, warning in ipairs(result.warnings) do print("warning  " .. show(warning)) end
  print(("%s, %d with problems"):format(counted(#result.files, "file"), #bad))
end

local function print_json(result)
  print(json.encode {
    ok = #result.problems == 0, files = json.array(result.files), problems = json.array(result.problems),
    warnings = json.array(result.warnings),
  })
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("check", HELP, { ["--json"] = { "as_json", is = true } }, ...)
  if not asked then return code end
  if asked.words[2] then return arguments.misused("check", "one workspace at a time") end
  local folder = asked.words[1] or "."
  folder = #folder > 1 and folder:gsub("/+$", "") or folder
  if not files.is_folder(folder) then return arguments.refuse("check", "there is no folder " .. folder, 2) end
  local result = command.check(folder)
  if #result.files == 0 then return arguments.refuse("check", files.not_a_workspace(folder), 2) end
  if asked.as_json then print_json(result) else print_text(result) end
  return #result.problems == 0 and 0 or 1
end

return command
