-- callisto.util.later: a module that is loaded when something of it is first used.
--
-- The VM of a call is built before its call is there, and holds what every call needs. What many calls never use is named
-- like this, where it would otherwise be required:
--
--   local dates = later "the module's name" ---@module "the module's name"

---Stands for a module until something of it is asked for.
---@param name string
---@return table
return function(name)
  return setmetatable({}, { __index = function(_, key) return require(name)[key] end })
end
