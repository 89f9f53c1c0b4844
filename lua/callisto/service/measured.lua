-- callisto.service.measured: what calls tell of their conversations, counted for /metrics (docs/measures.md).

local catalog = require "callisto.service.catalog"
local metrics = require "callisto.metrics"

local measured = {}

local STAGES = { "heard", "own", "first_token", "first_sentence", "first_frame" }
local KINDS = { "input", "cached", "output" }

local function number_of(value) return type(value) == "number" and value >= 0 and value < 1e9 and value or nil end

-- What comes from the VM of a call may be anything.
local function table_of(value) return type(value) == "table" and value or {} end

local function observe(name, ms)
  ms = number_of(ms)
  if ms then metrics.observe(name, ms / 1000) end
end

local function count_tokens(about)
  local vendor = type(about.model) == "string" and about.model:match "^([%l%d_-]+)/"
  if not vendor or not catalog.llms()[vendor] then return end
  local tokens, cost = table_of(about.tokens), number_of(about.cost)
  for _, kind in ipairs(KINDS) do
    local count = number_of(tokens[kind])
    if count then metrics.count(('llm_tokens_total{vendor="%s",kind="%s"}'):format(vendor, kind), math.floor(count)) end
  end
  if cost then metrics.count(('llm_cost_microdollars_total{vendor="%s"}'):format(vendor), math.floor(cost * 1e6 + 0.5)) end
end

---A turn of a conversation is over.
---@param about table  as callisto.converse.measures tells it
function measured.turn(about)
  local ms = table_of(about.ms)
  metrics.count(('turns_total{interrupted="%s"}'):format(tostring(about.interrupted == true)))
  observe("turn_response_seconds", ms.response)
  for _, stage in ipairs(STAGES) do observe(('turn_stage_seconds{stage="%s"}'):format(stage), ms[stage]) end
  count_tokens(about)
end

return measured
