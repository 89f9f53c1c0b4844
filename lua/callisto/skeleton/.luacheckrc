-- What scripts of calls and services may use; specs have all of LuaJIT.
stds.script = {
  read_globals = {
    "_G", "_VERSION", "assert", "collectgarbage", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "print",
    "rawequal", "rawget", "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
    "bit", "coroutine", "math", "string", "table",
  },
}

std = "script"
max_line_length = 130
unused_args = false
exclude_files = { "var" }
files["spec"] = { std = "luajit+busted" }
files["callisto.lua"] = { read_globals = { "env" } }
