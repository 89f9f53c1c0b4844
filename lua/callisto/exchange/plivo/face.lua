-- callisto.exchange.plivo.face: the REST interface of Plivo and of Vobiz, and how calls come to be.
--
-- `kind` is the carrier: what it calls things, how it authenticates, signs and refuses (callisto.exchange.plivo, …vobiz).
-- What a call says of itself is in plivo_call, the documents are obeyed in plivo_documents.

local contract = require "callisto.exchange.face"
local core = require "callisto.core"
local course = require "callisto.exchange.course"
local documents = require "callisto.exchange.documents"
local http = require "callisto.http"
local json = require "callisto.json"
local moments = require "callisto.exchange.moments"
local network = require "callisto.exchange.network"
local plivo_call = require "callisto.exchange.plivo.call"
local plivo_documents = require "callisto.exchange.plivo.documents"
local recordings = require "callisto.exchange.recordings"
local rooms = require "callisto.exchange.rooms"
local settings = require "callisto.settings"
local task = require "callisto.task"
local unplayed = require "callisto.exchange.unplayed"

local plivo_face = {}

local RING_S, LONGEST_S = 120, 14400
local BULK = 1000
local DETECTION_S = 1 -- from the answer to the verdict on who answered
local PAGE = 20

local function answer(status, value) return status, { ["content-type"] = "application/json" }, json.encode(value) end

local function api_id() return plivo_call.uuid() end

-- Calls --------------------------------------------------------------------------------------------------------------

local function obey_fetched(face, call, document, where, otherwise)
  if face.course:is_over(call) then return end
  if document then
    plivo_documents.look_ahead(face, call, document)
    return face.course:obey(call, function()
      face.run(call, document, where)
      call.why_ended = call.why_ended or "end of document"
    end)
  end
  network.note(call, "application error: " .. where)
  call.why_ended = where:match "^7" and "no document" or "bad document"
  face.course:finish(call, otherwise)
end

-- Who answered: told beside the call, or with its first request; a machine may be hung up on.
local function detect(face, call)
  local p = call.params
  if not p.machine_detection or tostring(p.machine_detection) == "false" then return nil end
  local function verdict()
    task.sleep(DETECTION_S)
    return tostring((network.subscriber(call.party) or {}).is_machine or false)
  end
  if not p.machine_detection_url then return verdict() end
  task.start(function()
    local machine = verdict()
    if face.course:is_over(call) then return end
    plivo_call.notify(face, call, "machine", p.machine_detection_url, p.machine_detection_method,
      { Event = "MachineDetection", Machine = machine, CallStatus = "in-progress" })
  end)
end

local function answered(face, call)
  face.course:limit(call, tonumber(call.params.time_limit) or LONGEST_S)
  local machine = detect(face, call)
  if face.course:is_over(call) then return end
  if machine == "true" and call.params.machine_detection == "hangup" then
    call.why_ended = "machine"
    return face.course:finish(call, "completed")
  end
  local document, where = plivo_call.fetch_first(face, call, {
    method = call.params.answer_method, url = call.params.answer_url,
    fallback_method = call.params.fallback_method, fallback_url = call.params.fallback_url,
  }, machine and { Machine = machine })
  if not document and not face.answer(call) then return face.course:finish(call, "failed") end
  obey_fetched(face, call, document, where, "completed")
end

local function inbound(face, from, to, number)
  local call = network.add {
    id = plivo_call.uuid(), from = from, to = to, party = from, direction = "inbound", status = "ringing", carrier = face.name,
    hangup_url = number.status_callback or number.voice_url,
  }
  call.on_gone = function() face.course:finish(call, "completed") end
  task.start(function()
    local document, where = plivo_call.fetch_first(face, call,
      { method = number.method, url = number.voice_url, fallback_url = number.fallback_url })
    obey_fetched(face, call, document, where, "failed")
  end)
  return call
end

-- Creating -------------------------------------------------------------------------------------------------------------

local function is_number(text) return type(text) == "string" and text:find "^%+?%d%d%d%d%d%d%d+$" ~= nil end

local function is_url(text) return type(text) == "string" and text:find "^https?://[%w%-._~%[%]:]+" ~= nil end

local function is_between(value, least, most)
  local number = tonumber(value)
  return value == nil or (number ~= nil and number >= least and number <= most)
end

