-- Completion and the manual are made of the help, so they know every verb and option.

local binary = require "spec.support.binary"
local files = require "callisto.cli.files"
local pages = require "callisto.cli.pages"

local all = pages.all() -- each verb's help is a process

describe("the help as data", function()
  it("has usage, text, options over several lines, and examples", function()
    local page = pages.read("call", "places a call", [[
usage: callisto call TEMPLATE NUMBER
       callisto call TEMPLATE --text

Asks a server.
  --server URL   where it is
  -o FILE.lua    write it
                 there
  --json         as JSON
Exit code 0.

Examples: callisto call a
          callisto call b]])
    assert.same({
      verb = "call", what = "places a call", usage = { "callisto call TEMPLATE NUMBER", "callisto call TEMPLATE --text" },
      text = { "Asks a server.", "Exit code 0." },
      options = {
        { name = "--server", value = "URL", says = "where it is" }, { name = "-o", value = "FILE.lua", says = "write it there" },
        { name = "--json", says = "as JSON" },
      },
      examples = { "callisto call a", "callisto call b" },
    }, page)
  end)
end)

describe("completion", function()
  it("of bash offers verbs, options and templates", function()
    local folder = binary.folder { ["templates/after_hours.lua"] = "", ["templates/hello.lua"] = "" }
    local script = binary.run { "completion", "bash" }.out
    local function offers(...)
      local words = table.concat({ ... }, " ")
      local text = ("%s\ncd %s\nCOMP_WORDS=(callisto %s)\nCOMP_CWORD=%d\n_callisto\necho ${COMPREPLY[*]}\n"):format(script,
        folder, words, select("#", ...))
      local pipe = io.popen("bash -c " .. files.quote(text))
      local answer = pipe:read "*l"
      pipe:close()
      return answer
    end
    assert.equal("show", offers "sho")
    assert.equal("--server", offers("call", "hello", "--se"))
    assert.equal("--canary", offers("reload", "--c"))
    assert.equal("after-hours", offers("call", "af"))
    binary.remove(folder)
  end)

  it("of zsh and fish names every verb and option", function()
    for _, shell in ipairs { "zsh", "fish" } do
      local script = binary.run { "completion", shell }.out
      for _, page in ipairs(all) do
        assert(script:find(page.verb, 1, true), page.verb)
        for _, option in ipairs(page.options) do
          local wanted = shell == "zsh" and option.name .. "[" or option.name:gsub("^%-%-", "-l "):gsub("^%-(%l)$", "-s %1")
          assert(script:find(wanted, 1, true), shell .. ": " .. page.verb .. " " .. option.name)
        end
      end
    end
  end)

  it("of another shell is refused", function()
    local result = binary.run { "completion", "csh" }
    assert.equal(2, result.code)
    assert.matches("one of bash, zsh and fish is needed", result.err)
  end)
end)

describe("the manual", function()
  it("has a page for every verb", function()
    local folder = binary.folder {}
    local result = binary.run { "man", "--to", folder .. "/man1" }
    assert.equal(0, result.code, result.err)
    for _, page in ipairs(all) do
      local text = assert(files.read(("%s/man1/callisto-%s.1"):format(folder, page.verb)))
      assert.matches("^.TH CALLISTO%-" .. page.verb:upper(), text)
      for _, option in ipairs(page.options) do
        assert(text:find(".B " .. option.name:gsub("%-", "\\-"), 1, true), page.verb .. " " .. option.name)
      end
    end
    assert.matches("callisto\\%-call", (files.read(folder .. "/man1/callisto.1")))
    binary.remove(folder)
  end)

  it("prints one page, or says which verbs there are not", function()
    assert.matches("^.TH CALLISTO%-SHOW", binary.run({ "man", "show" }).out)
    assert.equal(2, binary.run({ "man", "frobnicate" }).code)
  end)
end)
