---@meta
-- Small C modules that every VM may require.

---@class callisto.json
local json = {}
json.null = nil ---@type userdata stands for null inside tables
json.array_mt = nil ---@type table metatable that makes a table (also an empty one) an array
---@param value any  tables with consecutive integer keys from 1, or json.array_mt, become arrays; an empty table an object
---@return string
function json.encode(value) end
---@param text string depth at most 64
---@return any value, string? message   nil, message for what is not JSON; arrays carry json.array_mt
function json.decode(text) end
---Marks a table as an array.
---@generic T
---@param list T
---@return T
function json.array(list) end

---@class callisto.xml
local xml = {}
---Builds a document with libxml2. A node is {name, {attribute = value}|nil, child…}; a child is a node or a string.
---Attributes are written in alphabetical order, unless the list form {{"name","value"},…} is used.
---@param node table
---@return string
function xml.build(node) end
---@param text string at most 100 KB; entities and network are off
---@return {name: string, attrs: table<string,string>, text: string, [integer]: table}|nil node, string? message
function xml.parse(text) end

---@class callisto.crypto
local crypto = {}
---@param algorithm "sha1"|"sha256"|"sha512"
---@return string raw bytes
function crypto.hmac(algorithm, key, text) end
---@param algorithm "md5"|"sha1"|"sha256"|"sha512"
---@return string raw bytes
function crypto.digest(algorithm, text) end
---@return string
function crypto.hex(bytes) end
---@return string
function crypto.base64(bytes) end
---@return string|nil bytes
function crypto.unbase64(text) end
---Constant-time comparison.
---@return boolean
function crypto.equal(a, b) end

---@class callisto.log
local log = {}
---@param text string  phone numbers are masked
function log.debug(text) end
function log.info(text) end
function log.warn(text) end
function log.error(text) end

---@class callisto.metrics
-- The name says the kind: counters end in `_total`, observations in `_seconds`, gauges in neither.
local metrics = {}
---@param name string  without the prefix "callisto_"; labels may follow: 'refused_total{reason="token"}'
---@param by integer|nil default 1
function metrics.count(name, by) end
---@param name string
---@param value integer
function metrics.gauge(name, value) end
---@param name string
---@param seconds number
function metrics.observe(name, seconds) end

---@class callisto.shared
-- A store that all VMs of the process share: bytes under keys, with a time to live.
local shared = {}
---@param key string
---@return string|nil
function shared.get(key) end
---@param ttl number|nil seconds
---@return true|nil, string?, string?
function shared.set(key, value, ttl) end
---Sets only if absent.
---@return boolean set
function shared.add(key, value, ttl) end
---@return integer|nil new_value, string?, string?
function shared.increment(key, by, ttl) end
---@return boolean removed
function shared.remove(key) end

---@class callisto.vm
-- What scripts may know about the machine they run in.
local vm = {}
vm.kind = nil ---@type "service"|"call"|"tool"
vm.generation = nil ---@type integer  serial number of the generation of code this VM was made from
---@return number bytes
function vm.memory_bytes() end
---A traceback as debug.traceback writes it, for VMs that have no `debug`.
---@param thread thread|any  may be left out: then the message comes first
---@param message any
---@return string
function vm.traceback(thread, message) end

return { json = json, xml = xml, crypto = crypto, log = log, metrics = metrics, shared = shared, vm = vm }
