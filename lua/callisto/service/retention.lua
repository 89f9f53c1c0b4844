-- callisto.service.retention: what is older than the settings `retention_…` say is deleted, every hour, a little at a time.

local calls = require "callisto.service.records.calls"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local recordings = require "callisto.service.records.recordings"
local settings = require "callisto.settings"
local shared = require "callisto.shared"
local statement = require "callisto.service.records.statement"
local task = require "callisto.task"

local EVERY_S, AT_ONCE = 3600, 100

local retention = {}

local function before(age_s) return statement.now_ms() - age_s * 1000 end

-- Those whose file cannot be removed are tried again in an hour.
local function delete_recordings(before_ms)
  local count, last = 0, ""
  while true do
    local rows, why = recordings.older(before_ms, last, AT_ONCE)
    if not rows then return count, why end
    for _, row in ipairs(rows) do
      local ok
      ok, why = recordings.delete(row.path)
      if ok then count = count + 1 else log.warn(("%s is not deleted: %s"):format(row.path, why)) end
      last = row.path
    end
    if #rows < AT_ONCE then return count end
  end
end

local function delete_calls(before_ms)
  local count = 0
  while true do
    local rows, why = calls.delete_older(before_ms, AT_ONCE)
    if not rows then return count, why end
    count = count + #rows
    if #rows < AT_ONCE then return count end
  end
end

local function note(what, count, age_s, why)
  metrics.count(("deleted_total{what=\"%s\"}"):format(what), count)
  if count > 0 then log.info(("%d %s older than %g days deleted"):format(count, what, age_s / 86400)) end
  if why then log.error(("old %s are not deleted: %s"):format(what, why)) end
end

local function sweep(age)
  local of_recordings = math.min(age.recordings or math.huge, age.calls or math.huge)
  local count, why = delete_recordings(before(of_recordings))
  note("recordings", count, of_recordings, why)
  if not age.calls then return end
  count, why = delete_calls(before(age.calls))
  note("calls", count, age.calls, why)
end

---Begins to delete what is old, if anything is to be. One service VM of all does it.
function retention.start()
  local age = settings.retention()
  if not age then return end
  task.start(function()
    while true do
      if shared.add("retention", "1", EVERY_S - 1) then sweep(age) end
      task.sleep(EVERY_S)
    end
  end)
end

return retention
