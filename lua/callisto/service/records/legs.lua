-- callisto.service.records.legs: the connections of a call's parties. The caller is party 1.

local core = require "callisto.core"
local statement = require "callisto.service.records.statement"

local legs = {}

local BEGIN = [[
INSERT INTO legs (id, call_id, party, role, carrier, started_at_ms) VALUES ($1, $2, $3, $4, $5, $6)]]

---A party's connection is awaited from now on.
---@param call callisto.LiveCall
---@param party integer
---@param role "caller"|"agent"|"browser"
function legs.begin(call, party, role)
  statement.write("the beginning of a leg", BEGIN,
    { core.id("l"), call.id, party, role, call.carrier, statement.now_ms() }, 6)
end

---Its sound can flow.
---@param call_id string
---@param party integer
---@param stream string|nil  what the carrier calls it
function legs.up(call_id, party, stream)
  statement.write("a leg that is up",
    "UPDATE legs SET up_at_ms = $3, stream_id = $4 WHERE call_id = $1 AND party = $2 AND ended_at_ms IS NULL",
    { call_id, party, statement.now_ms(), stream }, 4)
end

local FINISH = [[
UPDATE legs SET ended_at_ms = $3, end_reason = $4, frames_in = $5, frames_out = $6, underruns = $7, malformed = $8,
  late_max_us = $9
WHERE call_id = $1 AND party = $2 AND ended_at_ms IS NULL]]

---It is over. Twice is harmless.
---@param call_id string
---@param party integer
---@param about {reason: string, messages_in: integer|nil, frames_out: integer|nil, underruns: integer|nil,
---  malformed: integer|nil, late_us: integer|nil}  as the engine reports it
function legs.finish(call_id, party, about)
  statement.write("the end of a leg", FINISH, {
    call_id, party, statement.now_ms(), about.reason, about.messages_in or 0, about.frames_out or 0, about.underruns or 0,
    about.malformed or 0, about.late_us or 0,
  }, 9)
end

---@param call_id string
---@return table[]|nil rows, string? message, string? code
function legs.of(call_id)
  return statement.ask([[
SELECT party, role, stream_id, started_at_ms, up_at_ms, ended_at_ms, end_reason, frames_in, frames_out, underruns, malformed,
  late_max_us
FROM legs WHERE call_id = $1 ORDER BY party, started_at_ms LIMIT 100]], { call_id }, 1)
end

return legs
