-- callisto.service.records.statement: one statement of the service, run on the store.

local core = require "callisto.core"
local log = require "callisto.log"
local task = require "callisto.task"

local statement = {}

local ANSWER_S = 30

---Now, as the store keeps times.
---@return integer milliseconds
function statement.now_ms() return math.floor(core.wall() * 1000) end

---Runs a statement and waits for its rows.
---@param sql string
---@param values any[]
---@param count integer
---@param is_fact boolean|nil  while the disk is in trouble it is refused and written all the same once that is over
---@return table[]|nil rows, string? message, string? code
function statement.ask(sql, values, count, is_fact)
  local number, message, code = core.store(sql, values, count, is_fact)
  if not number then return nil, message, code end
  return task.answer("stored", number, ANSWER_S)
end

---Runs a statement that must not be lost, without waiting for its answer.
---@param what string  for the log
---@param sql string
---@param values any[]
---@param count integer
function statement.write(what, sql, values, count)
  local accepted, message = core.store_fact(sql, values, count)
  if not accepted then log.error(("the store refused %s: %s"):format(what, message)) end
end

return statement
