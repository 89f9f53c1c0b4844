-- callisto.service.records.transcript: what was said in a call. The engine writes it (core/store/facts.h).

local statement = require "callisto.service.records.statement"

local transcript = {}

---@param call_id string
---@return table[]|nil rows, string? message, string? code
function transcript.of(call_id)
  return statement.ask("SELECT seq, at_ms, who, text, heard_text, interrupted, known_by FROM transcript WHERE call_id = $1"
    .. " ORDER BY seq LIMIT 5000", { call_id }, 1)
end

return transcript
