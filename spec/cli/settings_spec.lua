local binary = require "spec.support.binary"
local files = require "callisto.cli.files"
local json = require "callisto.json"
local settings = require "callisto.cli.settings"

describe("settings", function()
  local folder
  after_each(function() if folder then binary.remove(folder) end folder = nil end)

  local function read(texts, cli)
    folder = binary.folder(texts)
    local code, text = settings.json("check", folder, json.encode(cli or {}))
    assert.equal(0, code)
    return json.decode(text)
  end

  it("come from callisto.lua, the environment and the command line", function()
    local all = read({
      ["callisto.lua"] = 'return { public_base_url = "https://a", settings = { support_number = "+1" } }',
      [".env"] = 'PUBLIC_BASE_URL="https://b"\n# a comment\nTWILIO_AUTH_TOKEN = \'secret\'\nUNKNOWN=1\n',
    }, { public_base_url = "https://c" })
    assert.equal("check", all.verb)
    assert.equal("https://a", all.file.public_base_url)
    assert.equal("https://b", all.env.PUBLIC_BASE_URL)
    assert.equal("secret", all.env.TWILIO_AUTH_TOKEN)
    assert.is_nil(all.env.UNKNOWN)
    assert.equal("https://c", all.cli.public_base_url)
  end)

  it("have the accounts of vendors of every kind", function()
    local all = read { [".env"] = "OPENAI_API_KEY=sk\nANTHROPIC_BASE_URL=http://127.0.0.1:1\n" }
    assert.same({ "sk", "http://127.0.0.1:1" }, { all.env.OPENAI_API_KEY, all.env.ANTHROPIC_BASE_URL })
  end)

  it("need no file", function() assert.same({}, read({}).file) end)

  it("name the file and the line of a mistake", function()
    folder = binary.folder { ["callisto.lua"] = "return {\n  a = = 1 }" }
    local ok, why = pcall(settings.json, "serve", folder, "{}")
    assert.is_false(ok)
    assert.matches("callisto.lua:2:", why)
  end)

  it("see the environment and nothing else", function()
    folder = binary.folder { ["callisto.lua"] = "return { home = env.HOME, os = os, none = env.NOT_SET_ANYWHERE }" }
    assert.same({ home = os.getenv "HOME" }, settings.read_file(folder .. "/callisto.lua"))
  end)

  -- Every variable that some module asks for reaches it.
  it("hold what the modules ask for", function()
    local known, variables = settings.known ".", {}
    for _, name in ipairs(settings.variables ".") do variables[name] = true end
    local asked = 0
    for _, path in ipairs(files.lua_files "lua/callisto") do
      local text = files.read("lua/callisto/" .. path)
      for variable, rest in text:gmatch 'settings%.get[ (]"([%u%d_]+)"([^\n]*)' do
        asked = asked + 1
        assert(variables[variable], path .. " asks for " .. variable)
        local name = rest:match '^, "([%l_]+)"' or variable:lower()
        assert(known[name], path .. " asks for " .. name)
      end
      for name in text:gmatch "%f[%w_]file%.([%l_]+)" do assert(known[name], path .. " asks for " .. name) end
    end
    assert.is_true(asked >= 3)
  end)

  it("name the request headers adapters read, once each", function()
    local code, text = settings.headers()
    assert.equal(0, code)
    local seen = {}
    for name in text:gmatch "%S+" do
      assert.is_nil(seen[name], name)
      assert.equal(name:lower(), name)
      seen[name] = true
    end
    assert.is_true(seen["x-twilio-signature"] and seen["content-type"])
  end)
end)