-- What an order may say.
local of_orders = unplayed.set {
  "from", "to", "answer_url", "answer_method", "ring_url", "ring_method", "hangup_url", "hangup_method", "fallback_url",
  "fallback_method", "ring_timeout", "time_limit", "machine_detection", "machine_detection_time", "machine_detection_url",
  "machine_detection_method", "caller_name",
}

-- What is wrong with an order.
local function fault_of(face, p)
  local strange = unplayed.first(p, of_orders)
  if strange then return strange .. " parameter is not played by the exchange" end
  for _, name in ipairs { "from", "to", "answer_url" } do
    if p[name] == nil or p[name] == "" then return ("%s parameter not present"):format(name) end
  end
  if not is_number(p.from) then return "from parameter is not a valid number" end
  if next(face.numbers) and not face.numbers[plivo_call.e164(p.from:gsub("^%+", ""))] then
    return "from parameter is not a number of this account"
  end
  if not is_url(p.answer_url) then return "answer_url parameter is not a valid URL" end
  for _, name in ipairs { "ring_url", "hangup_url", "fallback_url", "machine_detection_url" } do
    if p[name] and not is_url(p[name]) then return name .. " parameter is not a valid URL" end
  end
  local detection = p.machine_detection
  if detection and detection ~= "hangup" and tostring(detection) ~= "true" and tostring(detection) ~= "false" then
    return "machine_detection parameter must be true or hangup"
  end
  if not is_between(p.ring_timeout, 1, 600) then return "ring_timeout parameter must be from 1 to 600" end
  if not is_between(p.time_limit, 1, 86400) then return "time_limit parameter must be from 1 to 86400" end
end

