-- callisto reload, rollback and status, against a server that answers as the spec wants. The real one is in
-- tests/end_to_end/test_reload.lua.

local code = require "callisto.cli.code"
local json = require "callisto.json"
local server = require "callisto.cli.server"

local GOOD = { ok = true, what = "reloaded", generation = 2, digest = "0123456789abcdef" }

describe("callisto reload", function()
  local globals = getfenv(code.run) -- busted gives specs their own
  local request, print_out = server.request, globals.print
  local asked, printed

  local function answers(list)
    asked, printed = {}, {}
    server.request = function(_, method, path, body)
      asked[#asked + 1] = ("%s %s %s"):format(method, path, body or "")
      local answer = assert(table.remove(list, 1), "nobody expects another request")
      return answer[1], json.encode(answer[2])
    end
    globals.print = function(text) printed[#printed + 1] = text end
  end
  after_each(function()
    server.request, globals.print = request, print_out
  end)

  it("says what came of it", function()
    answers { { 200, GOOD } }
    assert.equal(0, code.run("reload", "--canary", "10%"))
    assert.same({ 'POST /api/code/reload {"canary":10}' }, asked)
    assert.same({ "reloaded; generation 2, digest 0123456789ab" }, printed)
  end)

  it("takes other code than a canary's only with --force", function()
    local other = { ok = false, what = "nothing changed: a canary runs", generation = 1, digest = "0123456789abcdef" }
    answers { { 409, other }, { 200, GOOD } }
    assert.equal(1, code.run "reload")
    assert.equal(0, code.run("reload", "--force"))
    assert.same({ "POST /api/code/reload {}", 'POST /api/code/reload {"force":true}' }, asked)
  end)

  it("waits while another reload is under way", function()
    local busy = { ok = false, what = "another reload is under way", generation = 1, digest = "0123456789abcdef" }
    answers { { 409, busy }, { 409, busy }, { 200, GOOD } }
    assert.equal(0, code.run "reload")
    assert.equal(3, #asked)
    assert.same({ "reloaded; generation 2, digest 0123456789ab" }, printed)
  end)

  it("does not wait for what waiting does not change", function()
    local none = { ok = false, what = "there is no earlier code to go back to", generation = 1, digest = "0123456789abcdef" }
    answers { { 409, none } }
    assert.equal(1, code.run "rollback")
    assert.same({ "POST /api/code/rollback {}" }, asked)
  end)
end)
