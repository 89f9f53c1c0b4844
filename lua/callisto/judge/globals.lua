-- callisto.judge.globals: which globals a compiled chunk reads and writes, function by function, without running it.
--
-- LuaJIT keeps them in its bytecode: the instructions GGET and GSET name a constant. Their numbers differ from version to
-- version, so they are read off two one-line chunks.

local bit = require "bit"
local options = require "callisto.options"
local util = require "jit.util"

local globals = {}

local function set_of(list)
  local set = {}
  for _, each in ipairs(list) do set[each] = true end
  return set
end

local function operation(instruction) return bit.band(instruction, 0xff) end

local GET = operation((util.funcbc(loadstring "return a_global", 1)))
local SET = operation((util.funcbc(loadstring "a_global = ...", 2)))

local function walk(fn, found)
  local about = util.funcinfo(fn)
  for place = 1, about.bytecodes - 1 do
    local instruction = util.funcbc(fn, place)
    local kind = operation(instruction)
    if kind == GET or kind == SET then
      found[#found + 1] = {
        name = util.funck(fn, -bit.rshift(instruction, 16) - 1), is_written = kind == SET,
        line = util.funcinfo(fn, place).currentline,
      }
    end
  end
  for index = 1, about.gcconsts do
    local constant = util.funck(fn, -index)
    if type(constant) == "proto" then walk(constant, found) end
  end
end

---@param chunk function
---@return {name: string, is_written: boolean, line: integer}[]  by line
function globals.of(chunk)
  local found = {}
  walk(chunk, found)
  table.sort(found, function(a, b) return a.line < b.line end)
  return found
end

-- What scripts find (core/vm/sandbox.c).
local known = set_of {
  "assert", "bit", "collectgarbage", "coroutine", "error", "getmetatable", "ipairs", "load", "math", "next", "pairs", "pcall",
  "print", "rawequal", "rawget", "rawset", "require", "select", "setmetatable", "string", "table", "tonumber", "tostring", "type",
  "unpack", "xpcall", "_G", "_VERSION",
}

-- Stock Lua's, which scripts do not have.
local absent = set_of {
  "io", "os", "package", "debug", "ffi", "jit", "dofile", "loadfile", "loadstring", "getfenv", "setfenv", "module", "newproxy",
}

---What is wrong with the globals a script's file uses.
---@param chunk function
---@return integer|nil line  nil: nothing
---@return string? message
function globals.fault(chunk)
  for _, used in ipairs(globals.of(chunk)) do
    if used.is_written then
      return used.line, ("assignment to global '%s': declare it with 'local'"):format(used.name)
    elseif absent[used.name] then
      return used.line, "scripts have no " .. used.name
    elseif not known[used.name] then
      local near = options.nearest(used.name, known)
      return used.line, ("unknown global '%s'%s"):format(used.name, near and ("; did you mean '%s'?"):format(near) or "")
    end
  end
end

---The line of the last call that a file makes by itself: that of a `return template { … }`.
---@param chunk function
---@return integer
function globals.last_line(chunk)
  local about = util.funcinfo(chunk)
  return util.funcinfo(chunk, about.bytecodes - 1).currentline
end

return globals
