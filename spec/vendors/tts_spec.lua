-- Voices of vendors: what each is told, what it answers, and what the caller hears of it, from wires as their documents have
-- them (spec/vendors/recorded/voices.lua), on the real engine.

local exchange = require "callisto.spec"
local json = require "callisto.json"
local lab = require "callisto.lab"

local recorded = dofile "spec/vendors/recorded/voices.lua"

local PIECE = 1600 -- bytes: 100 ms of 16 bits at 8,000 Hz

local function template_of(name, about)
  return ([[
return require "callisto.template" {
  name = "under-test", greeting = "Hello from the vendor",
  voice = { tts = %s, %s },
  on_call = function(call)
    call:say "One two three four five six seven eight nine ten"
    call:finish("DONE", "Goodbye then")
  end,
}]]):format(name, about.voice)
end

local function base64(samples)
  return lab.wire({ name = "base64", encoding = "pcmu", rate = 8000, audio_out = '"$audio"' }):write("audio", samples):sub(2, -2)
end

local function binary(samples)
  return lab.wire({ name = "binary", encoding = "pcmu", rate = 8000, binary_out = true }):write("audio", samples)
end

-- Words and letters with their times: every word lasts as long as the others.
local function times_of(text, ms)
  local words, chars = {}, {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  local each, times = ms / #words, { WORDS = words, BEGINS = {}, ENDS = {}, CHARS = chars, STARTS = {}, LASTS = {} }
  for i, word in ipairs(words) do
    times.BEGINS[i], times.ENDS[i] = (i - 1) * each / 1000, i * each / 1000
    for at = 1, #word + 1 do
      chars[#chars + 1] = at <= #word and word:sub(at, at) or " "
      times.STARTS[#chars] = (i - 1) * each + (at - 1) * each / (#word + 1)
      times.LASTS[#chars] = each / (#word + 1)
    end
  end
  return times
end

-- A vendor's double: takes its texts as recorded, and answers as recorded.
local function double_of(about, answer)
  local double = { told = {}, upgrades = {}, texts = {}, closed = 0 }
  local function speak(socket, text, mark)
    local samples = lab.spoken(text, 8000)
    local times = times_of(text, #samples / 16)
    for _, message in ipairs(about.answers) do
      local filled = message:gsub("%u+", function(word)
        if word == "MARK" then return mark end
        return times[word] and json.encode(times[word])
      end)
      if message == "BINARY" then
        for at = 1, #samples, PIECE do socket:send(binary(samples:sub(at, at + PIECE - 1)), true) end
      elseif filled:find("SOUND", 1, true) then
        socket:send((filled:gsub("SOUND", function() return base64(samples) end)))
      else
        socket:send(filled)
      end
    end
  end
  function double.socket(request)
    double.upgrades[#double.upgrades + 1] = request
    if double.refuses then return double.refuses end
    return {
      open = function(socket) double.here = socket end,
      message = function(socket, data)
        double.told[#double.told + 1] = data
        local text = data:match '"t[er][xa][tn][^"]*":"([^"]+)"'
        if text and text ~= " " then double.text = text:gsub(" $", "") end
        double.mark = data:match '"context_?[iI]d":"([^"]+)"' or double.mark or "none"
        local last = about.said[#about.said]:gsub("MARK", double.mark):gsub("TEXT", double.text or "")
        if not double.text or json.encode(json.decode(data)) ~= json.encode(json.decode(last)) then return end
        text, double.text = double.text, nil
        double.texts[#double.texts + 1] = text
        if answer then return answer(double, socket, text, double.mark, speak) end
        speak(socket, text, double.mark)
      end,
      close = function() double.closed = double.closed + 1 end,
    }
  end
  return double
end

local function call(name, about, double, source)
  return exchange.call {
    source = source or template_of(json.encode(name), about), template = "under-test", env = about.env,
    hosts = { [about.host] = double },
  }
end

local function log_of(caller)
  local lines = {}
  for _, line in ipairs(caller.world.lab:log()) do lines[#lines + 1] = line.text end
  return table.concat(lines, "\n")
end

local function decoded(list, text, mark)
  local values = {}
  for i, each in ipairs(list) do
    values[i] = json.decode((each:gsub("MARK", mark or "MARK"):gsub("TEXT", text or "TEXT")))
  end
  return values
end

for name, about in pairs(recorded) do
  describe("the voice of " .. name, function()
    it("is reached and told as its interface says, and heard", function()
      local double = double_of(about)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      assert.equal("DONE", caller:ended().outcome)
      local request = double.upgrades[1]
      assert.equal(about.path, request.path)
      assert.equal(about.query, request.query)
      assert.equal(about.header[2], request.headers[about.header[1]])
      local told, opening = decoded(double.told), decoded(about.opening)
      for i, message in ipairs(opening) do assert.same(message, told[i]) end
      local said = decoded(about.said, "Hello from the vendor", "u1")
      for i, message in ipairs(said) do assert.same(message, told[#opening + i]) end
      assert.equal(1, #double.upgrades)
      assert.equal(1, double.closed)
      assert.equal(0, #caller:facts "vendor_ended")
    end)

    it("is cut where the caller interrupts, and nothing is written down that was not heard", function()
      local double = double_of(about)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:interrupts("stop it", 2.5)
      caller:hears "Goodbye then"
      caller:ended()
      local line = caller:lines()[2]
      local whole = "One two three four five six seven eight nine ten"
      local heard = line:match "^agent: (.-)%s*[—(%[-]" or line:sub(8)
      assert.is_truthy(whole:find(heard, 1, true), line)
      assert.is_true(#heard < #whole, line)
    end)

    it("tells an error, and its sentence is said by our own voice", function()
      local double = double_of(about, function(double, socket, text, mark, speak)
        if #double.texts > 1 then return speak(socket, text, mark) end
        socket:send((about.error:gsub("MARK", mark)))
      end)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      caller:ended()
      local log = log_of(caller)
      assert.is_truthy(log:find(about.error_log, 1, true), log)
      for _, key in pairs(about.env) do assert.is_nil((log .. caller.world:story()):find(key, 1, true)) end
    end)

    it("may send what nobody knows", function()
      local double = double_of(about, function(_, socket, text, mark, speak)
        socket:send '{"type":"novelty","value":[1,2,{"a":null}]}'
        socket:send '{"type":7}'
        socket:send "[]"
        speak(socket, text, mark)
      end)
      local caller = call(name, about, double)
      caller:hears "Hello from the vendor"
      caller:hears "One two three four five six seven eight nine ten"
      caller:hears "Goodbye then"
      caller:ended()
    end)
  end)
end
