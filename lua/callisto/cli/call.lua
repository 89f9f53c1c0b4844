-- callisto call TEMPLATE NUMBER: places a call through a running server and shows what becomes of it.

local help = require "callisto.cli.help"
local json = require "callisto.json"
local utf8 = require "callisto.util.utf8"
local web = require "callisto.cli.server"

local command = {}

local HELP = [[
usage: callisto call TEMPLATE NUMBER [NAME=TEXT …] [NAME:=JSON …] [options]
       callisto call TEMPLATE --text [NAME=TEXT …] [NAME:=JSON …]
       callisto call TEMPLATE --audio FILE [NAME=TEXT …] [NAME:=JSON …]

Asks a running server to call NUMBER with TEMPLATE; NAME=TEXT and NAME:=JSON are the template's payload.
Shows the transcript as it grows, then the state and the outcome.
  --server URL   [http://127.0.0.1:8080]
  --key KEY      API key, if the server wants one [$CALLISTO_API_KEY]
  --no-wait      do not wait for the outcome
  --json         print the call as one JSON object, at the end
  --text         no server, no telephone: the agent's words are printed, and what is typed is what the caller
                 says; /press 12, /silence 5, /cough, /hangup. Time moves only while somebody speaks. With a
                 payload the agent calls, without one it is called
  --audio FILE   the same, but the caller is a sound file (WAV), and the built-in voice and recogniser speak and
                 listen; the transcript is printed at the end
Exit code 0 when the call completed, 1 when it failed or was refused, 2 for wrong usage.

Examples: callisto call order-confirmation +15550100 order_id=17 customer_name=Asha retries:=2
          printf '/press 2\n' | callisto call after-hours --text]]

local POLL_S = "0.5"

local function refuse(text, code)
  io.stderr:write("callisto call: ", text, "\n")
  return code or 1
end

-- The call ---------------------------------------------------------------------------------------------------------

local function show(said)
  local text = said.interrupted and (said.heard or "") .. " --" or said.text
  print(("%-7s %s"):format(said.who, text))
end

local function watch(server, id, as_json)
  local shown = 0
  while true do
    local status, text = web.request(server, "GET", "/api/calls/" .. id)
    local call = status == 200 and json.decode(text)
    if not call then return refuse(web.problem(text)) end
    local lines = call.transcript or {}
    if not as_json then
      for index = shown + 1, #lines do show(lines[index]) end
    end
    shown = #lines
    if call.state ~= "in_progress" then
      print(as_json and text or ("%s %s"):format(call.state, call.outcome or "without an outcome"))
      return call.state == "completed" and 0 or 1
    end
    os.execute("sleep " .. POLL_S)
  end
end

local function place(asked)
  local status, text = web.request(asked.server, "POST", "/api/calls/outbound", json.encode {
    agent_name = asked.template, to = asked.number, payload = asked.payload,
  })
  if status < 200 or status >= 300 then return refuse(web.problem(text)) end
  local call = json.decode(text)
  local id = type(call) == "table" and call.id
  if not id then return refuse("the server answered without a call: " .. web.problem(text)) end
  if not asked.as_json then print("call " .. tostring(id)) end
  if asked.is_waiting then return watch(asked.server, id, asked.as_json) end
  if asked.as_json then print(text) end
  return 0
end

-- The command line -------------------------------------------------------------------------------------------------

local flags = {
  ["--no-wait"] = function(asked) asked.is_waiting = false end,
  ["--json"] = function(asked) asked.as_json = true end,
  ["--text"] = function(asked) asked.by_text = true end,
}

local options = {
  ["--server"] = function(asked, value) asked.server.url = value:gsub("/+$", "") end,
  ["--audio"] = function(asked, value) asked.audio = value end,
  ["--key"] = function(asked, value) asked.server.key = value end,
}

-- NAME=TEXT or NAME:=JSON; a message when the text is not UTF-8, or the JSON is not JSON.
local function add_to_payload(payload, word)
  local name, colon, text = word:match "^([%a_][%w_]*)(:?)=(.*)$"
  if select(2, utf8.valid(text)) then return ("the value of %s is not UTF-8"):format(name) end
  if colon == "" then
    payload[name] = text
    return nil
  end
  local value, why = json.decode(text)
  if value == nil then return ("%s is not JSON: %s"):format(name, why) end
  payload[name] = value
end

local function parse(list)
  local asked = {
    server = { url = "http://127.0.0.1:8080", key = os.getenv "CALLISTO_API_KEY" }, payload = {}, is_waiting = true,
  }
  local words, index = {}, 1
  while list[index] do
    local word = list[index]
    if flags[word] then
      flags[word](asked)
    elseif options[word] then
      index = index + 1
      if not list[index] then return nil, word .. " needs a value" end
      options[word](asked, list[index])
    elseif word:sub(1, 1) == "-" then
      return nil, "unknown option " .. word .. "; callisto call --help lists them"
    elseif word:find "^[%a_][%w_]*:?=" then
      local why = add_to_payload(asked.payload, word)
      if why then return nil, why end
    else
      words[#words + 1] = word
    end
    index = index + 1
  end
  if asked.by_text or asked.audio then
    if #words ~= 1 then return nil, "with --text and --audio the TEMPLATE alone is needed; callisto call --help says more" end
    asked.template = words[1]
    return asked
  end
  if #words ~= 2 then return nil, "TEMPLATE and NUMBER are needed; callisto call --help says more" end
  asked.template, asked.number = words[1], words[2]
  return asked
end

---@return integer exit_code
function command.run(...)
  if help.print(HELP, ...) then return 0 end
  local asked, why = parse { ... }
  if not asked then return refuse(why, 2) end
  io.stdout:setvbuf "line"
  if asked.audio then return require("callisto.cli.talk").by_audio(asked) end
  if asked.by_text then return require("callisto.cli.talk").by_text(asked) end
  return place(asked)
end

return command
