-- Defects others had, on the real engine, where no other spec shows them. Each has its number in its name; most are elsewhere:
-- grep "pitfall" in spec and tests.

local exchange = require "callisto.spec"
local neighbour = require "spec.support.neighbour"

local ASK = [[local template = require "callisto.template"
return template { name = "ask", on_call = function(call)
  local yes = call:confirm "Shall we come tomorrow?"
  call:finish(yes and "CONFIRMED" or "DECLINED", "Goodbye.")
end }]]

local function requests_with(world, origin, method, part)
  local list = {}
  for _, request in ipairs(world:requests(origin)) do
    if request.method == method and request.url:find(part, 1, true) then list[#list + 1] = request end
  end
  return list
end

describe("pitfall 8: a carrier whose id of the call is not the one it gave when the call was ordered", function()
  for _, carrier in ipairs { "plivo", "vobiz" } do
    it("has its callbacks matched by our own id, and is hung up by its new one (" .. carrier .. ")", function()
      local world = exchange.open { carrier = carrier, sources = { ["templates.ask"] = ASK } }
      local caller = world:ring { template = "ask", subscriber = { answers_after = 3 } }
      local ordered = caller:record().carrier_call_id
      caller:connects()
      local named = caller:record().carrier_call_id
      local is_renamed = carrier == "plivo"
      assert.equal(is_renamed, named ~= ordered)
      caller:hears("tomorrow?"):listens():presses "1"
      caller:hears "Goodbye."
      local ending = caller:ended()
      assert.equal("CONFIRMED", ending.outcome)
      assert.equal("COMPLETED", ending.facts.provider.reason)
      assert.equal(1, #world:ask_app("GET", "/api/calls").calls)
      local callbacks = requests_with(world, "https://app.test", "POST", "/callback/status")
      assert.is_true(#callbacks > 0)
      for _, request in ipairs(callbacks) do assert.matches("call=" .. caller.call, request.query, 1, true) end
      local hung_up = requests_with(world, "https://exchange.test", "DELETE", "/Call/")
      assert.equal(1, #hung_up)
      assert.is_truthy(hung_up[1].path:find(named, 1, true), hung_up[1].path)
    end)
  end

  it("is the same call when only a late status names it", function()
    local world = exchange.open { carrier = "plivo", sources = { ["templates.ask"] = ASK } }
    local caller = world:ring { template = "ask", subscriber = { busy = true } }
    assert.equal("BUSY", caller:ended().facts.provider.reason)
    assert.equal(1, #world:ask_app("GET", "/api/calls").calls)
  end)
end)

describe("pitfall 28: a carrier that takes its time to be asked", function()
  -- Three calls whose orders, look-ups and hang-ups wait; a fourth that speaks meanwhile.
  local function beside_slow_requests(fault)
    local world = neighbour.open { body = "", sources = { ["templates.ask"] = ASK } }
    local beside = neighbour.of(world)
    beside:hears "Line 1 is"
    world:fault("https://exchange.test", fault)
    local answers = {}
    for i = 1, 3 do
      world.lab:fetch({ method = "POST", url = "https://app.test/api/calls/outbound", timeout = 120,
        headers = { ["content-type"] = "application/json", authorization = "Bearer " .. world.api_key },
        body = ('{"agent_name":"ask","to":"+1415000010%d","provider":"twilio"}'):format(i) },
        function(response) answers[i] = response or false end)
    end
    beside:hears "Line 3 is"
    assert.same({}, answers)
    local report, status = world:ask_app("GET", "/api/calls")
    assert.equal(200, status)
    assert.equal(4, #report.calls)
    beside:hears "Line 18 is"
    world:fault("https://exchange.test", nil)
    neighbour.assert_undisturbed(beside)
    world:until_true(120, function() return answers[1] ~= nil and answers[2] ~= nil and answers[3] ~= nil end)
    world:until_true(600, function() return world.lab:left().calls == 0 end, 1)
    assert.equal(0, world.lab:left().calls)
  end

  it("delays nobody else by its latency", function() beside_slow_requests { latency = 4 } end)
  it("delays nobody else by its silence", function() beside_slow_requests { silent = true } end)

  it("delays no flow that fetches from somewhere else", function()
    local world = exchange.open { hosts = { ["https://slow.example"] = function() return { body = "{}", after = 25 } end },
      sources = { ["templates.steady"] = neighbour.STEADY, ["templates.bad"] = [[local template = require "callisto.template"
        return template { name = "bad", on_call = function(call)
          require("callisto.http").fetch { url = "https://slow.example/" }
          call:finish("FETCHED", "At last.")
        end }]] } }
    local beside = neighbour.of(world)
    beside:hears "Line 1 is"
    local caller = world:call { template = "bad", number = "+14150000007" }
    caller:hears "At last."
    assert.equal("FETCHED", caller:ended().outcome)
    neighbour.assert_undisturbed(beside)
  end)
end)
