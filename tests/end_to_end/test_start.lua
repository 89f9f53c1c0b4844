#!/usr/bin/env -S bash -c 'cd "${0%/*}/../.." && exec "${CALLISTO:-build/callisto}" lua "tests/end_to_end/${0##*/}" "$@"'
-- What is wrong at the start is said in one sentence, with exit code 2; a broken template is named and the others serve.

local kit = dofile "tests/end_to_end/kit.lua"

local function sentences(process)
  local lines = {}
  for line in kit.read(process.log):gmatch "[^\n]+" do
    if line:find "^callisto: " then lines[#lines + 1] = line end
  end
  return lines
end

-- Starts a server that must not start.
local function refuse(words, environment)
  local port = kit.free_port()
  local env = kit.environment(port)
  for name, value in pairs(environment or {}) do env[name] = value end
  local list = { "--host", "127.0.0.1", "--port", words.port or port, "--data", words.data or kit.scratch .. "/refused" .. port,
    "--workspace", kit.here .. "/workspace", env = env }
  for _, word in ipairs(words) do list[#list + 1] = word end
  local process = kit.start("serve", list)
  kit.wait_for("its refusal or its start", 20, function()
    return kit.exit_code(process) or kit.read(process.log):find("ready on port", 1, true)
  end)
  kit.signal(process)
  kit.equal(2, kit.wait_end(process, 10), "exit code")
  local said = sentences(process)
  kit.equal(1, #said, "sentences in: " .. kit.read(process.log))
  return said[1]
end

local function test_refusals(exchange)
  kit.test("a port in use: one sentence, exit code 2", function()
    local said = refuse { port = exchange.port }
    kit.ok(said:find(tostring(exchange.port), 1, true) and said:find("in use", 1, true), said)
  end)
  kit.test("a folder that cannot be written: one sentence, exit code 2", function()
    kit.write(kit.scratch .. "/a-file", "")
    local said = refuse { data = kit.scratch .. "/a-file/data" }
    kit.ok(said:find("a-file", 1, true), said)
  end)
  for _, name in ipairs { "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "PUBLIC_BASE_URL" } do
    kit.test(("%s missing: one sentence that names it, exit code 2"):format(name), function()
      local said = refuse({}, { [name] = false })
      kit.ok(said:find(name, 1, true), said)
    end)
  end
  kit.test("an option nobody knows: one sentence, exit code 2", function()
    local said = refuse { "--prot", "1" }
    kit.ok(said:find("--prot", 1, true), said)
  end)
end

local function make_workspace()
  local folder = kit.scratch .. "/workspace"
  os.execute(("cp -r %s %s"):format(kit.quote(kit.here .. "/workspace"), kit.quote(folder)))
  kit.write(folder .. "/templates/broken.lua", [[
-- One word too many.
local template = require "callisto.template"
local function confirm(call) call:: end
return template { name = "broken", on_call = confirm }
]])
  kit.write(folder .. "/templates/mistaken.lua", [[
local template = require "callisto.template"

return template { name = "mistaken", greting = "Hello", on_call = function() end }
]])
  return folder
end

local function test_broken(exchange)
  local folder = make_workspace()
  local server = kit.server(exchange, { workspace = folder })
  kit.test("a template with a syntax error is named by file and line", function()
    kit.ok(kit.read(server.log):find "templates/broken%.lua:3", kit.read(server.log))
  end)
  kit.test("a template that breaks its contract is named by its file, with the field", function()
    local line = kit.read(server.log):match "[^\n]*mistaken%.lua[^\n]*"
    kit.ok(line and line:find("greting", 1, true), line or "it is not named at all")
  end)
  kit.test("the other templates serve", function()
    kit.equal("DONE", kit.wait_over(server, kit.call(server, "quick", "+15551001")).outcome, "outcome")
    local status = kit.json("POST", server.url .. "/api/calls/outbound", { agent_name = "broken", to = "+15551001" })
    kit.equal(404, status, "status of a call with the broken one")
  end)
  kit.test("callisto check names both and fails", function()
    local text = kit.shell(("%s check %s 2>&1; echo \"exit code $?\""):format(kit.quote(kit.callisto), kit.quote(folder)))
    kit.ok(text:find "templates/broken%.lua:3", text)
    kit.ok(text:find "mistaken%.lua", text)
    kit.ok(text:find "exit code 1", text)
  end)
end

return kit.run(function()
  local exchange = kit.exchange()
  test_refusals(exchange)
  test_broken(exchange)
end)
