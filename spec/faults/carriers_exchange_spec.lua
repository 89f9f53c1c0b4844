-- The exchange plays what it says it plays, and refuses the rest: a filter or parameter that is passed over makes a test pass
-- that fails at the carrier.

local accounts = require "callisto.exchange.accounts"
local core = require "callisto.core"
local crypto = require "callisto.crypto"
local exchange = require "callisto.spec"
local http = require "callisto.http"
local json = require "callisto.json"

local OURS = "+14150000002"
local SOURCE = [[return require "callisto.template" { name = "desk", on_call = function(call)
  call:say "Hello, this is the desk." call:finish "DONE"
end }]]

local twilio, plivo = accounts.of "twilio", accounts.of "plivo"
local TWILIO = "/2010-04-01/Accounts/" .. twilio.TWILIO_ACCOUNT_SID
local PLIVO = "/v1/Account/" .. plivo.PLIVO_AUTH_ID

local function basic(user, password) return "Basic " .. crypto.base64(user .. ":" .. password) end

local function open(carrier, env, numbers, hosts)
  -- The spec signs Vonage's orders itself, with its own clock.
  local at = carrier == "vonage" and core.wall() or nil
  return exchange.open {
    carrier = carrier, hosts = hosts, at = at, sources = { ["templates.desk"] = SOURCE }, env = env,
    file = { exchange = { cps = 1000, numbers = numbers } },
  }
end

-- What Twilio's interface answers.
local function ask_twilio(world, method, path, form, login)
  local answer = world:fetch {
    method = method, url = "https://exchange.test" .. TWILIO .. path, body = form and http.form(form),
    headers = {
      authorization = login or basic(twilio.TWILIO_ACCOUNT_SID, twilio.TWILIO_AUTH_TOKEN),
      ["content-type"] = form and "application/x-www-form-urlencoded" or nil,
    },
  }
  return answer.status, (json.decode(answer.body))
end

local function ask_plivo(world, method, path, body)
  local answer = world:fetch {
    method = method, url = "https://exchange.test" .. PLIVO .. path, json = body,
    headers = { authorization = basic(plivo.PLIVO_AUTH_ID, plivo.PLIVO_AUTH_TOKEN) },
  }
  return answer.status, (json.decode(answer.body))
end

