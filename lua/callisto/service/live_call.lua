-- callisto.service.live_call: one live call, and what is learned about it.
--
-- A live call is a record of facts that come from three sides in any order: the leg (its media socket), the flow (its
-- script) and the carrier (its last word). Each is written here once, duplicates change nothing, and whoever waits for
-- the call (callisto.service.life) is woken.

local core = require "callisto.core"
local events = require "callisto.service.records.events"
local http = require "callisto.http"
local limits = require "callisto.service.limits"
local outcome = require "callisto.outcome"
local records = require "callisto.service.records.calls"
local task = require "callisto.task"
local wording = require "callisto.wording"

---@class callisto.LiveCall
---@field id string
---@field direction "INBOUND"|"OUTBOUND"
---@field carrier string
---@field adapter callisto.Carrier
---@field account table
---@field template callisto.Template
---@field agent string
---@field from string
---@field to string
---@field payload table
---@field lead string|nil
---@field carrier_call string|nil
---@field is_provisional boolean|nil  the carrier may name the call otherwise yet
---@field socket_url string
---@field format string  of the media socket
---@field facts callisto.Facts
---@field sequences table<integer, true>  of the statuses that were noted
---@field leg nil|"up"|"ended"
---@field leg_reason string|nil
---@field flow_end string|nil  why the script ended
---@field is_broken boolean|nil  the engine plays the fallback
---@field is_hanging_up boolean|nil  the carrier is being asked to end it
---@field must_end boolean|nil  it was asked to end
---@field final callisto.CarrierStatus|nil  the carrier's last word
---@field is_answered boolean|nil
---@field answered_by {who: string, word: string}|nil
---@field is_written boolean|nil  its row is in the store
---@field is_given_up boolean|nil  the one who ordered it was told that it is not dialled
---@field is_refused boolean|nil  it is not dialled, or not taken
---@field dialled callisto.Placed|nil
---@field refusal callisto.CarrierError|nil  why the carrier did not place it
---@field carrier_status integer|nil  of HTTP, of the carrier's last answer to a request; nil: there was no answer
local LiveCall = {}
LiveCall.__index = LiveCall

local live_call = {}

local live, by_carrier_call = {}, {}
local count = 0

local function carrier_key(carrier, carrier_call) return carrier .. " " .. carrier_call end

---@param fields table  those of a callisto.LiveCall that are known
---@return callisto.LiveCall call  not among the live ones yet, see LiveCall.remember
function live_call.new(fields)
  fields.facts, fields.sequences = {}, {}
  return setmetatable(fields, LiveCall)
end

---@param id string
---@return callisto.LiveCall|nil
function live_call.get(id) return live[id] end

---@param carrier string
---@param carrier_call string
---@return callisto.LiveCall|nil
function live_call.of_carrier(carrier, carrier_call) return by_carrier_call[carrier_key(carrier, carrier_call)] end

---@return integer
function live_call.count() return count end

---The engine has the call: from now on it is found by its id and by the carrier's.
function LiveCall:remember()
  live[self.id] = self
  count = count + 1
  if self.carrier_call then by_carrier_call[carrier_key(self.carrier, self.carrier_call)] = self end
end

---A call is over and written: nothing is kept of it.
function LiveCall:forget()
  if not live[self.id] then return end
  live[self.id] = nil
  count = count - 1
  if self.carrier_call then by_carrier_call[carrier_key(self.carrier, self.carrier_call)] = nil end
  limits.release(self.adapter, self.id)
end

-- Learning ---------------------------------------------------------------------------------------------------------

---A fact that counts for the outcome. Written when it changes what is known.
---@param kind string
---@param data table
---@param is_written boolean|nil  the event is in the store already
function LiveCall:learn(kind, data, is_written)
  if not outcome.add(self.facts, kind, data) then return end
  if not is_written then events.add(self.id, kind, data) end
  records.note(self.id, kind, data)
  task.wake(self)
end

