-- callisto.http: requests that are waited for, and the small formats of HTTP: forms, queries, problem documents.

local core = require "callisto.core"
local json = require "callisto.json"
local later = require "callisto.util.later"
local secrets = require "callisto.secrets"
local task = require "callisto.task"

local stream = later "callisto.stream" ---@module "callisto.stream"

local http = {}

-- More fields than any carrier sends; a form with more is refused.
local FORM_FIELDS = 500

---Percent-encodes all but letters, digits and "-._~".
---@param value any
---@return string
function http.escape(value)
  return (tostring(value):gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function byte_of(hex) return string.char(tonumber(hex, 16)) end

---@param value string
---@return string
function http.unescape(value)
  if value:find("+", 1, true) then value = value:gsub("+", " ") end
  if value:find("%", 1, true) then value = value:gsub("%%(%x%x)", byte_of) end
  return value
end

---Decodes a segment of a path. A plus is a plus there.
---@param segment string
---@return string
function http.unescape_segment(segment)
  return (segment:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

---The path and query of a request, as they were sent: what a signature over the URL covers.
---@param message {target?: string, path: string, query?: string}  without `target` it is put together
---@return string
function http.target_of(message)
  if message.target then return message.target end
  return (message.query or "") == "" and message.path or message.path .. "?" .. message.query
end

---@param pairs_in_order {[1]: string, [2]: any}[]  a nil value leaves its pair out
---@return string
function http.form(pairs_in_order)
  local parts = {}
  for _, pair in ipairs(pairs_in_order) do
    if pair[2] ~= nil then parts[#parts + 1] = http.escape(pair[1]) .. "=" .. http.escape(pair[2]) end
  end
  return table.concat(parts, "&")
end

local function split_pairs(text, decode)
  local map, list = {}, {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    name, value = decode(name), decode(value)
    map[name] = value
    list[#list + 1] = { name, value }
    if #list > FORM_FIELDS then return nil, "the form has too many fields" end
  end
  return map, list
end

---Reads a form body.
---@param body string|nil
---@return table<string, string>|nil map  of several values the last one; nil when there are too many
---@return {[1]: string, [2]: string}[]|string list  all of them, in their order
function http.read_form(body) return split_pairs(body or "", http.unescape) end

---Reads a query as the engine gives it: percent-encoded.
---@param query string|nil
---@return table<string, string>
function http.read_query(query) return split_pairs(query or "", http.unescape) or {} end

-- What was read last: who verifies a message, who reads it and who looks for its call share it, and change nothing in it. It
-- is kept by the text, because a message crosses to an adapter's VM anew for each function.
local last_form, last_query = {}, {}

local function once(last, text)
  text = text or ""
  if last.text ~= text then
    last.map, last.list = split_pairs(text, http.unescape)
    last.text = text
  end
  return last.map, last.list
end

---The form that is a message's body, read once a message. What it returns belongs to all who ask.
---@param message {body: string|nil}
---@return table<string, string>|nil map  as read_form
---@return {[1]: string, [2]: string}[]|string list
function http.form_of(message) return once(last_form, message.body) end

---The query of a message, read once a message. What it returns belongs to all who ask.
---@param message {query: string|nil}
---@return table<string, string> map  {} when there are too many fields
---@return {[1]: string, [2]: string}[]|string list
function http.query_of(message)
  local map, list = once(last_query, message.query)
  return map or {}, list
end

---The media type of a message, in lower case, without parameters; "" when there is none.
---@param message {headers: table<string, string>}
---@return string
function http.type_of(message)
  return ((message.headers or {})["content-type"] or ""):lower():match("^%s*([^;%s]*)")
end

---Reads a multipart/form-data body of texts.
---@param message {headers: table<string, string>, body: string|nil}
---@return table<string, string>|nil map, string? message
function http.read_multipart(message)
  local kind, body = (message.headers or {})["content-type"] or "", message.body or ""
  local boundary = kind:match ';%s*%a+="([^"]+)"' or kind:match ";%s*%a+=([^;%s]+)"
  if not boundary then return nil, "the content type names no boundary" end
  local map, mark, count = {}, "--" .. boundary, 0
  local _, from = body:find(mark, 1, true)
  while from do
    local to, last = body:find(mark, from + 1, true)
    local head, value = body:sub(from + 1, (to or 0) - 1):match "^\r?\n(.-)\r?\n\r?\n(.-)\r?\n$"
    local name = head and head:match '[ ;]name="([^"]*)"'
    if name then map[name] = value end
    count, from = count + 1, to and last
    if count > FORM_FIELDS then return nil, "the form has too many fields" end
  end
  return map
end

-- A copy in which secrets are what they stand for.
local function revealed(request)
  local copy = {}
  for name, value in pairs(request) do copy[name] = secrets.reveal(value) end
  if request.headers then
    copy.headers = {}
    for name, value in pairs(request.headers) do copy.headers[name] = secrets.reveal(value) end
  end
  return copy
end

---Sends a request and waits for its answer, no longer than the running task has. Its fields and headers may be secrets.
---@param request table  as for core.http_fetch
---@return table|nil message  {status, headers, body}
---@return string? text, string? code
---@return boolean? sent  the failed request may have reached the other side
function http.fetch(request)
  if type(request) ~= "table" then error('http.fetch needs a table such as { url = "https://…" }', 2) end
  request.timeout = task.remaining(request.timeout or 30)
  if request.timeout <= 0 then return nil, "ETIMEDOUT: no time is left for the request", "ETIMEDOUT", false end
  local number, text, code = core.http_fetch(revealed(request))
  if not number then return nil, text, code, false end
  return task.answer("response", number)
end

---Sends a request and waits until status and headers of its answer are there; the body is read from what it returns. What
---is not read to its end must be closed; after half a minute without a read the engine does it.
---@param request table  as for http.fetch; `timeout` is for all of it, body included [120], `patience` until it begins;
---  `answer_ceiling` [1 MiB]
---@return callisto.HttpStream|nil answer
---@return string? text, string? code
---@return boolean? sent
function http.stream(request)
  if type(request) ~= "table" then error('http.stream needs a table such as { url = "https://…" }', 2) end
  local streamed = revealed(request)
  streamed.stream, streamed.timeout, streamed.patience = true, task.remaining(request.timeout or 120), nil
  if streamed.timeout <= 0 then return nil, "ETIMEDOUT: no time is left for the request", "ETIMEDOUT", false end
  local number, text, code = core.http_fetch(streamed)
  if not number then return nil, text, code, false end
  local message, why, name, sent = task.answer("response", number, request.patience)
  if not message then return nil, why, name, sent end
  return stream.new(message)
end

---Sends JSON and reads JSON.
---@param request table  `json` is the value to send
---@return any value
---@return integer|string status_or_text
---@return string? code
function http.fetch_json(request)
  if request.json ~= nil then
    request.body = json.encode(request.json)
    request.headers = request.headers or {}
    request.headers["content-type"] = "application/json"
    request.json = nil
  end
  local message, text, code = http.fetch(request)
  if not message then return nil, text, code end
  local value, why = json.decode(message.body)
  if value == nil then return nil, ("EBADMSG: the answer is not JSON: %s"):format(why or "?"), "EBADMSG" end
  return value, message.status
end

local titles = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed",
  [409] = "Conflict", [413] = "Content Too Large", [415] = "Unsupported Media Type", [422] = "Unprocessable Content",
  [426] = "Upgrade Required", [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

---An answer that says what is wrong, as RFC 9457 has it.
---@param status integer
---@param detail string|nil
---@param more table|nil  members to add
---@param headers table<string, string>|nil
---@return {status: integer, headers: table<string, string>, body: string}
function http.problem(status, detail, more, headers)
  local document = { type = "about:blank", title = titles[status] or "Error", status = status, detail = detail }
  for name, value in pairs(more or {}) do document[name] = value end
  local all = { ["content-type"] = "application/problem+json" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { status = status, headers = all, body = json.encode(document) }
end

---@param status integer
---@param value any
---@return {status: integer, headers: table<string, string>, body: string}
function http.json(status, value)
  return { status = status, headers = { ["content-type"] = "application/json" }, body = json.encode(value) }
end

---@param status integer
---@param body string
---@param kind string|nil  media type
---@return {status: integer, headers: table<string, string>, body: string}
function http.text(status, body, kind)
  return { status = status, headers = { ["content-type"] = kind or "text/plain; charset=utf-8" }, body = body }
end

return http
