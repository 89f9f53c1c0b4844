local binary = require "spec.support.binary"
local files = require "callisto.cli.files"
local json = require "callisto.json"

-- The wire is curl; here it is a script that answers from files, in order, and keeps what it was asked.
local CURL = [[#!/bin/sh
here=$(dirname "$0")
while [ $# -gt 0 ]; do [ "$1" = -K ] && config=$2; shift; done
count=$(($(cat "$here/count" 2>/dev/null || echo 0) + 1))
echo $count >"$here/count"
cp "$config" "$here/asked.$count"
cat "$here/answer.$count"
exit "$(cat "$here/code.$count" 2>/dev/null || echo 0)"
]]

describe("callisto call", function()
  local folder
  after_each(function() binary.remove(folder) end)

  -- Answers: { status, body } each; a number is curl's exit code when there is no answer.
  local function server(answers)
    local texts = { ["curl"] = CURL }
    for i, answer in ipairs(answers) do
      local code, given = type(answer) == "number" and answer or 0, type(answer) == "number" and { 0, "" } or answer
      local body = type(given[2]) == "table" and json.encode(given[2]) or given[2]
      texts["answer." .. i], texts["code." .. i] = ("%s\n%03d"):format(body, given[1]), tostring(code)
    end
    folder = binary.folder(texts)
    os.execute("chmod +x " .. folder .. "/curl")
  end

  local function call(...)
    return binary.run({ "call", ... }, { env = { PATH = folder .. ":" .. os.getenv "PATH", CALLISTO_API_KEY = "" } })
  end

  local function asked(number) return files.read(folder .. "/asked." .. number) end

  local function said(who, text, more)
    local line = { who = who, text = text, interrupted = false }
    for key, value in pairs(more or {}) do line[key] = value end
    return line
  end

  local hello = said("agent", "Hello Asha.")
  local question = said("agent", "Shall we bring it?", { interrupted = true, heard = "Shall we" })
  local placed = { 201, { id = "c1", state = "in_progress" } }

  it("places a call and shows what is said as it is said, then the outcome", function()
    server {
      placed,
      { 200, { id = "c1", state = "in_progress", transcript = json.array { hello } } },
      { 200, { id = "c1", state = "completed", outcome = "CONFIRMED",
        transcript = json.array { hello, question, said("caller", "yes") } } },
    }
    local result = call("order-confirmation", "+15550101", "order_id=17", "name=O'Hara \"x\"", "tries:=2", "open:=true")
    assert.equal("", result.err)
    assert.equal(0, result.code)
    assert.equal("call c1\nagent   Hello Asha.\nagent   Shall we --\ncaller  yes\ncompleted CONFIRMED\n", result.out)
    assert(asked(1):find('url = "http://127.0.0.1:8080/api/calls/outbound"', 1, true))
    assert(asked(1):find('request = "POST"', 1, true))
    local data = asked(1):match 'data%-raw = "(.-)"\n':gsub("\\(.)", "%1")
    assert.same({
      agent_name = "order-confirmation", to = "+15550101",
      payload = { order_id = "17", name = 'O\'Hara "x"', tries = 2, open = true },
    }, json.decode(data))
    assert(asked(2):find('url = "http://127.0.0.1:8080/api/calls/c1"', 1, true))
  end)

  it("sends no empty list for an empty payload", function()
    server { placed }
    assert.equal(0, call("a", "+1", "--no-wait").code)
    assert(asked(1):find('\\"payload\\":{}', 1, true), asked(1))
  end)

  it("does not wait when it need not", function()
    server { placed }
    local result = call("appointment", "+15550101", "--no-wait", "--server", "https://voice.example.com/")
    assert.equal("call c1\n", result.out)
    assert.equal(0, result.code)
    assert(asked(1):find('url = "https://voice.example.com/api/calls/outbound"', 1, true))
    assert.is_nil(asked(2))
  end)

  it("gives its key to the server, and to nobody else", function()
    server { placed }
    call("a", "+1", "--no-wait", "--key", "secret-key")
    assert(asked(1):find('header = "authorization: Bearer secret-key"', 1, true))
  end)

  it("ends with 1 when the call failed", function()
    server { placed, { 200, { id = "c1", state = "failed" } } }
    local result = call("a", "+1")
    assert.equal(1, result.code)
    assert.matches("failed without an outcome", result.out)
  end)

  it("says what came of the call rather than the old word, and why it failed", function()
    for _, case in ipairs {
      { "failed", "NO_ANSWER", "BUSY", "the line was busy", "failed BUSY: the line was busy\n$" },
      { "completed", "BUSY", "HUNG_UP", "the caller hung up", "completed HUNG_UP\n$" },
    } do
      server { placed, { 200, { id = "c1", state = case[1], outcome = case[2], result = case[3], why = case[4] } } }
      assert.matches(case[5], call("a", "+1").out)
      binary.remove(folder)
    end
    server {}
  end)

  it("shows how a value that is not a text is written, when that was the mistake", function()
    for _, case in ipairs {
      { "integer", "5", "write at:=5" }, { "number", "2.5", "write at:=2.5" }, { "boolean", "true", "write at:=true" },
      { "object", "{}", "write at:={}" }, { "integer", "five", "is written at:=JSON" },
    } do
      server { { 422, { detail = ("payload: 'at' must be %s, not string"):format(case[1]), field = "payload" } } }
      local result = call("a", "+1", "at=" .. case[2])
      assert.equal(1, result.code)
      assert(result.err:find(case[3], 1, true), result.err)
      binary.remove(folder)
    end
    server {}
  end)

  it("ends with 1 and the server's reason when it is refused", function()
    server { { 404, { title = "Not Found", detail = "there is no agent 'x'" } } }
    local result = call("x", "+15550101")
    assert.equal(1, result.code)
    assert.equal("callisto call: there is no agent 'x'\n", result.err)
  end)

  it("ends with 1 when there is no server, or none of ours", function()
    server { 7 }
    local result = call("x", "+1")
    assert.equal(1, result.code)
    assert.equal("callisto call: no server answers at http://127.0.0.1:8080; start one with callisto dev or callisto serve, "
      .. "or say where it is with --server URL\n", result.err)
    binary.remove(folder)
    server { { 200, "<html>" } }
    assert.equal(1, call("x", "+1").code)
  end)

  it("prints one JSON object for scripts", function()
    server { placed, { 200, { id = "c1", state = "completed", outcome = "DONE" } } }
    local result = call("a", "+1", "--json")
    assert.equal("DONE", json.decode(result.out).outcome)
  end)

  local function talk(words, typed)
    folder = binary.folder { typed = typed or "" }
    local result, path = {}, folder .. "/out"
    local line = files.quote(binary.path) .. " call"
    for _, word in ipairs(words) do line = line .. " " .. files.quote(word) end
    result.code = math.floor(os.execute(("%s <%s/typed >%s 2>&1"):format(line, folder, path)) / 256)
    result.out = files.read(path)
    return result
  end

  it("talks by text: what is typed is said, pressed, or silence", function()
    local result = talk({ "delivery-window", "customer_name=Ann", "--text" }, "/silence 2\n/press 2\n/nonsense\n/press 1\n")
    assert.equal(0, result.code, result.out)
    for _, part in ipairs {
      "agent   Hello Ann, your parcel comes tomorrow.\n", "        /press 2\nagent   We come between two and five.",
      "there is no /nonsense: /press KEYS", "agent   Thank you.\nagent   Goodbye.\ncompleted CONFIRMED\n",
    } do
      assert(result.out:find(part, 1, true), part .. " is missing in\n" .. result.out)
    end
  end)

  it("talks with an agent that converses: exchange/model.lua says what the model answers", function()
    local texts = {
      ["callisto.lua"] = "return {}", typed = "where is my order\nbye\n",
      ["templates/orders.lua"] = [[
        local template, tool = require "callisto.template", require "callisto.tool"
        local find = tool { "find", "An order.", { id = "string" }, function(args) return args.id .. " is packed" end }
        local bye = tool { "bye", "The end.", {}, function() return tool.done("DONE", "Goodbye.") end }
        return template { name = "orders", greeting = "Hello.", llm = "anthropic/claude-haiku-4-5", on_call = function(call)
          call:converse { prompt = "Help.", tools = { find, bye } }
        end }]],
      ["exchange/model.lua"] = [[return { replies = {
        { "order", tools = { { "find", { id = "7" } } } }, { "bye", tools = { { "bye" } } },
        { on_result = "find", say = function(asked) return "Order " .. asked.messages[#asked.messages].text .. "." end },
      } }]],
    }
    folder = binary.folder(texts)
    local function run()
      local out = folder .. "/out"
      os.execute(("cd %s && %s call orders --text <typed >out 2>&1"):format(files.quote(folder), files.quote(binary.path)))
      return files.read(out)
    end
    assert.equal("agent   Hello.\ncaller  where is my order\nagent   Order 7 is packed.\ncaller  bye\nagent   Goodbye.\n"
      .. "completed DONE\n", run())
    binary.remove(folder)
    texts["exchange/model.lua"] = "return { replys = {} }"
    folder = binary.folder(texts)
    assert.matches("exchange/model.lua: unknown field 'replys'; did you mean 'replies'%?", run())
  end)

  it("says in a sentence what stands in the way", function()
    for _, case in ipairs {
      { "customer_name:=12", 1, "did you mean 'delivery-window'?", agent = "delivery-windw" },
      { "a=b", 1, "there is no agent 'nope'; there are: ", agent = "nope" },
      { "customer_name:=12", 1, "'customer_name' must be string, not number" },
      { "customer_name=Jos\233", 2, "the value of customer_name is not UTF-8" },
    } do
      local result = talk({ case.agent or "delivery-window", case[1], "--text" }, "")
      assert.equal(case[2], result.code)
      assert.is_truthy(result.out:find(case[3], 1, true), result.out)
      assert.is_nil(result.out:find("stack traceback", 1, true))
    end
  end)

  it("takes what is typed in Latin-1 for what it can be", function()
    local result = talk({ "delivery-window", "customer_name=Ann", "--text" }, "Jos\233\n")
    assert.is_nil(result.out:find("traceback", 1, true), result.out)
  end)

  it("hangs up where the text ends", function()
    local result = talk({ "after-hours", "--text" }, "")
    assert.matches("^agent   We", result.out)
    assert.matches("\ncompleted [%u_]+\n$", result.out)
  end)

  it("talks by sound, with the real voice and ear", function()
    local result = talk { "delivery-window", "customer_name=Ann", "--audio", "examples/shop/audio/hold.wav" }
    assert.matches("^agent   Hello Ann", result.out)
    assert.matches("\ncompleted [%u_]+\n$", result.out)
    assert.equal(2, talk({ "delivery-window", "customer_name=Ann", "--audio", "no.wav" }).code)
  end)

  it("refuses a sound that it cannot play", function()
    local function u16(value) return string.char(value % 256, math.floor(value / 256)) end
    local function u32(value) return u16(value % 65536) .. u16(math.floor(value / 65536)) end
    local function wav(format, bits, data)
      return "RIFF" .. u32(36 + #data) .. "WAVEfmt " .. u32(16) .. u16(format) .. u16(1) .. u32(8000) .. u32(8000 * bits / 8)
        .. u16(bits / 8) .. u16(bits) .. "data" .. u32(#data) .. data
    end
    local sounds = binary.folder {
      ["a.mp3"] = "ID3\3", ["float.wav"] = wav(3, 32, ("\0"):rep(400)), ["empty.wav"] = wav(1, 16, ""),
    }
    for name, why in pairs {
      ["a.mp3"] = "not a WAV file", ["float.wav"] = "WAV format 3 with 32 bits is not read: use PCM with 8 or 16 bits",
      ["empty.wav"] = "has no sound in it",
    } do
      local result = talk { "delivery-window", "customer_name=Ann", "--audio", sounds .. "/" .. name }
      assert.equal(2, result.code, result.out)
      assert(result.out:find(why, 1, true), result.out)
    end
    binary.remove(sounds)
  end)

  it("ends with 2 for wrong usage", function()
    server {}
    for _, words in ipairs { {}, { "a" }, { "a", "+1", "more" }, { "a", "+1", "--server" }, { "a", "+1", "--now" },
      { "a", "+1", "n:=x" }, { "a", "+1", "--text" }, { "a", "--audio" } } do
      local result = call(unpack(words))
      assert.equal(2, result.code, table.concat(words, " "))
      assert.matches("^callisto call: ", result.err)
    end
    assert.is_nil(asked(1))
    assert.equal(0, call("--help").code)
  end)
end)
