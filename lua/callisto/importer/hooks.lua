-- callisto.importer.hooks: what templates of other systems do beside talking: hooks and actions. For callisto.importer.
--
-- Everything is checked and prepared while the template is loaded; what cannot be done here is a problem then, with the
-- place in the document, and not a surprise in a call.

local clock = require "callisto.clock"
local http = require "callisto.http"
local json = require "callisto.json"
local log = require "callisto.log"
local options = require "callisto.options"

local hooks = {}

-- What "computed" fields may be. A template's importer may add its own.
local computed = {
  call_id = function(call) return call.id end,
  current_time = function() return clock.today() .. "T" .. clock.time() .. "Z" end,
  current_date = function() return clock.today() end,
  from_number = function(call) return call.from end,
  to_number = function(call) return call.to end,
  direction = function(call) return call.direction end,
}

local function value_in(payload, path)
  local value = payload
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

-- Where the value of a field comes from: fn(call, arguments) → value.
local sources = {}

function sources.static(_, about) return function() return about.value end end

function sources.context(name, about)
  local path = type(about.value) == "string" and about.value:match("^{?([%w_.]+)}?$") or name
  return function(call) return value_in(call.payload, path) end
end

function sources.llm(name, about)
  local argument = type(about.value) == "string" and about.value ~= "" and about.value or name
  return function(_, arguments) return arguments[argument] end
end

function sources.computed(name, about, reader)
  local wanted = type(about.value) == "string" and about.value or name
  local fn = (reader.computed or {})[wanted] or computed[wanted]
  if not fn then
    return nil, ("'computed' value %s; give importer.template a function for it in 'computed'"):format(
      options.unknown(wanted, computed):gsub("field ", ""))
  end
  return function(call) return fn(call) end
end

local function read_fields(reader, at, given)
  local fields = {}
  for name, about in pairs(given or {}) do
    local source = type(about) == "table" and sources[about.source or "static"]
    if type(about) ~= "table" then
      fields[name] = function() return about end
    elseif not source then
      reader:problem(at, ("expected_fields.%s: %s"):format(name, options.unknown(about.source, sources):gsub("field", "source")))
    else
      local why
      fields[name], why = source(name, about, reader)
      if why then reader:problem(at, ("expected_fields.%s: %s"):format(name, why)) end
    end
  end
  return fields
end

local function resolve(fields, call, arguments)
  local values = {}
  for name, fn in pairs(fields) do values[name] = fn(call, arguments) end
  return values
end

-- Hooks --------------------------------------------------------------------------------------------------------------

local kinds = {}

-- Outcomes of other systems are free text; ours are words.
local function word_of(value) return (tostring(value):upper():gsub("[^%w_%-]+", "_"):sub(1, 64)) end

function kinds.update_outcome_in_database(_, _, _, fields)
  return function(call, arguments)
    local values = resolve(fields, call, arguments)
    if values.outcome ~= nil and values.outcome ~= "" then call:decide(word_of(values.outcome)) end
    call:fact("hook.outcome", values)
  end
end

function kinds.send_http_request(reader, at, hook, fields)
  local request = type(hook.http_request) == "table" and hook.http_request or hook
  if type(request.url) ~= "string" or not request.url:match("^https?://") then
    reader:problem(at, "send_http_request needs a 'url' that begins with https://")
    return nil
  end
  return function(call, arguments)
    local values = resolve(fields, call, arguments)
    for name, value in pairs(type(request.body) == "table" and request.body or {}) do
      if values[name] == nil then values[name] = value end
    end
    local headers = { ["content-type"] = "application/json" }
    for name, value in pairs(request.headers or {}) do headers[name:lower()] = tostring(value) end
    local message, why = http.fetch {
      url = request.url, method = (request.method or "POST"):upper(), headers = headers, body = json.encode(values),
      timeout = tonumber(request.timeout) or 10,
    }
    if not message or message.status >= 400 then
      log.warn(("call %s: the request of a hook failed: %s"):format(call.id, why or "status " .. message.status))
    end
  end
