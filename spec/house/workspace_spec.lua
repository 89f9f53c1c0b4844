-- What is in the house works: every template is a call that begins and ends, every example passes its own check and specs.

local binary = require "spec.support.binary"
local files = require "callisto.cli.files"
local phone = require "spec.support.phone"

local samples = { string = "Main Street", number = 2.5, integer = 3, boolean = true, array = {}, object = {}, any = "x" }

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
    local broken
    before_each(function() broken = nil end)

    local function call(options)
      options = options or {}
      options.template, options.payload = module, payload_of(agent)
      options.on_broken = function(message) broken = message end
      return phone.call(options)
    end

    local function is_over(caller)
      assert.is_nil(broken)
      assert.is_table(caller:ending(), "the call never ended")
      assert.equal(0, caller.vm.require("callisto.task").count(), "tasks are left behind")
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
      local caller = call()
      caller:silence(agent.longest)
      is_over(caller)
      assert.is_true(#caller.heard > 0)
    end)

    it("ends by itself when the caller only coughs, or says what it cannot use", function()
      local caller = call()
      for _ = 1, 40 do
        if caller:ending() then break end
        caller:listens()
        caller:coughs()
        caller:says "pineapple"
        caller:presses "9"
      end
      caller:silence(agent.longest)
      is_over(caller)
    end)

    it("ends when the caller hangs up, at every tenth of a second of its first half minute", function()
      for tenths = 0, 300, 7 do
        local caller = call()
        caller:silence(tenths / 10)
        if not caller:ending() then caller:hangs_up() end
        is_over(caller)
      end
    end)

    it("waits for the line", function()
      local caller = call { connected = false }
      caller:hears_nothing(30)
      caller:connects()
      caller:silence(1)
      assert.is_true(#caller.heard > 0)
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
