-- callisto.cli.server: requests of the command line to a running server, by curl.

local files = require "callisto.cli.files"
local json = require "callisto.json"

local server = {}

-- A line of curl's configuration: it keeps keys out of the list of processes.
local function line(name, value)
  return ('%s = "%s"\n'):format(name, value:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\r", "\\r"))
end

---@param to {url: string, key: string|nil}
---@param method string
---@param path string
---@param body string|nil JSON
---@return integer status 0 when nobody answered
---@return string text the answer's body, or why there is none
function server.request(to, method, path, body)
  local config = line("url", to.url .. path) .. line("request", method) .. line("header", "content-type: application/json")
  if to.key then config = config .. line("header", "authorization: Bearer " .. to.key) end
  if body then config = config .. line("data-raw", body) end
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(config)
  file:close()
  local pipe = io.popen("curl -sS -m 20 -w '\\n%{http_code}' -K " .. files.quote(name) .. " 2>&1")
  local answer = pipe:read "*a"
  pipe:close()
  os.remove(name)
  local text, status = answer:match "^(.*)\n(%d+)%s*$"
  return tonumber(status) or 0, text or answer
end

---A sentence about an answer that is not what was wanted: of problem+json the words, else the text as it is.
---@param text string
---@return string
function server.problem(text)
  local decoded = json.decode(text)
  local words = type(decoded) == "table" and (decoded.detail or decoded.title or decoded.what) or text
  return (tostring(words):gsub("%s+000%s*$", ""):gsub("%s+", " "):gsub(" $", ""))
end

---Reads --server and --key; everything else comes back as it was.
---@param words string[]
---@return {url: string, key: string|nil} to
---@return string[] rest
function server.options(words)
  local to, rest, index = { url = "http://127.0.0.1:8080", key = os.getenv "CALLISTO_API_KEY" }, {}, 1
  while words[index] do
    if words[index] == "--server" and words[index + 1] then
      to.url, index = words[index + 1]:gsub("/+$", ""), index + 1
    elseif words[index] == "--key" and words[index + 1] then
      to.key, index = words[index + 1], index + 1
    else
      rest[#rest + 1] = words[index]
    end
    index = index + 1
  end
  return to, rest
end

return server
