-- callisto.verify: what a reload asks of every file before it lets the new code in. Runs in a sandbox with nothing to act on.

local verify = {}

---@param name string module of a template
---@return string|nil problem
function verify.template(name)
  local template = require "callisto.template"
  local value = require(name)
  if not template.is(value) then
    return name:gsub("%.", "/") .. ".lua: does not return a template: end it with return template { … }"
  end
  if type(value.self_test) == "function" then
    local ok, why = pcall(value.self_test)
    if not ok then return "self_test failed: " .. tostring(why) end
    if why == false then return "self_test returned false" end
  end
end

---@param name string module of a carrier's adapter
---@return string|nil problem
function verify.carrier(name)
  local value = require(name)
  if not require("callisto.provider.carrier").is(value) then
    return name:gsub("%.", "/") .. ".lua: does not return a carrier: end it with return carrier { … }"
  end
end

---@param name string
---@return string|nil problem
function verify.routing(name)
  if name ~= "routing" then return end
  local value = require(name)
  if type(value) ~= "table" then return "routing.lua: must return a table, such as return { numbers = { … } }" end
end

---@param name string module of a menu
---@return string|nil problem
function verify.menu(name)
  if type(require(name)) ~= "table" then return name:gsub("%.", "/") .. ".lua: does not return a menu" end
end

return verify
