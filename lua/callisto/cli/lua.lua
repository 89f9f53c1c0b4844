-- callisto lua FILE [words]: runs a Lua file with every callisto module at hand. Its own words are in `arg` and `...`.

local command = {}

local HELP = [[
usage: callisto lua FILE [words]
       callisto lua -e TEXT [words]

Runs Lua with everything stock Lua has and every callisto module that needs no running engine
(callisto.json, callisto.xml, callisto.crypto, callisto.template …). Exit code: what the file returns, or 0.]]

function command.run(first, ...)
  if not first or first == "--help" then
    print(HELP)
    return first and 0 or 2
  end
  local chunk, why, words
  if first == "-e" then
    local text = ...
    chunk, why = loadstring(text or "", "=(command line)")
    words = { select(2, ...) }
  else
    chunk, why = loadfile(first)
    words = { ... }
  end
  if not chunk then
    io.stderr:write("callisto lua: ", why, "\n")
    return 2
  end
  words[0] = first
  arg = words -- luacheck: ignore (the convention of the stock interpreter)
  local code = chunk(unpack(words))
  return type(code) == "number" and code or 0
end

return command
