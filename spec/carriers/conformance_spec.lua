-- What every carrier must be able to do, on virtual time: the shipping adapter, the real engine, and the carrier's face in the
-- exchange, in each of its audio formats. tests/end_to_end does the same over real sockets.

local exchange = require "callisto.spec"
local files = require "callisto.cli.files"
local formats = require "callisto.provider.media"

local ORDER = [[
local template = require "callisto.template"
return template {
  name = "order", ring = "10s",
  on_call = function(call)
    local answer = call:ask {
      "Shall we bring your order tomorrow?", choices = { yes = "yes, yes please", no = "no, not tomorrow" }, tries = 3,
    }
    local keys = call:digits { "Please enter the four digits of your order.", max = 4, tries = 2 }
    call:send_digits "42"
    call:sleep "2s"
    call:finish(answer == "yes" and keys == "4711" and "UNDERSTOOD" or "NOT_UNDERSTOOD", "Thank you very much, and goodbye.")
  end,
}]]

local TALK = [[
local template = require "callisto.template"
return template {
  name = "talk", ring = "10s",
  on_call = function(call)
    local said = call:say("We are open on Monday, on Tuesday, on Wednesday, on Thursday, on Friday, on Saturday and on Sunday, "
      .. "from early in the morning until late in the evening, in summer and in winter.")
    call:sleep "3s"
    call:finish(said.interrupted and "INTERRUPTED" or "HEARD_OUT", "All right.")
  end,
}]]

local WAIT = [[
local template = require "callisto.template"
return template {
  name = "wait", ring = "30s",
  on_call = function(call)
    call:sleep "2m"
    call:finish "WAITED"
  end,
}]]

-- What of it a carrier has not.
local WITHOUT = {
  exotel = { hang_up = true }, -- no request does it: the closed socket is all there is
  genesys = { outbound = true }, -- the contact centre places calls
}

-- What else an account of a carrier may be: its variables, and what it has not.
local OTHERWISE = {
  telnyx = { name = "Call Control", env = { TELNYX_CONNECTION_ID = "1494404757140276705" }, without = { cause = true } },
}

