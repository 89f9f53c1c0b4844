-- What every adapter owes: whatever arrives, no function fails, and what it returns is what the contract says.
--
-- The messages are made from the adapter's own words: every field name that stands in its file, with values of every kind,
-- in forms, queries and JSON. A fixed seed makes each run the same.

local carrier = require "callisto.provider.carrier"
local files = require "callisto.cli.files"
local http = require "callisto.http"
local json = require "callisto.json"

local ROUNDS = 400

local state
local function random(most) -- a linear congruential generator: the same numbers everywhere
  state = (state * 1103515245 + 12345) % 2147483648
  return math.floor(state / 65536) % most + 1
end

local function one_of(list) return list[random(#list)] end

-- The names of fields, and the words, that stand in a file.
local function words_of(text)
  local names, seen = {}, {}
  local function add(name)
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  for name in text:gmatch "[%a_]%.([%a_][%w_]*)" do add(name) end
  for name in text:gmatch '"([%a_][%w_%-%.]*)"' do add(name) end
  return names
end

local make

local function leaf(words)
  local kind = random(9)
  if kind == 1 then return json.null end
  if kind == 2 then return random(1000) - 500 end
  if kind == 3 then return one_of { true, false } end
  if kind == 4 then return ("x"):rep(random(3000)) end
  if kind == 5 then return "" end
  if kind == 6 then return "\0\127{}[]<>&'\"%s" .. one_of(words) end
  if kind == 7 then return "+1415555" .. 1000 + random(8999) end
  return one_of(words)
end

function make(words, depth)
  local kind = depth > 3 and 3 or random(3)
  local value = kind == 1 and json.array {} or {}
  if kind == 3 then return leaf(words) end
  for _ = 1, random(8) - 1 do
    if kind == 1 then value[#value + 1] = make(words, depth + 1) else value[one_of(words)] = make(words, depth + 1) end
  end
  return value
end

local function form(words)
  local list = {}
  for _ = 1, random(12) - 1 do
    local value = leaf(words)
    list[#list + 1] = { one_of(words), value == json.null and "null" or tostring(value) }
  end
  return http.form(list)
end

local function broken(text) return text:sub(1, random(#text + 1) - 1) .. one_of { "", "%", "&&=", "}", "\0", "\255" } end

local function body(words)
  local kind = random(4)
  local text = kind == 1 and form(words) or json.encode(kind == 2 and make(words, 1) or { [one_of(words)] = make(words, 1) })
  return random(5) == 1 and broken(text) or text
end

local function message(words, headers)
  local given = {
    ["content-type"] = one_of { "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8", "" },
  }
  for _, name in ipairs(headers) do
    if random(3) > 1 then given[name] = tostring(leaf(words)) end
  end
  return {
    method = one_of { "GET", "POST" }, path = "/x/" .. random(9), query = random(2) == 1 and form(words) or "", headers = given,
    body = random(4) > 1 and body(words) or "", peer = "203.0.113.9",
  }
end

local function response(words)
  if random(6) == 1 then return nil end
  return { status = one_of { 200, 201, 202, 204, 301, 400, 401, 404, 409, 429, 500, 503 }, headers = {}, body = body(words) }
end

-- A function of the adapter on a message it did not expect. It refuses in words, or gives what the contract says.
local function must_hold(adapter, name, fn, check, ...)
  if not fn then return end
  local results = { n = 0 }
  local arguments = { n = select("#", ...), ... }
  local ok, why = pcall(function()
    local function keep(...) results = { n = select("#", ...), ... } end
    keep(fn(unpack(arguments, 1, arguments.n)))
  end)
  local holds = ok and check(unpack(results, 1, math.max(results.n, 3)))
  if holds then return end
  local given = arguments[1] or {}
  error(("%s.%s of query %q, body %q: %s"):format(adapter.name, name, tostring(given.query):sub(1, 200),
    tostring(given.body):sub(1, 400), ok and "gave " .. tostring(results[1]) or why), 0)
end

local STATUSES = { ANSWERED = true, NOT_ANSWERED = true, UNKNOWN = true }

local function is_status(value)
  return type(value) == "table" and type(value.word) == "string" and type(value.is_terminal) == "boolean"
    and type(value.is_answered) == "boolean" and (value.status == nil or STATUSES[value.status] ~= nil)
    and (not value.is_terminal or value.status ~= nil)
    and (value.carrier_call == nil or type(value.carrier_call) == "string")
end

local function is_error(value)
  return getmetatable(value) ~= nil and type(value.code) == "string" and type(value.message) == "string"
    and type(value.retryable) == "boolean"
end

local checks = {
  read = function(about, why)
    if about == nil then return type(why) == "string" end
    return type(about.carrier_call) == "string" and about.carrier_call ~= "" and type(about.from) == "string"
      and type(about.to) == "string" and (about.direction == "INBOUND" or about.direction == "OUTBOUND")
      and (about.status == nil or is_status(about.status))
  end,
  status = function(status, why) return is_status(status) or (status == nil and type(why) == "string") end,
  recording = function(about, why)
    return (about == nil and type(why) == "string") or (type(about) == "table" and type(about.url or about.status) == "string")
  end,
  verify = function(ok, why, status) return ok == nil and type(why) == "string" and (status == 401 or status == 403) end,
  place = function(class, id, why)
    if class == "placed" then return id == nil or (type(id) == "string" and id ~= "") end -- nil: a webhook will name it
    return (class == "not_placed" or class == "unknown") and id == nil and is_error(why)
  end,
  fetch = function(status, why) return is_status(status) or (status == nil and is_error(why)) end,
  find = function(id) return id == nil or (type(id) == "string" and id ~= "") end,
}
for _, name in ipairs { "hangup", "obey", "redirect", "send_digits", "record", "stop_recording" } do
  checks[name] = function(ok, why) return ok == true or (ok == nil and is_error(why)) end
end

local function account_of(adapter)
  local account = {}
  for field in pairs(adapter.account) do account[field] = "value-of-" .. field end
  account.audio, account.api = nil, nil
  return account
end

for _, path in ipairs(files.lua_files "providers/carriers") do
  local name = path:gsub("%.lua$", "")
  local adapter = require("providers.carriers." .. name)
  local words = words_of(files.read("providers/carriers/" .. path))

  describe("whatever arrives, the adapter " .. name, function()
    before_each(function() state = 20261121 end)

    it("is one", function()
      assert.is_true(carrier.is(adapter))
      assert.equal(name, adapter.name)
    end)

    it("refuses forged webhooks in words", function()
      local account = account_of(adapter)
      for _ = 1, ROUNDS do
        must_hold(adapter, "verify", adapter.webhook.verify, checks.verify, message(words, adapter.webhook.headers),
          "https://voice.example.com", account)
      end
    end)

    for _, of_message in ipairs { "read", "status", "recording" } do
      it("reads webhooks, or says why not: " .. of_message, function()
        local fn = adapter.webhook[of_message]
        for _ = 1, ROUNDS do
          must_hold(adapter, of_message, fn, checks[of_message], message(words, adapter.webhook.headers))
        end
      end)
    end

    for request, pair in pairs(adapter.requests) do
      it("classifies what came of a request: " .. request, function()
        local order = { to = "+14155550100", from = "+14155550101", placed_at = 1772532900 }
        for _ = 1, ROUNDS do
          local came = response(words)
          must_hold(adapter, request, pair[2], checks[request], came, not came and "it failed" or nil,
            not came and "EIO" or nil, not came and random(2) == 1 or nil, order)
        end
      end)
    end

    it("writes a document that turns a call away", function()
      if not adapter.webhook.answer then return end
      for _, reason in ipairs { "busy", "This number is not in service." } do
        local text, kind = adapter.webhook.answer(adapter.webhook.refuse(reason))
        assert.equal("string", type(text))
        assert.matches("^%a+/[%a+%-]+", kind)
      end
    end)
  end)
end

describe("docs/carriers.md", function()
  it("has the table the adapters make", function()
    local page = assert(files.read "docs/carriers.md")
    local made = assert(loadfile "scripts/carriers.lua")("spec")()
    assert(page:find(made, 1, true), "the table is another: callisto lua scripts/carriers.lua prints it")
  end)

  it("has a page for every carrier", function()
    for _, path in ipairs(files.lua_files "providers/carriers") do
      local name = path:gsub("%.lua$", "")
      local adapter = require("providers.carriers." .. name)
      local page = assert(files.read(("docs/carriers/%s.md"):format(name)), name .. " has no page")
      for _, field in ipairs(adapter.required) do
        local variable = adapter.account[field]
        assert(page:find(variable, 1, true), ("docs/carriers/%s.md does not name %s"):format(name, variable))
      end
    end
  end)
end)
