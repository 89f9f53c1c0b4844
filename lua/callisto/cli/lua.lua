-- callisto lua FILE [words]: runs a Lua file with every callisto module at hand. Its own words are in `arg` and `...`.

local command = {}

local HELP = [[
usage: callisto lua FILE [words]
       callisto lua -e TEXT [words]

Runs Lua with everything stock Lua has and every callisto module that needs no running engine
(callisto.json, callisto.xml, callisto.crypto, callisto.template …). Exit code: the number the file returns, or 0;
1 after an error, 2 when there is nothing to run.]]

local function refuse(text)
  io.stderr:write("callisto lua: ", text, "\n")
  return 2
end

---@return integer exit_code
function command.run(first, ...)
  if not first then return refuse(HELP) end
  if first == "--help" or first == "-h" then
    print(HELP)
    return 0
  end
  local chunk, why, words
  if first == "-e" then
    local text = ...
    if not text then return refuse "-e needs a text" end
    chunk, why = loadstring(text, "=(command line)")
    words = { select(2, ...) }
  else
    chunk, why = loadfile(first)
    words = { ... }
  end
  if not chunk then return refuse(why) end
  words[0] = first
  arg = words -- luacheck: ignore (the convention of the stock interpreter)
  local code = chunk(unpack(words))
  return type(code) == "number" and code or 0
end

return command
