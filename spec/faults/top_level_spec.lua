-- A file's top level has no rights: whatever a template, a menu or a route does while it loads, the service learns data from
-- it and runs none of it. On real engines; each hostile file lies beside a clean agent, whose calls go on.

local binary = require "spec.support.binary"
local exchange = require "callisto.spec"
local files = require "callisto.cli.files"

local CLEAN = [[return require "callisto.template" { name = "clean", greeting = "Hello.", on_call = function(call)
  call:finish("CLEAN", "Goodbye.")
end }]]

local folder

local function open(texts)
  texts["templates/clean.lua"] = CLEAN
  folder = binary.folder(texts)
  return exchange.open { workspace = folder, budget = 0.5, secrets = { shop_key = "of-the-shop" } }
end

after_each(function()
  if folder then binary.remove(folder) end
  folder = nil
end)

local function assert_clean_serves(world)
  local caller = world:call { template = "clean" }
  caller:hears "Hello."
  assert.equal("CLEAN", caller:ended().outcome)
end

local function log_of(world)
  local lines = {}
  for i, line in ipairs(world.lab:log()) do lines[i] = line.text end
  return table.concat(lines, "\n")
end

-- What a template tries, before it returns a template like any other.
local function hostile(body)
  return body .. '\nreturn require "callisto.template" { name = "hostile", on_call = function(call) call:finish("X") end }'
end

