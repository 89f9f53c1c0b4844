-- callisto.service.api.code: the routes about the code that runs: reload, rollback, what it is.

local core = require "callisto.core"
local http = require "callisto.http"
local task = require "callisto.task"

local RELOAD_S = 60

local report = {
  ok = { "boolean", says = "whether what was asked for was done" },
  generation = { "integer", says = "number of the code that new calls get" },
  digest = { "string", says = "of its text" },
  what = { "string", says = "what was done, in a sentence" },
  milliseconds = { "integer", says = "how long the last reload took" },
  canary = { "map", says = "code that gets a share of new calls: generation, share, ended, broken" },
  held = { "boolean", says = "true after a rollback: changed files are taken only when a reload is asked for" },
  problems = { "list", says = "what stands in the way: file, line, message" },
}

-- The engine answers with a report of its own.
local function answer(number, why)
  if not number then return http.problem(503, why) end
  local message, text = task.answer("response", number, RELOAD_S)
  if not message then return http.problem(504, text) end
  return { status = message.status, headers = { ["content-type"] = "application/json" }, body = message.body }
end

return {
  {
    "GET", "/api/code", says = "Tells which code runs.", gives = report,
    run = function() return answer(core.code()) end,
  },
  {
    "POST", "/api/code/reload", gives = report,
    says = "Builds and checks the code on disk, and has new calls run it. When anything is wrong nothing changes.",
    body = {
      canary = { "integer", min = 1, max = 99, says = "the share of new calls that get it, in percent; without it all do" },
      force = { "boolean", says = "while a canary runs, takes other code than the canary's, which ends it" },
    },
    refuses = {
      [409] = "another reload is under way, or a canary of other code runs; the report says which",
      [422] = "the code on disk cannot be used; the report says why",
    },
    run = function(_, given) return answer(core.reload(given.canary or 100, given.force)) end,
  },
  {
    "POST", "/api/code/rollback", says = "Ends a canary, or goes back to the code before.", gives = report,
    run = function() return answer(core.rollback()) end,
  },
}
