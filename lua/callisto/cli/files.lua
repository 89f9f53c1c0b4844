-- callisto.cli.files: the few things the command line does with files and shells.

local files = {}

---A word as a POSIX shell takes it literally.
---@param text string
---@return string
function files.quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

---@param path string
---@return boolean
function files.is_folder(path) return os.execute("test -d " .. files.quote(path)) == 0 end

---The Lua files below a folder, as paths relative to it, in order; none when the folder is not there. Hidden files are
---passed over, as the engine does.
---@param folder string
---@return string[]
function files.lua_files(folder)
  if not files.is_folder(folder) then return {} end
  local list, found = io.popen(("cd -- %s && find -L . -type f -name '*.lua' | LC_ALL=C sort"):format(files.quote(folder))), {}
  for path in list:lines() do
    path = path:gsub("^%./", "")
    if not ("/" .. path):find("/.", 1, true) then found[#found + 1] = path end
  end
  list:close()
  return found
end

local WORKSPACE = { "callisto.lua", "routing.lua", "templates", "providers", "menus", "exchange" }

---@param folder string
---@return boolean
function files.is_workspace(folder)
  for _, name in ipairs(WORKSPACE) do
    if os.execute("test -e " .. files.quote(folder .. "/" .. name)) == 0 then return true end
  end
  return false
end

---A sentence about a folder that is not a workspace.
---@param folder string
---@return string
function files.not_a_workspace(folder)
  return ("%s is not a workspace: it has neither callisto.lua nor templates/; callisto new NAME writes one"):format(folder)
end

---@param path string
---@return string|nil text, string? message
function files.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text = file:read "*a"
  file:close()
  if not text then return nil, path .. " cannot be read" end
  return text
end

---The folder of our own Lua, the one that holds callisto/.
---@return string
function files.library()
  local given = os.getenv "CALLISTO_LIBRARY"
  if given and given ~= "" then return given end
  return debug.getinfo(1, "S").source:match "^@(.*)/callisto/cli/files%.lua$" or "lua"
end

return files
