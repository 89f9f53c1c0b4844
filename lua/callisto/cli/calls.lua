-- callisto calls, show and logs: what a running server knows of its calls.

local arguments = require "callisto.cli.arguments"
local http = require "callisto.http"
local json = require "callisto.json"
local shown = require "callisto.cli.shown"
local web = require "callisto.cli.server"

local command = {}

local HELP = {
  calls = [[
usage: callisto calls [options]

Lists the calls of a running server, the latest first: id, when it began, direction, numbers, agent, and how it ended.
  --limit N          so many at most [20]
  --state STATE      only those: in_progress, completed, failed
  --direction WAY    only those: inbound, outbound
  --agent NAME       only those of this agent
  --json             the server's answer as it is
  --server URL       [http://127.0.0.1:8080]
  --key KEY          API key, if the server wants one [$CALLISTO_API_KEY]
Exit code 0, or 1 when the server does not say.

Example: callisto calls --state failed]],
  show = [[
usage: callisto show ID [options]

Shows one call of a running server: numbers, agent, payload, how it ended and why, where its recording lies, its transcript.
The ID `last` is the call that began last.
  --json         the server's answer as it is
  --server URL   [http://127.0.0.1:8080]
  --key KEY      API key, if the server wants one [$CALLISTO_API_KEY]
Exit code 0, or 1 when there is no such call.]],
  logs = [[
usage: callisto logs ID [options]

Shows everything that happened in one call of a running server, line by line: what the carrier said, what the engine did,
what the script noted, what was said. The ID `last` is the call that began last.
  --json         one JSON object a line
  --server URL   [http://127.0.0.1:8080]
  --key KEY      API key, if the server wants one [$CALLISTO_API_KEY]
Exit code 0, or 1 when there is no such call.]],
}

local OPTIONS = arguments.with(web.options, { ["--json"] = { "as_json", is = true } })

local LIST_OPTIONS = arguments.with(OPTIONS, {
  ["--limit"] = { "limit", read = arguments.integer(1, 500) },
  ["--state"] = { "state" },
  ["--direction"] = { "direction" },
  ["--agent"] = { "agent_name" },
})

local function time_of(at_ms) return at_ms and os.date("!%Y-%m-%d %H:%M:%SZ", math.floor(at_ms / 1000)) or "-" end

local function clock_of(at_ms)
  return os.date("!%H:%M:%S", math.floor(at_ms / 1000)) .. (".%03d"):format(at_ms % 1000)
end

local function seconds_of(ms) return ms and ("%.1f s"):format(ms / 1000) or nil end

-- calls --------------------------------------------------------------------------------------------------------------

local function row_of(call)
  local ending = call.state == "in_progress" and "in progress" or shown.ending(call)
  return ("%s  %s  %-8s  %s → %s  %s  %s"):format(call.id, time_of(call.created_at_ms), call.direction, call.from or "?",
    call.to or "?", call.agent_name, ending)
end

local function list(asked)
  local query = { { "limit", tostring(asked.limit or 20) } }
  for _, name in ipairs { "state", "direction", "agent_name" } do
    if asked[name] then query[#query + 1] = { name, asked[name] } end
  end
  local answer, text = web.get(asked.server, "/api/calls?" .. http.form(query))
  if not answer then return arguments.refuse("calls", text) end
  if asked.as_json then print(text) return 0 end
  for _, call in ipairs(answer.calls) do print(row_of(call)) end
  if #answer.calls == 0 then print "no calls" end
  return 0
end

-- show ---------------------------------------------------------------------------------------------------------------

local function recording_of(call)
  local about = call.recording
  if not about then return nil end
  return ("%s (%s; left channel: %s, right channel: %s)"):format(about.path, about.state, about.channels[1], about.channels[2])
end

-- What there is to say of a call, in order; what is not known is left out.
local function fields_of(call)
  return {
    { "call", call.id }, { "agent", call.agent_name }, { "direction", call.direction },
    { "from", call.from }, { "to", call.to }, { "carrier", call.carrier }, { "carrier id", call.carrier_call_id },
    { "order", call.lead_id }, { "began", time_of(call.created_at_ms) },
    { "answered", call.answered_at_ms and time_of(call.answered_at_ms) },
    { "spoke", seconds_of(call.duration_ms) },
    { "payload", next(call.payload or {}) and json.encode(call.payload) }, { "digest", call.digest },
    { "recording", recording_of(call) },
    { "state", call.state == "in_progress" and "in progress" or shown.ending(call) },
    { "outcome", call.outcome ~= call.result and call.outcome ~= "" and call.outcome },
    { "why", call.state ~= "failed" and call.why },
  }
end

local function show(_, call)
  for _, field in ipairs(fields_of(call)) do
    if field[2] then print(("%-11s %s"):format(field[1], field[2])) end
  end
  if #call.transcript > 0 then print "" end
  for _, line in ipairs(call.transcript) do print(shown.line(line)) end
end

-- logs ---------------------------------------------------------------------------------------------------------------

-- Events and sentences, by time; what happened at the same time in the order of the server.
local function happened(call)
  local all = {}
  for _, event in ipairs(call.events) do all[#all + 1] = { at_ms = event.at_ms, kind = event.kind, data = event.data } end
  for _, line in ipairs(call.transcript) do
    all[#all + 1] = { at_ms = line.at_ms, kind = "said." .. line.who, text = shown.line(line):match "^%S+%s+(.*)$" or "" }
  end
  for i, each in ipairs(all) do each.order = i end
  table.sort(all, function(a, b)
    if a.at_ms ~= b.at_ms then return a.at_ms < b.at_ms end
    return a.order < b.order
  end)
  for _, each in ipairs(all) do each.order = nil end
  return all
end

-- Data as `name=value`, in the order of the names; a text of several lines keeps them, indented.
local function words_of(data)
  local names, words = {}, {}
  for name in pairs(data or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = data[name]
    local text = type(value) == "string" and value or json.encode(value)
    words[i] = ("%s=%s"):format(name, (text:gsub("\n", "\n      ")))
  end
  return table.concat(words, " ")
end

local function log(asked, call)
  for _, each in ipairs(happened(call)) do
    if asked.as_json then
      print(json.encode(each))
    else
      print((("%s  %-18s %s"):format(clock_of(each.at_ms), each.kind, each.text or words_of(each.data)):gsub("%s+$", "")))
    end
  end
end

-- The command line ---------------------------------------------------------------------------------------------------

-- The call that was asked for. The server lists the latest first.
local function find(asked, id)
  if id ~= "last" then return web.get(asked.server, "/api/calls/" .. id) end
  local answer, text = web.get(asked.server, "/api/calls?limit=1")
  if not answer then return nil, text end
  if not answer.calls[1] then return nil, "there has been no call yet" end
  return web.get(asked.server, "/api/calls/" .. answer.calls[1].id)
end

local function one(verb, asked)
  local id = asked.words[1]
  if #asked.words ~= 1 then return arguments.misused(verb, "the ID of one call is needed; callisto calls lists them") end
  if id:find "[^%w_-]" then return arguments.misused(verb, ("'%s' is not the ID of a call"):format(id)) end
  local call, text = find(asked, id)
  if not call then return arguments.refuse(verb, text) end
  if verb == "show" and asked.as_json then
    print(text)
  elseif verb == "show" then
    show(asked, call)
  else
    log(asked, call)
  end
  return 0
end

---@param verb "calls"|"show"|"logs"
---@return integer exit_code
function command.run(verb, ...)
  local asked, code = arguments.read(verb, HELP[verb], verb == "calls" and LIST_OPTIONS or OPTIONS, ...)
  if not asked then return code end
  asked.server = web.of(asked)
  if verb ~= "calls" then return one(verb, asked) end
  if asked.words[1] then return arguments.misused(verb, "callisto calls takes options alone, not " .. asked.words[1]) end
  return list(asked)
end

return command
