-- The binary that runs these specs, run once more: its exit code and what it wrote.

local files = require "callisto.cli.files"

local binary = {}

local function path_of_this()
  local pipe = io.popen "readlink /proc/$PPID/exe"
  local path = pipe:read "*l"
  pipe:close()
  return path
end

binary.path = path_of_this()

local function read_and_remove(name)
  local text = files.read(name) or ""
  os.remove(name)
  return text
end

---@param words string[]  of the command line
---@param options {folder: string?, env: table<string, string>?}|nil
---@return {code: integer, out: string, err: string}
function binary.run(words, options)
  options = options or {}
  local out, err = os.tmpname(), os.tmpname()
  local line = { "cd -- " .. files.quote(options.folder or "."), "&&", "env" }
  for name, value in pairs(options.env or {}) do line[#line + 1] = files.quote(name .. "=" .. value) end
  line[#line + 1] = files.quote(binary.path)
  for _, word in ipairs(words) do line[#line + 1] = files.quote(word) end
  local status = os.execute(("(%s) >%s 2>%s </dev/null"):format(table.concat(line, " "), out, err))
  return { code = math.floor(status / 256), out = read_and_remove(out), err = read_and_remove(err) }
end

---A folder that holds these files, for the time of a spec.
---@param texts table<string, string>  path → text
---@return string folder
function binary.folder(texts)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. files.quote(folder)) == 0)
  for path, text in pairs(texts) do
    local below = path:match "^(.*)/"
    if below then assert(os.execute("mkdir -p " .. files.quote(folder .. "/" .. below)) == 0) end
    local file = assert(io.open(folder .. "/" .. path, "wb"))
    file:write(text)
    file:close()
  end
  return folder
end

---@param folder string  as `binary.folder` gave it
function binary.remove(folder)
  assert(folder:find "^/tmp/[%w_]+$", "only folders of `binary.folder` are removed")
  os.execute("rm -r " .. files.quote(folder))
end

return binary
