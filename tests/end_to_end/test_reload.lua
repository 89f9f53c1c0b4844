#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- 200 live calls through ten reloads, every other one of a broken file: each call ends on the code it began with, new calls are
-- on the newest good code, nothing is dropped. Then a canary whose calls all fail, and a burst of changes under the watcher.

local kit = dofile "tests/end_to_end/kit.lua"

local ROUNDS, CALLS_A_ROUND = 10, 20

local workspace = kit.scratch .. "/workspace"
local server

local function version(number, body)
  return ([[
local template = require "callisto.template"
local VERSION = "V%s"
return template { name = "versioned", payload = { expected = "string" }, on_call = function(call) %s end }
]]):format(number, body or [[call:digits { min = 1, max = 1, timeout = "300s", terminator = "" } call:finish(VERSION)]])
end

local function write(name, text) kit.write(workspace .. "/templates/" .. name .. ".lua", text) end

local function command(words, of)
  local text = kit.shell(("%s %s --server %s 2>&1; echo \"exit $?\""):format(kit.quote(kit.callisto), words, (of or server).url))
  return tonumber(text:match "exit (%d+)%s*$"), text
end

local function status(of)
  local _, report = kit.json("GET", (of or server).url .. "/api/code")
  return report
end

return kit.run(function()
  write("versioned", version(0))
  local exchange = kit.exchange()
  server = kit.server(exchange, { workspace = workspace, words = { "--grace", "5" } })
  local expected, ids = {}, {}
  local good = 0

  for round = 1, ROUNDS do
    if round % 2 == 1 then
      good = round
      write("versioned", version(round))
      kit.test(("reload %d is taken"):format(round), function()
        local code, text = command "reload"
        kit.equal(0, code, text)
      end)
    else
      write("versioned", "return template {")
      kit.test(("reload %d is refused, with file and line"):format(round), function()
        local code, text = command "reload"
        kit.equal(1, code, text)
        kit.ok(text:find("templates/versioned.lua:1", 1, true), "no file and line in: " .. text)
      end)
    end
    for _ = 1, CALLS_A_ROUND do
      local id = kit.call(server, "versioned", "+15551001", { expected = "V" .. good })
      ids[#ids + 1], expected[id] = id, "V" .. good
    end
  end

  kit.test("all calls are live at once", function()
    kit.wait_for("all streams", 60, function() return kit.gauge(server, "callisto_legs") == #ids end)
  end)
  kit.test("every call ends on the code it began with", function()
    for _, id in ipairs(ids) do
      local carrier_call = kit.show(server, id).carrier_call_id
      kit.equal(204, (kit.json("POST", exchange.url .. "/exchange/calls/" .. carrier_call .. "/keys", { keys = "5" })), "keys")
    end
    local wrong = 0
    for _, id in ipairs(ids) do
      local call = kit.wait_over(server, id, 90)
      if call.outcome ~= expected[id] then
        wrong = wrong + 1
        print(("        %s ended as %s, it began as %s"):format(id, tostring(call.outcome), expected[id]))
      end
    end
    kit.equal(0, wrong, "calls that changed their code")
  end)
  kit.test("old services are gone with their calls", function()
    kit.wait_for("the end of all legs", 20, function() return kit.gauge(server, "callisto_legs") == 0 end)
    kit.equal(0, kit.metric(server, "callisto_scripts_broken_total"), "broken scripts")
  end)

  kit.test("a canary whose calls all fail is rolled back by itself", function()
    local before = status().generation
    write("versioned", version("canary", "error 'on purpose'"))
    local code, text = command "reload --canary 50%"
    kit.equal(0, code, text)
    kit.ok(status().canary, "no canary runs")
    for _ = 1, 12 do kit.call(server, "versioned", "+15551001", { expected = "-" }) end
    kit.wait_for("the roll-back", 20, function() return not status().canary end)
    kit.equal(before, status().generation, "generation")
  end)
  kit.test("settings: a live call keeps its own, a new one gets the newest good ones", function()
    write("worded", [[return require "callisto.template" { name = "worded", on_call = function(call)
      call:digits { min = 1, max = 1, timeout = "300s", terminator = "" }
      call:finish(call.settings.word)
    end }]])
    local rounds = {
      { 'return { settings = { word = "FIRST" } }', 0, "FIRST" },
      { 'return { settings = { word = "SECOND" } }', 0, "SECOND" },
      { "return {\n  settings = ,\n}", 1, "SECOND" },
      { "\nwhile true do end", 1, "SECOND" },
      { 'return { settings = { word = "THIRD" } }', 0, "THIRD" },
    }
    for _, round in ipairs(rounds) do
      kit.write(workspace .. "/callisto.lua", round[1])
      local code, text = command "reload"
      kit.equal(round[2], code, text)
      if code == 1 then kit.ok(text:find("callisto.lua:2", 1, true), "no file and line in: " .. text) end
      round.id = kit.call(server, "worded", "+15551001", {})
    end
    for _, round in ipairs(rounds) do
      local carrier_call = kit.show(server, round.id).carrier_call_id
      kit.wait_for("the stream", 60, function() return kit.report(exchange, carrier_call).streaming end)
      kit.equal(204, (kit.json("POST", exchange.url .. "/exchange/calls/" .. carrier_call .. "/keys", { keys = "5" })), "keys")
      kit.equal(round[3], kit.wait_over(server, round.id, 90).outcome, "outcome")
    end
    os.remove(workspace .. "/callisto.lua")
    os.remove(workspace .. "/templates/worded.lua")
  end)
  kit.test("rollback goes to the code before", function()
    write("versioned", version "last")
    kit.equal(0, (command "reload"), "reload")
    local newest = status().digest
    kit.equal(0, (command "rollback"), "rollback")
    kit.ok(status().digest ~= newest, "the digest did not change")
  end)
  local watched
  kit.test("500 files changed at once are one reload", function()
    watched = kit.server(exchange, {
      workspace = workspace, data = kit.scratch .. "/watched", words = { "--watch", "--grace", "1" },
    })
    local reloads = function() return kit.metric(watched, "callisto_reloads_total") end
    local before = reloads()
    for index = 1, 500 do
      write("many_" .. index, ('local template = require "callisto.template"\n'
        .. 'return template { name = "many-%d", on_call = function() end }\n'):format(index))
    end
    kit.wait_for("all templates", 60, function()
      local _, agents = kit.json("GET", watched.url .. "/api/agents")
      return #agents.agents == 501
    end)
    kit.sleep(1)
    kit.ok(reloads() - before <= 5, ("%d reloads for one burst"):format(reloads() - before))
  end)
  kit.test("a rollback is not undone by the next file; a reload that is asked for takes it", function()
    local before = status(watched).digest
    write("versioned", version "bad")
    kit.wait_for("the new code", 60, function() return status(watched).digest ~= before end)
    kit.equal(0, (command("rollback", watched)), "rollback")
    write("versioned", version "worse")
    kit.wait_for("the watcher's warning", 60, function()
      return kit.read(watched.log):find("a file changed after a rollback", 1, true)
    end)
    kit.equal(before, status(watched).digest, "digest")
    local code, text = command("reload", watched)
    kit.equal(0, code, text)
    kit.ok(status(watched).digest ~= before, "the reload took nothing")
  end)
  kit.test("a server that was not asked to watch takes nothing by itself", function()
    local before = status().digest
    write("versioned", version "unasked")
    local seen = status(watched).digest
    kit.wait_for("the one that watches", 60, function() return status(watched).digest ~= seen end)
    kit.equal(before, status().digest, "digest")
  end)
end)
