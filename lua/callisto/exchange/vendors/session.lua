-- callisto.exchange.vendors.session: the socket of one who speaks with the double of a vendor.

local session = {}

---@param wire {open: fun(one: table, wanted: table): {message: fun(data: string, is_binary: boolean)}}
---@param wanted table  what the request asks for
---@param make fun(socket: table): {stop: fun(self: table)}  makes what is behind the socket
---@return table handlers
function session.new(wire, wanted, make)
  local one, handlers
  return {
    open = function(socket)
      one = make(socket)
      handlers = wire.open(one, wanted)
    end,
    message = function(_, data, is_binary) handlers.message(data, is_binary) end,
    close = function() one:stop() end,
  }
end

return session