end

function kinds.end_conversation() return function(call) call:bye() end end

function kinds.set_transfer_flag(reader, at)
  reader:problem(at, "set_transfer_flag: transfers cannot be imported; write this step in Lua")
end

-- One hook: fn(call, arguments). What is not awaited runs beside the flow.
local function read_hook(reader, at, hook, is_awaited)
  local kind = type(hook) == "table" and (hook.type or hook.name) or hook
  local read = kinds[kind]
  if not read then
    reader:problem(at, options.unknown(kind, kinds):gsub("field", "hook"))
    return nil
  end
  local fields = type(hook) == "table" and read_fields(reader, at, hook.expected_fields) or {}
  local fn = read(reader, at, type(hook) == "table" and hook or {}, fields)
  if not fn or kind ~= "send_http_request" or hook.awaited or is_awaited then return fn end
  return function(call, arguments) call:spawn(function() fn(call, arguments) end) end
end

---Reads a list of hooks.
---@param reader table  callisto.importer's
---@param at string  place in the document
---@param list table[]|nil
---@param is_awaited boolean|nil  each of them is waited for
---@return fun(call: callisto.Call, arguments: table) run
function hooks.read(reader, at, list, is_awaited)
  local fns = {}
  for i, hook in ipairs(list or {}) do fns[#fns + 1] = read_hook(reader, ("%s.hooks[%d]"):format(at, i - 1), hook, is_awaited) end
  return function(call, arguments)
    for _, fn in ipairs(fns) do fn(call, arguments) end
  end
end

-- Actions ------------------------------------------------------------------------------------------------------------

local function nothing() end

local handlers = {
  mute_stt = function() return nothing end, -- nobody listens here unless a step asks
  unmute_stt = function() return nothing end,
  end_conversation = function() return function(call) call:bye() end end,
}

function handlers.play_audio_sound(reader, at, args)
  local path = args.path or args.file or args.sound
  if type(path) ~= "string" or path:sub(1, 1) == "/" or path:find("..", 1, true) then
    reader:problem(at, "play_audio_sound needs the 'path' of a sound file inside the workspace")
    return nil
  end
  return function(call) call:play(path) end
end

function handlers.update_payload(_, _, args)
  return function(call)
    for name, value in pairs(args.fields or args) do call.payload[name] = value end
  end
end

function handlers.warm_transfer(reader, at)
  reader:problem(at, "warm_transfer: transfers cannot be imported; write this step in Lua")
end

local actions = {}

function actions.tts_say(reader, at, action)
  local sentence = reader:sentence(at, action.text)
  return sentence and function(call) call:say(sentence) end
end

actions["function"] = function(reader, at, action)
  local handler = handlers[action.handler]
  if handler then return handler(reader, at, type(action.args) == "table" and action.args or {}) end
  reader:problem(at, options.unknown(action.handler, handlers):gsub("field", "handler"))
end

function actions.end_conversation() return function(call) call:bye() end end

---Reads a list of actions.
---@param reader table
---@param at string
---@param list table[]|nil
---@return fun(call: callisto.Call) run
---@return boolean ends  one of them ends the call
function hooks.read_actions(reader, at, list)
  local fns, ends = {}, false
  for i, action in ipairs(list or {}) do
    local place = ("%s[%d]"):format(at, i - 1)
    local read = type(action) == "table" and actions[action.type]
    if read then
      fns[#fns + 1] = read(reader, place, action)
      ends = ends or action.type == "end_conversation" or action.handler == "end_conversation"
    else
      reader:problem(place, options.unknown(type(action) == "table" and action.type or action, actions):gsub("field", "action"))
    end
  end
  return function(call)
    for _, fn in ipairs(fns) do fn(call) end
  end, ends
end

return hooks
