-- callisto.exchange.sending: sends the answer of a vendor's double over a socket, at the times it says.

local core = require "callisto.core"
local task = require "callisto.task"

local sending = {}

local ENDS = { cut = "cut" }

-- Waits until there is room for the next; false when who asked has gone.
local function write(request, text, ending)
  local asked = core.http_write(request, text, ending)
  return asked and task.answer("response", asked) ~= nil
end

local function send_pieces(request, answer)
  for i, piece in ipairs(answer.pieces) do
    if (piece.after or 0) > 0 then task.sleep(piece.after) end
    if i == 1 then
      core.http_reply(request, answer.status, answer.headers, piece.text, true)
    elseif not write(request, piece.text) then
      return answer.left and answer.left()
    end
  end
  if answer.ends ~= "hang" then write(request, "", ENDS[answer.ends] or "last") end
end

---@class callisto.exchange.Answer  as in a spec (callisto.spec.hosts)
---@field status integer
---@field headers table<string, string>|nil
---@field body string|nil
---@field after number|nil  seconds
---@field pieces {after: number|nil, text: string}[]|nil  instead of a body
---@field ends "cut"|"hang"|nil
---@field left fun()|nil

---Sends an answer; returns when it was sent. One that hangs is left to the engine, which cuts it off.
---@param request integer
---@param answer callisto.exchange.Answer
function sending.send(request, answer)
  if (answer.after or 0) > 0 then task.sleep(answer.after) end
  if answer.pieces and answer.pieces[1] then return send_pieces(request, answer) end
  core.http_reply(request, answer.status, answer.headers, answer.body or "")
end

return sending
