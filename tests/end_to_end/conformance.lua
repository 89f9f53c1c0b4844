-- What every carrier must be able to do, over real sockets: a server and an exchange, both on this carrier.
--
-- A carrier's test is a small table (tests/end_to_end/test_twilio.lua):
--
--   local conformance = dofile "tests/end_to_end/conformance.lua"
--   return conformance.run {
--     name = "twilio",                     as in paths and in POST /exchange/calls
--     env = { TWILIO_AUTH_TOKEN = … },     the account, of the server and of the exchange
--     api = "TWILIO_API_BASE",             the variable that says where the carrier's REST interface is
--     number = "+14155550100",             the application's
--     webhook = function(url, about) … end   the carrier's webhook of a new call: what kit.http takes
--     opening = function(about) … end        the messages with which its media socket begins, a list of tables
--     upgrade = function(url) … end          headers of the socket's upgrade, if it is signed
--     cannot = { unknown = "why", … }        what this carrier has not
--     inbound = function(call, server, agent) … end   changes the body of POST /exchange/calls
--     turned_away = "busy"                   the status of a call for which no line was free
--     tells_end_at_answer = true             without a URL for the end of a call the one of its beginning is told
--     more = function(self, kit) … end       cases of its own, with self.server, self.exchange and self.ring
--   }
--
-- All calls run at the same time, so that a carrier's run takes no longer than its longest call.

local json = require "callisto.json"
local kit = dofile "tests/end_to_end/kit.lua"

local WORKSPACE = kit.here .. "/conformance"
local TALKER, CALLER, BUSY, SILENT, NOWHERE = "+14155551001", "+14155551002", "+14155551003", "+14155551004", "+14155551005"
local RUDE, GONE, HOLDER, UNCLEAR = "+14155551006", "+14155551007", "+14155551008", "+14155551009"
local LOST, LOST_BUSY, DOUBLED, REORDERED = "+14155551010", "+14155551011", "+14155551012", "+14155551013"

local conformance = { kit = kit }

-- Processes and calls -----------------------------------------------------------------------------------------------

local function environment(carrier, exchange, concurrent)
  local prefix = carrier.name:upper()
  local env = {
    TELEPHONY_PROVIDER = carrier.name, [prefix .. "_MAX_CONCURRENT"] = tostring(concurrent),
    [prefix .. "_CALLS_PER_SECOND"] = "100",
  }
  if carrier.api then env[carrier.api] = exchange.url end
  for name, value in pairs(carrier.env) do env[name] = value end
  return env
end

local function inbound_url(self, server, agent)
  return ("%s/telephony/%s/inbound/%s"):format(server.url, self.carrier.name, agent)
end

-- Somebody calls the server. Returns the exchange's report of the call.
local function ring(self, server, from, agent, more)
  local name = self.carrier.name
  local call = {
    carrier = name, from = from, to = self.carrier.number, voice_url = inbound_url(self, server, agent),
    status_callback = ("%s/%s/callback/status"):format(server.url, name),
  }
  for field, value in pairs(more or {}) do call[field] = value end
  if self.carrier.inbound then self.carrier.inbound(call, server, agent) end
  local status, answer = kit.json("POST", self.exchange.url .. "/exchange/calls", call)
  kit.equal(201, status, "status of POST /exchange/calls, " .. json.encode(answer))
  return answer
end

local function report_of(self, call) return kit.report(self.exchange, call.carrier_call_id) end

local function noted(report, what)
  for _, note in ipairs(report.log or {}) do
    if note.what:find(what, 1, true) then return note end
  end
end

local function expect_note(report, what)
  kit.ok(noted(report, what), ("'%s' is not in %s"):format(what, json.encode(report.log)))
end

