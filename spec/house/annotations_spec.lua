-- Every function others may call says above itself what it takes and gives, and the words are those of its parameters.

local files = require "callisto.cli.files"

local function lines_of(path)
  local list = {}
  for line in assert(files.read(path)):gmatch "([^\n]*)\n" do list[#list + 1] = line end
  return list
end

-- The table a file returns, and its classes: tables with a capital letter.
local function exported(lines)
  local names = {}
  for i = #lines, 1, -1 do
    local name = lines[i]:match "^return ([%a_][%w_]*)$" or lines[i]:match "^return setmetatable%(([%a_][%w_]*)"
    if name then
      names[name] = true
      break
    end
  end
  return names
end

local function is_public(owner, name, names)
  if name:sub(1, 1) == "_" then return false end
  local root = owner:match "^[%a_][%w_]*"
  return names[root] or root:find "^%u" ~= nil
end

local function block_above(lines, number)
  local block = {}
  local i = number - 1
  while i >= 1 and lines[i]:find "^%-%-%-" do
    table.insert(block, 1, lines[i])
    i = i - 1
  end
  return block
end

local function parameters_of(line)
  local names = {}
  for name in (line:match "%((.-)%)" or ""):gmatch "[^,%s]+" do names[name] = true end
  return names
end

---@return string[] problems, integer functions
local function problems_of(path)
  local lines, problems, count = lines_of(path), {}, 0
  local names = exported(lines)
  for number, line in ipairs(lines) do
    local owner, name = line:match "^function ([%a_][%w_.]*)[.:]([%a_][%w_]*)%("
    if owner and is_public(owner, name, names) then
      count = count + 1
      local block = block_above(lines, number)
      local at = ("%s:%d: %s"):format(path, number, name)
      if #block == 0 then problems[#problems + 1] = at .. " has no --- above it" end
      local given = parameters_of(line)
      for _, each in ipairs(block) do
        local parameter = each:match "^%-%-%-@param ([%w_.]+)"
        if parameter and parameter ~= "self" and parameter ~= "..." and not given[parameter] then
          problems[#problems + 1] = ("%s has no parameter %s"):format(at, parameter)
        end
      end
    end
  end
  return problems, count
end

describe("annotations", function()
  local counted = 0
  for _, path in ipairs(files.lua_files "lua/callisto") do
    it("are in " .. path, function()
      local problems, count = problems_of("lua/callisto/" .. path)
      counted = counted + count
      assert.equal("", table.concat(problems, "\n"))
    end)
  end

  it("are many", function() assert.is_true(counted > 50, tostring(counted)) end)

  it("are found missing where they are", function()
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write "local m = {}\n\nfunction m.a() end\n\n---Doc.\n---@param y string\nfunction m.b(x) end\nreturn m\n"
    file:close()
    local problems = problems_of(name)
    os.remove(name)
    assert.same({ name .. ":3: a has no --- above it", name .. ":7: b has no parameter y" }, problems)
  end)

  -- A stub without types helps nobody.
  for _, path in ipairs(files.lua_files "lua/meta") do
    it("are in the stubs of meta/" .. path, function()
      local lines = lines_of("lua/meta/" .. path)
      for number, line in ipairs(lines) do
        if line:find "^function " then
          local block, given = block_above(lines, number), parameters_of(line)
          for _, each in ipairs(block) do
            local parameter = each:match "^%-%-%-@param ([%w_.]+)" or nil
            assert(not parameter or given[parameter], ("meta/%s:%d: no such parameter: %s"):format(path, number, each))
          end
        end
      end
    end)
  end
end)
