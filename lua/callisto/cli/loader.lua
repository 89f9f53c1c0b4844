-- callisto.cli.loader: loads the Lua files of a workspace as the engine would, to find out what is wrong with them.
--
-- A file gets the globals that scripts have and no others. While it loads it may define and return, not act: writing a
-- log line, starting a task or asking the engine for anything is a problem, and so is a file that does not come to an
-- end. A problem is { file, line, message }; `line` is nil when nothing says where.

local files = require "callisto.cli.files"
local globals = require "callisto.cli.globals"
local options = require "callisto.options"

local loader = {}

local Loader = {}
Loader.__index = Loader

-- The folders that are modules; everything else a script requires comes with Callisto.
local FOLDERS = { templates = true, providers = true, menus = true, exchange = true }

local GLOBALS = {
  "assert", "collectgarbage", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "rawequal", "rawget",
  "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION",
}
local LIBRARIES = { "bit", "coroutine", "math", "string", "table" }

-- Stock Lua's, which scripts do not have.
local ABSENT = {}
for _, name in ipairs { "io", "os", "package", "debug", "ffi", "jit", "dofile", "loadfile", "loadstring", "getfenv", "setfenv",
  "module", "newproxy" } do ABSENT[name] = true end

local LOADING_S = 0.5

-- Problems ---------------------------------------------------------------------------------------------------------

local function line_of(text, place)
  local _, count = text:sub(1, place - 1):gsub("\n", "")
  return count + 1
end

local function is_comment(text, place)
  local before = text:sub(1, place - 1):match "[^\n]*$"
  return before:find("--", 1, true) ~= nil
end

local function find_word(text, from, word, after)
  local before = word:find "^[%w_]" and "%f[%w_]" or ""
  local pattern = before .. word:gsub("%p", "%%%0") .. "%f[^%w_]" .. after
  local place = text:find(pattern, from)
  while place and is_comment(text, place) do place = text:find(pattern, place + 1) end
  return place
end

-- Where a message of callisto.options belongs: "template 'a': voice: unknown field 'sst'" is at `sst =` below `voice =`,
-- a missing field at the constructor it is missing from.
local function line_of_field(text, message)
  local maker = message:match "^(%a+)"
  local place = find_word(text, 1, maker, "%s*[%({]") or 1
  local rest = message:gsub("^%a+ '[^']*'", ""):gsub("^%a+", "")
  for part in rest:gmatch ": ([%a_]+)%f[:]" do place = find_word(text, place, part, "%s*=") or place end
  local name = rest:match "'([^']+)'"
  if name and not message:find("is missing", 1, true) then
    place = find_word(text, place, name, "[%]\"']*%s*=") or find_word(text, place, name, "") or place
  end
  return line_of(text, place)
end