local function lines(call, who)
  local found = {}
  for _, line in ipairs(call.transcript) do
    if line.who == who then found[#found + 1] = line end
  end
  return found
end

-- The server's record of a call that a subscriber has begun.
local function record_of(self, report)
  return kit.wait_for("the record of the call " .. report.id, 20, function()
    local found = kit.calls_with(self.server, "carrier_call_id", report.id)[1]
    return found and found.id
  end)
end

-- Cases ----------------------------------------------------------------------------------------------------------------

-- Words were recognised, keys arrived, keys were sent, the last sentence was heard to its end.
local function check_conversation(self, call)
  kit.equal("UNDERSTOOD", call.outcome, "outcome")
  kit.equal("AGENT_ENDED", call.facts.session_end_reason, "end of the session")
  kit.equal("COMPLETED", call.facts.provider_reason, "reason of the carrier")
  local heard = {}
  for _, line in ipairs(lines(call, "caller")) do heard[#heard + 1] = line.text end
  kit.ok(table.concat(heard, "; "):find("Pressed 4711", 1, true), "keys: " .. table.concat(heard, "; "))
  kit.ok(table.concat(heard, "; "):find("yes", 1, true), "words: " .. table.concat(heard, "; "))
  local report = report_of(self, call)
  kit.equal("completed", report.status, "status at the carrier")
  if not self.carrier.cannot.keys_out then
    expect_note(report, "hears the key 4")
    expect_note(report, "hears the key 2")
  end
end

-- The hang-up reached the carrier when it had nothing left to play.
local function check_last_words(self, call)
  local said = lines(call, "agent")
  local last = said[#said]
  kit.equal("Thank you very much, and goodbye.", last.text, "last sentence")
  kit.equal(last.text, last.heard, "what was heard of it")
  kit.ok(not last.interrupted, "it was interrupted")
  local report = report_of(self, call)
  kit.equal(0, report.stream.unplayed_ms, "milliseconds of sound the carrier never played")
end

local function check_barge_in(self, call)
  kit.equal("INTERRUPTED", call.outcome, "outcome")
  local line = lines(call, "agent")[1]
  kit.ok(line.interrupted, "the transcript does not say that the sentence was interrupted")
  kit.ok(#line.heard > 0 and #line.heard < #line.text, ("heard '%s'"):format(line.heard))
  kit.equal(line.heard, line.text:sub(1, #line.heard), "the beginning of the sentence")
  if not self.carrier.cannot.clear then kit.ok(report_of(self, call).stream.clears >= 1, "nothing was cleared at the carrier") end
end

local function check_gone(_, call)
  kit.equal("CUSTOMER_HANGUP", call.facts.session_end_reason, "end of the session")
  kit.equal("COMPLETED", call.facts.provider_reason, "reason of the carrier")
  kit.equal(1, kit.count_events(call, "leg.ended"), "ends of the leg")
  local line = lines(call, "agent")[1]
  kit.ok(#line.heard < #line.text, ("heard '%s'"):format(line.heard))
end

local function unanswered(reason)
  return function(_, call)
    kit.equal(reason, call.facts.provider_reason, "reason of the carrier")
    kit.equal("NO_ANSWER", call.outcome, "outcome")
    kit.equal(0, kit.count_events(call, "leg.started"), "media sockets")
  end
end

local function check_canceled(self, call)
  kit.equal("CANCELED", call.facts.provider_reason, "reason of the carrier")
  kit.equal(1, kit.count_events(call, "hangup.sent"), "hang-ups")
  kit.equal("canceled", report_of(self, call).status, "status at the carrier")
end

local function check_hung_up(self, call)
  kit.equal(1, kit.count_events(call, "leg.ended"), "ends of the leg")
  kit.equal("completed", report_of(self, call).status, "status at the carrier")
end

local function check_unclear(self, call)
  kit.equal("DONE", call.outcome, "outcome")
  local _, answer = kit.json("GET", self.exchange.url .. "/exchange/calls")
  local placed = 0
  for _, each in ipairs(answer.calls) do placed = placed + (each.to == UNCLEAR and 1 or 0) end
  kit.equal(1, placed, "calls to that number")
  kit.equal(1, kit.count_events(call, "dial.unknown"), "unclear answers")
end

local function check_once(call)
  kit.equal(1, kit.count_events(call, "provider"), "last words of the carrier")
  kit.equal(1, kit.count_events(call, "platform"), "facts about dialling")
  kit.ok(kit.count_events(call, "leg.ended") <= 1, "the leg ended twice")
end

local function check_done(_, call)
  kit.equal("DONE", call.outcome, "outcome")
  kit.equal("COMPLETED", call.facts.provider_reason, "reason of the carrier")
  check_once(call)
end

local function check_lost(self, call)
  check_done(self, call)
  expect_note(report_of(self, call), "lost on purpose")
end

local function check_lost_busy(self, call)
  unanswered "BUSY"(self, call)
  check_once(call)
  expect_note(report_of(self, call), "lost on purpose")
end

local function check_doubled(self, call)
  check_done(self, call)
  expect_note(report_of(self, call), " again: ")
end

local function check_reordered(self, call)
  check_done(self, call)
  expect_note(report_of(self, call), "held back")
end

-- What is tried: a name for `cannot`, a sentence, an agent, a number, and what must have come of it. `is_either`: where no calls
-- are placed the subscriber calls.
local CASES = {
  { "outbound", "a call is placed, answered and understood: words, keys, keys sent", "order", TALKER, check_conversation },
  { "busy", "a busy line", "quick", BUSY, unanswered "BUSY" },
  { "no_answer", "nobody answers", "quick", SILENT, unanswered "NO_ANSWER" },
  { "failed", "a number that cannot be reached", "quick", NOWHERE, unanswered "FAILED" },
  { "barge_in", "a caller who interrupts clears what is queued, and what was heard is not over-stated", "talk", RUDE,
    check_barge_in, is_either = true },
  { "gone", "a caller who hangs up ends the flow", "talk", GONE, check_gone, is_either = true },
  { "unknown", "an order without a clear answer is not repeated, and the call is found", "quick", UNCLEAR, check_unclear },
  { "lost", "statuses that are lost: the carrier is asked", "quick", LOST, check_lost },
  { "lost_busy", "the status of a busy line is lost: the carrier is asked", "quick", LOST_BUSY, check_lost_busy },
  { "doubled", "statuses that come twice change nothing", "quick", DOUBLED, check_doubled },
  { "reordered", "statuses in another order change nothing", "quick", REORDERED, check_reordered },
}

local function case(self, name, what, body)
  local why = self.carrier.cannot[name]
  if why then return print(("--      %s: %s"):format(what, why)) end
  kit.test(("%s: %s"):format(self.carrier.name, what), body)
end

local function can(self, name) return not self.carrier.cannot[name] end

-- Starts everything that takes time.
local function start_calls(self)
  local started = {}
  if self.carrier.tells_end_at_answer then
    self.with_one_url = ring(self, self.server, HOLDER, "quick", { status_callback = false })
  end
  if can(self, "inbound") then started.inbound = ring(self, self.server, CALLER, "order") end
  for _, each in ipairs(CASES) do
    if can(self, "outbound") and can(self, each[1]) then
      started[each[1]] = kit.call(self.server, each[3], each[4])
    elseif each.is_either and can(self, each[1]) then
      started[each[1]] = record_of(self, ring(self, self.server, each[4], each[3]))
    end
  end
  if can(self, "outbound") and can(self, "canceled") then started.canceled = kit.call(self.server, "wait", SILENT) end
  if can(self, "outbound") then started.hung_up = kit.call(self.server, "wait", HOLDER) end
  return started
end

local function wait_status(self, id, status)
  kit.wait_for("status " .. status, 20, function()
    local call = kit.show(self.server, id)
    return call.carrier_call_id and report_of(self, call).status == status
  end)
end

local function end_call(self, id)
  kit.equal(202, (kit.json("POST", ("%s/api/calls/%s/hangup"):format(self.server.url, id))), "status of the hang-up")
end

-- Calls that the application ends.
local function hang_up(self, started)
  if started.canceled then
    wait_status(self, started.canceled, "ringing")
    end_call(self, started.canceled)
  end
  if not started.hung_up then return end
  kit.wait_for("the stream", 20, function()
    return kit.count_events(kit.show(self.server, started.hung_up), "leg.started") == 1
  end)
  end_call(self, started.hung_up)
end

local function test_calls(self, started)
  case(self, "inbound", "an inbound call is answered and understood: words, keys, keys sent", function()
    local call = kit.wait_over(self.server, record_of(self, started.inbound), 60)
    kit.equal("inbound", call.direction, "direction")
    kit.equal(CALLER, call.from, "caller")
    kit.equal(self.carrier.number, call.to, "number")
    check_conversation(self, call)
    check_last_words(self, call)
  end)
  for _, each in ipairs(CASES) do
    case(self, (each.is_either or can(self, "outbound")) and each[1] or "outbound", each[2], function()
      each[5](self, kit.wait_over(self.server, started[each[1]], 60))
    end)
  end
  case(self, "outbound", "a hang-up reaches the carrier when the last word was heard", function()
    check_last_words(self, kit.wait_over(self.server, started.outbound, 60))
  end)
  case(self, can(self, "outbound") and "canceled" or "outbound", "a call that rings is taken back", function()
    check_canceled(self, kit.wait_over(self.server, started.canceled, 60))
  end)
  case(self, "outbound", "a live call is hung up, and its leg ends with it", function()
    check_hung_up(self, kit.wait_over(self.server, started.hung_up, 60))
  end)
end

-- A carrier whose application has only one URL.
local function test_one_url(self)
  if not self.carrier.tells_end_at_answer then return end
  kit.test(self.carrier.name .. ": the end of a call is taken at the URL of its beginning", function()
    local id = record_of(self, self.with_one_url)
    check_done(self, kit.wait_over(self.server, id, 40))
    expect_note(kit.report(self.exchange, self.with_one_url.id), "callback completed: 204")
    kit.equal(1, #kit.calls_with(self.server, "carrier_call_id", self.with_one_url.id), "calls")
  end)
end

-- Limits -------------------------------------------------------------------------------------------------------------

-- The one line of a small server is taken.
local function test_limit(self)
  local small, name = self.small, self.carrier.name
  case(self, "outbound", "the API refuses a call for which no line is free, with the limit and the count", function()
    local status, problem = kit.json("POST", small.url .. "/api/calls/outbound", { agent_name = "quick", to = TALKER })
    kit.ok(status == 503 or status == 429, "status " .. status)
    local text = json.encode(problem)
    kit.ok(text:find(name .. " has 1 of 1 calls", 1, true), text)
    kit.ok(text:find(name:upper() .. "_MAX_CONCURRENT", 1, true), text)
  end)
  case(self, "inbound", "an inbound call for which no line is free is turned away", function()
    local call = ring(self, small, CALLER, "quick")
    local report = kit.wait_for("its end", 20, function()
      local report = kit.report(self.exchange, call.id)
      return report.ended and report
    end)
    kit.equal(self.carrier.turned_away or "busy", report.status, "status at the carrier")
    kit.equal(1, #kit.calls_with(small, "outcome", "CAPACITY_REJECTED"), "calls written down as refused")
  end)
  case(self, "inbound", "a line is free again when its call is over", function()
    kit.equal(202, (kit.json("POST", ("%s/api/calls/%s/hangup"):format(small.url, self.held))), "status of the hang-up")
    kit.wait_over(small, self.held, 40)
    local call = ring(self, small, CALLER, "quick")
    kit.wait_for("its end", 20, function() return kit.report(self.exchange, call.id).ended end)
    kit.equal(0, #kit.calls_with(small, "outcome", "NO_ANSWER"), "calls that failed")
    kit.wait_for("the record", 20, function() return #kit.calls_with(small, "outcome", "DONE") == 1 end)
  end)
end

-- The one line of the small server is taken by a call that waits.
local function hold_the_line(self)
  local report = ring(self, self.small, HOLDER, "wait")
  self.held = kit.wait_for("the record of the call " .. report.id, 20, function()
    local found = kit.calls_with(self.small, "carrier_call_id", report.id)[1]
    return found and found.id
  end)
end

-- Strangers ---------------------------------------------------------------------------------------------------------

local serial = 0

local function stranger(self, secret)
  serial = serial + 1
  local about = {
    carrier_call = self.carrier.new_id and self.carrier.new_id(serial) or ("c%031x"):format(0xabc000 + serial),
    from = HOLDER, to = self.carrier.number, secret = secret,
  }
  local url = inbound_url(self, self.trap, "wait")
  local request = self.carrier.webhook(url, about)
  local status, body = kit.http(request.method, request.url or url, request)
  about.status = status
  about.socket = (body:match '(wss?://[^"<%s]+)' or ""):gsub("&amp;", "&")
  return about
end

-- Opens a media socket and sends messages. Returns how it was received.
local function open_socket(self, url, messages)
  local headers = self.carrier.upgrade and self.carrier.upgrade(url) or {}
  local text = kit.shell(("HEADERS=%s MESSAGES=%s node %s/hostile.mjs %s messages 2>&1"):format(
    kit.quote(json.encode(headers)), kit.quote(json.encode(messages)), kit.here, kit.quote(url)))
  local seen = json.decode(text)
  if type(seen) ~= "table" then error("the client failed: " .. text, 0) end
  return seen
end

local function test_strangers(self)
  case(self, "webhook", "a webhook signed with another secret is refused with 403", function()
    kit.equal(403, stranger(self, "another-secret-of-somebody-else").status, "status")
  end)
  case(self, "webhook", "a media socket with a token that nobody gave out is refused", function()
    local about = stranger(self)
    kit.equal(200, about.status, "status of the webhook")
    local other = about.socket:gsub("%w+$", ("a"):rep(26))
    local seen = open_socket(self, other, self.carrier.opening(about))
    -- Where sockets may come without a token they are let in to say who they are.
    kit.ok(seen.status == 401 or seen.status == 403 or seen.code == 1008, json.encode(seen))
  end)
  case(self, can(self, "webhook") and "other_token" or "webhook", "another call's media token is refused", function()
    local mine, other = stranger(self), stranger(self)
    kit.ok(mine.socket ~= "" and mine.socket ~= other.socket, "sockets " .. mine.socket .. " and " .. other.socket)
    local seen = open_socket(self, mine.socket, self.carrier.opening(other))
    kit.ok(seen.ended, "the socket was still open after 20 s")
    kit.ok(seen.status == 403 or seen.code == 1003, json.encode(seen))
  end)
end

local function test_nothing_left(self)
  kit.test(self.carrier.name .. ": afterwards nobody is on a line", function()
    kit.wait_for("the last call to end", 60, function() return kit.gauge(self.server, "callisto_calls_live") == 0 end)
    kit.equal(0, kit.gauge(self.server, "callisto_legs"), "legs")
    kit.ok(not kit.read(self.server.log):find("failed: callisto", 1, true), "a script of the server failed")
  end)
end

---Runs everything. Returns the exit code.
---@param carrier table
---@return integer
function conformance.run(carrier)
  carrier.cannot = carrier.cannot or {}
  return kit.run(function()
    local self = { carrier = carrier, ring = ring }
    self.exchange = kit.exchange { workspace = WORKSPACE, env = carrier.env }
    self.server = kit.server(self.exchange, { workspace = WORKSPACE, env = environment(carrier, self.exchange, 1000) })
    local started = start_calls(self)
    self.small = kit.server(self.exchange,
      { workspace = WORKSPACE, data = kit.scratch .. "/small", env = environment(carrier, self.exchange, 1) })
    -- Calls of strangers have no carrier who could tell of their end: they have a server of their own.
    self.trap = kit.server(self.exchange,
      { workspace = WORKSPACE, data = kit.scratch .. "/trap", env = environment(carrier, self.exchange, 10) })
    if can(self, "inbound") then hold_the_line(self) end
    hang_up(self, started)
    test_strangers(self)
    test_limit(self)
    test_calls(self, started)
    test_one_url(self)
    if carrier.more then carrier.more(self, kit) end
    test_nothing_left(self)
  end)
end

return conformance
