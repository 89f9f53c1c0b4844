-- callisto.exchange.documents: obeys a carrier's XML documents, verb by verb. The verbs are the face's.
--
-- A document runs in the call's task, which an update of the call or a hang-up cuts short. Every verb is a function of the
-- call and its element; it returns nothing (the next verb follows), "hangup", or what `go_to` returns (another document).

local network = require "callisto.exchange.network"
local task = require "callisto.task"
local xml = require "callisto.xml"

local documents = {}

local MOST_DOCUMENTS = 200 -- of one call; a loop of redirects ends here
local PLAY_S = 2 -- a sound file lasts this long here: nobody hears it

---A URL that a document wrote, perhaps relative to where the document came from.
---@param base string
---@param url string
---@return string
function documents.absolute(base, url)
  if url:find "^%a[%w+.-]*://" then return url end
  local origin, path = base:match "^(%a[%w+.-]*://[^/?#]+)([^?#]*)"
  if url:sub(1, 1) == "/" then return origin .. url end
  return origin .. (path == "" and "/" or path:gsub("[^/]*$", "")) .. url
end

---@param node table
---@param name string
---@return table[]
function documents.children(node, name)
  local found = {}
  for _, child in ipairs(node) do
    if child.name == name then found[#found + 1] = child end
  end
  return found
end

---A sound file: nobody hears it, but it takes its time.
---@param call callisto.exchange.Call
---@param url string
function documents.play(call, url)
  network.note(call, "carrier plays " .. url)
  task.sleep(PLAY_S)
end

---Plays prompts until a key is pressed, then collects keys.
---@param call callisto.exchange.Call
---@param prompt fun()
---@param options {digits: integer|nil, finish: string, timeout: number}
---@return string keys, string|nil finished_on
function documents.gather(call, prompt, options)
  task.race {
    key = function() network.until_key(call) end,
    prompt = prompt,
  }
  local keys, finished = network.gather(call, options.digits, options.finish, options.timeout)
  network.note(call, ("gathered '%s'"):format(keys))
  return keys, finished
end

local Dialect = {}
Dialect.__index = Dialect

---A verb named a URL: the present document ends here and the one it leads to follows.
---@param call callisto.exchange.Call
---@param url string
---@param method string|nil
---@param extra table<string, string>|nil
---@return "document"|"hangup", string|nil document, string|nil where
function Dialect:go_to(call, url, method, extra)
  local document, where = self.fetch(call, method, documents.absolute(call.base, url), extra)
  if document then return "document", document, where end
  network.note(call, "application error: " .. where)
  return "hangup"
end

-- One document: nothing, or the one that follows and where it came from.
local function obey(self, call, document)
  local root, why = xml.parse(document)
  if not root or root.name ~= "Response" then
    return network.note(call, self.parse_failure .. ": " .. tostring(why or "<" .. root.name .. ">"))
  end
  for index, node in ipairs(root) do
    local verb = self.verbs[node.name]
    local stays_unanswered = self.unanswered[node.name]
    if not verb then
      network.note(call, ("%s: <%s> is not obeyed here"):format(self.unknown_verb, node.name))
    elseif stays_unanswered and (index > 1 or call.answered) then
      network.note(call, ("<%s> must be the first verb of a call that is not answered"):format(node.name))
    else
      if not stays_unanswered and not self.answer(call) then return end
      local what, following, where = verb(call, node)
      if call.gone or what == "hangup" then return end
      if what == "document" then return following, where end
    end
  end
end

---Obeys a document and those it leads to, in the running task.
---@param call callisto.exchange.Call
---@param document string
---@param base string where it came from
function Dialect:run(call, document, base)
  for _ = 1, MOST_DOCUMENTS do
    call.base = base
    document, base = obey(self, call, document)
    if not document then return end
  end
  network.note(call, "too many documents")
end

---@class callisto.exchange.Dialect
---@field verbs table<string, fun(call: table, node: table): string|nil, string|nil, string|nil>
---@field unanswered table<string, true> verbs that leave the call unanswered (Reject)
---@field answer fun(call: callisto.exchange.Call): boolean|nil the call is answered by the first verb
---@field fetch fun(call: table, method: string|nil, url: string, extra: table|nil): string|nil, string
---@field parse_failure string what the carrier calls a document it cannot read
---@field unknown_verb string and a verb it does not know

---@param given callisto.exchange.Dialect
---@return table dialect
function documents.new(given) return setmetatable(given, Dialect) end

return documents
