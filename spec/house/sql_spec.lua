-- SQL has one room: lua/callisto/service/records. Everything else asks it by functions.

local files = require "callisto.cli.files"

local ROOM = "^lua/callisto/service/records/"
local statements = { "SELECT%s+[%w_(*]", "INSERT%s+INTO", "INSERT%s+OR", "UPDATE%s+[%w_]+%s+SET", "DELETE%s+FROM" }

local function has_sql(path)
  local text = assert(files.read(path))
  if text:find("core%.store[%s(\"'_]") then return true end
  for _, statement in ipairs(statements) do
    if text:find(statement) then return true end
  end
  return false
end

describe("SQL", function()
  local inside, outside = 0, {}
  for _, folder in ipairs { "lua/callisto", "providers", "templates", "exchange", "examples" } do
    for _, name in ipairs(files.lua_files(folder)) do
      local path = folder .. "/" .. name
      if path:find(ROOM) then
        inside = inside + (has_sql(path) and 1 or 0)
      elseif has_sql(path) then
        outside[#outside + 1] = path
      end
    end
  end

  it("is written in the room of the records and nowhere else", function()
    assert.same({}, outside)
    assert.is_true(inside >= 4, "the rule looks at files that hold no SQL")
  end)
end)
