-- callisto.spec.timeline: what happened in a world, as lines with times: what the caller heard and did, requests, log.

local timeline = {}

local SENTENCE_GAP_S = 0.35

---A time of the lab: minutes, seconds, milliseconds.
---@param at number
---@return string
function timeline.clock(at)
  local ms = math.floor(at * 1000 + 0.5)
  return ("%02d:%02d.%03d"):format(math.floor(ms / 60000), math.floor(ms / 1000) % 60, ms % 1000)
end

---The words a caller heard, as sentences: a pause, the end of a sentence, or something the caller did parts them.
---@param words {at: number, to: number, word: string}[]
---@param notes {at: number, who: string}[]|nil  what was noted meanwhile, in order
---@return {at: number, to: number, text: string}[]
function timeline.sentences(words, notes)
  local list, last, next_note = {}, nil, 1
  notes = notes or {}
  for _, word in ipairs(words) do
    local is_parted = false
    while notes[next_note] and notes[next_note].at <= word.at do
      is_parted = is_parted or notes[next_note].who == "caller"
      next_note = next_note + 1
    end
    if last and not is_parted and word.at - last.to <= SENTENCE_GAP_S and not last.text:find "[.?!]$" then
      last.text, last.to = last.text .. " " .. word.word, word.to
    else
      last = { at = word.at, to = word.to, text = word.word }
      list[#list + 1] = last
    end
  end
  return list
end

local function notes_of(caller)
  local list = {}
  for _, each in ipairs(caller.world.notes) do
    if each.of == caller then list[#list + 1] = each end
  end
  return list
end

local function in_order(entries)
  for i, each in ipairs(entries) do each.order = i end
  table.sort(entries, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.order < b.order
  end)
  return entries
end

local function write(entries)
  local lines = {}
  for i, each in ipairs(entries) do lines[i] = ("%s  %-8s %s"):format(timeline.clock(each.at), each.who, each.text) end
  return lines
end

---What a caller heard and did.
---@param caller callisto.spec.Caller
---@return string[]
function timeline.of_caller(caller)
  local entries, notes = {}, notes_of(caller)
  for _, each in ipairs(timeline.sentences(caller.words, notes)) do
    entries[#entries + 1] = { at = each.at, who = "agent", text = each.text }
  end
  for _, each in ipairs(notes) do entries[#entries + 1] = { at = each.at, who = each.who, text = each.text } end
  return write(in_order(entries))
end

-- Of a text with several lines, such as an error with its traceback, the first.
local function short(text)
  local line = text:match "^[^\n]*"
  return #line > 160 and line:sub(1, 160) .. " …" or line
end

-- What stopped the script of a call first, as the log has it.
local function broken(world)
  for _, each in ipairs(world.lab:log()) do
    local why = each.text:match "^error.- stopped %(%u+%): ([^\n]*)"
    if why then return why end
  end
end

---Everything, and above it what broke a call's script, if something did.
---@param world callisto.spec.World
---@return string
function timeline.story(world)
  local entries = {}
  local function add(at, who, text) entries[#entries + 1] = { at = at, who = who, text = short(text) } end
  for _, caller in ipairs(world.callers) do
    for _, each in ipairs(timeline.sentences(caller.words, notes_of(caller))) do add(each.at, "agent", each.text) end
  end
  for _, each in ipairs(world.notes) do add(each.at, each.who, each.text) end
  for _, each in ipairs(world.lab:requests()) do
    local is_ours = each.host == "exchange.test" and each.path:find "^/exchange/"
      or each.host == "app.test" and each.path:find "^/api/"
    if not is_ours then add(each.at, "request", ("%s %s → %s"):format(each.method, each.url, each.status or each.error)) end
  end
  for _, each in ipairs(world.lab:log()) do add(each.at, "log", each.text) end
  local why = broken(world)
  return (why and ("the script has broken: %s\n"):format(why) or "") .. "what happened:\n  "
    .. table.concat(write(in_order(entries)), "\n  ")
end

return timeline
