-- callisto.service.life: the life of a call, in a straight line.
--
--   write it down ─► (dial) ─► wait for the line ─► wait for the first of the three ends ─► hang up, close ─► give the
--   line back ─► wait for the carrier's last word, or ask for it ─► compute the outcome ─► forget
--
-- A call that is over holds no line, however long the carrier takes to say so. End of the script is not end of the call, and
-- a closed socket is not a hang-up: the carrier's word is the truth, and when it does not come the carrier is asked.

local core = require "callisto.core"
local doors = require "callisto.service.doors"
local events = require "callisto.service.records.events"
local legs = require "callisto.service.records.legs"
local limits = require "callisto.service.limits"
local log = require "callisto.log"
local metrics = require "callisto.metrics"
local outcome = require "callisto.outcome"
local records = require "callisto.service.records.calls"
local settings = require "callisto.settings"
local task = require "callisto.task"

-- After an end, how long the others may take: the carrier's status, the socket, the script.
local STATUS_S, SOCKET_S, SCRIPT_S = 10, 5, 6
-- The engine's fallback sentence is heard no longer than this.
local FALLBACK_S = 30
-- An answered inbound call opens its socket at once; a dialled one rings first, and may queue at the carrier.
local INBOUND_S, RING_MORE_S, ASK_EVERY_S, ASKS_MOST = 20, 15, 30, 30
-- Of a call without a socket: so many times the carrier may be asked in vain.
local SILENT_ASKS = { INBOUND = 1, OUTBOUND = 3 }
-- Three tries to hang up, each until it times out.
local HANG_UP_S = 100
-- The same request is sent again after "too many requests", in all no longer than this.
local BUSY_CARRIER_S = 60

local life = {}

local function has_final(call) return call.final ~= nil end
local function leg_is_over(call) return call.leg == "ended" end
local function script_is_over(call) return call.flow_end ~= nil or call.is_broken end
-- The fallback of a broken script still waits for an inbound caller's line; nobody is rung up to hear it.
local function line_is_open_or_over(call)
  return call.leg ~= nil or has_final(call) or call.flow_end ~= nil or call.must_end
    or (call.is_broken and call.direction == "OUTBOUND")
end
local function any_end(call) return leg_is_over(call) or has_final(call) or script_is_over(call) or call.must_end end
local function is_hung_up_or_final(call) return has_final(call) or not call.is_hanging_up end
local function leg_or_final(call) return leg_is_over(call) or has_final(call) end

-- Dialling ---------------------------------------------------------------------------------------------------------

local function order_of(call)
  local base = assert(settings.public_url())
  local adapter = call.adapter
  local function url_of(kind)
    local paths = adapter.routes[kind]
    local path = type(paths) == "table" and paths[1] or paths
    return path and ("%s%s?%s=%s"):format(base, path, doors.CALL, call.id)
  end
  local order = {
    call = call.id,
    to = call.to,
    from = call.from,
    ring = call.ring,
    longest = call.template.longest + 60,
    status_url = url_of "status",
    detects_machine = call.template.answering_machine or nil,
    details_url = url_of "details",
    socket_url = call.socket_url,
  }
  local document = call:document()
  local most = adapter.limits.inline_document_bytes
  local is_inline = settings.get("TELEPHONY_DOCUMENT", "document") ~= "url" and most
    and #(adapter.webhook.answer(document, call.account)) <= most
  if is_inline then
    order.document = document
  else
    order.url = url_of "answer"
    order.fallback_url = url_of "fallback"
  end
  return order
end

-- One request; again only when the carrier said that it did nothing because it was too busy.
local function place(call)
  local give_up, pause = core.now() + BUSY_CARRIER_S, 2
  while true do
    task.sleep(limits.turn(call.adapter))
    local class, carrier_call, why = call:request("place", order_of(call))
    metrics.count(('dials_total{carrier="%s",result="%s"}'):format(call.carrier, class))
    local may_again = class == "not_placed" and call.carrier_status == 429 and core.now() + pause < give_up
    if not may_again then return class, carrier_call, why end
    task.sleep(pause * (1 + core.random(1):byte() / 1024))
    pause = math.min(pause * 2, 8)
  end
end

