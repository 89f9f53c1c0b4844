-- callisto call: has a server place a call, or a subscriber of the exchange call the server, and shows what becomes of it.

local arguments = require "callisto.cli.arguments"
local json = require "callisto.json"
local shown = require "callisto.cli.shown"
local utf8 = require "callisto.util.utf8"
local web = require "callisto.cli.server"

local command = {}

local HELP = [[
usage: callisto call TEMPLATE NUMBER [NAME=TEXT …] [NAME:=JSON …] [options]
       callisto call TEMPLATE --from NUMBER [options]
       callisto call TEMPLATE --text [NAME=TEXT …] [NAME:=JSON …]
       callisto call TEMPLATE --audio FILE [NAME=TEXT …] [NAME:=JSON …]

Asks a running server to call NUMBER with TEMPLATE; NAME=TEXT and NAME:=JSON are the template's payload.
Shows the transcript as it grows, then the state and what came of it, and for a call that failed why.
  --server URL    [http://127.0.0.1:8080]
  --key KEY       API key, if the server wants one [$CALLISTO_API_KEY]
  --no-wait       do not wait for the end
  --json          print the call as one JSON object, at the end
  --from NUMBER   call in: the subscriber NUMBER of the exchange calls the server, and TEMPLATE answers
  --exchange URL  the exchange, for --from [http://127.0.0.1:8090]
  --text          no server, no telephone: the agent's words are printed, and what is typed is what the caller
                  says; /press 12, /silence 5, /cough, /hangup. Time moves only while somebody speaks. With a
                  payload the agent calls, without one it is called
  --audio FILE    the same, but the caller is a sound file (WAV, 16 bits), and the built-in voice and recogniser speak
                  and listen; the transcript is printed at the end
Exit code 0 when the call completed, 1 when it failed or was refused, 2 for wrong usage.

Examples: callisto call order-confirmation +15550100 order_id=17 customer_name=Asha retries:=2
          callisto call after-hours --from +15550100
          printf '/press 2\n' | callisto call after-hours --text]]

local POLL_S, CALLED_S = 0.5, 20
local OUR_NUMBER = "+14155550100"

local function refuse(text) return arguments.refuse("call", text) end

-- The call ---------------------------------------------------------------------------------------------------------

local function watch(server, id, as_json)
  local count = 0
  while true do
    local call, text = web.get(server, "/api/calls/" .. id)
    if not call then return refuse(text) end
    local lines = call.transcript or {}
    if not as_json then
      for index = count + 1, #lines do print(shown.line(lines[index])) end
    end
    count = #lines
    if call.state ~= "in_progress" then
      print(as_json and text or shown.ending(call))
      return call.state == "completed" and 0 or 1
    end
    web.pause(POLL_S)
  end
end

local function follow(asked, id, text)
  if not asked.as_json then print("call " .. tostring(id)) end
  if asked.is_waiting ~= false then return watch(asked.server, id, asked.as_json) end
  if asked.as_json then print(text) end
  return 0
end

local function place(asked)
  local status, text = web.request(asked.server, "POST", "/api/calls/outbound", json.encode {
    agent_name = asked.template, to = asked.number, payload = asked.payload,
  })
  if status < 200 or status >= 300 then return refuse(shown.with_remedy(web.problem(text), asked.payload)) end
  local call = json.decode(text)
  local id = type(call) == "table" and call.id
  if not id then return refuse("the server answered without a call: " .. web.problem(text)) end
  return follow(asked, id, text)
end

-- Calling in -------------------------------------------------------------------------------------------------------

-- The first carrier whose protocols the exchange speaks.
local function carrier_of(exchange)
  local about, why = web.get(exchange, "/exchange")
  if not about then
    return nil, "for a call in the exchange is needed: " .. why:gsub("serve,", "exchange,"):gsub("%-%-server", "--exchange")
  end
  local found, adapter = pcall(require, "providers.carriers." .. about.carriers[1])
  if not found then return nil, "the exchange plays a carrier that is not known here: " .. about.carriers[1] end
  return adapter
end

local function first(path) return type(path) == "table" and path[1] or path end

-- Our record of a call that came in; the carrier may name it only once it is answered.
local function record_of(asked, line)
  local list = web.get(asked.server, "/api/calls?direction=inbound&limit=50")
  for _, call in ipairs(list and list.calls or {}) do
    if call.carrier_call_id == line.id then return call end
  end
end

local function ring_in(asked, exchange, adapter)
  local url = asked.server.url .. first(adapter.routes.inbound):gsub("{agent}", (asked.template:gsub("%%", "%%%%")))
  local status, text = web.request(exchange, "POST", "/exchange/calls", json.encode {
    from = asked.from, to = OUR_NUMBER, carrier = adapter.name, voice_url = url,
    status_callback = adapter.routes.status and asked.server.url .. first(adapter.routes.status) or nil,
  })
  if status ~= 201 then
    local why = web.problem(text)
    return nil, why:find "no subscriber" and why .. "; those of exchange/subscribers.lua can call" or why
  end
  return json.decode(text)
end

local function call_in(asked)
  local exchange = { url = (asked.exchange or "http://127.0.0.1:8090"):gsub("/+$", "") }
  local adapter, why = carrier_of(exchange)
  if not adapter then return refuse(why) end
  local line
  line, why = ring_in(asked, exchange, adapter)
  if not line then return refuse(why) end
  for _ = 1, CALLED_S / POLL_S do
    local call = record_of(asked, line)
    if call then return follow(asked, call.id, json.encode(call)) end
    line = web.get(exchange, "/exchange/calls/" .. line.id) or line
    if line.ended then break end
    web.pause(POLL_S)
  end
  local call = record_of(asked, line)
  if call then return follow(asked, call.id, json.encode(call)) end
  local agents, problem = web.get(asked.server, "/api/agents")
  if not agents then return refuse(problem) end
  return refuse(shown.unknown_agent(asked.template, agents.agents)
    or ("the server did not take the call: it is %s (callisto's log says more)"):format(line.failure or line.status))
end

-- The command line -------------------------------------------------------------------------------------------------

local OPTIONS = arguments.with(web.options, {
  ["--no-wait"] = { "is_waiting", is = false },
  ["--json"] = { "as_json", is = true },
  ["--text"] = { "by_text", is = true },
  ["--audio"] = { "audio" },
  ["--from"] = { "from" },
  ["--exchange"] = { "exchange" },
})

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

-- Parts the payload from the other words; a message when something is wrong.
local function sort_words(asked)
  local words = {}
  asked.payload = {}
  for _, word in ipairs(asked.words) do
    if word:find "^[%a_][%w_]*:?=" then
      local why = add_to_payload(asked.payload, word)
      if why then return why end
    else
      words[#words + 1] = word
    end
  end
  asked.template, asked.number = words[1], words[2]
  if asked.by_text or asked.audio or asked.from then
    if #words ~= 1 then return "with --text, --audio and --from the TEMPLATE alone is needed" end
    if asked.from and next(asked.payload) then return "a call in has no payload: the agent learns it from the caller" end
  elseif #words ~= 2 then
    return "TEMPLATE and NUMBER are needed"
  end
end

---@return integer exit_code
function command.run(...)
  local asked, code = arguments.read("call", HELP, OPTIONS, ...)
  if not asked then return code end
  local why = sort_words(asked)
  if why then return arguments.misused("call", why) end
  asked.server = web.of(asked)
  io.stdout:setvbuf "line"
  if asked.audio then return require("callisto.cli.talk").by_audio(asked) end
  if asked.by_text then return require("callisto.cli.talk").by_text(asked) end
  if asked.from then return call_in(asked) end
  return place(asked)
end

return command
