-- What is taken is given back: on the real engine, with one line, every step after the line is taken fails in turn. Whatever
-- becomes of that call, the next one has the line.
--
-- The steps are not listed here: the first call of each way is watched, and whatever it asks of the engine, the shared store
-- and its adapter after it has its line is a step. To fail, a step raises once. Only the end of the engine's call is none: it
-- is the giving back itself.

local exchange = require "callisto.spec"
local files = require "callisto.cli.files"
local flows = require "spec.support.flows"
local twilio = require "spec.support.twilio"

local FLOW = flows.template("call:say 'Here we are.' call:finish('DONE', 'Goodbye.')", "greeting = 'Hello.',")

-- Goes before callisto.service.limits, in the service's own VM. `breaks` is the step that fails, or nil to name them all.
local HARNESS = [[
local breaks = %s
local log = require "callisto.log"
local is_armed, is_broken, is_wrapped = false, false, {}

local function wrap(title, functions)
  for name, fn in pairs(functions) do
    local step = title .. name
    if type(fn) == "function" and not is_wrapped[step] then
      is_wrapped[step] = true
      functions[name] = function(...)
        if is_armed and not breaks then log.info("step " .. step) end
        if is_armed and not is_broken and breaks == step then
          is_broken = true
          error("broken on purpose: " .. step, 0)
        end
        return fn(...)
      end
    end
  end
end

-- What the log itself needs is no step.
wrap("core.", require "callisto.core")
wrap("shared.", require "callisto.shared")

local function arm(adapter)
  if is_armed then return end
  for _, part in ipairs { "webhook", "socket", "requests" } do
    if type(adapter[part]) == "table" then wrap(part .. ".", adapter[part]) end
  end
  is_armed = true
end
]]

local LIMITS = assert(files.read "lua/callisto/service/limits.lua"):gsub("if held then return true end",
  "if held then arm(adapter) return true end")

-- A world whose carrier has one line.
local function open(breaks)
  return exchange.open {
    sources = {
      ["templates.x"] = FLOW,
      ["callisto.service.limits"] = HARNESS:format(breaks and ("%q"):format(breaks) or "nil") .. LIMITS,
    },
    env = { TWILIO_MAX_CONCURRENT = "1" },
  }
end

local function hears_all(world, options)
  local caller = world:call(options)
  caller:hears "Hello. Here we are. Goodbye."
  caller:ended()
  return caller
end

local ways = {
  { "a caller's", function(to) return { template = "under-test", inbound = true, number = to } end },
  { "an order's", function() return { template = "under-test" } end },
}

local function steps_of(way)
  local world, seen, list = open(), {}, {}
  hears_all(world, way[2] "+14155550101")
  for _, line in ipairs(world.lab:log()) do
    local step = line.text:match "step ([%w_.]+)$"
    if step and not seen[step] and step ~= "core.call_close" then
      seen[step] = true
      list[#list + 1] = step
    end
  end
  world:close()
  return list
end

for _, way in ipairs(ways) do
  describe("the line of " .. way[1] .. " call", function()
    local steps = steps_of(way)

    it("is taken before most of what is done for it", function() assert.is_true(#steps > 8) end)

    for _, step in ipairs(steps) do
      it("is given back when " .. step .. " fails", function()
        local world = open(step)
        pcall(hears_all, world, way[2] "+14155550101")
        world:advance(180)
        hears_all(world, way[2] "+14155550102")
      end)
    end
  end)
end

it("the line of a caller whose document cannot be written is given back at once, not when the caller does not come", function()
  local world = open "webhook.answer"
  assert.equal(500, twilio.webhook(world, "/telephony/twilio/inbound/under-test", twilio.caller "CA1").status)
  world:advance(1)
  hears_all(world, { template = "under-test", inbound = true, number = "+14155550102" })
end)