-- Whether the phone rings, or may ring.
local function dial(call)
  call.placed_at = core.wall()
  local class, carrier_call, why = place(call)
  call.dialled, call.refusal = class, why
  if class == "not_placed" then
    local reason = why.is_about_number and "INVALID_PHONE" or "CARRIER_REFUSED"
    events.add(call.id, "dial.refused", { code = why.code, text = why.message })
    call:learn("platform", { status = "NOT_INITIATED", reason = reason })
    log.warn(("call %s: %s refused it: %s"):format(call.id, call.carrier, tostring(why)))
  else
    events.add(call.id, "dial." .. class, { code = why and why.code, text = why and why.message })
    call:learn("platform", { status = "INITIATED", reason = "DIALED" })
    -- A webhook may have been faster than the answer.
    if carrier_call and not call.carrier_call then call:named(carrier_call, call.adapter.requests.place.is_provisional) end
  end
  task.wake(call)
  return class ~= "not_placed"
end

-- Asking and hanging up --------------------------------------------------------------------------------------------

local function look_for(call)
  if (call.carrier_call and not call.is_provisional) or not call:can "find" then return end
  local placed_at = call.placed_at or core.wall()
  local found = call:request("find", { call = call.id, to = call.to, from = call.from, placed_at = placed_at })
  if found then call:named(found) end
end

-- What the carrier says now, or nil when it cannot be asked or does not answer.
local function ask(call)
  look_for(call)
  if not call.carrier_call or call.final or not call:can "fetch" then return nil end
  metrics.count(('carrier_asked_total{carrier="%s"}'):format(call.carrier))
  local status, why = call:request "fetch"
  if not status then
    log.warn(("call %s: %s was asked and did not say: %s"):format(call.id, call.carrier, tostring(why)))
    return nil
  end
  if status.is_terminal then call:note_status(status) end
  return status
end

-- Ends the call at the carrier; harmless when it is over. Where that cannot be asked for, no socket is let in any more.
local function hang_up(call)
  if not call:can "hangup" then core.token_withdraw(call.id) end
  if not call.carrier_call or not call:can "hangup" then return false end
  local pause = 1
  for _ = 1, 3 do
    if call.final then return true end
    local ok, why = call:request "hangup"
    if ok then
      events.add(call.id, "hangup.sent")
      return true
    end
    log.warn(("call %s: hanging up at %s failed: %s"):format(call.id, call.carrier, tostring(why)))
    if not why.retryable then return false end
    task.sleep(pause)
    pause = pause * 2
  end
  return false
end

-- The stations of a call -------------------------------------------------------------------------------------------

local function until_line_is_open(call)
  local patience, silent = call.direction == "INBOUND" and INBOUND_S or (call.ring or 60) + RING_MORE_S, 0
  for _ = 1, ASKS_MOST do
    if call:until_(patience, line_is_open_or_over) then return end
    local status = ask(call)
    if line_is_open_or_over(call) then return end
    silent = status and 0 or silent + 1
    -- Answered, but the socket never came; or nobody knows of such a call, or says so.
    if status and status.is_answered or silent == SILENT_ASKS[call.direction] then break end
    if not status and call.dialled == "unknown" and not call.carrier_call then break end
    patience = ASK_EVERY_S
  end
  core.token_withdraw(call.id)
  call.must_end = true
end

-- Beside what else ends: a carrier that does not answer keeps no line.
local function start_hanging_up(call)
  call.is_hanging_up = true
  task.start(task.finally, hang_up, function()
    call.is_hanging_up = false
    task.wake(call)
  end, call)
end

local function end_leg(call)
  if not call.leg or leg_is_over(call) then return end
  if call:can "hangup" and call:until_(SOCKET_S, leg_is_over) then return end -- else closing it is the hang-up
  core.leg_end(call.id, false, 1000)
  call:until_(SOCKET_S, leg_is_over)
end

-- The script has ended, or the leg, or the carrier said so: brings the other two to their end.
local function bring_to_an_end(call)
  if call.is_broken and call.leg == "up" and not call.final then call:until_(FALLBACK_S, leg_or_final) end
  if leg_is_over(call) and not script_is_over(call) then call:until_(SCRIPT_S, script_is_over) end
  -- A caller who hung up is over by himself, as the carrier will say; everybody else is hung up.
  local is_gone = leg_is_over(call) and call.leg_reason == "hangup" and not call.is_broken and not call.flow_end_was_first
  if not call.final and not is_gone then start_hanging_up(call) end
  end_leg(call)
  limits.release(call.adapter, call.id)
  call:until_(HANG_UP_S, is_hung_up_or_final)
