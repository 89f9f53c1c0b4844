-- The examples are whole workspaces. What their READMEs say is done here, word for word.

local binary = require "spec.support.binary"
local files = require "callisto.cli.files"

-- The commands of a README that need nothing but the binary.
local function commands_of(readme)
  local list = {}
  for line in readme:gmatch "[^\n]+" do
    local words = line:match "^%.%./%.%./build/callisto ([^#&]+)"
    if words then list[#list + 1] = words:gsub("%s+$", "") end
  end
  return list
end

for _, name in ipairs { "shop", "clinic", "call_centre", "bistro", "own_carrier" } do
  describe("the example " .. name, function()
    local folder = "examples/" .. name
    local readme = assert(files.read(folder .. "/README.md"))

    for _, command in ipairs(commands_of(readme)) do
      it("does: callisto " .. command, function()
        local result = binary.run({ command }, { folder = folder })
        assert(result.code == 0, result.out .. result.err)
        if command == "test" then
          local passed = tonumber(result.out:match "(%d+) successes / 0 failures / 0 errors")
          assert.is_true((passed or 0) >= 4, result.out)
        end
      end)
    end

    it("has a README that says how to check and test it", function()
      assert.same({ "check", "test" }, commands_of(readme))
    end)

    it("names no file that is not there", function()
      for path in readme:gmatch "| `([%w_/]+%.?%w*)`" do
        assert(files.read(folder .. "/" .. path) or files.is_folder(folder .. "/" .. path), path)
      end
    end)
  end)
end

describe("docs/own-carrier.md", function()
  it("quotes the example as it is", function()
    local page = assert(files.read "docs/own-carrier.md")
    local adapter = assert(files.read "examples/own_carrier/providers/carriers/larkline.lua")
    local count = 0
    for block in page:gmatch "```lua\n(.-)```" do
      count = count + 1
      assert(adapter:find(block, 1, true), "not in the adapter:\n" .. block)
    end
    assert.is_true(count >= 4)
  end)
end)
