-- A call that goes wrong beside one that does not, on the real engine: what the author is told, what the caller hears, what
-- is written, and that the neighbour hears every word at its time.

local assert = require "luassert"

local exchange = require "callisto.spec"

local neighbour = {}

local HEAD = [[local template, task, http, menu = require "callisto.template", require "callisto.task", require "callisto.http",
  require "callisto.menu"
]]
local FALLBACK = "Something went wrong here. Please call again later."
local LINES, WORDS_A_LINE = 20, 4

---A template that speaks for half a minute.
neighbour.STEADY = HEAD .. ([[return template { name = "steady", on_call = function(call)
  for i = 1, %d do call:say("Line " .. i .. " is fine.") call:sleep "200ms" end
  call:finish("STEADY", "Goodbye.")
end }]]):format(LINES)

-- The first line of the body.
neighbour.HERE = "templates.bad:4"

---The text of a template whose flow this is.
---@param name string
---@param body string
---@return string
function neighbour.template(name, body)
  local text = "%sreturn template { name = '%s', fallback = '%s', on_call = function(call)\n%s\nend }"
  return text:format(HEAD, name, FALLBACK, body)
end

---A world with the templates "steady" and "bad".
---@param options table  body: of the flow, or file: the whole text; sources, env; code: with which it will break; budget: of
---an entry, in seconds of CPU time
---@return callisto.spec.World
function neighbour.open(options)
  local sources = { ["templates.steady"] = neighbour.STEADY }
  sources["templates.bad"] = options.file or neighbour.template("bad", options.body)
  for name, text in pairs(options.sources or {}) do sources[name] = text end
  -- What loops uses it up, what fills the memory may take longer.
  local budget = options.budget or (options.code == "ENOMEM" and 30 or 0.3)
  return exchange.open { sources = sources, budget = budget, env = options.env }
end

---What the engines have logged as errors.
---@param world callisto.spec.World
---@return string
function neighbour.errors(world)
  local list = {}
  for _, line in ipairs(world.lab:log()) do
    if line.text:find "^error " then list[#list + 1] = line.text end
  end
  return table.concat(list, "\n")
end

local function words_of(caller)
  local list = {}
  for i, word in ipairs(caller.words) do list[i] = ("%.3f %s"):format(word.at, word.word) end
  return list
end

-- What the caller of "steady" hears when nobody else is there.
local alone
local function heard_alone()
  if alone then return alone end
  local world = neighbour.open { body = "" }
  local caller = world:call { template = "steady" }
  caller:ended()
  alone = words_of(caller)
  world:close()
  assert.equal(LINES * WORDS_A_LINE + 1, #alone)
  return alone
end

---The steady call ended as it should, and nothing of it was missing, early or late.
---@param caller callisto.spec.Caller
function neighbour.assert_undisturbed(caller)
  local ending = caller:ended()
  assert.equal("STEADY", ending.outcome)
  assert.equal("completed", ending.state)
  assert.same(heard_alone(), words_of(caller))
end

---A steady call in a world, as its first.
---@param world callisto.spec.World
---@return callisto.spec.Caller
function neighbour.of(world)
  heard_alone()
  return world:call { template = "steady" }
end

---A call of the template "bad" beside a steady one. `doing` is what its caller does.
---@return callisto.spec.Caller caller, callisto.spec.Caller beside, callisto.spec.World world
function neighbour.call(options)
  heard_alone()
  local world = neighbour.open(options)
  local beside = neighbour.of(world)
  beside:hears "Line 2 is"
  local caller = world:call { template = "bad", number = "+14150000007", inbound = options.inbound }
  if options.doing then options.doing(caller) end
  return caller, beside, world
end

---The call is stopped: these texts are in the log and in the record, its caller hears the fallback to its end, the neighbour
---nothing of it.
---@param options table  as for `open`, with `doing`, `inbound`, and the texts as a list
function neighbour.assert_breaks(options)
  local caller, beside, world = neighbour.call(options)
  caller:hears(FALLBACK)
  local ending = caller:ended()
  assert.equal("failed", ending.state)
  assert.equal("PIPELINE_ERROR", ending.reason)
  assert.equal("UNKNOWN", ending.outcome)
  local lines = caller:lines()
  assert.equal("agent: " .. FALLBACK, lines[#lines])
  local log, broken = neighbour.errors(world), caller:facts "script.broken"
  assert.equal(1, #broken)
  assert.equal(options.code or "EINVAL", broken[1].code)
  for _, wanted in ipairs(options) do
    assert.is_truthy(log:find(wanted, 1, true), "the log has no '" .. wanted .. "':\n" .. log)
    assert.is_truthy(broken[1].text:find(wanted, 1, true), "the record has no '" .. wanted .. "':\n" .. broken[1].text)
  end
  neighbour.assert_undisturbed(beside)
end

return neighbour
