-- What `callisto dev` starts. That it starts and ends it is seen in tests/end_to_end/test_tutorial.lua.

local binary = require "spec.support.binary"
local dev = require "callisto.cli.dev"

local good = [[return require "callisto.template" {
  name = "good", payload = { who = "string", count = "integer", note = "string?" }, on_call = function() end,
}]]

describe("callisto dev", function()
  local folder
  after_each(function() if folder then binary.remove(folder) end folder = nil end)

  local function plan(texts, ...)
    texts["callisto.lua"] = texts["callisto.lua"] or "return {}"
    folder = binary.folder(texts)
    local code, text = dev.plan("--workspace", folder, ...)
    assert.equal(0, code)
    return text .. "\n"
  end

  local function words(text, verb)
    local list = {}
    for word in text:gmatch("%f[^\n%z]" .. verb .. " ([^\n]*)\n") do list[#list + 1] = word end
    return table.concat(list, " ")
  end

  it("starts a server and an exchange on loopback, with an account that is made up", function()
    local text = plan({}, "--port", "9000", "--exchange-port=9001", "--data", "/tmp/d", "--set", "a=b c")
    local common = "--host 127.0.0.1 --port %d --workspace " .. folder .. " --data /tmp/d/%s --script-threads 1 --grace 1 --watch"
    assert.equal(common:format(9001, "exchange"), words(text, "exchange"))
    assert.equal(common:format(9000, "server") .. " --set a=b c", words(text, "serve"))
    assert.matches("env PUBLIC_BASE_URL=http://127.0.0.1:9000\n", text)
    assert.matches("env TWILIO_ACCOUNT_SID=AC0", text)
    assert.matches("env TELEPHONY_PROVIDER=twilio\n", text)
  end)

  it("speaks as any carrier", function()
    for _, carrier in ipairs(require("callisto.exchange.accounts").carriers()) do
      local text = plan({}, "--carrier", carrier)
      assert.matches(("env TELEPHONY_PROVIDER=%s\n"):format(carrier), text)
      local variables = require("providers.carriers." .. carrier).account
      for _, field in ipairs(require("providers.carriers." .. carrier).required) do
        assert.matches(("env %s=[^\n]+\n"):format(variables[field]), text)
      end
      if variables.api then assert.matches(("api %s\n"):format(variables.api), text) end
      binary.remove(folder)
      folder = nil
    end
  end)

  it("passes on what the server understands", function()
    local text = plan({}, "--record-trace", "/tmp/t.jsonl", "--log-level=debug", "--free-text", "--allow-private")
    local wanted = " --record-trace /tmp/t.jsonl --log-level debug --free-text --allow-private"
    assert.equal(wanted, words(text, "serve"):sub(-#wanted))
    assert.is_nil(words(text, "exchange"):find("--free-text", 1, true))
  end)

  it("lets the exchange stand for the language models that have no key", function()
    local agent = [[return require "callisto.template" {
      name = "talker", llm = "openai/gpt-4.1-mini", on_call = function() end,
    }]]
    local texts = { ["templates/talker.lua"] = agent, [".env"] = "ANTHROPIC_API_KEY=mine\n" }
    local text = plan(texts)
    assert.matches("env OPENAI_API_KEY=of%-the%-double\n", text)
    assert.matches("api OPENAI_BASE_URL /v1\n", text)
    assert.is_nil(text:find("ANTHROPIC_", 1, true))
    assert.matches("%-%-free%-text %-%-allow%-private$", words(text, "serve"))
    binary.remove(folder)
    texts[".env"] = "OPENAI_API_KEY=mine\n"
    text = plan(texts)
    assert.is_nil(text:find("OPENAI_", 1, true))
    assert.matches("%-%-free%-text$", words(text, "serve"))
  end)

  it("starts nothing in a folder that is not a workspace, and says how to make one", function()
    folder = binary.folder {}
    local result = binary.run({ "dev" }, { folder = folder })
    assert.equal(2, result.code)
    assert.matches("^callisto dev: . is not a workspace: .*callisto new NAME writes one", result.err)
  end)

  it("says how to place a call", function()
    local text = plan({
      ["templates/good.lua"] = good, ["templates/bad.lua"] = "return {",
      ["exchange/subscribers.lua"] = [[return {
        ["+15550100"] = { busy = true }, ["+15550102"] = {}, ["+15550101"] = { on_answer = function() end } }]],
    })
    assert.matches("callisto call good %+15550101 count:=3 who=Asha\n", text)
  end)

  it("names another server than the usual one", function()
    local texts = { ["templates/good.lua"] = good, ["exchange/subscribers.lua"] = 'return { ["+1555"] = {} }' }
    local text = plan(texts, "--port", "9000")
    assert.matches("callisto call good %+1555 count:=3 who=Asha %-%-server http://127.0.0.1:9000\n", text)
  end)

  it("says what is missing for a call", function()
    assert.matches("nobody is on the telephone", plan {})
    binary.remove(folder)
    assert.matches("no template to call with", plan { ["exchange/subscribers.lua"] = 'return { ["+1555"] = {} }' })
  end)

  it("refuses what it does not understand", function()
    for _, case in ipairs {
      { { "--frobnicate" }, "there is no option %-%-frobnicate" },
      { { "--carrier", "pigeon" }, "%-%-carrier is pigeon, which is not a carrier; there are exotel, " },
      { { "now" }, "takes options alone, not now" },
      { { "--port" }, "%-%-port wants a value" }, { { "--port", "0" }, "from 1 to 65535" },
      { { "--exchange-port", "70000" }, "from 0 to 65535" }, { { "--workspace", "/nowhere/at/all" }, "there is no folder" },
      { { "--set", "a=1\nserve --tls-cert" }, "must be one line" },
    } do
      local result = binary.run { "dev", unpack(case[1]) }
      assert.equal(2, result.code)
      assert.matches(case[2], result.err)
    end
  end)
end)
