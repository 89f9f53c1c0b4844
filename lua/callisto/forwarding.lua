-- callisto.forwarding: what a request says of the way it came. A service that trusts requests from this machine
-- must know that a proxy on this machine brings those of everybody else, and that a browser on it sends what pages
-- elsewhere tell it to.

local core = require "callisto.core"

local forwarding = {}

-- One of the headers that proxies add (core/net/forwarding.h); even an empty one means that the request began elsewhere.
local function is_of_a_proxy(name)
  for _, field in ipairs(core.forwarding_fields) do
    local beginning = field:match "^(.*)%*$"
    if name == field or beginning and name:sub(1, #beginning) == beginning then return true end
  end
  return false
end

-- The header that says that a proxy was between, if there is one.
local function header_of(headers)
  local names = {}
  for name in pairs(headers) do
    if is_of_a_proxy(name) then names[#names + 1] = name end
  end
  table.sort(names)
  return names[1]
end

---Whether a host, perhaps with a port, is this machine itself.
---@param host string
---@return boolean
function forwarding.is_host_of_this_machine(host)
  host = host:lower():gsub(":%d+$", "")
  return host == "localhost" or host:find "%.localhost$" ~= nil or host == "[::1]" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

-- Whether a page of another site had the browser send a request.
local function is_of_another_site(headers)
  local origin = headers.origin
  if not origin then return false end
  local host = origin:lower():match "^https?://([^/]+)$"
  return host == nil or host ~= (headers.host or ""):lower()
end

---@param peer string|nil  address, perhaps with a port
---@return boolean
function forwarding.is_of_this_machine(peer)
  peer = peer or ""
  return peer:match("^127%.%d+%.%d+%.%d+$") ~= nil or peer:match("^127%.%d+%.%d+%.%d+:%d+$") ~= nil
    or peer == "::1" or peer:match("^%[::1%]") ~= nil or peer:match("^::ffff:127%.") ~= nil
end

---Why a request may have begun elsewhere than in a program on this machine; nil when it has not.
---@param message {peer: string|nil, headers: table<string, string>}
---@return string|nil sentence
function forwarding.doubt(message)
  local headers = message.headers
  if not forwarding.is_of_this_machine(message.peer) then
    return "this one comes from " .. (message.peer or "an unknown address")
  end
  local header = header_of(headers)
  if header then return ("this one came through a proxy: it has the header %s"):format(header) end
  if not forwarding.is_host_of_this_machine(headers.host or "") then return "the Host of this one is not localhost" end
  if is_of_another_site(headers) then return "this one was sent by a page of another site" end
end

return forwarding
