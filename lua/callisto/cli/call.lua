-- callisto call TEMPLATE NUMBER: places a call through a running server and shows what becomes of it.

local json = require "callisto.json"

local command = {}

local HELP = [[
usage: callisto call TEMPLATE NUMBER [NAME=VALUE …] [--server URL] [--key KEY] [--no-wait]

Asks a running server to call NUMBER with TEMPLATE; NAME=VALUE are the template's payload.
  --server URL   [http://127.0.0.1:8080]
  --key KEY      API key, if the server wants one [$CALLISTO_API_KEY]
  --no-wait      do not wait for the outcome

Example: callisto call order-confirmation +15550100 order_id=17 customer_name=Asha]]

local function quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end

local function http(method, url, key, body)
  local words = { "curl -sS -m 20 -w '\\n%{http_code}' -X", method, quote(url), "-H 'content-type: application/json'" }
  if key then words[#words + 1] = "-H " .. quote("authorization: Bearer " .. key) end
  if body then words[#words + 1] = "-d " .. quote(body) end
  local pipe = io.popen(table.concat(words, " ") .. " 2>&1")
  local answer = pipe:read "*a"
  pipe:close()
  local text, status = answer:match "^(.*)\n(%d+)$"
  return tonumber(status) or 0, text or answer
end

local function problem(text)
  local decoded = json.decode(text)
  return type(decoded) == "table" and (decoded.detail or decoded.title) or text
end

local function watch(server, key, id)
  local shown = 0
  while true do
    os.execute "sleep 0.5"
    local status, text = http("GET", server .. "/api/calls/" .. id, key)
    local call = status == 200 and json.decode(text)
    if not call then
      io.stderr:write("callisto call: ", problem(text), "\n")
      return 1
    end
    local lines = call.transcript or {}
    for index = shown + 1, #lines do print(("%-7s %s"):format(lines[index].who, lines[index].text)) end
    shown = #lines
    if call.state ~= "IN_PROGRESS" and call.state ~= "in_progress" then
      print(("%s  %s"):format(call.state, call.outcome or ""))
      return 0
    end
  end
end

function command.run(...)
  local server, key, wait = "http://127.0.0.1:8080", os.getenv "CALLISTO_API_KEY", true
  local words, payload = {}, {}
  local list, index = { ... }, 1
  while list[index] do
    local word = list[index]
    if word == "--help" then
      print(HELP)
      return 0
    elseif word == "--server" or word == "--key" then
      index = index + 1
      if word == "--server" then server = list[index] else key = list[index] end
    elseif word == "--no-wait" then
      wait = false
    elseif word:find "^[%a_][%w_]*=" then
      local name, value = word:match "^([^=]+)=(.*)$"
      payload[name] = value
    else
      words[#words + 1] = word
    end
    index = index + 1
  end
  if #words ~= 2 then
    io.stderr:write(HELP, "\n")
    return 2
  end
  local body = json.encode { template = words[1], to = words[2], payload = payload }
  local status, text = http("POST", server .. "/api/calls/outbound", key, body)
  if status < 200 or status >= 300 then
    io.stderr:write("callisto call: ", problem(text), "\n")
    return status == 0 and 2 or 1
  end
  local call = assert(json.decode(text))
  local id = call.id or call.call_id
  print("call " .. tostring(id))
  if not wait then return 0 end
  return watch(server, key, id)
end

return command
