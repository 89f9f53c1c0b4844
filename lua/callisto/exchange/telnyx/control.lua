-- callisto.exchange.telnyx.control: Telnyx's Call Control: events as signed JSON, and the commands that answer them.

local core = require "callisto.core"
local json = require "callisto.json"
local network = require "callisto.exchange.network"
local task = require "callisto.task"
local telnyx_call = require "callisto.exchange.telnyx.call"
local telnyx_recordings = require "callisto.exchange.telnyx.recordings"
local telnyx_stream = require "callisto.exchange.telnyx.stream"

local telnyx_control = {}

local RING_S, RING_LEAST_S, RING_MOST_S = 30, 5, 600
local PARKED_S = 60 -- so long a caller waits for a command
local LONGEST_S = 14400
local CAUSES = {
  completed = "normal_clearing", busy = "user_busy", ["no-answer"] = "timeout", canceled = "originator_cancel",
  failed = "not_found",
}
local SIP = { completed = "200", busy = "486", ["no-answer"] = "487", canceled = "487", failed = "404" }

local face, calls, account
local answer, refuse, not_found

---@param given table the face
---@param of {application: string, connection: string|nil}
---@param reply table<string, function> answer, refuse, not_found of the face
function telnyx_control.start(given, of, reply)
  face, calls, account = given, given.course, of
  answer, refuse, not_found = reply.answer, reply.refuse, reply.not_found
end

-- Events -------------------------------------------------------------------------------------------------------------

---Tells the application of an event.
---@param call callisto.exchange.Call
---@param event string "call.answered"
---@param more table<string, any>|nil
---@param name string|nil for faults and reports [event]
function telnyx_control.tell(call, event, more, name)
  local payload = {
    call_control_id = call.id, connection_id = call.connection, call_leg_id = call.id, call_session_id = call.session,
    client_state = call.client_state or json.null, from = call.from, to = call.to,
    direction = call.direction == "inbound" and "incoming" or "outgoing",
  }
  for field, value in pairs(more or {}) do payload[field] = value end
  local body = json.encode {
    data = {
      record_type = "event", event_type = event, id = telnyx_call.uuid(), occurred_at = telnyx_call.date(core.wall()),
      payload = payload,
    },
    meta = { attempt = 1, delivered_to = call.webhook_url },
  }
  telnyx_call.send(call, name or event, call.webhook_url, body)
end

local told = {}

function told.initiated(call)
  telnyx_control.tell(call, "call.initiated", { state = call.direction == "inbound" and "parked" or "bridging" }, "initiated")
end

told["in-progress"] = function(call) telnyx_control.tell(call, "call.answered", { state = "answered" }, "answered") end

---The call has moved on.
---@param call callisto.exchange.Call
---@param status string
function telnyx_control.become(call, status)
  if told[status] then return told[status](call) end
  if not CAUSES[status] then return end
  telnyx_control.tell(call, "call.hangup", {
    state = "hangup", hangup_cause = call.rejected or CAUSES[status], hangup_source = call.gone and "caller" or "callee",
    sip_hangup_cause = SIP[status], start_time = telnyx_call.date(call.created), end_time = telnyx_call.date(call.ended),
  }, "completed")
end

-- Calls --------------------------------------------------------------------------------------------------------------

---A subscriber calls a number of a Call Control application: the call is parked until it is told what to do.
---@param call callisto.exchange.Call
---@param url string
function telnyx_control.inbound(call, url)
  call.webhook_url, call.connection, call.session = url, account.connection, telnyx_call.uuid()
  call.on_gone = function() calls:finish(call, call.answered and "completed" or "canceled") end
  told.initiated(call)
  task.start(function()
    task.sleep(PARKED_S)
    if not call.answered then calls:finish(call, "no-answer") end
  end)
end

local function resource(call)
  local is_over = telnyx_call.is_over(call)
  return {
    record_type = "call", call_control_id = call.id, call_leg_id = call.id, call_session_id = call.session,
    client_state = call.client_state or json.null, is_alive = not is_over,
    call_duration = call.answered and math.floor((call.ended or core.wall()) - call.answered + 0.5) or 0,
    start_time = telnyx_call.date(call.created), end_time = is_over and telnyx_call.date(call.ended) or json.null,
  }
end

---Answers `GET /v2/calls/{id}`.
---@param call callisto.exchange.Call
function telnyx_control.show(call) return answer(200, { data = resource(call) }) end

