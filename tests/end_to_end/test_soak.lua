#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- 2,500 calls through one server: its memory stays flat and no handle is left (pitfall 18).

local json = require "callisto.json"
local kit = dofile "tests/end_to_end/kit.lua"

local BATCHES, BATCH, LINES = 5, 500, 8
local WARM = 2 -- batches after which everything has its size
local GROWTH_KB = 12 * 1024 -- of 1,500 calls: one forgotten VM a call would be forty times as much

local function memory_kb(process) return tonumber(kit.read(("/proc/%d/status"):format(process.pid)):match "RssAnon:%s*(%d+)") end

local function handles(process) return tonumber(kit.shell(("ls /proc/%d/fd | wc -l"):format(process.pid))) end

-- One curl places all calls of a batch, LINES at a time.
local function write_batch(server)
  local path = kit.scratch .. "/batch"
  local body = json.encode { agent_name = "quick", to = "+15551001" }
  local request = ('url = "%s/api/calls/outbound"\ndata = "%s"\nheader = "content-type: application/json"\nnoproxy = "*"\n'
    .. 'output = "/dev/null"\nwrite-out = "%%{http_code}\\n"\nsilent\nmax-time = 60\n'):format(server.url, body:gsub('"', '\\"'))
  kit.write(path, (request .. "next\n"):rep(BATCH - 1) .. request)
  return path
end

local function place(path)
  local text = kit.shell(("curl -Z --no-progress-meter --parallel-max %d -K %s 2>/dev/null"):format(LINES, kit.quote(path)))
  local placed = 0
  for status in text:gmatch "%d+" do placed = placed + (status == "201" and 1 or 0) end
  return placed
end

return kit.run(function()
  local exchange = kit.exchange()
  local server = kit.server(exchange)
  local path, started = write_batch(server), kit.now()
  local placed, first_kb, first_handles = 0, nil, nil
  for batch = 1, BATCHES do
    placed = placed + place(path)
    kit.wait_for("the end of batch " .. batch, 60, function() return kit.gauge(server, "callisto_calls_live") == 0 end)
    print(("        %4d calls, %d kB, %d handles, %.0f s"):format(batch * BATCH, memory_kb(server), handles(server),
      kit.now() - started))
    io.flush()
    if batch == WARM then first_kb, first_handles = memory_kb(server), handles(server) end
  end
  local all = BATCHES * BATCH
  kit.test(("%d calls were placed"):format(all), function() kit.equal(all, placed, "calls") end)
  kit.test("all of them ended as their script said", function()
    local _, text = kit.http("GET", server.url .. "/metrics")
    local outcomes = {}
    for outcome in text:gmatch "callisto_calls_total(%b{} %d+)" do outcomes[#outcomes + 1] = outcome end
    kit.equal(('{direction="outbound",outcome="DONE"} %d'):format(all), table.concat(outcomes, " "), "outcomes")
  end)
  kit.test("memory is flat (pitfall 18)", function()
    local growth = memory_kb(server) - first_kb
    kit.ok(growth < GROWTH_KB, ("%d kB more than after the first %d calls"):format(growth, WARM * BATCH))
  end)
  kit.test("no handle is left", function()
    local left
    local ok = pcall(kit.wait_for, "handles", 30, function()
      left = handles(server)
      return left <= first_handles
    end)
    kit.ok(ok, ("%d handles, after the first %d calls there were %d"):format(left, WARM * BATCH, first_handles))
    kit.equal(0, kit.gauge(server, "callisto_legs"), "legs")
  end)
end)
