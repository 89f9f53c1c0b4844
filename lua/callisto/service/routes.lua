-- callisto.service.routes: which function answers which request. Paths are exact, or have {parameters} of one segment each.
--
-- A path is compared as it was sent, so that nothing reaches a route past a proxy's rules: `/%61pi`, `//api` and
-- `/x%2Fapi` are other paths than `/api`. Only what a parameter stands for is decoded.

local http = require "callisto.http"

---@class callisto.Routes
local Routes = {}
Routes.__index = Routes

local function split(path)
  local list = {}
  for segment in path:gmatch("/([^/]*)") do list[#list + 1] = segment end
  return list
end

---Adds a route.
---@param methods string  "GET", "GET|POST" …
---@param path string
---@param fn fun(request: table): table
function Routes:add(methods, path, fn)
  local entry = self.by_path[path]
  if not entry then
    entry = { path = path, segments = split(path), handlers = {}, allow = {} }
    self.by_path[path] = entry
    if path:find("{", 1, true) then table.insert(self.patterns, entry) end
  end
  for method in methods:gmatch("%u+") do
    if entry.handlers[method] then error(("%s %s is taken already"):format(method, path), 2) end
    entry.handlers[method] = fn
    table.insert(entry.allow, method)
  end
end

local function match(entry, segments)
  if #entry.segments ~= #segments then return nil end
  local params = {}
  for i, expected in ipairs(entry.segments) do
    local name = expected:match("^{(.*)}$")
    if name and segments[i] ~= "" then
      params[name] = http.unescape_segment(segments[i])
    elseif expected ~= segments[i] then
      return nil
    end
  end
  return params
end

---The function for a request. A slash at the end of a path changes nothing.
---@param method string
---@param path string  as it was sent
---@return function|nil fn  nil: nothing there, or not with this method
---@return table|nil params  of the path; nil when nothing is there
---@return string|nil allow  the methods there are
function Routes:find(method, path)
  if path:sub(-1) == "/" and path ~= "/" then path = path:sub(1, -2) end
  local entry, params = self.by_path[path], {}
  if not entry or path:find("{", 1, true) then
    entry = nil
    local segments = split(path)
    for _, each in ipairs(self.patterns) do
      local found = match(each, segments)
      if found then
        entry, params = each, found
        break
      end
    end
  end
  if not entry then return nil end
  return entry.handlers[method] or (method == "HEAD" and entry.handlers.GET) or nil, params, table.concat(entry.allow, ", ")
end

---@return {path: string, methods: string[]}[]  in order of path
function Routes:list()
  local list = {}
  for path, entry in pairs(self.by_path) do list[#list + 1] = { path = path, methods = entry.allow } end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

local routes = {}

---@return callisto.Routes
function routes.new() return setmetatable({ by_path = {}, patterns = {} }, Routes) end

return routes
