-- callisto check [WORKSPACE]: loads everything a server would load, and says what is wrong, by file and line.

local json = require "callisto.json"
local settings = require "callisto.cli.settings"

local command = {}

local HELP = [[
usage: callisto check [--json] [WORKSPACE]

Loads callisto.lua, every template and every carrier's adapter of the workspace [.] and validates them.
Exit code 0 when all are well, 1 when something is not.]]

local function files(pattern)
  local list, found = io.popen("ls " .. pattern .. " 2>/dev/null"), {}
  for path in list:lines() do found[#found + 1] = path end
  list:close()
  return found
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

---@param path string
---@param validate fun(value: any): string|nil  what is wrong with it
---@return string|nil problem
local function load_one(path, validate)
  local chunk, why = loadfile(path)
  if not chunk then return why end
  local ok, value = pcall(chunk)
  if not ok then return tostring(value) end
  return validate(value)
end

local function is_template(value)
  local template = require "callisto.template"
  if not template.is(value) then return "does not return a template: end the file with return template { … }" end
end

local function is_adapter(value)
  if type(value) ~= "table" or not value.media then return "does not return a carrier: end the file with return carrier { … }" end
end

function command.run(...)
  local as_json, workspace = false, "."
  for _, word in ipairs { ... } do
    if word == "--help" then
      print(HELP)
      return 0
    elseif word == "--json" then
      as_json = true
    elseif word:sub(1, 1) == "-" then
      io.stderr:write("callisto check: unknown option ", word, "\n")
      return 2
    else
      workspace = word
    end
  end
  local report, bad = {}, 0
  local function note(path, problem)
    report[#report + 1] = { file = path, problem = problem }
    if problem then bad = bad + 1 end
    if as_json then return end
    if not problem then
      print("ok       " .. path)
    else
      if not problem:find(path, 1, true) then problem = path .. ": " .. problem end
      print("problem  " .. problem)
    end
  end
  local ok, why = pcall(settings.read_file, workspace .. "/callisto.lua")
  note(workspace .. "/callisto.lua", not ok and why or nil)
  local here = quote(workspace)
  for _, path in ipairs(files(here .. "/templates/*.lua")) do note(path, load_one(path, is_template)) end
  for _, path in ipairs(files(here .. "/providers/carriers/*.lua")) do note(path, load_one(path, is_adapter)) end
  if as_json then print(json.encode { ok = bad == 0, files = json.array(report) }) end
  if not as_json then print(("%d files, %d with problems"):format(#report, bad)) end
  return bad == 0 and 0 or 1
end

return command
