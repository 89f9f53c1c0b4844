-- Flows as specs write them: the text of an `on_call` becomes a template, which is called on the real engine.

local exchange = require "callisto.spec"

local flows = {}

---The text of a template that runs this text when it is called.
---@param body string
---@param fields string|nil  more fields of the template
---@return string
function flows.template(body, fields)
  return ([[
    local template = require "callisto.template"
    local task = require "callisto.task"
    return template { name = "under-test", %s on_call = function(call)
      %s
    end }
  ]]):format(fields or "", body)
end

---A call of it, answered.
---@param body string
---@param options table|nil  those of callisto.spec, and `fields`
---@return callisto.spec.Caller
function flows.call(body, options)
  local all = {}
  for name, value in pairs(options or {}) do all[name] = value end
  all.source, all.fields = flows.template(body, all.fields), nil
  return exchange.call(all)
end

---Why the call's script was stopped.
---@param caller callisto.spec.Caller
---@return string
function flows.error_of(caller)
  local ending = caller:ended()
  assert(ending.reason == "PIPELINE_ERROR", "no error ended the script: " .. tostring(ending.reason))
  return caller:fact("script.broken").text
end

---Asks, of many texts, what each is refused with when a flow runs it. All are run in one call, at the first question.
---@param bodies string[]
---@return fun(index: integer): string
function flows.refusals(bodies)
  local messages
  local function run()
    local tries = {}
    for i, body in ipairs(bodies) do
      tries[i] = ("call:fact('refused', { text = select(2, pcall(function() %s end)) })"):format(body)
    end
    local caller = flows.call(table.concat(tries, "\n"))
    caller:ended()
    return caller:facts "refused"
  end
  return function(index)
    messages = messages or run()
    return messages[index].text
  end
end

return flows