---Answers `GET /v2/connections/{id}/active_calls`.
---@param connection string
function telnyx_control.active(connection)
  if connection ~= account.connection then return not_found() end
  local rows = json.array {}
  for _, call in ipairs(network.all()) do
    if call.webhook_url and not telnyx_call.is_over(call) then rows[#rows + 1] = resource(call) end
  end
  return answer(200, { data = rows, meta = { total_items = #rows } })
end

local function is_number(value) return type(value) == "string" and value:find "^%+%d%d%d%d%d%d%d+$" ~= nil end

-- What an order may say. What is not played is refused, so that nobody takes it for tried.
local of_orders = {
  connection_id = true, to = true, from = true, client_state = true, command_id = true, webhook_url = true,
  webhook_url_method = true, timeout_secs = true, time_limit_secs = true, from_display_name = true,
}

local function unplayed(about, known)
  for name in pairs(about) do
    if not known[name] then
      return refuse(422, 10015, "Bad Request", ("The exchange does not play '%s'."):format(tostring(name)), "/" .. tostring(name))
    end
  end
end

---Answers `POST /v2/calls`.
---@param params table
---@return integer|false status, table|nil headers, string|nil body
function telnyx_control.create(params)
  local status, headers, body = unplayed(params, of_orders)
  if status then return status, headers, body end
  if params.connection_id ~= account.connection then
    return refuse(422, 10015, "Bad Request", "The connection_id is not that of a Call Control application.", "/connection_id")
  end
  for _, name in ipairs { "to", "from" } do
    if not is_number(params[name]) then
      return refuse(422, 10016, "Phone number must be in +E.164 format", nil, "/" .. name)
    end
  end
  if not params.webhook_url then return refuse(422, 10015, "Bad Request", "The application has no URL.", "/webhook_url") end
  return face.order(params.to, function()
    local call = network.add {
      id = telnyx_call.new_id(), from = params.from, to = params.to, party = params.to, direction = "outbound",
      status = "queued", params = params, webhook_url = params.webhook_url, client_state = params.client_state,
      connection = params.connection_id, session = telnyx_call.uuid(),
    }
    return call, math.max(RING_LEAST_S, math.min(tonumber(params.timeout_secs) or RING_S, RING_MOST_S))
  end, function(call) return answer(200, { data = resource(call) }) end)
end

---A subscriber has lifted the receiver of a call that was ordered so.
---@param call callisto.exchange.Call
function telnyx_control.answered(call)
  if not calls:lift(call) then return calls:finish(call, "failed") end
  calls:limit(call, tonumber(call.params.time_limit_secs) or LONGEST_S)
end

-- Commands -----------------------------------------------------------------------------------------------------------

local function unanswered() return refuse(422, 90034, "Call not answered yet") end

local streaming = {
  stream_url = true, stream_track = true, stream_codec = true, stream_bidirectional_mode = true,
  stream_bidirectional_codec = true, stream_bidirectional_sampling_rate = true, client_state = true, command_id = true,
}

local function start_stream(call, about)
  call.streamer = task.start(telnyx_stream.play, call, {
    url = about.stream_url, bidirectionalMode = about.stream_bidirectional_mode, enableReconnect = "false",
    bidirectionalCodec = about.stream_bidirectional_codec, codec = about.stream_codec,
    bidirectionalSamplingRate = about.stream_bidirectional_sampling_rate and tostring(about.stream_bidirectional_sampling_rate),
  }, function(event, stream_id) telnyx_control.tell(call, event:gsub("^stream%-", "streaming."), { stream_id = stream_id }) end)
end

local commands = {}

commands.answer = { fields = streaming, run = function(call, about)
  if call.answered then return refuse(422, 10015, "Bad Request", "The call has been answered already.") end
  if not calls:lift(call) then return calls:finish(call, "failed") end
  if about.stream_url then start_stream(call, about) end
end }

commands.streaming_start = { fields = streaming, run = function(call, about)
  if not call.answered then return unanswered() end
  if call.streaming then return refuse(422, 90045, "Streaming is in use") end
  start_stream(call, about)
end }

commands.streaming_stop = { fields = { client_state = true, command_id = true }, run = function(call)
  if not call.streaming then return refuse(422, 90048, "The call does not stream") end
  task.cancel(call.streamer)
end }

local reject_causes = { CALL_REJECTED = "call_rejected", USER_BUSY = "user_busy" }

commands.reject = { fields = { cause = true, client_state = true, command_id = true }, run = function(call, about)
  call.rejected = reject_causes[about.cause]
  if not call.rejected then return refuse(422, 10032, "Invalid enumerated value", "cause", "/cause") end
  calls:finish(call, about.cause == "USER_BUSY" and "busy" or "failed")
end }

commands.speak = {
  fields = { payload = true, payload_type = true, voice = true, language = true, client_state = true, command_id = true },
  run = function(call, about)
    if not call.answered then return unanswered() end
    call.runner = task.start(function()
      telnyx_control.tell(call, "call.speak.started")
      network.say(call, tostring(about.payload))
      telnyx_control.tell(call, "call.speak.ended", { status = "completed" })
    end)
  end,
}

commands.transfer = { fields = { to = true, from = true, timeout_secs = true, client_state = true, command_id = true },
  run = function(call, about)
    if not is_number(about.to) then return refuse(422, 10016, "Phone number must be in +E.164 format", nil, "/to") end
    call.runner = task.start(function()
      if not call.answered and not calls:lift(call) then return calls:finish(call, "failed") end
      local leg = { id = telnyx_call.new_id(), from = about.from or call.to, to = about.to }
      local _, is_joined = calls:dial(call, leg, tonumber(about.timeout_secs) or RING_S, LONGEST_S)
      if is_joined then calls:finish(call, "completed") end
    end)
  end }

commands.record_start = { fields = { format = true, channels = true, client_state = true, command_id = true },
  run = function(call, about)
    if not call.answered then return unanswered() end
    telnyx_recordings.by_command(call, about, function(recording)
      telnyx_control.tell(call, "call.recording.saved", {
        recording_id = recording.id, channels = about.channels, recording_urls = { wav = telnyx_recordings.link(recording) },
      })
    end)
  end }

---A command for a call, by its name; nil when it is none of Call Control's.
---@param name string
---@return (fun(call: callisto.exchange.Call, about: table): integer|nil, table|nil, string|nil)|nil
function telnyx_control.command(name)
  local known = commands[name]
  return known and function(call, about)
    local status, headers, body = unplayed(about, known.fields)
    if status then return status, headers, body end
    call.client_state = about.client_state or call.client_state
    return known.run(call, about)
  end
end

return telnyx_control
