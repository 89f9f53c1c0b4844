-- callisto test [busted's own arguments]: runs specs inside this binary, so that they meet the real C modules.

local command = {}

local HELP = [[
usage: callisto test [busted arguments] [FILE or FOLDER …]

Runs the specs of the workspace (spec/) with busted, inside this binary.
Examples: callisto test            callisto test spec/flow_spec.lua            callisto test -o TAP --filter "barge"]]

local EXIT = {} -- what busted's os.exit becomes

function command.run(...)
  for _, word in ipairs { ... } do
    if word == "--help" or word == "-h" then
      print(HELP)
      return 0
    end
  end
  package.path = "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua;" .. package.path
  local ok, runner = pcall(require, "busted.runner")
  if not ok then
    io.stderr:write("callisto test: busted is not installed; apt-get install lua-busted\n")
    return 2
  end
  arg = { [0] = "busted", ... } -- luacheck: ignore (busted reads its words there)
  local code = 0
  local exit = os.exit
  os.exit = function(given) -- luacheck: ignore
    code = given == true and 0 or given == false and 1 or given or 0
    error(EXIT, 0)
  end
  local fine, failure = pcall(runner, { standalone = false })
  os.exit = exit -- luacheck: ignore
  if not fine and failure ~= EXIT then
    if failure then io.stderr:write("callisto test: ", tostring(failure), "\n") end
    return 1
  end
  return code
end

return command
