-- The small C modules as scripts of a stand-in engine find them. json, xml and crypto are the real ones, which is why these
-- specs run inside our own binary: `callisto test`. log, metrics and shared write into the world, for specs to look at, and
-- follow its clock.

local modules = {}

local has_engine = pcall(require, "callisto.core")
assert(has_engine, "these specs need the C modules of the callisto binary: run `callisto test`, not busted alone")

local function make_log(lines)
  local log = {}
  for _, level in ipairs { "debug", "info", "warn", "error" } do
    log[level] = function(text) lines[#lines + 1] = level .. ": " .. text end
  end
  return log
end

local function make_metrics(counts)
  local metrics = {}
  function metrics.count(name, by) counts[name] = (counts[name] or 0) + (by or 1) end
  function metrics.gauge(name, value) counts[name] = value end
  function metrics.observe(name) counts[name] = (counts[name] or 0) + 1 end
  return metrics
end

local function make_shared(world, entries)
  local shared = {}
  local function live(key)
    local entry = entries[key]
    if entry and entry.at and entry.at <= world.now then
      entries[key] = nil
      return nil
    end
    return entry
  end
  function shared.get(key) return live(key) and live(key).value end
  function shared.set(key, value, ttl)
    entries[key] = { value = value, at = ttl and world.now + ttl }
    return true
  end
  function shared.add(key, value, ttl) return not live(key) and shared.set(key, value, ttl) end
  function shared.increment(key, by, ttl)
    local value = (tonumber(shared.get(key)) or 0) + (by or 1)
    entries[key] = { value = tostring(value), at = live(key) and live(key).at or (ttl and world.now + ttl) }
    return value
  end
  function shared.remove(key)
    local was = live(key) ~= nil
    entries[key] = nil
    return was
  end
  local sets, turns = {}, {}
  function shared.holders(set)
    local count = 0
    for _ in pairs(sets[set] or {}) do count = count + 1 end
    return count
  end
  function shared.hold(set, holder, most)
    sets[set] = sets[set] or {}
    if sets[set][holder] or shared.holders(set) < most then sets[set][holder] = true end
    return sets[set][holder] == true, shared.holders(set)
  end
  function shared.release(set, holder)
    local was = (sets[set] or {})[holder] == true
    if was then sets[set][holder] = nil end
    return was
  end
  function shared.pace(name, per_second, burst)
    local full = math.max(turns[name] or 0, world.now)
    turns[name] = full + 1 / per_second
    return math.max(0, full - ((burst or 1) - 1) / per_second - world.now)
  end
  return shared
end

---The modules of one simulated engine. `world` has `now`, and keeps what was logged and counted.
function modules.of(world)
  world.log, world.counts, world.entries = {}, {}, {}
  return {
    ["callisto.json"] = require "callisto.json",
    ["callisto.xml"] = require "callisto.xml",
    ["callisto.crypto"] = require "callisto.crypto",
    ["callisto.zone"] = require "callisto.zone",
    ["callisto.log"] = make_log(world.log),
    ["callisto.metrics"] = make_metrics(world.counts),
    ["callisto.shared"] = make_shared(world, world.entries),
  }
end

return modules
