-- callisto.sse: server-sent events (WHATWG HTML, "Server-sent events"), read from pieces that may end anywhere: between the two
-- bytes of a line's end, inside a character, inside a name.
--
--   local answer = http.stream { url = …, headers = { accept = "text/event-stream" } }
--   local events = sse.reader(function(timeout) return answer:read(timeout) end)
--   local event, why = events:next(10)                     -- { name = "message", data = "…", id = "…" }

local sse = {}

local EVENT_BYTES = 1024 * 1024

---@class callisto.SseEvent
---@field name string  "message" when the event has none
---@field data string
---@field id string|nil  the last one that was given

---@class callisto.SseReader
---@field private read fun(timeout: number|nil): string|nil, string?, string?
---@field private rest string  what has come of a line that is not over
---@field private ready callisto.SseEvent[]
---@field private first integer  of the ready ones
local Reader = {}
Reader.__index = Reader

---@param read fun(timeout: number|nil): string|nil, string?, string?  the next piece; nil: the end, or why there is none
---@return callisto.SseReader
function sse.reader(read)
  return setmetatable({ read = read, rest = "", ready = {}, first = 1, data = {}, bytes = 0, is_first_line = true }, Reader)
end

-- A blank line ends an event. One without data is none.
local function dispatch(self)
  if #self.data > 0 then
    self.ready[#self.ready + 1] = { name = self.name or "message", data = table.concat(self.data, "\n"), id = self.id }
  end
  self.name, self.data, self.bytes = nil, {}, 0
end

local fields = {}

function fields.event(self, value) self.name = value ~= "" and value or nil end

function fields.data(self, value)
  self.data[#self.data + 1] = value
  self.bytes = self.bytes + #value + 1
end

function fields.id(self, value)
  if not value:find("%z") then self.id = value end
end

local function take_line(self, line)
  if self.is_first_line then
    self.is_first_line = false
    line = line:gsub("^\239\187\191", "") -- a byte order mark
  end
  if line == "" then return dispatch(self) end
  local name, value = line:match "^([^:]*):? ?(.*)$"
  local field = fields[name] -- "" is a comment; `retry`, and what is not known, is left out
  if field then field(self, value) end
end

-- A line ends with CR LF, LF or CR. A CR that ends the piece may be half of CR LF: whether a LF follows is seen with the next.
local function take(self, piece)
  local text, from = self.rest .. piece, 1
  while true do
    local at = text:find("[\r\n]", from)
    if not at then break end
    local last = at
    if text:byte(at) == 13 then
      if at == #text then break end
      if text:byte(at + 1) == 10 then last = at + 1 end
    end
    take_line(self, text:sub(from, at - 1))
    from = last + 1
  end
  self.rest = text:sub(from)
end

---The next event. An event that the stream does not finish is not given.
---@param timeout number|nil  seconds between two pieces
---@return callisto.SseEvent|nil event  nil without a message: the stream is over
---@return string? text, string? code
function Reader:next(timeout)
  while true do
    local event = self.ready[self.first]
    if event then
      self.first = self.first + 1
      return event
    end
    self.ready, self.first = {}, 1
    if self.is_over then return nil, self.text, self.code end
    local piece, text, code = self.read(timeout)
    if not piece then
      self.is_over, self.text, self.code = true, text, code
      if self.rest == "\r" then take_line(self, "") end
    elseif #self.rest + self.bytes + #piece > EVENT_BYTES then
      self.is_over, self.text, self.code = true, ("EMSGSIZE: an event of more than %d bytes"):format(EVENT_BYTES), "EMSGSIZE"
    else
      take(self, piece)
    end
  end
end

return sse
