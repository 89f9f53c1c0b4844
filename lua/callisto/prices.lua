-- callisto.prices: what language models cost, in US dollars for a million tokens: { input, cached, output }. List prices change;
-- those of one's own account are given to call:converse, or in `prices` of the template's settings.

local prices = {}

---@class callisto.Price  US dollars for a million tokens
---@field input number
---@field cached number|nil  of those that the vendor had kept [as input]
---@field output number

---@type table<string, callisto.Price>  "vendor/model"
prices.list = {
  ["openai/gpt-4.1"] = { input = 2, cached = 0.5, output = 8 },
  ["openai/gpt-4.1-mini"] = { input = 0.4, cached = 0.1, output = 1.6 },
  ["openai/gpt-4.1-nano"] = { input = 0.1, cached = 0.025, output = 0.4 },
  ["openai/gpt-4o"] = { input = 2.5, cached = 1.25, output = 10 },
  ["openai/gpt-4o-mini"] = { input = 0.15, cached = 0.075, output = 0.6 },
  ["anthropic/claude-3-5-haiku-latest"] = { input = 0.8, cached = 0.08, output = 4 },
  ["gemini/gemini-2.5-flash"] = { input = 0.3, cached = 0.075, output = 2.5 },
  ["groq/llama-3.3-70b-versatile"] = { input = 0.59, output = 0.79 },
}

---What tokens cost.
---@param model string  "vendor/model"
---@param usage callisto.LlmUsage
---@param own table<string, callisto.Price>|nil  before the list
---@return number|nil dollars  nil: there is no price
function prices.of(model, usage, own)
  local price = own and own[model] or prices.list[model]
  if not price then return nil end
  local fresh = math.max(0, usage.input - usage.cached)
  return (fresh * price.input + usage.cached * (price.cached or price.input) + usage.output * price.output) / 1e6
end

return prices
