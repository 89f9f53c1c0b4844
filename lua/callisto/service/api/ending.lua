-- callisto.service.api.ending: how a call ended, in a word that tells things apart and in a sentence, from what is written
-- of it.

local outcome = require "callisto.outcome"

local ending = {}

local not_begun = {
  INVALID_PHONE = "the carrier says that the number cannot be called",
  CARRIER_REFUSED = "the carrier refused the call",
  CAPACITY_REJECTED = "no line or no room was free",
  BLOCKED_REJECT = "the agent takes no calls now",
  BLOCKED_REDIRECT = "the agent takes no calls now, and the caller was sent to another number",
  NOT_WRITTEN = "the call could not be written down, so it was not dialled",
}

local not_answered = {
  BUSY = "the line was busy",
  NO_ANSWER = "it rang, and was not answered",
  TIMEOUT = "it rang, and was not answered",
  CANCELED = "the call was ended before it was answered",
  FAILED = "the number could not be reached",
}

local endings = {
  TRANSFERRED = "the call was transferred",
  USER_IDLE_TIMEOUT = "the caller said nothing any more",
  IDLE_TIMEOUT = "the caller said nothing any more",
  EARLY_HANGUP = "it was hung up before the agent was connected",
  CUSTOMER_HANGUP = "the caller hung up",
  GLOBAL_END = "the call was longer than its template allows",
  AGENT_ENDED = "the agent ended the call",
  IVR_ENDED = "the menu came to its end",
  IVR_NO_INPUT = "the caller chose nothing",
  REAPED = "the process that carried the call ended",
}

-- Why a media socket ended that should not have.
local socket_endings = {
  no_socket = "the carrier never opened the media socket: it must reach PUBLIC_BASE_URL by wss://",
  no_start = "the carrier opened the media socket and then said nothing",
  wrong_start = "the media socket began with something that is not this call",
  malformed = "the carrier sent something on the media socket that cannot be read",
}

---Kinds of events that know better than a call's row why it ended.
ending.kinds = { "dial.refused", "script.broken", "leg.ended" }

---The facts of a call's row.
---@param row table
---@return callisto.Facts
local function facts_of(row)
  local word = row.agent_outcome
  return {
    platform = row.platform_status and { status = row.platform_status, reason = row.platform_reason } or nil,
    provider = row.provider_status and { status = row.provider_status, reason = row.provider_reason } or nil,
    session_end = row.session_end_reason,
    agent = word and word ~= "" and { word = word, source = row.agent_outcome_source } or nil,
  }
end

-- The last event of a kind.
local function last_of(events, kind)
  local found
  for _, event in ipairs(events or {}) do
    if event.kind == kind then found = event.data end
  end
  return found
end

local function first_line(text) return (tostring(text):match "^[^\n]*") end

-- What an event knows better than the facts.
local function detail_of(facts, events)
  local refused, broken, leg = last_of(events, "dial.refused"), last_of(events, "script.broken"), last_of(events, "leg.ended")
  if (facts.platform or {}).status == "NOT_INITIATED" and refused and refused.text then
    return ("%s (%s)"):format(refused.text, refused.code or "without a code")
  end
  if broken and facts.session_end == "PIPELINE_ERROR" then return first_line(broken.text) end
  return leg and socket_endings[leg.reason]
end

---What came of a call, in a word; nil while it goes on.
---@param row table  as callisto.service.records.calls gives it
---@return string|nil
function ending.word(row)
  if row.state == "IN_PROGRESS" then return nil end
  return row.outcome == "NOT_WRITTEN" and row.outcome or outcome.result(facts_of(row))
end

---Why, in a sentence; nil while the call goes on.
---@param row table
---@param events {kind: string, data: table}[]|nil  what happened in it, at least of `ending.kinds`
---@return string|nil
function ending.why(row, events)
  if row.state == "IN_PROGRESS" then return nil end
  local facts = facts_of(row)
  local detail = detail_of(facts, events)
  if detail then return detail end
  local platform, provider = facts.platform or {}, facts.provider or {}
  if row.outcome == "NOT_WRITTEN" then return not_begun.NOT_WRITTEN end
  if platform.status == "NOT_INITIATED" then return not_begun[platform.reason] or "the call was not begun" end
  if provider.status == "NOT_ANSWERED" then return not_answered[provider.reason or "NO_ANSWER"] or not_answered.FAILED end
  if facts.session_end == "PIPELINE_ERROR" then return "a mistake of the script or of the media socket; the log says which" end
  if provider.status == "UNKNOWN" then return "the carrier did not say what became of the call" end
  return endings[facts.session_end or ""]
end

return ending
