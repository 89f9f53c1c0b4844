-- What is in the house works: every template is a call that begins and ends, every example passes its own check and specs.

local binary = require "spec.support.binary"
local exchange = require "callisto.spec"
local files = require "callisto.cli.files"
local json = require "callisto.json"

local samples = {
  string = "Main Street", number = 2.5, integer = 3, boolean = true, array = json.array {}, object = {}, any = "x",
}

-- A payload that the template accepts.
local function payload_of(agent)
  local payload = {}
  for name, kind in pairs(agent.payload) do payload[name] = samples[kind:match "^%a+"] end
  return payload
end

for _, path in ipairs(files.lua_files "templates") do
  local module = "templates." .. path:gsub("%.lua$", ""):gsub("/", ".")

  describe("templates/" .. path, function()
    local agent = require(module)

    local function options_of(more)
      local options = { template = module, payload = payload_of(agent) }
      for name, value in pairs(more or {}) do options[name] = value end
      return options
    end

    local function is_live(caller) return caller:record().state == "in_progress" end

    -- The world fails the spec when it has anything left: a task, a timer, a VM.
    local function assert_over(caller)
      local ending = caller:ended()
      assert.is_nil(caller:fact "script.broken")
      assert.equal("completed", ending.state)
    end

    it("has words for what it is", function() assert.is_string(agent.description, "description") end)

    it("accepts its payload, and not an empty one where it needs more", function()
      assert.is_true(agent:accepts(payload_of(agent)))
      for name, kind in pairs(agent.payload) do
        if not kind:find "[?]$" and not kind:find "^any" and not kind:find "^null" then
          local payload = payload_of(agent)
          payload[name] = nil
          assert.is_nil((agent:accepts(payload)))
        end
      end
    end)

    it("ends by itself when nobody ever says a word", function()
      local caller = exchange.call(options_of())
      caller:silence(agent.longest)
      assert_over(caller)
      assert.is_true(#caller.words > 0)
    end)

    it("ends by itself when the caller only coughs, or says what it cannot use", function()
      local caller = exchange.call(options_of())
      local deeds = { caller.coughs, function() caller:says "pineapple" end, function() caller:presses "9" end }
      for i = 0, 119 do
        caller:listens()
        if not is_live(caller) then break end
        deeds[i % 3 + 1](caller)
      end
      caller:silence(agent.longest)
      assert_over(caller)
    end)

    it("ends when the caller hangs up, at every tenth of a second of its first half minute", function()
      local world, callers, gap = exchange.open { env = { TWILIO_MAX_CONCURRENT = "50" } }, {}, 0.7
      for i = 1, 43 do callers[i] = world:call(options_of { number = ("+1415100%04d"):format(i) }) end
      for _, caller in ipairs(callers) do
        caller:hangs_up()
        world:advance(gap)
      end
      for _, caller in ipairs(callers) do assert_over(caller) end
    end)

    it("waits for the line", function()
      local caller = exchange.ring(options_of { subscriber = { answers_after = 20 } })
      caller.world:advance(19)
      assert.same({}, caller.world.lab:words())
      caller:connects():silence(2)
      assert.is_true(#caller.words > 0)
    end)

    it("is told in a transcript", function()
      local own = files.read(("spec/templates/%s_spec.lua"):format((agent.name:gsub("-", "_"))))
      local text = own or assert(files.read "spec/templates/templates_spec.lua")
      assert(text:find(('describe("%s"'):format(agent.name), 1, true), "no spec has calls of " .. agent.name)
    end)
  end)
end

local function examples()
  local list = {}
  for _, path in ipairs(files.lua_files "examples") do
    local name = path:match "^([^/]+)/"
    if name and list[#list] ~= name then list[#list + 1] = name end
  end
  return list
end

for _, name in ipairs(examples()) do
  describe("examples/" .. name, function()
    local folder = "examples/" .. name

    it("is right", function()
      local result = binary.run({ "check" }, { folder = folder })
      assert.equal(0, result.code, result.out .. result.err)
    end)

    it("says what it is", function() assert.is_string(files.read(folder .. "/README.md")) end)

    it("passes its own specs", function()
      local result = binary.run({ "test" }, { folder = folder })
      assert.equal(0, result.code, result.out .. result.err)
    end)
  end)
end
