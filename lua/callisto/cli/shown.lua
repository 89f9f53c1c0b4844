-- callisto.cli.shown: calls as the command line shows them.

local json = require "callisto.json"
local nearest = require("callisto.options").nearest

local shown = {}

---A line of a transcript: who, and what was said; what was cut off ends with "--".
---@param said {who: string, text: string, heard: string|nil, interrupted: boolean|nil}
---@return string
function shown.line(said)
  local text = said.interrupted and (said.heard or "") .. " --" or said.text
  return ("%-7s %s"):format(said.who, text)
end

---How a call ended: its state, what came of it, and why when it failed.
---@param call table  as the API has it
---@return string
function shown.ending(call)
  local word = call.result or call.outcome
  if not word or word == "" then word = "without an outcome" end
  return ("%s %s%s"):format(call.state, word, call.state == "failed" and call.why and ": " .. call.why or "")
end

---A refusal of a payload, and how a value that is not a text is written, when that was the mistake.
---@param why string
---@param payload table
---@return string
function shown.with_remedy(why, payload)
  local name, wanted = why:match "'([%w_]+)' must be (.-), not string"
  local value = name and payload[name]
  if type(value) ~= "string" then return why end
  local read = json.decode(value)
  local fits = type(read) == "number" and wanted:find "^[ni]" or type(read) == "boolean" and wanted:find "boolean"
    or type(read) == "table"
  if fits then return ("%s; write %s:=%s"):format(why, name, value) end
  return ("%s; a value that is not a text is written %s:=JSON"):format(why, name)
end

---Why there is no such agent, or nil when there is.
---@param name string
---@param agents {name: string}[]
---@return string|nil
function shown.unknown_agent(name, agents)
  local names, list = {}, {}
  for _, agent in ipairs(agents) do
    names[agent.name], list[#list + 1] = true, agent.name
    if agent.name == name or agent.name:gsub("-", "_") == name:gsub("-", "_") then return nil end
  end
  local near = nearest(name, names)
  local rest = near and ("; did you mean '%s'?"):format(near) or #list > 0 and "; there are: " .. table.concat(list, ", ")
    or "; callisto check says what is wrong with the templates"
  return ("there is no agent '%s'%s"):format(name, rest)
end

return shown