local function names_of(report)
  local text = {}
  for _, note in ipairs(report.log or {}) do text[#text + 1] = note.what end
  return table.concat(text, "\n")
end

local function report_of(world, caller)
  return (world:ask_exchange("GET", "/exchange/calls/" .. (caller.line or caller.carrier_call)))
end

-- What the agent's lines say the caller heard, against the words that arrived.
local function assert_heard_is_right(caller)
  local words = {}
  for _, word in ipairs(caller.words) do words[#words + 1] = word.word end
  local heard = {}
  for _, line in ipairs(caller:record().transcript) do
    if line.who == "agent" and (line.heard or "") ~= "" then heard[#heard + 1] = line.heard end
  end
  local really, written = table.concat(words, " "), table.concat(heard, " ")
  assert(really:sub(1, #written) == written or really:find(written, 1, true),
    ("written as heard: %s\nreally heard: %s"):format(written, really))
end

local function outbound_specs(open, without)
  it("answers an outbound call, understands, sends keys, and says its last words to the end (pitfall 16)", function()
    local world = open()
    local caller = world:call { template = "order" }
    caller:hears("bring your order tomorrow?"):listens():says "yes please"
    caller:hears("your order."):listens():presses "4711"
    caller:hears "and goodbye."
    local ending = caller:ended()
    assert.equal("UNDERSTOOD", ending.outcome)
    assert.equal("COMPLETED", ending.facts.provider.reason)
    local log = names_of(report_of(world, caller))
    assert.matches("hears the key 4", log)
    assert.matches("hears the key 2", log)
  end)

  for name, case in pairs {
    ["busy"] = { { busy = true }, "BUSY" },
    ["not answered"] = { { no_answer = true }, "NO_ANSWER" },
    ["to a number that cannot be reached"] = { { unreachable = true }, "FAILED" },
  } do
    it("notices an outbound call that is " .. name, function()
      local caller = open():ring { template = "order", subscriber = case[1] }
      local ending = caller:ended()
      assert.equal(case[2], ending.facts.provider.reason)
      assert.equal("NO_ANSWER", ending.outcome)
      assert.same({}, caller.words)
    end)
  end

  it("takes back a call that rings", function()
    local world = open()
    local caller = world:ring { template = "wait", subscriber = { answers_after = 25 } }
    world:advance(3)
    local _, status = world:ask_app("POST", ("/api/calls/%s/hangup"):format(caller.call))
    assert.is_true(status < 300, "hang-up answered " .. tostring(status))
    local ending = caller:ended()
    assert.same({}, caller.words)
    if without.hang_up then return end -- it rings on, but nobody speaks to whoever answers
    assert.is_true(ending.facts.provider.reason == "CANCELED" or ending.facts.provider.reason == "NO_ANSWER",
      tostring(ending.facts.provider.reason))
  end)

  it("asks the carrier when the status is lost (pitfall 6)", function()
    local world = open()
    world:set_callback_faults { lose = { "all" } }
    local facts = world:ring({ template = "order", subscriber = { busy = true } }):ended().facts
    if without.cause then return assert.equal("UNKNOWN", facts.provider.status) end -- it is over, the carrier does not say why
    assert.equal("BUSY", facts.provider.reason)
  end)

  it("is not confused by statuses that come twice and in another order (pitfall 4)", function()
    local world = open()
    world:set_callback_faults { double = { "all" }, reorder = true }
    local caller = world:call { template = "wait" }
    caller:hangs_up()
    local ending = caller:ended()
    assert.equal("COMPLETED", ending.facts.provider.reason)
    assert.equal("CUSTOMER_HANGUP", ending.reason)
  end)

  it("has as many lines as the account, and says so", function()
    local world = open(1)
    local first = world:call { template = "wait" }
    local second = world:ring { template = "wait", number = "+14150000077", may_be_refused = true }
    assert.matches("1 of 1 calls", second.refusal.detail)
    first:hangs_up():ended()
    world:call({ template = "wait", number = "+14150000078" }):hangs_up()
  end)
end

local function specs_of(name, format, otherwise)
  local without = otherwise and otherwise.without or WITHOUT[name] or {}
  local adapter = require("providers.carriers." .. name)

  local function open(lines)
    local env = { [name:upper() .. "_MAX_CONCURRENT"] = tostring(lines or 10) }
    if adapter.account.audio then env[adapter.account.audio] = format end
    for variable, value in pairs(otherwise and otherwise.env or {}) do env[variable] = value end
    return exchange.open {
      carrier = name, env = env,
      sources = { ["templates.order"] = ORDER, ["templates.talk"] = TALK, ["templates.wait"] = WAIT },
    }
  end

  it("answers an inbound call and speaks with it", function()
    local caller = open():call { template = "order", inbound = true }
    caller:hears("bring your order tomorrow?"):listens():says "yes"
    caller:hears("your order."):listens():presses "4711"
    caller:hears "and goodbye."
    assert.equal("UNDERSTOOD", caller:ended().outcome)
    assert_heard_is_right(caller)
  end)

  it("stops at once when the caller speaks, and knows what was heard (pitfall 17)", function()
    local caller = open():call { template = "talk", inbound = true }
    caller:interrupts("wait a moment", 2)
    local ending = caller:ended()
    assert.equal("INTERRUPTED", ending.outcome)
    local line = caller:record().transcript[1]
    assert.is_true(line.interrupted)
    assert.is_true(#line.heard > 0 and #line.heard < #line.text)
    assert_heard_is_right(caller)
  end)

  it("ends the flow when the caller hangs up", function()
    local caller = open():call { template = "talk", inbound = true }
    caller:hears("on Tuesday"):hangs_up()
    local ending = caller:ended()
    assert.equal("CUSTOMER_HANGUP", ending.reason)
    assert_heard_is_right(caller)
  end)

  if not without.outbound then outbound_specs(open, without) end
end

for _, path in ipairs(files.lua_files "providers/carriers") do
  local name = path:gsub("%.lua$", "")
  for _, format in ipairs(formats.names(require("providers.carriers." .. name).media)) do
    describe(("a call over %s (%s)"):format(name, format), function() specs_of(name, format) end)
  end
  local otherwise, default = OTHERWISE[name], require("providers.carriers." .. name).media.default
  if otherwise then
    describe(("a call over %s's %s"):format(name, otherwise.name), function() specs_of(name, default, otherwise) end)
  end
end
