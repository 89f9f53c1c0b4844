-- What a script of a call or a service may use, as core/vm/sandbox.c gives it; tools and specs have all of LuaJIT.
stds.script = {
  read_globals = {
    "_G", "_VERSION", "assert", "collectgarbage", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "print",
    "rawequal", "rawget", "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
    "bit", "coroutine", "math", "string", "table",
  },
}

std = "luajit"
max_line_length = 130
unused_args = false
exclude_files = { "build*", "node_modules", "var", "lua/meta" }

for _, folder in ipairs { "lua/callisto", "providers", "templates", "menus", "exchange", "routing.lua", "examples" } do
  files[folder] = { std = "script" }
end
files["lua/callisto/cli"] = { std = "luajit" }
files["lua/callisto/spec"] = { std = "luajit" }
files["lua/callisto/judge"] = { std = "luajit" } -- beside tools
files["lua/callisto/judge/reading.lua"] = { globals = { "_G" } } -- it takes away what acts
files["lua/callisto/util/failures.lua"] = { read_globals = { "debug" } } -- under a tool; elsewhere the engine's own traceback
files["spec"] = { std = "luajit+busted" }
files["lua/callisto/skeleton/spec"] = { std = "luajit+busted" }
files["lua/callisto/skeleton/callisto.lua"] = { read_globals = { "env" } }
files["examples/*/spec"] = { std = "luajit+busted" }
files["callisto.lua"] = { read_globals = { "env" } }
files["examples/*/callisto.lua"] = { read_globals = { "env" } }
