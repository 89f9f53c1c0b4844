-- callisto.flow: what runs in the VM of a call.
--
-- `begin` brings the template and what is known of the call. The greeting is declared at once, so that it is synthesised
-- while the phone rings and plays the moment the media socket opens; then the template's `on_call` runs as the root task, and
-- what it returns after it. When it has ended, by returning, by `finish` or because the leg is gone, the service VM is told,
-- once. An error leaves the handler, so that the engine plays the fallback.

local core = require "callisto.core"
local calls = require "callisto.flow.call"
local later = require "callisto.util.later"
local secrets = require "callisto.secrets"
local task = require "callisto.task"
local template = require "callisto.template"

local mistakes = later "callisto.flow.mistakes" ---@module "callisto.flow.mistakes"

local call ---@type callisto.Call|nil
local failure ---@type string|nil
local is_reported = false

task.on_error(function(_, message) failure = failure or message end)

local function begin(about)
  local agent = require(about.template)
  if not template.is(agent) then error(("%s does not return a template"):format(about.template), 0) end
  call = calls.new(about, agent)
  call:_start()
end

local function report_end()
  if is_reported or not call or not call:_has_ended() then return end
  is_reported = true
  local ending = call.ending or { reason = "AGENT_ENDED", outcome = call.outcome }
  core.tell(nil, { what = "ended", reason = ending.reason, outcome = ending.outcome, outputs = call.outputs }, true)
end

core.handler(function(kind, ...)
  if kind == "begin" then
    begin(...)
  elseif not task.event(kind, ...) and call then
    call:_receive(kind, ...)
  end
  task.run()
  if failure then
    local message = mistakes.explain(failure, calls.methods())
    is_reported = true
    task.cancel_all()
    error(secrets.redact(message), 0)
  end
  report_end()
end)

return {}
