-- Debian's lua-cjson itself, which specs compare with: `require "cjson"` would give ours.

local oracle = {}

local path = assert(package.searchpath("cjson", package.cpath), "lua-cjson is not installed: scripts/install-packages")

oracle.cjson = assert(package.loadlib(path, "luaopen_cjson"))()

return oracle
