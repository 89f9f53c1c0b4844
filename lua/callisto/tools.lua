-- callisto.tools: tools that most conversations need (call:converse).
--
--   local tools = require "callisto.tools"
--   tools = { tools.end_call {}, tools.current_time { zone = "Asia/Kolkata" }, tools.http { name = "order", … } }

local clock = require "callisto.clock"
local dates = require "callisto.dates"
local http = require "callisto.http"
local options = require "callisto.options"
local tool = require "callisto.tool"

local tools = {}

-- Each may have another name, another description, and what every tool may have.
local function fields_of(name, description, more)
  local fields = {
    name = { "string", default = name, required = name == nil }, description = { "string", default = description,
      required = description == nil },
    timeout = { "string|number" }, filler = { "string" }, filler_after = { "string|number" },
    cancel_on_interruption = { "boolean" }, approve = { "function" },
  }
  for key, spec in pairs(more or {}) do fields[key] = spec end
  return fields
end

local OF_A_TOOL = { "name", "description", "timeout", "filler", "filler_after", "cancel_on_interruption", "approve" }

local function made(values, parameters, fn)
  local given = { parameters = parameters, fn = fn }
  for _, name in ipairs(OF_A_TOOL) do given[name] = values[name] end
  return tool.new(given)
end

-- The call itself ----------------------------------------------------------------------------------------------------

local end_fields = fields_of("end_call", "Ends the call. Use it when the caller has said goodbye, or wants nothing more.", {
  goodbye = { "string" }, outcome = { "string" }, revocable = { "boolean", default = false },
})

---Ends the call: what is being said is heard, the goodbye is said, and the line is given back, whatever the caller says
---meanwhile. With `revocable` words of the caller take it back, once.
---@param given {goodbye: string?, outcome: string?, revocable: boolean?, name: string?, description: string?}|nil
---@return callisto.Tool
function tools.end_call(given)
  local values = options.read("tools.end_call", given, end_fields)
  return made(values, {}, function()
    local done = tool.done(values.outcome, values.goodbye)
    done.ends_call, done.is_revocable = true, values.revocable
    return done
  end)
end

local outcome_fields = fields_of("update_outcome", "Records how the call ends. Use it as soon as you know.", {
  words = { "list", required = true, each = { "string" } },
})

---Records the word the call will end with; a later one replaces it.
---@param given {words: string[], name: string?, description: string?}
---@return callisto.Tool
function tools.update_outcome(given)
  local values = options.read("tools.update_outcome", given, outcome_fields)
  return made(values, { outcome = values.words }, function(args, call) call:decide(args.outcome) end)
end

local become_fields = fields_of(nil, nil, { template = { "string|map", required = true }, parameters = { "map", default = {} } })

---Hands the caller to another agent of the workspace, in the same call; the arguments are added to the payload.
---@param given {name: string, description: string, template: callisto.Template|string, parameters: table?}
---@return callisto.Tool
function tools.become(given)
  local values = options.read("tools.become", given, become_fields)
  return made(values, values.parameters, function(args, call) call:become(values.template, args) end)
end

local time_fields = fields_of("current_time", "The date and the time of day now.", { zone = { "string", default = "UTC" } })
local DAYS = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" }

---Tells the model what time it is.
---@param given {zone: string?, name: string?, description: string?}|nil
---@return callisto.Tool
function tools.current_time(given)
  local values = options.read("tools.current_time", given, time_fields)
  return made(values, {}, function()
    local today = clock.today(values.zone)
    return { date = today, time = clock.time(values.zone), weekday = DAYS[(dates.count(today) + 3) % 7 + 1], zone = values.zone }
  end)
end

-- The world outside --------------------------------------------------------------------------------------------------

local http_fields = fields_of(nil, nil, {
  url = { "string", required = true, check = function(url)
    if not url:find "^https?://[^/]" then return "must begin with https:// and a host" end
  end },
  method = { "string", default = "GET", values = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true } },
  headers = { "map|function" },
  parameters = { "map", default = {} },
  pick = { "map" },
})

local function escaped(value)
  return (tostring(value):gsub("[^%w%-._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- Arguments that the address has a place for go there, the others into the query or the body.
local function address_of(url, args)
  local rest = {}
  for name, value in pairs(args) do rest[name] = value end
  local filled = url:gsub("{([%w_]+)}", function(name)
    rest[name] = nil
    return escaped(args[name] == nil and "" or args[name])
  end)
  return filled, rest
end

local function with_query(url, rest)
  local names, parts = {}, {}
  for name in pairs(rest) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = escaped(name) .. "=" .. escaped(rest[name]) end
  if #parts == 0 then return url end
  return url .. (url:find("?", 1, true) and "&" or "?") .. table.concat(parts, "&")
end

local function at_path(value, path)
  for name in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    value = value[tonumber(name) or name]
  end
  return value
end

-- What of an answer the model is told.
local function picked(value, pick)
  if not pick then return value end
  local result = {}
  for name, path in pairs(pick) do result[name] = at_path(value, path) end
  return result
end

local function request_of(values, args, call)
  local headers = values.headers
  if type(headers) == "function" then headers = headers(call) end
  local sent = {}
  for name, value in pairs(headers or {}) do sent[name] = value end
  local url, rest = address_of(values.url, args)
  local has_body = values.method ~= "GET" and values.method ~= "DELETE"
  return {
    url = has_body and url or with_query(url, rest), method = values.method, headers = sent, json = has_body and rest or nil,
  }
end

---Asks an HTTP service and tells the model its JSON, or what `pick` takes of it: { name = "path.in.the.answer" }.
---@param given {name: string, description: string, url: string, method: string?, headers: table|function?, parameters: table?,
---  pick: table<string, string>?, timeout: string|number?, filler: string?}  `url` has places for arguments: "…/orders/{id}";
---  `headers` may be a function of the call, which knows its secrets
---@return callisto.Tool
function tools.http(given)
  local values = options.read("tools.http", given, http_fields)
  return made(values, values.parameters, function(args, call)
    local answer, status = http.fetch_json(request_of(values, args, call))
    if answer == nil then return nil, "The service gave no answer: " .. tostring(status) end
    if status >= 400 then return nil, ("The service refused, with status %d."):format(status) end
    return picked(answer, values.pick)
  end)
end

return tools
