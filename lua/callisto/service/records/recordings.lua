-- callisto.service.records.recordings: the rows of recorded files. The engine writes them (core/store/facts.h); here they are
-- read, and deleted with their files.

local core = require "callisto.core"
local statement = require "callisto.service.records.statement"
local task = require "callisto.task"

local recordings = {}

local ANSWER_S = 30

---The recordings of a call.
---@param call_id string
---@return table[]|nil rows, string? message, string? code
function recordings.of(call_id)
  return statement.ask(
    "SELECT path, state, samples, bytes FROM recordings WHERE call_id = $1 ORDER BY started_at_ms LIMIT 10", { call_id }, 1)
end

---Recordings that ended before a time, in the order of their paths.
---@param before_ms number
---@param after string  the path that the last one of the page before has; ""
---@param most integer
---@return {path: string}[]|nil rows, string? message, string? code
function recordings.older(before_ms, after, most)
  return statement.ask("SELECT path FROM recordings WHERE ended_at_ms < $1 AND path > $2 ORDER BY path LIMIT $3",
    { before_ms, after, most }, 3)
end

---Deletes a recording: the file first, so that what cannot be deleted is still known.
---@param path string
---@return true|nil done, string? message, string? code
function recordings.delete(path)
  local number, message, code = core.recording_remove(path)
  local gone
  if number then gone, message, code = task.answer("stored", number, ANSWER_S) end
  if not gone then return nil, message, code end
  gone, message, code = statement.ask("DELETE FROM recordings WHERE path = $1", { path }, 1)
  return gone and true, message, code
end

return recordings
