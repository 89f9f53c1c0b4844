-- The C modules, their stubs (lua/meta) and the docs name the same things.
--
-- A tool, which runs these specs, has the small modules whole, but only a part of callisto.core. What calls and services
-- have is read from the lists in core/bind that give it to them.

local files = require "callisto.cli.files"

-- Stubs ------------------------------------------------------------------------------------------------------------

-- Class → name → { kind, section, line }. A section is the last comment of the form "-- Something only ---…".
local function read_stubs(path)
  local classes, class_of = {}, {}
  local class, section, number = nil, "every VM", 0
  for line in assert(files.read(path)):gmatch "([^\n]*)\n" do
    number = number + 1
    local declared = line:match "^%-%-%-@class (callisto%.[%w_]+)%s*$"
    section = line:match "^%-%- (.-) %-%-%-+$" or section
    local field, type_of = line:match "^%-%-%-@field ([%w_]+) (%S+)"
    local name = line:match "^local ([%w_]+) = {}$"
    local owner, fn = line:match "^function ([%w_]+)%.([%w_]+)%("
    local of_constant, constant = line:match "^([%w_]+)%.([%w_]+) = nil"
    if declared then
      class = declared
      classes[class] = {}
    elseif field and class then
      classes[class][field] = { kind = type_of:find "^fun" and "function" or "value", section = section, line = number }
    elseif name and class then
      class_of[name] = class
    elseif owner then
      assert(class_of[owner], ("%s:%d: a function of what?"):format(path, number))
      classes[class_of[owner]][fn] = { kind = "function", section = section, line = number }
    elseif constant then
      classes[class_of[of_constant]][constant] = { kind = "value", section = section, line = number }
    end
  end
  return classes
end

local core_stubs = read_stubs("lua/meta/core.lua")["callisto.core"]
local small_stubs = read_stubs "lua/meta/modules.lua"

local function names_of(map, wanted)
  local list = {}
  for name, about in pairs(map) do
    if not wanted or wanted(about) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- C ----------------------------------------------------------------------------------------------------------------

