-- The small C modules (json, xml, crypto, log, metrics, shared) as the specs use them: the real ones inside our own
-- binary; under plain LuaJIT a stand-in of the same contract.

local modules = {}

local function real(name)
  local ok, module = pcall(require, name)
  if ok and type(module) == "table" then return module end
end

-- json -------------------------------------------------------------------------------------------------------------

local json = { null = setmetatable({}, { __tostring = function() return "null" end }), array_mt = {} }

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function is_array(value) return getmetatable(value) == json.array_mt or #value > 0 end

local function encode(value)
  local kind = type(value)
  if value == nil or value == json.null then return "null" end
  if kind == "string" then return quote(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then
    return value == math.floor(value) and math.abs(value) < 1e15 and ("%d"):format(value) or ("%.14g"):format(value)
  end
  assert(kind == "table", "cannot encode a " .. kind)
  local parts = {}
  if is_array(value) then
    for i = 1, #value do parts[i] = encode(value[i]) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = quote(name) .. ":" .. encode(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local decode_value

local function skip(text, place) return text:find("[^ \t\r\n]", place) or #text + 1 end

local unescapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local function decode_string(text, place)
  local parts = {}
  while true do
    local stop = assert(text:find('["\\]', place), "unfinished string")
    parts[#parts + 1] = text:sub(place, stop - 1)
    if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
    local code = text:sub(stop + 1, stop + 1)
    if code == "u" then
      parts[#parts + 1] = utf8_of(assert(tonumber(text:sub(stop + 2, stop + 5), 16), "bad escape"))
      place = stop + 6
    else
      parts[#parts + 1] = unescapes[code] or code
      place = stop + 2
    end
  end
end

local function decode_list(text, place)
  local list = setmetatable({}, json.array_mt)
  place = skip(text, place)
  if text:sub(place, place) == "]" then return list, place + 1 end
  while true do
    list[#list + 1], place = decode_value(text, place)
    place = skip(text, place)
    local mark = text:sub(place, place)
    if mark == "]" then return list, place + 1 end
    assert(mark == ",", "expected , or ]")
    place = place + 1
  end
end

local function decode_object(text, place)
  local object = {}
  place = skip(text, place)
  if text:sub(place, place) == "}" then return object, place + 1 end
  while true do
    place = skip(text, place)
    assert(text:sub(place, place) == '"', "expected a name")
    local name
    name, place = decode_string(text, place + 1)
    place = skip(text, place)
    assert(text:sub(place, place) == ":", "expected :")
    object[name], place = decode_value(text, place + 1)
    place = skip(text, place)
    local mark = text:sub(place, place)
    if mark == "}" then return object, place + 1 end
    assert(mark == ",", "expected , or }")
    place = place + 1
  end
end

function decode_value(text, place)
  place = skip(text, place)
  local mark = text:sub(place, place)
  if mark == '"' then return decode_string(text, place + 1) end
  if mark == "{" then return decode_object(text, place + 1) end
  if mark == "[" then return decode_list(text, place + 1) end
  for word, value in pairs { ["true"] = true, ["false"] = false, null = json.null } do
    if text:sub(place, place + #word - 1) == word then return value, place + #word end
  end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", place)
  assert(number and tonumber(number), "unexpected character")
  return tonumber(number), place + #number
end

json.encode = encode

function json.decode(text)
  local ok, value, place = pcall(decode_value, text, 1)
  if not ok then return nil, value end
  if skip(text, place) <= #text then return nil, "something follows the value" end
  return value
end

function json.array(list) return setmetatable(list, json.array_mt) end

-- xml --------------------------------------------------------------------------------------------------------------

local xml = {}

local function xml_escape(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function attributes_of(given)
  local parts = {}
  if given and #given > 0 then
    for _, pair in ipairs(given) do parts[#parts + 1] = (' %s="%s"'):format(pair[1], xml_escape(pair[2])) end
    return table.concat(parts)
  end
  local names = {}
  for name in pairs(given or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = (' %s="%s"'):format(name, xml_escape(given[name])) end
  return table.concat(parts)
end

local function build(node)
  if type(node) == "string" then return xml_escape(node) end
  local children = {}
  for i = 3, #node do children[#children + 1] = build(node[i]) end
  local head = node[1] .. attributes_of(node[2])
  if #children == 0 then return ("<%s/>"):format(head) end
  return ("<%s>%s</%s>"):format(head, table.concat(children), node[1])
end

function xml.build(node) return '<?xml version="1.0" encoding="UTF-8"?>\n' .. build(node) .. "\n" end

local function unescape(text)
  return (text:gsub("&(%a+);", { lt = "<", gt = ">", quot = '"', apos = "'", amp = "&" }))
end

function xml.parse(text)
  local root = { text = "" }
  local stack = { root }
  local place = 1
  text = text:gsub("<%?.-%?>", ""):gsub("<!%-%-.-%-%->", "")
  while true do
    local open, close, slash, name, rest = text:find("<(/?)([%w_]+)(.-)>", place)
    local top = stack[#stack]
    if not open then break end
    top.text = top.text .. unescape(text:sub(place, open - 1))
    if slash == "/" then
      if top.name ~= name then return nil, "elements do not match" end
      stack[#stack] = nil
    else
      local node = { name = name, attrs = {}, text = "" }
      for key, value in rest:gmatch('([%w_]+)="([^"]*)"') do node.attrs[key] = unescape(value) end
      top[#top + 1] = node
      if rest:sub(-1) ~= "/" then stack[#stack + 1] = node end
    end
    place = close + 1
  end
  if #stack ~= 1 or not root[1] then return nil, "not a document" end
  return root[1]
end

-- crypto: OpenSSL through the foreign function interface of plain LuaJIT ---------------------------------------------

local function make_crypto()
  local has_ffi, ffi = pcall(require, "ffi")
  local ok, lib = pcall(function() return has_ffi and ffi.load("crypto") end)
  if not ok or not lib then return nil end
  ffi.cdef [[
    typedef struct evp_md_st EVP_MD;
    const EVP_MD *EVP_get_digestbyname(const char *name);
    int EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size, const EVP_MD *type, void *impl);
    unsigned char *HMAC(const EVP_MD *evp_md, const void *key, int key_len, const unsigned char *d, size_t n,
                        unsigned char *md, unsigned int *md_len);
    int EVP_EncodeBlock(unsigned char *t, const unsigned char *f, int n);
    int EVP_DecodeBlock(unsigned char *t, const unsigned char *f, int n);
  ]]
  local crypto = {}
  local function output(fill)
    local bytes, size = ffi.new("unsigned char[64]"), ffi.new("unsigned int[1]", 64)
    fill(bytes, size)
    return ffi.string(bytes, size[0])
  end
  function crypto.digest(algorithm, text)
    return output(function(bytes, size)
      lib.EVP_Digest(text, #text, bytes, size, lib.EVP_get_digestbyname(algorithm), nil)
    end)
  end
  function crypto.hmac(algorithm, key, text)
    return output(function(bytes, size)
      lib.HMAC(lib.EVP_get_digestbyname(algorithm), key, #key, text, #text, bytes, size)
    end)
  end
  function crypto.hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
  function crypto.base64(bytes)
    local room = ffi.new("unsigned char[?]", math.ceil(#bytes / 3) * 4 + 1)
    return ffi.string(room, lib.EVP_EncodeBlock(room, bytes, #bytes))
  end
  function crypto.unbase64(text)
    if #text % 4 ~= 0 or text:find("[^%w+/=]") then return nil end
    local room = ffi.new("unsigned char[?]", #text + 1)
    local size = lib.EVP_DecodeBlock(room, text, #text)
    if size < 0 then return nil end
    return ffi.string(room, size - #text:match("=*$"))
  end
  function crypto.equal(a, b) return a == b end
  return crypto
end

local crypto_stand_in

-- log, metrics, shared ---------------------------------------------------------------------------------------------

local function make_log(lines)
  local log = {}
  for _, level in ipairs { "debug", "info", "warn", "error" } do
    log[level] = function(text) lines[#lines + 1] = level .. ": " .. text end
  end
  return log
end

local function make_metrics(counts)
  local metrics = {}
  function metrics.count(name, by) counts[name] = (counts[name] or 0) + (by or 1) end
  function metrics.gauge(name, value) counts[name] = value end
  function metrics.observe(name) counts[name] = (counts[name] or 0) + 1 end
  return metrics
end

local function make_shared(world, entries)
  local shared = {}
  local function live(key)
    local entry = entries[key]
    if entry and entry.at and entry.at <= world.now then
      entries[key] = nil
      return nil
    end
    return entry
  end
  function shared.get(key) return live(key) and live(key).value end
  function shared.set(key, value, ttl)
    entries[key] = { value = value, at = ttl and world.now + ttl }
    return true
  end
  function shared.add(key, value, ttl) return not live(key) and shared.set(key, value, ttl) end
  function shared.increment(key, by, ttl)
    local value = (tonumber(shared.get(key)) or 0) + (by or 1)
    entries[key] = { value = tostring(value), at = live(key) and live(key).at or (ttl and world.now + ttl) }
    return value
  end
  function shared.remove(key)
    local was = live(key) ~= nil
    entries[key] = nil
    return was
  end
  return shared
end

---The modules of one simulated engine. `world` has `now`, and keeps what was logged and counted.
function modules.of(world)
  world.log, world.counts, world.entries = {}, {}, {}
  if crypto_stand_in == nil then crypto_stand_in = make_crypto() or false end
  return {
    ["callisto.json"] = real("callisto.json") or json,
    ["callisto.xml"] = real("callisto.xml") or xml,
    ["callisto.crypto"] = real("callisto.crypto") or crypto_stand_in or nil,
    ["callisto.log"] = make_log(world.log),
    ["callisto.metrics"] = make_metrics(world.counts),
    ["callisto.shared"] = make_shared(world, world.entries),
  }
end

return modules
