local support = require "spec.support.service"

local inbound = "/telephony/twilio/inbound/appointment"

local function ring(service, sid, options)
  return service:webhook(options and options.path or inbound, {
    CallSid = sid or "CA1", From = "+14150000001", To = "+14155550100", CallStatus = "ringing", Direction = "inbound",
  }, options)
end

local function status_of(sid, word, sequence)
  return { CallSid = sid, CallStatus = word, SequenceNumber = tostring(sequence or 3), CallDuration = "12" }
end

-- The REST side of the carrier, by method.
local function rest(service, answers)
  service.on_rest = function(request, json)
    local is_calls = request.url:match("/Calls%.json")
    local key = request.method == "GET" and (is_calls and "find" or "fetch") or (is_calls and "place" or "hangup")
    local answer = answers[key]
    if type(answer) == "function" then answer = answer(request) end
    assert(answer, "nobody expects " .. key)
    if type(answer.body) == "table" then answer.body = json.encode(answer.body) end
    return answer
  end
end

local function count(service, method, pattern)
  local n = 0
  for _, request in ipairs(service.rest) do
    if request.method == method and request.url:find(pattern) then n = n + 1 end
  end
  return n
end

local order = {
  agent_name = "order-confirmation", to = "+14150000009",
  payload = { customer_name = "Ann", order_id = "42", address = "Main Street" },
}

local describe_if = support.is_possible and describe or pending

