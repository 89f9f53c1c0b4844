-- What `callisto new` writes is right, passes its own specs, and its README does what it says.

local binary = require "spec.support.binary"
local files = require "callisto.cli.files"

describe("callisto new", function()
  local folder
  before_each(function() folder = binary.folder {} end)
  after_each(function() binary.remove(folder) end)

  local function new(...) return binary.run({ "new", ... }, { folder = folder }) end
  local function read(path) return files.read(folder .. "/" .. path) end

  it("writes a workspace that is right and passes its specs", function()
    local result = new "my-shop"
    assert.equal(0, result.code, result.err)
    assert.matches("my%-shop/templates/hello.lua\n", result.out)
    local inside = { folder = folder .. "/my-shop" }
    local checked = binary.run({ "check" }, inside)
    assert.equal(0, checked.code, checked.out .. checked.err)
    assert.matches("4 files, 0 with problems", checked.out)
    local tested = binary.run({ "test" }, inside)
    assert.equal(0, tested.code, tested.out .. tested.err)
    assert.matches("3 successes / 0 failures / 0 errors", tested.out)
  end)

  it("writes everything an editor, a linter and git want", function()
    new "my-shop"
    for _, path in ipairs { ".busted", ".env.example", ".gitignore", ".luacheckrc", ".luarc.json", "README.md", "callisto.lua",
      "exchange/subscribers.lua", "routing.lua", "spec/hello_spec.lua", "templates/hello.lua" } do
      assert.is_string(read("my-shop/" .. path), path)
    end
    local luarc = assert(require("callisto.json").decode(read "my-shop/.luarc.json"))
    assert(files.read(luarc["workspace.library"][1] .. "/meta/core.lua"), "the editor finds the stubs")
    if os.execute "luacheck --version >/dev/null 2>&1" == 0 then
      assert.equal(0, os.execute(("cd %s/my-shop && luacheck -q . >/dev/null"):format(folder)))
    end
  end)

  it("puts the name in, and leaves none of the skeleton's", function()
    new "my-shop"
    assert.matches("^# my%-shop\n", read "my-shop/README.md")
    assert.matches("this is the my%-shop team", read "my-shop/templates/hello.lua")
    local pipe = io.popen(("grep -rl skeleton %s/my-shop; grep -rl '[$]LIBRARY' %s/my-shop"):format(folder, folder))
    assert.equal("", pipe:read "*a")
    pipe:close()
  end)

  it("does what its README says", function()
    new "my-shop"
    local readme, done = read "my-shop/README.md", {}
    for verb, rest in readme:gmatch "\ncallisto (%a+)([^\n]*)" do
      done[#done + 1] = verb
      if verb == "check" or verb == "test" then
        local result = binary.run({ verb }, { folder = folder .. "/my-shop" })
        assert.equal(0, result.code, verb .. ": " .. result.out .. result.err)
      else
        local words = rest:gsub("#.*", "")
        assert.equal(0, binary.run({ verb, "--help" }).code, verb)
        if verb == "call" then assert.equal(" hello +15550100 customer_name=Asha", words) end -- the end-to-end test calls it
      end
    end
    assert.same({ "check", "test", "dev", "call" }, done)
    for path in readme:gmatch "| `([%w_/]+%.%w+)`" do assert.is_string(read("my-shop/" .. path), path) end
  end)

  it("takes an empty folder, and a path", function()
    os.execute(("mkdir -p %s/a/b"):format(folder))
    assert.equal(0, new("a/b").code)
    assert.is_string(read "a/b/callisto.lua")
    assert.equal(0, new("a/c/").code)
  end)

  it("leaves alone what is there", function()
    os.execute(("mkdir %s/full && touch %s/full/.hidden && touch %s/file"):format(folder, folder, folder))
    for _, name in ipairs { "full", "file" } do
      local result = new(name)
      assert.equal(1, result.code)
      assert.matches(name .. " is already there and not empty; nothing was written", result.err)
    end
    assert.is_nil((read "full/callisto.lua"))
    local result = new "nowhere/at/all"
    assert.equal(1, result.code)
    assert.matches("there is no folder nowhere/at", result.err)
  end)

  it("refuses names that are none", function()
    for _, name in ipairs { "9lives", "..", ".", "/", "a b", "a;b", "-a", "ä", "$(x)", ("x"):rep(65) } do
      local result = new(name)
      assert.equal(2, result.code, name)
      assert.matches("^callisto new: ", result.err)
    end
    assert.equal(2, new().code)
    assert.equal(2, new("a", "b").code)
    local pipe = io.popen("ls -A " .. folder)
    assert.equal("", pipe:read "*a")
    pipe:close()
  end)

  it("says how it is used", function() assert.matches("^usage: callisto new NAME", new("--help").out) end)
end)