---The carrier's own id of a call became known. One that was read from the answer to an order may be replaced once.
---@param carrier_call string|nil
---@param is_provisional boolean|nil
function LiveCall:named(carrier_call, is_provisional)
  local before = self.carrier_call
  if not carrier_call or (before and not self.is_provisional) then return end
  self.is_provisional = is_provisional or nil
  if carrier_call == before then return end
  if before then by_carrier_call[carrier_key(self.carrier, before)] = nil end
  self.carrier_call = carrier_call
  by_carrier_call[carrier_key(self.carrier, carrier_call)] = self
  records.set_carrier_call(self)
  core.alias(self.id, carrier_call)
  task.wake(self)
end

---Whatever goes on, the call is brought to its end.
function LiveCall:end_now()
  self.must_end = true
  task.wake(self)
end

---Somebody or something has answered. The first time counts.
function LiveCall:note_answer()
  if self.is_answered then return end
  self.is_answered = true
  records.answered(self)
end

---The carrier knows who or what has answered: written down, and told to the flow. The same again changes nothing.
---@param answered_by {who: string, word: string}
function LiveCall:note_answerer(answered_by)
  if self.answered_by and self.answered_by.word == answered_by.word then return end
  self.answered_by = answered_by
  events.add(self.id, "answered_by", answered_by)
  core.tell(self.id, { callisto = "answered_by", who = answered_by.who, word = answered_by.word })
end

---The carrier said something about a call. Older and repeated words change nothing. A word counts as said when all of it
---is written: one whose writing failed may be repeated.
---@param status callisto.CarrierStatus
function LiveCall:note_status(status)
  self:named(status.carrier_call)
  if status.answered_by then self:note_answerer(status.answered_by) end
  if (status.sequence and self.sequences[status.sequence]) or self.final then return end
  events.add(self.id, "carrier." .. (status.word ~= "" and status.word or "unknown"),
    { sequence = status.sequence, seconds = status.seconds, cause = status.cause })
  if status.is_answered then self:note_answer() end
  if status.tells_cause_only and self.is_answered then status.status, status.reason = "ANSWERED", "COMPLETED" end
  if status.is_terminal then
    self:learn("provider", { status = status.status, reason = status.reason, cause = status.cause })
    self.final = status
  else
    self.progress = status.word
  end
  if status.sequence then self.sequences[status.sequence] = true end
  task.wake(self)
end

-- Asking the carrier -----------------------------------------------------------------------------------------------

---Whether the carrier can be asked for something.
---@param what string
---@return boolean
function LiveCall:can(what) return self.adapter.requests[what] ~= nil end

-- What a request is about, and details: an order, or the call as the carrier knows it.
local function subject_of(call, what, about)
  if what == "place" or what == "find" then return about end
  if what == "hangup" then return call.carrier_call, call.is_provisional end
  return call.carrier_call, about
end

---Sends one of the carrier's requests about this call, and gives what the adapter reads in the answer.
---@param what "place"|"find"|"fetch"|"hangup"|"redirect"|"send_digits"|"record"|"stop_recording"
---@param about any  what else the request needs: the order, the keys …
---@return any ...
function LiveCall:request(what, about)
  local ask, read = unpack(self.adapter.requests[what])
  local subject, more = subject_of(self, what, about)
  local message, text, code, sent = http.fetch(ask(subject, self.account, more))
  self.carrier_status = message and message.status
  return read(message, text, code, sent, subject)
end

-- Waiting ----------------------------------------------------------------------------------------------------------

---Waits until something holds for the call, at most so long.
---@param seconds number
---@param holds fun(call: callisto.LiveCall): any
---@return boolean
function LiveCall:until_(seconds, holds)
  local at = core.now() + seconds
  while not holds(self) do
    local left = at - core.now()
    if left <= 0 then return false end
    task.wait(self, left)
  end
  return true
end

---The document that connects the call's phone with its media socket.
---@return table[]
function LiveCall:document()
  local template = self.template
  return {
    {
      "stream",
      url = self.socket_url,
      format = self.format,
      parameters = {
        { "call_id", self.id },
        { "lead_id", self.lead or self.id },
        { "agent_name", self.agent },
        { "direction", self.direction:lower() },
        { "from_number", self.from },
        { "to_number", self.to },
      },
    },
    { "say", wording.of_template(template, template.fallback) },
    { "hangup" },
  }
end

return live_call
