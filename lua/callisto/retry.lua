-- callisto.retry: when to try again. A policy is data; deciding is a pure function.
--
-- `attempts` is the total number of attempts, the first included. The other fields say how long to wait after an
-- attempt that ended in that way; a way without a wait is not tried again.

local options = require "callisto.options"

local retry = {}

local fields = {
  attempts = { "integer", default = 3, min = 1, max = 100 },
  no_answer = { "duration" },
  busy = { "duration" },
  failed = { "duration" },
  cancelled = { "duration" },
  timeout = { "duration" },
  undecided = { "duration" },
  voicemail = { "duration" },
  jitter = { "duration", default = 2 },
}

---@class callisto.RetryPolicy
---@field attempts integer total, the first included
---@field no_answer number|nil seconds
---@field busy number|nil
---@field failed number|nil
---@field cancelled number|nil
---@field timeout number|nil
---@field undecided number|nil  answered, but nothing was decided
---@field voicemail number|nil
---@field jitter number  up to this many seconds more, against storms of retries

---@param policy table
---@return callisto.RetryPolicy
function retry.policy(policy) return options.read("retry.policy", policy, fields) end

---As `policy`, for data that came from elsewhere.
---@return callisto.RetryPolicy|nil, string? message
function retry.check(policy) return options.try("retry", policy, fields) end

local reasons = {
  NO_ANSWER = "no_answer",
  BUSY = "busy",
  FAILED = "failed",
  CANCELED = "cancelled",
  TIMEOUT = "timeout",
}

-- Answered calls worth another attempt, by their outcome.
local words = { BUSY = "undecided", EARLY_HANGUP = "undecided", VOICEMAIL = "voicemail" }

---In which way an attempt failed; nil when it did not, or when trying again would not help.
---@param facts callisto.Facts
---@param outcome string|nil
---@return string|nil way
function retry.way(facts, outcome)
  local platform, provider = facts.platform or {}, facts.provider or {}
  if platform.status == "NOT_INITIATED" then return nil end
  if provider.status == "NOT_ANSWERED" then return reasons[provider.reason] or "failed" end
  if provider.status == "UNKNOWN" then return "failed" end
  return words[outcome or ""]
end

---Seconds until the next attempt, or nil when there is none.
---@param policy callisto.RetryPolicy
---@param way string|nil  of `retry.way`
---@param attempt integer  0 for the first
---@param random number|nil  0..1, spreads the retries
---@return number|nil
function retry.delay(policy, way, attempt, random)
  if not way or attempt + 1 >= policy.attempts then return nil end
  local wait = policy[way]
  return wait and wait + (random or 0) * policy.jitter
end

return retry
