-- callisto.judge.place: where in a file a problem belongs: { file, line, message } of the words of an error.
--
-- An error that a file raised says where. One that is about the table of a `return template { … }` does not, because Lua
-- forgets who called last of all; then the field it names is looked for in the text.

local place = {}

---The line of a place in a text.
---@param text string
---@param at integer
---@return integer
function place.line_of(text, at)
  local _, count = text:sub(1, at - 1):gsub("\n", "")
  return count + 1
end

---Whether a place in a text is behind a "--" of its line.
---@param text string
---@param at integer
---@return boolean
function place.is_comment(text, at)
  local before = text:sub(1, at - 1)
  local line = before:match "^.*\n(.*)" or before -- anchored: one run over the text, not one from each of its characters
  return line:find("--", 1, true) ~= nil
end

local function find_word(text, from, word, after)
  local before = word:find "^[%w_]" and "%f[%w_]" or ""
  local pattern = before .. word:gsub("%p", "%%%0") .. "%f[^%w_]" .. after
  local at = text:find(pattern, from)
  while at and place.is_comment(text, at) do at = text:find(pattern, at + 1) end
  return at
end

---Where a message of callisto.options belongs: "template 'a': voice: unknown field 'sst'" is at `sst =` below `voice =`, a
---missing field at the constructor it is missing from.
---@param text string
---@param message string
---@return integer line
function place.of_field(text, message)
  local maker = message:match "^(%a+)"
  local at = maker and find_word(text, 1, maker, "%s*[%({]") or 1
  local rest = message:gsub("^%a+ '[^']*'", ""):gsub("^%a+", "")
  for part in rest:gmatch ": ([%a_]+)%f[:]" do at = find_word(text, at, part, "%s*=") or at end
  local name = rest:match "'([^']+)'"
  if name and not message:find("is missing", 1, true) then
    at = find_word(text, at, name, "[%]\"']*%s*=") or find_word(text, at, name, "") or at
  end
  return place.line_of(text, at)
end

-- The file that a message names: by the end of its path, which Lua shortens to "...of/the/path.lua" when it is long.
local function known_file(named, paths)
  if paths[named] then return named end
  local tail = named:match "^%.%.%.(.*)$" or "/" .. named
  for path in pairs(paths) do
    if path:sub(-#tail) == tail then return path end
  end
end

-- The innermost line of a traceback that is in one of the files.
local function in_trace(trace, paths)
  for named, line in (trace or ""):gmatch "\n%s*([^\n:]+):(%d+):" do
    local file = known_file(named, paths)
    if file then return file, tonumber(line) end
  end
end

---@param path string  the file that was asked
---@param message string
---@param trace string|nil  of the error
---@param paths table<string, true>  the files whose lines mean something to the reader
---@param text string|nil  of the file that was asked
---@return {file: string, line: integer|nil, message: string}
function place.of(path, message, trace, paths, text)
  local named, line, rest = message:match "^([^\n:]+):(%d+): (.*)$"
  local file = named and known_file(named, paths)
  if file then return { file = file, line = tonumber(line), message = rest } end
  if named and named:find "%.lua$" then message = rest end -- a line of our own library helps nobody
  file, line = in_trace(trace, paths)
  if file then return { file = file, line = line, message = message } end
  return { file = path, line = text and place.of_field(text, message) or nil, message = message }
end

return place
