-- callisto.spec: what specs of flows require. A spec reads as a transcript of the call:
--
--   local exchange = require "callisto.spec"
--   it("offers the choice twice, then a person", function()
--     local caller = exchange.call { template = "cod-confirmation", payload = { … } }
--     caller:hears "Shall we bring order"
--     caller:silence "8s"
--     caller:presses "0"
--     assert.equal("CALL_BACK", caller:ended().outcome)
--   end)
--
-- The engine under it is the real one, on simulated time, and the carrier is the exchange (callisto.exchange); see
-- docs/specs.md. Under busted every world is closed after its spec: what is left over fails it, and a failure is shown
-- with everything that happened.

local ear = require "callisto.exchange.vendors.ear"
local model = require "callisto.exchange.vendors.model"
local replay = require "callisto.spec.replay"
local voice = require "callisto.exchange.vendors.voice"
local world = require "callisto.spec.exchange"

local spec = {}

---Opens a world without a call in it.
---@param options callisto.spec.Options|nil
---@return callisto.spec.World
function spec.open(options) return world.open(options or {}) end

---A call in a world of its own, answered.
---@param options callisto.spec.Options
---@return callisto.spec.Caller
function spec.call(options) return world.open(options):call(options) end

---A call in a world of its own that has been asked for and may ring.
---@param options callisto.spec.Options
---@return callisto.spec.Caller
function spec.ring(options) return world.open(options):ring(options) end

---A call of a trace (`callisto serve --record-trace FILE`), again, with the code of today.
---@param path string
---@param options callisto.spec.Options|nil  over those of the trace: secrets, sources, hosts …; `call` names one of several
---@return callisto.spec.Caller caller, callisto.spec.Ending ending, string|nil word  the outcome of then
function spec.replay(path, options) return replay.run(spec.open, path, options) end

---The double of a language model, for `hosts = { llm = … }`: a script of answers (callisto.exchange.vendors.model).
---@param given table  replies, otherwise, key, first_token, per_token
---@return callisto.exchange.Model
function spec.model(given) return model.new(given) end

---The double of a recogniser, for `hosts = { stt = … }` (callisto.exchange.vendors.ear).
---@param given table|nil  key, delay, silence, busy, replies
---@return callisto.exchange.Ear
function spec.ear(given) return ear.new(given or {}) end

---The double of a voice, for `hosts = { tts = … }` (callisto.exchange.vendors.voice).
---@param given table|nil  key, first_audio, pace, busy, replies
---@return callisto.exchange.Voice
function spec.voice(given) return voice.new(given or {}) end

-- busted closes the worlds of a spec; elsewhere `world:close()` does.
local has_busted, busted = pcall(require, "busted")
if has_busted and busted.after_each and busted.subscribe then
  -- A failure goes on with the stories of its worlds, so that busted's summary has them.
  local function with_stories(kind)
    return function(element, parent, message, trace)
      local parts = { message }
      for _, each in ipairs(world.opened()) do
        if each:is_new_failure(message) then parts[#parts + 1] = each:story() end
      end
      if #parts == 1 then return nil, true end
      local whole = table.concat(parts, "\n")
      for _, each in ipairs(world.opened()) do each:is_new_failure(whole) end
      busted.publish({ kind, "it" }, element, parent, whole, trace)
      return nil, false
    end
  end
  world.reports_itself = false
  for _, kind in ipairs { "failure", "error" } do busted.subscribe({ kind, "it" }, with_stories(kind), { priority = 1 }) end
  busted.after_each(function()
    local problems = {}
    for _, each in ipairs(world.opened()) do
      local why = each:close()
      if why then problems[#problems + 1] = why end
    end
    if #problems > 0 then error(table.concat(problems, "\n"), 0) end
  end)
end

return spec
