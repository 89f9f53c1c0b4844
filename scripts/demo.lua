-- The calls of `make demo`: places them all at once, tells what happens, and compares what came of them with what the
-- subscribers of exchange/subscribers.lua made inevitable. Run by scripts/demo.
--
-- usage: callisto lua scripts/demo.lua SERVER_URL EXCHANGE_URL DATA_FOLDER CARRIER

local json = require "callisto.json"

local SERVER, EXCHANGE, DATA, CARRIER = ...
local ADAPTER = require("providers.carriers." .. CARRIER)
local LIMIT_S = 110
local NUMBER = "+14155550100"

-- One line of the table each. `expects`: outcome, a fact, or a check of the whole call that returns what is wrong.
local function was_interrupted(call)
  for _, line in ipairs(call.transcript) do
    if line.who == "agent" and line.interrupted and line.heard ~= line.text then return nil end
  end
  return "no sentence of the agent was interrupted"
end

local CALLS = {
  { name = "Asha", what = "says yes", number = "+15550100", expects = { outcome = "CONFIRMED" } },
  { name = "Bruno", what = "presses 2", number = "+15550101", expects = { outcome = "DECLINED" } },
  { name = "Chloe", what = "is busy", number = "+15550102", expects = { outcome = "NO_ANSWER", provider_reason = "BUSY" } },
  { name = "Dmitri", what = "does not answer", number = "+15550103",
    expects = { outcome = "NO_ANSWER", provider_reason = "NO_ANSWER" } },
  { name = "Elif", what = "hangs up mid-sentence", number = "+15550104",
    expects = { outcome = "BUSY", session_end_reason = "CUSTOMER_HANGUP", check = was_interrupted } },
  { name = "Femi", what = "talks over the agent", number = "+15550105", address = "twenty two Harbour Road, on the second floor, "
    .. "behind the green door, next to the bakery with the blue sign, opposite the old post office",
    expects = { outcome = "CONFIRMED", check = was_interrupted } },
  { name = "Hana", what = "talks with a model", number = "+15550107", agent = "order-update",
    expects = { outcome = "CHANGED", check = was_interrupted } }, -- only the second vendor's model changes anything
  { name = "Grace", what = "calls the practice", number = "+15550106", is_inbound = true, expects = { outcome = "CONFIRMED" } },
}
-- Whose telephone rings longest is called first: the carrier starts one call a second.
local ORDER = {}
for _, index in ipairs { 4, 8, 7, 6, 1, 2, 5, 3 } do ORDER[#ORDER + 1] = CALLS[index] end

-- Some carriers place no calls: then there are only those that come in.
local function keep_possible(list)
  for index = #list, 1, -1 do
    if not list[index].is_inbound and not ADAPTER.requests.place then table.remove(list, index) end
  end
end
keep_possible(CALLS)
keep_possible(ORDER)

-- Talking to the two processes ------------------------------------------------------------------------------------------

local function quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end

local function http(method, url, body)
  local command = ("curl -sS -m 20 -w '\\n%%{http_code}' -X %s %s"):format(method, quote(url))
  if body then command = command .. " -H 'content-type: application/json' -d " .. quote(json.encode(body)) end
  local pipe = io.popen(command .. " 2>&1")
  local answer = pipe:read "*a"
  pipe:close()
  local text, status = answer:match "^(.*)\n(%d+)$"
  local value = text and json.decode(text)
  return tonumber(status) or 0, type(value) == "table" and value or {}, text or answer
end

-- Telling ----------------------------------------------------------------------------------------------------------------

local is_terminal = os.execute "test -t 1" == 0
local started = os.time()
local status_line = ""

local COLOURS = { dim = "\27[2m", good = "\27[32m", bad = "\27[31m", strong = "\27[1m" }

local function coloured(colour, text) return is_terminal and COLOURS[colour] .. text .. "\27[0m" or text end

local function tell(text)
  if is_terminal then io.write("\r\27[K") end
  io.write(text, "\n")
  if is_terminal and status_line ~= "" then io.write(coloured("dim", status_line)) end
  io.flush()
end

local function set_status(text)
  status_line = text
  if is_terminal then
    io.write("\r\27[K", coloured("dim", text))
    io.flush()
  end
end

local function tell_of(call, text, colour)
  local seconds = os.time() - started
  text = ("%-7s %s"):format(call.name, text)
  tell(("%02d:%02d  %s"):format(seconds / 60, seconds % 60, colour and coloured(colour, text) or text))
end

-- The calls --------------------------------------------------------------------------------------------------------------

local function fail(call, why)
  call.failed = call.failed or why
  call.is_done = true
  tell_of(call, why, "bad")
end

-- A URL of ours as it is pasted into the carrier's console.
local function pasted(path)
  local account = {}
  for field, variable in pairs(ADAPTER.account) do account[field] = os.getenv(variable) end
  return ADAPTER.webhook.url and ADAPTER.webhook.url(SERVER .. path, account) or SERVER .. path
end

-- Where the carrier asks what to do with a call, or, if it does not ask, the media socket.
local function voice_url()
  if ADAPTER.webhook.read then return pasted(("/telephony/%s/inbound/appointment"):format(CARRIER)) end
  return (SERVER:gsub("^http", "ws")) .. ("/ws/%s/appointment"):format(CARRIER)
end

local function ring_the_server(call)
  local status, _, text = http("POST", EXCHANGE .. "/exchange/calls", {
    carrier = CARRIER, from = call.number, to = NUMBER, voice_url = voice_url(),
    status_callback = pasted(("/%s/callback/status"):format(CARRIER)),
  })
  if status ~= 201 then return fail(call, "the exchange did not place the call: " .. text) end
  call.carrier_call = json.decode(text).id
end

local function place(call)
  tell_of(call, (call.is_inbound and "%s, from %s" or "is called: %s, %s"):format(call.what, call.number), "strong")
  if call.is_inbound then return ring_the_server(call) end
  local status, answer, text = http("POST", SERVER .. "/api/calls/outbound", {
    agent_name = call.agent or "order-confirmation", to = call.number,
    payload = {
      customer_name = call.name, order_id = "4711", address = call.address or "twelve Lake Road",
      order_state = call.agent and "on its way" or nil,
    },
  })
  if status ~= 201 then return fail(call, "the server did not place the call: " .. text) end
  call.id, call.carrier_call = answer.id, answer.carrier_call_id
end

local function spoken(line)
  if line.who ~= "agent" then return line.text end
  if not line.interrupted then return line.text end
  return (line.heard or "") == "" and "[not heard]" or line.heard .. " [cut]"
end

local function follow_carrier()
  local _, answer = http("GET", EXCHANGE .. "/exchange/calls")
  local by_id = {}
  for _, each in ipairs(answer.calls or {}) do by_id[each.id] = each end
  for _, call in ipairs(CALLS) do
    local seen = by_id[call.carrier_call or ""]
    if seen and seen.status ~= call.carrier_status then
      call.carrier_status = seen.status
      tell_of(call, seen.status, "dim")
    end
  end
end

local function find_inbound(call)
  local _, answer = http("GET", SERVER .. "/api/calls?direction=inbound")
  for _, each in ipairs(answer.calls or {}) do
    if each.carrier_call_id == call.carrier_call then call.id = each.id end
  end
end

local function follow(call)
  if not call.id then find_inbound(call) end
  if not call.id then return end
  local status, answer = http("GET", SERVER .. "/api/calls/" .. call.id)
  if status ~= 200 then return end
  call.seen = answer
  answer.transcript = answer.transcript or {}
  for index = (call.told or 0) + 1, #answer.transcript do
    local line = answer.transcript[index]
    tell_of(call, ("%s: %s"):format(line.who, spoken(line)))
  end
  call.told = #answer.transcript
  if answer.state == "in_progress" then return end
  call.is_done = true
  tell_of(call, "is over: " .. (answer.outcome or "?"), "strong")
end

local function open_calls()
  local count = 0
  for _, call in ipairs(CALLS) do
    if not call.is_done then count = count + 1 end
  end
  return count
end

-- The end ------------------------------------------------------------------------------------------------------------------

local function judge(call)
  if call.failed then return call.failed end
  if not call.is_done then return ("was not over after %d seconds"):format(LIMIT_S) end
  local facts = call.seen.facts or {}
  for name, expected in pairs(call.expects) do
    local found = name == "check" and expected(call.seen) or nil
    if found then return found end
    local value = name == "outcome" and call.seen.outcome or facts[name]
    if name ~= "check" and value ~= expected then
      return ("%s is %s, but %s was inevitable"):format(name, tostring(value), expected)
    end
  end
end

-- What the agent heard last; of somebody who said nothing, what he heard of the agent.
local function heard_last(call)
  local lines = call.seen and call.seen.transcript or {}
  for index = #lines, 1, -1 do
    if lines[index].who == "caller" then return lines[index].text end
  end
  for index = #lines, 1, -1 do
    local heard = lines[index].heard or ""
    if heard ~= "" then return "(only the agent:) " .. heard end
  end
  return "-"
end

local function turns(call)
  local count, before = 0, nil
  for _, line in ipairs(call.seen and call.seen.transcript or {}) do
    if line.who ~= before then count = count + 1 end
    before = line.who
  end
  return count
end

local function outcome_of(call)
  if not call.seen or not call.seen.outcome then return "-" end
  local reason = (call.seen.facts or {}).provider_reason
  return call.seen.outcome .. (call.seen.outcome == "NO_ANSWER" and reason and " (" .. reason .. ")" or "")
end

local function clip(text, width) return #text <= width and text or text:sub(1, width - 3) .. "..." end

local function table_of_calls()
  local form = "%-9s %-13s %-29s %-22s %8s %5s  %s"
  tell ""
  tell(coloured("strong", form:format("direction", "number", "who", "outcome", "duration", "turns", "heard last")))
  local bad = 0
  for _, call in ipairs(CALLS) do
    local problem = judge(call)
    local ms = call.seen and call.seen.duration_ms
    local line = form:format(call.is_inbound and "inbound" or "outbound", call.number, call.name .. " " .. call.what,
      outcome_of(call), ms and ("%.1f s"):format(ms / 1000) or "-", turns(call), clip(heard_last(call), 46))
    tell(coloured(problem and "bad" or "good", line))
    if problem then
      bad = bad + 1
      tell(coloured("bad", "  wrong: " .. problem))
    end
  end
  return bad
end

-- What the last model was told: of a sentence that was cut off, the words that were heard.
local function tell_history()
  local _, answer = http("GET", EXCHANGE .. "/exchange/model")
  local last = (answer.asked or {})[#(answer.asked or {})]
  if not last then return end
  tell ""
  tell(coloured("strong", ("what %s was told"):format(last.model)))
  for _, message in ipairs(last.messages) do
    local calls = {}
    for i, call in ipairs(message.calls or {}) do calls[i] = call.name .. " " .. json.encode(call.arguments) end
    local parts = { message.text or "", table.concat(calls, ", ") }
    tell(("  %-10s %s"):format(message.role, table.concat(parts, parts[1] ~= "" and parts[2] ~= "" and " → " or "")))
  end
end

local function write_transcripts()
  os.execute("mkdir -p " .. quote(DATA .. "/transcripts"))
  for _, call in ipairs(CALLS) do
    if call.seen then
      local file = assert(io.open(("%s/transcripts/%s.txt"):format(DATA, call.name:lower()), "w"))
      file:write(("%s %s, %s: %s\n\n"):format(call.name, call.number, call.what, outcome_of(call)))
      for _, line in ipairs(call.seen.transcript) do file:write(("%-7s %s\n"):format(line.who, spoken(line))) end
      file:close()
    end
  end
end

local function recordings()
  local pipe = io.popen("find " .. quote(DATA .. "/server/recordings") .. " -name '*.wav' -size +1k 2>/dev/null | sort")
  local list = {}
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

-- A recording is closed a moment after its call.
local function check_recordings()
  local wanted, list = 0, nil
  for _, call in ipairs(CALLS) do
    if call.seen and (call.seen.duration_ms or 0) > 0 and turns(call) > 0 then wanted = wanted + 1 end
  end
  for _ = 1, 20 do
    list = recordings()
    if #list >= wanted then break end
    os.execute "sleep 0.25"
  end
  return list, wanted
end

local function run()
  tell(("server %s, exchange %s"):format(SERVER, EXCHANGE))
  for _, call in ipairs(ORDER) do place(call) end
  while open_calls() > 0 and os.time() - started < LIMIT_S do
    follow_carrier()
    for _, call in ipairs(CALLS) do
      if not call.is_done then follow(call) end
    end
    set_status(("%d of %d calls are over, %d s"):format(#CALLS - open_calls(), #CALLS, os.time() - started))
    os.execute "sleep 0.4"
  end
  follow_carrier()
  set_status ""
  local bad = table_of_calls()
  tell_history()
  write_transcripts()
  local list, wanted = check_recordings()
  tell ""
  tell(("recordings   %s (%d)"):format(list[1] and list[1]:match "^(.*)/" or DATA .. "/server/recordings", #list))
  tell(("transcripts  %s/transcripts, and in %s/server/callisto.db"):format(DATA, DATA))
  tell(("logs         %s/server.log %s/exchange.log"):format(DATA, DATA))
  if #list < wanted then
    tell(coloured("bad", ("wrong: %d calls were answered, but there are only %d recordings"):format(wanted, #list)))
    bad = bad + 1
  end
  tell(bad == 0 and coloured("good", "All calls ended as they had to.") or coloured("bad", bad .. " did not end as they had to."))
  return bad == 0 and 0 or 1
end

return run()
