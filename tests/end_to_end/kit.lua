-- What the end-to-end tests share: processes on loopback ports, requests with curl, waiting, counting.
--
-- A test is a file `test_*` run by `callisto lua`; it loads this with dofile, describes its cases with kit.test, and ends
-- with `return kit.finish()`. Everything that was started is ended and the scratch folder removed, whatever happens.

local crypto = require "callisto.crypto"
local json = require "callisto.json"

local kit = {}

kit.SID, kit.TOKEN = "AC00000000000000000000000000000001", "only-for-the-tests"
kit.NUMBER = "+14155550100"
kit.here = "tests/end_to_end"
kit.callisto = os.getenv "CALLISTO" or "build/callisto"

local READY_S = 60
local processes = {}
local passed, failed = 0, 0

---A word as a shell takes it literally.
---@param text any
---@return string
function kit.quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end
local quote = kit.quote

---Runs a shell command and returns what it printed.
---@param command string
---@return string
function kit.shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

kit.scratch = kit.shell("mktemp -d"):match "%S+"

---@param path string
---@return string "" when there is no such file
function kit.read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "*a"
  file:close()
  return text
end

---@param path string
---@param text string
function kit.write(path, text)
  os.execute("mkdir -p " .. quote(path:match "^(.*)/" or "."))
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- Waiting -----------------------------------------------------------------------------------------------------------

function kit.sleep(seconds) os.execute("sleep " .. seconds) end

---Seconds since 1970 with fractions, for durations of tests.
function kit.now() return tonumber(kit.read("/proc/uptime"):match "^%S+") end

---Waits until `check` gives something; fails the test when it never does.
---@param what string
---@param seconds number
---@param check fun(): any
---@return any
function kit.wait_for(what, seconds, check)
  local deadline = kit.now() + seconds
  while true do
    local value = check()
    if value then return value end
    if kit.now() > deadline then error(("waited %d s for %s"):format(seconds, what), 0) end
    kit.sleep(0.1)
  end
end

-- Cases ---------------------------------------------------------------------------------------------------------------

local function describe(value)
  return type(value) == "table" and json.encode(value) or tostring(value)
end

---@param expected any
---@param value any
---@param what string|nil
function kit.equal(expected, value, what)
  if expected ~= value then
    error(("%s: expected %s, got %s"):format(what or "value", describe(expected), describe(value)), 2)
  end
end

---@param value any
---@param what string
function kit.ok(value, what)
  if not value then error(what, 2) end
  return value
end

---One case: passes when `body` does not raise.
---@param name string
---@param body fun()
function kit.test(name, body)
  local ok, why = xpcall(body, function(message)
    return type(message) == "string" and message or describe(message)
  end)
  if ok then
    passed = passed + 1
    print("ok      " .. name)
  else
    failed = failed + 1
    print("not ok  " .. name)
    print("        " .. tostring(why))
    for _, process in ipairs(processes) do
      print(("        --- end of %s"):format(process.log))
      print(kit.shell("tail -n 15 " .. quote(process.log)))
    end
  end
  io.flush()
  return ok
end

-- Processes -------------------------------------------------------------------------------------------------------------

local next_port

---A port of 127.0.0.1 that nobody listens on, below the range from which the system gives ports to clients.
---@return integer
function kit.free_port()
  local taken = {}
  for _, path in ipairs { "/proc/net/tcp", "/proc/net/tcp6" } do
    for port in kit.read(path):gmatch "%s*%d+: %x+:(%x%x%x%x) " do taken[tonumber(port, 16)] = true end
  end
  next_port = next_port or 12000 + tonumber(kit.read("/proc/self/stat"):match "^%d+") * 7 % 18000
  repeat
    next_port = next_port + 1
    if next_port > 30000 then next_port = 12000 end
  until not taken[next_port]
  return next_port
end

