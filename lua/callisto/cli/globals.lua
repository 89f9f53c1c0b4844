-- callisto.cli.globals: which globals a compiled chunk reads and writes, function by function, without running it.
--
-- LuaJIT keeps them in its bytecode: the instructions GGET and GSET name a constant. Their numbers differ from version to
-- version, so they are read off two one-line chunks.

local bit = require "bit"
local util = require "jit.util"

local globals = {}

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

return globals