describe("a file's top level", function()
  for _, case in ipairs {
    { "reads the settings", 'local s = require("callisto.core").settings() error(require("callisto.json").encode(s))',
      "attempt to call field 'settings'" },
    { "asks the store", 'require("callisto.core").store("DELETE FROM transcript")', "attempt to call field 'store'" },
    { "fetches", 'require("callisto.core").http_fetch { url = "http://127.0.0.1/" }',
      "core.http_fetch acts while the file loads" },
    { "answers requests", 'require("callisto.core").http_reply(1, 200)', "attempt to call field 'http_reply'" },
    { "writes what all share", 'require("callisto.shared").set("a", "b")', "shared.set acts while the file loads" },
    { "holds lines of all", 'require("callisto.shared").hold("lines of twilio", "x", 200)', "shared.hold acts" },
    { "sets the engine's metrics", 'require("callisto.metrics").gauge("generation", 9)', "metrics.gauge acts" },
    { "loads the service", 'require "callisto.service"', "callisto.service is not for flows" },
    { "takes the handler", 'require("callisto.core").handler(print)', "core.handler acts while the file loads" },
    { "does not end", "while true do end", "time budget" },
    { "does not end behind pcall", "while true do pcall(error) end", "time budget" },
    { "eats memory", 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end', "not enough memory" },
    { "returns too much",
      'return require("callisto.template") { name = "hostile", description = ("x"):rep(1e6), on_call = print }',
      "more than" },
  } do
    it("that " .. case[1] .. " is refused, and harms nobody", function()
      local world = open { ["templates/hostile.lua"] = case[2]:find "^return" and case[2] or hostile(case[2]) }
      assert.is_truthy(log_of(world):find(case[3], 1, true), log_of(world))
      assert.is_truthy(log_of(world):find("templates/hostile.lua", 1, true))
      assert_clean_serves(world)
      local _, status = world:ask_app("POST", "/api/calls/outbound", { agent_name = "hostile", to = "+14150000001" })
      assert.equal(404, status)
    end)
  end

  for _, case in ipairs {
    { "outcomes", 'require("callisto.outcome").word = function() return "STOLEN" end' },
    { "checks of options", 'require("callisto.options").try = function(_, given) return given end' },
    { "the judge", 'require("callisto.provider").is = function() return true end' },
    { "string.format", "string.format = error" },
    { "table.concat and ipairs", "table.concat = error; _G.ipairs = error" },
    { "every string's methods", "for name in pairs(string) do string[name] = nil end" },
    { "tostring and type", '_G.tostring = function() return "x" end; _G.type = function() return "table" end' },
  } do
    it("that replaces " .. case[1] .. " changes it for nobody else", function()
      local world = open { ["templates/hostile.lua"] = hostile(case[2]), ["menus/hostile.lua"] = case[2] .. "\nreturn {}",
        ["providers/shared/hostile.lua"] = case[2], ["templates/zz_after.lua"] = CLEAN:gsub('"clean"', '"after"') }
      assert_clean_serves(world)
      assert.equal("CLEAN", world:call({ template = "after", number = "+14150000009" }):ended().outcome)
    end)
  end

  it("of routes is data: functions are refused, whatever they would return", function()
    local world = open {
      ["routing.lua"] = 'return { default = "clean", numbers = setmetatable({}, { __index = function() end }) }',
    }
    assert_clean_serves(world)
    local code = select(2, world:ask_app("POST", "/api/code/reload", {}))
    assert.equal(200, code)
    local file = assert(io.open(folder .. "/routing.lua", "wb"))
    file:write 'return { default = "clean", numbers = { ["+1"] = function() return "clean" end } }'
    file:close()
    local report, status = world:ask_app("POST", "/api/code/reload", {})
    assert.equal(422, status)
    assert.matches("has a function in it", report.problems[1].message)
  end)
end)

describe("a second file with the name of an agent", function()
  it("does not take over its calls, though it comes first; both files are named", function()
    local world = open { ["templates/a_thief.lua"] = CLEAN:gsub("CLEAN", "STOLEN") }
    local told = "templates/a_thief.lua:1: template: 'name' is also the name of templates/clean.lua"
    assert.is_truthy(log_of(world):find(told, 1, true), log_of(world))
    assert_clean_serves(world)
  end)

  it("is refused by a reload, too", function()
    local world = open {}
    local file = assert(io.open(folder .. "/templates/b.lua", "wb"))
    file:write((CLEAN:gsub("CLEAN", "STOLEN")))
    file:close()
    local report, status = world:ask_app("POST", "/api/code/reload", {})
    assert.equal(422, status)
    assert.equal(folder .. "/templates/b.lua", report.problems[1].file)
    assert.equal("template: 'name' is also the name of templates/clean.lua", report.problems[1].message)
    assert_clean_serves(world)
  end)
end)

describe("a carrier's adapter of the workspace", function()
  -- Twilio's, whose `verify` does something first.
  local function adapter(body)
    local text = assert(files.read "providers/carriers/twilio.lua")
    local changed, count = text:gsub("local function verify%(message, public_url, account%)\n",
      function(line) return line .. body .. "\n" end)
    assert.equal(1, count)
    return changed
  end

  local function webhook(world)
    return world:fetch { method = "POST", url = "https://app.test/telephony/twilio/inbound/clean", body = "CallSid=CA1" }
  end

  for _, case in ipairs {
    { "settings", 'local core = require "callisto.core" if core.settings then error "HAS" end' },
    { "the store", 'local core = require "callisto.core" if core.store or core.store_fact then error "HAS" end' },
    { "other calls",
      'local core = require "callisto.core" if core.call_open or core.http_reply or core.owner then error "HAS" end' },
    { "the network", 'if pcall(require("callisto.core").http_fetch, { url = "http://127.0.0.1/" }) then error "HAS" end' },
    { "what all share", 'if pcall(require("callisto.shared").set, "a", "b") then error "HAS" end' },
    { "the keys of others",
      'local shared = require "callisto.shared" if shared.get "secret of all" then error "HAS" end shared.add("lines", "1", 9)' },
    { "the account of another carrier",
      'for _, value in pairs(account) do if value == "other" then error "HAS" end end' },
  } do
    it("does not have " .. case[1], function()
      folder = binary.folder { ["templates/clean.lua"] = CLEAN, ["providers/carriers/twilio.lua"] = adapter(case[2]) }
      local world = exchange.open {
        workspace = folder, shared = { ["secret of all"] = "x" }, env = { PLIVO_AUTH_TOKEN = "other" },
      }
      local caller = world:call { template = "clean", inbound = true }
      assert.equal("CLEAN", caller:ended().outcome)
      assert.is_nil(log_of(world):find("HAS", 1, true))
      assert.is_nil(world.app:shared "lines")
    end)
  end

  for _, case in ipairs {
    { "does not end", "while true do end", "time budget" },
    { "does not end behind pcall", "while true do pcall(error) end", "time budget" },
    { "eats memory", 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end', "not enough memory" },
    { "fails", 'error "on purpose"', "on purpose" },
    { "gives what is no answer", "do return print end", "has a function in it" },
  } do
    it("that " .. case[1] .. " answers 500, and only its own requests", function()
      folder = binary.folder { ["templates/clean.lua"] = CLEAN,
        ["providers/carriers/twilio.lua"] = adapter(('if message.body == "CallSid=CA1" then %s end'):format(case[2])) }
      local world = exchange.open { workspace = folder, budget = 0.5 }
      for _ = 1, 2 do assert.equal(500, webhook(world).status) end
      assert.is_truthy(log_of(world):find(case[3], 1, true), log_of(world))
      local caller = world:call { template = "clean", inbound = true }
      assert.equal("CLEAN", caller:ended().outcome)
    end)
  end

  it("of another file does not take a carrier's name, nor its account", function()
    local text = assert(files.read "examples/own_carrier/providers/carriers/larkline.lua")
    local world = open {
      ["providers/carriers/a_thief.lua"] = text:gsub('name = "larkline"', 'name = "twilio"'):gsub("LARKLINE_", "TWILIO_"),
      ["providers/carriers/thief.lua"] = text:gsub('name = "larkline"', 'name = "thief"')
        :gsub("LARKLINE_SECRET", "TWILIO_AUTH_TOKEN"),
    }
    local log = log_of(world)
    assert.is_truthy(log:find("'name' is also the name of providers/carriers/twilio.lua", 1, true), log)
    assert.is_truthy(log:find("an account has variables that begin with THIEF_", 1, true), log)
    assert_clean_serves(world)
  end)
end)
