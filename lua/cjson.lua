-- cjson: for code that was written for lua-cjson (callisto.cjson).

return require("callisto.cjson").new(false)
