-- Ears that are asked over HTTP, utterance by utterance: what callers say is cut here and posted as a sound file.

local exchange = require "callisto.spec"
local json = require "callisto.json"
local lab = require "callisto.lab"

local FLOW = [[return require "callisto.template" {
  name = "asker", voice = { stt = "whisper", stt_options = { model = "large", prompt = "Acme" } },
  on_call = function(call)
    call:on("words", function(_, words) call:fact("words", { text = words.kind .. " " .. words.text }) end)
    call:say "Tell me"
    for _ = 1, TURNS do
      local heard = call:listen { timeout = "20s" }
      call:fact("heard", { text = heard and heard.text or "nothing" })
    end
    call:finish "DONE"
  end,
}]]

-- The fields of a form, and the samples of its file.
local function form_of(request)
  local boundary = request.headers["content-type"]:match "^multipart/form%-data; boundary=(.+)$"
  local fields, at = {}, 1
  while true do
    local _, head_end, head = request.body:find("%-%-" .. boundary:gsub("%-", "%%-") .. "\r\n(.-)\r\n\r\n", at)
    if not head_end then break end
    local value_end = assert(request.body:find("\r\n--" .. boundary, head_end, true))
    fields[head:match 'name="(%w+)"' or head:match 'name="([%w_]+)"'] = request.body:sub(head_end + 1, value_end - 1)
    at = value_end + 2
  end
  return fields
end

-- A server that understands what it is sent; `act(double, words, number)` may answer something else.
local function server(act)
  local double = { requests = {}, forms = {} }
  return double, function(request)
    table.insert(double.requests, request)
    local form = form_of(request)
    table.insert(double.forms, form)
    local words = table.concat(lab.ear(16000):put(form.file:sub(45) .. ("\0"):rep(32000)), " ")
    local answer = act and act(words, #double.requests)
    return answer or { status = 200, body = json.encode { text = words, usage = { type = "duration" } } }
  end
end

local function call(answer, turns, base)
  return exchange.call {
    source = FLOW:gsub("TURNS", tostring(turns)), template = "asker", hosts = { ["https://stt.test"] = answer },
    env = { WHISPER_BASE_URL = base or "https://stt.test/v1", WHISPER_API_KEY = "key-whisper-1" },
  }
end

local function heard(caller)
  local list = {}
  for i, fact in ipairs(caller:facts "heard") do list[i] = fact.text end
  return list
end

local function story(caller)
  local lines = {}
  for _, line in ipairs(caller.world.lab:log()) do lines[#lines + 1] = line.text end
  return table.concat(lines, "\n")
end

local function talk(caller, ...)
  caller:hears "Tell me"
  for _, text in ipairs { ... } do
    caller:says(text)
    caller:silence "4s"
  end
  caller:ended()
end

describe("an ear that is asked over HTTP", function()
  it("gets each utterance as a sound file, with what the template wants", function()
    local double, answer = server()
    local caller = call(answer, 2)
    talk(caller, "I want to pay my bill", "yes please")
    assert.same({ "I want to pay my bill", "yes please" }, heard(caller))
    assert.equal(2, #double.requests)
    local request, form = double.requests[1], double.forms[1]
    assert.equal("POST", request.method)
    assert.equal("/v1/audio/transcriptions", request.path)
    assert.equal("Bearer key-whisper-1", request.headers.authorization)
    assert.equal("large", form.model)
    assert.equal("json", form.response_format)
    assert.equal("Acme", form.prompt)
    assert.equal("en", form.language)
    assert.equal("RIFF", form.file:sub(1, 4))
    assert.equal("started ", caller:facts("words")[1].text)
    assert.is_nil(story(caller):find("key-whisper-1", 1, true))
  end)

  for about, first in pairs {
    ["that fails"] = { status = 500, body = '{"error":"inference failed"}' },
    ["that makes no sense"] = { status = 200, body = '{"te' },
    ["without a text"] = { status = 200, body = "{}" },
    ["that holds an error"] = { status = 200, body = '{"error":{"message":"try again","type":"server_error","code":null}}' },
  } do
    it("asks again after an answer " .. about .. ", with the same sound", function()
      local double, answer = server(function(_, number) return number == 1 and first or nil end)
      local caller = call(answer, 1)
      talk(caller, "I want to pay my bill")
      assert.same({ "I want to pay my bill" }, heard(caller))
      assert.equal(2, #double.requests)
    end)
  end

  it("is left at once when it refuses the key", function()
    local double, answer = server(function() return { status = 401, body = '{"error":{"message":"bad key-whisper-1"}}' } end)
    local caller = call(answer, 1)
    caller:hears "Tell me"
    caller:says "hello"
    caller:silence "2s"
    assert.equal(1, #double.requests)
    local fact = caller:fact "vendor_ended"
    assert.equal("whisper", fact.name)
    assert(fact.text:find("it answered 401", 1, true), fact.text)
    assert.is_nil((story(caller) .. json.encode(caller:facts())):find("key-whisper-1", 1, true))
    caller:hangs_up()
  end)

  it("keeps turns in order, however slow the first answer is", function()
    local _, answer = server(function(words, number)
      return { status = 200, body = json.encode { text = words }, after = number == 1 and 6 or 0 }
    end)
    local caller = call(answer, 2)
    talk(caller, "one two three", "four five six")
    assert.same({ "one two three", "four five six" }, heard(caller))
  end)

  it("tells nothing of an empty text", function()
    local _, answer = server(function(_, number) return number == 1 and { status = 200, body = '{"text":""}' } or nil end)
    local caller = call(answer, 1)
    talk(caller, "noise of a street", "yes")
    assert.same({ "yes" }, heard(caller))
  end)
end)