local function words_of(options)
  local words = {}
  for _, word in ipairs(options) do words[#words + 1] = quote(word) end
  return table.concat(words, " ")
end

---Starts `callisto VERB …` in the background; its exit code is written down when it ends.
---@param verb string
---@param options table words of the command line; name, env; `program`: another than callisto, whose verb is ""
---@return {name: string, log: string, pid: integer, port: integer|nil}
function kit.start(verb, options)
  local name = ("%s-%d"):format(options.name or verb, #processes + 1)
  local process = { name = name, log = ("%s/%s.log"):format(kit.scratch, name), rc = ("%s/%s.rc"):format(kit.scratch, name) }
  local pid = ("%s/%s.pid"):format(kit.scratch, name)
  local env = { "-u http_proxy", "-u https_proxy", "-u all_proxy", "-u HTTP_PROXY", "-u HTTPS_PROXY", "-u ALL_PROXY" }
  for variable, value in pairs(options.env or {}) do
    env[#env + 1] = value == false and "-u " .. variable or variable .. "=" .. quote(value)
  end
  table.sort(env)
  os.execute(("( env %s %s %s %s >%s 2>&1 & echo $! >%s; wait $!; echo $? >%s ) >/dev/null 2>&1 </dev/null &"):format(
    table.concat(env, " "), quote(options.program or kit.callisto), verb, words_of(options), quote(process.log), quote(pid),
    quote(process.rc)))
  process.pid = kit.wait_for("the process " .. name, 10, function() return tonumber(kit.read(pid):match "%d+") end)
  processes[#processes + 1] = process
  return process
end

---@return integer|nil
function kit.exit_code(process) return tonumber(kit.read(process.rc):match "%d+") end

---Waits for the end of a process.
---@param process table
---@param seconds number
---@return integer exit code
function kit.wait_end(process, seconds)
  return kit.wait_for("the end of " .. process.name, seconds, function() return kit.exit_code(process) end)
end

---@param process table
---@param signal string|nil "TERM", "KILL" …
function kit.signal(process, signal)
  if not kit.exit_code(process) then os.execute(("kill -%s %d 2>/dev/null"):format(signal or "TERM", process.pid)) end
end

---Waits until a process serves.
---@return integer port
function kit.wait_ready(process)
  process.port = kit.wait_for(process.name .. " to be ready", READY_S, function()
    if kit.exit_code(process) then error(process.name .. " ended:\n" .. kit.read(process.log), 0) end
    return tonumber(kit.read(process.log):match "ready on port (%d+)")
  end)
  process.url = "http://127.0.0.1:" .. process.port
  return process.port
end

local function append(list, more)
  for _, each in ipairs(more or {}) do list[#list + 1] = each end
  return list
end

local function merge(values, more)
  for name, value in pairs(more or {}) do values[name] = value end
  return values
end

-- Nothing is turned away because a busy machine is slow; who is turned away when is tried where time is simulated.
kit.PATIENT = "--arrival-wait-ms=60000"

---Starts an exchange on any free port and waits until it serves.
---@param options {workspace: string|nil, words: string[]|nil, env: table<string, string>|nil}|nil
function kit.exchange(options)
  options = options or {}
  local process = kit.start("exchange", append({
    "--host", "127.0.0.1", "--port", "0", "--data", kit.scratch .. "/exchange", "--script-threads", "1",
    "--workspace", options.workspace or kit.here .. "/workspace", "--set", "exchange_cps=1000", kit.PATIENT,
    env = merge({ TWILIO_ACCOUNT_SID = kit.SID, TWILIO_AUTH_TOKEN = kit.TOKEN }, options.env),
  }, options.words))
  kit.wait_ready(process)
  return process
end

---The environment of a server that works with an exchange.
---@param port integer the server's own
---@param exchange table|nil
function kit.environment(port, exchange)
  return {
    TWILIO_ACCOUNT_SID = kit.SID, TWILIO_AUTH_TOKEN = kit.TOKEN, TWILIO_PHONE_NUMBER = kit.NUMBER,
    TWILIO_MAX_CONCURRENT = "1000", TWILIO_CALLS_PER_SECOND = "100",
    PUBLIC_BASE_URL = "http://127.0.0.1:" .. port, TWILIO_API_BASE = exchange and exchange.url or "http://127.0.0.1:9",
    TELEPHONY_PROVIDER = "twilio", CALLISTO_API_KEYS = false, APP_BASE_URL = false,
  }
end

---Starts a server and waits until it serves. It has four script threads, so that webhooks come to another than their call's.
---@param exchange table
---@param options {workspace: string|nil, data: string|nil, port: integer|nil, words: string[]|nil, env: table|nil}|nil
function kit.server(exchange, options)
  options = options or {}
  local port = options.port or kit.free_port()
  local process = kit.start("serve", append({
    "--host", "127.0.0.1", "--port", port, "--data", options.data or kit.scratch .. "/server",
    "--workspace", options.workspace or kit.here .. "/workspace", "--grace", "20", "--script-threads", "4", kit.PATIENT,
    env = merge(kit.environment(port, exchange), options.env),
  }, options.words))
  kit.wait_ready(process)
  return process
end

-- Requests ----------------------------------------------------------------------------------------------------------------

---A request with curl.
---@param method string
---@param url string
---@param options {body: string|nil, headers: table<string, string>|nil}|nil
---@return integer status 0 when there was no answer
---@return string body
function kit.http(method, url, options)
  options = options or {}
  local words = { "curl -sS -m 20 --noproxy '*' -w '\\n%{http_code}' -X", method, quote(url) }
  for name, value in pairs(options.headers or {}) do words[#words + 1] = "-H " .. quote(name .. ": " .. value) end
  if options.body then words[#words + 1] = "--data-binary " .. quote(options.body) end
  local text, status = kit.shell(table.concat(words, " ") .. " 2>&1"):match "^(.*)\n(%d+)%s*$"
  return tonumber(status) or 0, text or ""
end

---A request whose bodies are JSON.
---@return integer status
---@return any value
function kit.json(method, url, value)
  local status, text = kit.http(method, url, {
    body = value and json.encode(value), headers = { ["content-type"] = "application/json" },
  })
  return status, (json.decode(text)) or text
end

---Signs as the carrier does: the URL, then the parameters sorted by name.
function kit.sign(url, params, token)
  local names, text = {}, { url }
  for name in pairs(params or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do text[#text + 1] = name .. params[name] end
  return crypto.base64(crypto.hmac("sha1", token or kit.TOKEN, table.concat(text)))
end

---A webhook as the carrier sends it. `signature`: a text instead of the right one, or false for none.
---@param server table
---@param path string
---@param params table<string, string>
---@param signature string|false|nil
---@return integer status
---@return string body
function kit.webhook(server, path, params, signature)
  local http = require "callisto.http"
  local form = {}
  for name, value in pairs(params) do form[#form + 1] = { name, value } end
  local headers = { ["content-type"] = "application/x-www-form-urlencoded" }
  if signature == nil then signature = kit.sign(server.url .. path, params) end
  if signature then headers["x-twilio-signature"] = signature end
  return kit.http("POST", server.url .. path, { body = http.form(form), headers = headers })
end

-- Calls -----------------------------------------------------------------------------------------------------------------

---Has the server call somebody.
---@return string id of the call
function kit.call(server, agent, to, payload)
  local status, answer = kit.json("POST", server.url .. "/api/calls/outbound", { agent_name = agent, to = to, payload = payload })
  if status ~= 201 then error(("the server answered %d: %s"):format(status, describe(answer)), 0) end
  return answer.id
end

---Has somebody call the server.
---@return table call as the exchange reports it
function kit.ring(exchange, server, from, agent)
  local status, answer = kit.json("POST", exchange.url .. "/exchange/calls", {
    from = from, to = kit.NUMBER, voice_url = server.url .. "/telephony/twilio/inbound/" .. agent,
    fallback_url = server.url .. "/twilio/callback/twiml-fallback", status_callback = server.url .. "/twilio/callback/status",
  })
  if status ~= 201 then error(("the exchange answered %d: %s"):format(status, describe(answer)), 0) end
  return answer
end

---@return table call with transcript and events
function kit.show(server, id)
  local status, answer = kit.json("GET", server.url .. "/api/calls/" .. id)
  if status ~= 200 then error(("the server answered %d: %s"):format(status, describe(answer)), 0) end
  return answer
end

---@return table call when it is over
function kit.wait_over(server, id, seconds)
  return kit.wait_for("the end of call " .. id, seconds or 40, function()
    local call = kit.show(server, id)
    return call.state ~= "in_progress" and call
  end)
end

---The server's calls, newest first, whose field has this value.
function kit.calls_with(server, field, value)
  local _, answer = kit.json("GET", server.url .. "/api/calls?limit=100")
  local found = {}
  for _, call in ipairs(answer.calls or {}) do
    if call[field] == value then found[#found + 1] = call end
  end
  return found
end

---What the exchange reports of a call.
function kit.report(exchange, carrier_call)
  local _, answer = kit.json("GET", exchange.url .. "/exchange/calls/" .. carrier_call)
  return answer
end

---How many events of a kind a call has.
function kit.count_events(call, kind)
  local count = 0
  for _, event in ipairs(call.events or {}) do
    if event.kind == kind then count = count + 1 end
  end
  return count
end

---The value of a metric, all its labels together.
---@return number
function kit.metric(process, name)
  local _, text = kit.http("GET", process.url .. "/metrics")
  local sum = 0
  for labels, value in ("\n" .. text):gmatch("\n" .. name .. "(%b{}) (%S+)") do sum = sum + (labels and tonumber(value) or 0) end
  return sum + (tonumber(("\n" .. text):match("\n" .. name .. " (%S+)")) or 0)
end

---The value of a gauge, which must be there: one that is not would read as the 0 that tests wait for.
---@return number
function kit.gauge(process, name)
  local _, text = kit.http("GET", process.url .. "/metrics")
  local value = ("\n" .. text):match("\n" .. name .. " (%S+)")
  return kit.ok(tonumber(value), "there is no gauge " .. name)
end

-- The end ---------------------------------------------------------------------------------------------------------------

-- The second TERM is for those that drain.
local function end_all()
  for _, signal in ipairs { "TERM", "TERM", "KILL" } do
    for _, process in ipairs(processes) do kit.signal(process, signal) end
    for _, process in ipairs(processes) do pcall(kit.wait_end, process, signal == "KILL" and 10 or 1) end
  end
end

-- A binary with sanitizers writes what it found into the log.
local function check_logs()
  for _, process in ipairs(processes) do
    local text = kit.read(process.log)
    local from = text:find "ERROR: %a+Sanitizer" or text:find "WARNING: ThreadSanitizer" or text:find("runtime error: ", 1, true)
    if from then
      failed = failed + 1
      print("not ok  " .. process.name .. " is clean")
      print(text:sub(from, from + 4000))
    end
  end
end

---Runs the whole test and tidies up.
---@param body fun()
---@return integer exit code
function kit.run(body)
  local ok, why = xpcall(body, debug.traceback)
  if not ok then
    failed = failed + 1
    print("not ok  the test could not go on")
    print("        " .. tostring(why))
  end
  end_all()
  check_logs()
  os.execute("rm -rf " .. quote(kit.scratch))
  print(("%d passed, %d failed"):format(passed, failed))
  return failed == 0 and 0 or 1
end

return kit
