-- callisto new NAME: writes a workspace that can be called at once. Its files are those of callisto/skeleton, with the name
-- put in.

local arguments = require "callisto.cli.arguments"
local files = require "callisto.cli.files"

local command = {}

local HELP = [[
usage: callisto new NAME

Writes a workspace into a new folder NAME (or path/NAME): settings, a template with its spec, routing, subscribers of the
built-in exchange, and the settings of luacheck, busted, git and the Lua language server.
NAME begins with a letter; letters, digits, '-' and '_' may follow, 64 in all.
Exit code 0 when it is written, 1 when it cannot be, 2 for wrong usage.

Example: callisto new my-shop && cd my-shop && callisto dev]]

local NAME_IN_FILES, LIBRARY_IN_FILES = "skeleton", "$LIBRARY"
local LONGEST_NAME = 64

local function refuse(text, code) return arguments.refuse("new", text, code) end

-- nil when `name` can be the name of a workspace.
local function problem_of(name)
  if #name > LONGEST_NAME then return ("a name has at most %d characters"):format(LONGEST_NAME) end
  if not name:find "^%a[%w_-]*$" then
    return ("'%s' is not a name for a workspace: it begins with a letter; letters, digits, '-' and '_' may follow"):format(name)
  end
end

local function list_of(shell_command)
  local pipe, list = io.popen(shell_command), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local function is_empty(folder) return #list_of("ls -A -- " .. files.quote(folder)) == 0 end

local function exists(path) return os.execute("test -e " .. files.quote(path)) == 0 end

-- The skeleton's files, relative to it, in order.
local function paths_of(skeleton)
  local list = list_of(("cd -- %s && find . -type f | LC_ALL=C sort"):format(files.quote(skeleton)))
  for index, path in ipairs(list) do list[index] = path:gsub("^%./", "") end
  return list
end

local function absolute(path)
  return list_of(("cd -- %s && pwd -P"):format(files.quote(path)))[1]
end

-- A text of the skeleton with the name of the workspace. What is put in is put in as it is: `%` means nothing.
local function filled(text, name, library)
  text = text:gsub("%f[%w]" .. NAME_IN_FILES .. "%f[%W]", (name:gsub("%%", "%%%%")))
  return (text:gsub("%" .. LIBRARY_IN_FILES, (library:gsub('[\\"]', "\\%0"):gsub("%%", "%%%%"))))
end

local function write(path, text)
  local below = path:match "^(.*)/"
  if os.execute("mkdir -p -- " .. files.quote(below)) ~= 0 then return nil, "the folder " .. below .. " cannot be made" end
  local file, why = io.open(path, "wb")
  if not file then return nil, why end
  local ok, trouble = file:write(text)
  file:close()
  return ok, trouble
end

---Writes a workspace.
---@param folder string  not there yet, or empty
---@param name string
---@return string[]|nil paths  what was written, relative to the folder
---@return string? message
function command.write(folder, name)
  local library = files.library()
  local skeleton = library .. "/callisto/skeleton"
  local paths = paths_of(skeleton)
  if #paths == 0 then return nil, skeleton .. " is not there; CALLISTO_LIBRARY names the folder of callisto's own Lua" end
  for _, path in ipairs(paths) do
    local text, why = files.read(skeleton .. "/" .. path)
    if not text then return nil, why end
    local ok
    ok, why = write(folder .. "/" .. path, filled(text, name, absolute(library)))
    if not ok then return nil, why end
  end
  return paths
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("new", HELP, {}, ...)
  if not asked then return code end
  if #asked.words ~= 1 then return arguments.misused("new", "one NAME is needed") end
  local folder = asked.words[1]
  folder = #folder > 1 and folder:gsub("/+$", "") or folder
  local name = folder:match "[^/]*$"
  local why = problem_of(name)
  if why then return refuse(why, 2) end
  local parent = folder:match "^(.*)/[^/]*$"
  if parent and parent ~= "" and not files.is_folder(parent) then return refuse("there is no folder " .. parent, 1) end
  if exists(folder) and not (files.is_folder(folder) and is_empty(folder)) then
    return refuse(folder .. " is already there and not empty; nothing was written", 1)
  end
  local paths
  paths, why = command.write(folder, name)
  if not paths then return refuse(why, 1) end
  for _, path in ipairs(paths) do print(folder .. "/" .. path) end
  print(("\nNext: cd %s && callisto dev"):format(folder))
  return 0
end

return command