-- The file a message names, which Lua shortens to "...end/of/the/path.lua" when it is long.
local function named_file(self, named)
  local tail = named:match "^%.%.%.(.*)$"
  for path in pairs(self.texts) do
    if path == named or (tail and path:sub(-#tail) == tail) then return path end
  end
end

---What went wrong with a file, by the words of the error.
---@param path string  relative to the workspace
---@param message any
---@return {file: string, line: integer|nil, message: string}
function Loader:problem(path, message)
  message = tostring(message)
  local named, line, rest = message:match "^([^\n:]+):(%d+): (.*)$"
  local file = named and named_file(self, named)
  if not file then
    local text = self.texts[path] or ""
    return { file = self:shown(path), line = text ~= "" and line_of_field(text, message) or nil, message = message }
  end
  local absent = rest:match "global '([%a_]+)'"
  if absent and ABSENT[absent] then rest = rest .. ": scripts have no " .. absent end
  return { file = self:shown(file), line = tonumber(line), message = rest }
end

---A path as the reader knows it.
---@param path string  relative to the workspace
---@return string
function Loader:shown(path)
  if self.workspace == "." then return path end
  return self.workspace .. "/" .. path
end

-- What a file sees -------------------------------------------------------------------------------------------------

local function guard(self, name, fn)
  return function(...)
    if self.depth > 0 then error(("%s acts while the file loads; a file defines and returns"):format(name), 2) end
    if fn then return fn(...) end
    error(name .. " needs a running engine", 2)
  end
end

local function guard_all(self, name, module)
  local guarded = {}
  for key, value in pairs(module) do
    guarded[key] = type(value) == "function" and guard(self, name .. "." .. key, value) or value
  end
  return guarded
end

-- A tool has of callisto.core what needs no engine; the rest is there to be called later.
local function guarded_core(self)
  return setmetatable({ kind = "call" }, { __index = function(_, key)
    local plain = require "callisto.core"[key]
    if plain ~= nil then return plain end
    return guard(self, "core." .. tostring(key))
  end })
end

local function guarded_modules(self)
  local task = require "callisto.task"
  return {
    ["callisto.core"] = guarded_core(self),
    ["callisto.log"] = guard_all(self, "log", require "callisto.log"),
    ["callisto.metrics"] = guard_all(self, "metrics", require "callisto.metrics"),
    ["callisto.shared"] = guard_all(self, "shared", require "callisto.shared"),
    ["callisto.task"] = setmetatable({ start = guard(self, "task.start", task.start) }, { __index = task }),
  }
end

local function required(self, name)
  if self.modules[name] ~= nil then return self.modules[name] end
  local folder = name:match "^([^.]+)%."
  local path = name:gsub("%.", "/")
  for _, each in ipairs { path .. ".lua", path .. "/init.lua" } do
    if FOLDERS[folder] and files.read(self.workspace .. "/" .. each) then
      local value, problem = self:load(each)
      if problem then error(("module '%s' is broken: %s"):format(name, problem.message), 3) end
      return value
    end
  end
  if folder ~= "callisto" and folder ~= "providers" then error(("module '%s' is not there"):format(name), 3) end
  local ok, value = pcall(require, name)
  if not ok then error(("module '%s' is not there"):format(name), 3) end
  return value
end

local function environment(self)
  local env = {}
  for _, name in ipairs(GLOBALS) do env[name] = _G[name] end
  for _, name in ipairs(LIBRARIES) do
    env[name] = {}
    for key, value in pairs(_G[name]) do env[name][key] = value end
  end
  env.string.dump = nil
  env.print = guard(self, "print", print)
  env.require = function(name)
    local value = required(self, name) -- not a tail call: the level of its errors counts this function
    return value
  end
  env._G = env
  return setmetatable(env, { __newindex = function(_, name)
    error(("assignment to global '%s': declare it with 'local'"):format(tostring(name)), 2)
  end })
end

-- Loading ----------------------------------------------------------------------------------------------------------

local function run_in_time(chunk)
  local stop_at = os.clock() + LOADING_S
  debug.sethook(function()
    if os.clock() > stop_at then error("still running after half a second of loading; a file defines and returns", 2) end
  end, "", 100000)
  local ok, value = pcall(chunk)
  debug.sethook()
  return ok, value
end

local function global_problem(self, path, chunk)
  for _, used in ipairs(globals.of(chunk)) do
    local message
    if used.is_written then
      message = ("assignment to global '%s': declare it with 'local'"):format(used.name)
    elseif ABSENT[used.name] then
      message = "scripts have no " .. used.name
    elseif self.env[used.name] == nil then
      local near = options.nearest(used.name, self.env)
      message = ("unknown global '%s'%s"):format(used.name, near and ("; did you mean '%s'?"):format(near) or "")
    end
    if message then return { file = self:shown(path), line = used.line, message = message } end
  end
end

local function load_now(self, path)
  local text, why = files.read(self.workspace .. "/" .. path)
  if not text then return nil, { file = self:shown(path), message = why } end
  self.texts[path] = text
  local chunk
  chunk, why = loadstring(text, "@" .. path)
  if not chunk then return nil, self:problem(path, why) end
  local problem = global_problem(self, path, chunk)
  if problem then return nil, problem end
  setfenv(chunk, self.env)
  self.depth = self.depth + 1
  local ok, value = run_in_time(chunk)
  self.depth = self.depth - 1
  if not ok then return nil, self:problem(path, value) end
  return value
end

---Loads a file once.
---@param path string  relative to the workspace
---@return any value, {file: string, line: integer|nil, message: string}? problem
function Loader:load(path)
  local done = self.done[path]
  if done == "loading" then return nil, { file = self:shown(path), message = "modules require each other in a circle" } end
  if not done then
    self.done[path] = "loading"
    local value, problem = load_now(self, path)
    if value == nil and not problem then value = true end
    done = { value = value, problem = problem }
    self.done[path] = done
  end
  return done.value, done.problem
end

---@param workspace string
function loader.new(workspace)
  local self = setmetatable({ workspace = workspace, texts = {}, done = {}, depth = 0 }, Loader)
  self.modules = guarded_modules(self)
  self.env = environment(self)
  return self
end

return loader
