-- callisto.provider.llm: the contract between the engine and a language model.
--
-- A model's vendor is one Lua file of providers/llm/ that returns `llm { … }`: what every provider has (callisto.provider), how
-- it is asked, and what the server-sent events of its answer mean. The functions are pure: nothing in them waits.
--
--   request(ask, account)    the request, as for http.stream
--   read(answer, event)      what one event says, told to `answer` (callisto.LlmReading)
--   failure(message)         what an answer with a status of 400 and more says: a callisto.ProviderError

local provider = require "callisto.provider"

local llm = {}

---@class callisto.LlmMessage
---@field role "user"|"assistant"|"tool"
---@field text string|nil
---@field calls callisto.LlmCall[]|nil  of an assistant: what it asked tools for
---@field id string|nil  of a tool's result: which call it answers
---@field name string|nil  of a tool's result: the tool's name
---@field is_error boolean|nil  of a tool's result

---@class callisto.LlmCall
---@field id string
---@field name string
---@field arguments string  JSON, as the model wrote it
---@field seal string|nil  what the vendor wants back with it, unchanged

---@class callisto.LlmTool
---@field name string
---@field description string|nil
---@field parameters table  JSON Schema of an object

---@class callisto.LlmAsk
---@field model string  as the vendor calls it
---@field system string|nil
---@field messages callisto.LlmMessage[]
---@field tools callisto.LlmTool[]
---@field max_tokens integer
---@field temperature number|nil
---@field more table  fields of the vendor's request that are sent as they are

---@class callisto.LlmUsage  tokens
---@field input integer  with those that were cached
---@field output integer  with those of thinking
---@field cached integer

---@class callisto.Llm
---@field name string
---@field account table<string, string>  `key`, and `base`: where the interface is
---@field required string[]  fields of the account that it cannot do without
---@field base string  where it is unless the account says otherwise
---@field request fun(ask: callisto.LlmAsk, account: table): table
---@field read fun(answer: callisto.LlmReading, event: callisto.SseEvent)
---@field failure fun(message: {status: integer, headers: table<string, string>, body: string}): callisto.ProviderError
local fields = {
  base = { "string", required = true, check = function(base)
    if not base:find "^https?://[^/]+" then return "must begin with https:// and a host" end
  end },
  media = { "map" },
  request = { "function", required = true },
  read = { "function", required = true },
  failure = { "function", required = true },
}

---Whether a value is a model's vendor that was checked.
---@param value any
---@return boolean
function llm.is(value) return provider.is("llm", value) end

local function check(given) return provider.check("llm", given, fields) end

---One of data, such as came from another VM, checked once more.
---@param data table
---@param make fun(place: string): function  what stands for a function of it
---@return table|nil values, string? message
function llm.of_data(data, make) return check(provider.rebuild(data, make)) end

return setmetatable(llm, provider.maker("llm", check))
