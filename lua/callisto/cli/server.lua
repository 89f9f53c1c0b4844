-- callisto.cli.server: requests of the command line to a running server, by curl.

local files = require "callisto.cli.files"
local json = require "callisto.json"

local server = {}

local DEFAULT = "http://127.0.0.1:8080"

---The options of every verb that asks a server, see callisto.cli.arguments.
server.options = { ["--server"] = { "url" }, ["--key"] = { "key" } }

---@class callisto.cli.Server
---@field url string
---@field key string|nil  of its API

---The server that the options name.
---@param asked {url: string|nil, key: string|nil}
---@return callisto.cli.Server
function server.of(asked)
  return { url = (asked.url or DEFAULT):gsub("/+$", ""), key = asked.key or os.getenv "CALLISTO_API_KEY" }
end

-- A line of curl's configuration: it keeps keys out of the list of processes.
local function line(name, value)
  return ('%s = "%s"\n'):format(name, value:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\r", "\\r"))
end

-- curl's exit codes, as far as they mean something to the one who typed the command.
local troubles = {
  [3] = "the address %s is not a URL",
  [6] = "the host of %s is not known",
  [7] = "no server answers at %s; start one with callisto dev or callisto serve, or say where it is with --server URL",
  [28] = "the server at %s does not answer",
  [35] = "the server at %s does not speak TLS; is it http:// ?",
  [52] = "what listens at %s is not a callisto server",
  [56] = "the server at %s broke the connection off",
  [60] = "the certificate of %s cannot be trusted",
  [127] = "curl is not installed; the command line speaks to the server at %s by it (Debian: apt-get install curl)",
}

---@param to callisto.cli.Server
---@param method string
---@param path string
---@param body string|nil JSON
---@return integer status 0 when there was no answer
---@return string text the answer's body, or why there is none
function server.request(to, method, path, body)
  local config = line("url", to.url .. path) .. line("request", method) .. line("header", "content-type: application/json")
  if to.key then config = config .. line("header", "authorization: Bearer " .. to.key) end
  if body then config = config .. line("data-raw", body) end
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(config)
  file:close()
  local pipe = io.popen("curl -s -m 20 -w '\\n%{http_code}' -K " .. files.quote(name) .. " 2>/dev/null; echo \" $?\"")
  local answer = pipe:read "*a"
  pipe:close()
  os.remove(name)
  local text, status, code = answer:match "^(.*)\n(%d+) (%d+)%s*$"
  code = tonumber(code or answer:match "(%d+)%s*$")
  if code == 0 then return tonumber(status), text end
  return 0, (troubles[code] or "no answer from %s (curl's exit code is " .. tostring(code) .. ")"):format(to.url)
end

---Lets time pass. Unlike os.execute, ctrl-C ends the whole command meanwhile.
---@param seconds number
function server.pause(seconds) io.popen(("sleep %g"):format(seconds)):close() end

---A sentence about an answer that is not what was wanted: of problem+json the words, else the text as it is.
---@param text string
---@return string
function server.problem(text)
  local decoded = json.decode(text)
  local words = type(decoded) == "table" and (decoded.detail or decoded.title or decoded.what) or text
  return (tostring(words):gsub("%s+", " "):gsub(" $", ""))
end

---What a GET gives, decoded.
---@param to callisto.cli.Server
---@param path string
---@return table|nil value, string text_or_why
function server.get(to, path)
  local status, text = server.request(to, "GET", path)
  local value = status == 200 and json.decode(text)
  if type(value) ~= "table" then return nil, server.problem(text) end
  return value, text
end

return server