local function numbers_of(text)
  local list = {}
  for number in tostring(text):gmatch "[^<]+" do list[#list + 1] = number end
  return list
end

local function place(face, p, to, wait)
  local id = plivo_call.uuid()
  local call = network.add {
    id = id, request_id = face.has_one_id and id or plivo_call.uuid(), carrier = face.name,
    from = plivo_call.e164((p.from:gsub("^%+", ""))), to = to, party = to,
    direction = "outbound", status = "queued", params = p,
    ring_url = p.ring_url, ring_method = p.ring_method,
    hangup_url = p.hangup_url or p.answer_url, hangup_method = p.hangup_method,
  }
  face.course:place(call, tonumber(p.ring_timeout) or RING_S, wait)
  return call
end

local function create(face, p)
  local why = fault_of(face, p)
  if why then return face.refuse(face.bad_order, why) end
  local to = numbers_of(p.to)
  if #to > BULK then return face.refuse(face.bad_order, "to parameter has more than 1000 numbers") end
  for index, number in ipairs(to) do
    if not is_number(number) then return face.refuse(face.bad_order, "to parameter is not a valid number: " .. number) end
    to[index] = plivo_call.e164((number:gsub("^%+", "")))
  end
  local refusal = course.refusal(to[1])
  if refusal then return face.refuse(refusal.status, refusal.message or "refused on purpose", refusal.code) end
  local wait = face.course:turn()
  if wait > 0 and not face.queues then
    face.course.next_turn = face.course.next_turn - 1 / face.course.calls_per_second
    return face.refuse(429, "too many calls a second")
  end
  local ids = json.array {}
  for index, number in ipairs(to) do ids[index] = place(face, p, number, wait).request_id end
  local fault = course.create_fault(to[1])
  if fault == "no answer" then return false end -- the call is placed; the application never hears of it
  if fault == "error" then return face.refuse(500, "internal server error") end
  local message = #ids > 1 and "calls fired" or wait > 0 and "call queued" or face.fired
  return answer(201, { api_id = api_id(), message = message, request_uuid = #ids > 1 and ids or ids[1] })
end

-- Reading --------------------------------------------------------------------------------------------------------------

local function time_of(seconds) return seconds and plivo_call.time(seconds) .. "+00:00" or json.null end

-- The record of a call, which there is when it is over.
local function record_of(face, call)
  local cause = plivo_call.cause(call)
  return {
    api_id = api_id(), call_uuid = call.id, call_direction = call.direction, call_duration = call.duration,
    bill_duration = call.duration, billed_duration = math.ceil(call.duration / 60) * 60,
    from_number = call.from, to_number = plivo_call.digits(call.to), parent_call_uuid = call.parent or json.null,
    initiation_time = time_of(call.created), answer_time = time_of(call.answered), end_time = time_of(call.ended),
    hangup_cause_code = cause[1], hangup_cause_name = cause[2], hangup_source = cause[4],
    resource_uri = ("%s%s/Call/%s/"):format(face.prefix, face.account.id, call.id),
    total_amount = "0.00000", total_rate = "0.00850",
  }
end

local function live_of(call)
  return {
    api_id = api_id(), call_uuid = call.id, call_status = plivo_call.word(call), direction = call.direction,
    from = plivo_call.digits(call.from), to = plivo_call.digits(call.to), caller_name = "",
    request_uuid = call.request_id or json.null, session_start = plivo_call.time(call.created),
  }
end

local states = {
  live = function(face, call) return not face.course:is_over(call) and call.status ~= "queued" end,
  queued = function(_, call) return call.status == "queued" end,
}

local function own_calls(face, fits)
  local list, all = {}, network.all()
  for index = #all, 1, -1 do
    if all[index].carrier == face.name and fits(all[index]) then list[#list + 1] = all[index] end
  end
  return list
end

local function list_states(face, state)
  local ids = json.array {}
  for _, call in ipairs(own_calls(face, function(call) return states[state](face, call) end)) do ids[#ids + 1] = call.id end
  return answer(200, { api_id = api_id(), calls = ids })
end

local relations = { [""] = "=", __gt = ">", __gte = ">=", __lt = "<", __lte = "<=" }

local function same(wanted, number) return wanted:gsub("^%+", "") == plivo_call.digits(number) end

-- The filters of the records: the value asked for, and the call.
local filters = {
  to_number = function(wanted, call) return same(wanted, call.to) end,
  from_number = function(wanted, call) return same(wanted, call.from) end,
  call_direction = function(wanted, call) return wanted == call.direction end,
  hangup_cause_code = function(wanted, call) return tonumber(wanted) == plivo_call.cause(call)[1] end,
  hangup_source = function(wanted, call) return wanted == plivo_call.cause(call)[4] end,
  parent_call_uuid = function(wanted, call) return wanted == call.parent end,
}
for ending, relation in pairs(relations) do
  filters["end_time" .. ending] = function(wanted, call) return moments.fits(call.ended, relation, wanted) end
end

local of_lists = { limit = true, offset = true }
for name in pairs(filters) do of_lists[name] = true end

-- A page of what there is, and where its neighbours are.
local function page(face, path, query, found, resource)
  local limit, offset = math.min(tonumber(query.limit) or PAGE, PAGE), tonumber(query.offset) or 0
  local rows = json.array {}
  for index = offset + 1, math.min(offset + limit, #found) do rows[#rows + 1] = resource(face, found[index]) end
  local function at(first)
    if first < 0 or first >= #found then return json.null end
    local form = {}
    for name, value in pairs(query) do
      if name ~= "limit" and name ~= "offset" then form[#form + 1] = { name, value } end
    end
    table.sort(form, function(a, b) return a[1] < b[1] end)
    form[#form + 1] = { "limit", limit }
    form[#form + 1] = { "offset", first }
    return ("%s%s%s?%s"):format(face.prefix, face.account.id, path, http.form(form))
  end
  return answer(200, {
    api_id = api_id(), objects = rows, meta = {
      limit = limit, offset = offset, total_count = #found, next = at(offset + limit),
      previous = offset > 0 and at(math.max(0, offset - limit)) or json.null,
    },
  })
end

local function refuse_filter(face, name) return face.refuse(400, name .. " filter is not played by the exchange") end

local function list_records(face, query)
  local strange = unplayed.first(query, of_lists)
  if strange then return refuse_filter(face, strange) end
  local found = own_calls(face, function(call)
    if not face.course:is_over(call) then return false end
    for name, wanted in pairs(query) do
      if filters[name] and not filters[name](wanted, call) then return false end
    end
    return true
  end)
  return page(face, "/Call/", query, found, record_of)
end

local function show(face, call, query)
  local of_state = states[query.status or ""]
  if of_state then
    if not of_state(face, call) then return face.not_found() end
    return answer(200, live_of(call))
  end
  if not face.course:is_over(call) then return face.not_found() end
  return answer(200, record_of(face, call))
end

-- Changing -------------------------------------------------------------------------------------------------------------

local function end_call(face, call)
  if face.course:is_over(call) then return face.not_found() end
  call.why_ended = "by application"
  face.course:finish(call, call.answered and "completed" or "canceled")
  return 204, {}, ""
end

local function transfer(face, call, p)
  if not call.answered or face.course:is_over(call) then return face.not_found() end
  if p.legs and p.legs ~= "aleg" then return face.refuse(400, "only the A leg is transferred here") end
  if not is_url(p.aleg_url) then return face.refuse(400, "aleg_url parameter is not a valid URL") end
  task.start(function()
    local document, where = plivo_call.fetch(face, call, p.aleg_method, p.aleg_url, { Event = "Transfer" })
    obey_fetched(face, call, document, where, "completed")
  end)
  return answer(202, { api_id = api_id(), message = "call transfered" })
end

-- Requests below a live call.
local below = {}

below["POST DTMF"] = function(_, call, p)
  if type(p.digits) ~= "string" or not p.digits:find "^[%d*#A-DwW]+$" then return nil end
  network.play_keys(call, p.digits)
  return answer(202, { api_id = api_id(), message = "digits sent" })
end

-- The carrier's own voice, until it is told to stop.
local function play_beside(call, play)
  if call.player then task.cancel(call.player) end
  call.player = task.start(play)
end

below["POST Speak"] = function(face, call, p)
  if type(p.text) ~= "string" or p.text == "" then return face.refuse(400, "text parameter not present") end
  play_beside(call, function()
    for _ = 1, tostring(p.loop) == "true" and 100 or 1 do network.say(call, p.text) end
  end)
  return answer(202, { api_id = api_id(), message = "speak started" })
end

below["POST Play"] = function(face, call, p)
  if type(p.urls) ~= "string" or p.urls == "" then return face.refuse(400, "urls parameter not present") end
  play_beside(call, function()
    for url in p.urls:gmatch "[^,]+" do documents.play(call, url) end
  end)
  return answer(202, { api_id = api_id(), message = "play started" })
end

local function stop_playing(_, call)
  if call.player then task.cancel(call.player) end
  call.player = nil
  return 204, {}, ""
end

below["DELETE Speak"], below["DELETE Play"] = stop_playing, stop_playing

below["POST Record"] = function(face, call, p)
  local recording = face.record(call, p.callback_url, p.callback_method)
  return answer(202, {
    api_id = api_id(), message = "call recording started", recording_id = recording.id, url = face.recording_url(recording),
  })
end

below["DELETE Record"] = function(face, call)
  local recording = face.recordings:live(call)
  if not recording then return face.not_found() end
  face.recordings:stop(recording)
  return 204, {}, ""
end

local function change(face, message, call, what, p)
  local fn = below[message.method .. " " .. what]
  if not fn or not call.answered or face.course:is_over(call) then return face.not_found() end
  local status, headers, body = fn(face, call, p)
  if status then return status, headers, body end
  return face.refuse(400, "digits parameter is not valid")
end

-- Recordings -----------------------------------------------------------------------------------------------------------

local function add_recordings(face)
  face.recordings = recordings.new(plivo_call.uuid)
  function face.recording_url(recording)
    return ("%s%s%s/Recording/%s.mp3"):format(face.media_base, face.prefix, face.account.id, recording.id)
  end
  function face.about_recording(recording)
    return {
      RecordUrl = face.recording_url(recording), RecordingID = recording.id,
      RecordingDuration = tostring(recording.seconds or -1), RecordingDurationMs = tostring((recording.seconds or -0.001) * 1000),
    }
  end
  function face.record(call, url, method)
    return face.recordings:start(call, { source = "API", tell = url and function(recording, status)
      if status ~= "completed" then return end
      local params = face.about_recording(recording)
      params.Event = "Record"
      plivo_call.notify(face, call, "recording", url, method, params)
    end or nil })
  end
end

local function recording_of(face, recording)
  return {
    api_id = api_id(), recording_id = recording.id, call_uuid = recording.call.id, recording_url = face.recording_url(recording),
    recording_format = "mp3", recording_type = "call", add_time = time_of(recording.started),
    recording_duration_ms = (recording.seconds or 0) * 1000,
    conference_name = json.null,
    resource_uri = ("%s%s/Recording/%s/"):format(face.prefix, face.account.id, recording.id),
  }
end

local of_recordings = { limit = true, offset = true, call_uuid = true }

local function list_recordings(face, query)
  local strange = unplayed.first(query, of_recordings)
  if strange then return refuse_filter(face, strange) end
  local found = {}
  for index = #face.recordings.order, 1, -1 do
    local each = face.recordings.order[index]
    local is_wanted = not query.call_uuid or query.call_uuid == each.call.id
    if is_wanted and each.status == "completed" then found[#found + 1] = each end
  end
  return page(face, "/Recording/", query, found, recording_of)
end

local function about_recordings(face, message, rest, query)
  if rest:find "^/Recording/?$" then return list_recordings(face, query) end
  local recording = face.recordings:find(rest:match "^/Recording/([%x%-]+)/?$" or "")
  if not recording or recording.status ~= "completed" then return face.not_found() end
  if message.method ~= "DELETE" then return answer(200, recording_of(face, recording)) end
  face.recordings:forget(recording)
  return 204, {}, ""
end

-- Requests ---------------------------------------------------------------------------------------------------------------

local function parameters_of(message)
  if (message.body or "") == "" or message.method == "GET" then return {} end
  if http.type_of(message) ~= "application/json" then return (http.read_form(message.body)) or {} end
  local value = json.decode(message.body)
  if type(value) ~= "table" then return nil end
  return value
end

local function route(face, message, rest)
  local query, p = http.read_query(message.query), parameters_of(message)
  if not p then return face.refuse(400, "the body is not JSON") end
  if rest == "/" or rest == "" then
    return answer(200, { api_id = api_id(), auth_id = face.account.id, account_type = "standard", name = "Callisto exchange" })
  end
  if rest:find "^/Call/?$" then
    if message.method == "POST" then return create(face, p) end
    if states[query.status or ""] then return list_states(face, query.status) end
    return list_records(face, query)
  end
  if rest:find "^/Recording/" then return about_recordings(face, message, rest, query) end
  local request_id = message.method == "DELETE" and rest:match "^/Request/([%x%-]+)/$"
  if request_id then
    local call = own_calls(face, function(each) return each.request_id == request_id end)[1]
    return call and end_call(face, call) or face.not_found()
  end
  local id, what = rest:match "^/Call/([%x%-]+)/?(%a*)/?$"
  local call = id and network.find(id)
  if not call or call.carrier ~= face.name or call.id ~= id then return face.not_found() end
  if what ~= "" then return change(face, message, call, what, p) end
  if message.method == "DELETE" then return end_call(face, call) end
  if message.method == "POST" then return transfer(face, call, p) end
  return show(face, call, query)
end

-- So many requests in five seconds, as the carrier allows.
local function is_too_many(face)
  if course.too_many() then return true end
  local now = core.now()
  if now - (face.window or -math.huge) > 5 then face.window, face.requests = now, 0 end
  face.requests = face.requests + 1
  return face.most_requests ~= nil and face.requests > face.most_requests
end

local function handle(face, message)
  local start = message.path:find(face.prefix, 1, true)
  if start ~= 1 then return nil end
  local id, rest = message.path:sub(#face.prefix + 1):match "^([%w_%-]+)(.*)$"
  if not id then return nil end
  if id ~= face.account.id or not face.is_authorised(message) then return face.refuse(401, "invalid credentials") end
  if is_too_many(face) then return face.refuse(429, "too many requests") end
  return route(face, message, rest)
end

---Makes a face of a carrier's own part.
---@param kind table
---@return callisto.exchange.Face
function plivo_face.new(kind)
  local face = kind
  face.wires = {}
  function face.become(call, status)
    local is_over = face.course:is_over(call)
    if is_over then face.recordings:finish(call) end
    plivo_call.become(face, call, status, is_over)
  end
  function face.answered(call) answered(face, call) end
  function face.wire(call) return plivo_documents.wire(face, call) end
  function face.answer(call) return call.answered ~= nil or face.course:lift(call) end
  function face.not_found() return face.refuse(404, "not found") end
  function face.inbound(from, to, number) return inbound(face, from, to, number) end
  function face.call_in(path) return path:match "/Call/(%x+%-[%x%-]+)" end
  function face.handle(message) return handle(face, message) end
  function face.start(options)
    local id, token = settings.get(face.variables[1]), settings.get(face.variables[2])
    if not id or not token then return nil, ("%s and %s are not set"):format(face.variables[1], face.variables[2]) end
    face.account = { id = id, token = token }
    face.numbers = options.numbers
    face.audio = settings.get(face.variables[4]) or ""
    face.media_base = settings.get(face.variables[3]) or "https://media.invalid"
    face.course = course.new(face, options.cps or face.calls_per_second)
    face.rooms = rooms.new(plivo_call.uuid)
    add_recordings(face)
    plivo_documents.new(face)
    return true
  end
  return contract {
    name = face.name, start = face.start, handle = face.handle, inbound = face.inbound, call_in = face.call_in,
  }
end

return plivo_face
