---@meta
-- Small C modules that every VM may require.

---@class callisto.json
local json = {}
json.null = nil ---@type userdata stands for null in what is written, in lists that are read, and in fields where asked for
json.array_mt = nil ---@type table metatable that makes a table (also an empty one) an array
---@param value any  tables with consecutive integer keys from 1, or json.array_mt, become arrays; an empty table an object
---@return string
function json.encode(value) end
---A field that is null is absent, with `nulls` it is json.null. A whole number from 9,007,199,254,740,992 on, which a Lua
---number may round, is its text; with `rounds` it is the nearest number.
---@param text string depth at most 64
---@param how {nulls: boolean?, rounds: boolean?}|nil
---@return any value, string? message   nil, message for what is not JSON; arrays carry json.array_mt
function json.decode(text, how) end
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
---Whether an Ed25519 signature is right. The key has 32 raw bytes; a signature of another length than 64 is wrong.
---@return boolean
function crypto.ed25519_verify(key, signature, text) end
---@param seed string  the private key, 32 raw bytes
---@return string signature  64 raw bytes
function crypto.ed25519_sign(seed, text) end
---The public key of a seed.
---@param seed string
---@return string key
function crypto.ed25519_public(seed) end
---The signature of a JWT's RS256.
---@param pem string  an RSA private key of 2048 bits or more, in PEM and without a password
---@return string|nil bytes, string? message, string? code
function crypto.rs256_sign(pem, text) end
---A new RSA private key. Takes a tenth of a second and more: only specs and tools have it, for made-up accounts.
---@param bits integer|nil  2048 to 4096 [2048]
---@return string|nil pem, string? message, string? code
function crypto.rsa_new(bits) end

---@class callisto.log
local log = {}
---@param text string  phone numbers are masked
---@return true|nil ok, string? message, string? code  EDQUOT: more than a call may write
function log.debug(text) end
---@return true|nil ok, string? message, string? code  EDQUOT: more than a call may write
function log.info(text) end
---@return true|nil ok, string? message, string? code  EDQUOT: more than a call may write
function log.warn(text) end
---@return true|nil ok, string? message, string? code  EDQUOT: more than a call may write
function log.error(text) end

---@class callisto.metrics
-- The name says the kind: counters end in `_total`, observations in `_seconds`, gauges in neither. What a flow counts begins with
-- `callisto_flow_`; a call may begin 16 new ones, all flows together 256. The engine's own cannot be changed.
local metrics = {}
---@param name string  without the prefix "callisto_"; labels may follow: 'refused_total{reason="token"}'
---@param by integer|nil default 1
---@return true|nil ok, string? message, string? code
function metrics.count(name, by) end
---@param name string
---@param value integer
---@return true|nil ok, string? message, string? code
function metrics.gauge(name, value) end
---@param name string
---@param seconds number
---@return true|nil ok, string? message, string? code
function metrics.observe(name, seconds) end

---@class callisto.shared
-- A store that all VMs of the process share: bytes under keys, with a time to live. Flows have a name space of their own, which
-- the service finds in `shared.flows`; what a flow writes counts (EDQUOT: more than its call may have), and lives for a day unless it
-- says otherwise, for a week at most.
local shared = {}
shared.flows = nil ---@type callisto.shared|nil in a service VM: what flows share
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
---Makes `holder` one of those who have something there is only so much of (lines of a carrier). Taking twice is having one.
---@param set string
---@param holder string
---@param most integer  how many there are
---@param ttl number|nil  seconds after which a holder that never releases is forgotten
---@return boolean|nil taken, integer|string count_or_message, string? code
function shared.hold(set, holder, most, ttl) end
---@param set string
---@param holder string
---@return boolean released
function shared.release(set, holder) end
---@param set string
---@return integer count
function shared.holders(set) end
---Reserves the next turn of a pace of so many a second.
---@param name string
---@param per_second number
---@param burst number|nil  how many may come at once [1]
---@return number|nil seconds to wait, string? message, string? code
function shared.pace(name, per_second, burst) end

---@class callisto.zone
-- Time zones with their summer time, from the system's tzdata. `at` is in seconds since 1970, UTC.
local zone = {}
---What holds in a zone at an instant.
---@param name string such as "Europe/Berlin"
---@param at number
---@return integer|nil seconds east of UTC
---@return string abbreviation_or_message such as "CEST"
---@return boolean|string is_summer_or_code
function zone.offset(name, at) end
---The local time of an instant; `weekday` is 0 for Sunday.
---@param name string
---@param at number
---@return {year: integer, month: integer, day: integer, hour: integer, minute: integer, second: integer, weekday: integer}|nil
---@return string? message
---@return string? code
function zone.fields(name, at) end
---The instant of a local time. Of two instants, where summer time ends, it is the earlier one ("overlap"); a time that is jumped
---over, where it begins, is moved forward by the length of the jump ("gap").
---@param name string
---@param fields {year: integer, month: integer, day: integer, hour: integer|nil, minute: integer|nil, second: integer|nil}
---@return number|nil at
---@return "gap"|"overlap"|nil fit a message when `at` is nil
---@return string? code
function zone.instant(name, fields) end

---@class callisto.locale
-- Words of a language for numbers, money and dates, and the letters of a text. A language is a tag such as "hi-IN"; the first use
-- of one takes a few milliseconds. The pleasant way is in sentences: "{amount|money:INR}" (callisto.text).
local locale = {}
---A number in words; "ENOENT" for a language that is not known, "EOPNOTSUPP" for one without such words.
---@param tag string
---@param value number below 10^15
---@param how "number"|"masculine"|"feminine"|"neuter"|"ordinal"|"year"|nil
---@return string|nil text
---@return string? message
---@return string? code
function locale.spell(tag, value, how) end
---The name of money, as it is said behind so much of it.
---@param tag string
---@param code string such as "INR"
---@param amount number
---@return string|nil text
---@return string? message
---@return string? code
function locale.currency(tag, code, amount) end
---A date by a pattern of ICU's, such as "EEEE" for the day of the week.
---@param tag string
---@param pattern string at most 64 bytes
---@param fields {year: integer|nil, month: integer|nil, day: integer|nil, hour: integer|nil, minute: integer|nil}
---@param is_skeleton boolean|nil the pattern says what is wanted, the language its order
---@return string|nil text
---@return string? message
---@return string? code
function locale.date(tag, pattern, fields, is_skeleton) end
---The letters of a text, each with all its marks.
---@param text string at most 4,096 bytes
---@return string[]
function locale.letters(text) end

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

return { json = json, xml = xml, crypto = crypto, log = log, metrics = metrics, shared = shared, zone = zone, locale = locale, vm = vm }
