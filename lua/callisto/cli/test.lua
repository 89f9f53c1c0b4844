-- callisto test [busted's own words]: runs specs inside this binary, so that they meet the real C modules.

local help = require "callisto.cli.help"

local command = {}

local HELP = [[
usage: callisto test [busted's options] [FILE or FOLDER …]

Runs the specs of the workspace, every spec/**/*_spec.lua, with busted inside this binary.
  -o TAP           other output; also junit, json, gtest
  --filter WORDS   only specs whose names match this Lua pattern
  --list           the names, without running anything
  --watch          run again when a file changes: the specs that changed, and all when these pass; ctrl-C ends it,
                   with the last exit code
Exit code 0 when all pass, 1 when one fails or none is found, 2 when busted is not installed.

Examples: callisto test            callisto test spec/flow/flow_spec.lua            callisto test --filter barge]]

-- How many specs busted has run; its own exit code is 0 when there were none.
local function count_specs()
  local counted = { specs = 0 }
  local make = require "busted.core"
  package.loaded["busted.core"] = function(...)
    local busted = make(...)
    busted.subscribe({ "test", "end" }, function()
      counted.specs = counted.specs + 1
      return nil, true
    end)
    return busted
  end
  return counted
end

-- busted leaves through os.exit, which would skip the end of this VM.
local function run_busted(runner)
  local left = {}
  local code = 0
  local exit = os.exit
  os.exit = function(given) -- luacheck: ignore
    code = (given == nil or given == true or given == 0) and 0 or 1
    error(left, 0)
  end
  local fine, failure = pcall(runner, { standalone = false })
  os.exit = exit -- luacheck: ignore
  if fine or failure == left then return code end
  io.stderr:write("callisto test: ", tostring(failure or "busted gave up without a word"), "\n")
  return 1
end

local function has_word(wanted, ...)
  for _, word in ipairs { ... } do
    if word == wanted then return true end
  end
  return false
end

---@return integer exit_code
function command.run(...)
  if help.print(HELP, ...) then return 0 end
  local ok, runner = pcall(require, "busted.runner")
  if not ok then
    io.stderr:write("callisto test: busted is not installed (Debian: apt-get install lua-busted)\n")
    return 2
  end
  arg = { [0] = "callisto test", ... } -- luacheck: ignore (busted reads its words there)
  local counted = count_specs()
  local code = run_busted(runner)
  if code ~= 0 or counted.specs > 0 or has_word("--list", ...) or has_word("--version", ...) then return code end
  io.stderr:write("callisto test: no spec was found; are there files spec/**/*_spec.lua, and does --filter name one of theirs?\n")
  return 1
end

return command
