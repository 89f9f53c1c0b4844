-- What a spec asks for is done or refused: a misspelled option is not a call without it.

local exchange = require "callisto.spec"
local retry = require "callisto.retry"

local AGENT = [[return require "callisto.template" { name = "under_test", on_call = function(call)
  call:finish("DONE", "Bye.")
end }]]

local function message_of(fn, ...)
  local ok, why = pcall(fn, ...)
  assert.is_false(ok)
  return why
end

describe("an option of a spec that nothing knows", function()
  for _, case in ipairs {
    { "of a world", function() exchange.open { paylaod = {} } end, "unknown field 'paylaod'; did you mean 'payload'?" },
    { "of a call", function() exchange.call { source = AGENT, inbuond = true } end, "did you mean 'inbound'?" },
    { "of a call in a world", function() exchange.open({ source = AGENT }):ring { source = AGENT, numbr = "+1" } end,
      "did you mean 'number'?" },
    { "of a double", function() exchange.open { hosts = { ["https://a.test"] = { requst = print } } } end,
      "did you mean 'request'?" },
    { "of a fault", function() exchange.open({}):fault("https://a.test", { latncy = 1 }) end, "did you mean 'latency'?" },
    { "of a request", function() exchange.open({}):fetch { url = "https://app.test/", bdy = "x" } end, "did you mean 'body'?" },
    { "of the wrong type", function() exchange.call { source = AGENT, inbound = "yes" } end,
      "'inbound' must be boolean, not string" },
  } do
    it(case[1] .. " is an error that says what was meant", function()
      assert.is_truthy(message_of(case[2]):find(case[3], 1, true), message_of(case[2]))
    end)
  end
end)

it("a template's text for a call in a world that is open already is refused, not ignored", function()
  local world = exchange.open { sources = { ["templates.other"] = AGENT:gsub("under_test", "other") } }
  assert.matches("'source' belongs to exchange.open", message_of(world.ring, world, { source = AGENT }))
end)

it("the facts of an ending are those that retries are decided by", function()
  local caller = exchange.ring { source = AGENT, subscriber = { busy = true }, payload = {} }
  local ending = caller:ended()
  assert.equal("busy", retry.way(ending.facts, ending.outcome))
end)

it("a double sees the target of a request as it was sent", function()
  local seen
  local caller = exchange.call {
    source = [[local http = require "callisto.http"
return require "callisto.template" { name = "under_test", on_call = function(call)
  http.fetch { url = "https://shop.test/orders/a%2Fb%20c?q=x%2By" }
  call:finish("DONE", "Bye.")
end }]],
    hosts = { ["https://shop.test"] = function(request)
      seen = request.path .. " " .. request.query
      return { status = 200, body = "{}" }
    end },
  }
  assert.equal("DONE", caller:ended().outcome)
  assert.equal("/orders/a%2Fb%20c q=x%2By", seen)
end)
