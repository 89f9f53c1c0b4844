-- callisto.verify: what a reload asks of every file before it lets the new code in. Runs in a sandbox with nothing to act on.

local judge = require "callisto.judge"

local verify = {}

local own = judge.new()

-- The voices and ears are known before the templates that name them, whatever VM this is.
for _, kind in ipairs { "stt", "tts" } do
  setmetatable(own[kind], { __index = function(known, name)
    local ok, value = pcall(require, ("providers.%s.%s"):format(kind, name))
    if ok then known[name] = value end
    return ok and value or nil
  end })
end

---@param name string  of a module of the workspace
---@return string|nil problem
function verify.module(name)
  local value = require(name)
  local problem = own:module(name, name:gsub("%.", "/") .. ".lua", value)
  if problem or not name:find "^templates%." then return problem end
  own:file(name)
  return own:self_test(value)
end

---Asked last, and only when all the templates are fine.
---@param name string
---@return string|nil problem
function verify.routing(name)
  if name ~= "routing" then return nil end
  return own:routing(require(name))[1]
end

return verify
