-- docs/reference.md has every function that scripts can call, and none that there is not. (scripts/lint sees to it that the page
-- is what scripts/reference writes.)

local files = require "callisto.cli.files"

local reference = assert(loadfile "scripts/reference") "module"
local page = assert(files.read "docs/reference.md")

local modules = {}
for _, group in ipairs(reference.groups()) do
  for _, module in ipairs(group[2]) do modules[#modules + 1] = module end
end

-- The part of the page about a module.
local function section(name)
  local from = assert(page:find("\n## " .. name .. "\n", 1, true), "the page has no section " .. name)
  return page:sub(from, (page:find("\n## ", from + 1, true) or #page))
end

local function functions_on(part)
  local list = {}
  for name in part:gmatch "\n### `([%w_.:]+)%(" do list[name] = true end
  return list
end

describe("the reference", function()
  it("has many functions", function()
    local count = 0
    for _, module in ipairs(modules) do count = count + #module.functions end
    assert.is_true(#modules >= 25, #modules .. " modules")
    assert.is_true(count > 150, count .. " functions")
  end)

  for _, module in ipairs(modules) do
    it("has what is declared of " .. module.name, function()
      local expected = {}
      for _, fn in ipairs(module.functions) do expected[fn.name] = true end
      assert.same(expected, functions_on(section(module.name)))
    end)
  end

  -- The modules themselves, not their sources, as a flow has them.
  for _, module in ipairs(modules) do
    local name = module.name
    local ok, value = pcall(require, name)
    if name ~= "callisto.core" and ok and type(value) == "table" then
      it("has every function of " .. name, function()
        local told = {}
        for full in pairs(functions_on(section(name))) do told[full:match "[%w_]+$"] = true end
        for key, each in pairs(value) do
          if type(each) == "function" and not module.private[key] and tostring(key):sub(1, 1) ~= "_" then
            assert(told[key], ("%s.%s is not in docs/reference.md: annotate it, and run scripts/reference"):format(name, key))
          end
        end
      end)
    end
  end

  it("has the methods of a call, from all the files that make it", function()
    local told = functions_on(section "callisto.flow.call")
    for _, name in ipairs { "say", "ask", "listen", "digits", "menu", "finish", "hold", "sleep", "become" } do
      assert(told["call:" .. name], name)
    end
    assert.is_nil(told["call:_leave"])
  end)
end)

describe("scripts/reference", function()
  it("reads types with blanks in them", function()
    local text = reference.page()
    assert.equal(text, reference.page())
    assert.matches("\n%- `fn` `fun%(call: callisto.Call, value: any%)`\n", text)
    assert.is_nil(text:find("\n\n\n", 1, true))
  end)

  it("refuses other words", function()
    assert.equal(2 * 256, os.execute "scripts/reference --frobnicate 2>/dev/null")
  end)
end)