-- The names a C function gives to callisto.core, in order.
local function registered(path, c_function)
  local text = assert(files.read(path))
  local head = "void " .. c_function .. "%(lua_State %*L%) {"
  local body = text:match(head .. "\n(.-)\n}") or text:match(head .. " ([^\n]*) }\n")
  assert(body, path .. " has no function " .. c_function)
  local list = {}
  for name in body:gmatch 'cal_luax_set%(L, "([%w_]+)"' do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function without(list, others)
  local seen, rest = {}, {}
  for _, name in ipairs(others) do seen[name] = true end
  for _, name in ipairs(list) do
    if not seen[name] then rest[#rest + 1] = name end
  end
  return rest
end

-- Docs -------------------------------------------------------------------------------------------------------------

local function docs()
  local list = { "README.md" }
  for _, folder in ipairs { "docs", "examples" } do
    local pipe = io.popen(("find %s -name '*.md' 2>/dev/null | LC_ALL=C sort"):format(folder))
    for path in pipe:lines() do list[#list + 1] = path end
    pipe:close()
  end
  return list
end

-- Words such as `core.say` in code of a page.
local function mentioned(path, module)
  local list = {}
  local text = assert(files.read(path))
  local function take(code)
    for before, name, after in code:gmatch("([^%w_./]?)%f[%w_]" .. module .. "%.([%a_][%w_]*)([^%w_])") do
      if before ~= "." and after ~= "/" then list[#list + 1] = name end
    end
  end
  for code in text:gmatch "```lua\n(.-)```" do take(code) end
  for code in text:gsub("```.-```", ""):gmatch "`([^`\n]+)`" do take(code .. " ") end
  return list
end

-- Specs ------------------------------------------------------------------------------------------------------------

describe("the stubs of callisto.core", function()
  local section_of = { common = "every VM", service = "Service VM only", call = "Call VM only" }

  local function stubs_of(section)
    return names_of(core_stubs, function(about) return about.section == section and about.kind == "function" end)
  end

  local basic = registered("core/bind/l_core.c", "add_basic")
  local common = registered("core/bind/l_core.c", "cal_core_add_common")

  it("name what every VM has", function()
    local all = {}
    for _, name in ipairs(basic) do all[#all + 1] = name end
    for _, name in ipairs(common) do all[#all + 1] = name end
    table.sort(all)
    assert.same(all, stubs_of(section_of.common))
  end)

  it("name what a service has", function()
    local list = registered("core/bind/l_service.c", "cal_core_add_service")
    for _, name in ipairs(registered("core/bind/l_calls.c", "cal_core_add_calls")) do list[#list + 1] = name end
    for _, name in ipairs(registered("core/bind/l_spoken.c", "cal_core_add_spoken")) do list[#list + 1] = name end
    for _, name in ipairs(registered("core/bind/l_socket.c", "cal_core_add_sockets")) do list[#list + 1] = name end
    assert.same({}, without(list, stubs_of(section_of.service)), "without a stub")
    assert.same({}, without(stubs_of(section_of.service), list), "a stub of nothing")
  end)

  it("name what a call has", function()
    local list = registered("core/bind/l_call.c", "cal_core_add_call")
    assert.same({}, without(list, stubs_of(section_of.call)), "without a stub")
    assert.same({}, without(stubs_of(section_of.call), list), "a stub of nothing")
  end)

  it("name what a tool has, which is a part of it", function()
    local list = {}
    for name, value in pairs(require "callisto.core") do
      if type(value) == "function" then list[#list + 1] = name end
    end
    table.sort(list)
    assert.same(basic, list)
    assert.equal("value", core_stubs.kind.kind)
  end)
end)

describe("the list of events", function()
  local stubs = assert(files.read "lua/meta/core.lua")

  -- { request = {"SOURCE", "REQUEST"}, … }: the fields of each name that a VM gets.
  local function events_of(text)
    local list = {}
    for kind, name, to, fields in text:gmatch 'EVENT%((%u[%u_]*), "([%l]+)", [^,]+, ([%u_ |]+), %u+,%s*(.-)%)\n' do
      if to ~= "TO_THREAD" then list[kind] = { name = name, to = to, fields = fields } end
    end
    return list
  end

  local events = events_of(assert(files.read "core/io/event.def"))

  it("is read whole", function()
    local count = 0
    for _ in pairs(events) do count = count + 1 end
    local _, lines = assert(files.read "core/io/event.def"):gsub("\nEVENT%(", "")
    assert.equal(lines - 2, count, "RELOAD and COMMIT reach no VM")
  end)

  it("is described in lua/meta/core.lua, each event with its states", function()
    for kind, about in pairs(events) do
      local state = about.fields:match 'WORD%("(%l+)"%)'
      local found = false
      for line in stubs:gmatch("%-%-%-  ([^\n]*)") do
        local is_it = line:find('"' .. about.name .. '"', 1, true) and (not state or line:find('"' .. state .. '"', 1, true))
        found = found or is_it ~= nil and is_it ~= false
      end
      assert.is_true(found, kind .. " is not described")
    end
  end)

  it("names no event that does not exist", function()
    local known = {}
    for _, about in pairs(events) do known[about.name] = true end
    for name in stubs:gmatch '\n%-%-%-  "(%l+)"' do assert.is_true(known[name], name .. " is not an event") end
  end)
end)

describe("the stubs of the small modules", function()
  it("are there for every C module", function()
    local list = { "callisto.vm" }
    for name in assert(files.read "core/bind/init.c"):gmatch '{"(callisto%.[%w_]+)", cal_lib_' do
      if name ~= "callisto.core" then list[#list + 1] = name end
    end
    table.sort(list)
    assert.same(list, names_of(small_stubs))
  end)

  for _, class in ipairs(names_of(small_stubs)) do
    it("of " .. class .. " name what it has", function()
      local real = {}
      for name, value in pairs(require(class)) do real[name] = type(value) == "function" and "function" or "value" end
      local stubs = {}
      for name, about in pairs(small_stubs[class]) do stubs[name] = about.kind end
      assert.same(real, stubs)
    end)
  end
end)

describe("the pages", function()
  local modules = { core = core_stubs }
  for class, stubs in pairs(small_stubs) do modules[class:match "[%w_]+$"] = stubs end

  for _, path in ipairs(docs()) do
    it(path .. " name only what there is", function()
      for module, stubs in pairs(modules) do
        for _, name in ipairs(mentioned(path, module)) do
          assert(stubs[name], ("%s names %s.%s, which is not there"):format(path, module, name))
        end
      end
    end)
  end
end)

describe("the reference", function()
  local page = assert(files.read "docs/reference.md")
  local modules = { ["callisto.core"] = core_stubs }
  for class, stubs in pairs(small_stubs) do modules[class] = stubs end

  for _, class in ipairs(names_of(modules)) do
    it("has every function of " .. class, function()
      assert(page:find("\n## " .. class .. "\n", 1, true), "no section")
      for name, about in pairs(modules[class]) do
        local heading = ("\n### `%s.%s("):format(class:match "[%w_]+$", name)
        if about.kind == "function" then
          assert(page:find(heading, 1, true), class .. "." .. name .. " is not in docs/reference.md: run scripts/reference")
        end
      end
    end)
  end
end)
