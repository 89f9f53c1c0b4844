local arguments = require "callisto.cli.arguments"

local OPTIONS = {
  ["--json"] = { "as_json", is = true }, ["--no-wait"] = { "is_waiting", is = false }, ["--server"] = { "url" },
  ["--set"] = { "set", is_list = true }, ["-o"] = { "target" }, ["--limit"] = { "limit", read = arguments.integer(1, 9) },
}

describe("the words of a verb", function()
  it("are options in any place, and what is left over", function()
    local asked = arguments.parse({ "a", "--json", "--server=x=y", "-o", "-", "b", "--set", "n=1", "--set=m=2", "--no-wait",
      "--limit", "3", "--", "--json" }, OPTIONS)
    assert.same({
      words = { "a", "b", "--json" }, as_json = true, url = "x=y", target = "-", set = { "n=1", "m=2" }, is_waiting = false,
      limit = 3,
    }, asked)
  end)

  it("that are wrong are told with what was probably meant", function()
    for _, case in ipairs {
      { { "--jsno" }, "there is no option --jsno; did you mean --json?" },
      { { "--frobnicate" }, "there is no option --frobnicate" },
      { { "--frobnicate=3" }, "there is no option --frobnicate" },
      { { "--server" }, "--server wants a value behind it" },
      { { "--json=yes" }, "--json takes no value" },
      { { "--limit", "ten" }, "--limit is ten; a number from 1 to 9 is possible" },
      { { "--limit=1.5" }, "--limit is 1.5; a number from 1 to 9 is possible" },
    } do
      local asked, why = arguments.parse(case[1], OPTIONS)
      assert.is_nil(asked)
      assert.equal(case[2], why)
    end
  end)
end)
