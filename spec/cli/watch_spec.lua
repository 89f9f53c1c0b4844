-- `callisto test --watch` as somebody at a terminal has it: it runs in the background, files change, ctrl-C ends it.

local binary = require "spec.support.binary"
local files = require "callisto.cli.files"

local GIVE_UP_S = 120

describe("callisto test --watch", function()
  local folder

  local function read(path) return files.read(folder .. "/" .. path) or "" end

  local function write(path, text)
    local file = assert(io.open(folder .. "/" .. path, "wb"))
    file:write(text)
    file:close()
  end

  local function spec(expected)
    return ('local door = require "lib.door" it("opens", function() assert.equal(%d, door) end)'):format(expected)
  end

  local function count(text, words)
    local n, from = 0, 1
    while true do
      local at = text:find(words, from, true)
      if not at then return n end
      n, from = n + 1, at + 1
    end
  end

  local function wait_for(what, check)
    for _ = 1, GIVE_UP_S * 10 do
      if check() then return end
      os.execute "sleep 0.1"
    end
    error(("waited for %s; out: %s err: %s"):format(what, read "out", read "err"), 2)
  end

  -- Runs have ended `times` times, and it waits.
  local function waits(times)
    wait_for(times .. " runs", function() return count(read "err", "waiting for changes") >= times end)
  end

  -- A job of its own, as an interactive shell starts it: others have SIGINT ignored.
  local function start(words)
    local job = ("{ %s test --watch %s; echo $? >code; } >out 2>err </dev/null & echo $! >group"):format(binary.path, words or "")
    os.execute(("cd %s && bash -c %s"):format(folder, files.quote("set -m; " .. job)))
  end

  local function ends_with_ctrl_c()
    os.execute(("kill -INT -%d"):format(tonumber(read "group")))
    wait_for("the end", function() return read "code" ~= "" end)
    return tonumber(read "code")
  end

  before_each(function()
    folder = binary.folder {
      ["lib/door.lua"] = "return 1", ["spec/door_spec.lua"] = spec(1),
      ["spec/wall_spec.lua"] = 'it("stands", function() end)',
    }
  end)
  after_each(function()
    local group = tonumber(read "group")
    if read "code" == "" and group then os.execute(("kill -KILL -%d 2>/dev/null"):format(group)) end
    binary.remove(folder)
  end)

  it("runs again what changed, then everything", function()
    start()
    waits(1)
    assert.equal(1, count(read "err", "-- callisto test: all specs"))
    assert.matches("2 successes / 0 failures", read "out")

    write("spec/door_spec.lua", spec(1) .. " -- as before")
    waits(2)
    assert.equal(1, count(read "err", "the specs that changed"))
    assert.equal(2, count(read "err", "all specs"))
    assert.matches("1 success / 0 failures", read "out")

    write("lib/door.lua", "return 2") -- no spec changed: everything is run
    waits(3)
    assert.equal(3, count(read "err", "all specs"))
    assert.matches("1 success / 1 failure", read "out")
    assert.matches("exit code 1; waiting", read "err")
    assert.equal(1, ends_with_ctrl_c())
  end)

  it("leaves the others alone while those that changed fail, and ends with the last result", function()
    start()
    waits(1)
    write("spec/door_spec.lua", spec(2))
    waits(2)
    assert.equal(1, count(read "err", "all specs"))
    write("spec/door_spec.lua", spec(1))
    waits(3)
    assert.equal(2, count(read "err", "all specs"))
    assert.equal(0, ends_with_ctrl_c())
  end)

  it("runs what it was told to", function()
    start "spec/wall_spec.lua"
    waits(1)
    write("spec/door_spec.lua", spec(2))
    waits(2)
    assert.equal(0, count(read "err", "the specs that changed"))
    assert.equal(2, count(read "out", "1 success / 0 failures"))
    assert.equal(0, ends_with_ctrl_c())
  end)

  it("says that there is nothing to watch", function()
    local empty = binary.folder {}
    local result = binary.run({ "test", "--watch" }, { folder = empty })
    binary.remove(empty)
    assert.equal(2, result.code)
    assert.matches("nothing to watch", result.err)
  end)

  it("says how it is used", function() assert.matches("%-%-watch", binary.run({ "test", "--watch", "--help" }).out) end)
end)
