-- callisto.exchange.twilio.rooms: Twilio's conferences and their participants.

local json = require "callisto.json"
local network = require "callisto.exchange.network"
local rest = require "callisto.exchange.twilio.rest"
local twiml = require "callisto.exchange.shared.twiml"
local xml = require "callisto.xml"

local twilio_rooms = {}

local face, account, place

---@param given table the face
---@param of {sid: string, token: string}
---@param place_call fun(params: table, list: table): table|nil, integer?, table?, string?
function twilio_rooms.start(given, of, place_call)
  face, account, place = given, of, place_call
  ---A call that was dialled for a room is over: a room nobody came to ends.
  function face.leave(call)
    local room = call.invited_to
    if room and #room.participants == 0 then face.rooms:close(room, "empty") end
  end
end

local reasons = { moderator = "participant-with-end-conference-on-exit-left", empty = "last-participant-left",
  api = "conference-ended-via-api" }

local function conference(room)
  local path = "/Conferences/" .. room.id
  return {
    sid = room.id, account_sid = account.sid, friendly_name = room.name, status = room.status, api_version = "2010-04-01",
    region = "us1", date_created = rest.date(room.created), date_updated = rest.date(room.ended or room.created),
    reason_conference_ended = rest.or_null(reasons[room.why]),
    call_sid_ending_conference = rest.or_null(room.by and room.by.call.id), uri = rest.uri(path .. ".json"),
    subresource_uris = { participants = rest.uri(path .. "/Participants.json") },
  }
end

local dialling = { queued = "queued", initiated = "connecting", ringing = "ringing" }

local function participant_of(room, call, about)
  about = about or {}
  return {
    call_sid = call.id, conference_sid = room.id, account_sid = account.sid, label = rest.or_null(about.label),
    muted = call.muted or false, hold = call.on_hold or false, coaching = false, call_sid_to_coach = json.null,
    end_conference_on_exit = about.ends or false, start_conference_on_enter = about.starts ~= false,
    status = dialling[call.status] or "connected", queue_time = tostring(call.queue_ms or 0), api_version = "2010-04-01",
    date_created = rest.date(call.created), date_updated = rest.date(call.updated or call.created),
    uri = rest.uri(("/Conferences/%s/Participants/%s.json"):format(room.id, call.id)),
  }
end

local function flag(text, otherwise)
  if text == nil then return otherwise end
  return text == "true"
end

-- The document that leads the called party into the room.
local function document(room, params)
  local attributes = {}
  for _, pair in ipairs {
    { "participantLabel", params.Label }, { "startConferenceOnEnter", params.StartConferenceOnEnter },
    { "endConferenceOnExit", params.EndConferenceOnExit }, { "muted", params.Muted }, { "beep", params.Beep },
    { "maxParticipants", params.MaxParticipants },
  } do
    if pair[2] then attributes[#attributes + 1] = pair end
  end
  return xml.build { "Response", {}, { "Dial", {}, { "Conference", attributes, room.name } } }
end

local function invite(name, params, list)
  params.Twiml = "<Response/>" -- an order is not whole without a document; the room's is written when the room is known
  local call, status, headers, body = place(params, list)
  if not call then return status, headers, body end
  local room = face.rooms:find(name) or face.rooms:open(name, {
    most = tonumber(params.MaxParticipants),
    tell = twiml.room_teller(face, call, {
      url = params.ConferenceStatusCallback, method = params.ConferenceStatusCallbackMethod,
      events = params.ConferenceStatusCallbackEvent,
    }),
  })
  params.Twiml = document(room, params)
  call.invited_to = room
  return rest.answer(201, participant_of(room, call, {
    label = params.Label, ends = flag(params.EndConferenceOnExit, false), starts = flag(params.StartConferenceOnEnter, true),
  }))
end

local function about_participant(message, room, id, params)
  local participant = face.rooms:participant(room, id)
  if not participant then return rest.not_found(message) end
  if message.method == "DELETE" then
    face.rooms:remove(room, participant)
    return 204, {}, ""
  end
  if message.method == "POST" then
    face.rooms:change(room, participant, {
      muted = flag(params.Muted, nil), hold = flag(params.Hold, nil), ends = flag(params.EndConferenceOnExit, nil),
    })
    if params.AnnounceUrl then network.note(participant.call, "carrier announces " .. params.AnnounceUrl) end
  end
  return rest.answer(200, participant_of(room, participant.call, participant))
end

local function participants(message, name, params, list, query)
  if message.method == "POST" then return invite(name, params, list) end
  local room = face.rooms:find(name)
  if not room then return rest.not_found(message) end
  return rest.page("participants", ("/Conferences/%s/Participants.json"):format(room.id), query, { "Muted", "Hold", "Coaching" },
    room.participants, function(each)
      local is_muted, is_held = tostring(each.call.muted or false), tostring(each.call.on_hold or false)
      return (not query.Muted or query.Muted == is_muted) and (not query.Hold or query.Hold == is_held)
        and query.Coaching ~= "true" -- nobody coaches here
    end, function(each) return participant_of(room, each.call, each) end)
end

local function about_room(message, room, params)
  if message.method == "POST" then
    if params.Status and params.Status ~= "completed" then
      return rest.refuse(400, 20001, "Status is not valid: " .. params.Status)
    end
    if params.Status then face.rooms:close(room, "api") end
    if params.AnnounceUrl then
      for _, each in ipairs(room.participants) do network.note(each.call, "carrier announces " .. params.AnnounceUrl) end
    end
  end
  return rest.answer(200, conference(room))
end

---Answers a request about conferences; nil when it is about something else.
---@return integer|nil status, table|nil headers, string|nil body
function twilio_rooms.handle(message, path, params, list, query)
  if path == "/Conferences.json" then
    return rest.page("conferences", path, query, { "FriendlyName", "Status" }, face.rooms:all(), function(each)
      return (not query.FriendlyName or query.FriendlyName == each.name) and (not query.Status or query.Status == each.status)
    end, conference)
  end
  local name, rest_of_path = path:match "^/Conferences/([^/]+)/Participants(.*)$"
  if name and rest_of_path == ".json" then return participants(message, name, params, list, query) end
  local room = face.rooms:find(name or path:match "^/Conferences/([^/]+)%.json$")
  if not path:find "^/Conferences/" then return nil end
  if not room then return rest.not_found(message) end
  local id = name and rest_of_path:match "^/(.+)%.json$"
  if id then return about_participant(message, room, id, params) end
  return about_room(message, room, params)
end

return twilio_rooms
