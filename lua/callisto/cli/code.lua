-- callisto reload, rollback and status: the code of a running server.

local arguments = require "callisto.cli.arguments"
local json = require "callisto.json"
local server = require "callisto.cli.server"

local command = {}

local OF_ALL = [[

  --json            the server's answer as it is
  --server URL      [http://127.0.0.1:8080]
  --key KEY         API key, if the server wants one [$CALLISTO_API_KEY] ]]

local HELP = {
  reload = [[
usage: callisto reload [options]

Has a running server build, verify and take the code that is on disk. Live calls stay on the code they began with.
If a file fails, nothing changes; file, line and reason are printed and the exit code is 1.
  --canary PERCENT  only this share of new calls; `callisto reload` then lets it take all, `callisto rollback` none
  --force           while a canary runs, takes other code than the canary's, which ends it]] .. OF_ALL,
  rollback = [[
usage: callisto rollback [options]

Ends a canary, or goes back to the code before the present one. Files that change are not taken by themselves after
it, until `callisto reload` asks for them.]] .. OF_ALL,
  status = [[
usage: callisto status [options]

Shows which code a running server is on, and a canary if there is one.]] .. OF_ALL,
}

local REQUESTS = {
  reload = { "POST", "/api/code/reload" },
  rollback = { "POST", "/api/code/rollback" },
  status = { "GET", "/api/code" },
}

local BUSY, WAIT_S, MOST_WAITS = "another reload is under way", 0.2, 300

-- The watcher may have seen the same change: its reload is waited for, then ours says what there is to say.
local function ask(to, method, path, body)
  for _ = 1, MOST_WAITS do
    local status, text = server.request(to, method, path, body)
    if status ~= 409 or not text:find(BUSY, 1, true) then return status, text end
    server.pause(WAIT_S)
  end
  return server.request(to, method, path, body)
end

local function show(report)
  print(("%s; generation %d, digest %s"):format(report.what, report.generation, report.digest:sub(1, 12)))
  if report.canary then
    print(("canary: generation %d takes %d %% of new calls; %d ended, %d broken"):format(report.canary.generation,
      report.canary.share, report.canary.ended, report.canary.broken))
  end
  if report.held then print "rolled back: what is on disk is taken with callisto reload" end
  for _, problem in ipairs(report.problems or {}) do
    print(("%s:%d: %s"):format(problem.file, problem.line, problem.message))
  end
end

local function share_of(text)
  local share = tonumber((text:gsub("%%$", "")))
  if share and share >= 1 and share <= 99 then return share end
  return nil, "wants a share from 1 to 99 percent, such as --canary 10%"
end

local OPTIONS = arguments.with(server.options, { ["--json"] = { "as_json", is = true } })
local RELOAD_OPTIONS = arguments.with(OPTIONS, {
  ["--canary"] = { "share", read = share_of }, ["--force"] = { "is_forced", is = true },
})

---@param verb "reload"|"rollback"|"status"
---@return integer exit_code
function command.run(verb, ...)
  local asked, code = arguments.read(verb, HELP[verb], verb == "reload" and RELOAD_OPTIONS or OPTIONS, ...)
  if not asked then return code end
  if asked.words[1] then return arguments.misused(verb, "it takes options alone, not " .. asked.words[1]) end
  local method, path = REQUESTS[verb][1], REQUESTS[verb][2]
  local status, text = ask(server.of(asked), method, path, method == "POST"
    and json.encode { canary = asked.share, force = asked.is_forced } or nil)
  local report = json.decode(text)
  if type(report) ~= "table" or not report.digest then
    return arguments.refuse(verb, server.problem(text), status == 0 and 2 or 1)
  end
  if asked.as_json then print(text) else show(report) end
  return report.ok and 0 or 1
end

return command
