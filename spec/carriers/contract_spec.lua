-- What an adapter must be: the contract is checked to its last name, where the adapter is loaded.

local carrier = require "callisto.provider.carrier"

local function nothing() end

local function media(more)
  local declared = { encoding = "pcmu", rate = 8000, event = "event", start_in = { event = "start", stream = "id" } }
  for name, value in pairs(more or {}) do declared[name] = value end
  return declared
end

-- The smallest adapter there is, with some fields changed; `nil` is written as false.
local function adapter(change)
  local given = {
    name = "tinyline",
    account = { secret = "TINYLINE_SECRET" },
    required = { "secret" },
    media = { ["pcmu/8000"] = media() },
    acknowledges = { marks = "played" },
    routes = carrier.routes "tinyline",
    webhook = { verify = nothing, read = nothing, answer = nothing, refuse = nothing },
  }
  for name, value in pairs(change or {}) do given[name] = value or nil end
  return given
end

local function refusal(change)
  local ok, why = pcall(carrier, adapter(change))
  assert.is_false(ok)
  return why
end

describe("the contract of a carrier", function()
  it("makes a carrier of the smallest adapter", function()
    local made = carrier(adapter())
    assert.is_true(carrier.is(made))
    assert.is_false(carrier.is(adapter()))
    assert.equal("pcmu/8000", made.media.default)
    assert.equal("tinyline", made.media["pcmu/8000"].name)
    assert.same({}, made.requests)
  end)

  it("makes another carrier of what it made", function()
    local first = carrier(adapter())
    local copy = {}
    for name, value in pairs(first) do copy[name] = value end
    copy.name = "twinline"
    local second = carrier(copy)
    assert.equal("twinline", second.name)
    assert.is_true(carrier.is(second))
    assert.equal("tinyline", first.name)
  end)

  for _, case in ipairs {
    { "a group", { webhok = {} }, "unknown field 'webhok'; did you mean 'webhook'?" },
    { "a field of a group", { webhook = { verify = nothing, reed = nothing } },
      "webhook: unknown field 'reed'; did you mean 'read'?" },
    { "a request", { requests = { hangupp = { nothing, nothing } } },
      "requests: unknown field 'hangupp'; did you mean 'hangup'?" },
    { "a field of a request", { requests = { place = { nothing, nothing, is_provisonal = true } } },
      "requests: place: unknown field 'is_provisonal'; did you mean 'is_provisional'?" },
    { "a limit", { limits = { cuncurrent = 3 } }, "limits: unknown field 'cuncurrent'; did you mean 'concurrent'?" },
    { "a field of a format", { media = { ["pcmu/8000"] = media { frme_ms = 20 } } },
      "media: pcmu/8000: unknown field 'frme_ms'; did you mean 'frame_ms'?" },
    { "a name inside a rule", { media = { ["pcmu/8000"] = media { start_in = { steam = "id" } } } },
      "media: pcmu/8000: start_in: unknown field 'steam'; did you mean 'stream'?" },
    { "a name inside a reply", { media = { ["pcmu/8000"] = media { replies = { { evnt = "ping" } } } } },
      "media: pcmu/8000: replies: 1: unknown field 'evnt'; did you mean 'event'?" },
    { "a path inside a rule", { media = { ["pcmu/8000"] = media { audio_in = { when = { "media.track" } } } } },
      "audio_in: 'when' must be a path, or { path, text }" },
    { "a default that is not there", { media = { default = "pcmu/80000", ["pcmu/8000"] = media() } },
      "'default' is not one of the formats: unknown format 'pcmu/80000'; did you mean 'pcmu/8000'?" },
    { "a sub-protocol that is no word", { media = { ["pcmu/8000"] = media { sub_protocol = "a b" } } },
      "media: pcmu/8000: 'sub_protocol' must be a word of letters, digits, '.', '-' and '_'" },
    { "several formats without a default", { media = { ["pcmu/8000"] = media(), ["pcma/8000"] = media() } },
      "media: 'default' is missing" },
    { "no format", { media = {} }, "media: there is no format" },
    { "a proof there is not", { acknowledges = { marks = "plaed" } }, "unknown value 'plaed'; did you mean 'played'?" },
    { "half of a request", { requests = { hangup = { nothing } } },
      "'hangup' must be { what is asked, what the answer proves }" },
    { "a function that is none", { requests = { hangup = nothing } }, "'hangup' must be map" },
    { "calls that cannot come in", { webhook = { verify = nothing } }, "either webhook: 'read' or socket: 'read'" },
    { "calls that get no answer", { webhook = { verify = nothing, read = nothing } }, "'read' needs 'answer' and 'refuse'" },
    { "no check of who asks", { webhook = { read = nothing } }, "webhook: 'verify' is missing" },
    { "orders whose end is not reported", { requests = { place = { nothing, nothing } } }, "'place' needs webhook: 'status'" },
    { "a mark of an end that the engine has no room for",
      { webhook = { verify = nothing, read = nothing, answer = nothing, refuse = nothing, ends = { ("x"):rep(40) } } },
      "must have 1 to 39 bytes" },
    { "an account that lacks what is required", { account = {} }, "'required' names 'secret', which 'account' lacks" },
    { "a name that is not a name", { name = "Tiny Line" }, "'name' must be lower-case letters" },
  } do
    it("refuses " .. case[1], function()
      local why = refusal(case[2])
      assert(why:find(case[3], 1, true), why)
      assert(why:find("carrier '", 1, true), why)
    end)
  end

  for _, name in ipairs { "twilio", "telnyx", "plivo", "vobiz" } do
    it(("knows the end of a call of %s by a mark, wherever it comes"):format(name), function()
      local webhook = require("providers.carriers." .. name).webhook
      local found = 0
      for _, word in ipairs { "completed", "busy", "no-answer", "failed", "canceled", "cancel", "ringing", "in-progress" } do
        local body = ("CallSid=CA1&CallUUID=c1&From=%%2B15550100&To=%%2B15550101&CallStatus=%s&Direction=inbound"):format(word)
        local about = assert(webhook.read { method = "POST", path = "/in", query = "", headers = {}, body = body })
        local is_marked = false
        for _, mark in ipairs(webhook.ends) do is_marked = is_marked or body:find(mark, 1, true) ~= nil end
        if about.status.is_terminal then
          found = found + 1
          assert.is_true(is_marked, word)
        elseif word == "ringing" or word == "in-progress" then
          assert.is_false(is_marked, word)
        end
      end
      assert.equal(5, found)
    end)
  end

  it("tells an adapter in the old form where its fields belong", function()
    local why = refusal {
      environment = { secret = "S" }, media = media(), webhook = nothing, verify = nothing, hung_up = nothing,
    }
    for _, each in ipairs { "environment → account", "webhook → webhook.read", "verify → webhook.verify",
      "hung_up → requests.hangup[2]", 'media → media["', "docs/changes.md" } do
      assert(why:find(each, 1, true), why)
    end
  end)

  it("leaves out parameters of a stream that are longer than the carrier passes on", function()
    local seen
    local made = carrier(adapter {
      limits = { parameter_bytes = 12 },
      webhook = {
        verify = nothing, read = nothing, refuse = nothing,
        answer = function(document)
          seen = document
          return "", "text/plain"
        end,
      },
    })
    local given = {
      { "stream", url = "wss://h", parameters = { { "lead", "12345678" }, { "lead", "123456789" } } }, { "hangup" },
    }
    made.webhook.answer(given)
    assert.same({ { "lead", "12345678" } }, seen[1].parameters)
    assert.same({ "hangup" }, seen[2])
    assert.equal(2, #given[1].parameters)
  end)

  it("does not let out a document that the carrier would refuse", function()
    local made = carrier(adapter {
      limits = { document_bytes = 10 },
      webhook = {
        verify = nothing, read = nothing, refuse = nothing, answer = function(document) return document[1][2], "text/plain" end,
      },
    })
    assert.equal("0123456789", (made.webhook.answer { { "say", "0123456789" } }))
    assert.error_matches(function() made.webhook.answer { { "say", "0123456789x" } } end,
      "tinyline takes documents of at most 10 bytes, and this one has 11")
  end)
end)
