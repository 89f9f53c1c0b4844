-- callisto.exchange.vendors: the doubles of speech and language vendors in the exchange's process.
--
--   exchange/model.lua of the workspace   return { replies = { … }, … }: what the language model says
--
-- They are there with or without a file: a model that nothing is written for says so.

local core = require "callisto.core"
local model = require "callisto.exchange.vendors.model"

local vendors = {}

local doubles ---@type {request: fun(request: table): table|nil}[]

local function script_of(name)
  for _, module in ipairs(core.modules(name)) do
    if module.error then error(("%s: %s"):format(module.path, module.error), 0) end
    if module.name == name then return require(name) end
  end
  return {}
end

---Makes them, from the scripts of the workspace.
function vendors.start() doubles = { model.new(script_of "exchange.model") } end

---What they answer to a request.
---@param message table  as core gives it
---@return table|nil answer  nil: it is for somebody else
function vendors.answer(message)
  for _, double in ipairs(doubles) do
    local answer = double.request(message)
    if answer then return answer end
  end
  return nil
end

return vendors
