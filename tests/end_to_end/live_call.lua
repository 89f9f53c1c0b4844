-- What an adapter's requests about a live call do at the exchange: record, keys, another document.
--
--   return conformance.run { …, more = function(self, kit) live_call.test(self, kit, account) end }

local live_call = {}

local HOLDER = "+14155551008"

local function send(kit, request)
  local headers = {}
  for name, value in pairs(request.headers or {}) do headers[name] = value end
  if request.user then
    local crypto = require "callisto.crypto"
    headers.authorization = "Basic " .. crypto.base64(request.user .. ":" .. request.password)
  end
  local status, body = kit.http(request.method, request.url, { body = request.body, headers = headers })
  return { status = status, body = body }
end

-- As carrier.request, but from outside of the engine.
local function ask(kit, adapter, account, what, carrier_call, more)
  local pair = adapter.requests[what]
  return pair[2](send(kit, pair[1](carrier_call, account, more)))
end

local function must_do(kit, adapter, account, what, carrier_call, more)
  local ok, why = ask(kit, adapter, account, what, carrier_call, more)
  kit.ok(ok, ("%s: %s"):format(what, tostring(why)))
end

local function noted(self, kit, call, what)
  return kit.wait_for(("'%s'"):format(what), 20, function()
    for _, note in ipairs(kit.report(self.exchange, call.carrier_call_id).log or {}) do
      if note.what:find(what, 1, true) then return true end
    end
  end)
end

local function recording_event(kit, server, id)
  for _, event in ipairs(kit.show(server, id).events) do
    if event.kind == "carrier.recording" then return event end
  end
end

---@param self table  of the conformance run
---@param kit table
---@param account table  of the adapter, but for `api`
function live_call.test(self, kit, account)
  local name, server = self.carrier.name, self.server
  local adapter = require("providers.carriers." .. name)
  account.api = self.exchange.url
  kit.test(name .. ": a live call is recorded, sent keys, and given another document", function()
    local id = kit.call(server, "wait", HOLDER)
    kit.wait_for("the stream", 20, function() return kit.count_events(kit.show(server, id), "leg.started") == 1 end)
    local call = kit.show(server, id)
    local carrier_call = call.carrier_call_id
    local details = ("%s/%s/callback/details?call=%s"):format(server.url, name, id)
    must_do(kit, adapter, account, "record", carrier_call, { status_url = details })
    if adapter.requests.send_digits then
      must_do(kit, adapter, account, "send_digits", carrier_call, "12")
      noted(self, kit, call, "carrier plays keys 12")
      kit.equal(0, kit.count_events(kit.show(server, id), "leg.ended"), "ends of the stream by keys")
    end
    must_do(kit, adapter, account, "stop_recording", carrier_call)
    local event = kit.wait_for("news of the recording", 20, function() return recording_event(kit, server, id) end)
    kit.ok((event.data.url or ""):find "^http" and event.data.id, "the event names neither file nor id")
    local document = { { "say", "Please hold the line" }, { "hangup" } }
    must_do(kit, adapter, account, "redirect", carrier_call, { document = document })
    noted(self, kit, call, "carrier says: Please hold the line")
    kit.equal("COMPLETED", kit.wait_over(server, id, 40).facts.provider_reason, "reason of the carrier")
    local ok, why = ask(kit, adapter, account, "redirect", carrier_call, { document = document })
    kit.ok(not ok and not why.retryable, "a call that is over took another document")
  end)
end

return live_call