describe("Twilio's face", function()
  for _, path in ipairs {
    "/Calls.json?StartTimes=2026-03-03", "/Recordings.json?DateCreated=2026-03-03", "/Conferences.json?DateUpdated=2026-03-03",
    "/IncomingPhoneNumbers.json?Beta=true",
  } do
    it("refuses a filter that it does not play: " .. path, function()
      local status, body = ask_twilio(open "twilio", "GET", path)
      assert.same({ 400, 20001 }, { status, body.code })
      assert.matches("does not play the parameter", body.message)
    end)
  end

  it("refuses a parameter of an order that it does not play", function()
    local status, body = ask_twilio(open "twilio", "POST", "/Calls.json",
      { { "To", "+14150000001" }, { "From", OURS }, { "Twiml", "<Response/>" }, { "SipAuthUsername", "me" } })
    assert.equal(400, status)
    assert.matches("SipAuthUsername", body.message)
  end)

  it("lists calls by the time they were answered and ended", function()
    local world = open "twilio"
    world:call({ template = "desk" }):ended()
    for query, count in pairs {
      ["StartTime=2026-03-03"] = 1, ["StartTime%3E=2026-03-03"] = 1, ["StartTime%3E=2026-03-04"] = 0,
      ["StartTime%3C=2026-03-02"] = 0, ["EndTime%3C=2026-03-03"] = 1, ["EndTime=2026-03-02"] = 0,
      ["EndTime%3E=2026-03-03T10%3A00%3A00Z"] = 1, ["EndTime%3E=2026-03-03T11%3A00%3A00Z"] = 0,
    } do
      local status, body = ask_twilio(world, "GET", "/Calls.json?" .. query)
      assert.same({ 200, count }, { status, #body.calls }, query)
    end
    assert.equal(400, (ask_twilio(world, "GET", "/Calls.json?StartTime=yesterday")))
  end)

  it("understands numbers as people write them", function()
    local world = open "twilio"
    world:puppet "+14155550100"
    for _, written in ipairs { "(415) 555-0100", "415.555.0100", "1 415 555 0100", "+1 415-555-0100" } do
      local status, body = ask_twilio(world, "POST", "/Calls.json",
        { { "To", written }, { "From", OURS }, { "Twiml", "<Response/>" } })
      assert.same({ 201, "+14155550100" }, { status, body.to }, written)
    end
    assert.equal(21211, select(2, ask_twilio(world, "POST", "/Calls.json",
      { { "To", "call me" }, { "From", OURS }, { "Twiml", "<Response/>" } })).code)
  end)

  it("lets an API key in, and an application that has one", function()
    local world = open("twilio", { TWILIO_API_KEY = "SK1", TWILIO_API_SECRET = "of the key" })
    assert.equal(200, (ask_twilio(world, "GET", "/Calls.json", nil, basic("SK1", "of the key"))))
    assert.equal(401, (ask_twilio(world, "GET", "/Calls.json", nil, basic("SK1", "another"))))
    local caller = world:call { template = "desk" }
    assert.equal("DONE", caller:ended().outcome)
    assert.equal(basic("SK1", "of the key"), caller:requests("https://exchange.test")[1].headers.authorization)
  end)

  it("has the account's numbers, and changes what answers them", function()
    local world = open("twilio", nil, { [OURS] = { voice_url = "https://app.test/one" } })
    local _, list = ask_twilio(world, "GET", "/IncomingPhoneNumbers.json?PhoneNumber=" .. http.escape(OURS))
    local number = list.incoming_phone_numbers[1]
    assert.same({ OURS, "https://app.test/one" }, { number.phone_number, number.voice_url })
    local path = ("/IncomingPhoneNumbers/%s.json"):format(number.sid)
    assert.equal(200, (ask_twilio(world, "POST", path, { { "VoiceUrl", "https://app.test/two" } })))
    assert.equal("https://app.test/two", select(2, ask_twilio(world, "GET", path)).voice_url)
    assert.equal(400, (ask_twilio(world, "POST", path, { { "SmsUrl", "https://app.test/sms" } })))
    assert.equal(404, (ask_twilio(world, "GET", "/IncomingPhoneNumbers/PN00.json")))
  end)

  it("tells what it has asked the application about a call", function()
    local world = open "twilio"
    local caller = world:call { template = "desk", inbound = true }
    caller:ended()
    local status, body = ask_twilio(world, "GET", ("/Calls/%s/Events.json"):format(caller.carrier_call))
    assert.equal(200, status)
    local last = body.events[#body.events]
    assert.matches("/telephony/twilio/inbound/desk$", last.request.url)
    assert.same({ 200, "ringing" }, { last.response.response_code, last.request.parameters.CallStatus })
  end)
end)

describe("Plivo's face", function()
  it("tells about the account, whatever comes with the question", function()
    local world = open "plivo"
    for _, body in ipairs { json.null, json.array {}, "text" } do
      local status, about = ask_plivo(world, "GET", "/", body)
      assert.same({ 200, plivo.PLIVO_AUTH_ID }, { status, about.auth_id })
    end
  end)

  it("lists records by their end and cause, in pages that know their neighbours", function()
    local world = open "plivo"
    for i = 1, 3 do world:call({ template = "desk", number = "+1415000001" .. i }):ended() end
    world:ring({ template = "desk", number = "+14150000020", subscriber = { busy = true } }):ended()
    for query, count in pairs {
      ["end_time__gt=2026-03-03"] = 0, ["end_time__gte=2026-03-03"] = 4, ["end_time__lt=2026-03-03%2010:15"] = 0,
      ["hangup_cause_code=3010"] = 1, ["hangup_cause_code=9999"] = 0,
    } do
      local status, body = ask_plivo(world, "GET", "/Call/?" .. query)
      assert.same({ 200, count }, { status, body.meta.total_count }, query)
    end
    local _, first = ask_plivo(world, "GET", "/Call/?limit=3&call_direction=outbound")
    assert.equal(PLIVO .. "/Call/?call_direction=outbound&limit=3&offset=3", first.meta.next)
    assert.is_nil(first.meta.previous)
    local _, second = ask_plivo(world, "GET", (first.meta.next:gsub("^" .. PLIVO:gsub("%p", "%%%0"), "")))
    assert.equal(1, #second.objects)
    assert.is_nil(second.meta.next)
    assert.matches("offset=0$", second.meta.previous)
  end)

  it("refuses filters and parameters that it does not play", function()
    local world = open "plivo"
    local status, body = ask_plivo(world, "GET", "/Call/?bill_duration__gt=5")
    assert.equal(400, status)
    assert.matches("bill_duration__gt filter is not played", body.error)
    status, body = ask_plivo(world, "POST", "/Call/",
      { from = "14150000002", to = "14150000001", answer_url = "https://app.test/x", sip_headers = "a=b" })
    assert.equal(400, status)
    assert.matches("sip_headers", body.error)
  end)

  it("speaks and plays on a live call, and records it", function()
    local world = open("plivo", nil, nil, { ["https://shop.example"] = function()
      local document = "<Response><Wait length=\"60\"/></Response>"
      return { status = 200, headers = { ["content-type"] = "text/xml" }, body = document }
    end })
    world:puppet("+14150000001", { answers_after = 0 })
    local _, placed = ask_plivo(world, "POST", "/Call/",
      { from = "14150000002", to = "14150000001", answer_url = "https://shop.example/answer" })
    local id = world:until_true(20, function()
      local _, live = ask_plivo(world, "GET", "/Call/?status=live")
      return live.calls[1]
    end, 0.5)
    assert.is_string(placed.request_uuid)
    world:advance(1)
    assert.equal(202, (ask_plivo(world, "POST", ("/Call/%s/Speak/"):format(id), { text = "Good morning." })))
    assert.equal(202, (ask_plivo(world, "POST", ("/Call/%s/Play/"):format(id), { urls = "https://app.test/a.mp3" })))
    assert.equal(204, (ask_plivo(world, "DELETE", ("/Call/%s/Play/"):format(id))))
    assert.equal(400, (ask_plivo(world, "POST", ("/Call/%s/Speak/"):format(id), {})))
    local _, recording = ask_plivo(world, "POST", ("/Call/%s/Record/"):format(id), {})
    world:advance(1)
    assert.equal(204, (ask_plivo(world, "DELETE", ("/Call/%s/Record/"):format(id))))
    world:advance(5)
    local _, list = ask_plivo(world, "GET", "/Recording/?call_uuid=" .. id)
    assert.same({ 1, recording.recording_id }, { list.meta.total_count, list.objects[1].recording_id })
    assert.equal(204, (ask_plivo(world, "DELETE", ("/Recording/%s/"):format(recording.recording_id))))
    assert.equal(404, (ask_plivo(world, "GET", ("/Recording/%s/"):format(recording.recording_id))))
  end)

  it("says whether a machine has answered, and hangs up on it", function()
    local world = open "plivo"
    world:puppet("+14150000001", { is_machine = true })
    ask_plivo(world, "POST", "/Call/", {
      from = "14150000002", to = "14150000001", answer_url = "https://app.test/telephony/plivo/inbound/desk",
      machine_detection = "hangup",
    })
    world:advance(10)
    local _, records = ask_plivo(world, "GET", "/Call/?hangup_cause_code=9100")
    assert.equal(1, records.meta.total_count)
    ask_plivo(world, "POST", "/Call/", {
      from = "14150000002", to = "14150000001", answer_url = "https://app.test/telephony/plivo/inbound/desk",
      machine_detection = "true", machine_detection_url = "https://app.test/plivo/callback/status",
    })
    world:advance(5)
    local told
    for _, request in ipairs(world:requests "https://app.test") do
      if request.body and request.body:find("Machine=true", 1, true) then told = request end
    end
    assert.equal(204, told.status)
  end)
end)

describe("Vonage's face", function()
  -- An order as our own adapter signs it, with more in it; or a list of calls.
  local function ask(world, more, query)
    local adapter = require "providers.carriers.vonage"
    local env, account = accounts.of "vonage", { number = OURS, api = "https://exchange.test" }
    for field, variable in pairs(adapter.account) do account[field] = account[field] or env[variable] end
    local order = { call = "c1", to = "+14150000001", from = OURS, url = "https://app.test/telephony/vonage/inbound/desk" }
    local request = adapter.requests.place[1](order, account)
    local about = json.decode(request.body)
    for name, value in pairs(more or {}) do about[name] = value end
    local answer = world:fetch {
      method = query and "GET" or "POST", url = request.url .. (query or ""), headers = request.headers,
      body = not query and json.encode(about) or nil,
    }
    return answer.status, (json.decode(answer.body))
  end

  local function events_of(world, status)
    local list = {}
    for _, request in ipairs(world:requests "https://app.test") do
      local event = json.decode(request.body or "")
      if type(event) == "table" and event.status == status then list[#list + 1] = event end
    end
    return list
  end

  for _, case in ipairs {
    { { machine_detection = "continue" }, "human", nil }, { { machine_detection = "continue" }, "machine", nil },
    { { advanced_machine_detection = { behavior = "continue", mode = "detect_beep" } }, "machine", "beep_start" },
  } do
    it(("says who answered: %s (%s)"):format(case[2], next(case[1])), function()
      local world = open "vonage"
      world:puppet("+14150000001", { answers_after = 0, is_machine = case[2] == "machine" })
      local order = { event_url = json.array { "https://app.test/vonage/callback/status" } }
      for name, value in pairs(case[1]) do order[name] = value end
      local status, placed = ask(world, order)
      assert.equal(201, status)
      world:advance(3)
      local event = events_of(world, case[2])[1]
      assert.same({ placed.uuid, case[3] }, { event.call_uuid, event.sub_state })
      assert.is_nil(event.uuid)
    end)
  end

  it("refuses filters and fields that it does not play, and detections that contradict each other", function()
    local world = open "vonage"
    assert.equal(400, (ask(world, nil, "?conversation=CON-1")))
    for _, more in ipairs {
      { answer_text = "x" }, { machine_detection = "maybe" },
      { machine_detection = "hangup", advanced_machine_detection = { behavior = "hangup" } },
    } do
      assert.equal(400, (ask(world, more)))
    end
  end)
end)
