-- callisto.spec.methods: the methods of an object that specs are given, and what is said when one is called wrongly.

local options = require "callisto.options"
local nearest = options.nearest

local methods = {}

local function is_public(name, value) return type(value) == "function" and name:sub(1, 1) ~= "_" end

---A method that says what is wrong when it is called without its object: call.say("x") for call:say("x").
---@param class table  the objects' metatable
---@param object string  how authors call it: "call"
---@param name string
---@param fn function
---@return function
function methods.guarded(class, object, name, fn)
  if not is_public(name, fn) then return fn end
  return function(self, ...)
    if getmetatable(self) ~= class then
      error(("%s.%s needs its object: write %s:%s(…), with a colon"):format(object, name, object, name), 2)
    end
    return fn(self, ...)
  end
end

---Guards every public method that a class has now.
---@param class table
---@param object string
function methods.guard(class, object)
  for name, value in pairs(class) do
    if type(value) == "function" then class[name] = methods.guarded(class, object, name, value) end
  end
end

local function public_of(class)
  local known = {}
  for name, value in pairs(class) do
    if is_public(name, value) then known[name] = true end
  end
  return known
end

---Makes reading a field that is not there an error when it is like the name of a method. For objects that are given to
---specs.
---@param class table
---@param object string
---@param fields table<string, true>  that may be missing
function methods.refuse_unknown(class, object, fields)
  local known = public_of(class)
  class.__index = function(_, name)
    local value = class[name]
    if value ~= nil or fields[name] or type(name) ~= "string" then return value end
    local near = nearest(name, known)
    if near and options.distance(name, near) <= 2 then
      error(("%s has no %s; did you mean %s:%s?"):format(object, name, object, near), 2)
    end
  end
end

return methods
