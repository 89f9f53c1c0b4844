-- callisto.spec.replay: a call that really happened, again: what the caller did is taken from a trace
-- (`callisto serve --record-trace FILE`), what the agent does is done by the code of today.
--
-- The caller waits for the words it heard then, speaks and presses keys after the same pauses, and is answered by other
-- people's servers as it was then. An agent that says something else fails the spec at that place.

local json = require "callisto.json"

local replay = {}

local MOST_PAUSE_S = 600

local function lines_of(path)
  local file, why = io.open(path)
  if not file then error("replay: " .. why, 0) end
  local list, number = {}, 0
  for text in file:lines() do
    number = number + 1
    local entry, problem = json.decode(text)
    if type(entry) ~= "table" then
      error(("replay: %s:%d is not a line of a trace: %s"):format(path, number, problem or "?"), 0)
    end
    list[#list + 1] = entry
  end
  file:close()
  return list
end

---What the trace has of one call.
---@param path string
---@param call string|nil  its id; the first of the file
---@return table[] entries, string call
function replay.entries(path, call)
  local entries = {}
  for _, entry in ipairs(lines_of(path)) do
    if not call and entry.kind == "begin" then call = entry.call end
    if entry.call == call and entry.what ~= "wire" then entries[#entries + 1] = entry end
  end
  if #entries == 0 then error(("replay: %s has no call %s"):format(path, call or "at all"), 0) end
  return entries, call
end

-- Doubles that give the answers of then, in their order.
local function doubles_of(entries)
  local answers, asked = {}, {}
  for _, entry in ipairs(entries) do
    if entry.kind == "fetch" then asked[entry.data.number] = entry end
    if entry.kind == "response" and asked[entry.data.number] then
      local request, about = asked[entry.data.number], entry.data
      local origin = request.data.url:match "^(https?://[^/]+)"
      answers[origin] = answers[origin] or {}
      table.insert(answers[origin], about.status and {
        status = about.status, body = about.body, after = (entry.at_ms - request.at_ms) / 1000,
        headers = about.content_type and { ["content-type"] = about.content_type } or nil,
      } or { fault = about.error == "ECONNRESET" and "cut" or "silent" })
    end
  end
  local hosts = {}
  for origin, list in pairs(answers) do
    hosts[origin] = function() return table.remove(list, 1) end
  end
  return hosts
end

local function first_of(entries, kind)
  for _, entry in ipairs(entries) do
    if entry.kind == kind then return entry end
  end
end

-- What is said after speech began at `index`; nil: nothing was understood.
local function words_after(entries, index)
  for i = index + 1, #entries do
    local kind = entries[i].kind
    if kind == "heard" then return entries[i].data.text end
    if kind == "speech_started" or kind == "leg_ended" then return nil end
  end
end

-- What was heard of an utterance that this speech interrupted.
local function cut_by(entries, index)
  for i = index + 1, #entries do
    local entry = entries[i]
    if entry.kind == "utterance_ended" then return entry.data.interrupted and entry.data.heard or nil, i end
    if entry.kind == "heard" or entry.kind == "speech_started" then return nil end
  end
end

local function pause(caller, from, to)
  local seconds = (to.at_ms - from.at_ms) / 1000
  if seconds > 0 then caller:silence(math.min(seconds, MOST_PAUSE_S)) end
end

-- Goes through the trace; `last` is what the next pause is counted from.
local function play(caller, entries)
  local last, done, so_far = first_of(entries, "leg_started") or entries[1], {}, {}
  local act = {}
  -- What was heard before a pause is not heard again.
  local function hear(entry)
    local heard, before = entry.data.heard, so_far[entry.data.number] or ""
    local rest = heard:sub(1, #before) == before and heard:sub(#before + 1) or ""
    so_far[entry.data.number] = heard
    if rest:find "%S" then caller:hears((rest:match "^%s*(.-)%s*$")) end
    last = entry
  end
  act.utterance_paused, act.utterance_ended = hear, hear
  function act.speech_started(entry, index)
    local heard, at = cut_by(entries, index)
    if heard then
      hear(entries[at])
      done[at] = true
    else
      pause(caller, last, entry)
    end
    local words = words_after(entries, index)
    if words and words ~= "" then caller:says(words) else caller:coughs() end
    last = entry
  end
  function act.heard(entry) last = entry end
  function act.digit(entry, index)
    local heard, at = cut_by(entries, index)
    if heard then
      hear(entries[at])
      done[at] = true
    else
      pause(caller, last, entry)
    end
    caller:presses(entry.data.key)
    last = entry
  end
  function act.told(entry) caller:tell(entry.data.value) end
  function act.leg_ended(entry)
    if entry.data.reason ~= "closed" then caller:hangs_up() end -- else the agent did
  end
  for index, entry in ipairs(entries) do
    local fn = entry.what == "event" and not done[index] and act[entry.kind]
    if fn then fn(entry, index) end
  end
end

-- The word the agent gave then.
local function outcome_of(entries)
  local word
  for _, entry in ipairs(entries) do
    if entry.kind == "fact" and entry.data.kind == "agent_outcome" then word = entry.data.data.word or word end
  end
  return word
end

---Lives the call again.
---@param open fun(options: table): callisto.spec.World
---@param path string
---@param options callisto.spec.Options|nil  over those of the trace: secrets, sources, hosts …; `call` names one of several
---@return callisto.spec.Caller caller, callisto.spec.Ending ending, string|nil word  the outcome of then
function replay.run(open, path, options)
  options = options or {}
  local entries = replay.entries(path, options.call)
  local begin = first_of(entries, "begin")
  if not begin then error(("replay: %s does not have the beginning of the call"):format(path), 0) end
  local about, all = begin.data, {}
  local is_inbound = about.direction == "INBOUND"
  local of_trace = {
    template = about.template, payload = about.payload, inbound = is_inbound or nil, carrier = about.carrier,
    settings = about.settings, at = begin.at_ms / 1000, hosts = doubles_of(entries),
    number = is_inbound and about.from or about.to,
  }
  for _, given in ipairs { of_trace, options } do
    for name, value in pairs(given) do all[name] = value end
  end
  local caller = open(all):call(all)
  play(caller, entries)
  return caller, caller:ended(), outcome_of(entries)
end

return replay
