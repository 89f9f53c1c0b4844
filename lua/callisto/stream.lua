-- callisto.stream: the body of an answer, asked for piece by piece. http.stream makes them.

local core = require "callisto.core"
local task = require "callisto.task"

local stream = {}

---@class callisto.HttpStream  an answer whose body is read while it arrives
---@field status integer
---@field headers table<string, string>
---@field private number integer
local Stream = {}
Stream.__index = Stream

---@param message {status: integer, headers: table<string, string>, stream: integer}  the answer as the engine gives it
---@return callisto.HttpStream
function stream.new(message)
  return setmetatable({ status = message.status, headers = message.headers, number = message.stream }, Stream)
end

---The next piece of the body, as long as it has to be waited for.
---@param timeout number|nil  seconds; then the stream is closed
---@return string|nil piece  nil without a message: the body is over
---@return string? text, string? code  ETIMEDOUT; ECONNRESET …: it broke off
function Stream:read(timeout)
  if not self.number then return nil end
  local read, text, code = core.http_read(self.number)
  local message
  if read then message, text, code = task.answer("response", read, timeout) end
  if message and message.body ~= "" then return message.body end
  self:close()
  return nil, text, code
end

---Closes it: the other side stops sending. Harmless when it is over.
function Stream:close()
  if self.number then core.http_close(self.number) end
  self.number = nil
end

return stream