describe_if("the service", function()
  local service
  before_each(function() service = support.start() end)

  it("is not ready for new calls while it drains, and ends when the last one has", function()
    ring(service)
    service:drain()
    assert.equal(503, service:request("GET", "/readyz").status)
    assert.equal(200, service:request("GET", "/healthz").status)
    assert.matches("<Reject", ring(service, "CA2").body)
    assert.is_nil(service.is_stopped)
    service:webhook("/twilio/callback/status", status_of("CA1", "completed"))
    service.world:advance(20)
    assert.equal(1, service.is_stopped)
  end)

  it("hands on a webhook about a call of another service VM", function()
    service.elsewhere.CA77 = "cother"
    assert.is_nil(service:webhook("/twilio/callback/status", status_of("CA77", "completed")))
    assert.same({ "cother" }, { service.forwarded[1000001] and "cother" })
  end)

  it("has the voice ready before the caller is there", function()
    ring(service)
    assert.same({ "We are sorry, something went wrong. Please call again later. Goodbye.",
      "Good day. This is the practice of doctor Brown." }, service.prepared)
  end)

  describe("the life of an inbound call", function()
    local id
    before_each(function()
      ring(service)
      id = service.order[1].id
      service:leg(id, "started")
      service.world:advance(5)
    end)

    it("ended by the agent: hang up, wait for the carrier's word, finish", function()
      rest(service, { hangup = { status = 200, body = "{}" } })
      service:told(id, { what = "agent_outcome", word = "CONFIRMED", source = "FLOW" })
      service:told(id, { what = "ended", reason = "AGENT_ENDED", outcome = "CONFIRMED" })
      service.world:advance(1)
      assert.equal("IN_PROGRESS", service:row(id).state)
      assert.equal(1, count(service, "POST", "/Calls/CA1%.json"))
      service:leg(id, "ended", "hangup")
      service:webhook("/twilio/callback/status", status_of("CA1", "completed"))
      local row = service:row(id)
      assert.equal("COMPLETED", row.state)
      assert.equal("CONFIRMED", row.outcome)
      assert.equal("ANSWERED", row.provider_status)
      assert.equal("AGENT_ENDED", row.session_end_reason)
      assert.equal("CONFIRMED", row.agent_outcome)
      assert.equal(1, service.closed[id])
    end)

    it("the caller's leg is awaited, comes up and ends, each written with its time", function()
      rest(service, { hangup = { status = 200, body = "{}" } })
      service:leg(id, "ended", "hangup", { messages_in = 250, frames_out = 240, underruns = 1, malformed = 2, late_us = 900 })
      service:leg(id, "ended", "lost")
      service:webhook("/twilio/callback/status", status_of("CA1", "completed", 4))
      local shown = service.json.decode(service:request("GET", "/api/calls/" .. id).body)
      assert.equal(1, #shown.legs)
      local leg = shown.legs[1]
      assert.same({ 1, "caller", "hangup", 250, 240, 1, 2, 900 }, {
        leg.party, leg.role, leg.end_reason, leg.frames_in, leg.frames_out, leg.underruns, leg.malformed, leg.late_max_us,
      })
      assert.is_true(leg.started_at_ms <= leg.up_at_ms)
      assert.near(5000, leg.ended_at_ms - leg.up_at_ms, 1)
    end)

    it("a leg that never came up says so", function()
      ring(service, "CA2")
      local other = service.order[2].id
      service:webhook("/twilio/callback/status", status_of("CA2", "completed"))
      local leg = service.db("SELECT * FROM legs WHERE call_id = $1", { other })[1]
      assert.same({ "absent", nil }, { leg.end_reason, leg.up_at_ms })
    end)

    it("that ends while the disk is in trouble is written when it is back", function()
      rest(service, { hangup = { status = 200, body = "{}" } })
      service.store_fails = true
      service:leg(id, "ended", "hangup")
      service:webhook("/twilio/callback/status", status_of("CA1", "completed", 4))
      service.world:advance(5)
      assert.equal("IN_PROGRESS", service:row(id).state)
      service:disk_is_back()
      local row = service:row(id)
      assert.same({ "COMPLETED", "BUSY", "CUSTOMER_HANGUP" }, { row.state, row.outcome, row.session_end_reason })
    end)

    it("that begins while the disk is in trouble is written when it is back", function()
      rest(service, { hangup = { status = 200, body = "{}" } })
      service.store_fails = true
      ring(service, "CA2")
      local other = service.order[2].id
      service:leg(other, "started")
      service:webhook("/twilio/callback/status", status_of("CA2", "completed", 4))
      service.world:advance(15)
      assert.is_nil(service:row(other))
      service:disk_is_back()
      local row = service:row(other)
      assert.same({ "CA2", "COMPLETED" }, { row.carrier_call_id, row.state })
      assert.is_number(row.answered_at_ms)
      assert.is_number(service.db("SELECT up_at_ms FROM legs WHERE call_id = $1", { other })[1].up_at_ms)
    end)

    it("pitfall 4: repeated and late callbacks change nothing", function()
      rest(service, { hangup = { status = 200, body = "{}" } })
      service:leg(id, "ended", "hangup")
      for _ = 1, 3 do service:webhook("/twilio/callback/status", status_of("CA1", "completed", 4)) end
      service.world:advance(20)
      local row = service:row(id)
      assert.equal("BUSY", row.outcome)
      service:webhook("/twilio/callback/status", status_of("CA1", "busy", 5))
      service:webhook("/twilio/callback/status", status_of("CA1", "ringing", 1))
      service.world:advance(20)
      assert.same(row, service:row(id))
      assert.equal(1, service.closed[id])
    end)

    it("pitfall 6: asks the carrier when its word does not come", function()
      rest(service, { fetch = { status = 200, body = { sid = "CA1", status = "completed", duration = "9" } } })
      service:leg(id, "ended", "hangup")
      service.world:advance(9)
      assert.equal("IN_PROGRESS", service:row(id).state)
      service.world:advance(5)
      local row = service:row(id)
      assert.equal("COMPLETED", row.state)
      assert.equal("CUSTOMER_HANGUP", row.session_end_reason)
      assert.equal(0, count(service, "POST", "Calls"))
    end)

    it("pitfall 15: a phone that stays connected is hung up", function()
      local state = "in-progress"
      rest(service, {
        fetch = function() return { status = 200, body = { sid = "CA1", status = state } } end,
        hangup = function() state = "completed" return { status = 200, body = "{}" } end,
      })
      service:leg(id, "ended", "lost")
      service.world:advance(30)
      assert.equal("COMPLETED", service:row(id).state)
      assert.is_truthy(count(service, "POST", "/Calls/CA1%.json") >= 1)
    end)

    it("pitfall 26: a call that is over already counts as hung up", function()
      rest(service, {
        hangup = { status = 404, body = { code = 20404, message = "gone" } },
        fetch = { status = 200, body = { sid = "CA1", status = "completed" } },
      })
      service:told(id, { what = "ended", reason = "AGENT_ENDED" })
      service:leg(id, "ended", "hangup")
      service.world:advance(15)
      assert.equal("COMPLETED", service:row(id).state)
      assert.equal("", service:row(id).outcome)
      assert.equal(1, count(service, "POST", "/Calls/CA1%.json"))
    end)

    it("with a broken script is an error of ours", function()
      rest(service, {
        hangup = { status = 200, body = "{}" },
        fetch = { status = 200, body = { sid = "CA1", status = "completed" } },
      })
      service.vm:event("broken", id, "EINVAL", "templates/x.lua:1: oops")
      service.world:advance(3)
      assert.equal(0, #service.rest)
      service:leg(id, "ended", "closed")
      service.world:advance(15)
      local row = service:row(id)
      assert.equal("FAILED", row.state)
      assert.equal("PIPELINE_ERROR", row.session_end_reason)
      assert.equal("UNKNOWN", row.outcome)
      assert.equal(1, count(service, "POST", "/Calls/CA1%.json"))
    end)

    it("whose carrier never answers ends as unknown", function()
      rest(service, { fetch = { text = "ETIMEDOUT: no answer", code = "ETIMEDOUT", sent = true },
        hangup = { text = "ETIMEDOUT: no answer", code = "ETIMEDOUT", sent = true } })
      service:told(id, { what = "ended", reason = "AGENT_ENDED" })
      service.world:advance(200)
      local row = service:row(id)
      assert.equal("FAILED", row.state)
      assert.equal("UNKNOWN", row.provider_status)
      assert.equal("now", service.legs_ended[id])
    end)

    it("leaves nothing behind", function()
      rest(service, { hangup = { status = 200, body = "{}" } })
      service:leg(id, "ended", "hangup")
      service:webhook("/twilio/callback/status", status_of("CA1", "completed"))
      service.world:advance(100)
      assert.equal(0, service.vm.require "callisto.task".count())
      assert.is_nil(service.vm.wake)
      service:drain()
      assert.equal(1, service.is_stopped)
    end)
  end)

  describe("an outbound call", function()
    it("is written down, prepared, dialled, answered and finished", function()
      rest(service, {
        place = { status = 201, body = { sid = "CA9", status = "queued" } },
        hangup = { status = 200, body = "{}" },
      })
      local reply = service:post("/api/calls/outbound", order)
      assert.equal(201, reply.status)
      local answer = service.json.decode(reply.body)
      assert.equal("placed", answer.status)
      assert.equal("CA9", answer.carrier_call_id)
      local opened = service.opened[answer.id]
      assert.equal("Ann", opened.begin.payload.customer_name)
      local form = service.http.read_form(service.rest[1].body)
      assert.equal("+14150000009", form.To)
      assert.equal("+14150000002", form.From)
      assert.matches("<Connect>", form.Twiml)
      assert.equal("https://voice.example.com/twilio/callback/status?call=" .. answer.id, form.StatusCallback)
      assert.equal("AC0011", service.rest[1].user)
      assert.is_truthy(service.rest[1].body:find("StatusCallbackEvent=initiated&StatusCallbackEvent=ringing", 1, true))
      assert.equal(answer.id, service.aliases.CA9)
      service:webhook("/twilio/callback/status", status_of("CA9", "in-progress", 2), { query = "call=" .. answer.id })
      service:leg(answer.id, "started")
      service:told(answer.id, { what = "agent_outcome", word = "CONFIRMED", source = "FLOW" })
      service:told(answer.id, { what = "ended", reason = "AGENT_ENDED" })
      service.world:advance(1)
      service:leg(answer.id, "ended", "hangup")
      service:webhook("/twilio/callback/status", status_of("CA9", "completed", 3), { query = "call=" .. answer.id })
      local shown = service.json.decode(service:request("GET", "/api/calls/" .. answer.id).body)
      assert.equal("completed", shown.state)
      assert.equal("CONFIRMED", shown.outcome)
      assert.equal("INITIATED", shown.facts.platform_status)
      assert.equal("Ann", shown.payload.customer_name)
      local kinds = {}
      for _, event in ipairs(shown.events) do kinds[event.kind] = true end
      assert.is_true(kinds["dial.placed"] and kinds["carrier.completed"] and kinds["leg.started"] and kinds.platform)
    end)

    it("that the carrier refuses is over at once", function()
      rest(service, { place = { status = 400, body = { code = 21211, message = "Invalid 'To'" } } })
      local reply = service:post("/api/calls/outbound", order)
      assert.equal(502, reply.status)
      assert.matches("21211", reply.body)
      local row = service.db("SELECT * FROM calls")[1]
      assert.equal("FAILED", row.state)
      assert.equal("INVALID_PHONE", row.outcome)
      assert.equal(1, service.closed[row.id])
    end)

    it("that the carrier is too busy for is asked for again", function()
      local tries = 0
      rest(service, { place = function()
        tries = tries + 1
        if tries < 3 then return { status = 429, body = { code = 20429, message = "Too many requests" } } end
        return { status = 201, body = { sid = "CA9" } }
      end })
      local reply = service:post("/api/calls/outbound", order, { wait = 9 })
      assert.equal(201, reply.status)
      assert.equal(3, tries)
    end)

    it("with an unclear answer is never dialled again; the webhook tells what became of it", function()
      rest(service, { place = { text = "ETIMEDOUT: timed out", code = "ETIMEDOUT", sent = true } })
      local reply = service:post("/api/calls/outbound", order)
      assert.equal(201, reply.status)
      local answer = service.json.decode(reply.body)
      assert.equal("unknown", answer.status)
      service:webhook("/twilio/callback/status", status_of("CA5", "ringing", 1), { query = "call=" .. answer.id })
      assert.equal("CA5", service:row(answer.id).carrier_call_id)
      service:webhook("/twilio/callback/status", status_of("CA5", "no-answer", 2), { query = "call=" .. answer.id })
      local row = service:row(answer.id)
      assert.equal("NO_ANSWER", row.outcome)
      assert.equal("FAILED", row.state)
      assert.equal(1, count(service, "POST", "/Calls.json"))
    end)

    it("with an unclear answer is known by its socket, too", function()
      rest(service, { place = { status = 500, body = "" }, hangup = { status = 200, body = "{}" } })
      local answer = service.json.decode(service:post("/api/calls/outbound", order).body)
      service.vm:event("leg", answer.id, 1, "started", { stream = "MZ1", call = "CA8" })
      service:told(answer.id, { what = "ended", reason = "AGENT_ENDED" })
      service.world:advance(1)
      assert.equal(1, count(service, "POST", "/Calls/CA8%.json"))
    end)

    it("with an unclear answer and no webhook is looked for at the carrier", function()
      rest(service, {
        place = { status = 500, body = "" },
        find = { status = 200, body = { calls = { { sid = "CA6", to = "+14150000009", from = "+14150000002",
          direction = "outbound-api", date_created = "Tue, 03 Mar 2026 10:15:01 +0000" } } } },
        fetch = { status = 200, body = { sid = "CA6", status = "busy" } },
      })
      local answer = service.json.decode(service:post("/api/calls/outbound", order).body)
      service.world:advance(80)
      local row = service:row(answer.id)
      assert.equal("CA6", row.carrier_call_id)
      assert.equal("BUSY", row.provider_reason)
    end)

    it("may have settings of its own, above those of callisto.lua", function()
      service = support.start(nil, { settings = { shop = "Blue Shop", tries = 3 } })
      rest(service, { place = { status = 201, body = { sid = "CA9" } } })
      local with = { settings = { tries = 5, note = service.json.null } }
      for name, value in pairs(order) do with[name] = value end
      local answer = service.json.decode(service:post("/api/calls/outbound", with).body)
      local begin = service.opened[answer.id].begin
      assert.same({ shop = "Blue Shop", tries = 5 }, begin.settings)
      with.settings = "five"
      assert.equal(422, service:post("/api/calls/outbound", with).status)
    end)

    it("that is one too many for the carrier's account is refused with the limit and the count", function()
      service = support.start { TWILIO_MAX_CONCURRENT = "1" }
      rest(service, { place = { status = 201, body = { sid = "CA9" } } })
      assert.equal(201, service:post("/api/calls/outbound", order).status)
      local reply = service:post("/api/calls/outbound", order)
      assert.equal(503, reply.status)
      assert.matches("twilio has 1 of 1 calls", reply.body)
      assert.is_not_nil(reply.headers["retry-after"])
    end)

    it("that rings out, and one answered and dropped before its socket came", function()
      for _, case in ipairs { { "no-answer", "NO_ANSWER" }, { "busy", "NO_ANSWER" }, { "completed", "EARLY_HANGUP" } } do
        rest(service, { place = { status = 201, body = { sid = "CA-" .. case[1] } } })
        local answer = service.json.decode(service:post("/api/calls/outbound", order).body)
        service:webhook("/twilio/callback/status", status_of("CA-" .. case[1], case[1]), { query = "call=" .. answer.id })
        assert.equal(case[2], service:row(answer.id).outcome)
        assert.equal(1, service.closed[answer.id])
      end
    end)

    it("is not dialled when it cannot be written down", function()
      service.store_fails = true
      local reply = service:post("/api/calls/outbound", order)
      assert.equal(503, reply.status)
      assert.same({}, service.rest)
      service:disk_is_back()
      assert.equal(0, #service.db("SELECT id FROM calls"))
    end)

    it("is not answered with a promise when it is written too late, and not dialled then", function()
      service.store_delay = 12
      local reply = service:post("/api/calls/outbound", order, { wait = 9 })
      assert.equal(503, reply.status)
      service.world:advance(30)
      assert.same({}, service.rest)
      local row = service:row(service.json.decode(reply.body).id)
      assert.same({ "FAILED", "NOT_WRITTEN" }, { row.state, row.outcome })
      assert.equal(1, service.closed[row.id])
    end)

    it("asks for its document by URL when the settings say so", function()
      service = support.start({ TELEPHONY_DOCUMENT = "url" })
      rest(service, { place = { status = 201, body = { sid = "CA9" } } })
      local answer = service.json.decode(service:post("/api/calls/outbound", order).body)
      local form = service.http.read_form(service.rest[1].body)
      assert.is_nil(form.Twiml)
      assert.equal("https://voice.example.com/twilio/answer?call=" .. answer.id, form.Url)
      assert.equal("https://voice.example.com/twilio/callback/twiml-fallback?call=" .. answer.id, form.FallbackUrl)
      local reply = service:webhook("/twilio/answer", { CallSid = "CA9", CallStatus = "in-progress" },
        { query = "call=" .. answer.id })
      assert.matches(service.order[1].path, reply.body, 1, true)
      assert.equal(1, #service.order)
    end)
  end)
end)
