-- callisto.util.forwarding: what a request says of the way it came. A service that trusts requests from this machine
-- must know that a proxy on this machine brings those of everybody else, and that a browser on it sends what pages
-- elsewhere tell it to.

local forwarding = {}

---Headers that proxies add. One of them, even an empty one, means that the request began elsewhere.
---@type string[]
forwarding.headers = {
  "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-server",
  "x-forwarded-by", "x-forwarded", "x-original-forwarded-for", "x-original-host", "x-real-ip", "x-client-ip",
  "x-cluster-client-ip", "x-proxyuser-ip", "true-client-ip", "fastly-client-ip", "fly-client-ip", "x-azure-clientip",
  "x-envoy-external-address", "cf-connecting-ip", "cf-connecting-ipv6", "cf-ipcountry", "cf-ray", "cf-visitor", "cf-worker",
  "cdn-loop",
}

local known = {}
for _, name in ipairs(forwarding.headers) do known[name] = true end

---The header that says that a proxy was between, if there is one.
---@param headers table<string, string>  names in lower case
---@return string|nil name
function forwarding.header_of(headers)
  local names = {}
  for name in pairs(headers) do
    if known[name] or name:find "^x%-forwarded" or name:find "^cf%-" then names[#names + 1] = name end
  end
  table.sort(names)
  return names[1]
end

---Whether a host, perhaps with a port, is this machine itself.
---@param host string  of a Host header or a URL
---@return boolean
function forwarding.is_this_machine(host)
  host = host:lower():gsub(":%d+$", "")
  return host == "localhost" or host:find "%.localhost$" ~= nil or host == "[::1]" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

---Whether a page of another site had the browser send a request.
---@param headers table<string, string>
---@return boolean
function forwarding.is_of_another_site(headers)
  local origin = headers.origin
  if not origin then return false end
  local host = origin:lower():match "^https?://([^/]+)$"
  return host == nil or host ~= (headers.host or ""):lower()
end

return forwarding
