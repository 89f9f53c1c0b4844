-- callisto.outcome: facts in, one word out. Each part of the engine records the fact it knows; nobody writes the word.
--
-- Facts of a call: platform {status, reason} (did we dial at all), provider {status, reason} (what the carrier says),
-- session_end (how the conversation ended), agent {word, source} (what the agent decided), eval (a judgement afterwards).

local outcome = {}

---@class callisto.Facts
---@field platform {status: "INITIATED"|"NOT_INITIATED", reason: string|nil}|nil
---@field provider {status: "ANSWERED"|"NOT_ANSWERED"|"UNKNOWN", reason: string|nil}|nil
---@field session_end string|nil
---@field agent {word: string, source: string}|nil
---@field eval string|nil

-- Endings that decide whatever the agent had chosen.
local overriding = {
  TRANSFERRED = true, USER_IDLE_TIMEOUT = true, PIPELINE_ERROR = true, IVR_ERROR = true, IVR_LOOP_GUARD = true,
  IVR_NODE_MISSING = true,
}

-- One rule, two vocabularies: the word that systems before this one used, which calls several things BUSY, and one that
-- tells them apart. `endings` holds what an ending means when the agent chose no word.
local compatible = {
  not_answered = function() return "NO_ANSWER" end,
  endings = {
    TRANSFERRED = "TRANSFERRED",
    USER_IDLE_TIMEOUT = "BUSY",
    PIPELINE_ERROR = "UNKNOWN",
    IVR_ERROR = "IVR_ERROR",
    IVR_LOOP_GUARD = "IVR_LOOP_GUARD",
    IVR_NODE_MISSING = "IVR_NODE_MISSING",
    EARLY_HANGUP = "EARLY_HANGUP",
    CUSTOMER_HANGUP = "BUSY",
    IDLE_TIMEOUT = "BUSY",
    GLOBAL_END = "BUSY",
    WIDGET_ENDED = "BUSY",
    IVR_ENDED = "BUSY",
    IVR_NO_INPUT = "BUSY",
    IVR_EXCEPTION = "BUSY",
    AGENT_ENDED = "",
    REAPED = "UNKNOWN",
  },
}

local told_apart = {
  not_answered = function(reason)
    if reason == "FAILED" then return "UNREACHABLE" end
    return reason == "TIMEOUT" and "NO_ANSWER" or reason or "NO_ANSWER"
  end,
  endings = {
    TRANSFERRED = "TRANSFERRED",
    USER_IDLE_TIMEOUT = "SILENT",
    PIPELINE_ERROR = "ERROR",
    IVR_ERROR = "IVR_ERROR",
    IVR_LOOP_GUARD = "IVR_LOOP_GUARD",
    IVR_NODE_MISSING = "IVR_NODE_MISSING",
    EARLY_HANGUP = "EARLY_HANGUP",
    CUSTOMER_HANGUP = "HUNG_UP",
    IDLE_TIMEOUT = "SILENT",
    GLOBAL_END = "TOO_LONG",
    WIDGET_ENDED = "HUNG_UP",
    IVR_ENDED = "ENDED",
    IVR_NO_INPUT = "NO_INPUT",
    IVR_EXCEPTION = "ERROR",
    AGENT_ENDED = "ENDED",
    REAPED = "LOST",
  },
}

local function decide(facts, vocabulary)
  local platform, provider, agent = facts.platform or {}, facts.provider or {}, facts.agent or {}
  if facts.eval then return facts.eval end
  if platform.status == "NOT_INITIATED" then return platform.reason or "UNKNOWN" end
  if provider.status == "NOT_ANSWERED" then return vocabulary.not_answered(provider.reason) end
  if provider.status == "UNKNOWN" then return "UNKNOWN" end
  local ending = facts.session_end or ""
  if agent.word and not overriding[ending] then return agent.word end
  return vocabulary.endings[ending] or "UNKNOWN"
end

---The word of a call, as systems before this one have it. Pure: the same facts give the same word.
---@param facts callisto.Facts
---@return string word  "" when the agent ended the call without one
function outcome.word(facts) return decide(facts, compatible) end

---The same, told apart: busy (BUSY), not answered (NO_ANSWER), not reached (UNREACHABLE), hung up by the caller (HUNG_UP),
---silent (SILENT), a mistake of a script (ERROR) …
---@param facts callisto.Facts
---@return string word  "ENDED" when the agent ended the call without one
function outcome.result(facts) return decide(facts, told_apart) end

local leg_endings = {
  closed = "AGENT_ENDED",
  too_long = "GLOBAL_END",
  no_start = "PIPELINE_ERROR",
  wrong_start = "PIPELINE_ERROR",
  no_socket = "PIPELINE_ERROR",
  malformed = "PIPELINE_ERROR",
}

---How a conversation ended whose media socket ended first, by the reason the engine gives for the socket.
---@param reason string|nil
---@return string
function outcome.ending_of_leg(reason) return leg_endings[reason or ""] or "CUSTOMER_HANGUP" end

local folders = {}

function folders.platform(facts, data) facts.platform = facts.platform or { status = data.status, reason = data.reason } end

-- The first clear word of the carrier stands; a clear one replaces "unknown".
function folders.provider(facts, data)
  if facts.provider and facts.provider.status ~= "UNKNOWN" then return end
  facts.provider = { status = data.status, reason = data.reason, cause = data.cause }
end

-- The first ending stands, but for those that override; the first of these stands.
function folders.session_end(facts, data)
  local before = facts.session_end
  if before and (overriding[before] or not overriding[data.reason]) then return end
  facts.session_end = data.reason
end

-- The last word stands, unless an observer has spoken.
function folders.agent_outcome(facts, data)
  if facts.agent and facts.agent.source == "OBSERVER" and data.source ~= "OBSERVER" then return end
  facts.agent = { word = data.word, source = data.source }
end

function folders.evaluation(facts, data) facts.eval = data.word end

---Adds a recorded fact to what is known. Other kinds change nothing.
---@param facts callisto.Facts
---@param kind string
---@param data table
---@return boolean changed
function outcome.add(facts, kind, data)
  local fold = folders[kind]
  if not fold then return false end
  local before = { facts.platform, facts.provider, facts.session_end, facts.agent, facts.eval }
  fold(facts, data)
  return facts.platform ~= before[1] or facts.provider ~= before[2] or facts.session_end ~= before[3]
    or facts.agent ~= before[4] or facts.eval ~= before[5]
end

---Everything that is known, from the facts as they were recorded.
---@param recorded {kind: string, data: table}[]
---@return callisto.Facts
function outcome.fold(recorded)
  local facts = {}
  for _, each in ipairs(recorded) do outcome.add(facts, each.kind, each.data) end
  return facts
end

return outcome
