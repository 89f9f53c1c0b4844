-- Books tables. Two steps: what is wanted, and whether it is right. A model leads through each; nothing is booked before the
-- second.

local clock = require "callisto.clock"
local template = require "callisto.template"
local tool = require "callisto.tool"
local tools = require "callisto.tools"

local MOST_PEOPLE = 12

local MANNERS = "You answer the telephone of the Bistro at the River. Short spoken sentences, one question at a time. "

local confirm

local wanted = tool { "table_wanted", "Day, time and number of people are known.",
  { day = { type = "string", description = "as 2026-03-31" }, time = { type = "string", description = "as 19:30" },
    people = { type = "integer", minimum = 1 } },
  function(args, call)
    if args.people > MOST_PEOPLE then return nil, ("We have no table for more than %d people."):format(MOST_PEOPLE) end
    if args.day < clock.today(call.settings.zone) then return nil, "That day is over." end
    for name, value in pairs(args) do call.payload[name] = value end
    return confirm
  end,
}

local function find_out(call)
  local result, why = call:converse {
    prompt = MANNERS .. "Find out for which day, at what time and for how many people the caller wants a table.",
    tools = { wanted, tools.current_time { zone = call.settings.zone },
      tools.end_call { goodbye = "Goodbye.", outcome = "NOT_BOOKED" } },
  }
  if not result then call:finish(why == "failed" and "CALL_BACK" or "NOT_BOOKED") end
  return result.next
end

local book = tool { "book", "The caller has agreed.", { name = "string" }, function(args, call)
  call.payload.name = args.name
  call:fact("table.booked", { day = call.payload.day, time = call.payload.time, people = call.payload.people, name = args.name })
  return tool.done("BOOKED", "Your table for {people} is booked, {name}. Goodbye.")
end }

function confirm(call)
  local result = call:converse {
    prompt = MANNERS .. "Say {day|date} at {time|time} for {people} people back to the caller, and ask for the name.",
    tools = { book, tool { "change", "The caller wants something else.", {}, function() return find_out end } },
  }
  if not result then call:finish "CALL_BACK" end
  return result.next
end

return template {
  name = "bistro",
  description = "Books tables with a language model.",
  payload = { day = "string?", time = "string?", people = "integer?", name = "string?" },
  greeting = "Bistro at the River, good evening. How may I help you?",
  llm = "openai/gpt-4.1-mini",
  on_call = find_out,
}
