-- cjson.safe: as cjson, but what cannot be written or read is nil and a message (callisto.cjson).

return require("callisto.cjson").new(true)
