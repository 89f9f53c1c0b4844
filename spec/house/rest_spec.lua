-- The page about the HTTP API says what the table of routes says.

local rest = dofile "scripts/rest.lua"

describe("docs/rest.md", function()
  it("is what scripts/rest writes", function()
    local file = assert(io.open(rest.PAGE))
    local page = file:read "*a"
    file:close()
    assert.equal(rest.page(rest.document()), page)
  end)
end)