end

-- A carrier that neither reports nor can be asked: the end of the stream is all that is known.
local function take_the_leg_for_the_call(call)
  local is_answered = call.leg ~= nil
  local said = call.last_message and call.adapter.socket.ended and call.adapter.socket.ended(call.last_message)
  if said then return call:learn("provider", said) end
  call:learn("provider", { status = is_answered and "ANSWERED" or "UNKNOWN", reason = is_answered and "COMPLETED" or nil })
end

-- A phone whose ringing cannot be stopped rings to its end.
local function asks_of(call)
  if call:can "hangup" or call.leg or call.direction == "INBOUND" then return 4 end
  return 4 + math.ceil((call.ring or 60) / STATUS_S)
end

local function until_carrier_is_done(call)
  if not call.adapter.webhook.status then return take_the_leg_for_the_call(call) end
  local most = asks_of(call)
  for attempt = 1, most do
    if call:until_(STATUS_S, has_final) then return end
    local status = ask(call)
    if call.final then return end
    if status and attempt < most then hang_up(call) end -- still connected: nobody may be left on the line
  end
  call:learn("provider", { status = "UNKNOWN" })
end

local function note_ending(call)
  if call.facts.session_end or (call.facts.platform or {}).status == "NOT_INITIATED" then return end
  local reason
  if call.leg_reason then
    reason = outcome.ending_of_leg(call.leg_reason)
  elseif not call.leg and call.final and call.final.status == "ANSWERED" then
    reason = "EARLY_HANGUP"
  elseif call.leg then
    reason = "CUSTOMER_HANGUP"
  end
  if reason then call:learn("session_end", { reason = reason }) end
end

local function write_down_the_end(call)
  note_ending(call)
  local word = outcome.word(call.facts)
  local provider = call.facts.provider or {}
  local is_good = provider.status == "ANSWERED" and call.facts.session_end ~= "PIPELINE_ERROR"
  if not leg_is_over(call) then legs.finish(call.id, 1, { reason = call.leg and "lost" or "absent" }) end
  records.finish(call.id, is_good and "COMPLETED" or "FAILED", word)
  metrics.count(('calls_total{direction="%s",outcome="%s"}'):format(call.direction:lower(), word))
end

local function let_go(call)
  core.call_close(call.id, 1000)
  call:forget()
  task.wake(call)
end

local function finish(call)
  if call.is_finished then return end
  call.is_finished = true
  task.finally(write_down_the_end, function() let_go(call) end, call)
end

local function pass_through(call)
  legs.begin(call, 1, "caller") -- before the wait, so that a leg that comes up meanwhile finds its row
  local rows, why, code = records.begin(call)
  call.is_written = rows ~= nil
  -- A call of the past does not come again; an order is not dialled without its record, or when the one who gave it was told
  -- that it is not.
  call.is_refused = code == "EEXIST" or (call.direction == "OUTBOUND" and (not rows or call.is_given_up))
  task.wake(call)
  if not rows then
    log.error(("call %s %s: %s"):format(call.id, call.is_refused and "could not be written down" or "is written down later", why))
  end
  if call.is_refused then return end
  if call.direction == "INBOUND" then
    call:learn("platform", { status = "INITIATED", reason = "ANSWERED" })
  elseif not dial(call) then
    return
  end
  until_line_is_open(call)
  call:until_(call.template.longest + 60, any_end)
  call.flow_end_was_first = script_is_over(call) and not leg_is_over(call)
  bring_to_an_end(call)
  until_carrier_is_done(call)
end

-- The row of an order may have been written after all, by then too late.
local function take_back(call)
  legs.finish(call.id, 1, { reason = "refused" })
  if call.direction == "OUTBOUND" then records.finish(call.id, "FAILED", "NOT_WRITTEN") end
  let_go(call)
end

---Lives a call. Whatever happens on the way, the call is finished and forgotten, once.
---@param call callisto.LiveCall
function life.live(call)
  task.finally(pass_through, function()
    if call.is_refused then take_back(call) else finish(call) end
  end, call)
end

---What is left to do when the task of a call was stopped.
---@param call callisto.LiveCall
function life.bury(call)
  call:learn("session_end", { reason = "PIPELINE_ERROR" })
  hang_up(call)
  finish(call)
end

return life
